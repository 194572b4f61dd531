package discord

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"procurabot/bot"
)

// said makes an Incoming of a message that is addressed to the bot: every
// direct message, and in public what mentions it. A reply to the bot that pings
// it is a mention; a mention of a role that it has, or of everyone, is none.
func (a *Adapter) said(m *discordgo.Message) (bot.Incoming, bool) {
	self := a.people.bot()
	if m == nil || m.ID == "" || m.Author == nil {
		// The library hands over an empty event when it could not decode one.
		return bot.Incoming{}, false
	}
	if m.Author.Bot || m.WebhookID != "" || m.Type != discordgo.MessageTypeDefault && m.Type != discordgo.MessageTypeReply {
		return bot.Incoming{}, false
	}
	private := m.GuildID == ""
	if !private && !mentions(m, self) {
		return bot.Incoming{}, false
	}
	if private {
		a.people.knownDirect(m.Author.ID, m.ChannelID)
	}
	return bot.Incoming{
		ID:    bot.IncomingID("m:" + m.ID),
		Space: bot.SpaceID(m.GuildID),
		From:  account(m.Author.ID),
		Name:  shownName(m.Member, m.Author),
		In: bot.Place{
			Conversation: bot.ConversationID(m.ChannelID),
			Private:      private,
			Locale:       a.people.locale(m.GuildID),
		},
		What: bot.Said{Text: a.readable(m, self), Message: bot.MessageID(m.ID)},
	}, true
}

func mentions(m *discordgo.Message, user string) bool {
	for _, u := range m.Mentions {
		if u.ID == user {
			return user != ""
		}
	}
	return false
}

// readable is a message's text as its writer saw it: ids are names again, and
// the mention of the bot is gone. Marks are left as typed.
// https://discord.com/developers/docs/reference#message-formatting
func (a *Adapter) readable(m *discordgo.Message, self string) string {
	names := map[string]string{}
	for _, u := range m.Mentions {
		names[u.ID] = shownName(nil, u)
	}
	// Made at each call: a package holds no state here.
	tokens := regexp.MustCompile(`<(@!?|@&|#|a?:\w+:|/[^:<>]+:)(\d+)> ?`)
	text := tokens.ReplaceAllStringFunc(m.Content, func(token string) string {
		part := tokens.FindStringSubmatch(token)
		kind, id, space := part[1], part[2], ""
		if strings.HasSuffix(token, " ") {
			space = " "
		}
		switch {
		case (kind == "@" || kind == "@!") && id == self:
			return ""
		case kind == "@" || kind == "@!":
			if names[id] == "" {
				return "@" + id + space
			}
			return "@" + names[id] + space
		case kind == "@&":
			return "@role" + space
		case kind == "#":
			return "#" + a.people.channelName(id) + space
		case strings.HasPrefix(kind, "/"):
			return strings.TrimSuffix(kind, ":") + space
		}
		return strings.TrimPrefix(kind, "a") + space
	})
	return strings.TrimSpace(text)
}

// The life of an interaction's token is fifteen minutes; a minute is kept for
// what is under way when it ends.
// https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages
const (
	tokenLife   = 15 * time.Minute
	tokenMargin = time.Minute
)

// interaction makes an Incoming of a command, a completion, a press or a form.
// The names in it are always the default ones, whatever language the person
// typed in.
func (a *Adapter) interaction(i *discordgo.Interaction) (bot.Incoming, bool) {
	if i == nil || i.ID == "" {
		return bot.Incoming{}, false
	}
	user := i.User
	if i.Member != nil && i.Member.User != nil {
		user = i.Member.User
	}
	if user == nil || user.Bot {
		return bot.Incoming{}, false
	}
	what := a.did(i)
	if what == nil {
		return bot.Incoming{}, false
	}
	in := bot.Incoming{
		ID:     bot.IncomingID("i:" + i.ID),
		Space:  bot.SpaceID(i.GuildID),
		From:   account(user.ID),
		Name:   shownName(i.Member, user),
		Locale: string(i.Locale),
		In: bot.Place{
			Conversation: bot.ConversationID(i.ChannelID),
			Private:      i.GuildID == "",
		},
		Reply: &bot.ReplyHandle{Token: handle{i.AppID, i.Token}.String(), Expires: a.now().Add(tokenLife - tokenMargin)},
		What:  what,
	}
	if i.GuildLocale != nil {
		in.In.Locale = string(*i.GuildLocale)
	}
	return in, true
}

func (a *Adapter) did(i *discordgo.Interaction) bot.What {
	switch data := i.Data.(type) {
	case discordgo.ApplicationCommandInteractionData:
		path, options := words(data)
		if i.Type == discordgo.InteractionApplicationCommandAutocomplete {
			for _, o := range options {
				if o.Focused {
					return bot.Completing{Path: path, Option: o.Name, Prefix: fmt.Sprint(o.Value)}
				}
			}
			return nil
		}
		typed := make(map[string]string, len(options))
		for _, o := range options {
			typed[o.Name] = fmt.Sprint(o.Value)
			if o.Type == discordgo.ApplicationCommandOptionUser {
				typed[o.Name] = account(typed[o.Name]).String()
			}
		}
		return bot.Commanded{Path: path, Options: typed}
	case discordgo.MessageComponentInteractionData:
		button, value := parseCustomID(data.CustomID)
		return bot.Pressed{Button: button, Value: value}
	case discordgo.ModalSubmitInteractionData:
		return bot.Submitted{Draft: data.CustomID, Values: fieldValues(data.Components)}
	}
	return nil
}

// words goes down through groups and sub-commands to the options.
// https://discord.com/developers/docs/interactions/application-commands#subcommands-and-subcommand-groups
func words(data discordgo.ApplicationCommandInteractionData) ([]string, []*discordgo.ApplicationCommandInteractionDataOption) {
	path, options := []string{data.Name}, data.Options
	for len(options) == 1 && (options[0].Type == discordgo.ApplicationCommandOptionSubCommandGroup || options[0].Type == discordgo.ApplicationCommandOptionSubCommand) {
		path = append(path, options[0].Name)
		options = options[0].Options
	}
	return path, options
}

// handle is what answers to an interaction need; as text it is opaque to all
// others.
type handle struct{ application, token string }

func (h handle) String() string { return h.application + "/" + h.token }

func parseHandle(s string) handle {
	application, token, _ := strings.Cut(s, "/")
	return handle{application, token}
}

// customID is what a button carries: at most 100 characters.
func customID(button, value string) string { return button + "|" + value }

func parseCustomID(id string) (button, value string) {
	button, value, _ = strings.Cut(id, "|")
	return button, value
}
