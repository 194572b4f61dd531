package discord_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"procurabot/adapters/discord"
	"procurabot/adapters/discord/fakediscord"
	"procurabot/bot"
)

// signedScene is a scene whose interactions come by HTTP, and its handler.
func signedScene(t *testing.T) (*scene, http.Handler) {
	t.Helper()
	s := newSceneOn(t, fakediscord.NewSignedStage)
	s.run()
	return s, s.adapter.(interface{ Handler() http.Handler }).Handler()
}

// pressed is an interaction as Discord sends it.
func pressed(id int) []byte {
	return fmt.Appendf(nil, `{"id":"%d","application_id":"1","type":3,"token":"t%d","channel_id":"3","locale":"fr","user":{"id":"7","username":"luc"},"data":{"custom_id":"test.one|v"}}`, id, id)
}

func post(h http.Handler, r fakediscord.Signed) int {
	request := httptest.NewRequest(http.MethodPost, "/discord", bytes.NewReader(r.Body))
	if r.Timestamp != "" {
		request.Header.Set("X-Signature-Timestamp", r.Timestamp)
	}
	if r.Signature != "" {
		request.Header.Set("X-Signature-Ed25519", r.Signature)
	}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, request)
	return answer.Code
}

// mutate changes a signed request in one of many ways.
func mutate(rnd *rand.Rand, s *fakediscord.Server, r fakediscord.Signed) (fakediscord.Signed, string) {
	flip := func(in []byte) []byte {
		out := bytes.Clone(in)
		out[rnd.IntN(len(out))] ^= 1 << rnd.IntN(8)
		return out
	}
	other := func(seed string) string {
		key := ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%-32s", seed))[:32])
		return hex.EncodeToString(ed25519.Sign(key, append([]byte(r.Timestamp), r.Body...)))
	}
	mac, _ := hex.DecodeString(r.Signature)
	at, _ := strconv.ParseInt(r.Timestamp, 10, 64)
	kind := rnd.IntN(15)
	switch kind {
	case 0:
		r.Body = flip(r.Body)
	case 1:
		r.Body = r.Body[:rnd.IntN(len(r.Body))]
	case 2:
		r.Body = append(bytes.Clone(r.Body), " \n\x00}"[rnd.IntN(4)])
	case 3: // the same JSON, written otherwise
		r.Body = bytes.Replace(r.Body, []byte(`,"type"`), []byte(strings.Repeat(" ", 1+rnd.IntN(9))+`,"type"`), 1)
	case 4:
		r.Signature = hex.EncodeToString(flip(mac))
	case 5:
		r.Signature = r.Signature[:rnd.IntN(len(r.Signature))]
	case 6:
		r.Signature += r.Signature[:2+2*rnd.IntN(8)]
	case 7: // the same bytes, written otherwise
		r.Signature = strings.ToUpper(r.Signature)
	case 8:
		r.Signature = ""
	case 9:
		r.Timestamp = ""
	case 10:
		r.Timestamp = strconv.FormatInt(at+1+rnd.Int64N(200), 10)
	case 11:
		r.Timestamp = []string{"+", "0", "-", " ", "1e", "\u0661"}[rnd.IntN(6)] + r.Timestamp
	case 12: // signed, but not now
		shift := time.Duration(301+rnd.IntN(1e6)) * time.Second
		if rnd.IntN(2) == 0 {
			shift = -shift
		}
		r = s.SignedAt(r.Body, time.Unix(at, 0).Add(shift))
	case 13: // the place where the time ends is moved
		n := 1 + rnd.IntN(len(r.Timestamp)-1)
		r.Timestamp, r.Body = r.Timestamp[:n], append([]byte(r.Timestamp[n:]), r.Body...)
	case 14:
		r.Signature = other(strconv.Itoa(rnd.Int()))
	}
	return r, strconv.Itoa(kind)
}

