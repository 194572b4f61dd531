package fakeslack

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

const (
	maxPosted   = 40000 // truncated above it: https://docs.slack.dev/reference/methods/chat.postMessage#truncating
	maxUpdated  = 4000  // refused above it: https://docs.slack.dev/reference/methods/chat.update#errors
	maxMarkdown = 12000 // https://docs.slack.dev/reference/block-kit/blocks/markdown-block
)

// content reads what a message says from a call. The caller holds s.mu.
func (s *Server) content(a args, m *Message) answer {
	text := a.text("text")
	if utf8.RuneCountInString(text) > maxPosted {
		text = string([]rune(text)[:maxPosted])
	}
	m.Text = text
	if markdown := a.text("markdown_text"); markdown != "" {
		if text != "" || a["blocks"] != nil {
			return fail("markdown_text_conflict")
		}
		if utf8.RuneCountInString(markdown) > maxMarkdown {
			return fail("msg_too_long")
		}
		m.Text = markdown
	}
	blocks, present, err := a.value("blocks")
	if err != nil {
		return fail("invalid_blocks_format")
	}
	if present {
		list, refused := s.blocks(blocks, inMessage)
		if refused != nil {
			return refused
		}
		m.Blocks = list
	}
	meta, present, err := a.object("metadata")
	if err != nil {
		return fail("invalid_metadata_format")
	}
	if present {
		if refused := metadata(m, meta); refused != nil {
			return refused
		}
	}
	s.parse(m, a.truth("link_names"), a.text("parse") == "full")
	return nil
}

// withoutTotal gives the code of the methods that have no msg_blocks_too_long in their lists.
func withoutTotal(refused answer) answer {
	if refused["error"] == "msg_blocks_too_long" {
		return fail("msg_too_long")
	}
	return refused
}

// metadata sets a message's metadata (https://docs.slack.dev/messaging/message-metadata). An empty object is what
// client libraries send for none.
func metadata(m *Message, meta map[string]any) answer {
	kind, _ := meta["event_type"].(string)
	payload, isObject := meta["event_payload"].(map[string]any)
	if kind == "" && len(payload) == 0 {
		return nil
	}
	if kind == "" || !isObject {
		return fail("invalid_metadata_format", "event_type and event_payload are required")
	}
	m.Metadata = &Metadata{EventType: kind, Payload: payload}
	return nil
}

// writable finds the conversation that the bot may write to. The caller holds s.mu.
func (s *Server) writable(id string) (*channel, answer) {
	c := s.channels[id]
	if c == nil && s.users[id] != nil && id != s.bot.ID {
		// A user id stands for the direct message with that user
		// (https://docs.slack.dev/reference/methods/chat.postMessage#channels).
		c, _ = s.open([]string{id})
	}
	if c == nil {
		return nil, fail("channel_not_found")
	}
	if !slices.Contains(c.members, s.bot.ID) {
		if c.kind == publicChannel {
			if slices.Contains(s.o.Scopes, "chat:write.public") {
				return c, s.archived(c)
			}
			return nil, fail("not_in_channel")
		}
		// A private channel does not exist for those who are not in it.
		return nil, fail("channel_not_found")
	}
	return c, s.archived(c)
}

func (s *Server) archived(c *channel) answer {
	if c.Archived {
		return fail("is_archived")
	}
	return nil
}

func (s *Server) postMessage(a args) answer {
	c, refused := s.writable(a.text("channel"))
	if refused != nil {
		return refused
	}
	m := &Message{Channel: c.ID, User: s.bot.ID, byBot: true}
	if refused := s.content(a, m); refused != nil {
		return refused
	}
	if m.Text == "" && len(m.Blocks) == 0 && a.text("attachments") == "" {
		return fail("no_text")
	}
	if thread := a.text("thread_ts"); thread != "" {
		root := c.find(thread)
		switch {
		case root == nil:
			// A reply to a message that is gone stands in the channel itself: only the answer's message, which has no
			// thread_ts then, tells (https://github.com/slack-go/slack, PostMessageWithResponseContext).
		case root.EphemeralTo != "":
			return fail("cannot_reply_to_message")
		case root.ThreadTS != "":
			m.ThreadTS = root.ThreadTS
		default:
			m.ThreadTS = thread
		}
	}
	s.add(c, m)
	if s.o.Echo {
		list := s.messageEvents(c, m)
		s.running.Go(func() { _, _ = s.deliver(s.life, list...) })
	}
	return answer{"channel": c.ID, "ts": m.TS, "message": s.messageJSON(m, true)}
}

// thread finds the first message of the thread that a timestamp belongs to.
func (c *channel) thread(ts string) (string, answer) {
	if m := c.find(ts); m != nil && m.EphemeralTo == "" {
		if m.ThreadTS != "" {
			return m.ThreadTS, nil
		}
		return ts, nil
	}
	return "", fail("thread_not_found")
}

func (s *Server) add(c *channel, m *Message) {
	m.TS = s.ts()
	c.messages = append(c.messages, m)
}

