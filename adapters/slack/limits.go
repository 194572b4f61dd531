package slack

import (
	"procurabot/bot"
	"procurabot/internal/markup"
)

// What Slack carries, where it does not say it in bytes or units: characters.
// Lengths are given to the engine in UTF-16 units, which are never fewer.
const (
	maxText        = 2900 // a section takes 3000: https://docs.slack.dev/reference/block-kit/blocks/section-block
	maxLabel       = 75   // https://docs.slack.dev/reference/block-kit/block-elements/button-element
	maxButtons     = 5    // 25 are possible; more than a line of them is no choice any more
	maxTitle       = 24   // of a modal, and of its two words: https://docs.slack.dev/reference/views/modal-views
	maxFieldLabel  = 150  // 2000 are possible
	maxPlaceholder = 150  // https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element
	maxField       = 3000 // the same
	maxUpdate      = 4000 // the text of chat.update: https://docs.slack.dev/reference/methods/chat.update#errors
)

// Limits is what one message and one modal can carry.
func (a *Adapter) Limits() bot.Limits {
	return bot.Limits{
		Text: maxText, Render: markup.Slack, Label: maxLabel, Buttons: maxButtons,
		Title: maxTitle, FieldLabel: maxFieldLabel, Hint: maxPlaceholder, Field: maxField, FieldErrors: true,
	}
}
