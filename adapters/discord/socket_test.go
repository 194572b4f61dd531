package discord_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

func TestAWrongTokenEndsTheRun(t *testing.T) {
	t.Run("from the start", func(t *testing.T) {
		s := newScene(t)
		s.Revoke()
		if err := <-s.ends(); err == nil || !strings.Contains(err.Error(), "PROCURABOT_DISCORD_BOT_TOKEN") || strings.Contains(err.Error(), s.Token()) {
			t.Errorf("the run ended with %v", err)
		}
	})
	t.Run("later", func(t *testing.T) {
		s := newScene(t)
		ended := s.ends()
		s.must(s.WaitConnected(s.ctx))
		s.Revoke()
		s.Disconnect(fakediscord.CloseCode(4004))
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "PROCURABOT_DISCORD_BOT_TOKEN") {
			t.Errorf("the run ended with %v", err)
		}
		if s.log.holds(s.Token()) {
			t.Error("the log holds the token")
		}
	})
}

// bubble plays a scene in a bubble, where days take a moment.
func bubble(t *testing.T, play func(s *scene)) {
	synctest.Test(t, func(t *testing.T) {
		server := newScene(t)
		ctx, stop := context.WithCancel(t.Context())
		server.ctx = ctx
		a := server.bare()
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx, server.engine) }()
		server.must(server.WaitConnected(ctx))
		// The library sleeps with its lock held when a connection ends. Nothing of
		// its own may want that lock in the same instant, as it does when a
		// connection begins: in a bubble a wait for a lock lets no time pass.
		time.Sleep(time.Second)
		play(server)
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the run ended with %v", err)
		}
		time.Sleep(5 * time.Second) // the library's own second after its close frame
		server.Stage.Close()
		synctest.Wait()
	})
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
