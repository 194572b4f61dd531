package webpage

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Words is what a page says in one language.
type Words struct {
	Language string            // "fr"
	Texts    map[string]string // the page's own
	calendar
}

type calendar struct {
	Weekdays []string // from Sunday
	Months   []string
	Common   []string // small words by which the language is recognised
	Date     string   // how a date is written
	Hour     string
	First    string // the first day of a month
}

//go:embed languages.json
var languages []byte

// ReadWords gives the words of a page by language. The page's texts are JSON, by
// language and key.
func ReadWords(texts []byte) (map[string]*Words, error) {
	var own map[string]map[string]string
	if err := json.Unmarshal(texts, &own); err != nil {
		return nil, fmt.Errorf("read the page's texts: %w", err)
	}
	var calendars map[string]calendar
	if err := json.Unmarshal(languages, &calendars); err != nil {
		return nil, fmt.Errorf("read the languages: %w", err)
	}
	all := map[string]*Words{}
	for language, c := range calendars {
		all[language] = &Words{Language: language, Texts: own[language], calendar: c}
	}
	return all, nil
}

// T gives a text, with its values filled in as fmt does.
func (w *Words) T(key string, values ...any) (string, error) {
	text, ok := w.Texts[key]
	if !ok {
		return "", fmt.Errorf("the page has no text %q in %q", key, w.Language)
	}
	if len(values) > 0 {
		return fmt.Sprintf(text, values...), nil
	}
	return text, nil
}

// DateOf writes a day out: "Wednesday 1 April 2026".
func (w *Words) DateOf(t time.Time) string {
	day := strconv.Itoa(t.Day())
	if t.Day() == 1 {
		day = w.First
	}
	return strings.NewReplacer(
		"{weekday}", w.Weekdays[t.Weekday()], "{day}", day,
		"{month}", w.Months[t.Month()-1], "{year}", strconv.Itoa(t.Year()),
	).Replace(w.Date)
}

// HourOf writes an hour and its minutes.
func (w *Words) HourOf(t time.Time) string {
	return strings.NewReplacer(
		"{hour}", t.Format("15"), "{bare hour}", strconv.Itoa(t.Hour()), "{minute}", t.Format("04"),
	).Replace(w.Hour)
}

// Recognise tells a screen reader in which language to read a text: "" where
// its small words do not settle it.
func Recognise(all map[string]*Words, text string) string {
	count := map[string]int{}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		count[word]++
	}
	best := ""
	most, second := 0, 0
	for _, l := range slices.Sorted(maps.Keys(all)) {
		n := 0
		for _, word := range all[l].Common {
			n += count[word]
		}
		switch {
		case n > most:
			best, most, second = l, n, most
		case n > second:
			second = n
		}
	}
	if most < 2 || most < 2*second {
		return ""
	}
	return best
}
