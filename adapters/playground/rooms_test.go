package playground_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"procurabot/adapters/playground"
	"procurabot/bot"
	"procurabot/bot/bottest"
	"procurabot/internal/outbox"
)

func TestMentions(t *testing.T) {
	for _, c := range []struct{ said, heard string }{
		{"@bot are we too small?", "are we too small?"},
		{"@Procurabot hi", "hi"},
		{"hello @procurabot, how are you", "hello , how are you"},
		{"a @bot @bot b", "a b"},
		{"(@bot)", "()"},
		{"@bot", ""},
		{"write to me@bot.eu", "-"},
		{"@bottle", "-"},
		{"@botté", "-"},
		{"bot, are you there?", "-"},
		{"@@bot", "-"},
	} {
		s := start(t, "playground")
		s.must(s.Say(t.Context(), "Luc", "#lobby", c.said))
		all := s.all()
		if c.heard == "-" {
			if len(all) != 0 {
				t.Errorf("%q does not mention the bot, which heard %v", c.said, all[0].What)
			}
			continue
		}
		if len(all) != 1 || all[0].What.(bot.Said).Text != c.heard {
			t.Errorf("%q was heard as %v, want %q", c.said, all, c.heard)
		}
	}
}

func TestAMentionIsAnsweredAsThePlatformDoes(t *testing.T) {
	for platform, threads := range map[bot.Platform]bool{"playground": true, "slack": true, "discord": false} {
		t.Run(string(platform), func(t *testing.T) {
			s := start(t, platform)
			s.must(s.Say(t.Context(), "Luc", "lobby", "@bot hello"))
			in := s.last(t)
			if got := in.In.Replies != ""; got != threads {
				t.Errorf("answered in a thread: %v", got)
			}
			if s.adapt.Limits().FieldErrors == (platform == "discord") {
				t.Error("only Discord cannot show errors beside fields")
			}
			if (in.Locale == "") != (platform == "discord") {
				t.Errorf("a message brought the locale %q", in.Locale)
			}
			to := bot.Target{Conversation: in.In.Conversation, Answering: in.What.(bot.Said).Message}
			if threads {
				to.Conversation = in.In.Replies
			}
			_, err := s.send(to, bot.Body{Text: "Hello"})
			s.must(err)
			if seen := s.Seen(); len(seen) != 1 || seen[0].To != "Luc" || seen[0].Place != "#lobby" {
				t.Errorf("people see %+v", seen)
			}
			s.must(s.Command(t.Context(), "Luc", "lobby", "/procura help"))
			if in := s.last(t); in.Locale != "fr" || in.In.Locale != "en" {
				t.Errorf("a command brought the locales %q and %q", in.Locale, in.In.Locale)
			}
		})
	}
}

func TestCommands(t *testing.T) {
	s := start(t, "slack")
	s.must(s.Command(t.Context(), "Luc", "lobby", "/procura demander sommes-nous trop petits ?"))
	if c := s.last(t).What.(bot.Commanded); fmt.Sprint(c.Path) != "[procura]" || c.Text != "demander sommes-nous trop petits ?" {
		t.Errorf("heard %+v", c)
	}
	s.must(s.Command(t.Context(), "Luc", "", "/procura-admin roles give @Vera editor"))
	if c := s.last(t).What.(bot.Commanded); c.Text != "roles give slack:T1:vera editor" {
		t.Errorf("heard %+v", c)
	}

	s = start(t, "discord")
	s.must(s.Command(t.Context(), "Luc", "lobby", "/procura demander sommes-nous trop petits ?"))
	if c := s.last(t).What.(bot.Commanded); fmt.Sprint(c.Path) != "[procura ask]" || c.Options["question"] != "sommes-nous trop petits ?" || c.Text != "" {
		t.Errorf("heard %+v", c)
	}
	s.must(s.Command(t.Context(), "Luc", "lobby", "/procura-admin roles give @vera editor"))
	if c := s.last(t).What.(bot.Commanded); c.Options["person"] != "discord::vera" || c.Options["role"] != "editor" {
		t.Errorf("heard %+v", c)
	}
	if err := s.Command(t.Context(), "Luc", "lobby", "/procura nonsense"); err == nil {
		t.Error("Discord does not let one send a command that is not registered")
	}
}

