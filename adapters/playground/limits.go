package playground

import (
	"errors"
	"fmt"

	"procurabot/bot"
	"procurabot/internal/markup"
)

// What the rooms carry: the tighter of Slack and Discord each time, so that what
// fits here fits there.
const (
	maxText       = 1900 // Discord's 2000, with 5 % to spare: https://discord.com/developers/docs/resources/message#create-message
	maxLabel      = 75   // Slack's button: https://docs.slack.dev/reference/block-kit/block-elements/button-element
	maxButtons    = 5    // Discord's row: https://discord.com/developers/docs/components/reference#action-row
	maxValue      = 64   // what the engine promises to stay within
	maxTitle      = 24   // Slack's modal: https://docs.slack.dev/reference/views/modal-views
	maxFields     = 5    // Discord's modal
	maxFieldLabel = 45   // Discord's text input: https://discord.com/developers/docs/components/reference#text-input
	maxHint       = 100  // Discord's placeholder
	maxField      = 3000 // Slack's plain-text input: https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element
)

func (r *Rooms) limits() bot.Limits {
	return bot.Limits{
		Text: maxText, Render: markup.Discord, Label: maxLabel, Buttons: maxButtons,
		Title: maxTitle, FieldLabel: maxFieldLabel, Hint: maxHint, Field: maxField,
		FieldErrors: !r.likeDiscord(),
	}
}

// checkBody refuses what a real platform would refuse.
func checkBody(b bot.Body) error {
	if n := markup.Length(markup.Discord(b.Text)) + markup.Length(markup.Discord(b.Note)); n > maxText {
		return fmt.Errorf("the message has %d characters, at most %d fit", n, maxText)
	}
	if b.Text == "" {
		return errors.New("the message is empty")
	}
	if len(b.Buttons) > maxButtons {
		return fmt.Errorf("the message has %d buttons, at most %d fit", len(b.Buttons), maxButtons)
	}
	for _, button := range b.Buttons {
		switch {
		case button.Label == "" || markup.Length(button.Label) > maxLabel:
			return fmt.Errorf("the label of the button %s has %d characters, it must have 1 to %d", button.ID, markup.Length(button.Label), maxLabel)
		case button.ID == "" || len(button.Value) > maxValue:
			return fmt.Errorf("the button %q carries %d bytes, at most %d fit", button.ID, len(button.Value), maxValue)
		}
	}
	return nil
}

// checkForm refuses what a real platform would not open.
func checkForm(f *bot.ShownForm) error {
	if len(f.Fields) == 0 || len(f.Fields) > maxFields {
		return fmt.Errorf("the form has %d fields, it must have 1 to %d", len(f.Fields), maxFields)
	}
	for what, s := range map[string]string{"title": f.Title, "submit button": f.Submit, "cancel button": f.Cancel} {
		if s == "" || markup.Length(s) > maxTitle {
			return fmt.Errorf("the form's %s has %d characters, it must have 1 to %d", what, markup.Length(s), maxTitle)
		}
	}
	for _, field := range f.Fields {
		switch {
		case field.Label == "" || markup.Length(field.Label) > maxFieldLabel:
			return fmt.Errorf("the label of the field %s has %d characters, it must have 1 to %d", field.Name, markup.Length(field.Label), maxFieldLabel)
		case markup.Length(field.Hint) > maxHint:
			return fmt.Errorf("the hint of the field %s has %d characters, at most %d fit", field.Name, markup.Length(field.Hint), maxHint)
		case field.Max > maxField:
			return fmt.Errorf("the field %s takes %d characters, at most %d are possible", field.Name, field.Max, maxField)
		}
	}
	return nil
}
