package bot

import (
	"strconv"
	"strings"
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
			calendar, clock = fr.New(), strconv.Itoa(at.Hour())+at.Format("\u00a0h\u00a004")
		case German:
			calendar, clock = de.New(), clock+" Uhr"
		default:
			calendar = en_GB.New()
		}
		day := calendar.FmtDateLong(at)
		if l == French && at.Day() == 1 {
			day = "1er" + strings.TrimPrefix(day, "1") // which CLDR leaves to its readers
		}
		return day + ", " + clock + " UTC"
	}
}
