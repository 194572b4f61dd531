package webpage_test

import (
	"testing"
	"time"

	"procurabot/internal/webpage"
)

func all(t *testing.T) map[string]*webpage.Words {
	t.Helper()
	w, err := webpage.ReadWords([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	for l, w := range w {
		if len(w.Weekdays) != 7 || len(w.Months) != 12 || w.First == "" {
			t.Errorf("%s has %d weekdays, %d months", l, len(w.Weekdays), len(w.Months))
		}
	}
	return w
}

func TestDates(t *testing.T) {
	at := time.Date(2026, 4, 1, 9, 5, 0, 0, time.UTC)
	for l, want := range map[string]string{
		"en": "Wednesday 1 April 2026, 09:05",
		"fr": "mercredi 1er avril 2026, 9\u00a0h\u00a005",
		"de": "Mittwoch, 1. April 2026, 09:05\u00a0Uhr",
	} {
		w := all(t)[l]
		if got := w.DateOf(at) + ", " + w.HourOf(at); got != want {
			t.Errorf("%s: %q, want %q", l, got, want)
		}
	}
}

func TestRecognise(t *testing.T) {
	w := all(t)
	for text, want := range map[string]string{
		"Who pays for the journey to a conference?":      "en",
		"Qui paie le voyage pour aller à une conférence": "fr",
		"Wer bezahlt die Reise zu einer Konferenz?":      "de",
		"OK":                     "",
		"":                       "",
		"Procura+ 2026":          "",
		"the and der und le des": "",
	} {
		if got := webpage.Recognise(w, text); got != want {
			t.Errorf("%q was taken for %q, want %q", text, got, want)
		}
	}
}
