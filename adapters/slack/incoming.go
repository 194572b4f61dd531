package slack

import (
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

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

// message is what is used of an event about a message
// (https://docs.slack.dev/reference/events/message).
type message struct {
	Type        string `json:"type"`
	Subtype     string `json:"subtype"`
	User        string `json:"user"`
	BotID       string `json:"bot_id"`
	Channel     string `json:"channel"`
	ChannelType string `json:"channel_type"`
	TS          string `json:"ts"`
	ThreadTS    string `json:"thread_ts"`
	Text        string `json:"text"`
}

// said decodes what was said to the bot. False is everything else: what bots
// say, edits and other notices about messages, and talk among people.
func (d decoder) said(m message) (bot.Incoming, bool) {
	mention := m.Type == "app_mention"
	switch m.Subtype {
	case "", "file_share", "thread_broadcast":
	default:
		if !mention {
			return bot.Incoming{}, false
		}
	}
	if m.BotID != "" || m.User == "" || m.User == d.self.user || m.Channel == "" || m.TS == "" {
		return bot.Incoming{}, false
	}
	text, named := unmentioned(m.Text, d.self.user)
	direct := m.ChannelType == "im"
	if !direct && !mention && !named {
		return bot.Incoming{}, false
	}
	in := d.incoming("m:"+m.Channel+":"+m.TS, m.User)
	in.In = bot.Place{Conversation: bot.ConversationID(m.Channel), Private: direct}
	switch {
	case !direct:
		in.In.Replies = thread(m.Channel, or(m.ThreadTS, m.TS))
	case m.ThreadTS != "":
		in.In.Conversation = thread(m.Channel, m.ThreadTS)
	}
	in.What = bot.Said{Text: written(text, d.name), Message: messageID(m.Channel, m.TS)}
	return in, true
}

// opening is what is used of app_home_opened
// (https://docs.slack.dev/reference/events/app_home_opened).
type opening struct {
	User string `json:"user"`
	Tab  string `json:"tab"` // "home" or "messages"
}

// opened decodes a look at the home page. The other tab is the direct message.
func (d decoder) opened(event string, o opening) (bot.Incoming, bool) {
	if event == "" || o.User == "" || o.Tab != "home" {
		return bot.Incoming{}, false
	}
	in := d.incoming("e:"+event, o.User)
	in.In = bot.Place{Private: true, Home: true}
	in.What = bot.HomeOpened{}
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

// pressed decodes a button of a message or of the home page.
func (d decoder) pressed(i slackgo.InteractionCallback) (bot.Incoming, bool) {
	if i.TriggerID == "" || i.User.ID == "" || len(i.ActionCallback.BlockActions) == 0 {
		return bot.Incoming{}, false
	}
	action := i.ActionCallback.BlockActions[0]
	button, ours := buttonID(action.ActionID)
	if !ours {
		return bot.Incoming{}, false
	}
	in := d.incoming("t:"+i.TriggerID, i.User.ID)
	in.What = bot.Pressed{Button: button, Value: action.Value}
	if i.View.Type == slackgo.VTHomeTab {
		in.In = bot.Place{Private: true, Home: true} // without a response URL
		return in, true
	}
	channel := or(i.Container.ChannelID, i.Channel.ID)
	threadTS := or(i.Container.ThreadTs, i.Message.ThreadTimestamp)
	// A message of the bot in a direct message stands in the one with the bot.
	in.In = bot.Place{Conversation: bot.ConversationID(channel), Private: strings.HasPrefix(channel, "D")}
	if threadTS != "" && !in.In.Private {
		in.In.Replies = thread(channel, threadTS)
	}
	in.Reply = d.reply(i.ResponseURL, threadTS)
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
