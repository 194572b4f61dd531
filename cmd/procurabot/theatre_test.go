package main

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
	"procurabot/bot/bottest"
)

// theatre is the whole program between a fake Slack and a fake Discord, in this
// process; nothing is sent but when it is let go on.
type theatre struct {
	t       *testing.T
	clock   *bottest.Clock
	slack   *fakeslack.Stage
	discord *fakediscord.Stage
	tenant  *bottest.Tenant
}

// newTheatre makes both platforms with a channel each for everybody and for the
// editors, who are on one of them, and starts the program. Signed HTTP holds for both.
func newTheatre(t *testing.T, o fakeslack.Options, editors string, people map[string]string) *theatre {
	t.Helper()
	th := &theatre{t: t, clock: bottest.NewClock(time.Date(2026, 3, 3, 10, 0, 0, 0, time.UTC))}
	var err error
	o.Now = th.clock.Now
	if th.slack, err = fakeslack.NewStage(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(th.slack.Close)
	open := fakediscord.NewStage
	if o.SignedHTTP {
		open = fakediscord.NewSignedStage
	}
	th.discord = open(th.clock.Now)
	t.Cleanup(th.discord.Close)
	for name, platform := range people {
		th.must(th.stage(platform).AddPerson(t.Context(), bottest.Person{Name: name, Locale: "en"}))
	}
	var adapters []bot.Adapter
	for _, s := range []bottest.Stage{th.slack, th.discord} {
		for _, channel := range []string{"lobby", "editors"} {
			th.must(s.AddChannel(t.Context(), bottest.Channel{Name: channel, Locale: "en"}))
		}
		a, err := s.Adapter(t.Context())
		th.must(err)
		adapters = append(adapters, a)
	}
	at := th.stage(editors).Spot("editors")
	at.Language = bot.English
	th.tenant, err = build(t.Context(), bottest.House{
		Path: filepath.Join(t.TempDir(), "theatre.db"), Now: th.clock.Now, Adapters: adapters, Editors: &at,
	}, little)
	th.must(err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, len(adapters))
	for _, a := range adapters {
		go func() { ended <- a.Run(ctx, th.tenant.Engine) }()
	}
	t.Cleanup(func() {
		stop()
		for range adapters {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if err := th.tenant.Close(); err != nil {
			t.Error(err)
		}
	})
	return th
}

func (th *theatre) stage(platform string) bottest.Stage {
	if platform == "slack" {
		return th.slack
	}
	return th.discord
}

func (th *theatre) must(err error) {
	th.t.Helper()
	if err != nil {
		th.t.Fatal(err)
	}
}

// on lets the program do all that is due.
func (th *theatre) on() {
	th.t.Helper()
	for {
		next, err := th.tenant.Engine.Step(th.t.Context())
		th.must(err)
		if next.IsZero() || next.After(th.clock.Now()) {
			return
		}
	}
}

// press presses a button, whatever language it is in.
func (th *theatre) press(platform, person, button string) {
	th.t.Helper()
	if err := th.tryPress(platform, person, button); err != nil {
		th.t.Fatalf("%s: %v", button, err)
	}
	th.on()
}

func (th *theatre) tryPress(platform, person, button string) error {
	var all []error
	for _, l := range bot.Languages() {
		err := th.stage(platform).Press(th.t.Context(), person, th.tenant.Engine.Text(l, button+".button"))
		if err == nil {
			return nil
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}
