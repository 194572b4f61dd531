package discord_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"procurabot/adapters/discord"
	"procurabot/adapters/discord/fakediscord"
	"procurabot/bot"
)

// ends runs a bare adapter and gives how its run ended.
func (s *scene) ends() chan error {
	s.t.Helper()
	a := s.bare()
	ctx, stop := context.WithCancel(s.ctx)
	s.t.Cleanup(stop)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, s.engine) }()
	return ended
}

// Each of these ends the run at once, with what is to be mended and where, and
// is not tried again.
func TestWhatEndsTheRun(t *testing.T) {
	for code, says := range map[int][]string{
		4004: {"PROCURABOT_DISCORD_BOT_TOKEN", "the Bot page of https://discord.com/developers/applications"},
		4010: {"4010", "newer version"},
		4011: {"4011", "remove it"},
		4012: {"4012", "newer version"},
		4013: {"4013", "newer version"},
		4014: {"4014", "Privileged Gateway Intents on the Bot page of https://discord.com/developers/applications"},
	} {
		for when, late := range map[string]bool{"from the start": false, "later": true} {
			t.Run(fmt.Sprint(code, " ", when), func(t *testing.T) {
				t.Parallel()
				s := newScene(t)
				begun := 0
				if late {
					begun = 1
				} else {
					s.Refuse(code)
				}
				ended := s.ends()
				if late {
					s.must(s.WaitConnected(s.ctx))
					s.Refuse(code)
					s.Disconnect(fakediscord.CloseCode(code))
				}
				err := <-ended
				for _, words := range says {
					if err == nil || !strings.Contains(err.Error(), words) {
						t.Errorf("the run ended with %v, want %q in it", err, words)
					}
				}
				if n := s.Identified(); n != begun {
					t.Errorf("%d sessions began, want %d", n, begun)
				}
				if s.log.holds(s.Token()) || strings.Contains(err.Error(), s.Token()) {
					t.Error("the log or the error holds the token")
				}
			})
		}
	}
}

func TestARevokedTokenEndsTheRun(t *testing.T) {
	for when, late := range map[string]bool{"from the start": false, "later": true} {
		t.Run(when, func(t *testing.T) {
			s := newScene(t)
			if !late {
				s.Revoke()
			}
			ended := s.ends()
			if late {
				s.must(s.WaitConnected(s.ctx))
				s.Revoke()
				s.Disconnect(fakediscord.ResetConnection()) // nobody says why
			}
			if err := <-ended; err == nil || !strings.Contains(err.Error(), "PROCURABOT_DISCORD_BOT_TOKEN") || strings.Contains(err.Error(), s.Token()) {
				t.Errorf("the run ended with %v", err)
			}
		})
	}
}

// Something ends every session as soon as it has begun. Discord allows ten a day
// here, and at the tenth it would reset the token.
func TestTheSessionsOfADayAreSpared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const allowed, days = 10, 3
		s, stop := inBubble(t, func(func() time.Time) *fakediscord.Stage {
			return fakediscord.NewStageOn(fakediscord.Options{Now: time.Now, Sessions: allowed, Limits: 1})
		})
		began := time.Now()
		for time.Since(began) < days*24*time.Hour {
			s.Disconnect(fakediscord.CloseCode(4009))
			time.Sleep(10*time.Minute + 3700*time.Millisecond) // never as a connection begins
		}
		if n := s.Identified(); n < days*2 || n > days*allowed {
			t.Errorf("%d sessions began in %d days, of %d allowed in one", n, days, allowed)
		}
		if !s.log.holds("allows no more connections") {
			t.Error("the log does not say why there is no connection")
		}
		s.must(s.WaitConnected(s.ctx))
		s.lucSays("are you there?")
		s.hears()
		stop()
	})
}

// bubble plays a scene in a bubble, where days take a moment.
func bubble(t *testing.T, play func(s *scene)) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := inBubble(t, fakediscord.NewStage)
		play(s)
		stop()
	})
}

// inBubble is a scene with a bot that runs, and the way to end it, without
// which the bubble does not end.
func inBubble(t *testing.T, stage func(func() time.Time) *fakediscord.Stage) (s *scene, stop func()) {
	s = newSceneOn(t, stage)
	ctx, cancel := context.WithCancel(t.Context())
	s.ctx = ctx
	a := s.bare()
	s.adapter = a
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, s.engine) }()
	s.must(s.WaitConnected(ctx))
	// The library sleeps with its lock held when a connection ends. Nothing of
	// its own may want that lock in the same instant, as it does when a
	// connection begins: in a bubble a wait for a lock lets no time pass.
	time.Sleep(time.Second)
	return s, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the run ended with %v", err)
		}
		time.Sleep(5 * time.Second) // the library's own second after its close frame
		s.Stage.Close()
		synctest.Wait()
	}
}

func (s *scene) lucSays(text string) {
	s.t.Helper()
	luc := string(s.Account("luc").User)
	_, err := s.Server.Say(s.ctx, luc, s.DM(luc), text, "")
	s.must(err)
}

func TestConnectionsThatEnd(t *testing.T) {
	for name, how := range map[string]fakediscord.Break{
		"opcode 7":           fakediscord.AskReconnect(),
		"a reset":            fakediscord.ResetConnection(),
		"close 4000":         fakediscord.CloseCode(4000),
		"an invalid session": fakediscord.InvalidSession(false),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(s *scene) {
				for range 3 {
					s.Disconnect(how)
					synctest.Wait()
					time.Sleep(5 * time.Minute)
					s.must(s.WaitConnected(s.ctx))
					s.lucSays(name)
					if said, _ := s.hears().What.(bot.Said); said.Text != name {
						t.Errorf("heard %q", said.Text)
					}
				}
			})
		})
	}
}

