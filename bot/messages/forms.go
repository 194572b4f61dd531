package messages

import (
	"iter"

	"github.com/nicksnyder/go-i18n/v2/i18n"

	"procurabot/bot"
)

// Forms is a text in its plural forms. A text without a number has only Other.
// English and German have one and other; French has many too, for full millions.
// https://www.unicode.org/cldr/charts/latest/supplemental/language_plural_rules.html
type Forms struct {
	One   string `json:"one,omitempty"`
	Many  string `json:"many,omitempty"`
	Other string `json:"other,omitempty"`
}

// The names of the forms, as the files, the form's fields and problems have them.
const (
	one   = "one"
	many  = "many"
	other = "other"
)

func (f Forms) plural() bool { return f.One != "" || f.Many != "" }

func (f Forms) get(form string) string {
	switch form {
	case one:
		return f.One
	case many:
		return f.Many
	}
	return f.Other
}

// all gives the forms that are there, by name.
func (f Forms) all() iter.Seq2[string, string] {
	return func(yield func(form, text string) bool) {
		for _, form := range []string{one, many, other} {
			if text := f.get(form); text != "" && !yield(form, text) {
				return
			}
		}
	}
}

func (f Forms) message(id string) *i18n.Message {
	return &i18n.Message{ID: id, One: f.One, Many: f.Many, Other: f.Other}
}

// formsOf lists the forms that a text must have.
func formsOf(l bot.Language, plural bool) []string {
	switch {
	case !plural:
		return []string{other}
	case l == bot.French:
		return []string{one, many, other}
	}
	return []string{one, other}
}
