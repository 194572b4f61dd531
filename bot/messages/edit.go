package messages

import (
	"encoding/json"
	"fmt"

	"procurabot/bot"
	"procurabot/internal/database"
)

// againButton opens what somebody typed while another was faster.
const againButton = "messages.again"

// editing is the state of an open form: which text, and which version of it the
// editor saw.
type editing struct {
	ID       string       `json:"id"`
	Language bot.Language `json:"language"`
	Version  int          `json:"version"`
}

// forms are one form for each set of plural forms that a language may have.
func (m *Messages) forms() []bot.Form {
	form := func(id string, names ...string) bot.Form {
		f := bot.Form{ID: id, Role: bot.Admin, Run: m.save}
		for _, name := range names {
			label := bot.P("messages.form-text.label", nil)
			if len(names) > 1 {
				label = formName(name)
			}
			f.Fields = append(f.Fields, bot.Field{Name: name, Kind: bot.Paragraph, Required: true, Label: &label})
		}
		return f
	}
	return []bot.Form{
		form("messages.edit-form", other),
		form("messages.edit-plural-form", one, other),
		form("messages.edit-french-form", one, many, other),
	}
}

func formFor(l bot.Language, plural bool) string {
	switch len(formsOf(l, plural)) {
	case 1:
		return "messages.edit-form"
	case 2:
		return "messages.edit-plural-form"
	}
	return "messages.edit-french-form"
}

// edit opens a text.
func (m *Messages) edit(t *bot.Turn) error {
	b, err := m.at(t.Tx)
	if err != nil {
		return err
	}
	r, ok := b.row(t.Args["id"], bot.Language(t.Args["language"]))
	if !ok {
		return unknown(t.Args["id"])
	}
	return open(t, b, r.key, r.Version, r.Text)
}

// again opens what was typed and not saved, over the text that its editor was
// shown instead.
func (m *Messages) again(t *bot.Turn) error {
	b, err := m.at(t.Tx)
	if err != nil {
		return err
	}
	u, ok, err := findUnsaved(t.Tx, t.Value, t.Member.ID)
	if err != nil {
		return err
	}
	if !ok || !b.Has(u.ID) {
		return bot.Refuse("messages.unsaved-gone", nil)
	}
	return open(t, b, u.key, u.Version, u.Text)
}

func open(t *bot.Turn, b *book, k key, version int, text Forms) error {
	state, err := json.Marshal(editing{k.ID, k.Language, version})
	if err != nil {
		return fmt.Errorf("open text: %w", err)
	}
	fields := map[string]string{}
	for form, s := range text.all() {
		fields[form] = s
	}
	return t.Open(formFor(k.Language, b.source(k.ID).plural()), string(state), fields)
}

// save stores what was typed, when it is right and nobody was faster.
func (m *Messages) save(t *bot.Turn) error {
	var at editing
	if err := json.Unmarshal([]byte(t.State), &at); err != nil {
		return fmt.Errorf("save text: %w", err)
	}
	b, err := m.at(t.Tx)
	if err != nil {
		return err
	}
	r, ok := b.row(at.ID, at.Language)
	if !ok {
		return unknown(at.ID)
	}
	typed := typedForms(r.key, t.Fields)
	switch {
	case r.Version != at.Version:
		return m.overtaken(t, r, typed)
	case typed == r.Text && r.State != Review:
		_, err := t.Reply(bot.Say{Phrase: bot.P("messages.unchanged", nil)})
		return err
	}
	problems := m.limits.text(r.key, typed, b.source(r.ID), b.command(r.ID))
	if err := refuse(problems, r.plural(b)); err != nil {
		return err
	}
	after, err := change(t.Tx, b, r, typed, author{Member: t.Member.ID}, whyEdited)
	if err != nil {
		return err
	}
	if err := m.people.Audit(t.Tx, t.Member.ID, "edit message", r.key.String()); err != nil {
		return err
	}
	return m.saved(t, b, after, problems, func(b *book) bot.Say {
		return bot.Say{Phrase: bot.P("messages.saved", bot.Values{
			"ID": bot.Data(r.ID), "Language": languageName(r.Language), "Preview": bot.Marked(sampled(b, after)),
		})}
	})
}

