package slack

import (
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"

	"procurabot/bot"
)

// responseLife is how long a response URL can be used
// (https://docs.slack.dev/interactivity/handling-user-interaction#message_responses).
const responseLife = 30 * time.Minute

// decoder makes Incomings of payloads.
type decoder struct {
	self self
	now  time.Time
	name func(id string) string // of a user or a channel, "" when unknown
}

func (d decoder) incoming(id, user string) bot.Incoming {
	return bot.Incoming{
		ID: bot.IncomingID(id), Space: bot.SpaceID(d.self.team),
		From: bot.Account{Platform: Platform, Realm: bot.SpaceID(d.self.team), User: bot.UserID(user)},
	}
}

// message is what the events about one message have in common.
type message struct {
	user, botID, subtype  string
	channel, ts, threadTS string
	text                  string
	direct, mention       bool // in a direct message; by app_mention
}

// said decodes what was said to the bot. False is everything else: what bots
// say, edits and other notices about messages, and talk among people.
func (d decoder) said(e slackevents.EventsAPIEvent) (bot.Incoming, bool) {
	var m message
	switch e := e.InnerEvent.Data.(type) {
	case *slackevents.AppMentionEvent:
		m = message{user: e.User, botID: e.BotID, channel: e.Channel, ts: e.TimeStamp, threadTS: e.ThreadTimeStamp, text: e.Text, mention: true}
	case *slackevents.MessageEvent:
		m = message{
			user: e.User, botID: e.BotID, subtype: e.SubType, channel: e.Channel, ts: e.TimeStamp, threadTS: e.ThreadTimeStamp, text: e.Text,
			direct: e.ChannelType == slackevents.ChannelTypeIM,
		}
	default:
		return bot.Incoming{}, false
	}
	switch m.subtype {
	case "", "file_share", "thread_broadcast":
	default:
		return bot.Incoming{}, false
	}
	if m.botID != "" || m.user == "" || m.user == d.self.user || m.channel == "" || m.ts == "" {
		return bot.Incoming{}, false
	}
	text, named := unmentioned(m.text, d.self.user)
	if !m.direct && !m.mention && !named {
		return bot.Incoming{}, false
	}
	in := d.incoming("m:"+m.channel+":"+m.ts, m.user)
	in.In = bot.Place{Conversation: bot.ConversationID(m.channel), Private: m.direct}
	switch {
	case !m.direct:
		in.In.Replies = thread(m.channel, or(m.threadTS, m.ts))
	case m.threadTS != "":
		in.In.Conversation = thread(m.channel, m.threadTS)
	}
	in.What = bot.Said{Text: written(text, d.name), Message: messageID(m.channel, m.ts)}
	return in, true
}

// commanded decodes a slash command.
func (d decoder) commanded(c slackgo.SlashCommand) (bot.Incoming, bool) {
	if c.TriggerID == "" || c.UserID == "" || c.Command == "" {
		return bot.Incoming{}, false
	}
	in := d.incoming("t:"+c.TriggerID, c.UserID)
	in.In = bot.Place{Conversation: bot.ConversationID(c.ChannelID)}
	in.Reply = d.reply(c.ResponseURL, "")
	in.What = bot.Commanded{
		Path: []string{strings.TrimPrefix(c.Command, "/")},
		Text: strings.TrimSpace(written(accounts(c.Text, d.self.team), d.name)),
	}
	return in, true
}

// pressed decodes a button of a message.
func (d decoder) pressed(i slackgo.InteractionCallback) (bot.Incoming, bool) {
	if i.TriggerID == "" || i.User.ID == "" || len(i.ActionCallback.BlockActions) == 0 {
		return bot.Incoming{}, false
	}
	action := i.ActionCallback.BlockActions[0]
	button, ours := buttonID(action.ActionID)
	if !ours {
		return bot.Incoming{}, false
	}
	channel := or(i.Container.ChannelID, i.Channel.ID)
	threadTS := or(i.Container.ThreadTs, i.Message.ThreadTimestamp)
	in := d.incoming("t:"+i.TriggerID, i.User.ID)
	// A message of the bot in a direct message stands in the one with the bot.
	in.In = bot.Place{Conversation: bot.ConversationID(channel), Private: strings.HasPrefix(channel, "D")}
	if threadTS != "" && !in.In.Private {
		in.In.Replies = thread(channel, threadTS)
	}
	in.Reply = d.reply(i.ResponseURL, threadTS)
	in.What = bot.Pressed{Button: button, Value: action.Value}
	return in, true
}

// submitted decodes a modal of ours.
func (d decoder) submitted(i slackgo.InteractionCallback) (bot.Incoming, bool) {
	from, ours := readOrigin(i.View.PrivateMetadata)
	if !ours || i.TriggerID == "" || i.User.ID == "" {
		return bot.Incoming{}, false
	}
	// The trigger is new with each press on the modal's button and the same in
	// each delivery of it; the view's hash stays when only errors were shown.
	in := d.incoming("t:"+i.TriggerID, i.User.ID)
	in.In = bot.Place{Conversation: bot.ConversationID(from.Channel)}
	in.Reply = from.reply()
	in.What = bot.Submitted{Draft: from.Draft, Values: typed(i.View.State)}
	return in, true
}

func (d decoder) reply(url, threadTS string) *bot.ReplyHandle {
	if threadTS != "" {
		url += "#" + threadTS
	}
	return &bot.ReplyHandle{Token: url, Expires: d.now.Add(responseLife)}
}

func thread(channel, ts string) bot.ConversationID { return bot.ConversationID(channel + "/" + ts) }

func messageID(channel, ts string) bot.MessageID { return bot.MessageID(channel + ":" + ts) }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
