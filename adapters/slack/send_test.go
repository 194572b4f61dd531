package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	slackgo "github.com/slack-go/slack"

	"procurabot/adapters/slack"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
	"procurabot/internal/markup"
	"procurabot/internal/outbox"
)

var full = bot.Body{
	Text: "*Yes*, towns of _any_ size & <kind>\n- see [the rules](https://example.org/rules?a=1&b=2)\n> quoted `code`",
	Note: "Source: rules, 2026",
	Buttons: []bot.Button{
		{ID: "benefits.helpful", Value: "q1", Label: "Helpful", Style: bot.Primary},
		{ID: "benefits.helpful", Value: "q2", Label: "Not helpful"},
		{ID: "benefits.forget", Label: "Forget", Style: bot.Danger},
	},
}

// What each way of sending asks of Slack.
func TestOutgoing(t *testing.T) {
	w := newWorld(t, fakeslack.Options{Now: func() time.Time { return time.Unix(1_772_442_000, 0) }})
	w.must(w.Say(t.Context(), "luc", "lobby", "@bot hello"))
	said := w.engine.last(t)
	thread := w.lobby()
	thread.Conversation = said.In.Replies
	w.must(w.Command(t.Context(), "luc", "lobby", "/procura ask"))
	asked := w.engine.last(t)
	reply := bot.Target{Platform: "slack", Space: asked.Space, Account: asked.From, Reply: asked.Reply}
	id, err := w.send(w.lobby(), "row0", bot.Body{Text: "first"})
	w.must(err)
	for _, test := range []struct {
		name string
		e    bot.Envelope
	}{
		{"channel", bot.Envelope{ID: "row1", Outgoing: bot.Outgoing{To: w.lobby(), Body: full}}},
		{"thread", bot.Envelope{ID: "row2", Outgoing: bot.Outgoing{To: thread, Body: bot.Body{Text: "hello"}}}},
		{"direct", bot.Envelope{ID: "row3", Outgoing: bot.Outgoing{To: w.direct("greta"), Body: bot.Body{Text: "hello"}}}},
		{"reply", bot.Envelope{ID: "row4", Outgoing: bot.Outgoing{To: reply, Body: full}}},
		{"edit", bot.Envelope{ID: "row5", Outgoing: bot.Outgoing{To: w.lobby(), Body: full}, Replaces: id}},
		{"hostile", bot.Envelope{ID: "row6", Outgoing: bot.Outgoing{To: w.lobby(), Body: bot.Body{
			Text: "You wrote: " + markup.Escape("<!channel> @everyone <@U1> *x* &amp;"), Note: markup.Escape("#lobby <#C1>"),
		}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := len(w.Requests())
			if _, err := w.adapter.Send(t.Context(), test.e); err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, r := range w.Requests()[before:] {
				args := map[string]any{}
				for k, v := range r.Args {
					args[k] = v
					if raw, ok := v.(string); ok && (strings.HasPrefix(raw, "[") || strings.HasPrefix(raw, "{")) {
						var inner any
						if json.Unmarshal([]byte(raw), &inner) == nil {
							args[k] = inner
						}
					}
				}
				b.WriteString(r.Method + " ")
				e := json.NewEncoder(&b)
				e.SetEscapeHTML(false)
				e.SetIndent("", "  ")
				if err := e.Encode(args); err != nil {
					t.Fatal(err)
				}
				if len(r.Unknown) > 0 {
					t.Errorf("%s has arguments that Slack does not publish: %v", r.Method, r.Unknown)
				}
			}
			golden(t, filepath.Join("testdata", "outgoing", test.name+".golden"), b.String())
		})
	}
	for _, m := range w.Messages(string(w.Spot("lobby").Conversation)) {
		if m.FromBot() && len(m.Alive) > 0 {
			t.Errorf("a message mentions %v", m.Alive)
		}
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs:\n%s\nwant:\n%s", file, got, want)
	}
}

// What a person reads is what was said, whatever the marks.
func TestMessagesAreReadAsTheyWereSaid(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	files, err := filepath.Glob("../../internal/markup/testdata/golden/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("golden files of the marks: %v, %v", files, err)
	}
	var texts []markup.Text
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, input, _ := strings.Cut(string(raw), "-- input --\n")
		input, _, _ = strings.Cut(input, "\n-- plain --\n")
		texts = append(texts, markup.Text(input))
	}
	texts = append(texts,
		"*bold _both_* and _italic_", "[a *bold* label](https://example.org) end", "[https://example.org](https://example.org)", "[a@example.org](mailto:a@example.org), [us](mailto:a@example.org)",
		"snake_case_name, 2*3*4, a * b * c, `code *x* _y_`", "- one\n- two\\\n  more\n\n> quote\n> more", "> "+markup.Escape("> not twice"),
		markup.Escape("`` ` ~~ __ ** 10:30:45 :smile: › ∗"), "*"+markup.Escape("*x*")+"*")
	for _, text := range texts {
		if _, err := w.send(w.lobby(), "row", bot.Body{Text: text, Note: "Note"}); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		want := markup.Plain(text)
		if strings.Contains(want, "∗") {
			want = strings.ReplaceAll(want, "∗", "*") // a person cannot tell them apart
		}
		if seen := w.one(); seen.Text != want || seen.Note != "Note" {
			t.Errorf("%q is read as\n%s\nwant\n%s", text, seen.Text, want)
		}
	}
}