// change stores another text over the one that was read. A translation then
// says what the English text of b says; a new English text decides which
// translations are to be reviewed.
func change(tx *database.Tx, b *book, r row, text Forms, by author, why reason) (row, error) {
	after := r
	after.Text, after.State, after.Version = text, Edited, r.Version+1
	if text == r.Shipped {
		after.State = Shipped
	}
	if err := replaceText(tx, r.Version, after, by, why); err != nil {
		return row{}, err
	}
	switch {
	case r.Language != bot.English:
		english, _ := b.row(r.ID, bot.English)
		return after, insertMatch(tx, r.key, text, english.Text)
	case text != r.Text:
		return after, alignTranslations(tx, r.ID, text)
	}
	return after, nil
}

func (r row) plural(b *book) bool { return b.source(r.ID).plural() }

// typedForms are the fields of a form as a text.
func typedForms(k key, fields map[string]string) Forms {
	_, slot := cutSlot(k.ID)
	clean := func(form string) string { return tidy(k.Language, slot, fields[form]) }
	return Forms{One: clean(one), Many: clean(many), Other: clean(other)}
}

// refuse says beside each field what is wrong with it; nil when nothing is.
func refuse(problems []Problem, plural bool) error {
	refused := bot.FieldErrors{}
	for _, p := range problems {
		if p.Warning {
			continue
		}
		field := p.Form
		if field == "" || !plural {
			field = other
		}
		if _, first := refused[field]; !first {
			refused[field] = p.Phrase()
		}
	}
	if len(refused) > 0 {
		return refused
	}
	return nil
}

// saved makes everybody read the texts again, and says what has come of it.
func (m *Messages) saved(t *bot.Turn, before *book, r row, problems []Problem, say func(*book) bot.Say) error {
	if err := t.Tx.Bump(); err != nil {
		return err
	}
	b, err := m.at(t.Tx)
	if err != nil {
		return err
	}
	var notes bot.Lines
	if r.State == Shipped {
		notes = append(notes, bot.P("messages.saved-shipped", nil))
	}
	if r.Language == bot.English {
		review, match := moved(before, b, r.ID)
		if len(review) > 0 {
			notes = append(notes, bot.P("messages.saved-translate", bot.Values{"Languages": languageNames(review)}))
		}
		if len(match) > 0 {
			notes = append(notes, bot.P("messages.saved-match", bot.Values{"Languages": languageNames(match)}))
		}
	}
	for _, p := range problems {
		notes = append(notes, p.Phrase())
	}
	s := say(b)
	if len(notes) > 0 {
		note := bot.P("messages.saved-notes", bot.Values{"Notes": notes})
		s.Note = &note
	}
	_, err = t.Reply(s)
	return err
}

// moved lists the languages in which a message has come to be reviewed, and those
// in which it no longer is.
func moved(before, after *book, id string) (review, match []bot.Language) {
	for _, l := range bot.Languages() {
		was, _ := before.row(id, l)
		is, _ := after.row(id, l)
		switch {
		case was.State != Review && is.State == Review:
			review = append(review, l)
		case was.State == Review && is.State != Review:
			match = append(match, l)
		}
	}
	return review, match
}

// overtaken tells an editor that another was faster, shows what won and keeps what
// was typed. It is no refusal: a refused form would keep the version that it was
// opened with, and be refused for ever.
func (m *Messages) overtaken(t *bot.Turn, won row, typed Forms) error {
	v, _, err := findVersion(t.Tx, won.key, won.Version)
	if err != nil {
		return err
	}
	by, err := m.person(t.Tx, v)
	if err != nil {
		return err
	}
	token, err := insertUnsaved(t.Tx, unsaved{won.key, won.Version, typed}, t.Member.ID)
	if err != nil {
		return err
	}
	_, err = t.Reply(bot.Say{
		Phrase:  bot.P("messages.overtaken", bot.Values{"Person": by, "Text": raw(won.Text)}),
		Buttons: []bot.Press{{Button: againButton, Value: token, Style: bot.Primary}},
	})
	return err
}
