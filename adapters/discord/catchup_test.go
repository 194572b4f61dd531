package discord_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/bot"
	"procurabot/bot/bottest"
)

// gone ends the session for good, and gives back what a session that comes
// later makes the engine hear: each thing once, by its id, as the engine counts.
func (s *scene) gone(meanwhile func()) []string {
	s.t.Helper()
	s.Disconnect(fakediscord.CloseCode(4009))
	meanwhile()
	time.Sleep(10 * time.Minute)
	s.must(s.WaitConnected(s.ctx))
	return s.newlyHeard()
}

func (s *scene) newlyHeard() []string {
	s.t.Helper()
	synctest.Wait()
	var all []string
	for len(s.engine.heard) > 0 {
		in := s.hears()
		if s.known[in.ID] {
			continue
		}
		s.known[in.ID] = true
		said, _ := in.What.(bot.Said)
		all = append(all, said.Text)
	}
	return all
}

// writes lets a person say something, whether or not anybody hears it.
func (s *scene) writes(person, place, text string) {
	s.t.Helper()
	user := string(s.Account(person).User)
	channel := s.DM(user)
	if place != "" {
		channel = string(s.Spot(place).Conversation)
	}
	_, err := s.Server.Say(s.ctx, user, channel, text, "")
	s.must(err)
}

func (s *scene) hour() { s.clock.Set(s.clock.Now().Add(time.Hour)) }

// asked counts the requests of a route.
func (s *scene) asked(route string) (n int) {
	for _, r := range s.Requests() {
		if r.Route == route {
			n++
		}
	}
	return n
}

const histories, listing = "GET /channels/{channel}/messages", "GET /guilds/{guild}/channels"

func sorted(all []string) []string { return slices.Sorted(slices.Values(all)) }

func TestWhatNoSessionHeardIsFetched(t *testing.T) {
	bubble(t, func(s *scene) {
		s.must(s.AddChannel(s.ctx, bottest.Channel{Name: "redaktion", Locale: "de"}))
		thread := s.Server.AddChannel(string(s.Spot("lobby").Space), "pair", fakediscord.PublicThread, 0)
		secret := s.Server.AddChannel(string(s.Spot("lobby").Space), "secret", fakediscord.Text, fakediscord.Nothing)
		deaf := s.Server.AddChannel(string(s.Spot("lobby").Space), "no history", fakediscord.Text, fakediscord.Usual&^fakediscord.ReadMessageHistory)
		s.writes("luc", "", "before")
		s.writes("greta", "lobby", s.Mention()+" before, in public")
		s.newlyHeard()
		luc := string(s.Account("luc").User)
		got := s.gone(func() {
			s.hour()
			s.writes("luc", "", "in private")
			s.writes("luc", "", "and again")
			s.writes("luc", "lobby", s.Mention()+" in public")
			s.writes("luc", "lobby", "nothing for the bot")
			s.writes("greta", "redaktion", s.Mention()+" in another server")
			for _, channel := range []string{thread.ID, secret.ID, deaf.ID} {
				_, err := s.Server.Say(s.ctx, luc, channel, s.Mention()+" in "+channel, "")
				s.must(err)
			}
			s.writes("greta", "", "by somebody new, in private: out of reach")
		})
		want := []string{"in private", "and again", "in public", "in another server", "in " + thread.ID}
		if !slices.Equal(sorted(got), sorted(want)) {
			t.Errorf("heard %q, want %q", got, want)
		}
		if slices.Index(got, "in private") > slices.Index(got, "and again") {
			t.Errorf("heard %q: the later one first", got)
		}
		if !s.log.holds("caught up") || s.log.holds("in private") {
			t.Error("the log does not say that it caught up, or says with what")
		}

		// The next time it begins where this one ended.
		if got := s.gone(func() { s.hour(); s.writes("greta", "lobby", s.Mention()+" later") }); !slices.Equal(got, []string{"later"}) {
			t.Errorf("the next time it heard %q", got)
		}
	})
}