func TestCompletion(t *testing.T) {
	s := start(t, "playground")
	s.answers(func(in bot.Incoming) (bot.Immediate, error) {
		c := in.What.(bot.Completing)
		return bot.Immediate{Choices: []bot.Completion{{Label: strings.Join(c.Path, " ") + "|" + c.Option + "|" + c.Prefix, Value: "v"}}}, nil
	})
	for line, want := range map[string]string{
		"/":                                  "[/procura help /procura ask <t ask question name in fr> /procura-admin roles give <t give person name in fr> [t give role name in fr]]",
		"/procura h":                         "[/procura help]",
		"/procura ask ar":                    "[procura ask|question|ar]",
		"/procura-admin roles give @v":       "[@Vera]",
		"/procura-admin roles give @vera ed": "[procura-admin roles give|role|ed]",
		"/procura help me":                   "[]",
		"/nothing":                           "[]",
	} {
		got, err := s.Complete(t.Context(), "Luc", "lobby", line)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: proposed %v (%v), want %s", line, got, err, want)
		}
	}
	if _, err := start(t, "slack").Complete(t.Context(), "Luc", "lobby", "/procura ask ar"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Slack proposes nothing, got %v", err)
	}
}

func TestSendShowsAnEnvelopeOnce(t *testing.T) {
	s := start(t, "playground")
	e := s.envelope(s.lobby(), bot.Body{Text: "once"})
	if _, err := s.adapt.Find(t.Context(), e); !errors.Is(err, outbox.ErrAbsent) {
		t.Errorf("before it was sent: %v", err)
	}
	first, err := s.adapt.Send(t.Context(), e)
	s.must(err)
	second, err := s.adapt.Send(t.Context(), e)
	s.must(err)
	found, err := s.adapt.Find(t.Context(), e)
	s.must(err)
	if first != second || first != found || len(s.Seen()) != 1 {
		t.Errorf("ids %q, %q, %q", first, second, found)
	}
}

func TestFaults(t *testing.T) {
	for kind, arrived := range map[string]bool{"reset": true, "500": false, "429": false} {
		s := start(t, "playground")
		s.must(s.Fault(kind))
		e := s.envelope(s.lobby(), bot.Body{Text: "hello"})
		_, err := s.adapt.Send(t.Context(), e)
		var unsure *outbox.Uncertain
		var retry *outbox.Retry
		if kind == "429" != errors.As(err, &retry) || kind != "429" != errors.As(err, &unsure) {
			t.Errorf("%s became %v", kind, err)
		}
		if _, err := s.adapt.Find(t.Context(), e); (err == nil) != arrived {
			t.Errorf("%s: found: %v", kind, err)
		}
		_, err = s.adapt.Send(t.Context(), e)
		s.must(err)
		if n := len(s.Seen()); n != 1 {
			t.Errorf("%s: shown %d times", kind, n)
		}
	}
	if err := start(t, "playground").Fault("flood"); err == nil {
		t.Error("an unknown fault was accepted")
	}
}

func TestWhatCannotBeSentIsPermanent(t *testing.T) {
	s := start(t, "playground")
	s.must(s.Command(t.Context(), "Luc", "lobby", "/procura help"))
	handle := s.last(t).Reply
	_, err := s.send(bot.Target{Reply: handle}, bot.Body{Text: "in time"})
	s.must(err)
	s.clock.Set(handle.Expires)
	button := bot.Button{ID: "x", Label: "X"}
	for name, c := range map[string]struct {
		to   bot.Target
		body bot.Body
	}{
		"an expired handle":        {bot.Target{Reply: handle}, bot.Body{Text: "x"}},
		"an unknown handle":        {bot.Target{Reply: &bot.ReplyHandle{Token: "x", Expires: handle.Expires.Add(time.Hour)}}, bot.Body{Text: "x"}},
		"an unknown person":        {bot.Target{Account: bot.Account{User: "nobody"}}, bot.Body{Text: "x"}},
		"an unknown channel":       {bot.Target{Conversation: "attic"}, bot.Body{Text: "x"}},
		"an unknown thread":        {bot.Target{Conversation: "lobby/x"}, bot.Body{Text: "x"}},
		"a text that is too long":  {s.lobby(), bot.Body{Text: "x", Note: "n"}},
		"an empty text":            {s.lobby(), bot.Body{}},
		"too many buttons":         {s.lobby(), bot.Body{Text: "x", Buttons: []bot.Button{button, button, button, button, button, button}}},
		"a label that is too long": {s.lobby(), bot.Body{Text: "x", Buttons: []bot.Button{{ID: "x", Label: strings.Repeat("x", 76)}}}},
		"a value that is too long": {s.lobby(), bot.Body{Text: "x", Buttons: []bot.Button{{ID: "x", Label: "x", Value: strings.Repeat("x", 65)}}}},
	} {
		if name == "a text that is too long" {
			c.body.Text = bot.Body{}.Text + "x"
			for len(c.body.Text) < 1900 {
				c.body.Text += c.body.Text
			}
		}
		_, err := s.send(c.to, c.body)
		var permanent *outbox.Permanent
		if !errors.As(err, &permanent) {
			t.Errorf("%s became %v", name, err)
		}
	}
	e := s.envelope(s.lobby(), bot.Body{Text: "x"})
	e.Replaces = "unknown"
	var permanent *outbox.Permanent
	if _, err := s.adapt.Send(t.Context(), e); !errors.As(err, &permanent) {
		t.Errorf("an edit of nothing became %v", err)
	}
}