func TestTheLongestFallbackFits(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	limits := w.adapter.Limits()
	text := markup.Text(strings.TrimSuffix(strings.Repeat("> a\n", limits.Text/4), "\n"))
	id, err := w.send(w.lobby(), "row", bot.Body{Text: text})
	w.must(err)
	_, err = w.adapter.Send(t.Context(), bot.Envelope{Outgoing: bot.Outgoing{To: w.lobby(), Body: bot.Body{Text: text}}, Replaces: id})
	w.must(err)
}

// class names what became of an attempt.
func class(err error) string {
	var retry *outbox.Retry
	var permanent *outbox.Permanent
	var uncertain *outbox.Uncertain
	switch {
	case err == nil:
		return "sent"
	case errors.As(err, &retry):
		return strings.TrimSpace("retry " + retry.After.String() + " " + retry.Gate)
	case errors.As(err, &permanent):
		return "permanent"
	case errors.As(err, &uncertain):
		return "uncertain"
	}
	return err.Error()
}

func TestWhatBecameOfAnAttempt(t *testing.T) {
	const team = "slack/T0FAKE001"
	type f = fakeslack.Fault
	for _, test := range []struct {
		name  string
		fault f
		want  string // in a channel
		reply string // through a response URL; the same when empty
	}{
		{"nothing wrong", f{Kind: "none"}, "sent", ""},
		{"429", f{Kind: fakeslack.RateLimited, RetryAfter: 7}, "retry 7s " + team + "/chat.postMessage", "retry 7s " + team + "/response_url"},
		{"429 without a time", f{Kind: fakeslack.RateLimitedBare}, "retry 30s " + team + "/chat.postMessage", "retry 30s " + team + "/response_url"},
		{"limited with 200", f{Kind: fakeslack.RateLimitedBody}, "retry 30s " + team + "/chat.postMessage", "retry 30s " + team + "/response_url"},
		{"500", f{Kind: fakeslack.Status}, "uncertain", ""},
		{"503 but taken", f{Kind: fakeslack.Status, Status: 503, Accept: true}, "uncertain", ""},
		{"403 of a proxy", f{Kind: fakeslack.Status, Status: 403}, "retry 1m0s " + team, ""},
		{"cut off before", f{Kind: fakeslack.ResetBefore}, "uncertain", ""},
		{"cut off after", f{Kind: fakeslack.ResetAfter}, "uncertain", ""},
		{"a broken answer", f{Kind: fakeslack.TruncatedJSON}, "uncertain", ""},
		{"a page for an answer", f{Kind: fakeslack.HTMLBody}, "uncertain", ""},
		{"internal_error", f{Kind: fakeslack.Code, Code: "internal_error"}, "uncertain", ""},
		{"fatal_error", f{Kind: fakeslack.Code, Code: "fatal_error", Accept: true}, "uncertain", ""},
		{"is_archived", f{Kind: fakeslack.Code, Code: "is_archived"}, "permanent", ""},
		{"missing_scope", f{Kind: fakeslack.Code, Code: "missing_scope"}, "permanent", ""},
		{"restricted_action_thread_only_channel", f{Kind: fakeslack.Code, Code: "restricted_action_thread_only_channel"}, "permanent", ""},
		{"token_revoked", f{Kind: fakeslack.Code, Code: "token_revoked"}, "retry 1m0s " + team, ""},
		{"account_inactive", f{Kind: fakeslack.Code, Code: "account_inactive"}, "retry 1m0s " + team, ""},
		{"team_added_to_org", f{Kind: fakeslack.Code, Code: "team_added_to_org"}, "retry 1m0s " + team, ""},
		{"a code that is not known", f{Kind: fakeslack.Code, Code: "on_holiday"}, "retry 0s", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, fakeslack.Options{})
			w.ends = test.name == "token_revoked" || test.name == "account_inactive"
			w.must(w.Command(t.Context(), "luc", "lobby", "/procura ask"))
			in := w.engine.last(t)
			reply := bot.Target{Platform: "slack", Space: in.Space, Account: in.From, Reply: in.Reply}
			for method, to := range map[string]bot.Target{"chat.postMessage": w.lobby(), "response_url": reply} {
				want := test.want
				if method == "response_url" && test.reply != "" {
					want = test.reply
				}
				fault := test.fault
				fault.Method = method
				w.Server.Fault(fault)
				_, err := w.send(to, "row1", bot.Body{Text: "the text of a member"})
				if got := class(err); got != want {
					t.Errorf("%s: became %q (%v), want %q", method, got, err, want)
				}
				w.mute(err)
			}
		})
	}
}

