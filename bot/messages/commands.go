package messages

import (
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
	"procurabot/internal/schedule"
)

// Feature is the administration of the texts.
func (m *Messages) Feature() bot.Feature {
	id := bot.Option{Name: "id", Required: true, Complete: m.completeID}
	language := bot.Option{Name: "language", Required: true}
	for _, l := range bot.Languages() {
		language.Choices = append(language.Choices, string(l))
	}
	words := bot.Option{Name: "words", Required: true}
	number := bot.Option{Name: "version"}
	path := func(word string) []string { return []string{"procura-admin", "messages", word} }
	return bot.Feature{
		Name: "messages",
		Commands: []bot.Command{
			{ID: "messages.find", Path: path("find"), Role: bot.Editor, Options: []bot.Option{words}, Run: m.find},
			{ID: "messages.show", Path: path("show"), Role: bot.Editor, Options: []bot.Option{id}, Run: m.show},
			{ID: "messages.edit", Path: path("edit"), Role: bot.Admin, Options: []bot.Option{id, language}, Opens: true, Run: m.edit},
			{ID: "messages.preview", Path: path("preview"), Role: bot.Admin, Options: []bot.Option{id, language}, Run: m.preview},
			{ID: "messages.history", Path: path("history"), Role: bot.Editor, Options: []bot.Option{id, language}, Run: m.history},
			{ID: "messages.revert", Path: path("revert"), Role: bot.Admin, Options: []bot.Option{id, language, number}, Run: m.revert},
		},
		Buttons: []bot.ButtonHandler{
			{ID: againButton, Role: bot.Admin, Opens: true, Run: m.again},
			{ID: backButton, Role: bot.Admin, Run: m.back},
			{ID: confirmButton, Role: bot.Admin, Run: m.confirm},
		},
		Forms: m.forms(),
		Slots: []schedule.Slot{{Name: "messages.forget", Next: schedule.Every(24 * time.Hour), Run: func(tx *database.Tx, at time.Time) error {
			return forgetUnsaved(tx, at.Add(-keepUnsaved))
		}}},
	}
}

// maxFound is how many texts one search shows.
const maxFound = 10

// find lists the texts in which all words occur, in whatever language.
func (m *Messages) find(t *bot.Turn) error {
	b, err := m.at(t.Tx)
	if err != nil {
		return err
	}
	typed := t.Args["words"]
	words := strings.Fields(fold(typed))
	var lines bot.Lines
	count := 0
	for _, r := range b.rows {
		if !contains(fold(r.ID+"\n"+r.Text.One+"\n"+r.Text.Many+"\n"+r.Text.Other), words) {
			continue
		}
		if count++; count <= maxFound {
			lines = append(lines, bot.P("messages.found-line", bot.Values{
				"ID": bot.Data(r.ID), "Language": languageName(r.Language),
				"State": stateName(r.State), "Start": bot.Data(start(r.Text)),
			}))
		}
	}
	say := bot.Phrase{ID: "messages.found", Values: bot.Values{"Found": lines}, Count: &count}
	switch {
	case count == 0:
		say = bot.P("messages.found-none", bot.Values{"Words": bot.Data(typed)})
	case count > maxFound:
		say = bot.P("messages.found-many", bot.Values{"Found": lines, "Shown": figure(maxFound), "All": figure(count)})
	}
	_, err = t.Reply(bot.Say{Phrase: say})
	return err
}

func contains(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// fold takes away what a searcher does not think of: case and accents.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(s))
}

// start is the beginning of a text, on one line.
func start(f Forms) string {
	return markup.Cut(strings.Join(strings.Fields(f.Other), " "), 60, "…")
}

// show tells all about one message.
func (m *Messages) show(t *bot.Turn) error {
	b, err := m.at(t.Tx)
	if err != nil {
		return err
	}
	id := t.Args["id"]
	if !b.Has(id) {
		return unknown(id)
	}
	var texts bot.Lines
	for _, l := range bot.Languages() {
		r, ok := b.row(id, l)
		if !ok {
			continue
		}
		lines, err := m.describe(t.Tx, r)
		if err != nil {
			return err
		}
		texts = append(texts, lines...)
	}
	names := placeholders(b.source(id))
	var used bot.Value = bot.P("messages.show-no-placeholders", nil)
	if len(names) > 0 {
		used = bot.Data("{{." + strings.Join(names, "}}, {{.") + "}}")
	}
	_, err = t.Reply(bot.Say{Phrase: bot.P("messages.show", bot.Values{
		"ID": bot.Data(id), "Placeholders": used, "Texts": texts,
	})})
	return err
}