func TestNoMutatedRequestIsAccepted(t *testing.T) {
	s, h := signedScene(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	requests, kinds := len(s.Requests()), map[string]int{}
	const mutants = 3000
	for n := range mutants {
		real := s.Signed(pressed(n))
		r, kind := mutate(rnd, s.Server, real)
		kinds[kind]++
		if code := post(h, r); code != http.StatusUnauthorized {
			t.Errorf("kind %s: status %d for %q %q %q", kind, code, r.Timestamp, r.Signature, r.Body)
		}
	}
	if len(kinds) != 15 {
		t.Errorf("only the kinds %v were tried", kinds)
	}
	if n := len(s.engine.heard); n != 0 || len(s.Requests()) != requests {
		t.Errorf("the engine heard %d of %d mutants, and %d requests went out", n, mutants, len(s.Requests())-requests)
	}
	// What they were made of is accepted, once each: they were not remembered.
	for n := range 20 {
		real := s.Signed(pressed(n))
		if first, second := post(h, real), post(h, real); first != http.StatusAccepted || second != http.StatusUnauthorized {
			t.Errorf("the request itself: status %d, and again %d", first, second)
		}
		s.hears()
	}
	if n := len(s.engine.heard); n != 0 {
		t.Errorf("%d replays were heard", n)
	}
}

func FuzzUnsignedRequests(f *testing.F) {
	f.Add("1764000000", strings.Repeat("0", 128), pressed(1))
	f.Add("", "", []byte(`{"type":1}`))
	f.Add("-1", "zz", []byte{})
	a, err := discord.New(discord.Options{BotToken: "x", PublicKey: strings.Repeat("a1", 32), Now: func() time.Time { return time.Unix(1764000000, 0) }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, stamp, signature string, body []byte) {
		if code := post(a.Handler(), fakediscord.Signed{Timestamp: stamp, Signature: signature, Body: body}); code != http.StatusUnauthorized && len(body) <= 1<<20 {
			t.Errorf("status %d", code)
		}
	})
}

func TestReplaysAreRefusedForAsLongAsTheyAreFresh(t *testing.T) {
	s, h := signedScene(t)
	at := func(d time.Duration) { s.clock.Set(start().Add(d)) }
	// It comes as early as it may: five minutes before its time by our clock.
	early := s.SignedAt(pressed(1), start().Add(5*time.Minute))
	if code := post(h, early); code != http.StatusAccepted {
		t.Fatalf("five minutes early: status %d", code)
	}
	s.hears()
	for d := time.Duration(0); d <= 40*time.Minute; d += 15 * time.Second {
		at(d)
		if code := post(h, early); code != http.StatusUnauthorized {
			t.Fatalf("again after %s: status %d", d, code)
		}
		if code := post(h, s.Signed(pressed(int(d)))); code != http.StatusAccepted {
			t.Fatalf("another after %s: status %d", d, code)
		}
		s.hears()
	}
}

func TestWhatIsNoInteraction(t *testing.T) {
	s, h := signedScene(t)
	long := func(n int) []byte { return append(bytes.Repeat([]byte(" "), n-len(pressed(1))), pressed(1)...) }
	for _, test := range []struct {
		name string
		r    fakediscord.Signed
		code int
	}{
		{"signed, and no JSON", s.Signed([]byte("{")), http.StatusBadRequest},
		{"signed, and another kind of JSON", s.Signed([]byte(`{"id":1}`)), http.StatusBadRequest},
		{"signed, of a type to come", s.Signed([]byte(`{"id":"1","type":99,"token":"x"}`)), http.StatusAccepted},
		{"as long as can be", s.Signed(long(1 << 20)), http.StatusAccepted},
		{"too long", s.Signed(long(1<<20 + 1)), http.StatusRequestEntityTooLarge},
		{"too long, and not signed", fakediscord.Signed{Body: long(1<<20 + 1)}, http.StatusUnauthorized},
	} {
		if code := post(h, test.r); code != test.code {
			t.Errorf("%s: status %d, want %d", test.name, code, test.code)
		}
	}
	s.hears() // the one that is as long as can be

	t.Run("too long, without saying so", func(t *testing.T) {
		r := s.Signed(long(1<<20 + 1))
		request := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(bytes.NewReader(r.Body)))
		request.ContentLength = -1
		request.Header.Set("X-Signature-Timestamp", r.Timestamp)
		request.Header.Set("X-Signature-Ed25519", r.Signature)
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, request)
		if answer.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d", answer.Code)
		}
	})
	t.Run("a header twice", func(t *testing.T) {
		for _, name := range []string{"X-Signature-Timestamp", "X-Signature-Ed25519"} {
			request, err := s.Signed(pressed(5)).Request(t.Context(), "/")
			s.must(err)
			request.Header.Add(name, request.Header.Get(name))
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, request)
			if answer.Code != http.StatusUnauthorized {
				t.Errorf("%s: status %d", name, answer.Code)
			}
		}
	})
	t.Run("a GET", func(t *testing.T) {
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
		if answer.Code != http.StatusMethodNotAllowed || answer.Header().Get("Allow") != "POST" {
			t.Errorf("status %d, %v", answer.Code, answer.Header())
		}
	})
	if n := len(s.engine.heard); n != 0 {
		t.Errorf("%d of these were heard", n)
	}
}

// Interactions that arrive twice have one id, by which the engine knows them.
func TestHowInteractionsMayArriveByHTTP(t *testing.T) {
	for _, test := range []struct {
		name   string
		fault  fakediscord.SignedFault
		times  int
		status int // of what is sent beside the real one
	}{
		{"wrong signature", fakediscord.WrongSignature, 1, 401},
		{"old timestamp", fakediscord.OldTimestamp, 1, 401},
		{"replayed", fakediscord.Replayed, 1, 401},
		{"signed again", fakediscord.SignedAgain, 2, 202},
		{"hung up", fakediscord.HungUp, 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := signedScene(t)
			s.FailEndpoint(1, test.fault)
			in := s.commands("/procura ask x")
			s.must(s.Await(s.ctx, func() bool {
				for _, r := range s.SignedRequests() {
					if r.What == test.name {
						if r.Status != test.status {
							t.Errorf("status %d, want %d", r.Status, test.status)
						}
						return true
					}
				}
				return false
			}))
			for range test.times - 1 {
				if again := s.hears(); again.ID != in.ID {
					t.Errorf("heard %s and %s", in.ID, again.ID)
				}
			}
			if n := len(s.engine.heard); n != 0 {
				t.Errorf("%d more were heard", n)
			}
		})
	}
}

