package playground

import (
	"cmp"
	"embed"
	"fmt"

	"procurabot/bot"
	"procurabot/internal/webpage"
)

//go:embed web
var web embed.FS

// words is what the page itself says in one language.
type words struct{ *webpage.Words }

// News says how many messages are new.
func (w words) News(n int) (string, error) {
	if n == 1 {
		return w.T("new-one")
	}
	return w.T("new-other", n)
}

func readWords() (map[string]*webpage.Words, error) {
	b, err := web.ReadFile("web/words.json")
	if err != nil {
		return nil, fmt.Errorf("read the page's words: %w", err)
	}
	return webpage.ReadWords(b)
}

// speaks is the language in which the page addresses a person.
func speaks(p *person) bot.Language { return cmp.Or(bot.ParseLocale(p.locale), bot.English) }
