package benefits

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
	"procurabot/internal/retrieval"
)

// library is all knowledge as it is searched. It does not change.
type library struct {
	knowledge
	model   *retrieval.Model
	learned string // the fingerprint of what the model was learned from
	index   *retrieval.Index
}

// actionLabel marks a label that is an action and not a topic.
const actionLabel = "action:"

// current gives the library of the database's revision, made anew where needed.
// It reads a snapshot: the writer never waits for it. What has changed is found
// word for word at once, and learned aside.
func (b *Benefits) current(ctx context.Context) (*library, error) {
	have := b.library.Load()
	var revision string
	err := b.db.View(ctx, func(tx *database.Tx) (err error) {
		revision, err = tx.Revision()
		return err
	})
	if err != nil || have != nil && have.revision == revision {
		return have, err
	}
	b.building.Lock()
	defer b.building.Unlock()
	if have = b.library.Load(); have != nil && have.revision == revision {
		return have, nil
	}
	var k knowledge
	err = b.db.View(ctx, func(tx *database.Tx) (err error) {
		k, err = b.read(tx)
		return err
	})
	if err != nil {
		return have, fmt.Errorf("make the library: %w", err)
	}
	fresh := &library{knowledge: k}
	switch {
	case have == nil:
		if err := b.open(ctx, fresh); err != nil {
			return nil, err
		}
	case have.fingerprint == k.fingerprint:
		fresh.model, fresh.learned, fresh.index = have.model, have.learned, have.index
	default:
		fresh.model, fresh.learned, fresh.index = have.model, have.learned, have.model.Index(k.entries)
	}
	b.library.Store(fresh)
	if have == nil || have.fingerprint != k.fingerprint {
		b.student.tell()
	}
	return fresh, nil
}

// open finds what was learned before, and learns only where there is nothing.
func (b *Benefits) open(ctx context.Context, l *library) error {
	m, right, err := b.model(ctx, l.fingerprint)
	if err != nil {
		return err
	}
	if m == nil {
		b.o.Log.Info("learning how people ask, which takes some seconds and is done once", "phrases", len(l.entries))
		m, err = b.fit(ctx, l.knowledge)
		if m == nil {
			return err
		}
		if err != nil {
			b.o.Log.Error("what was learned serves, and is learned again because it was not stored", "err", err)
		}
		right = err == nil
	}
	if right {
		l.learned = l.fingerprint
	}
	l.model, l.index = m, m.Index(l.entries)
	return nil
}

func (b *Benefits) read(tx *database.Tx) (knowledge, error) {
	revision, err := tx.Revision()
	if err != nil {
		return knowledge{}, err
	}
	all, err := pages(tx)
	if err != nil {
		return knowledge{}, err
	}
	var entries []retrieval.Entry
	for _, p := range all {
		entry := retrieval.Entry{Label: p.Topic, Language: string(p.Language)}
		for _, phrase := range append(p.Phrases, p.Title) {
			entry.Text = phrase
			entries = append(entries, entry)
		}
		entry.Text, entry.Answer = markup.Plain(markup.Text(contactPlace.ReplaceAllString(p.Answer, ""))), true
		entries = append(entries, entry)
	}
	book, err := b.o.Phrasebook.At(tx)
	if err != nil {
		return knowledge{}, err
	}
	topic := ""
	for _, p := range all {
		if p.Topic != topic {
			topic = p.Topic
			entries = append(entries, messages(book, "benefits."+topic, topic)...)
		}
	}
	for _, id := range b.actions {
		entries = append(entries, messages(book, id, actionLabel+id)...)
	}
	return knowledge{revision, retrieval.Fingerprint(entries), entries}, nil
}

// Lint looks through how people ask, as it is known now: which phrases contradict
// each other, and which are too few. It takes some seconds.
func (b *Benefits) Lint(ctx context.Context) ([]retrieval.Finding, error) {
	l, err := b.current(ctx)
	if err != nil {
		return nil, err
	}
	return retrieval.Lint(ctx, l.entries)
}

// messages are the phrases that a message holds for a label, one a line.
func messages(book bot.Book, id, label string) []retrieval.Entry {
	id += ".phrases"
	if !book.Has(id) {
		return nil
	}
	var entries []retrieval.Entry
	for _, l := range bot.Languages() {
		for phrase := range strings.Lines(markup.Plain(bot.P(id, nil).Render(book, l))) {
			entries = append(entries, retrieval.Entry{Label: label, Language: string(l), Text: strings.TrimSpace(phrase)})
		}
	}
	return entries
}

// contactPlace is where a page names the contact.
var contactPlace = regexp.MustCompile(`\{\{\s*\.Contact\s*\}\}`)

// text is a page's answer as it is read, with the contact filled in.
func (b *Benefits) text(p page, book bot.Book, l bot.Language) bot.Marked {
	contact := string(b.contact(book, l))
	return bot.Marked(contactPlace.ReplaceAllLiteralString(p.Answer, contact))
}

// contact is the address the operator has set, as a link.
func (b *Benefits) contact(book bot.Book, l bot.Language) markup.Text {
	c := strings.TrimSpace(b.o.Contact)
	switch {
	case c == "":
		return bot.P("benefits.contact-fallback", nil).Render(book, l)
	case strings.HasPrefix(c, "https://"), strings.HasPrefix(c, "http://"):
		return link(c, c)
	case strings.HasPrefix(c, "mailto:"):
		return link(strings.TrimPrefix(c, "mailto:"), c)
	case strings.Contains(c, "@"):
		return link(c, "mailto:"+c)
	}
	return markup.Escape(c)
}

func link(label, address string) markup.Text {
	return "[" + markup.Escape(label) + "](" + markup.Escape(address) + ")"
}
