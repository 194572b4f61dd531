package bot

import (
	"time"

	"github.com/go-playground/locales"
	"github.com/go-playground/locales/de"
	"github.com/go-playground/locales/en_GB"
	"github.com/go-playground/locales/fr"
)

// Moment is a time in words, in UTC.
func Moment(at time.Time) Formatted {
	at = at.UTC()
	return func(l Language) string {
		var calendar locales.Translator
		clock := at.Format("15:04")
		switch l {
		case French:
			calendar, clock = fr.New(), at.Format("15 h 04")
		case German:
			calendar, clock = de.New(), clock+" Uhr"
		default:
			calendar = en_GB.New()
		}
		return calendar.FmtDateLong(at) + ", " + clock + " UTC"
	}
}
