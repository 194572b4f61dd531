package showcase

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

func readWords() (map[string]*webpage.Words, error) {
	b, err := web.ReadFile("web/words.json")
	if err != nil {
		return nil, fmt.Errorf("read the page's words: %w", err)
	}
	return webpage.ReadWords(b)
}

func speaks(p Person) bot.Language { return cmp.Or(bot.ParseLocale(p.Locale), bot.English) }

// in gives the words in which the page addresses a person, English to whom it
// does not know.
func (s *Showcase) in(person string) words {
	for _, p := range s.people {
		if p.Name == person {
			return words{s.words[string(speaks(p))]}
		}
	}
	return words{s.words[string(bot.English)]}
}