func TestFetchingOutlastsFaults(t *testing.T) {
	bubble(t, func(s *scene) {
		s.writes("luc", "", "before")
		s.newlyHeard()
		// The adapter's clock goes on while it waits.
		over := make(chan struct{})
		defer close(over)
		go func() {
			second := time.NewTicker(time.Second)
			defer second.Stop()
			for {
				select {
				case <-second.C:
					s.clock.Set(s.clock.Now().Add(time.Second))
				case <-over:
					return
				}
			}
		}()
		s.Fail(histories, 1, fakediscord.RateLimited(90*time.Second, "user", false))
		s.Fail(histories, 2, fakediscord.Status(503))
		s.Fail(listing, 1, fakediscord.ResetBefore())
		s.Fail(listing, 1, fakediscord.HTMLBody(502))
		got := s.gone(func() {
			s.hour()
			s.writes("luc", "", "in private")
			s.writes("luc", "lobby", s.Mention()+" in public")
		})
		if !slices.Equal(sorted(got), []string{"in private", "in public"}) {
			t.Errorf("heard %q", got)
		}
		var times []time.Time
		for _, r := range s.Requests() {
			if r.Route == histories {
				times = append(times, r.Time)
			}
		}
		if len(times) < 4 {
			t.Errorf("%d requests for histories, want one more than there were faults", len(times))
		}
	})
}

func TestWhatCannotBeFetchedIsSaid(t *testing.T) {
	bubble(t, func(s *scene) {
		s.writes("luc", "", "before")
		s.newlyHeard()
		s.Fail(histories, 100, fakediscord.Status(500))
		s.Fail(listing, 100, fakediscord.Status(500))
		if got := s.gone(func() { s.hour(); s.writes("luc", "", "in private") }); len(got) != 0 {
			t.Errorf("heard %q", got)
		}
		if !s.log.holds("a channel could not be read") || !s.log.holds("a server's channels could not be listed") {
			t.Error("the log does not say what could not be read")
		}
	})
}

func TestAllPagesAreFetchedInOrder(t *testing.T) {
	bubble(t, func(s *scene) {
		s.writes("luc", "", "before")
		s.newlyHeard()
		var want []string
		got := s.gone(func() {
			s.hour()
			for n := range 250 {
				want = append(want, fmt.Sprintf("number %03d", n))
				s.writes("luc", "", want[n])
			}
		})
		if !slices.Equal(got, want) {
			t.Errorf("heard %d of 250: %q", len(got), got)
		}
	})
}

func TestWhatIsTooOldIsLeft(t *testing.T) {
	bubble(t, func(s *scene) {
		s.writes("luc", "", "before")
		s.newlyHeard()
		got := s.gone(func() {
			s.hour()
			s.writes("luc", "", "old")
			s.clock.Set(s.clock.Now().Add(72 * time.Hour))
			s.writes("luc", "", "new")
		})
		if !slices.Equal(got, []string{"new"}) {
			t.Errorf("heard %q", got)
		}
	})
}

func TestNothingIsFetchedWhereNothingWasMissed(t *testing.T) {
	bubble(t, func(s *scene) { // its first session
		s.writes("luc", "", "before")
		s.newlyHeard()
		for _, how := range []fakediscord.Break{fakediscord.ResetConnection(), fakediscord.AskReconnect()} {
			s.Disconnect(how)
			time.Sleep(5 * time.Minute)
			s.must(s.WaitConnected(s.ctx))
		}
		if n := s.asked(histories) + s.asked(listing); n != 0 || s.log.holds("caught up") {
			t.Errorf("%d requests, though every session was resumed", n)
		}
		// A new session in which nothing new was said reads the direct messages alone.
		s.hour()
		if got := s.gone(func() {}); len(got) != 0 || s.asked(histories) != 1 {
			t.Errorf("heard %q with %d requests for histories", got, s.asked(histories))
		}
	})
}

// A stop does not wait for a history that may not be read yet.
func TestAStopEndsTheFetching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := inBubble(t, fakediscord.NewStage)
		s.writes("luc", "", "before")
		s.newlyHeard()
		s.Fail(histories, 1, fakediscord.RateLimited(24*time.Hour, "user", false))
		s.gone(func() { s.hour(); s.writes("luc", "", "in private") })
		began := time.Now()
		stop()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the stop took %s", took)
		}
		if s.log.holds("caught up") {
			t.Error("the log says that it caught up, but it did not")
		}
	})
}
