package discord_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"procurabot/adapters/discord"
	"procurabot/adapters/discord/fakediscord"
	"procurabot/bot"
	"procurabot/bot/bottest"
)

func TestMessagesAreReadAsTheirWritersSeeThem(t *testing.T) {
	s := newScene(t).run()
	luc, lobby := string(s.Account("luc").User), string(s.lobby().Conversation)
	greta := string(s.Account("greta").User)
	for _, test := range []struct{ written, heard string }{
		{s.Mention() + " are we too small?", "are we too small?"},
		{"are we " + s.Mention() + " too small?", "are we too small?"},
		{strings.Replace(s.Mention(), "@", "@!", 1) + "hello", "hello"},
		{s.Mention() + " ask <@" + greta + "> in <#" + lobby + "> <:smile:123> <a:wave:456> </procura ask:789>", "ask @greta in #lobby :smile: :wave: /procura ask"},
		{s.Mention() + " **bold** \\*x\\* <t:1618953630:F>", "**bold** \\*x\\* <t:1618953630:F>"},
	} {
		if _, err := s.Server.Say(s.ctx, luc, lobby, test.written, ""); err != nil {
			t.Fatal(err)
		}
		in := s.hears()
		if said, _ := in.What.(bot.Said); said.Text != test.heard {
			t.Errorf("%q was heard as %q, want %q", test.written, said.Text, test.heard)
		}
		if in.Name != "luc" || in.In.Locale != "fr" || in.In.Private || in.Space == "" {
			t.Errorf("heard %+v", in)
		}
	}
}

func TestWhatIsNotForTheBotIsNotHeard(t *testing.T) {
	s := newScene(t).run()
	luc, lobby := string(s.Account("luc").User), string(s.lobby().Conversation)
	say := func(user, text, reply string) string {
		t.Helper()
		id, err := s.Server.Say(s.ctx, user, lobby, text, reply)
		s.must(err)
		return id
	}
	other := s.AddUser(fakediscord.User{Name: "other", Bot: true})
	say(luc, "nothing for you", "")
	say(luc, "@everyone lunch", "")
	say(luc, strings.Replace(s.Mention(), "@", "@&", 1)+" a role", "")
	say(other.ID, s.Mention()+" from a bot", "")
	mine, err := s.adapter.Send(s.ctx, s.envelope(s.lobby(), "hello"))
	s.must(err)
	_, id, _ := strings.Cut(string(mine), ":")
	said := say(luc, "a reply to the bot", id)
	in := s.hears()
	if what, _ := in.What.(bot.Said); what.Text != "a reply to the bot" || in.ID != bot.IncomingID("m:"+said) || what.Message != bot.MessageID(said) {
		t.Errorf("heard %+v", in)
	}
}

func TestTheDeferralComesFirst(t *testing.T) {
	s := newScene(t).run()
	asked := make(chan bool, 1)
	s.engine.will(false, func(bot.Incoming) (bot.Immediate, error) {
		last := s.Requests()[len(s.Requests())-1]
		asked <- last.Route == "POST /interactions/{interaction}/{token}/callback" && last.Status == 204
		return bot.Immediate{}, nil
	})
	in := s.commands("/procura ask x")
	if !<-asked {
		t.Error("the turn was held before the deferral was made")
	}
	if in.Locale != "fr" || in.In.Locale != "fr" || !in.Reply.Expires.Equal(start().Add(14*time.Minute)) {
		t.Errorf("heard %+v", in)
	}
}

func TestCommandsAreTypedInAnyLanguage(t *testing.T) {
	s := newScene(t).run()
	for line, want := range map[string]map[string]string{
		"/procura demander Sommes-nous trop petits ?": {"question": "Sommes-nous trop petits ?"},
		"/procura fragen x":                           {"question": "x"},
		"/procura language deutsch":                   {"language": "de"},
		"/procura-admin roles give @greta rédaction":  {"person": s.Account("greta").String(), "role": "editor"},
	} {
		in := s.commands(line)
		c, _ := in.What.(bot.Commanded)
		for k, v := range want {
			if c.Options[k] != v {
				t.Errorf("%s: heard %+v", line, c)
			}
		}
		if c.Path[0] != strings.Fields(line)[0][1:] || slices.Contains(c.Path, "demander") {
			t.Errorf("%s: heard the path %v", line, c.Path)
		}
	}
	if err := s.Command(s.ctx, "luc", "lobby", "/procura dance"); err == nil {
		t.Error("a command that is not there was typed")
	}
	// Out of direct messages it is kept by Discord.
	if err := s.Command(s.ctx, "luc", "", "/procura-admin roles list"); err != nil {
		t.Error(err)
	}
	if in := s.hears(); in.In.Private {
		t.Error("an admin command came from a direct message")
	}
}

func TestCompletionsAreAlwaysAnswered(t *testing.T) {
	s := newScene(t)
	s.engine.commands = append(s.engine.commands, bot.CommandInfo{Command: bot.Command{
		ID: "x.pick", Path: []string{"procura", "pick"}, Options: []bot.Option{{Name: "kind", Required: true, Choices: []string{"a", "b"}}, {Name: "thing", Choices: make([]string, 30)}}}})
	s.run()
	s.engine.will(false, func(in bot.Incoming) (bot.Immediate, error) {
		return bot.Immediate{Choices: []bot.Completion{{Label: strings.Repeat("x", 120), Value: "v"}, {Label: "too long", Value: strings.Repeat("x", 101)}}}, nil
	})
	got, err := s.Complete(s.ctx, "luc", "lobby", "/procura pick a so")
	if err != nil || len(got) != 1 || !strings.HasSuffix(got[0], "…") {
		t.Errorf("proposed %q, %v", got, err)
	}
	in := s.hears()
	if c, _ := in.What.(bot.Completing); c.Option != "thing" || c.Prefix != "so" || strings.Join(c.Path, " ") != "procura pick" {
		t.Errorf("heard %+v", in.What)
	}
	s.engine.will(false, func(bot.Incoming) (bot.Immediate, error) { return bot.Immediate{}, errors.New("broken") })
	if got, err := s.Complete(s.ctx, "luc", "lobby", "/procura pick a so"); err != nil || len(got) != 0 {
		t.Errorf("a fault gave %q, %v", got, err)
	}
}