// describe gives the lines about one text: its state, who made it what it is, the
// text, and an edited text that a release has set aside.
func (m *Messages) describe(tx *database.Tx, r row) (bot.Lines, error) {
	lines := bot.Lines{bot.P("messages.show-head", bot.Values{
		"Language": languageName(r.Language), "State": stateName(r.State), "Version": figure(r.Version),
	})}
	v, ok, err := findVersion(tx, r.key, r.Version)
	if err != nil {
		return nil, err
	}
	if ok {
		by, err := m.person(tx, v)
		if err != nil {
			return nil, err
		}
		lines = append(lines, bot.P("messages.show-by", bot.Values{"Person": by, "When": bot.Moment(v.At)}))
	}
	lines = append(lines, raw(r.Text)...)
	if ok && v.Why == whySetAside {
		aside, found, err := findVersion(tx, r.key, r.Version-1)
		if err != nil {
			return nil, err
		}
		if found {
			lines = append(lines, bot.P("messages.show-set-aside", nil))
			lines = append(lines, raw(aside.Text)...)
		}
	}
	return lines, nil
}

// raw shows a text as it is edited, with its marks and placeholders.
func raw(f Forms) bot.Lines {
	var lines bot.Lines
	for form, s := range f.all() {
		if !f.plural() {
			return bot.Lines{bot.P("messages.raw", bot.Values{"Text": bot.Data(s)})}
		}
		lines = append(lines, bot.P("messages.raw-form", bot.Values{"Form": formName(form), "Text": bot.Data(s)}))
	}
	return lines
}

// preview shows how a text reads.
func (m *Messages) preview(t *bot.Turn) error {
	b, err := m.at(t.Tx)
	if err != nil {
		return err
	}
	r, ok := b.row(t.Args["id"], bot.Language(t.Args["language"]))
	if !ok {
		return unknown(t.Args["id"])
	}
	_, err = t.Reply(bot.Say{Phrase: bot.P("messages.previewed", bot.Values{
		"ID": bot.Data(r.ID), "Language": languageName(r.Language), "Preview": bot.Marked(sampled(b, r)),
	})})
	return err
}

// sampled fills a text with sample values, each plural form below the other.
func sampled(b *book, r row) markup.Text {
	counts := []int{2}
	if r.Text.plural() {
		counts = []int{1, 2}
		if r.Language == bot.French {
			counts = append(counts, 1000000)
		}
	}
	values := map[string]markup.Text{}
	for _, name := range placeholders(r.Text) {
		values[name] = markup.Escape("‹" + name + "›")
	}
	var lines []string
	for _, n := range counts {
		if _, counted := values["Count"]; counted {
			values["Count"] = markup.Text(strconv.Itoa(n))
		}
		lines = append(lines, string(b.Text(r.Language, r.ID, values, &n)))
	}
	return markup.Text(strings.Join(lines, "\n"))
}

// sampledAlone is sampled for a text that is in no book.
func sampledAlone(r row) (markup.Text, error) {
	var fallbacks atomic.Uint64
	rows := []row{r}
	if r.Language != bot.English { // which says whether a text has plural forms
		english := r
		english.Language = bot.English
		rows = append(rows, english)
	}
	b, err := newBook("", rows, &fallbacks)
	if err != nil {
		return "", err
	}
	return sampled(b, r), nil
}

// completeID proposes ids: first those that begin with what is typed.
func (m *Messages) completeID(tx *database.Tx, l bot.Language, typed string) ([]bot.Completion, error) {
	b, err := m.at(tx)
	if err != nil {
		return nil, err
	}
	typed = fold(strings.TrimSpace(typed))
	var first, others []bot.Completion
	for _, r := range b.rows {
		at := strings.Index(r.ID, typed)
		if r.Language != bot.English || at < 0 {
			continue
		}
		shown := r
		if own, ok := b.row(r.ID, l); ok {
			shown = own
		}
		// Discord shows 100 characters.
		c := bot.Completion{Label: markup.Cut(r.ID+" – "+start(shown.Text), 100, "…"), Value: r.ID}
		if at == 0 {
			first = append(first, c)
		} else {
			others = append(others, c)
		}
	}
	return slices.Concat(first, others), nil
}

func unknown(id string) error {
	return bot.Refuse("messages.unknown", bot.Values{"ID": bot.Data(id)})
}

// person names who made a version.
func (m *Messages) person(tx *database.Tx, v version) (bot.Value, error) {
	switch {
	case v.By.Name != "":
		return bot.P("messages.by-import", bot.Values{"Name": bot.Data(v.By.Name)}), nil
	case v.By.Member == "":
		return bot.P("messages.by-release", nil), nil
	}
	member, err := m.people.Member(tx, v.By.Member)
	if err != nil {
		return nil, err
	}
	if member.Name == "" {
		return bot.P("messages.by-somebody", nil), nil
	}
	return bot.Data(member.Name), nil
}

func languageName(l bot.Language) bot.Phrase {
	return bot.P("bot.language-"+string(l)+".name", nil)
}

func languageNames(ls []bot.Language) bot.List {
	var names bot.List
	for _, l := range ls {
		names = append(names, languageName(l))
	}
	return names
}

func stateName(s State) bot.Phrase { return bot.P("messages.state-"+string(s), nil) }

func formName(form string) bot.Phrase { return bot.P("messages.form-"+form+".label", nil) }