func TestWhatWasMissedIsReplayed(t *testing.T) {
	bubble(t, func(s *scene) {
		s.Disconnect(fakediscord.ResetConnection())
		s.lucSays("while you were away")
		time.Sleep(time.Minute)
		if said, _ := s.hears().What.(bot.Said); said.Text != "while you were away" {
			t.Errorf("heard %q", said.Text)
		}
		if n := s.Identified(); n != 1 {
			t.Errorf("the bot identified %d times, want once", n)
		}
	})
}

func TestADeadConnectionIsReplaced(t *testing.T) {
	bubble(t, func(s *scene) {
		s.Deafen(true)
		time.Sleep(150 * time.Second)
		if !s.log.holds("acknowledges no heartbeats") {
			t.Error("nobody noticed that the connection is dead")
		}
		s.Deafen(false)
		time.Sleep(5 * time.Minute)
		s.must(s.WaitConnected(s.ctx))
		s.lucSays("are you there?")
		s.hears()
	})
}

func TestEndlessLossCostsNoToken(t *testing.T) {
	bubble(t, func(s *scene) {
		const hours = 4
		end := time.Now().Add(hours * time.Hour)
		for time.Now().Before(end) {
			s.Disconnect(fakediscord.CloseCode(4009)) // ends the session too
			time.Sleep(30 * time.Second)
		}
		if n := s.Identified(); n >= 1000*hours/24 {
			t.Errorf("the bot identified %d times in %d hours: Discord resets the token at 1,000 a day", n, hours)
		}
	})
}

// A line that breaks again and again is not the fault of whoever comes back: each
// time the session is resumed within a moment, and the log says so.
func TestABrokenLineIsResumedAtOnce(t *testing.T) {
	for name, how := range map[string]struct {
		fakediscord.Break
		why string
	}{
		"a reset":    {fakediscord.ResetConnection(), "the line was cut"},
		"opcode 7":   {fakediscord.AskReconnect(), "asked for another"},
		"close 4000": {fakediscord.CloseCode(4000), "Discord closed it"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(s *scene) {
				time.Sleep(10 * time.Second) // a session may begin every five seconds
				for n := range 12 {
					s.Disconnect(how.Break)
					synctest.Wait()
					lost := time.Now()
					s.must(s.WaitConnected(s.ctx))
					// The library itself takes a second to see that it is lost.
					if away := time.Since(lost); away > 3*time.Second {
						t.Errorf("loss %d: away for %s", n+1, away)
					}
					time.Sleep(2 * time.Second)
				}
				if n := s.Identified(); n != 1 {
					t.Errorf("%d sessions began, want 1", n)
				}
				if n := s.log.times("was lost"); n != 12 {
					t.Errorf("the log tells of %d losses, want 12", n)
				}
				if n := s.log.times("connected to Discord again"); n != 12 {
					t.Errorf("the log tells of %d returns, want 12", n)
				}
				if !s.log.holds(how.why) || !s.log.holds("away=") {
					t.Errorf("the log does not say why (%q), or for how long", how.why)
				}
			})
		})
	}
}

// Whoever asks for the Gateway's address is told to wait, in two ways: nothing is
// asked before that, and the log says why.
func TestTheGatewaysAddressIsNotAskedForTooEarly(t *testing.T) {
	for name, test := range map[string]struct {
		fault fakediscord.Fault
		wait  time.Duration
		says  string
	}{
		"a rate limit":           {fakediscord.RateLimited(20*time.Second, "user", false), 20 * time.Second, "Discord asks to be left alone for 20 s"},
		"the global rate limit":  {fakediscord.RateLimited(20*time.Second, "global", true), 20 * time.Second, "Discord asks to be left alone for 20 s"},
		"a page of Cloudflare's": {fakediscord.Banned(90 * time.Second), 90 * time.Second, "Discord, or what stands before it, refuses this address for 90 s"},
		"a ban":                  {fakediscord.HTMLBody(403), time.Minute, "Discord, or what stands before it, refuses this address for 60 s"},
	} {
		for _, route := range []string{"GET /gateway", "GET /gateway/bot"} {
			t.Run(name+" on "+route, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newSceneOn(t, func(func() time.Time) *fakediscord.Stage {
						return fakediscord.NewStageOn(fakediscord.Options{Now: time.Now})
					})
					ctx, cancel := context.WithCancel(t.Context())
					a, err := discord.New(discord.Options{
						BotToken: s.Token(), APIURL: s.URL(), HTTPClient: s.HTTPClient(), Dialer: s.Dialer(), Now: time.Now,
						Log: slog.New(slog.NewTextHandler(s.log, nil)),
					})
					s.must(err)
					s.Fail(route, 1, test.fault)
					ended := make(chan error, 1)
					go func() { ended <- a.Run(ctx, s.engine) }()
					s.must(s.WaitConnected(ctx))
					time.Sleep(time.Second)
					var asked []time.Time
					for _, r := range s.Requests() {
						if r.Route == route {
							asked = append(asked, r.Time)
						}
					}
					if len(asked) != 2 || asked[1].Sub(asked[0]) < test.wait || asked[1].Sub(asked[0]) > test.wait+10*time.Second {
						t.Errorf("asked at %v, want twice, %s apart", asked, test.wait)
					}
					if !s.log.holds(test.says) || s.log.holds("invalid character") {
						t.Errorf("the log does not say %q:\n%s", test.says, &s.log.b)
					}
					cancel()
					s.must(<-ended)
					time.Sleep(5 * time.Second)
					s.Stage.Close()
					synctest.Wait()
				})
			})
		}
	}
}
