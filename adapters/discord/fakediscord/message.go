package fakediscord

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Flags of a message.
// https://discord.com/developers/docs/resources/message#message-object-message-flags
const (
	FlagSuppressEmbeds        = 1 << 2
	FlagEphemeral             = 1 << 6
	FlagLoading               = 1 << 7
	FlagSuppressNotifications = 1 << 12
	FlagComponentsV2          = 1 << 15
)

// Limits of a message.
// https://discord.com/developers/docs/resources/message#create-message
const (
	maxContent     = 2000
	maxNonce       = 25
	maxEmbeds      = 10
	maxEmbedsTotal = 6000
	maxFileSize    = 10 << 20
	maxFiles       = 10
)

// Message is what stands in a channel, as a person sees it.
type Message struct {
	ID, Channel, Author, Content string
	Embeds, Components           []map[string]any
	Attachments                  []Attachment
	// Reference is the message that this one answers.
	Reference       string
	Nonce           string
	Flags           int
	Created         time.Time
	Edited, Deleted bool
	AllowedMentions *AllowedMentions
	// Pings are the mentions that notify: "<@1>", "<@&2>", "@everyone", "@here".
	Pings []string
	// Written are the mentions that would notify had allowed_mentions been left out.
	Written []string
	// Interaction is the id of the interaction that this is a response to.
	Interaction string
	// For is the only person who sees an ephemeral message.
	For string

	webhook bool
	from    *interaction // of a response
	edited  time.Time
}

// Ephemeral tells whether only one person sees the message.
func (m Message) Ephemeral() bool { return m.Flags&FlagEphemeral != 0 }

// Loading tells whether the message is a deferral: "the bot is thinking".
func (m Message) Loading() bool { return m.Flags&FlagLoading != 0 }

// Attachment is a file of a message.
type Attachment struct {
	ID, Name, Type string
	Data           []byte
}

type nonce struct {
	message string
	at      time.Time
}

func (m *Message) snapshot() Message {
	c := *m
	c.Embeds, c.Components = slices.Clone(m.Embeds), slices.Clone(m.Components)
	c.Pings, c.Written, c.Attachments = slices.Clone(m.Pings), slices.Clone(m.Written), slices.Clone(m.Attachments)
	return c
}

// Messages returns what everybody in the channel can see or could see before it
// was deleted, oldest first.
func (s *Server) Messages(channel string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Message
	if c := s.channels[channel]; c != nil {
		for _, m := range c.messages {
			if !m.Ephemeral() {
				all = append(all, m.snapshot())
			}
		}
	}
	return all
}

// Ephemerals returns the messages that only this person sees, oldest first,
// wherever they stand, without those deleted.
func (s *Server) Ephemerals(user string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Message
	for _, m := range s.messages {
		if m.Ephemeral() && m.For == user && !m.Deleted {
			all = append(all, m.snapshot())
		}
	}
	slices.SortFunc(all, func(a, b Message) int {
		if before(a.ID, b.ID) {
			return -1
		}
		return 1
	})
	return all
}

// Message returns one message as it is now.
func (s *Server) Message(id string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messages[id]
	if m == nil {
		return Message{}, false
	}
	return m.snapshot(), true
}

// draft is the body of a message, new or edited.
type draft struct {
	Content          *string           `json:"content"`
	Nonce            any               `json:"nonce"`
	EnforceNonce     bool              `json:"enforce_nonce"`
	Embeds           *[]map[string]any `json:"embeds"`
	Components       *[]map[string]any `json:"components"`
	AllowedMentions  *AllowedMentions  `json:"allowed_mentions"`
	MessageReference *struct {
		MessageID       string `json:"message_id"`
		ChannelID       string `json:"channel_id"`
		FailIfNotExists *bool  `json:"fail_if_not_exists"`
	} `json:"message_reference"`
	Flags int `json:"flags"`

	present map[string]json.RawMessage
}

