package slack_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"procurabot/adapters/slack"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
)

// posted is a request as it stands on the wire.
type posted struct {
	path   string
	body   []byte
	header http.Header
}

func (p posted) clone() posted {
	return posted{p.path, bytes.Clone(p.body), p.header.Clone()}
}

// to hands the request to the adapter as a server does.
func (p posted) to(a *slack.Adapter) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, p.path, bytes.NewReader(p.body))
	r.Header = p.header
	answer := httptest.NewRecorder()
	a.Handler().ServeHTTP(answer, r)
	return answer
}

// says is a direct message of luc's, as Slack would post it.
func (w *world) says(text string) []byte {
	user := string(w.Account("luc").User)
	return fmt.Appendf(nil, `{"type":"event_callback","team_id":%q,"event_id":"Ev1","event":{"type":"message","channel_type":"im",`+
		`"channel":%q,"user":%q,"text":%q,"ts":"1700000000.000100","event_ts":"1700000000.000100"}}`, w.TeamID(), w.DM(user), user, text)
}

// requests are one good request of each kind, signed at a time with a secret.
func (w *world) requests(at time.Time) []posted {
	user, lobby := string(w.Account("luc").User), string(w.Spot("lobby").Conversation)
	command := url.Values{
		"command": {"/procura"}, "text": {"ask why?"}, "user_id": {user}, "channel_id": {lobby}, "team_id": {w.TeamID()}, "trigger_id": {"1.2.command"},
		"response_url": {"https://slack.invalid/commands/none"}, "is_enterprise_install": {"false"},
	}
	press := url.Values{"payload": {fmt.Sprintf(`{"type":"block_actions","trigger_id":"1.2.press","user":{"id":%q},"container":{"channel_id":%q},`+
		`"response_url":"https://slack.invalid/commands/none","actions":[{"type":"button","block_id":"b","action_id":"0:test.one","value":"v"}]}`, user, lobby)}}
	all := []posted{
		{path: slack.EventsPath, body: w.says("hello")},
		{path: slack.CommandsPath, body: []byte(command.Encode())},
		{path: slack.InteractivePath, body: []byte(press.Encode())},
	}
	for i := range all {
		all[i].header = w.SignAt(all[i].body, at)
	}
	return all
}

const (
	stampHeader     = "X-Slack-Request-Timestamp"
	signatureHeader = "X-Slack-Signature"
)

// mutations are requests that Slack did not send, made of one that it did.
func (w *world) mutations(good posted, now time.Time) map[string]posted {
	all := map[string]posted{}
	change := func(name string, f func(p *posted)) {
		p := good.clone()
		f(&p)
		all[name] = p
	}
	for i := range good.body {
		change(fmt.Sprint("body bit ", i), func(p *posted) { p.body[i] ^= 1 << (i % 8) })
	}
	for i := 0; i < len(good.body); i += 3 {
		change(fmt.Sprint("body cut to ", i), func(p *posted) { p.body = p.body[:i] })
	}
	for _, more := range []string{" ", "\n", "\x00", "&text=other", "{}"} {
		change("body and "+more, func(p *posted) { p.body = append(p.body, more...) })
		change(more+" and body", func(p *posted) { p.body = append([]byte(more), p.body...) })
	}
	signature, stamp := good.header.Get(signatureHeader), good.header.Get(stampHeader)
	for i := range len(signature) {
		for _, c := range []byte("0fvx= ") {
			if c != signature[i] {
				change(fmt.Sprint("signature ", i, " is ", string(c)), func(p *posted) {
					p.header.Set(signatureHeader, signature[:i]+string(c)+signature[i+1:])
				})
			}
		}
		change(fmt.Sprint("signature cut to ", i), func(p *posted) { p.header.Set(signatureHeader, signature[:i]) })
	}
	digits := strings.TrimPrefix(signature, "v0=")
	for _, other := range []string{"", "v0=", digits, "v1=" + digits, "V0=" + digits, "v0=" + strings.ToUpper(digits), "v0==" + digits, signature + "0", signature + "," + signature} {
		change("signature "+other, func(p *posted) { p.header.Set(signatureHeader, other) })
	}
	for d := -70; d <= 70; d++ {
		if d != 0 {
			change(fmt.Sprint("timestamp moved by ", d), func(p *posted) {
				n, _ := strconv.Atoi(stamp)
				p.header.Set(stampHeader, strconv.Itoa(n+d))
			})
		}
	}
	for _, other := range []string{"", " " + stamp, "+" + stamp, "0" + stamp, stamp + ".0", stamp + "0", "-" + stamp, "now", "99999999999999999999"} {
		change("timestamp "+other, func(p *posted) { p.header.Set(stampHeader, other) })
	}
	for _, header := range []string{stampHeader, signatureHeader} {
		change("without "+header, func(p *posted) { p.header.Del(header) })
		change(header+" called otherwise", func(p *posted) {
			p.header.Set(strings.TrimPrefix(header, "X-"), p.header.Get(header))
			p.header.Set(strings.ReplaceAll(header, "-", "_"), p.header.Get(header))
			p.header.Del(header)
		})
	}
	// Slack's own signature, at a time that is not now.
	for _, age := range []time.Duration{301, 302, 400, 3600, 86400, -31, -32, -60, -3600} {
		change(fmt.Sprint("signed ", int(age), " s ago"), func(p *posted) { p.header = w.SignAt(p.body, now.Add(-age*time.Second)) })
	}
	for i := range 40 {
		other := fakeslack.SignWith([]byte(fmt.Sprintf("%032x", i)), good.body, now)
		change(fmt.Sprint("secret ", i), func(p *posted) { p.header = other })
	}
	change("no secret", func(p *posted) { p.header = fakeslack.SignWith(nil, p.body, now) })
	change("another body's signature", func(p *posted) { p.header = w.SignAt([]byte("another body"), now) })
	return all
}

