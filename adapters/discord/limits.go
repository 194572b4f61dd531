package discord

import (
	"procurabot/bot"
	"procurabot/internal/markup"
)

// Limits is what Discord documents, less some room: whether it counts
// characters or UTF-16 code units is not documented.
// https://discord.com/developers/docs/resources/message#create-message
// https://discord.com/developers/docs/components/reference
func (a *Adapter) Limits() bot.Limits {
	return bot.Limits{
		Text:       1900, // of 2000, which must hold the marks of the small print too
		Render:     markup.Discord,
		Label:      76,
		Buttons:    5,  // one row
		Title:      42, // of 45
		FieldLabel: 42,
		Hint:       95,
		Field:      maxField,
		// No form can follow a form, so that what is wrong is said in a message.
		// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-interaction-callback-type
		FieldErrors: false,
	}
}

const maxField = 3800 // of 4000
