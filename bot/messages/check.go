package messages

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
)

// Limits is how long texts may be, in UTF-16 code units, each the tightest of all
// platforms. A placeholder counts as its longest likely value.
type Limits struct {
	Button      int // of a button's label
	LongButton  int // beyond this a button is hard to read: only a warning
	Title       int // of a form
	Label       int // of a field
	Hint        int // in an empty field
	Option      int // of one choice
	Name        int // of a command or an argument
	Description int
	Phrase      int // one line of phrases
	Text        int // everything else
	Field       int // what a form can take to be edited, all phrases together
}

// Tightest gives the limits of Slack and Discord together.
// https://docs.slack.dev/reference/block-kit/block-elements/button-element and
// https://docs.slack.dev/reference/views/modal-views are tighter for buttons,
// titles and choices,
// https://discord.com/developers/docs/components/reference for labels and hints,
// https://discord.com/developers/docs/interactions/application-commands for names.
func Tightest() Limits {
	return Limits{
		Button: 75, LongButton: 30, Title: 24, Label: 45, Hint: 100, Option: 75,
		Name: 32, Description: 100, Phrase: 200, Text: 1500, Field: 3000,
	}
}

// of gives the limit of a slot, and whether its texts are shown without marks.
func (l Limits) of(slot string) (limit int, plain bool) {
	switch slot {
	case "button":
		return l.Button, true
	case "title":
		return l.Title, true
	case "label":
		return l.Label, true
	case "hint":
		return l.Hint, true
	case "option":
		return l.Option, true
	case "name":
		return l.Name, true
	case "description":
		return l.Description, true
	}
	return l.Text, false
}

// Kind is what is wrong with a text. "messages.problem-<kind>" says it.
type Kind string

// The kinds of problem.
const (
	Unreadable  Kind = "unreadable"  // a file that is missing or is no message file
	Missing     Kind = "missing"     // no text in this language
	Surplus     Kind = "surplus"     // an id that the English file has not
	Empty       Kind = "empty"       // a plural form of the language is missing or blank
	ExtraForm   Kind = "extra-form"  // a plural form that the language or the message has not
	Syntax      Kind = "syntax"      // a placeholder that cannot be read
	Lacks       Kind = "lacks"       // a placeholder of the English text is missing
	Unknown     Kind = "unknown"     // a placeholder that the English text has not
	Marks       Kind = "marks"       // a mark that is not closed, or the like
	TooLong     Kind = "too-long"    // for the tightest platform
	Long        Kind = "long"        // hard to read: a warning
	NotAName    Kind = "not-a-name"  // the word of a command must be one lower-case word
	Same        Kind = "same"        // the English text, not translated
	Spacing     Kind = "spacing"     // French: no no-break space where one belongs
	Quotes      Kind = "quotes"      // quotation marks of another language
	BlankPhrase Kind = "blank-lines" // phrases with an empty line
)

// Problem is one thing that is wrong with one text.
type Problem struct {
	ID       string
	Language bot.Language
	Form     string // the plural form, "" where it is about the whole
	Kind     Kind
	Detail   string // what it is about: a placeholder, the place in the text
	At       int    // the character, from 1; 0 is unknown
	Length   int
	Limit    int
	Warning  bool // it may stay so

	fault markup.Fault // of Marks
}

// String is for the operator: "help.text (fr) one: too-long 1612 of 1500".
func (p Problem) String() string {
	s := p.ID + " (" + string(p.Language) + ")"
	if p.Form != "" && p.Form != other {
		s += " " + p.Form
	}
	s += ": " + string(p.Kind)
	if p.fault != "" {
		s += " " + string(p.fault)
	}
	if p.Limit > 0 {
		s += fmt.Sprintf(" %d of %d", p.Length, p.Limit)
	}
	if p.At > 0 {
		s += fmt.Sprintf(" at character %d", p.At)
	}
	if p.Detail != "" {
		s += " " + strconv.Quote(p.Detail)
	}
	if p.Warning {
		s += " (warning)"
	}
	return s
}