// What Slack did not send, as it is, is refused and nothing is stored.
func TestForgedRequests(t *testing.T) {
	now := time.Now()
	w := newWorld(t, fakeslack.Options{SignedHTTP: true, Now: func() time.Time { return now }})
	tried := 0
	for _, good := range w.requests(now) {
		all := w.mutations(good, now)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			tried++
			if got := all[name].to(w.adapter); got.Code != http.StatusUnauthorized || got.Body.Len() > 0 {
				t.Errorf("%s, %s: answered %d %q", good.path, name, got.Code, got.Body)
			}
		}
	}
	if heard, asked := w.engine.all(), len(w.Requests())-len(w.Calls("auth.test")); len(heard) > 0 || asked > 0 {
		t.Errorf("heard %+v, and asked Slack %d times", heard, asked)
	}
	if n := w.adapter.Counts()["forged"]; n != int64(tried) || tried < 1000 {
		t.Errorf("%d forged requests were counted of %d", n, tried)
	}
	for _, good := range w.requests(now) {
		if got := good.to(w.adapter); got.Code != http.StatusOK {
			t.Errorf("%s: as Slack sent it, it was answered %d", good.path, got.Code)
		}
	}
	if n := len(w.engine.all()); n != 3 {
		t.Errorf("heard %d of what Slack sent", n)
	}
	t.Logf("%d forged requests", tried)
}

// Whatever is changed of a good request, in whatever number of places.
func TestForgedRequestsOfAllForms(t *testing.T) {
	now := time.Now()
	w := newWorld(t, fakeslack.Options{SignedHTTP: true, Now: func() time.Time { return now }})
	good := w.requests(now)
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(good).Draw(t, "request").clone()
		was := p.clone()
		switch rapid.IntRange(0, 3).Draw(t, "what") {
		case 0:
			p.body = rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		case 1:
			p.header.Set(signatureHeader, "v0="+hex.EncodeToString(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "signature")))
		case 2:
			p.header.Set(stampHeader, rapid.StringMatching(`[-+]?[0-9]{0,20}`).Draw(t, "timestamp"))
		case 3:
			at := rapid.IntRange(0, len(p.body)).Draw(t, "at")
			p.body = slices.Insert(p.body, at, rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "more")...)
		}
		if bytes.Equal(p.body, was.body) && maps.EqualFunc(p.header, was.header, slices.Equal) {
			t.Skip("nothing was changed")
		}
		if got := p.to(w.adapter); got.Code != http.StatusUnauthorized {
			t.Fatalf("answered %d", got.Code)
		}
	})
	if heard := w.engine.all(); len(heard) > 0 {
		t.Errorf("heard %+v", heard)
	}
}

