package discord

import (
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
		// A history may hold what the library cannot decode.
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
		Name:  shownName(nick(m.Member), m.Author.GlobalName, m.Author.Username),
		In: bot.Place{
			Conversation: bot.ConversationID(m.ChannelID),
			Private:      private,
			Locale:       a.people.locale(m.GuildID),
		},
		What: bot.Said{Text: a.readable(m, self), Message: bot.MessageID(m.ID)},
	}, true
}

func nick(m *discordgo.Member) string {
	if m == nil {
		return ""
	}
	return m.Nick
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
		names[u.ID] = shownName(u.GlobalName, u.Username)
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

// acted makes an Incoming of a command, a completion, a press or a form. The
// names in it are always the default ones, whatever language the person typed
// in.
func (a *Adapter) acted(i *interaction) (bot.Incoming, bool) {
	user, nick := i.User, ""
	if i.Member != nil && i.Member.User != nil {
		user, nick = i.Member.User, i.Member.Nick
	}
	if i.ID == "" || i.Token == "" || user == nil || user.ID == "" || user.Bot {
		return bot.Incoming{}, false
	}
	what := i.what()
	if what == nil {
		return bot.Incoming{}, false
	}
	return bot.Incoming{
		ID:     i.incoming(),
		Space:  bot.SpaceID(i.Guild),
		From:   account(user.ID),
		Name:   shownName(nick, user.GlobalName, user.Username),
		Locale: i.Locale,
		In: bot.Place{
			Conversation: bot.ConversationID(i.Channel),
			Private:      i.Guild == "",
			Locale:       i.GuildLocale,
		},
		Reply: &bot.ReplyHandle{Token: handle{i.Application, i.Token}.String(), Expires: a.now().Add(tokenLife - tokenMargin)},
		What:  what,
	}, true
}

func (i *interaction) incoming() bot.IncomingID { return bot.IncomingID("i:" + i.ID) }

func (i *interaction) what() bot.What {
	switch i.Type {
	case commandInteraction:
		path, options := i.Data.words()
		values := make(map[string]string, len(options))
		for _, o := range options {
			values[o.Name] = o.text()
			if o.Type == userOption {
				values[o.Name] = account(values[o.Name]).String()
			}
		}
		return bot.Commanded{Path: path, Options: values}
	case autocompleteInteraction:
		path, options := i.Data.words()
		for _, o := range options {
			if o.Focused {
				return bot.Completing{Path: path, Option: o.Name, Prefix: o.text()}
			}
		}
	case componentInteraction:
		button, value := parseCustomID(i.Data.CustomID)
		return bot.Pressed{Button: button, Value: value}
	case modalInteraction:
		return bot.Submitted{Draft: i.Data.CustomID, Values: fieldValues(i.Data.Components)}
	}
	return nil
}

// words goes down through groups and sub-commands to the options.
// https://discord.com/developers/docs/interactions/application-commands#subcommands-and-subcommand-groups
func (d interactionData) words() ([]string, []typed) {
	path, options := []string{d.Name}, d.Options
	for len(options) == 1 && (options[0].Type == subCommandGroup || options[0].Type == subCommand) {
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