// Phrase says it to an editor, in their language.
func (p Problem) Phrase() bot.Phrase {
	v := bot.Values{
		"Detail": bot.Data(p.Detail), "Example": bot.Data("{{.Name}}"),
		"At": figure(p.At), "Length": figure(p.Length), "Limit": figure(p.Limit),
		"Right": bot.Data(quotes(p.Language)),
	}
	if p.Kind == Marks {
		v["Reason"] = bot.P("messages.mark-"+strings.ReplaceAll(string(p.fault), "_", "-"), nil)
	}
	return bot.P("messages.problem-"+string(p.Kind), v)
}

func figure(n int) bot.Formatted { return func(bot.Language) string { return strconv.Itoa(n) } }

// Check finds what is wrong with the message files, in order of ids.
func Check(files fs.FS, l Limits) []Problem {
	r := release{}
	var problems []Problem
	for _, language := range bot.Languages() {
		if err := r.read(files, language); err != nil {
			problems = append(problems, Problem{ID: "active." + string(language) + ".toml", Language: language, Kind: Unreadable, Detail: err.Error()})
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return l.check(r, r)
}

// CheckStored finds what is wrong with the texts that are in use.
func CheckStored(tx *database.Tx, l Limits) ([]Problem, error) {
	rows, err := readTexts(tx)
	if err != nil {
		return nil, fmt.Errorf("check messages: %w", err)
	}
	texts, sources := release{}, release{}
	for _, r := range rows {
		texts[r.key], sources[r.key] = r.Text, r.Shipped
	}
	return l.check(texts, sources), nil
}

func (l Limits) check(texts, sources release) []Problem {
	var problems []Problem
	for _, k := range texts.keys() {
		source, ok := sources[key{k.ID, bot.English}]
		if !ok {
			problems = append(problems, Problem{ID: k.ID, Language: k.Language, Kind: Surplus})
			continue
		}
		_, command := texts[key{stem(k.ID) + ".description", bot.English}]
		problems = append(problems, l.text(k, texts[k], source, command)...)
		if k.Language != bot.English {
			continue
		}
		for _, language := range bot.Languages() {
			if _, ok := texts[key{k.ID, language}]; !ok {
				problems = append(problems, Problem{ID: k.ID, Language: language, Kind: Missing})
			}
		}
	}
	return problems
}

// stem is an id without its slot.
func stem(id string) string {
	stem, _ := cutSlot(id)
	return stem
}

func cutSlot(id string) (stem, slot string) {
	i := strings.LastIndexByte(id, '.')
	return id[:max(i, 0)], id[i+1:]
}

// text finds what is wrong with one text. source is the English text that the
// program fills; command says that a ".name" is a word to be typed.
func (l Limits) text(k key, text, source Forms, command bool) []Problem {
	problems := misfits(k, text, source)
	if len(problems) > 0 {
		return problems // the rest would only repeat it
	}
	_, slot := cutSlot(k.ID)
	for form, s := range text.all() {
		for _, p := range l.form(k.Language, slot, s, command) {
			p.ID, p.Language, p.Form = k.ID, k.Language, form
			problems = append(problems, p)
		}
		if k.Language != bot.English && untranslated(slot, s, source.get(form)) {
			problems = append(problems, Problem{ID: k.ID, Language: k.Language, Form: form, Kind: Same})
		}
	}
	return problems
}

// misfits finds why the program could not say a text: its forms, its template,
// its placeholders.
func misfits(k key, text, source Forms) []Problem {
	var problems []Problem
	add := func(form string, kind Kind, detail string, at int) {
		problems = append(problems, Problem{ID: k.ID, Language: k.Language, Form: form, Kind: kind, Detail: detail, At: at})
	}
	forms := formsOf(k.Language, source.plural())
	for form := range text.all() {
		if !slices.Contains(forms, form) {
			add(form, ExtraForm, form, 0)
		}
	}
	allowed := placeholders(source)
	needed := placeholders(Forms{Other: source.Other})
	for _, form := range forms {
		s := text.get(form)
		if strings.TrimSpace(s) == "" {
			add(form, Empty, form, 0)
			continue
		}
		t, err := parseTemplate(s)
		if wrong, ok := errors.AsType[*SyntaxError](err); ok {
			add(form, Syntax, wrong.Excerpt, wrong.At)
			continue
		}
		used := t.names()
		for _, name := range used {
			if !slices.Contains(allowed, name) {
				add(form, Unknown, "{{."+name+"}}", 0)
			}
		}
		for _, name := range needed {
			// "One seat is left" needs no number.
			if !slices.Contains(used, name) && (form != one || name != "Count") {
				add(form, Lacks, "{{."+name+"}}", 0)
			}
		}
	}
	return problems
}

// placeholders lists those of all forms; what cannot be read has none.
func placeholders(f Forms) []string {
	var names []string
	for _, s := range f.all() {
		if t, err := parseTemplate(s); err == nil {
			for _, name := range t.names() {
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// commandName reports whether Discord takes s as the name of a command.
// https://discord.com/developers/docs/interactions/application-commands#application-command-object-application-command-naming
func commandName(s string) bool {
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_'", r) {
			return false
		}
	}
	return s == strings.ToLower(s)
}

// form finds what is wrong with one plural form by itself.
func (l Limits) form(language bot.Language, slot, s string, command bool) []Problem {
	if slot == "phrases" {
		return l.phrases(s)
	}
	var problems []Problem
	if fault, ok := errors.AsType[*markup.Problem](markup.Check(markup.Text(s))); ok {
		return []Problem{{Kind: Marks, Detail: fault.Excerpt, At: len([]rune(s[:fault.Offset])) + 1, fault: fault.Kind}}
	}
	if slot == "name" && command && !commandName(s) {
		problems = append(problems, Problem{Kind: NotAName, Detail: s})
	}
	long := markup.Text(fill(s, longSample))
	limit, plain := l.of(slot)
	length := markup.Length(markup.Plain(long))
	if !plain {
		length = max(markup.Length(markup.Slack(long)), markup.Length(markup.Discord(long)))
	}
	switch {
	case length > limit:
		problems = append(problems, Problem{Kind: TooLong, Length: length, Limit: limit})
	case slot == "button" && length > l.LongButton:
		problems = append(problems, Problem{Kind: Long, Length: length, Limit: l.LongButton, Warning: true})
	}
	return append(problems, typography(language, markup.Text(fill(s, wordSample)))...)
}

// phrases are what people write, so that no typography is asked of them.
func (l Limits) phrases(s string) []Problem {
	var problems []Problem
	if n := markup.Length(s); n > l.Field {
		problems = append(problems, Problem{Kind: TooLong, Length: n, Limit: l.Field})
	}
	for line := range strings.SplitSeq(s, "\n") {
		switch n := markup.Length(line); {
		case strings.TrimSpace(line) == "":
			problems = append(problems, Problem{Kind: BlankPhrase})
		case n > l.Phrase:
			problems = append(problems, Problem{Kind: TooLong, Detail: markup.Cut(line, 40, "…"), Length: n, Limit: l.Phrase})
		}
	}
	return problems
}

// fill puts sample values into a text whose template can be read.
func fill(s string, sample func(name string) markup.Text) string {
	t, err := parseTemplate(s)
	if err != nil {
		return s
	}
	values := map[string]markup.Text{}
	for _, name := range t.names() {
		values[name] = sample(name)
	}
	filled, err := t.Execute(values)
	if err != nil {
		return s
	}
	return filled
}

// longSample is as long as a long name of an authority.
func longSample(name string) markup.Text {
	if name == "Count" {
		return "1000000"
	}
	return "Communauté d’agglomération du Val-de-Loire"
}

func wordSample(string) markup.Text { return "x" }

// untranslated reports whether a translation is the English text, where that
// cannot be a name or a bare frame around placeholders.
func untranslated(slot, s, english string) bool {
	if s != english || slot == "phrases" {
		return false
	}
	plain := fill(s, func(string) markup.Text { return "" })
	letters := 0
	for _, r := range plain {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	return letters > 12 && strings.Contains(strings.TrimSpace(plain), " ") && !slices.Contains(sameEverywhere(), s)
}

// sameEverywhere lists what is long and still the same in all three languages.
func sameEverywhere() []string {
	return []string{"Procura+ European Sustainable Procurement Network"}
}
