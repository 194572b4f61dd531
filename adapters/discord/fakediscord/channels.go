package fakediscord

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Say writes a message as a person; replyTo is a message's id or empty. It
// returns when the message is stored and queued for the sessions that hear of it.
func (s *Server) Say(ctx context.Context, user, channel, text, replyTo string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[channel]
	if c == nil || !s.permissions(c, user).has(ViewChannel|SendMessages) && !(c.Kind.thread() && s.permissions(c, user).has(SendMessagesInThreads)) {
		return "", fmt.Errorf("say: user %s may not write in channel %q", user, channel)
	}
	if n := utf8.RuneCountInString(text); n == 0 || n > maxContent {
		return "", fmt.Errorf("say: %d characters, 1 to %d are allowed", n, maxContent)
	}
	if replyTo != "" && (s.messages[replyTo] == nil || s.messages[replyTo].Channel != channel) {
		return "", fmt.Errorf("say: no message %s to reply to", replyTo)
	}
	m := &Message{ID: s.snowflake(), Channel: channel, Author: user, Content: text, Reference: replyTo, Created: s.options.Now()}
	m.Pings = s.pings(m, c)
	s.store(c, m)
	return m.ID, nil
}

// Remove deletes a message, as its author or a moderator does.
func (s *Server) Remove(message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.messages[message]; m != nil {
		s.remove(m)
	}
}

func (s *Server) remove(m *Message) {
	m.Deleted = true
	if c := s.channels[m.Channel]; c != nil && !m.Ephemeral() {
		intent := IntentGuildMessages
		if c.Kind == DM {
			intent = IntentDirectMessages
		}
		s.dispatch("MESSAGE_DELETE", intent, c.Guild, func(Intents) any {
			j := map[string]any{"id": m.ID, "channel_id": c.ID}
			if c.Guild != "" {
				j["guild_id"] = c.Guild
			}
			return j
		})
	}
	s.touch()
}

func (s *Server) getUser(c *call) (any, *apiError) {
	u := s.users[c.param("user")]
	if u == nil {
		return nil, apiErrors(10013)
	}
	return s.userJSON(u), nil
}

// openDM returns the one direct channel, new or old. Whether the person takes
// messages shows only when one is sent.
// https://discord.com/developers/docs/resources/user#create-dm
func (s *Server) openDM(c *call) (any, *apiError) {
	var body struct {
		Recipient string `json:"recipient_id"`
	}
	if err := c.into(&body); err != nil {
		return nil, err
	}
	u := s.users[body.Recipient]
	switch {
	case u == nil:
		return nil, apiErrors(50033)
	case u.Bot:
		return nil, apiErrors(50007)
	}
	return s.channelJSON(s.dm(u.ID)), nil
}

func (s *Server) visibleGuild(id string) (*Guild, *apiError) {
	g := s.guilds[id]
	if g == nil || s.members[[2]string{id, s.app}] == nil {
		return nil, apiErrors(10004)
	}
	return g, nil
}

func (s *Server) getGuild(c *call) (any, *apiError) {
	g, err := s.visibleGuild(c.param("guild"))
	if err != nil {
		return nil, err
	}
	return s.guildJSON(g, false), nil
}

// https://discord.com/developers/docs/resources/user#get-current-user-guilds
func (s *Server) getOwnGuilds(*call) (any, *apiError) {
	list := []any{}
	for _, g := range s.guilds {
		if m := s.members[[2]string{g.ID, s.app}]; m != nil {
			list = append(list, map[string]any{
				"id": g.ID, "name": g.Name, "icon": nil, "banner": nil, "owner": false, "permissions": m.Permissions.String(), "features": []any{},
			})
		}
	}
	return list, nil
}

// applicationJSON is the bot's own application.
// https://discord.com/developers/docs/resources/application#application-object
func (s *Server) applicationJSON() map[string]any {
	j := map[string]any{
		"id": s.app, "name": "procurabot", "verify_key": s.PublicKey(), "interactions_endpoint_url": nil,
		"bot_public": true, "bot_require_code_grant": s.codeGrant,
	}
	if s.endpoint != nil {
		j["interactions_endpoint_url"] = s.endpoint.url
	}
	flags := 0
	for intent, flag := range map[Intents]int{IntentPresences: 1 << 13, IntentMembers: 1 << 15, IntentMessageContent: 1 << 19} {
		if s.options.Privileged&intent != 0 {
			flags |= flag
		}
	}
	j["flags"] = flags
	return j
}