func TestPrivateMessagesAreForOnePerson(t *testing.T) {
	s := start(t, "playground")
	s.must(s.Command(t.Context(), "Luc", "lobby", "/procura help"))
	_, err := s.send(bot.Target{Reply: s.last(t).Reply}, bot.Body{Text: "x", Buttons: []bot.Button{{ID: "b", Label: "Mine"}}})
	s.must(err)
	if err := s.Press(t.Context(), "Vera", "Mine"); err == nil {
		t.Error("Vera pressed a button that only Luc sees")
	}
	s.must(s.Press(t.Context(), "Luc", "Mine"))
}

func TestForms(t *testing.T) {
	form := bot.ShownForm{Draft: "d", Title: "T", Submit: "S", Cancel: "C", Fields: []bot.ShownField{{Name: "a", Label: "A", Value: "given"}, {Name: "b", Label: "B"}}}
	opens := func(bot.Incoming) (bot.Immediate, error) { return bot.Immediate{Form: &form}, nil }
	refuses := func(bot.Incoming) (bot.Immediate, error) {
		return bot.Immediate{Errors: map[string]string{"b": "more"}}, nil
	}
	s := start(t, "playground")
	if err := s.Submit(t.Context(), "Luc", nil); err == nil {
		t.Error("a form was sent that was not open")
	}
	s.answers(opens)
	s.must(s.Command(t.Context(), "Luc", "lobby", "/procura help"))
	s.answers(refuses)
	if err := s.Submit(t.Context(), "Luc", map[string]string{"c": "x"}); err == nil {
		t.Error("a field was filled in that is not there")
	}
	s.must(s.Submit(t.Context(), "Luc", map[string]string{"b": "x"}))
	s.answers(nil)
	s.must(s.Submit(t.Context(), "Luc", nil)) // what was typed is still there
	if v := s.last(t).What.(bot.Submitted); v.Draft != "d" || v.Values["a"] != "given" || v.Values["b"] != "x" {
		t.Errorf("heard %+v", v)
	}
	if err := s.Submit(t.Context(), "Luc", nil); err == nil {
		t.Error("a form was sent twice")
	}

	s = start(t, "discord")
	s.answers(opens)
	s.must(s.Command(t.Context(), "Luc", "lobby", "/procura help"))
	if err := s.Submit(t.Context(), "Luc", nil); err == nil {
		t.Error("on Discord a form cannot follow a form")
	}
	s.answers(refuses)
	if err := s.Submit(t.Context(), "Luc", nil); err == nil {
		t.Error("on Discord fields cannot be refused beside them")
	}

	s = start(t, "playground")
	s.answers(func(bot.Incoming) (bot.Immediate, error) {
		long := form
		long.Title = strings.Repeat("x", 25)
		return bot.Immediate{Form: &long}, nil
	})
	if err := s.Command(t.Context(), "Luc", "lobby", "/procura help"); err == nil {
		t.Error("a title opened that is too long for Slack")
	}
}

func TestWhatIsNotAcknowledgedComesAgain(t *testing.T) {
	s := start(t, "playground")
	fails := 2
	s.answers(func(bot.Incoming) (bot.Immediate, error) {
		if fails--; fails >= 0 {
			return bot.Immediate{Notice: "later"}, errors.New("the disk is full")
		}
		return bot.Immediate{}, nil
	})
	s.must(s.Say(t.Context(), "Luc", "", "hello"))
	all := s.all()
	if len(all) != 3 || all[0].ID != all[2].ID {
		t.Errorf("handed over %d times", len(all))
	}
	if seen := s.Seen(); len(seen) != 0 {
		t.Errorf("a message shows no notice, people see %+v", seen)
	}
	s.answers(func(bot.Incoming) (bot.Immediate, error) { return bot.Immediate{}, errors.New("broken") })
	if err := s.Say(t.Context(), "Luc", "", "hello"); err == nil {
		t.Error("nothing was ever acknowledged")
	}
	if err := s.Command(t.Context(), "Luc", "", "/procura help"); err == nil {
		t.Error("an interaction failed without a word")
	}
}

