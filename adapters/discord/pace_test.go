package discord_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"procurabot/adapters/discord/fakediscord"
)

// However much is to be said at once, no second has more than 40 requests of the
// 50 that Discord allows, and whoever no longer wants to wait does not.
func TestRequestsAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := inBubble(t, func(func() time.Time) *fakediscord.Stage {
			return fakediscord.NewStageOn(fakediscord.Options{Now: time.Now})
		})
		const messages, most = 200, 40
		before := len(s.Requests())
		var sending sync.WaitGroup
		for range messages {
			e := s.envelope(s.lobby(), "x")
			sending.Go(func() {
				if _, err := s.adapter.Send(s.ctx, e); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		impatient, cancel := context.WithTimeout(s.ctx, 100*time.Millisecond)
		began := time.Now()
		kind, _, _ := outcome(second(s.adapter.Send(impatient, s.envelope(s.lobby(), "never mind"))))
		if took := time.Since(began); kind != "retry" || took != 100*time.Millisecond {
			t.Errorf("a message that could wait for 100 ms is %s after %s", kind, took)
		}
		cancel()
		sending.Wait()
		all := s.Requests()[before:]
		if len(all) != messages {
			t.Errorf("%d requests were made, want %d", len(all), messages)
		}
		for i, r := range all {
			within := slices.IndexFunc(all[i:], func(x fakediscord.Request) bool { return x.Time.Sub(r.Time) >= time.Second })
			if within < 0 {
				within = len(all) - i
			}
			if within > most {
				t.Fatalf("%d requests were made within a second of %s", within, r.Time)
			}
		}
		if took := all[len(all)-1].Time.Sub(all[0].Time); took > messages*time.Second/30 {
			t.Errorf("%d messages took %s: that is slower than it must be", messages, took)
		}
		stop()
	})
}

// TestWhatWaitsIsSentBack: a limit that is met while others wait for their turn is
// theirs too, also at another gate; what answers an interaction at once is not.
func TestWhatWaitsIsSentBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := inBubble(t, func(func() time.Time) *fakediscord.Stage {
			return fakediscord.NewStageOn(fakediscord.Options{Now: time.Now})
		})
		s.Fail(toChannel, 1, fakediscord.RateLimited(time.Hour, "global", true))
		before := len(s.Requests())
		const messages = 50
		var sending sync.WaitGroup
		var mu sync.Mutex
		held := 0
		for range messages {
			e := s.envelope(s.lobby(), "x")
			sending.Go(func() {
				kind, after, gate := outcome(second(s.adapter.Send(s.ctx, e)))
				mu.Lock()
				defer mu.Unlock()
				if kind == "retry" && gate == "discord" && after > 59*time.Minute {
					held++
				}
			})
		}
		sending.Wait()
		// Those that were under way when the limit was met have arrived.
		asked := len(s.Requests()) - before
		if asked > 10 || held < messages-asked {
			t.Errorf("%d of %d went out, %d wait", asked, messages, held)
		}
		s.clock.Set(s.clock.Now().Add(time.Hour))
		if _, err := s.adapter.Send(s.ctx, s.envelope(s.lobby(), "an hour later")); err != nil {
			t.Error(err)
		}
		stop()
	})
}
