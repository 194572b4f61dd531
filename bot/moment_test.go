package bot

import (
	"testing"
	"time"
)

func TestMoment(t *testing.T) {
	for _, test := range []struct {
		day  int
		l    Language
		want string
	}{
		{1, English, "1 December 2026, 09:05 UTC"},
		{1, French, "1er décembre 2026, 9\u00a0h\u00a005 UTC"},
		{11, French, "11 décembre 2026, 9\u00a0h\u00a005 UTC"},
		{1, German, "1. Dezember 2026, 09:05 Uhr UTC"},
	} {
		if got := Moment(time.Date(2026, 12, test.day, 9, 5, 0, 0, time.UTC))(test.l); got != test.want {
			t.Errorf("%s: %q, want %q", test.l, got, test.want)
		}
	}
}