func (c *call) draft(body []byte) (*draft, *apiError) {
	d := &draft{}
	if len(body) == 0 {
		body = []byte("{}")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(d); err != nil {
		e := apiErrors(50109)
		e.Message += " " + err.Error()
		return nil, e
	}
	_ = json.Unmarshal(body, &d.present)
	return d, nil
}

// apply writes the draft over the message and checks the whole.
func (d *draft) apply(m *Message, files []Attachment, fresh bool) *apiError {
	if _, ok := d.present["content"]; ok {
		m.Content = ""
		if d.Content != nil {
			m.Content = strings.TrimSpace(*d.Content)
		}
	}
	if _, ok := d.present["embeds"]; ok {
		m.Embeds = nil
		if d.Embeds != nil {
			m.Embeds = plainNumbers(*d.Embeds)
		}
	}
	if _, ok := d.present["components"]; ok {
		m.Components = nil
		if d.Components != nil {
			m.Components = plainNumbers(*d.Components)
		}
	}
	if fresh {
		m.Flags |= d.Flags
	} else {
		// The flag cannot be taken away once set.
		m.Flags |= d.Flags & (FlagComponentsV2 | FlagSuppressEmbeds)
	}
	if len(files) > maxFiles {
		return invalidForm("attachments", "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", maxFiles)
	}
	for _, f := range files {
		if len(f.Data) > maxFileSize {
			return &apiError{Status: 413, Code: 40005, Message: "Request entity too large"}
		}
		m.Attachments = append(m.Attachments, f)
	}
	if utf8.RuneCountInString(m.Content) > maxContent {
		return invalidForm("content", "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", maxContent)
	}
	if err := checkEmbeds(m.Embeds); err != nil {
		return err
	}
	if err := checkMessageComponents(m.Components, m.Flags&FlagComponentsV2 != 0); err != nil {
		return err
	}
	if m.Flags&FlagComponentsV2 != 0 {
		// https://discord.com/developers/docs/components/reference#what-is-a-component
		if m.Content != "" || len(m.Embeds) > 0 {
			return invalidForm("content", "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
				"The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2")
		}
		if len(m.Components) == 0 {
			return apiErrors(50006)
		}
		return nil
	}
	if m.Content == "" && len(m.Embeds) == 0 && len(m.Components) == 0 && len(m.Attachments) == 0 {
		return apiErrors(50006)
	}
	return nil
}

// plainNumbers turns json.Number into float64, as a test expects it.
func plainNumbers(in []map[string]any) []map[string]any {
	var out []map[string]any
	_ = json.Unmarshal(encode(in), &out)
	return out
}

// checkEmbeds holds the limits of embeds.
// https://discord.com/developers/docs/resources/message#embed-object-embed-limits
func checkEmbeds(embeds []map[string]any) *apiError {
	if len(embeds) > maxEmbeds {
		return invalidForm("embeds", "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", maxEmbeds)
	}
	total := 0
	measure := func(of map[string]any, key string, max int, required bool) *apiError {
		text, _ := of[key].(string)
		n := utf8.RuneCountInString(strings.TrimSpace(text))
		total += n
		if n > max {
			return invalidForm("embeds."+key, "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", max)
		}
		if required && n == 0 {
			return invalidForm("embeds."+key, "BASE_TYPE_REQUIRED", "This field is required")
		}
		return nil
	}
	for _, e := range embeds {
		footer, _ := e["footer"].(map[string]any)
		author, _ := e["author"].(map[string]any)
		errs := []*apiError{measure(e, "title", 256, false), measure(e, "description", 4096, false)}
		if footer != nil {
			errs = append(errs, measure(footer, "text", 2048, true))
		}
		if author != nil {
			errs = append(errs, measure(author, "name", 256, true))
		}
		fields, _ := e["fields"].([]any)
		if len(fields) > 25 {
			return invalidForm("embeds.fields", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
		}
		for _, f := range fields {
			field, _ := f.(map[string]any)
			errs = append(errs, measure(field, "name", 256, true), measure(field, "value", 1024, true))
		}
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
	}
	if total > maxEmbedsTotal {
		return invalidForm("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of %d", maxEmbedsTotal)
	}
	return nil
}

// store puts a new message in its place and tells who listens. The caller holds mu.
func (s *Server) store(c *channel, m *Message) {
	s.messages[m.ID] = m
	for i := range m.Attachments {
		m.Attachments[i].ID = s.snowflake()
	}
	c.messages = append(c.messages, m)
	if !m.Ephemeral() {
		s.tell("MESSAGE_CREATE", c, m)
	}
	s.touch()
}

// tell sends a message's event with what the session may read of it.
func (s *Server) tell(name string, c *channel, m *Message) {
	intent := IntentGuildMessages
	if c.Kind == DM {
		intent = IntentDirectMessages
	} else if !s.permissions(c, s.app).has(ViewChannel) {
		return
	}
	s.dispatch(name, intent, c.Guild, func(intents Intents) any {
		j := s.messageJSON(m, intents&IntentMessageContent != 0)
		if c.Guild != "" {
			j["guild_id"] = c.Guild
			if x := s.members[[2]string{c.Guild, m.Author}]; x != nil {
				j["member"] = s.memberJSON(x, false)
			}
		}
		return j
	})
}

// messageJSON is the message as the bot may read it. Without the intent its
// text is there only in direct messages, where the bot is mentioned, and in
// what the bot itself wrote; this holds for HTTP too.
// https://discord.com/developers/docs/events/gateway#message-content-intent
func (s *Server) messageJSON(m *Message, content bool) map[string]any {
	c := s.channels[m.Channel]
	mentions, found := []any{}, mentioned(m.Content)
	if r := s.messages[m.Reference]; r != nil && m.Author != s.app && !slices.Contains(found, r.Author) {
		found = append(found, r.Author) // a person's reply mentions whom it answers
	}
	for _, id := range found {
		if u := s.users[id]; u != nil {
			mentions = append(mentions, s.userJSON(u))
		}
	}
	j := map[string]any{
		"id": m.ID, "channel_id": m.Channel, "author": s.userJSON(s.users[m.Author]), "type": 0,
		"content": "", "embeds": []any{}, "components": []any{}, "attachments": []any{},
		"timestamp": stamp(m.Created), "edited_timestamp": nil, "tts": false, "pinned": false, "flags": m.Flags,
		"mention_everyone": slices.Contains(m.Pings, "@everyone") || slices.Contains(m.Pings, "@here"),
		"mentions":         mentions, "mention_roles": []any{},
	}
	if m.Edited {
		j["edited_timestamp"] = stamp(m.edited)
	}
	if m.Nonce != "" {
		j["nonce"] = m.Nonce
	}
	if m.webhook {
		j["application_id"], j["webhook_id"] = s.app, s.app
	}
	if m.Interaction != "" {
		j["interaction_metadata"] = map[string]any{
			"id": m.from.id, "type": m.from.kind, "user": s.userJSON(s.users[m.from.user]),
			"authorizing_integration_owners": map[string]any{"0": m.from.guild},
		}
	}
	if m.Reference != "" {
		j["type"] = 19
		j["message_reference"] = map[string]any{"type": 0, "message_id": m.Reference, "channel_id": m.Channel}
		if c != nil && c.Guild != "" {
			j["message_reference"].(map[string]any)["guild_id"] = c.Guild
		}
		if r := s.messages[m.Reference]; r != nil && !r.Deleted {
			bare := *r
			bare.Reference = ""
			j["referenced_message"] = s.messageJSON(&bare, content)
		} else {
			j["referenced_message"] = nil
		}
	}
	if content || c == nil || c.Kind == DM || m.Author == s.app || slices.Contains(found, s.app) {
		j["content"] = m.Content
		if m.Embeds != nil {
			j["embeds"] = m.Embeds
		}
		if m.Components != nil {
			j["components"] = m.Components
		}
		files := []any{}
		for _, a := range m.Attachments {
			files = append(files, map[string]any{
				"id": a.ID, "filename": a.Name, "size": len(a.Data), "content_type": a.Type,
				"url": "https://cdn.discord.invalid/" + a.ID, "proxy_url": "https://media.discord.invalid/" + a.ID,
			})
		}
		j["attachments"] = files
	}
	return j
}
