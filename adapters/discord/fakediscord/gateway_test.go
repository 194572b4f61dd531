package fakediscord_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"

	"procurabot/adapters/discord/fakediscord"
)

// TestBreaks ends a connection in every way. In each the client comes back, and
// hears what was said meanwhile where the session could be resumed.
func TestBreaks(t *testing.T) {
	tests := map[string]struct {
		how     fakediscord.Break
		resumed bool
	}{
		"op 7":                {fakediscord.AskReconnect(), true},
		"close 4000":          {fakediscord.CloseCode(4000), true},
		"reset":               {fakediscord.ResetConnection(), true},
		"op 9, for ever":      {fakediscord.InvalidSession(false), false},
		"close 4009, timeout": {fakediscord.CloseCode(4009), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fakediscord.Options{})
			w.open(t, w.client(t))
			w.event(t, "GUILD_CREATE")
			w.Disconnect(test.how)
			if name != "op 7" { // until it hears of op 7 the client is still there
				if _, err := w.Say(t.Context(), w.luc.ID, w.channel.ID, w.Mention(), ""); err != nil {
					t.Fatal(err)
				}
			}
			if test.resumed {
				if name != "op 7" {
					if m := next(t, w.heard); m.Content != w.Mention() {
						t.Errorf("replayed %q", m.Content)
					}
				}
				w.event(t, "RESUMED")
			} else {
				w.event(t, "READY")
			}
			want := 1
			if !test.resumed {
				want = 2
			}
			if got := w.Identified(); got != want {
				t.Errorf("identified %d times, want %d", got, want)
			}
		})
	}
}

func TestResumeThatFails(t *testing.T) {
	w := newWorld(t, fakediscord.Options{})
	w.open(t, w.client(t))
	w.event(t, "READY")
	w.FailResumes(1)
	w.Disconnect(fakediscord.ResetConnection())
	w.event(t, "READY")
	if got := w.Identified(); got != 2 {
		t.Errorf("identified %d times, want 2", got)
	}
}

func TestRefusedAtOpen(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*world, *discordgo.Session)
		code   int
	}{
		"a wrong token":          {func(w *world, d *discordgo.Session) { d.Identify.Token = "Bot wrong" }, 4004},
		"a token since reset":    {func(w *world, d *discordgo.Session) { w.Revoke() }, 4004},
		"a privileged intent":    {func(w *world, d *discordgo.Session) { d.Identify.Intents |= discordgo.IntentMessageContent }, 4014},
		"an intent that is none": {func(w *world, d *discordgo.Session) { d.Identify.Intents |= 1 << 30 }, 4013},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakediscord.Options{Privileged: fakediscord.IntentMembers})
			d := w.client(t)
			test.change(w, d)
			err := d.Open()
			var closed *websocket.CloseError
			if !errors.As(err, &closed) || closed.Code != test.code {
				t.Errorf("open gives %v, want close code %d", err, test.code)
			}
		})
	}
}

func TestDelivery(t *testing.T) {
	w := newWorld(t, fakediscord.Options{Privileged: fakediscord.IntentMessageContent})
	d := w.client(t)
	d.Identify.Intents |= discordgo.IntentMessageContent
	w.open(t, d)
	w.event(t, "GUILD_CREATE")
	w.Deliver(2, true)
	for _, text := range []string{"un", "deux", "trois"} {
		if _, err := w.Say(t.Context(), w.luc.ID, w.channel.ID, text, ""); err != nil {
			t.Fatal(err)
		}
	}
	w.Deliver(1, false)
	var got []string
	for range 6 {
		got = append(got, next(t, w.heard).Content)
	}
	if want := []string{"deux", "deux", "un", "un", "trois", "trois"}; !slices.Equal(got, want) {
		t.Errorf("heard %v, want %v", got, want)
	}
}

// TestDays drives client and server through a day of heartbeats in no time, and
// ends with the client's own Close.
func TestDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fakediscord.New(fakediscord.Options{})
		s.Start()
		w := populate(s)
		d := w.client(t)
		d.AddHandler(func(_ *discordgo.Session, m *discordgo.MessageCreate) { w.heard <- m.Message })
		if err := d.Open(); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for range 24 {
			time.Sleep(time.Hour)
			if _, err := w.Say(t.Context(), w.luc.ID, w.channel.ID, w.Mention(), ""); err != nil {
				t.Fatal(err)
			}
			if m := <-w.heard; m.Content != w.Mention() {
				t.Errorf("heard %q", m.Content)
			}
		}
		if got := w.Identified(); got != 1 || time.Since(start) < 24*time.Hour {
			t.Errorf("identified %d times in %s, want once", got, time.Since(start))
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		s.Close()
		synctest.Wait()
	})
}

func TestUnansweredHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fakediscord.New(fakediscord.Options{})
		s.Start()
		w := populate(s)
		d := w.client(t)
		if err := d.Open(); err != nil {
			t.Fatal(err)
		}
		s.Deafen(true)
		// Five intervals without an answer, and the client's second of closing.
		time.Sleep(6 * 42 * time.Second)
		s.Deafen(false)
		time.Sleep(time.Minute)
		// It closed with 1000, which ends the session: its resume was refused.
		if got := s.Identified(); got < 2 {
			t.Errorf("identified %d times, want again after the loss", got)
		}
		d.ShouldReconnectOnError = false
		_ = d.Close()
		s.Close()
		synctest.Wait()
	})
}

// At the last session of a day all end, and the token is reset.
// https://discord.com/developers/docs/events/gateway#identifying
func TestTheLastSessionOfADayResetsTheToken(t *testing.T) {
	c := newClock()
	w := newWorld(t, fakediscord.Options{Now: c.Now, Sessions: 3})
	d := w.client(t)
	left := func() int {
		t.Helper()
		return must[*discordgo.GatewayBotResponse](t)(d.GatewayBot()).SessionStartLimit.Remaining
	}
	for _, want := range []int{3, 2} {
		if got := left(); got != want {
			t.Errorf("%d sessions left, want %d", got, want)
		}
		if err := w.client(t).Open(); err != nil {
			t.Fatal(err)
		}
	}
	c.Add(24 * time.Hour)
	if got := left(); got != 3 {
		t.Errorf("%d sessions left on the next day, want 3", got)
	}
	for range 2 {
		if err := w.client(t).Open(); err != nil {
			t.Fatal(err)
		}
	}
	var closed *websocket.CloseError
	if err := w.client(t).Open(); !errors.As(err, &closed) || closed.Code != 4004 {
		t.Errorf("the third session of a day: %v", err)
	}
	if _, err := d.GatewayBot(); err == nil {
		t.Error("the token still holds")
	}
}
