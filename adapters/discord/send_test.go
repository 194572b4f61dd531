package discord_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"procurabot/adapters/discord"
	"procurabot/adapters/discord/fakediscord"
	"procurabot/bot"
	"procurabot/internal/outbox"
)

const toChannel, toWebhook = "POST /channels/{channel}/messages", "POST /webhooks/{application}/{token}"

// outcome names what an error means for the outbox.
func outcome(err error) (kind string, after time.Duration, gate string) {
	var retry *outbox.Retry
	var permanent *outbox.Permanent
	var uncertain *outbox.Uncertain
	switch {
	case err == nil:
		return "sent", 0, ""
	case errors.As(err, &retry):
		return "retry", retry.After, retry.Gate
	case errors.As(err, &permanent):
		return "permanent", 0, ""
	case errors.As(err, &uncertain):
		return "uncertain", 0, ""
	}
	return "nothing known", 0, ""
}

// Nobody can mend what somebody deleted. What else keeps an edit from its
// message is still told.
func TestAnEditOfAMessageThatIsGoneIsDone(t *testing.T) {
	s := newScene(t).run()
	e := s.envelope(s.lobby(), "asked")
	id, err := s.adapter.Send(s.ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	e.Replaces = id
	const edit = "PATCH /channels/{channel}/messages/{message}"
	s.Fail(edit, 1, fakediscord.Code(10003))
	if _, err := s.adapter.Send(s.ctx, e); err == nil {
		t.Error("without its channel an edit is done")
	}
	s.Fail(edit, 1, fakediscord.Code(10008))
	if got, err := s.adapter.Send(s.ctx, e); got != id || err != nil {
		t.Errorf("became %q, %v", got, err)
	}
}

func TestFailuresAreClassified(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault fakediscord.Fault
		kind  string
		after time.Duration
		gate  string
	}{
		{"a channel's rate limit", fakediscord.RateLimited(1500*time.Millisecond, "user", false), "retry", 1500 * time.Millisecond, "the message's"},
		{"a shared rate limit", fakediscord.RateLimited(3*time.Second, "shared", false), "retry", 3 * time.Second, "the message's"},
		{"the global rate limit", fakediscord.RateLimited(time.Second, "global", true), "retry", time.Second, "discord"},
		{"Cloudflare", fakediscord.HTMLBody(http.StatusTooManyRequests), "retry", time.Minute, "discord"},
		{"Cloudflare's ban", fakediscord.HTMLBody(http.StatusForbidden), "retry", time.Minute, "discord"},
		{"a proxy's page", fakediscord.HTMLBody(http.StatusUnauthorized), "retry", time.Minute, "discord"},
		{"opening too fast", fakediscord.Code(40003), "retry", time.Minute, "discord/users"},
		{"closed direct messages", fakediscord.Code(50007), "permanent", 0, ""},
		{"no server in common", fakediscord.Code(50278), "permanent", 0, ""},
		{"no channel", fakediscord.Code(10003), "permanent", 0, ""},
		{"no access", fakediscord.Code(50001), "permanent", 0, ""},
		{"no permission", fakediscord.Code(50013), "permanent", 0, ""},
		{"no server", fakediscord.Code(10004), "permanent", 0, ""},
		{"500", fakediscord.Status(500), "uncertain", 0, ""},
		{"502", fakediscord.Status(502), "uncertain", 0, ""},
		{"a broken connection", fakediscord.ResetBefore(), "uncertain", 0, ""},
		{"a cut answer", fakediscord.TruncatedJSON(), "uncertain", 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t).run() // an adapter remembers how long it is to wait
			if test.gate == "the message's" {
				test.gate = s.adapter.Gate(s.lobby())
			}
			s.Fail(toChannel, 1, test.fault)
			_, err := s.adapter.Send(s.ctx, s.envelope(s.lobby(), "secret words"))
			kind, after, gate := outcome(err)
			if kind != test.kind || after != test.after || gate != test.gate {
				t.Errorf("%v is %s after %s at %q, want %s after %s at %q", err, kind, after, gate, test.kind, test.after, test.gate)
			}
			if strings.Contains(err.Error(), s.Token()) || strings.Contains(err.Error(), "secret words") {
				t.Errorf("the error holds a secret: %v", err)
			}
			arrived := 0
			if test.name == "a cut answer" {
				arrived = 1
			}
			if n := len(s.Messages(string(s.lobby().Conversation))); n != arrived {
				t.Errorf("%d messages arrived, want %d", n, arrived)
			}
		})
	}
}