func TestAReplayIsRefused(t *testing.T) {
	now := time.Now()
	w := newWorld(t, fakeslack.Options{SignedHTTP: true, Now: func() time.Time { return now }})
	for _, p := range w.requests(now) {
		if got := p.to(w.adapter); got.Code != http.StatusOK {
			t.Fatalf("%s: answered %d", p.path, got.Code)
		}
		// The header is not signed: whoever has the request can add it.
		asRetry := p.clone()
		asRetry.header.Set("X-Slack-Retry-Num", "1")
		elsewhere := p.clone()
		elsewhere.path = slack.InteractivePath
		for _, again := range []posted{p, asRetry, elsewhere} {
			if got := again.to(w.adapter); got.Code != http.StatusUnauthorized {
				t.Errorf("%s: again, answered %d", again.path, got.Code)
			}
		}
	}
	if n, c := len(w.engine.all()), w.adapter.Counts(); n != 3 || c["replayed"] != 9 {
		t.Errorf("heard %d, counted %+v", n, c)
	}
}

// The memory of requests lasts as long as their timestamps are good.
func TestAReplayIsRefusedAtAnyTime(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, fakeslack.Options{SignedHTTP: true})
			time.Sleep(time.Duration(rapid.IntRange(0, 900).Draw(rt, "before")) * time.Second)
			signed := time.Now().Add(time.Duration(rapid.IntRange(-300, 30).Draw(rt, "signed")) * time.Second)
			p := w.requests(signed)[0]
			if got := p.to(w.adapter); got.Code != http.StatusOK {
				rt.Fatalf("answered %d", got.Code)
			}
			for range rapid.IntRange(1, 8).Draw(rt, "times") {
				time.Sleep(time.Duration(rapid.IntRange(0, 120).Draw(rt, "then")) * time.Second)
				// What else comes turns the memory over.
				other := posted{path: slack.OptionsPath, body: []byte("{}")}
				other.header = w.SignAt(other.body, time.Now())
				other.to(w.adapter)
				if got := p.to(w.adapter); got.Code != http.StatusUnauthorized {
					rt.Fatalf("%v after it was signed: answered %d", time.Since(signed), got.Code)
				}
			}
		})
	})
}

// What was not stored is welcome again, byte for byte.
func TestARequestThatWasNotStoredMayComeAgain(t *testing.T) {
	w := newWorld(t, fakeslack.Options{SignedHTTP: true})
	p := w.requests(time.Now())[0]
	w.engine.answers(func() (bot.Immediate, error) { return bot.Immediate{}, errFull })
	if got := p.to(w.adapter); got.Code != http.StatusServiceUnavailable {
		t.Errorf("answered %d", got.Code)
	}
	w.engine.answers(func() (bot.Immediate, error) { return bot.Immediate{}, nil })
	if got := p.to(w.adapter); got.Code != http.StatusOK {
		t.Errorf("again, answered %d", got.Code)
	}
}

// While one is handled its twin is refused, whether or not it will be stored.
func TestARequestIsHandledOnce(t *testing.T) {
	w := newWorld(t, fakeslack.Options{SignedHTTP: true})
	begun, release := make(chan struct{}), make(chan struct{})
	w.engine.answers(func() (bot.Immediate, error) {
		close(begun)
		<-release
		return bot.Immediate{}, nil
	})
	p := w.requests(time.Now())[0]
	first := make(chan int, 1)
	go func() { first <- p.to(w.adapter).Code }()
	<-begun
	if got := p.to(w.adapter); got.Code != http.StatusUnauthorized {
		t.Errorf("the twin was answered %d", got.Code)
	}
	close(release)
	if code := <-first; code != http.StatusOK {
		t.Errorf("answered %d", code)
	}
}

// endless is a body that must not be read to its end.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	e.read += len(b)
	return len(b), nil
}

func TestALargeRequestIsNotRead(t *testing.T) {
	w := newWorld(t, fakeslack.Options{SignedHTTP: true})
	for _, path := range []string{slack.EventsPath, slack.CommandsPath, slack.InteractivePath, slack.OptionsPath} {
		body := &endless{}
		r := httptest.NewRequest(http.MethodPost, path, body)
		got := httptest.NewRecorder()
		w.adapter.Handler().ServeHTTP(got, r)
		if got.Code != http.StatusRequestEntityTooLarge || body.read > 2<<20 {
			t.Errorf("%s: answered %d after %d bytes", path, got.Code, body.read)
		}
	}
	// The largest that is taken.
	p := posted{path: slack.EventsPath, body: append(w.says("hello"), bytes.Repeat([]byte(" "), 1<<20)...)[:1<<20]}
	p.header = w.SignAt(p.body, time.Now())
	if got := p.to(w.adapter); got.Code != http.StatusOK {
		t.Errorf("1 MiB: answered %d", got.Code)
	}
	if c := w.adapter.Counts(); c["too_large"] != 4 || len(w.engine.all()) != 1 {
		t.Errorf("counted %+v, heard %+v", c, w.engine.all())
	}
}