func TestAPanicStaysWithItsEvent(t *testing.T) {
	s := newScene(t).run()
	panics := true
	s.engine.will(false, func(bot.Incoming) (bot.Immediate, error) {
		if panics {
			panics = false
			panic("a fault of the test")
		}
		return bot.Immediate{}, nil
	})
	s.must(s.Say(s.ctx, "luc", "", "first"))
	s.must(s.Say(s.ctx, "luc", "", "second"))
	if said, _ := s.hears().What.(bot.Said); said.Text != "second" {
		t.Errorf("heard %q", said.Text)
	}
}

func TestAMessageThatCouldNotBeStoredIsHandedOverAgain(t *testing.T) {
	s := newScene(t).run()
	first := true
	s.engine.will(false, func(bot.Incoming) (bot.Immediate, error) {
		if first {
			first = false
			return bot.Immediate{Notice: "Later."}, errors.New("the disk is full")
		}
		return bot.Immediate{}, nil
	})
	s.must(s.Say(s.ctx, "luc", "", "hello"))
	if one, two := s.hears(), s.hears(); one.ID != two.ID {
		t.Errorf("heard %s and %s", one.ID, two.ID)
	}
	if seen := s.Seen(); len(seen) != 0 {
		t.Errorf("people see %+v", seen)
	}
}

func TestADeferralThatFailedOnceIsMade(t *testing.T) {
	s := newScene(t).run()
	s.Fail("POST /interactions/*", 1, fakediscord.Status(503))
	s.commands("/procura ask x")
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []discord.Options{{}, {BotToken: "x", APIURL: "discord.com"}, {BotToken: "x", APIURL: "https://discord.com/api"}, {BotToken: "x", APIURL: "ftp://x"},
		{BotToken: "x", PublicKey: "secret"}, {BotToken: "x", PublicKey: strings.Repeat("a", 63)}} {
		if _, err := discord.New(o); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := discord.New(discord.Options{BotToken: "x", APIURL: "https://discord.com/"}); err != nil {
		t.Error(err)
	}
}

func TestEachLanguageHasItsGuild(t *testing.T) {
	s := newScene(t).run()
	s.must(s.AddChannel(s.ctx, bottest.Channel{Name: "redaktion", Locale: "de"}))
	s.must(s.Say(s.ctx, "luc", "redaktion", "@bot bonjour"))
	if in := s.hears(); in.In.Locale != "de" || in.Space == s.Spot("lobby").Space || s.Spot("redaktion").Language != bot.German {
		t.Errorf("heard %+v", in)
	}
}

const callback = "POST /interactions/{interaction}/{token}/callback"

// An interaction that Discord has given up is answered by direct message, without
// its token being tried first.
func TestWhatCameTooLateIsAnsweredDirectly(t *testing.T) {
	s := newScene(t).run()
	s.AnswerLate(1)
	_ = s.Command(s.ctx, "luc", "lobby", "/procura ask x") // luc reads that nothing answered
	in := s.hears()
	s.Seen()
	s.must(second(s.adapter.Send(s.ctx, s.envelope(privately(in), "by direct message"))))
	if n := s.asked("PATCH /webhooks/{application}/{token}/messages/{message}"); n != 0 {
		t.Errorf("the lost answer was edited %d times", n)
	}
	if seen := s.Seen(); len(seen) != 1 || seen[0].To != "luc" || seen[0].Place != "" || seen[0].Text != "by direct message" {
		t.Errorf("people see %+v", seen)
	}
	next := s.commands("/procura ask y")
	s.must(second(s.adapter.Send(s.ctx, s.envelope(privately(next), "in its place"))))
	if n := s.asked("PATCH /webhooks/{application}/{token}/messages/{message}"); n != 1 {
		t.Errorf("the next answer was edited %d times, want once", n)
	}
}

// What could not be stored is said even where the interaction is lost.
func TestANoticeThatCameTooLateIsGivenDirectly(t *testing.T) {
	s := newScene(t).run()
	s.engine.will(false, func(bot.Incoming) (bot.Immediate, error) { return bot.Immediate{Notice: "try again"}, nil })
	s.AnswerLate(1)
	_ = s.Command(s.ctx, "luc", "lobby", "/procura ask x")
	s.hears()
	direct := s.DM(string(s.Account("luc").User))
	s.must(s.Await(s.ctx, func() bool { return len(s.Messages(direct)) == 1 }))
}

// A first response that is to wait is made again where the three seconds allow it.
func TestAFirstResponseWaitsForItsLimit(t *testing.T) {
	for wait, times := range map[time.Duration]int{1500 * time.Millisecond: 2, 4 * time.Second: 1} {
		t.Run(wait.String(), func(t *testing.T) {
			bubble(t, func(s *scene) {
				s.Fail(callback, 1, fakediscord.RateLimited(wait, "user", false))
				began := time.Now()
				go s.Command(s.ctx, "luc", "lobby", "/procura ask x") // it waits for what may not come
				s.hears()
				if n := s.asked(callback); n != times {
					t.Errorf("%d first responses, want %d", n, times)
				}
				if took := time.Since(began); times == 2 && (took < wait || took > 3*time.Second) {
					t.Errorf("the second came after %s, want %s", took, wait)
				}
			})
		})
	}
}