// Nobody can mend what somebody deleted. What else keeps an edit from its
// message is still told.
func TestAnEditOfAMessageThatIsGoneIsDone(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	edit := func(id bot.MessageID) (bot.MessageID, error) {
		return w.adapter.Send(t.Context(), bot.Envelope{Outgoing: bot.Outgoing{To: w.lobby(), Body: bot.Body{Text: "the text of a member"}}, ID: "row2", Replaces: id})
	}
	id, err := w.send(w.lobby(), "row1", bot.Body{Text: "asked"})
	w.must(err)
	for _, code := range []string{"channel_not_found", "cant_update_message"} {
		w.Server.Fault(fakeslack.Fault{Method: "chat.update", Kind: fakeslack.Code, Code: code})
		if _, err := edit(id); class(err) != "permanent" {
			t.Errorf("%s: became %v", code, err)
		}
	}
	channel, ts, _ := strings.Cut(string(id), ":")
	_, _, err = slackgo.New(w.BotToken(), slackgo.OptionAPIURL(w.URL()), slackgo.OptionHTTPClient(w.HTTPClient())).DeleteMessageContext(t.Context(), channel, ts)
	w.must(err)
	if got, err := edit(id); got != id || err != nil {
		t.Errorf("became %q, %v", got, err)
	}
	if log := w.log.String(); !strings.Contains(log, "level=INFO") || !strings.Contains(log, "row=row2") || strings.Contains(log, "text of a member") {
		t.Errorf("the log says %s", log)
	}
}

// mute checks that an error says nothing that it must not.
func (w *world) mute(err error) {
	w.t.Helper()
	if err == nil {
		return
	}
	for _, secret := range []string{w.BotToken(), "text of a member", "/commands/", "hook"} {
		if strings.Contains(err.Error(), secret) {
			w.t.Errorf("the error %q holds %q", err, secret)
		}
	}
}

func TestWhatNeverLeftIsARetry(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	a, err := slack.New(slack.Options{BotToken: w.BotToken(), AppToken: w.AppToken(), APIURL: "http://nowhere.invalid/api"})
	w.must(err)
	gone, stop := context.WithCancel(t.Context())
	stop()
	for name, ctx := range map[string]context.Context{"a name that is not found": t.Context(), "a stop": gone} {
		_, err := a.Send(ctx, bot.Envelope{Outgoing: bot.Outgoing{To: w.lobby(), Body: bot.Body{Text: "x"}}})
		if got := class(err); got != "retry 0s" {
			t.Errorf("%s became %q (%v)", name, got, err)
		}
	}
}

