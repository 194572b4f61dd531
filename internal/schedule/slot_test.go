package schedule_test

import (
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // the same clocks on every machine

	"pgregory.net/rapid"

	"procurabot/internal/schedule"
)

func place(t failer, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestDailyKeepsTheWallClock(t *testing.T) {
	for _, test := range []struct {
		name, place  string
		hour, minute int
		after        string
		want         []string
	}{
		{"a winter's day", "Europe/Brussels", 8, 0, "2026-01-10T07:00:00Z",
			[]string{"2026-01-11T08:00:00+01:00", "2026-01-12T08:00:00+01:00"}},
		{"over the change in spring", "Europe/Brussels", 8, 0, "2026-03-28T00:00:00Z",
			[]string{"2026-03-28T08:00:00+01:00", "2026-03-29T08:00:00+02:00"}},
		{"skipped in spring", "Europe/Brussels", 2, 30, "2026-03-28T00:00:00Z",
			[]string{"2026-03-28T02:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"}},
		{"twice in autumn", "Europe/Brussels", 2, 30, "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}},
		{"between the two", "Europe/Brussels", 2, 30, "2026-10-25T00:45:00Z",
			[]string{"2026-10-26T02:30:00+01:00"}},
		{"half an hour skipped", "Australia/Lord_Howe", 2, 15, "2026-10-03T00:00:00Z",
			[]string{"2026-10-04T02:45:00+11:00", "2026-10-05T02:15:00+11:00"}},
		{"half an hour twice", "Australia/Lord_Howe", 1, 45, "2026-04-04T00:00:00Z",
			[]string{"2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"}},
		{"leap day", "Europe/Brussels", 23, 59, "2028-02-28T12:00:00Z",
			[]string{"2028-02-28T23:59:00+01:00", "2028-02-29T23:59:00+01:00", "2028-03-01T23:59:00+01:00"}},
		{"a day that a place skipped", "Pacific/Apia", 8, 0, "2011-12-29T00:00:00Z",
			[]string{"2011-12-29T08:00:00-10:00", "2011-12-31T08:00:00+14:00", "2012-01-01T08:00:00+14:00"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			next := schedule.Daily(test.hour, test.minute, place(t, test.place))
			at, err := time.Parse(time.RFC3339, test.after)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for range test.want {
				at = next(at)
				got = append(got, at.Format(time.RFC3339))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestDailyComesOnceADay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loc := place(t, rapid.SampledFrom([]string{"Europe/Brussels", "Australia/Lord_Howe", "America/St_Johns", "UTC"}).Draw(t, "place"))
		hour, minute := rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute")
		next := schedule.Daily(hour, minute, loc)
		at := next(time.Unix(rapid.Int64Range(1e9, 4e9).Draw(t, "after"), 0))
		for range 400 {
			following := next(at)
			day := time.Date(at.Year(), at.Month(), at.Day()+1, 12, 0, 0, 0, loc)
			if following.YearDay() != day.YearDay() {
				t.Fatalf("after %s comes %s", at, following)
			}
			if within := next(following.Add(-1)); !within.Equal(following) {
				t.Fatalf("%s is %s when asked a moment before", following, within)
			}
			h, m, s := following.Clock()
			moved := (h*60 + m) - (hour*60 + minute)
			if s != 0 || moved != 0 && moved != 60 && moved != 30 {
				t.Fatalf("%02d:%02d comes at %s", hour, minute, following)
			}
			at = following
		}
	})
}

func TestEvery(t *testing.T) {
	for d, want := range map[time.Duration]time.Time{
		time.Minute:        time.Date(2026, 3, 6, 16, 1, 0, 0, time.UTC),
		24 * time.Hour:     time.Date(2026, 3, 7, 0, 0, 0, 0, time.UTC),
		7 * 24 * time.Hour: time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC), // a Monday
	} {
		if got := schedule.Every(d)(start); !got.Equal(want) {
			t.Errorf("every %s after %s: %s, want %s", d, start, got, want)
		}
	}
}
