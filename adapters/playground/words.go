package playground

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"procurabot/bot"
)

//go:embed web
var web embed.FS

// words is what the page itself says in one language.
type words struct {
	Texts    map[string]string `json:"texts"`
	Weekdays []string          `json:"weekdays"` // from Sunday
	Months   []string          `json:"months"`
	Common   []string          `json:"common"` // small words by which the language is recognised
	language bot.Language
}

func readWords() (map[bot.Language]*words, error) {
	b, err := web.ReadFile("web/words.json")
	if err != nil {
		return nil, fmt.Errorf("read the page's words: %w", err)
	}
	all := map[bot.Language]*words{}
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("read the page's words: %w", err)
	}
	for l, w := range all {
		w.language = l
	}
	return all, nil
}

// T gives a text, with its values filled in as fmt does.
func (w *words) T(key string, values ...any) (string, error) {
	text, ok := w.Texts[key]
	if !ok {
		return "", fmt.Errorf("the page has no text %q in %q", key, w.language)
	}
	if len(values) > 0 {
		return fmt.Sprintf(text, values...), nil
	}
	return text, nil
}

// News says how many messages are new.
func (w *words) News(n int) (string, error) {
	if n == 1 {
		return w.T("new-one")
	}
	return w.T("new-other", n)
}

func (w *words) date(t time.Time) string {
	day := strconv.Itoa(t.Day())
	if w.language == bot.French && t.Day() == 1 {
		day = "1er"
	}
	return strings.NewReplacer(
		"{weekday}", w.Weekdays[t.Weekday()], "{day}", day,
		"{month}", w.Months[t.Month()-1], "{year}", strconv.Itoa(t.Year()),
	).Replace(w.Texts["date"])
}

func (w *words) hour(t time.Time) string {
	return strings.NewReplacer(
		"{hour}", t.Format("15"), "{bare hour}", strconv.Itoa(t.Hour()), "{minute}", t.Format("04"),
	).Replace(w.Texts["hour"])
}

// recognise tells a screen reader in which language to read a text: "" where
// its small words do not settle it.
func recognise(all map[bot.Language]*words, text string) bot.Language {
	count := map[string]int{}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		count[word]++
	}
	var best bot.Language
	most, second := 0, 0
	for _, l := range bot.Languages() {
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

// speaks is the language in which the page addresses a person.
func speaks(p *person) bot.Language { return cmp.Or(bot.ParseLocale(p.locale), bot.English) }