func TestATimeLimitAfterTheRequestIsUncertain(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	client := w.HTTPClient()
	client.Timeout = 100 * time.Millisecond
	a, err := slack.New(slack.Options{BotToken: w.BotToken(), AppToken: w.AppToken(), APIURL: w.URL(), HTTPClient: client})
	w.must(err)
	w.Server.Fault(fakeslack.Fault{Method: "chat.postMessage", Kind: fakeslack.SlowAnswer, Wait: time.Hour})
	_, err = a.Send(t.Context(), bot.Envelope{Outgoing: bot.Outgoing{To: w.lobby(), Body: bot.Body{Text: "x"}}})
	if got := class(err); got != "uncertain" {
		t.Errorf("became %q (%v)", got, err)
	}
}

// A limit is remembered: what would be too early is not even asked, by whatever
// gate it comes.
func TestALimitIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fakeslack.Options{})
		w.Server.Fault(fakeslack.Fault{Method: "conversations.open", Kind: fakeslack.RateLimited, RetryAfter: 9})
		const gate = "slack/T0FAKE001/chat.postMessage/im"
		if _, err := w.send(w.direct("luc"), "row1", bot.Body{Text: "x"}); class(err) != "retry 9s "+gate {
			t.Errorf("opening a direct message became %v", err)
		}
		time.Sleep(4500 * time.Millisecond)
		if _, err := w.send(w.direct("greta"), "row2", bot.Body{Text: "x"}); class(err) != "retry 5s "+gate {
			t.Errorf("half the time later it became %v", err)
		}
		if n := len(w.Calls("conversations.open")); n != 1 {
			t.Errorf("asked %d times", n)
		}
		if _, err := w.send(w.lobby(), "row3", bot.Body{Text: "x"}); err != nil {
			t.Errorf("another method waits too: %v", err)
		}
		time.Sleep(4500 * time.Millisecond)
		if _, err := w.send(w.direct("greta"), "row2", bot.Body{Text: "x"}); err != nil {
			t.Errorf("after the time it became %v", err)
		}
	})
}