// What an operator reads of a message that will never arrive says why, in plain words.
func TestReasonsArePlain(t *testing.T) {
	s := newScene(t).run()
	for code, says := range map[int]string{
		50007: "takes no direct messages", 50278: "shares no server", 10003: "channel is gone", 10004: "no longer on that server", 50013: "may not write there",
	} {
		s.Fail(toChannel, 1, fakediscord.Code(code))
		err := second(s.adapter.Send(s.ctx, s.envelope(bot.Target{Account: s.Account("greta")}, "x")))
		if kind, _, _ := outcome(err); kind != "permanent" || !strings.Contains(err.Error(), says) {
			t.Errorf("code %d is %s: %v, want %q in it", code, kind, err, says)
		}
	}
}

func TestWhatIsTooLongNamesTheField(t *testing.T) {
	s := newScene(t).run()
	_, err := s.adapter.Send(s.ctx, s.envelope(s.lobby(), strings.Repeat("x", 2001)))
	if kind, _, _ := outcome(err); kind != "permanent" || !strings.Contains(err.Error(), "content: BASE_TYPE_MAX_LENGTH") {
		t.Errorf("%v", err)
	}
}

func TestNobodyListensIsARetry(t *testing.T) {
	a, err := discord.New(discord.Options{BotToken: "x", APIURL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Send(t.Context(), bot.Envelope{Outgoing: bot.Outgoing{To: bot.Target{Conversation: "1"}, Body: bot.Body{Text: "x"}}})
	if kind, _, _ := outcome(err); kind != "retry" {
		t.Errorf("%v is %s", err, kind)
	}
}

func TestOpeningDirectMessagesSaysNothingToAnybody(t *testing.T) {
	s := newScene(t).run()
	s.Fail("POST /users/@me/channels", 1, fakediscord.Status(500))
	to := bot.Target{Account: s.Account("greta")}
	if kind, _, _ := outcome(second(s.adapter.Send(s.ctx, s.envelope(to, "x")))); kind != "retry" {
		t.Errorf("a channel that may have been opened is %s", kind)
	}
	if err := second(s.adapter.Send(s.ctx, s.envelope(to, "x"))); err != nil {
		t.Error(err)
	}
	if err := second(s.adapter.Send(s.ctx, s.envelope(bot.Target{}, "x"))); err == nil {
		t.Error("a message to nobody was sent")
	}
}

func second[T any](_ T, err error) error { return err }

func TestTheSameMessageAgainIsOne(t *testing.T) {
	s := newScene(t).run()
	s.Fail(toChannel, 1, fakediscord.ResetAfter())
	e := s.envelope(s.lobby(), "once")
	if kind, _, _ := outcome(second(s.adapter.Send(s.ctx, e))); kind != "uncertain" {
		t.Fatalf("a cut answer is %s", kind)
	}
	e.Unsure, e.FirstAttempt = true, s.clock.Now()
	s.clock.Set(s.clock.Now().Add(119 * time.Second))
	if _, err := s.adapter.Find(s.ctx, e); !errors.Is(err, outbox.ErrAbsent) {
		t.Fatalf("within the nonce's life: %v", err)
	}
	id, err := s.adapter.Send(s.ctx, e)
	s.must(err)
	all := s.Messages(string(s.lobby().Conversation))
	if len(all) != 1 || !strings.HasSuffix(string(id), ":"+all[0].ID) {
		t.Errorf("%d messages, id %s", len(all), id)
	}
}

func TestFindLater(t *testing.T) {
	s := newScene(t).run()
	e := s.envelope(s.lobby(), "was it taken?")
	e.Unsure, e.FirstAttempt = true, s.clock.Now()
	later := s.clock.Now().Add(10 * time.Minute)

	s.clock.Set(later)
	if _, err := s.adapter.Find(s.ctx, e); !errors.Is(err, outbox.ErrUnknowable) {
		t.Errorf("an empty history may be one that cannot be read: %v", err)
	}
	if err := second(s.adapter.Send(s.ctx, s.envelope(s.lobby(), "another"))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.adapter.Find(s.ctx, e); !errors.Is(err, outbox.ErrAbsent) {
		t.Errorf("others are there, this one is not: %v", err)
	}
	id, err := s.adapter.Send(s.ctx, e)
	s.must(err)
	if found, err := s.adapter.Find(s.ctx, e); err != nil || found != id {
		t.Errorf("found %q %v, sent %q", found, err, id)
	}
	s.Fail("GET /channels/{channel}/messages", 1, fakediscord.Code(50001))
	if _, err := s.adapter.Find(s.ctx, e); !errors.Is(err, outbox.ErrUnknowable) {
		t.Errorf("a channel that may not be read: %v", err)
	}
	s.Fail("GET /channels/{channel}/messages", 1, fakediscord.RateLimited(time.Second, "user", false))
	if kind, _, _ := outcome(second(s.adapter.Find(s.ctx, e))); kind != "retry" {
		t.Errorf("a search that must wait is %s", kind)
	}
	e.Replaces = id
	if _, err := s.adapter.Find(s.ctx, e); !errors.Is(err, outbox.ErrAbsent) {
		t.Errorf("an edit is made again: %v", err)
	}
}

// A restart searches for what it is unsure of before the Gateway has said who the bot is.
func TestFindBeforeConnected(t *testing.T) {
	s := newScene(t)
	a := s.bare()
	e := s.envelope(s.lobby(), "was it taken?")
	e.Unsure, e.FirstAttempt = true, s.clock.Now()
	id, err := a.Send(s.ctx, e)
	s.must(err)
	s.clock.Set(s.clock.Now().Add(10 * time.Minute))
	s.Fail("GET /users/@me", 1, fakediscord.RateLimited(time.Millisecond, "user", false))
	if kind, _, _ := outcome(second(a.Find(s.ctx, e))); kind != "retry" {
		t.Errorf("who the bot is cannot be told now: the search is %s", kind)
	}
	s.clock.Set(s.clock.Now().Add(time.Second))
	if found, err := a.Find(s.ctx, e); err != nil || found != id {
		t.Errorf("found %q %v, sent %q", found, err, id)
	}
}

func TestFindOfAnswers(t *testing.T) {
	s := newScene(t).run()
	in := s.commands("/procura ask x")
	e := s.envelope(privately(in), "x")
	e.FirstAttempt = s.clock.Now()
	if _, err := s.adapter.Find(s.ctx, e); !errors.Is(err, outbox.ErrAbsent) {
		t.Errorf("the first answer is an edit: %v", err)
	}
	e.To.FollowUp = true
	if _, err := s.adapter.Find(s.ctx, e); !errors.Is(err, outbox.ErrUnknowable) {
		t.Errorf("a follow-up has no key: %v", err)
	}
}

func TestAnswersFindTheirWay(t *testing.T) {
	s := newScene(t).run()
	t.Run("before the deferral it waits", func(t *testing.T) {
		in := s.commands("/procura ask x")
		s.Seen()
		s.Fail("PATCH /webhooks/*", 1, fakediscord.Code(10015))
		kind, after, _ := outcome(second(s.adapter.Send(s.ctx, s.envelope(privately(in), "x"))))
		if kind != "retry" || after != time.Second {
			t.Errorf("it is %s after %s", kind, after)
		}
	})
	direct := func(t *testing.T, to bot.Target) {
		t.Helper()
		s.Seen()
		id, err := s.adapter.Send(s.ctx, s.envelope(to, "by direct message"))
		if err != nil {
			t.Fatal(err)
		}
		if seen := s.Seen(); len(seen) != 1 || seen[0].To != "luc" || seen[0].Place != "" || !strings.HasPrefix(string(id), s.DM(string(to.Account.User))+":") {
			t.Errorf("people see %+v, id %s", seen, id)
		}
	}
	t.Run("when the token is gone it goes by direct message", func(t *testing.T) {
		in := s.commands("/procura ask x")
		s.clock.Set(s.clock.Now().Add(4 * time.Second))
		s.Fail("PATCH /webhooks/*", 1, fakediscord.Code(10015))
		direct(t, privately(in))
		s.Fail("PATCH /webhooks/*", 1, fakediscord.Code(50027))
		direct(t, privately(in))
		s.clock.Set(s.clock.Now().Add(15 * time.Minute))
		direct(t, privately(in))
	})
	t.Run("after a form there is nothing to edit", func(t *testing.T) {
		s.engine.will(true, func(bot.Incoming) (bot.Immediate, error) {
			return bot.Immediate{Form: &bot.ShownForm{Draft: "d", Title: "T", Fields: []bot.ShownField{{Name: "f", Label: "F"}}}}, nil
		})
		in := s.commands("/procura language")
		s.Seen()
		s.must(second(s.adapter.Send(s.ctx, s.envelope(privately(in), "beside the form"))))
		if seen := s.Seen(); len(seen) != 1 || !seen[0].Private || seen[0].Text != "beside the form" {
			t.Errorf("people see %+v", seen)
		}
	})
	t.Run("no error holds a token", func(t *testing.T) {
		s.engine.will(false, nil)
		in := s.commands("/procura ask x")
		to := privately(in)
		to.FollowUp = true
		for _, f := range []fakediscord.Fault{fakediscord.ResetBefore(), fakediscord.Status(500), fakediscord.RateLimited(time.Second, "user", false)} {
			s.Fail(toWebhook, 1, f)
			err := second(s.adapter.Send(s.ctx, s.envelope(to, "x")))
			_, token, _ := strings.Cut(in.Reply.Token, "/")
			if err == nil || strings.Contains(err.Error(), token) || strings.Contains(err.Error(), s.Token()) {
				t.Errorf("%v", err)
			}
		}
	})
}

// A hold may last longer than a nonce: what is sent then is looked for first.
func TestLateAttemptsAreLookedFor(t *testing.T) {
	s := newScene(t).run()
	e := s.envelope(s.lobby(), "x")
	id, err := s.adapter.Send(s.ctx, e)
	s.must(err)
	e.FirstAttempt = s.clock.Now()
	s.clock.Set(s.clock.Now().Add(time.Hour))
	again, err := s.adapter.Send(s.ctx, e)
	s.must(err)
	if n := len(s.Messages(string(s.lobby().Conversation))); again != id || n != 1 {
		t.Errorf("sent an hour later it is %s after %s, and stands there %d times", again, id, n)
	}
}

// Where the bot may write but not read what was said, an answer comes without
// the reference to its question.
func TestAnAnswerWithoutTheHistoryIsNoReply(t *testing.T) {
	s := newScene(t).run()
	channel := string(s.lobby().Conversation)
	question, err := s.Server.Say(s.ctx, string(s.Account("luc").User), channel, s.Mention()+" ping", "")
	s.must(err)
	s.hears()
	s.Permit(channel, s.ApplicationID(), fakediscord.Usual&^fakediscord.ReadMessageHistory)
	e := s.envelope(s.lobby(), "pong")
	e.To.Answering = bot.MessageID(question)
	id, err := s.adapter.Send(s.ctx, e)
	s.must(err)
	all := s.Messages(channel)
	last := all[len(all)-1]
	if len(all) != 2 || last.Nonce != e.ID || last.Reference != "" || !strings.HasSuffix(string(id), ":"+last.ID) {
		t.Errorf("it stands there as %+v, of %d messages", last, len(all))
	}
}
