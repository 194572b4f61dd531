package messages

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"procurabot/bot"
	"procurabot/internal/markup"
)

// key names one text.
type key struct {
	ID       string
	Language bot.Language
}

func (k key) String() string { return k.ID + " (" + string(k.Language) + ")" }

// compareKeys orders by id, then English before the others.
func compareKeys(a, b key) int {
	if c := strings.Compare(a.ID, b.ID); c != 0 {
		return c
	}
	return slices.Index(bot.Languages(), a.Language) - slices.Index(bot.Languages(), b.Language)
}

// row is a text as it is in use.
type row struct {
	key
	Version int
	State   State
	Text    Forms
	Shipped Forms // what the last release says
}

// State says where a text comes from.
type State string

// The states of a text.
const (
	Shipped State = "shipped" // as the release has it
	Edited  State = "edited"  // changed here
	Review  State = "review"  // what it translates has changed
)

// book is all texts at one revision. It does not change.
type book struct {
	revision   string
	localizers map[bot.Language]*i18n.Localizer
	rows       []row // in order of their keys
	index      map[key]int
	plural     map[string]bool // ids whose English text has a number
	fallbacks  *atomic.Uint64
}

func newBook(revision string, rows []row, fallbacks *atomic.Uint64) (*book, error) {
	b := &book{
		revision: revision, rows: rows, fallbacks: fallbacks,
		localizers: map[bot.Language]*i18n.Localizer{},
		index:      make(map[key]int, len(rows)),
		plural:     map[string]bool{},
	}
	slices.SortFunc(b.rows, func(x, y row) int { return compareKeys(x.key, y.key) })
	texts := map[bot.Language][]*i18n.Message{}
	for i, r := range b.rows {
		b.index[r.key] = i
		texts[r.Language] = append(texts[r.Language], r.Text.message(r.ID))
		if r.Language == bot.English && r.Text.plural() {
			b.plural[r.ID] = true
		}
	}
	bundle := i18n.NewBundle(language.English)
	for _, l := range bot.Languages() {
		if err := bundle.AddMessages(language.Make(string(l)), texts[l]...); err != nil {
			return nil, fmt.Errorf("make book: %w", err)
		}
	}
	for _, l := range bot.Languages() {
		b.localizers[l] = i18n.NewLocalizer(bundle, string(l))
	}
	return b, nil
}

// Text fills a message's placeholders.
func (b *book) Text(l bot.Language, id string, values map[string]markup.Text, count *int) markup.Text {
	localizer, known := b.localizers[l]
	if !known {
		l, localizer = bot.English, b.localizers[bot.English]
	}
	text, err := b.localize(localizer, id, values, count)
	if err == nil && known {
		return markup.Text(text)
	}
	b.fallbacks.Add(1)
	if err == nil || text != "" { // go-i18n gives the best it has beside the error
		return markup.Text(text)
	}
	if l != bot.English {
		if text, _ := b.localize(b.localizers[bot.English], id, values, count); text != "" {
			return markup.Text(text)
		}
	}
	return markup.Escape(id)
}

func (b *book) localize(l *i18n.Localizer, id string, values map[string]markup.Text, count *int) (string, error) {
	c := i18n.LocalizeConfig{MessageID: id, TemplateData: values, TemplateParser: parser{}}
	if count != nil && b.plural[id] {
		c.PluralCount = *count
	}
	text, _, err := l.LocalizeWithTag(&c)
	return text, err
}

// Has reports whether there is a message of that id.
func (b *book) Has(id string) bool {
	_, ok := b.index[key{id, bot.English}]
	return ok
}

// command reports whether an id is of a command or one of its options, so that
// its ".name" is typed.
func (b *book) command(id string) bool { return b.Has(stem(id) + ".description") }

// row finds one text.
func (b *book) row(id string, l bot.Language) (row, bool) {
	i, ok := b.index[key{id, l}]
	if !ok {
		return row{}, false
	}
	return b.rows[i], true
}

// source is the English text of the release, which the others are held to.
func (b *book) source(id string) Forms {
	r, _ := b.row(id, bot.English)
	return r.Shipped
}
