package database

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever the clock and the randomness do, ids are 20 characters of the alphabet and strictly increasing as text, and one
// made at a later millisecond than all before it carries that millisecond.
func TestIDsIncrease(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var clock int64
		var random uint64
		s := &idSource{now: func() time.Time { return time.UnixMilli(clock) }, random: func() uint64 { return random }}
		last, latest := "", int64(0)
		for range rapid.IntRange(1, 50).Draw(t, "n") {
			clock = rapid.OneOf(rapid.Int64Range(-5, 20), rapid.Int64Range(0, 1<<48-50)).Draw(t, "clock")
			random = rapid.OneOf(rapid.Just(^uint64(0)), rapid.Uint64()).Draw(t, "random")
			id := s.next()
			if len(id) != 20 || strings.Trim(id, alphabet) != "" {
				t.Fatalf("%q", id)
			}
			if id <= last {
				t.Fatalf("%q after %q", id, last)
			}
			if clock > latest+1 { // an overflow of the random part may have borrowed the next millisecond
				if got := decodeMillis(id); got != clock {
					t.Fatalf("%q was made at %d, says %d", id, clock, got)
				}
			}
			last, latest = id, max(latest, clock)
		}
	})
}

func decodeMillis(id string) (ms int64) {
	for _, c := range id[:10] {
		ms = ms<<5 | int64(strings.IndexRune(alphabet, c))
	}
	return ms >> 2
}

func TestIDsOfTwoSourcesDiffer(t *testing.T) {
	now := func() time.Time { return time.UnixMilli(1) }
	seen := make(map[string]bool)
	for range 1000 {
		seen[(&idSource{now: now, random: cryptoRandom}).next()] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d different ids out of 1000", len(seen))
	}
}

func TestTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(-1<<47, 1<<47).Draw(t, "ms")
		if got := Millis(Time(ms)); got != ms {
			t.Fatalf("%d came back as %d", ms, got)
		}
		if Time(ms).Location() != time.UTC {
			t.Fatal("not in UTC")
		}
	})
	if !Time(0).IsZero() || Millis(time.Time{}) != 0 {
		t.Error("the zero time is not 0")
	}
}

func TestNowIsFrozenInUTCMilliseconds(t *testing.T) {
	clock := time.Date(2026, 3, 29, 2, 30, 0, 123456789, time.FixedZone("east", 3600))
	db := open(t, Options{Now: func() time.Time { clock = clock.Add(time.Second); return clock }})
	if err := db.Update(t.Context(), func(tx *Tx) error {
		first := tx.Now()
		if first != tx.Now() || first.Location() != time.UTC || first.Nanosecond() != 123000000 {
			t.Errorf("%v, then %v", first, tx.Now())
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
