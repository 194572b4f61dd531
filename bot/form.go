package bot

import (
	"strings"
	"unicode/utf8"

	"procurabot/internal/markup"
)

// correctButton opens a refused form again, filled in, where a platform cannot
// show what is wrong beside the fields.
const correctButton = "bot.correct"

func (f Form) render(b Book, l Language, limits Limits, d draft) ShownForm {
	plain := func(id string, max int) string {
		return markup.Cut(markup.Plain(P(id, nil).Render(b, l)), max, "…")
	}
	shown := ShownForm{
		Draft:  d.id,
		Title:  plain(f.ID+".title", limits.Title),
		Submit: plain(f.ID+".button", limits.Title),
		Cancel: plain("bot.form-cancel.button", limits.Title),
	}
	for _, field := range f.Fields {
		s := ShownField{
			Name: field.Name, Kind: field.Kind, Required: field.Required,
			Label: markup.Cut(markup.Plain(f.label(field).Render(b, l)), limits.FieldLabel, "…"),
			Value: d.fields[field.Name],
			Max:   limits.Field,
		}
		if field.Max > 0 {
			s.Max = min(field.Max, limits.Field)
		}
		if hint := f.ID + "." + field.Name + ".hint"; b.Has(hint) {
			s.Hint = plain(hint, limits.Hint)
		}
		shown.Fields = append(shown.Fields, s)
	}
	return shown
}

func (f Form) label(field Field) Phrase {
	if field.Label != nil {
		return *field.Label
	}
	return P(f.ID+"."+field.Name+".label", nil)
}

// accept checks the bounds of the fields and gives them trimmed.
func (f Form) accept(values map[string]string) (map[string]string, error) {
	accepted, refused := make(map[string]string, len(f.Fields)), FieldErrors{}
	for _, field := range f.Fields {
		v := strings.TrimSpace(markup.Clean(values[field.Name]))
		accepted[field.Name] = v
		n := utf8.RuneCountInString(v)
		switch {
		case v == "" && field.Required:
			refused[field.Name] = P("bot.field-required", nil)
		case v == "":
		case n < field.Min:
			refused[field.Name] = Phrase{ID: "bot.field-short", Count: &field.Min}
		case field.Max > 0 && n > field.Max:
			refused[field.Name] = Phrase{ID: "bot.field-long", Count: &field.Max, Values: Values{"Typed": number(n)}}
		}
	}
	if len(refused) > 0 {
		return accepted, refused
	}
	return accepted, nil
}

// submit runs a submitted form. What is refused keeps what was typed.
func (e *Engine) submit(t *Turn, in Submitted) error {
	d, ok, err := findDraft(t.Tx, in.Draft, t.Member.ID)
	if err != nil {
		return err
	}
	form, known := e.forms[d.form]
	if !ok || !known {
		return Refuse("bot.form-gone", nil)
	}
	if err := t.permit(form.Role); err != nil {
		return err
	}
	fields, err := form.accept(in.Values)
	if err == nil {
		t.Fields, t.State = fields, d.state
		err = t.Tx.Savepoint(func() error { return form.Run(t) })
	}
	if refused, ok := err.(FieldErrors); ok {
		t.rewind()
		d.fields = fields
		return t.refuseForm(form, d, refused)
	}
	if err != nil {
		return err
	}
	return dropDraft(t.Tx, d.id)
}

// refuseForm says what is wrong with the fields: beside them where the platform
// can, else privately with a button that opens the form filled in.
func (t *Turn) refuseForm(form Form, d draft, refused FieldErrors) error {
	if err := saveDraft(t.Tx, d); err != nil {
		return err
	}
	limits, err := t.limits(t.In.From.Platform)
	if err != nil {
		return err
	}
	if limits.FieldErrors {
		t.immediate.Errors = make(map[string]string, len(refused))
		for name, why := range refused {
			t.immediate.Errors[name] = markup.Plain(why.Render(t.Book, t.Lang))
		}
		return nil
	}
	var reasons Lines
	for _, field := range form.Fields {
		if why, ok := refused[field.Name]; ok {
			reasons = append(reasons, P("bot.form-refused.line", Values{"Field": form.label(field), "Reason": why}))
		}
	}
	_, err = t.Reply(Say{
		Phrase:  P("bot.form-refused", Values{"Reasons": reasons}),
		Buttons: []Press{{Button: correctButton, Value: d.id, Style: Primary}},
	})
	return err
}

// correct opens a refused form again.
func correct(t *Turn) error {
	d, ok, err := findDraft(t.Tx, t.Value, t.Member.ID)
	if err != nil {
		return err
	}
	if !ok {
		return Refuse("bot.form-gone", nil)
	}
	return t.show(d)
}
