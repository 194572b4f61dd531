package schedule

import (
	"time"

	"procurabot/internal/database"
)

// Slot is something that recurs.
type Slot struct {
	// Name is the slot's identity in the database.
	Name string
	// Next gives the first occurrence strictly after a time, and the zero time when there is none any more. It must depend
	// on its argument alone.
	Next func(after time.Time) time.Time
	// Run does the occurrence of at. It may run more than once, as every operation of a database; only what it writes
	// through tx counts.
	Run func(tx *database.Tx, at time.Time) error
}

// next is the occurrence after a time, in whole milliseconds, rounded up so that it is never early.
func (s Slot) next(after time.Time) time.Time {
	at := s.Next(after)
	if cut := at.Truncate(time.Millisecond); cut.Before(at) {
		at = cut.Add(time.Millisecond)
	}
	if !at.IsZero() && !at.After(after) {
		// A rule that stands still would run for ever.
		return time.Time{}
	}
	return at
}

// latest is the last occurrence after done that is not after now; zero when there is none. It searches backwards from now
// in growing strides, so that a slot of every minute does not count through a year of downtime.
func (s Slot) latest(done, now time.Time) time.Time {
	for stride := time.Minute; ; stride *= 2 {
		from := now.Add(-stride)
		if !from.After(done) {
			from = done
		}
		at := s.next(from)
		if !due(at, now) {
			if from.Equal(done) {
				return time.Time{}
			}
			continue
		}
		for after := s.next(at); due(after, now); after = s.next(at) {
			at = after
		}
		return at
	}
}

func due(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

// Every gives the multiples of d since the year 1 in UTC: full hours, days that begin at midnight, weeks on Monday. It
// panics when d is not positive.
func Every(d time.Duration) func(after time.Time) time.Time {
	if d <= 0 {
		panic("schedule: Every needs a positive duration")
	}
	return func(after time.Time) time.Time { return after.UTC().Truncate(d).Add(d) }
}

// Daily gives hour:minute on the clocks of a place, every day, whatever they are put forward or back. Where they skip the
// time, it is that much later, and where they show it twice, the first time counts, as RFC 5545 has it.
// https://www.rfc-editor.org/rfc/rfc5545#section-3.3.5
func Daily(hour, minute int, place *time.Location) func(after time.Time) time.Time {
	return func(after time.Time) time.Time {
		year, month, day := after.In(place).Date()
		for d := day - 1; ; d++ {
			if at := wallClock(year, month, d, hour, minute, place); at.After(after) {
				return at
			}
		}
	}
}

// wallClock is when the clocks of a place show a time. time.Date does not say which of two instants it gives, nor where it
// moves a time that is skipped: https://pkg.go.dev/time#Date
func wallClock(year int, month time.Month, day, hour, minute int, place *time.Location) time.Time {
	wall := time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
	// A day on either side lies beyond every offset from UTC, and within a day clocks change once.
	_, before := wall.AddDate(0, 0, -1).In(place).Zone()
	_, after := wall.AddDate(0, 0, 1).In(place).Zone()
	first, second := wall.Add(-seconds(before)), wall.Add(-seconds(after))
	if !shows(first, before, place) && shows(second, after, place) {
		return second.In(place)
	}
	// The only one, or the first of two, or, in a gap, the old offset's, which lies behind it.
	return first.In(place)
}

func shows(at time.Time, offset int, place *time.Location) bool {
	_, is := at.In(place).Zone()
	return is == offset
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