func TestRedeliver(t *testing.T) {
	s := start(t, "playground")
	if _, err := s.Redeliver(t.Context()); err == nil {
		t.Error("nothing has happened, yet something came again")
	}
	s.must(s.Command(t.Context(), "Luc", "lobby", "/procura help"))
	_, err := s.Redeliver(t.Context())
	s.must(err)
	if all := s.all(); len(all) != 2 || all[0].ID != all[1].ID || *all[0].Reply != *all[1].Reply {
		t.Errorf("heard %+v", all)
	}
}

func TestOneBotAtATime(t *testing.T) {
	s := empty(t, "playground")
	acted := make(chan error, 1)
	go func() { acted <- s.Say(t.Context(), "Luc", "", "hello") }() // waits for a bot

	started, proceed := make(chan struct{}), make(chan struct{})
	s.answers(func(bot.Incoming) (bot.Immediate, error) {
		close(started)
		<-proceed
		return bot.Immediate{}, nil
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.adapt.Run(ctx, s.engine) }()
	<-started
	if err := s.adapt.Run(t.Context(), s.engine); err == nil {
		t.Error("two bots are connected")
	}
	stop()
	select {
	case <-ended:
		t.Error("Run ended while something was being received")
	default:
	}
	close(proceed)
	s.must(<-acted)
	s.must(<-ended)

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Say(gone, "Luc", "", "anybody?"); !errors.Is(err, context.Canceled) {
		t.Errorf("without a bot: %v", err)
	}
}

func TestIDsOfAnotherStartDiffer(t *testing.T) {
	ids := map[bot.IncomingID]bool{}
	for i := range 2 {
		clock := bottest.NewClock(time.Date(2026, 3, 2, 9, i, 0, 0, time.UTC))
		r := playground.New(playground.Options{Now: clock.Now})
		e := &engine{}
		ctx, stop := context.WithCancel(t.Context())
		a, err := r.Adapter(ctx)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx, e) }()
		if err := r.AddPerson(ctx, bottest.Person{Name: "Luc"}); err != nil {
			t.Fatal(err)
		}
		if err := r.Say(ctx, "Luc", "", "hello"); err != nil {
			t.Fatal(err)
		}
		stop()
		<-ended
		ids[e.last(t).ID] = true
	}
	if len(ids) != 2 {
		t.Error("an id came again: it would be taken for a second delivery")
	}
}

func TestNamesAreChecked(t *testing.T) {
	s := empty(t, "playground")
	for _, name := range []string{"", "luc", "LUC"} {
		if err := s.AddPerson(t.Context(), bottest.Person{Name: name}); err == nil {
			t.Errorf("the person %q was let in", name)
		}
	}
	for _, name := range []string{"", "lobby", "a/b", "a:b", "#a"} {
		if err := s.AddChannel(t.Context(), bottest.Channel{Name: name}); err == nil {
			t.Errorf("the channel %q was made", name)
		}
	}
	s.must(s.AddPerson(t.Context(), bottest.Person{Name: "Anne Marie"}))
	if a, err := bot.ParseAccount(s.Account("Anne Marie").String()); err != nil || strings.Contains(string(a.User), " ") {
		t.Errorf("account %v (%v): a command could not name it", a, err)
	}
}

func TestEverybodyAtOnce(t *testing.T) {
	s := start(t, "playground")
	s.answers(func(in bot.Incoming) (bot.Immediate, error) {
		to := bot.Target{Platform: in.From.Platform, Account: in.From, Reply: in.Reply, Conversation: in.In.Conversation}
		_, err := s.adapt.Send(t.Context(), bot.Envelope{ID: string(in.ID), Outgoing: bot.Outgoing{To: to, Body: bot.Body{Text: "x", Buttons: []bot.Button{{ID: "b", Label: "B"}}}}})
		return bot.Immediate{}, err
	})
	const rounds = 20
	var all sync.WaitGroup
	for _, name := range []string{"Maja", "Luc", "Vera"} {
		all.Go(func() {
			for range rounds {
				for _, err := range []error{
					s.Say(t.Context(), name, "lobby", "@bot hello"), s.Command(t.Context(), name, "", "/procura help"),
					s.Press(t.Context(), name, "B"),
				} {
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	if n := len(s.Seen()); n != 3*3*rounds {
		t.Errorf("people see %d things, want %d", n, 3*3*rounds)
	}
}
