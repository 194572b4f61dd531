package discord

import (
	"strings"

	"github.com/bwmarrin/discordgo"

	"procurabot/bot"
	"procurabot/internal/markup"
)

// message is the body of a new or an edited message.
// https://discord.com/developers/docs/resources/message#create-message
type message struct {
	Content         string          `json:"content"`
	Components      []row           `json:"components"` // empty takes away what an edited message had
	AllowedMentions allowedMentions `json:"allowed_mentions"`
	Flags           int             `json:"flags"`
	Nonce           string          `json:"nonce,omitempty"`
	EnforceNonce    bool            `json:"enforce_nonce,omitempty"`
	Reference       *reference      `json:"message_reference,omitempty"`
}

type row struct {
	Type       int      `json:"type"`
	Components []button `json:"components"`
}

type button struct {
	Type     int    `json:"type"`
	Style    int    `json:"style"`
	Label    string `json:"label"`
	CustomID string `json:"custom_id"`
}

// allowedMentions must have an empty list: left out, everything in the text
// would be parsed.
// https://discord.com/developers/docs/resources/message#allowed-mentions-object
type allowedMentions struct {
	Parse       []string `json:"parse"`
	RepliedUser bool     `json:"replied_user"`
}

// reference makes a message a reply. The answer still comes when the question
// was deleted meanwhile.
type reference struct {
	MessageID       string `json:"message_id"`
	FailIfNotExists bool   `json:"fail_if_not_exists"`
}

// suppressEmbeds keeps previews of links away, which would be larger than the
// answer itself. Ephemeral messages are read by one person.
const (
	suppressEmbeds = int(discordgo.MessageFlagsSuppressEmbeds)
	ephemeral      = int(discordgo.MessageFlagsEphemeral)
)

// render writes a body as Discord shows it.
func render(b bot.Body) message {
	m := message{
		Content:         markup.Discord(b.Text),
		Components:      []row{},
		AllowedMentions: allowedMentions{Parse: []string{}},
		Flags:           suppressEmbeds,
	}
	if b.Note != "" {
		for _, line := range strings.Split(markup.Discord(b.Note), "\n") {
			if m.Content != "" {
				m.Content += "\n"
			}
			m.Content += "-# " + line
		}
	}
	if len(b.Buttons) > 0 {
		r := row{Type: int(discordgo.ActionsRowComponent)}
		for _, x := range b.Buttons {
			r.Components = append(r.Components, button{
				Type: int(discordgo.ButtonComponent), Style: style(x.Style), Label: x.Label, CustomID: customID(x.ID, x.Value),
			})
		}
		m.Components = append(m.Components, r)
	}
	return m
}

// renderNew is render for a message of a channel: the nonce makes it one,
// however often it is sent within a few minutes.
func renderNew(e bot.Envelope) message {
	m := render(e.Body)
	m.Nonce, m.EnforceNonce = e.ID, true
	if e.To.Answering != "" {
		m.Reference = &reference{MessageID: bare(e.To.Answering)}
		m.AllowedMentions.RepliedUser = true
	}
	return m
}

// style is a button's colour. https://discord.com/developers/docs/components/reference#button-button-styles
func style(s bot.Style) int {
	switch s {
	case bot.Primary:
		return int(discordgo.PrimaryButton)
	case bot.Danger:
		return int(discordgo.DangerButton)
	}
	return int(discordgo.SecondaryButton)
}

// messageID names a message that was sent: an edit needs its channel too.
func messageID(channel, message string) bot.MessageID { return bot.MessageID(channel + ":" + message) }

func parseMessageID(id bot.MessageID) (channel, message string) {
	channel, message, _ = strings.Cut(string(id), ":")
	return channel, message
}

// bare is a message's own id, of one that was heard or one that was sent.
func bare(id bot.MessageID) string {
	return string(id[strings.LastIndexByte(string(id), ':')+1:])
}