func (s *Server) postEphemeral(a args) answer {
	c, refused := s.writable(a.text("channel"))
	if refused != nil {
		return refused
	}
	user := a.text("user")
	if u := s.users[user]; u == nil || !slices.Contains(c.members, user) {
		// https://docs.slack.dev/reference/methods/chat.postEphemeral#errors
		return fail("user_not_in_channel")
	}
	m := &Message{Channel: c.ID, User: s.bot.ID, byBot: true, EphemeralTo: user, ThreadTS: a.text("thread_ts")}
	// Here a long text is refused, not cut (https://docs.slack.dev/reference/methods/chat.postEphemeral#errors); where "long"
	// begins is not said, so that the number is chat.postMessage's.
	if utf8.RuneCountInString(a.text("text")) > maxPosted {
		return fail("msg_too_long")
	}
	if refused := s.content(a, m); refused != nil {
		return withoutTotal(refused)
	}
	if m.Text == "" && len(m.Blocks) == 0 && a.text("attachments") == "" {
		return fail("no_text")
	}
	s.add(c, m)
	return answer{"message_ts": m.TS}
}

// own finds a message that the bot wrote and all may see: ephemeral messages have no timestamp to be found by
// (https://docs.slack.dev/reference/methods/chat.update#ephemeral).
func (s *Server) own(a args, notOwn string) (*channel, *Message, answer) {
	c := s.channels[a.text("channel")]
	if c == nil || !slices.Contains(c.members, s.bot.ID) {
		return nil, nil, fail("channel_not_found")
	}
	m := c.find(a.text("ts"))
	if m == nil || m.EphemeralTo != "" {
		return nil, nil, fail("message_not_found")
	}
	if !m.byBot {
		return nil, nil, fail(notOwn)
	}
	return c, m, nil
}

func (s *Server) update(a args) answer {
	c, m, refused := s.own(a, "cant_update_message")
	if refused != nil {
		return refused
	}
	if refused := s.archived(c); refused != nil {
		return refused
	}
	if utf8.RuneCountInString(a.text("text")) > maxUpdated {
		return fail("msg_too_long")
	}
	next := *m
	// Text without blocks removes the blocks; without both, a change of metadata keeps them
	// (https://docs.slack.dev/reference/methods/chat.update#arg_blocks).
	if a.text("text") != "" || a.text("markdown_text") != "" {
		next.Blocks = nil
	}
	if refused := s.content(a, &next); refused != nil {
		return withoutTotal(refused)
	}
	if a.text("text") == "" && a.text("markdown_text") == "" && a["blocks"] == nil {
		next.Text = m.Text
		s.parse(&next, false, false)
	}
	if next.Text == "" && len(next.Blocks) == 0 {
		return fail("no_text")
	}
	next.History = append(slices.Clone(m.History), m.Text)
	next.Edited = true
	*m = next
	return answer{"channel": c.ID, "ts": m.TS, "text": m.Text, "message": s.messageJSON(m, true)}
}

func (s *Server) deleteMessage(a args) answer {
	c, m, refused := s.own(a, "cant_delete_message")
	if refused != nil {
		return refused
	}
	m.Deleted = true
	return answer{"channel": c.ID, "ts": m.TS}
}

// messageJSON is a message as the Web API and the payloads show it. The caller holds s.mu.
func (s *Server) messageJSON(m *Message, withMetadata bool) map[string]any {
	j := map[string]any{"type": "message", "user": m.User, "text": m.Text, "ts": m.TS, "team": s.o.TeamID}
	if m.byBot {
		j["bot_id"], j["app_id"] = s.BotID(), s.AppID()
		j["bot_profile"] = map[string]any{"id": s.BotID(), "app_id": s.AppID(), "name": s.bot.Name, "team_id": s.o.TeamID}
	} else {
		j["client_msg_id"] = m.clientID
	}
	if m.Blocks != nil {
		j["blocks"] = cloneBlocks(m.Blocks)
	}
	if m.ThreadTS != "" {
		j["thread_ts"] = m.ThreadTS
		if m.ThreadTS != m.TS {
			j["parent_user_id"] = s.author(m.Channel, m.ThreadTS)
		}
	}
	if m.Edited && len(m.Blocks) == 0 {
		// Slack does not mark a change of blocks as edited (https://docs.slack.dev/reference/methods/chat.update#arg_blocks).
		j["edited"] = map[string]any{"user": m.User, "ts": m.TS}
	}
	if withMetadata && m.Metadata != nil {
		j["metadata"] = m.Metadata
	}
	if len(m.reactions) > 0 {
		var list []any
		for _, name := range sortedKeys(m.reactions) {
			list = append(list, map[string]any{"name": name, "users": m.reactions[name], "count": len(m.reactions[name])})
		}
		j["reactions"] = list
	}
	if len(m.Files) > 0 {
		var list []any
		for _, id := range m.Files {
			list = append(list, s.fileJSON(s.files[id]))
		}
		j["files"] = list
	}
	return j
}

func (s *Server) author(channelID, ts string) string {
	if m := s.channels[channelID].find(ts); m != nil {
		return m.User
	}
	return ""
}

func (s *Server) reactionsAdd(a args) answer {
	c := s.channels[a.text("channel")]
	if c == nil || !slices.Contains(c.members, s.bot.ID) {
		return fail("channel_not_found")
	}
	m := c.find(a.text("timestamp"))
	if m == nil || m.EphemeralTo != "" {
		return fail("message_not_found")
	}
	name := a.text("name")
	if slices.Contains(m.reactions[name], s.bot.ID) {
		return fail("already_reacted")
	}
	if m.reactions == nil {
		m.reactions = map[string][]string{}
	}
	m.reactions[name] = append(m.reactions[name], s.bot.ID)
	return answer{}
}

// decode turns a JSON text or value into another shape.
func decode(from any, to any) error {
	raw, ok := from.(json.RawMessage)
	if !ok {
		var err error
		if raw, err = json.Marshal(from); err != nil {
			return fmt.Errorf("encode: %w", err)
		}
	}
	return json.Unmarshal(raw, to)
}
