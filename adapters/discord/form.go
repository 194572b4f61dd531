package discord

import (
	"github.com/bwmarrin/discordgo"

	"procurabot/bot"
	"procurabot/internal/markup"
)

// modal is a form. It has rows of one text input each. Discord itself words the
// buttons that send and cancel it.
// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-modal
type modal struct {
	CustomID   string     `json:"custom_id"`
	Title      string     `json:"title"`
	Components []inputRow `json:"components"`
}

type inputRow struct {
	Type       int     `json:"type"`
	Components []input `json:"components"`
}

type input struct {
	Type        int    `json:"type"`
	CustomID    string `json:"custom_id"`
	Style       int    `json:"style"`
	Label       string `json:"label"`
	Placeholder string `json:"placeholder,omitempty"`
	Value       string `json:"value,omitempty"`
	Required    bool   `json:"required"` // left out it would be true
	MaxLength   int    `json:"max_length"`
}

func renderForm(f bot.ShownForm) modal {
	m := modal{CustomID: f.Draft, Title: f.Title}
	for _, field := range f.Fields {
		in := input{
			Type: int(discordgo.TextInputComponent), CustomID: field.Name, Style: int(discordgo.TextInputShort),
			Label: field.Label, Placeholder: field.Hint, Required: field.Required, MaxLength: maxField,
		}
		if field.Kind == bot.Paragraph {
			in.Style = int(discordgo.TextInputParagraph)
		}
		if field.Max > 0 && field.Max < maxField {
			in.MaxLength = field.Max
		}
		in.Value = markup.Cut(field.Value, in.MaxLength, "") // a longer one would refuse the whole form
		m.Components = append(m.Components, inputRow{Type: int(discordgo.ActionsRowComponent), Components: []input{in}})
	}
	return m
}
