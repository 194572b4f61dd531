package bot

import (
	"strconv"

	"procurabot/internal/database"
	"procurabot/internal/markup"
)

// Phrase is something to be said: the id of a message and the values for its
// placeholders. It becomes text only when its reader's language is known.
type Phrase struct {
	ID     string
	Values Values
	Count  *int // chooses the plural form, and fills {{.Count}}
}

// P is a Phrase without plural.
func P(id string, values Values) Phrase { return Phrase{ID: id, Values: values} }

// Values fills the placeholders of a message by name.
type Values map[string]Value

// Value is what may stand in a placeholder: [Data], [Marked], [Formatted], a
// [Phrase], [List] or [Lines]. There is no other way to bring text into a message, and only Data
// takes what people wrote, so that nothing goes unescaped by forgetting.
type Value interface {
	text(b Book, l Language) markup.Text
}

// Data is what people wrote. It is cleaned and escaped.
type Data string

// Marked is an editor's text with marks that were checked when it was saved.
type Marked markup.Text

// Formatted is made in the reader's language by a function of the program:
// dates, numbers, lists. What it returns is escaped like Data.
type Formatted func(l Language) string

// List is values one beside the other.
type List []Value

// Lines are phrases one below the other.
type Lines []Phrase

func (d Data) text(Book, Language) markup.Text          { return markup.Escape(string(d)) }
func (m Marked) text(Book, Language) markup.Text        { return markup.Text(m) }
func (f Formatted) text(_ Book, l Language) markup.Text { return markup.Escape(f(l)) }
func (p Phrase) text(b Book, l Language) markup.Text    { return p.Render(b, l) }

func (vs List) text(b Book, l Language) markup.Text {
	var text markup.Text
	for i, v := range vs {
		if i > 0 {
			text += ", "
		}
		text += v.text(b, l)
	}
	return text
}

func (ls Lines) text(b Book, l Language) markup.Text {
	var text markup.Text
	for i, p := range ls {
		if i > 0 {
			text += "\n"
		}
		text += p.Render(b, l)
	}
	return text
}

// Render gives the phrase in a language.
func (p Phrase) Render(b Book, l Language) markup.Text {
	values := make(map[string]markup.Text, len(p.Values)+1)
	for name, v := range p.Values {
		values[name] = v.text(b, l)
	}
	if p.Count != nil {
		if _, ok := values["Count"]; !ok {
			values["Count"] = markup.Text(strconv.Itoa(*p.Count))
		}
	}
	return b.Text(l, p.ID, values, p.Count)
}

// Book is all messages as one transaction, or the last commit, knows them. It
// does not change once it is given out and may be used by many at once.
type Book interface {
	// Text fills a message's placeholders. An id or a language that is missing
	// falls back to English, then to the id itself: a reader never gets nothing.
	Text(l Language, id string, values map[string]markup.Text, count *int) markup.Text
	// Has reports whether there is a message of that id.
	Has(id string) bool
}

// Phrasebook holds the messages. Package messages is the one that ships.
type Phrasebook interface {
	// At gives the book as the transaction sees it; it is read again from the
	// database only after the revision has changed.
	At(tx *database.Tx) (Book, error)
	// Committed gives the book of the last commit that was noticed.
	Committed() Book
}

// Say is one message: its text, the small print below it and its buttons.
type Say struct {
	Phrase
	Note    *Phrase
	Buttons []Press
}

// Press is a button to be shown. Without a Label its label is the message
// "<Button>.button".
type Press struct {
	Button string // the id of a feature's button
	Value  string // at most 64 characters, comes back in Pressed
	Label  *Phrase
	Style  Style
}

func (s Say) render(b Book, l Language) Body {
	body := Body{Text: s.Phrase.Render(b, l)}
	if s.Note != nil {
		body.Note = s.Note.Render(b, l)
	}
	for _, p := range s.Buttons {
		label := Phrase{ID: p.Button + ".button"}
		if p.Label != nil {
			label = *p.Label
		}
		body.Buttons = append(body.Buttons, Button{
			ID: p.Button, Value: p.Value, Style: p.Style,
			Label: markup.Plain(label.Render(b, l)),
		})
	}
	return body
}
