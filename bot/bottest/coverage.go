package bottest

import (
	"sync"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
)

// Coverage collects which messages were said in which language.
type Coverage struct {
	mu   sync.Mutex
	said map[bot.Language]map[string]bool
}

// Said reports whether a message was said in a language.
func (c *Coverage) Said(l bot.Language, id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said[l][id]
}

func (c *Coverage) add(l bot.Language, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.said == nil {
		c.said = map[bot.Language]map[string]bool{}
	}
	if c.said[l] == nil {
		c.said[l] = map[string]bool{}
	}
	c.said[l][id] = true
}

// Phrasebook collects what is said from p.
func (c *Coverage) Phrasebook(p bot.Phrasebook) bot.Phrasebook {
	if c == nil {
		return p
	}
	return coveredPhrasebook{p, c}
}

type coveredPhrasebook struct {
	bot.Phrasebook
	coverage *Coverage
}

func (p coveredPhrasebook) At(tx *database.Tx) (bot.Book, error) {
	b, err := p.Phrasebook.At(tx)
	if err != nil {
		return nil, err
	}
	return coveredBook{b, p.coverage}, nil
}

func (p coveredPhrasebook) Committed() bot.Book {
	return coveredBook{p.Phrasebook.Committed(), p.coverage}
}

type coveredBook struct {
	bot.Book
	coverage *Coverage
}

func (b coveredBook) Text(l bot.Language, id string, values map[string]markup.Text, count *int) markup.Text {
	b.coverage.add(l, id)
	return b.Book.Text(l, id, values, count)
}