func TestTheAddressIsVerified(t *testing.T) {
	w := newWorld(t, fakeslack.Options{SignedHTTP: true})
	w.must(w.VerifyURL(t.Context()))
	for _, other := range []string{http.MethodGet, http.MethodPut} {
		got := httptest.NewRecorder()
		w.adapter.Handler().ServeHTTP(got, httptest.NewRequest(other, slack.EventsPath, nil))
		if got.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: answered %d", other, got.Code)
		}
	}
	if heard := w.engine.all(); len(heard) > 0 {
		t.Errorf("heard %+v", heard)
	}
}

// Header names have no case, and proxies change it.
func TestHeadersInLowerCaseAreTheSame(t *testing.T) {
	w := newWorld(t, fakeslack.Options{SignedHTTP: true})
	p := w.requests(time.Now())[0]
	var request bytes.Buffer
	fmt.Fprintf(&request, "POST %s HTTP/1.1\r\nhost: bot\r\nx-slack-signature: %s\r\nX-SLACK-REQUEST-TIMESTAMP: %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s",
		p.path, p.header.Get(signatureHeader), p.header.Get(stampHeader), len(p.body), p.body)
	server := httptest.NewServer(w.adapter.Handler())
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	w.must(err)
	defer conn.Close()
	_, err = conn.Write(request.Bytes())
	w.must(err)
	answer, err := io.ReadAll(conn)
	w.must(err)
	if !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") || len(w.engine.all()) != 1 {
		t.Errorf("answered %q", answer)
	}
}

// What cannot be read is acknowledged and counted, and its content is not logged.
func TestAnUnreadableRequestIsPutAside(t *testing.T) {
	w := newWorld(t, fakeslack.Options{SignedHTTP: true})
	const secret = "squeamish ossifrage"
	for i, p := range []posted{
		{path: slack.EventsPath, body: []byte("not JSON: " + secret)},
		{path: slack.EventsPath, body: []byte(`{"type":"invented_tomorrow","event":{"type":"message","text":"` + secret + `"}}`)},
		{path: slack.EventsPath, body: []byte(`{"type":"event_callback","text":"` + secret + `"}`)},
		{path: slack.EventsPath, body: []byte(`{"type":"event_callback","event":{"type":"message","channel":7,"text":"` + secret + `"}}`)},
		{path: slack.InteractivePath, body: []byte("payload=" + url.QueryEscape(`{"type":"`+secret))},
		{path: slack.InteractivePath, body: []byte("%zz" + secret)},
		{path: slack.CommandsPath, body: []byte("text=%zz" + secret)},
	} {
		p.header = w.SignAt(p.body, time.Now())
		if got := p.to(w.adapter); got.Code != http.StatusOK || got.Body.Len() > 0 {
			t.Errorf("%d: answered %d %q", i, got.Code, got.Body)
		}
		if n := w.adapter.Counts()["unreadable"]; n != int64(i+1) {
			t.Errorf("%d: %d were counted", i, n)
		}
	}
	if strings.Contains(w.log.String(), "ossifrage") {
		t.Errorf("the log holds what was written:\n%s", w.log)
	}
	if heard := w.engine.all(); len(heard) > 0 {
		t.Errorf("heard %+v", heard)
	}
}

