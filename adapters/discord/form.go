package discord

import (
	"github.com/bwmarrin/discordgo"

	"procurabot/bot"
	"procurabot/internal/markup"
)

// modal is a form. It has labels with one text input each. Discord itself words
// the buttons that send and cancel it.
// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-modal
type modal struct {
	CustomID   string  `json:"custom_id"`
	Title      string  `json:"title"`
	Components []label `json:"components"`
}

// label is a field with what is said of it, which stays in sight while somebody
// types; the label of a text input itself, in a row, is deprecated. The library
// knows no labels, so that submissions of them are decoded in decode.go.
// https://discord.com/developers/docs/components/reference#label
type label struct {
	Type        int    `json:"type"`
	Label       string `json:"label"`
	Description string `json:"description,omitempty"`
	Component   input  `json:"component"`
}

const labelComponent = 18

// input is where somebody types.
// https://discord.com/developers/docs/components/reference#text-input
type input struct {
	Type      int    `json:"type"`
	CustomID  string `json:"custom_id"`
	Style     int    `json:"style"`
	Value     string `json:"value,omitempty"`
	Required  bool   `json:"required"` // left out it would be true
	MaxLength int    `json:"max_length"`
}

func renderForm(f bot.ShownForm) modal {
	m := modal{CustomID: f.Draft, Title: f.Title}
	for _, field := range f.Fields {
		in := input{
			Type: int(discordgo.TextInputComponent), CustomID: field.Name, Style: int(discordgo.TextInputShort),
			Required: field.Required, MaxLength: maxField,
		}
		if field.Kind == bot.Paragraph {
			in.Style = int(discordgo.TextInputParagraph)
		}
		if field.Max > 0 && field.Max < maxField {
			in.MaxLength = field.Max
		}
		in.Value = markup.Cut(field.Value, in.MaxLength, "") // a longer one would refuse the whole form
		m.Components = append(m.Components, label{Type: labelComponent, Label: field.Label, Description: field.Hint, Component: in})
	}
	return m
}