func (s *Server) getChannels(c *call) (any, *apiError) {
	g, err := s.visibleGuild(c.param("guild"))
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, x := range s.channels {
		if x.Guild == g.ID && !x.Kind.thread() {
			list = append(list, s.channelJSON(x))
		}
	}
	return list, nil
}

func (s *Server) getMember(c *call) (any, *apiError) {
	if _, err := s.visibleGuild(c.param("guild")); err != nil {
		return nil, err
	}
	m := s.members[[2]string{c.param("guild"), c.param("user")}]
	if m == nil {
		return nil, apiErrors(10007)
	}
	return s.memberJSON(m, true), nil
}

func (s *Server) getThreads(c *call) (any, *apiError) {
	g, err := s.visibleGuild(c.param("guild"))
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, x := range s.channels {
		if x.Guild == g.ID && x.Kind.thread() && !x.archived && s.permissions(x, s.app).has(ViewChannel) {
			list = append(list, s.channelJSON(x))
		}
	}
	return map[string]any{"threads": list, "members": []any{}}, nil
}

// visible is the channel if the bot may see it.
func (s *Server) visible(id string) (*channel, *apiError) {
	c := s.channels[id]
	if c == nil {
		return nil, apiErrors(10003)
	}
	if !s.permissions(c, s.app).has(ViewChannel) {
		return nil, apiErrors(50001)
	}
	return c, nil
}

// writable is the channel if the bot may write there.
func (s *Server) writable(id string, embeds bool) (*channel, *apiError) {
	c, err := s.visible(id)
	if err != nil {
		return nil, err
	}
	if c.Kind == DM {
		u := s.users[c.Recipient]
		if !s.shared(c.Recipient) {
			return nil, apiErrors(50278)
		}
		if u.ClosedDMs {
			return nil, apiErrors(50007)
		}
		return c, nil
	}
	needed := SendMessages
	if c.Kind.thread() {
		needed = SendMessagesInThreads
		if c.archived {
			c.archived = false // sending opens an archived thread again
		}
	}
	if embeds {
		needed |= EmbedLinks
	}
	if !s.permissions(c, s.app).has(needed) {
		return nil, apiErrors(50013)
	}
	return c, nil
}

func (s *Server) getChannel(c *call) (any, *apiError) {
	x, err := s.visible(c.param("channel"))
	if err != nil {
		return nil, err
	}
	return s.channelJSON(x), nil
}