// Slack tries an event again at once, after a minute and after five, and says why.
func TestSlacksRetries(t *testing.T) {
	for name, test := range map[string]struct {
		fault   fakeslack.Fault
		failing int // times that the engine stores nothing
		reasons []string
		heard   int
	}{
		"nothing stored":            {failing: 2, reasons: []string{"", "http_error", "http_error"}, heard: 3},
		"the request is lost":       {fault: fakeslack.Fault{Kind: fakeslack.ResetBefore, Times: 3}, reasons: []string{"", "connection_failed", "connection_failed", "connection_failed"}, heard: 1},
		"the answer is lost":        {fault: fakeslack.Fault{Kind: fakeslack.ResetAfter}, reasons: []string{"", "connection_failed"}, heard: 2},
		"the answer is late":        {fault: fakeslack.Fault{Kind: fakeslack.SlowAnswer, Wait: time.Minute}, reasons: []string{"", "http_timeout"}, heard: 2},
		"a proxy answers":           {fault: fakeslack.Fault{Kind: fakeslack.Status, Status: 502, Times: 2}, reasons: []string{"", "http_error", "http_error"}, heard: 1},
		"Slack gives up in the end": {failing: 9, reasons: []string{"", "http_error", "http_error", "http_error"}, heard: 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, fakeslack.Options{SignedHTTP: true, AckTimeout: 3 * time.Second})
				w.Retries(w.adapter)
				w.engine.answers(func() (bot.Immediate, error) {
					if len(w.engine.all()) <= test.failing {
						return bot.Immediate{}, errFull
					}
					return bot.Immediate{}, nil
				})
				test.fault.Method = fakeslack.Deliveries
				w.Server.Fault(test.fault)
				began := time.Now()
				user := string(w.Account("luc").User)
				_, err := w.Server.Say(t.Context(), user, w.DM(user), "hello", "")
				if err == nil {
					t.Error("the first attempt did not fail")
				}
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				attempts := w.Attempts()
				var reasons []string
				for i, at := range attempts {
					reasons = append(reasons, at.Reason)
					due := []time.Duration{0, 0, time.Minute, 6 * time.Minute}[i]
					if late := at.At.Sub(began) - due; at.Num != i || late < 0 || late > 10*time.Second {
						t.Errorf("attempt %d has the number %d and came %v late", i, at.Num, late)
					}
				}
				if !slices.Equal(reasons, test.reasons) {
					t.Errorf("attempts %q, want %q", reasons, test.reasons)
				}
				heard := w.engine.all()
				if len(heard) != test.heard {
					t.Fatalf("heard %d times, want %d", len(heard), test.heard)
				}
				for _, in := range heard {
					if in.ID != heard[0].ID {
						t.Errorf("one message has the ids %s and %s", in.ID, heard[0].ID)
					}
				}
			})
		})
	}
}

// The first retry may fall into the second of the attempt before it, and be the
// same byte for byte. It is refused like any replay; the second retry is not.
func TestARetryOfTheSameSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fakeslack.Options{SignedHTTP: true})
		w.Retries(w.adapter)
		w.Deliver(fakeslack.Delivery{SameSecond: true})
		w.Server.Fault(fakeslack.Fault{Method: fakeslack.Deliveries, Kind: fakeslack.ResetAfter})
		user := string(w.Account("luc").User)
		_, _ = w.Server.Say(t.Context(), user, w.DM(user), "hello", "")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		var answers []int
		for _, at := range w.Attempts() {
			answers = append(answers, at.Status)
		}
		if !slices.Equal(answers, []int{0, http.StatusUnauthorized, http.StatusOK}) {
			t.Errorf("answered %v", answers)
		}
	})
}

// Before Run and after it nothing is taken, so that Slack tries again.
func TestRequestsOutsideOfRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fakeslack.Options{SignedHTTP: true})
		a := w.connect(slack.Options{})
		e := &engine{}
		p := w.requests(time.Now())[0]
		if got := p.to(a); got.Code != http.StatusServiceUnavailable {
			t.Errorf("before Run: answered %d", got.Code)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		waiting := make(chan int, 1)
		go func() { waiting <- p.to(a).Code }()
		synctest.Wait()
		go func() { ended <- a.Run(ctx, e) }()
		if code := <-waiting; code != http.StatusOK {
			t.Errorf("while Run began: answered %d", code)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if got := w.requests(time.Now().Add(time.Second))[0].to(a); got.Code != http.StatusServiceUnavailable {
			t.Errorf("after Run: answered %d", got.Code)
		}
		if n := len(e.all()); n != 1 {
			t.Errorf("heard %d", n)
		}
	})
}