func TestDiscordsOwnChecksPass(t *testing.T) {
	s, _ := signedScene(t)
	for range 3 {
		s.must(s.CheckEndpoint(s.ctx))
	}
	if s.EndpointRemoved() {
		t.Error("the endpoint was removed")
	}
}

func TestTheGatewayKeepsItsInteractionsAndMessages(t *testing.T) {
	s, _ := signedScene(t)
	s.must(s.Say(s.ctx, "luc", "lobby", "@bot hello"))
	s.hears()
	// An endpoint that was taken away again in the portal.
	s.must(s.SetEndpoint(s.ctx, "", nil))
	s.commands("/procura ask x")
}

func TestNothingIsAcceptedWhileNothingRuns(t *testing.T) {
	s := newScene(t)
	a, err := discord.New(discord.Options{BotToken: s.Token(), PublicKey: s.PublicKey(), APIURL: s.URL(), HTTPClient: s.HTTPClient(), Dialer: s.Dialer(), Now: s.clock.Now})
	s.must(err)
	s.must(s.SetEndpoint(s.ctx, "http://program.invalid/", s.Reach(a.Handler()))) // a PING needs nothing but the key
	if code := post(a.Handler(), s.Signed(pressed(1))); code != http.StatusServiceUnavailable {
		t.Errorf("before the run: status %d", code)
	}
	ctx, stop := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, s.engine) }()
	s.must(s.WaitConnected(ctx))
	if code := post(a.Handler(), s.Signed(pressed(2))); code != http.StatusAccepted {
		t.Errorf("during the run: status %d", code)
	}
	s.hears()
	stop()
	s.must(<-ended)
	if code := post(a.Handler(), s.Signed(pressed(3))); code != http.StatusServiceUnavailable {
		t.Errorf("after the run: status %d", code)
	}
}

// A program with all its turns under way says so while the person still waits.
func TestABusyProgramSaysSo(t *testing.T) {
	s, h := signedScene(t)
	held, begun := make(chan struct{}), make(chan struct{}, 100)
	s.engine.will(false, func(bot.Incoming) (bot.Immediate, error) {
		begun <- struct{}{}
		<-held
		return bot.Immediate{}, nil
	})
	const atOnce = 64
	for n := range atOnce {
		if code := post(h, s.Signed(pressed(n))); code != http.StatusAccepted {
			t.Fatalf("request %d: status %d", n, code)
		}
	}
	for range atOnce {
		<-begun
	}
	began := time.Now()
	if code := post(h, s.Signed(pressed(atOnce))); code != http.StatusServiceUnavailable {
		t.Errorf("status %d", code)
	}
	if waited := time.Since(began); waited > 3*time.Second {
		t.Errorf("answered after %s, when nobody waits any more", waited)
	}
	close(held)
}

func TestAFormWithLabelsIsRead(t *testing.T) {
	s, h := signedScene(t)
	form := []byte(`{"id":"1","application_id":"1","type":5,"token":"t","user":{"id":"7","username":"luc"},"data":{"custom_id":"draft","components":[
		{"type":18,"component":{"type":4,"custom_id":"text","value":"Bonjour"}},
		{"type":1,"components":[{"type":4,"custom_id":"source","value":""}]},
		{"type":18,"component":{"type":99,"custom_id":"new","values":["x"]}}]}}`)
	if code := post(h, s.Signed(form)); code != http.StatusAccepted {
		t.Fatalf("status %d", code)
	}
	in, _ := s.hears().What.(bot.Submitted)
	if source, ok := in.Values["source"]; in.Draft != "draft" || in.Values["text"] != "Bonjour" || !ok || source != "" || len(in.Values) != 2 {
		t.Errorf("heard %+v", in)
	}
}

func TestWhatIsRefusedIsCounted(t *testing.T) {
	s := newScene(t)
	a := s.patient(discord.Options{PublicKey: s.PublicKey(), Now: s.clock.Now})
	h := a.Handler()
	good := s.Signed(pressed(1))
	forged := good
	forged.Body = pressed(2)
	for _, r := range []fakediscord.Signed{
		{Body: pressed(1)}, forged, // nobody signed these
		good, // nothing runs
		good, // again
		s.Signed(make([]byte, 1<<20+1)),
		s.Signed([]byte(`{"type":"three"}`)),
	} {
		post(h, r)
	}
	want := map[string]int64{"forged": 2, "overflow": 1, "replayed": 1, "too_large": 1, "unreadable": 1, "reconnected": 0}
	if got := a.Counts(); !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}