// getMessages answers newest first, 50 unless told otherwise.
// https://discord.com/developers/docs/resources/message#get-channel-messages
func (s *Server) getMessages(c *call) (any, *apiError) {
	x, err := s.visible(c.param("channel"))
	if err != nil {
		return nil, err
	}
	list := []any{}
	if !s.permissions(x, s.app).has(ReadMessageHistory) {
		return list, nil
	}
	q := c.http.URL.Query()
	limit := 50
	if v := q.Get("limit"); v != "" {
		n, e := strconv.Atoi(v)
		if e != nil || n < 1 || n > 100 {
			return nil, invalidForm("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
		}
		limit = n
	}
	var older, newer []*Message // both oldest first, of what may be returned
	for _, m := range x.messages {
		if m.Deleted || m.Ephemeral() {
			continue
		}
		switch {
		case q.Get("around") != "":
			if before(m.ID, q.Get("around")) {
				older = append(older, m)
			} else {
				newer = append(newer, m)
			}
		case q.Get("before") != "":
			if before(m.ID, q.Get("before")) {
				older = append(older, m)
			}
		case q.Get("after") != "":
			if before(q.Get("after"), m.ID) {
				newer = append(newer, m)
			}
		default:
			older = append(older, m)
		}
	}
	if q.Get("around") != "" {
		older = older[max(len(older)-limit/2, 0):]
		newer = newer[:min(len(newer), limit-len(older))]
	}
	older = older[max(len(older)-limit, 0):]
	newer = newer[:min(len(newer), limit)]
	for _, m := range slices.Backward(append(slices.Clone(older), newer...)) {
		list = append(list, s.readable(m))
	}
	return list, nil
}

// readable is the message for an answer over HTTP.
func (s *Server) readable(m *Message) map[string]any {
	return s.messageJSON(m, s.options.Privileged&IntentMessageContent != 0)
}

// find is the message of the path, if the bot may read it.
func (s *Server) find(c *call) (*channel, *Message, *apiError) {
	x, err := s.visible(c.param("channel"))
	if err != nil {
		return nil, nil, err
	}
	m := s.messages[c.param("message")]
	if m == nil || m.Channel != x.ID || m.Deleted || m.Ephemeral() {
		return nil, nil, apiErrors(10008)
	}
	return x, m, nil
}

func (s *Server) getMessage(c *call) (any, *apiError) {
	x, m, err := s.find(c)
	if err != nil {
		return nil, err
	}
	if !s.permissions(x, s.app).has(ReadMessageHistory) {
		return nil, apiErrors(50013)
	}
	return s.readable(m), nil
}

// postMessage sends a message. An enforced nonce that was used in the past few
// minutes returns the message that it made; when that was deleted, it is unknown.
// https://discord.com/developers/docs/resources/message#create-message
func (s *Server) postMessage(c *call) (any, *apiError) {
	d, err := c.draft(c.body)
	if err != nil {
		return nil, err
	}
	x, err := s.writable(c.param("channel"), d.Embeds != nil && len(*d.Embeds) > 0)
	if err != nil {
		return nil, err
	}
	if err := d.AllowedMentions.check(); err != nil {
		return nil, err
	}
	key := ""
	switch n := d.Nonce.(type) {
	case nil:
	case string:
		key = n
	case json.Number:
		key = n.String()
	default:
		return nil, invalidForm("nonce", "BASE_TYPE_BAD_TYPE", "Nonce must be a string or an integer.")
	}
	if len(key) > maxNonce {
		return nil, invalidForm("nonce", "NONCE_TYPE_TOO_LONG", "Must be %d or fewer in length.", maxNonce)
	}
	if known, ok := s.nonces[key]; ok && key != "" && d.EnforceNonce && s.options.Now().Sub(known.at) < s.options.NonceWindow {
		m := s.messages[known.message]
		if m.Deleted {
			return nil, apiErrors(10008)
		}
		return s.readable(m), nil
	}
	const allowed = FlagSuppressEmbeds | FlagSuppressNotifications | FlagComponentsV2
	if d.Flags&^allowed != 0 {
		return nil, invalidForm("flags", "MESSAGE_FLAGS_INVALID", "Only SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS and IS_COMPONENTS_V2 can be set.")
	}
	m := &Message{ID: s.snowflake(), Channel: x.ID, Author: s.app, Nonce: key, AllowedMentions: d.AllowedMentions, Created: s.options.Now()}
	if err := d.apply(m, c.files, true); err != nil {
		return nil, err
	}
	if r := d.MessageReference; r != nil && r.MessageID != "" {
		to := s.messages[r.MessageID]
		gone := to == nil || to.Deleted || to.Channel != x.ID || to.Ephemeral()
		if gone && (r.FailIfNotExists == nil || *r.FailIfNotExists) {
			return nil, invalidForm("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
		}
		if !gone {
			if !s.permissions(x, s.app).has(ReadMessageHistory) {
				// https://discord.com/developers/docs/resources/message#create-message
				return nil, apiErrors(160002)
			}
			m.Reference = r.MessageID
		}
	}
	m.Pings = s.pings(m, x)
	if key != "" {
		s.nonces[key] = nonce{message: m.ID, at: s.options.Now()}
	}
	s.store(x, m)
	return s.readable(m), nil
}

// https://discord.com/developers/docs/resources/message#edit-message
func (s *Server) patchMessage(c *call) (any, *apiError) {
	x, m, err := s.find(c)
	if err != nil {
		return nil, err
	}
	if m.Author != s.app {
		return nil, apiErrors(50005)
	}
	d, err := c.draft(c.body)
	if err != nil {
		return nil, err
	}
	return s.edit(x, m, d, c.files)
}

// edit changes a message; mentions that it adds do not notify.
func (s *Server) edit(x *channel, m *Message, d *draft, files []Attachment) (any, *apiError) {
	if err := d.AllowedMentions.check(); err != nil {
		return nil, err
	}
	next := m.snapshot()
	loading := m.Loading()
	if err := d.apply(&next, files, false); err != nil {
		return nil, err
	}
	next.Flags &^= FlagLoading
	if d.AllowedMentions != nil {
		next.AllowedMentions = d.AllowedMentions
	}
	if loading {
		// The first edit of a deferral is when its text appears, and may notify.
		next.Pings = s.pings(&next, x)
	} else {
		next.Edited, next.edited = true, s.options.Now()
	}
	for i := range next.Attachments {
		if next.Attachments[i].ID == "" {
			next.Attachments[i].ID = s.snowflake()
		}
	}
	*m = next
	if !m.Ephemeral() {
		s.tell("MESSAGE_UPDATE", x, m)
	}
	s.touch()
	return s.readable(m), nil
}

// https://discord.com/developers/docs/resources/message#delete-message
func (s *Server) deleteMessage(c *call) (any, *apiError) {
	x, m, err := s.find(c)
	if err != nil {
		return nil, err
	}
	if m.Author != s.app && (x.Kind == DM || !s.permissions(x, s.app).has(ManageMessages)) {
		return nil, apiErrors(50013)
	}
	s.remove(m)
	return nil, nil
}

// postThread makes a thread, from a message or without one.
// https://discord.com/developers/docs/resources/channel#start-thread-without-message
func (s *Server) postThread(c *call) (any, *apiError) {
	parent, err := s.visible(c.param("channel"))
	if err != nil {
		return nil, err
	}
	body := struct {
		Name        string       `json:"name"`
		Kind        *ChannelKind `json:"type"`
		AutoArchive int          `json:"auto_archive_duration"`
		Invitable   *bool        `json:"invitable"`
	}{}
	if err := c.into(&body); err != nil {
		return nil, err
	}
	if n := utf8.RuneCountInString(body.Name); n < 1 || n > 100 {
		return nil, tooLong("name", 100)
	}
	if body.AutoArchive == 0 {
		body.AutoArchive = 4320
	}
	if !slices.Contains([]int{60, 1440, 4320, 10080}, body.AutoArchive) {
		return nil, invalidForm("auto_archive_duration", "BASE_TYPE_CHOICES", "Value must be one of {60, 1440, 4320, 10080}.")
	}
	if parent.Kind != Text && parent.Kind != Announcement {
		return nil, apiErrors(50024)
	}
	// Before a default of the future, an absent type means a private thread.
	kind := PrivateThread
	if c.param("message") != "" {
		kind = PublicThread
		m := s.messages[c.param("message")]
		if m == nil || m.Channel != parent.ID || m.Deleted {
			return nil, apiErrors(10008)
		}
		if s.channels[m.ID] != nil {
			return nil, &apiError{Status: 400, Code: 160004, Message: "A thread has already been created for this message"}
		}
	} else if body.Kind != nil {
		kind = *body.Kind
	}
	needed := CreatePublicThreads
	if kind == PrivateThread {
		needed = CreatePrivateThreads
		if parent.Kind != Text {
			return nil, apiErrors(50024)
		}
	}
	if !kind.thread() {
		return nil, invalidForm("type", "BASE_TYPE_CHOICES", "Value must be one of {11, 12}.")
	}
	if !s.permissions(parent, s.app).has(needed) {
		return nil, apiErrors(50013)
	}
	id := c.param("message") // a thread from a message has its id
	if id == "" {
		id = s.snowflake()
	}
	t := &channel{
		Channel: Channel{ID: id, Guild: parent.Guild, Name: body.Name, Kind: kind, Parent: parent.ID, Members: []string{s.app}},
		archive: body.AutoArchive, invitable: body.Invitable == nil || *body.Invitable, created: s.options.Now(),
	}
	s.channels[t.ID] = t
	s.dispatch("THREAD_CREATE", IntentGuilds, t.Guild, func(Intents) any {
		j := s.channelJSON(t)
		j["newly_created"] = true
		return j
	})
	s.touch()
	c.status = 201
	return s.channelJSON(t), nil
}

// https://discord.com/developers/docs/resources/channel#add-thread-member
func (s *Server) putThreadMember(c *call) (any, *apiError) {
	t, err := s.visible(c.param("channel"))
	if err != nil {
		return nil, err
	}
	user := c.param("user")
	if user == "@me" {
		user = s.app
	}
	switch {
	case !t.Kind.thread():
		return nil, apiErrors(50024)
	case t.archived:
		return nil, apiErrors(50083)
	case !s.permissions(t, s.app).has(SendMessagesInThreads):
		return nil, apiErrors(50013)
	case s.users[user] == nil:
		return nil, apiErrors(10013)
	case s.members[[2]string{t.Guild, user}] == nil:
		return nil, apiErrors(10007)
	case s.channels[t.Parent] != nil && !s.permissions(s.channels[t.Parent], user).has(ViewChannel):
		return nil, apiErrors(50001)
	}
	if !slices.Contains(t.Members, user) {
		t.Members = append(t.Members, user)
	}
	s.touch()
	return nil, nil
}

func (s *Server) deleteThreadMember(c *call) (any, *apiError) {
	t, err := s.visible(c.param("channel"))
	if err != nil {
		return nil, err
	}
	user := c.param("user")
	if user == "@me" {
		user = s.app
	}
	if user != s.app && !s.permissions(t, s.app).has(ManageThreads) {
		return nil, apiErrors(50013)
	}
	t.Members = slices.DeleteFunc(t.Members, func(m string) bool { return m == user })
	s.touch()
	return nil, nil
}