// With both ways set, Slack delivers by HTTP, and a socket would only be in the way.
func TestWithASigningSecretNoSocketIsOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fakeslack.Options{SignedHTTP: true})
		a := w.connect(slack.Options{AppToken: w.AppToken()})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx, w.engine) }()
		w.must(w.Say(t.Context(), "luc", "", "hello"))
		synctest.Wait()
		if n := w.Opened(); n != 0 {
			t.Errorf("%d sockets were opened", n)
		}
		if !strings.Contains(w.log.String(), "no socket is opened") {
			t.Error("it is not said that there is no socket")
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A flood is refused for Slack to deliver again, and what was taken is done.
func TestTooMuchAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fakeslack.Options{SignedHTTP: true})
		release := make(chan struct{})
		w.engine.answers(func() (bot.Immediate, error) { <-release; return bot.Immediate{}, nil })
		const flood = 400
		codes := make(chan int, flood)
		for i := range flood {
			p := posted{path: slack.EventsPath, body: bytes.Replace(w.says("hello"), []byte("000100"), fmt.Appendf(nil, "%06d", i), 2)}
			p.header = w.SignAt(p.body, time.Now())
			go func() { codes <- p.to(w.adapter).Code }()
		}
		synctest.Wait()
		close(release)
		answered := map[int]int{}
		for range flood {
			answered[<-codes]++
		}
		over := int(w.adapter.Counts()["overflow"])
		if over == 0 || answered[http.StatusServiceUnavailable] != over || answered[http.StatusOK] != flood-over || len(w.engine.all()) != flood-over {
			t.Errorf("answered %v, counted %d, heard %d", answered, over, len(w.engine.all()))
		}
	})
}

func TestAnAdapterNeedsAWayIn(t *testing.T) {
	for name, o := range map[string]slack.Options{
		"neither":          {BotToken: "xoxb-1"},
		"no bot token":     {SigningSecret: "s"},
		"a wrong token":    {BotToken: "xoxb-1", AppToken: "xoxb-2"},
		"too many sockets": {BotToken: "xoxb-1", AppToken: "xapp-1", Sockets: 11},
	} {
		if _, err := slack.New(o); err == nil {
			t.Errorf("%s: made", name)
		}
	}
	a, err := slack.New(slack.Options{BotToken: "xoxb-1", AppToken: "xapp-1"})
	if err != nil || a.Handler() != nil {
		t.Errorf("without a signing secret there is a handler, or an error: %v", err)
	}
}

// Whatever Slack signs is acknowledged: nothing that it can send makes it try for ever.
func FuzzSignedRequests(f *testing.F) {
	st, err := fakeslack.NewStage(fakeslack.Options{SignedHTTP: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(st.Close)
	a, err := slack.New(slack.Options{BotToken: st.BotToken(), SigningSecret: st.SigningSecret(), APIURL: st.URL(), HTTPClient: st.HTTPClient()})
	if err != nil {
		f.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, &engine{}) }()
	f.Cleanup(func() { stop(); <-ended })
	f.Add(uint8(0), []byte(`{"type":"event_callback","event":{"type":"message","blocks":[{"type":"x"}]}}`))
	f.Add(uint8(0), []byte(`{"type":"app_rate_limited","team_id":"T1","minute_rate_limited":1518467820}`))
	f.Add(uint8(0), []byte(`null`))
	f.Add(uint8(0), []byte(`{"type":"event_callback","event":null}`))
	f.Add(uint8(1), []byte(`payload={"type":"view_submission","view":{"private_metadata":"{\"draft\":\"d\"}"},"user":{"id":"U1"},"trigger_id":"1"}`))
	f.Add(uint8(1), []byte(`payload={"type":"block_actions","actions":[{"type":"button","action_id":"0:x"}],"user":{"id":"U1"},"trigger_id":"1"}`))
	f.Add(uint8(2), []byte(`command=%2Fprocura&text=ask&user_id=U1&trigger_id=1`))
	f.Add(uint8(3), []byte(`payload={"type":"block_suggestion"}`))
	paths := []string{slack.EventsPath, slack.InteractivePath, slack.CommandsPath, slack.OptionsPath}
	f.Fuzz(func(t *testing.T, path uint8, body []byte) {
		p := posted{path: paths[int(path)%len(paths)], body: body}
		// A second of its own, so that the same body again is no replay.
		p.header = st.SignAt(body, time.Now().Add(-time.Duration(rand.IntN(250))*time.Second))
		if got := p.to(a); got.Code != http.StatusOK && (got.Code != http.StatusUnauthorized || a.Counts()["replayed"] == 0) {
			t.Errorf("answered %d", got.Code)
		}
	})
}
