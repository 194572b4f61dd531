package bot

import "golang.org/x/text/language"

// Language is one of the three that the bot speaks.
type Language string

// The three languages, English first: it is the one that others fall back to.
const (
	English Language = "en"
	French  Language = "fr"
	German  Language = "de"
)

// Languages lists all three, the fallback first.
func Languages() []Language { return []Language{English, French, German} }

// Known reports whether l is one of the three.
func (l Language) Known() bool { return l == English || l == French || l == German }

// ParseLocale finds the language of a platform's locale such as "fr-CA" or
// "de_AT". A locale of another language, or none, gives "".
func ParseLocale(locale string) Language {
	if locale == "" {
		return ""
	}
	tag, err := language.Parse(locale)
	if err != nil {
		return ""
	}
	base, _ := tag.Base()
	if l := Language(base.String()); l.Known() {
		return l
	}
	return ""
}

// firstKnown is the order in which a language is chosen: the first of the
// three among the candidates, else English.
func firstKnown(candidates ...Language) Language {
	for _, l := range candidates {
		if l.Known() {
			return l
		}
	}
	return English
}