// The gate of a target is held by what its method may be told to wait.
func TestGates(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	const messages = "slack/T0FAKE001/chat.postMessage"
	if gate := w.adapter.Gate(w.lobby()); gate != messages {
		t.Errorf("the gate of a channel is %q", gate)
	}
	direct := w.direct("luc")
	if gate := w.adapter.Gate(direct); gate != messages+"/im" {
		t.Errorf("the gate of a direct message is %q", gate)
	}
	w.Server.Fault(fakeslack.Fault{Method: "conversations.open", Kind: fakeslack.ResetAfter})
	if _, err := w.send(direct, "row1", bot.Body{Text: "x"}); class(err) != "retry 0s" {
		t.Errorf("opening, without saying anything, became %v", err)
	}
	for range 2 {
		if _, err := w.send(direct, "row1", bot.Body{Text: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.Calls("conversations.open")); n != 2 {
		t.Errorf("a direct message was opened %d times, want 2: it is remembered", n)
	}
	if _, err := w.send(bot.Target{Platform: "slack", Account: bot.Account{Platform: "slack", User: "U404"}}, "row1", bot.Body{Text: "x"}); class(err) != "permanent" {
		t.Errorf("a person who does not exist became %v", err)
	}
}

// After five answers the person reads the sixth in a direct message.
func TestAResponseURLWearsOut(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	w.must(w.Command(t.Context(), "luc", "lobby", "/procura ask"))
	in := w.engine.last(t)
	to := bot.Target{Platform: "slack", Space: in.Space, Account: in.From, Reply: in.Reply}
	for i := range 6 {
		if _, err := w.send(to, "row", bot.Body{Text: "answer"}); err != nil {
			t.Fatal(err)
		}
		seen := w.one()
		if want := map[bool]string{true: "", false: "#lobby"}[i == 5]; seen.Place != want || seen.To != "luc" || !seen.Private {
			t.Errorf("answer %d: people see %+v", i, seen)
		}
	}
}

func TestFind(t *testing.T) {
	at := time.Unix(1_772_442_000, 0)
	w := newWorld(t, fakeslack.Options{Now: func() time.Time { return at }})
	w.must(w.Say(t.Context(), "luc", "lobby", "@bot hello"))
	thread := w.lobby()
	thread.Conversation = w.engine.last(t).In.Replies
	for name, to := range map[string]bot.Target{"channel": w.lobby(), "thread": thread, "direct": w.direct("luc")} {
		e := bot.Envelope{Outgoing: bot.Outgoing{To: to, Body: bot.Body{Text: markup.Text(name)}}, ID: "row-" + name, Unsure: true, FirstAttempt: at}
		if _, err := w.adapter.Find(t.Context(), e); !errors.Is(err, outbox.ErrAbsent) {
			t.Errorf("%s, before: %v", name, err)
		}
		w.Server.Fault(fakeslack.Fault{Method: "chat.postMessage", Kind: fakeslack.ResetAfter})
		if _, err := w.adapter.Send(t.Context(), e); class(err) != "uncertain" {
			t.Errorf("%s: became %v", name, err)
		}
		id, err := w.adapter.Find(t.Context(), e)
		if err != nil || id == "" {
			t.Errorf("%s: found %q, %v", name, id, err)
			continue
		}
		// What was found can be edited: it is the message.
		e.Replaces, e.Body = id, bot.Body{Text: "edited"}
		if again, err := w.adapter.Send(t.Context(), e); err != nil || again != id {
			t.Errorf("%s: the edit became %q, %v", name, again, err)
		}
		later := e
		later.Replaces, later.FirstAttempt = "", at.Add(time.Hour)
		if _, err := w.adapter.Find(t.Context(), later); !errors.Is(err, outbox.ErrAbsent) {
			t.Errorf("%s: found before it was first tried: %v", name, err)
		}
	}
	e := bot.Envelope{Outgoing: bot.Outgoing{To: w.lobby()}, ID: "row-channel"}
	for _, test := range []struct {
		fault fakeslack.Fault
		want  string
	}{
		{fakeslack.Fault{Kind: fakeslack.Code, Code: "missing_scope"}, "unknowable"},
		{fakeslack.Fault{Kind: fakeslack.Code, Code: "not_in_channel"}, "unknowable"},
		{fakeslack.Fault{Kind: fakeslack.Status}, "retry 0s"},
		{fakeslack.Fault{Kind: fakeslack.ResetBefore}, "retry 0s"},
		{fakeslack.Fault{Kind: fakeslack.RateLimited, RetryAfter: 60}, "retry 1m0s slack/T0FAKE001/conversations.history"},
	} {
		test.fault.Method = "conversations.history"
		w.Server.Fault(test.fault)
		_, err := w.adapter.Find(t.Context(), e)
		got := class(err)
		if errors.Is(err, outbox.ErrUnknowable) {
			got = "unknowable"
		}
		if got != test.want {
			t.Errorf("%+v became %q (%v), want %q", test.fault, got, err, test.want)
		}
	}
	e.To.Reply = &bot.ReplyHandle{Token: "x"}
	if _, err := w.adapter.Find(t.Context(), e); !errors.Is(err, outbox.ErrUnknowable) {
		t.Errorf("a response URL: %v", err)
	}
	e.To.Reply, e.Replaces = nil, "C1:1"
	if _, err := w.adapter.Find(t.Context(), e); !errors.Is(err, outbox.ErrAbsent) {
		t.Errorf("an edit: %v", err)
	}
}

// A history of many pages is read to its end.
func TestFindTurnsPages(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	id, err := w.send(w.lobby(), "wanted", bot.Body{Text: "x"})
	w.must(err)
	luc, lobby := string(w.Account("luc").User), string(w.Spot("lobby").Conversation)
	for range 450 {
		if _, err := w.Server.Say(t.Context(), luc, lobby, "talk", ""); err != nil {
			t.Fatal(err)
		}
	}
	found, err := w.adapter.Find(t.Context(), bot.Envelope{Outgoing: bot.Outgoing{To: w.lobby()}, ID: "wanted"})
	if err != nil || found != id {
		t.Errorf("found %q, %v, want %q", found, err, id)
	}
	if n := len(w.Calls("conversations.history")); n != 3 {
		t.Errorf("asked %d times, want 3", n)
	}
}

// A reply to a message that has been deleted stands in the channel.
func TestFindLooksWhereOrphansAre(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	to := w.lobby()
	to.Conversation += "/1700000000.000100"
	id, err := w.send(to, "orphan", bot.Body{Text: "x"})
	w.must(err)
	found, err := w.adapter.Find(t.Context(), bot.Envelope{Outgoing: bot.Outgoing{To: to}, ID: "orphan"})
	if err != nil || found != id {
		t.Errorf("found %q, %v, want %q", found, err, id)
	}
}

func TestTokensAreChecked(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	for setting, o := range map[string]slack.Options{
		"PROCURABOT_SLACK_BOT_TOKEN": {BotToken: w.AppToken(), AppToken: w.AppToken()},
		"PROCURABOT_SLACK_APP_TOKEN": {BotToken: w.BotToken(), AppToken: w.BotToken()},
	} {
		if _, err := slack.New(o); err == nil || !strings.Contains(err.Error(), setting) || !strings.Contains(err.Error(), "https://api.slack.com/apps") {
			t.Errorf("New says %v, and does not name %s and the place to mend it", err, setting)
		}
	}
	for setting, token := range map[string]string{"PROCURABOT_SLACK_BOT_TOKEN": w.BotToken(), "PROCURABOT_SLACK_APP_TOKEN": w.AppToken()} {
		other := fakeslack.New(fakeslack.Options{})
		w.must(other.Start())
		t.Cleanup(other.Close)
		other.Revoke(token, "invalid_auth")
		a, err := slack.New(slack.Options{BotToken: other.BotToken(), AppToken: other.AppToken(), APIURL: other.URL(), HTTPClient: other.HTTPClient(), Dialer: other.Dialer()})
		w.must(err)
		err = a.Run(w.soon(), w.engine)
		if err == nil || !strings.Contains(err.Error(), setting) || !strings.Contains(err.Error(), "invalid_auth") {
			t.Errorf("Run says %v, and does not name %s", err, setting)
		}
		w.mute(err)
	}
}

// The library would go on for ever: only a person can mend these.
func TestAnAppTokenWithoutItsScopeEndsRun(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	for _, code := range []string{"missing_scope", "not_allowed_token_type"} {
		w.Server.Fault(fakeslack.Fault{Method: "apps.connections.open", Kind: fakeslack.Code, Code: code, Times: 2})
		err := w.connect(slack.Options{}).Run(w.soon(), w.engine)
		if err == nil || !strings.Contains(err.Error(), "PROCURABOT_SLACK_APP_TOKEN") || !strings.Contains(err.Error(), code) {
			t.Errorf("Run says %v", err)
		}
		w.ClearFaults()
	}
}

func TestLabelsAndTransport(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	_, err := w.send(w.lobby(), "row", full)
	w.must(err)
	if seen := w.one(); !slices.Equal(seen.Buttons, []string{"Helpful", "Not helpful", "Forget"}) {
		t.Errorf("people see %+v", seen)
	}
	w.must(w.Press(t.Context(), "greta", "Not helpful"))
	if p, _ := w.engine.last(t).What.(bot.Pressed); p != (bot.Pressed{Button: "benefits.helpful", Value: "q2"}) {
		t.Errorf("heard %+v", p)
	}
	client := &http.Client{}
	if _, err := slack.New(slack.Options{BotToken: w.BotToken(), AppToken: w.AppToken(), HTTPClient: client}); err != nil || client.Timeout != 0 {
		t.Errorf("the caller's client was changed: %v, %v", client.Timeout, err)
	}
}

// Slack's page gives whole seconds; the standard allows a date, and proxies have
// been seen to give fractions. All of it is waited for, and nothing that is
// neither keeps the message from being tried again.
func TestRetryAfterOfEveryForm(t *testing.T) {
	for given, want := range map[string]string{"1.5": "retry 2s", "90": "retry 1m30s", "soon": "retry 30s", "NaN": "retry 30s", "-1": "retry 30s"} {
		w := newWorld(t, fakeslack.Options{})
		w.Server.Fault(fakeslack.Fault{Method: "chat.postMessage", Kind: fakeslack.RateLimited, After: given})
		if _, err := w.send(w.lobby(), "row1", bot.Body{Text: "x"}); class(err) != want+" slack/T0FAKE001/chat.postMessage" {
			t.Errorf("Retry-After %q became %v", given, err)
		}
	}
}
