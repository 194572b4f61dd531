package fakediscord

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Types of interaction and of the answer to one.
// https://discord.com/developers/docs/interactions/receiving-and-responding
const (
	kindPing         = 1
	kindCommand      = 2
	kindComponent    = 3
	kindAutocomplete = 4
	kindModal        = 5

	// ResponsePong to ResponseModal are the types of a first response.
	ResponsePong           = 1
	ResponseMessage        = 4
	ResponseDeferred       = 5
	ResponseDeferredUpdate = 6
	ResponseUpdate         = 7
	ResponseChoices        = 8
	ResponseModal          = 9

	responseDue   = 3 * time.Second
	tokenLifetime = 15 * time.Minute
)

type interaction struct {
	id, token, user, channel, guild string
	kind                            int
	source                          *Message // the message of the component
	created                         time.Time
	response                        int      // type of the first response, 0 before it
	original                        *Message // what @original means
	choices                         []Choice
	modal                           *Modal
	answered                        chan struct{}
	refusals                        []string // of callbacks that were turned away
	late                            bool     // the first of them came too late
}

// Interaction is what became of something a person did.
type Interaction struct {
	ID, Token string
	// Response is the type of the first response: ResponseMessage, ResponseModal and so on.
	Response int
	// Message is the answer, of a deferral the "thinking" that stands for it, of
	// an update the message that was changed. Server.Message follows it later.
	Message *Message
	// Modal is what opened, when the response was one.
	Modal *Modal
	// Late says that the first response came when it was due no longer.
	Late bool
}

// AnswerLate has the first response to the next times interactions come when the
// person has been told already that the application did not respond, whichever
// way they are delivered. With zero none is late any more.
func (s *Server) AnswerLate(times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = times
}

// Choice is one suggestion of an autocompletion.
type Choice struct {
	Name  string
	Value any
}

// newInteraction makes one; the caller holds mu.
func (s *Server) newInteraction(kind int, user string, c *channel) *interaction {
	id := s.snowflake()
	sum := sha256.Sum256([]byte("interaction " + id))
	i := &interaction{
		id: id, token: "aW50ZXJhY3Rpb246" + hex.EncodeToString(sum[:]), user: user, channel: c.ID, guild: c.Guild,
		kind: kind, created: s.options.Now(), answered: make(chan struct{}),
	}
	if s.late > 0 {
		s.late--
		i.created = i.created.Add(-s.options.ResponseDue - time.Millisecond)
	}
	s.interactions[i.token] = i
	return i
}

// payload is the interaction as the program receives it.
// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object
func (s *Server) payload(i *interaction, data map[string]any) map[string]any {
	c, u := s.channels[i.channel], s.users[i.user]
	j := map[string]any{
		"id": i.id, "application_id": s.app, "type": i.kind, "token": i.token, "version": 1,
		"channel_id": i.channel, "channel": s.channelJSON(c), "locale": u.Locale, "data": data,
		"app_permissions": s.permissions(c, s.app).String(), "entitlements": []any{}, "attachment_size_limit": maxFileSize,
	}
	if i.guild == "" {
		j["user"] = s.userJSON(u)
		j["context"] = 1
		j["authorizing_integration_owners"] = map[string]any{"0": "0"}
	} else {
		m := s.members[[2]string{i.guild, i.user}]
		member := s.memberJSON(m, true)
		member["permissions"] = s.permissions(c, i.user).String()
		j["member"] = member
		g := s.guilds[i.guild]
		j["guild_id"], j["guild_locale"] = g.ID, g.Locale
		j["guild"] = map[string]any{"id": g.ID, "locale": g.Locale, "features": []any{}}
		j["context"] = 0
		j["authorizing_integration_owners"] = map[string]any{"0": g.ID}
	}
	if i.source != nil {
		// The message of a component is the bot's own: its content is there.
		j["message"] = s.messageJSON(i.source, true)
	}
	return j
}

// callback is the first response: within three seconds, and once.
// https://discord.com/developers/docs/interactions/receiving-and-responding#create-interaction-response
func (s *Server) callback(c *call) (any, *apiError) {
	i := s.interactions[c.param("token")]
	if i == nil || i.id != c.param("interaction") {
		return nil, apiErrors(10062)
	}
	err := s.respond(i, c.body, c.files)
	if err != nil {
		i.refusals = append(i.refusals, err.Error())
		return nil, err
	}
	if c.http.URL.Query().Get("with_response") != "true" {
		return nil, nil
	}
	info := map[string]any{"id": i.id, "type": i.kind}
	j := map[string]any{"interaction": info, "resource": map[string]any{"type": i.response}}
	if i.original != nil {
		info["response_message_id"] = i.original.ID
		info["response_message_loading"] = i.original.Loading()
		info["response_message_ephemeral"] = i.original.Ephemeral()
		j["resource"].(map[string]any)["message"] = s.readable(i.original)
	}
	return j, nil
}

// respond takes a first response, from a callback or from the body of a signed request's answer.
func (s *Server) respond(i *interaction, body []byte, files []Attachment) *apiError {
	var r struct {
		Type int             `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(body, &r) != nil {
		return apiErrors(50109)
	}
	if i.response != 0 {
		return apiErrors(40060)
	}
	if s.options.Now().Sub(i.created) > s.options.ResponseDue {
		if !i.late {
			i.late = true
			close(i.answered)
		}
		return apiErrors(10062)
	}
	if !allowed(i, r.Type) {
		return invalidForm("type", "INTERACTION_APPLICATION_COMMAND_INVALID_CALLBACK_TYPE",
			"Type %d cannot answer an interaction of type %d.", r.Type, i.kind)
	}
	c := s.channels[i.channel]
	d, err := (&call{}).draft(r.Data)
	if r.Type == ResponseMessage || r.Type == ResponseDeferred || r.Type == ResponseUpdate {
		if err != nil {
			return err
		}
		if err := d.AllowedMentions.check(); err != nil {
			return err
		}
	}
	switch r.Type {
	case ResponseMessage:
		m, err := s.webhookMessage(i, d, files)
		if err != nil {
			return err
		}
		i.original = m
		s.store(c, m)
	case ResponseDeferred:
		if d.Flags&^FlagEphemeral != 0 {
			// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-messages
			return invalidForm("data.flags", "MESSAGE_FLAGS_INVALID", "Only EPHEMERAL can be set on a deferral.")
		}
		i.original = s.blank(i)
		i.original.Flags = FlagLoading | d.Flags
		if !i.original.Ephemeral() {
			i.original.For = ""
		}
		s.store(c, i.original)
	case ResponseDeferredUpdate:
		i.original = i.source
	case ResponseUpdate:
		if _, err := s.edit(c, i.source, d, files); err != nil {
			return err
		}
		i.original = i.source
	case ResponseChoices:
		choices, err := checkChoices(r.Data)
		if err != nil {
			return err
		}
		i.choices = choices
	case ResponseModal:
		var data map[string]any
		if json.Unmarshal(r.Data, &data) != nil {
			return apiErrors(50109)
		}
		if err := checkModal(data); err != nil {
			return err
		}
		i.modal = newModal(i, data)
		s.modals[i.user] = i.modal
	}
	i.response = r.Type
	close(i.answered)
	s.touch()
	return nil
}

// allowed tells which response may follow which interaction. A modal cannot
// follow a modal; a message can only be updated where the component stands on one.
// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-interaction-callback-type
func allowed(i *interaction, response int) bool {
	switch response {
	case ResponseMessage, ResponseDeferred:
		return i.kind != kindAutocomplete
	case ResponseDeferredUpdate, ResponseUpdate:
		return i.source != nil && (i.kind == kindComponent || i.kind == kindModal)
	case ResponseChoices:
		return i.kind == kindAutocomplete
	case ResponseModal:
		return i.kind == kindCommand || i.kind == kindComponent
	}
	return false
}

func (s *Server) blank(i *interaction) *Message {
	m := &Message{ID: s.snowflake(), Channel: i.channel, Author: s.app, Interaction: i.id, For: i.user, Created: s.options.Now(), webhook: true, from: i}
	return m
}

// webhookMessage makes the message of an answer or a follow-up.
func (s *Server) webhookMessage(i *interaction, d *draft, files []Attachment) (*Message, *apiError) {
	const settable = FlagSuppressEmbeds | FlagEphemeral | FlagComponentsV2 | FlagSuppressNotifications
	if d.Flags&^settable != 0 {
		return nil, invalidForm("data.flags", "MESSAGE_FLAGS_INVALID", "Only SUPPRESS_EMBEDS, EPHEMERAL, IS_COMPONENTS_V2 and SUPPRESS_NOTIFICATIONS can be set.")
	}
	m := s.blank(i)
	m.AllowedMentions = d.AllowedMentions
	if err := d.apply(m, files, true); err != nil {
		return nil, err
	}
	if !m.Ephemeral() {
		m.For = ""
	}
	m.Pings = s.pings(m, s.channels[i.channel])
	return m, nil
}

// alive is the interaction of a token, within its fifteen minutes.
// https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages
func (s *Server) alive(c *call) (*interaction, *apiError) {
	i := s.interactions[c.param("token")]
	if i == nil || c.param("application") != s.app {
		return nil, apiErrors(10015)
	}
	if s.options.Now().Sub(i.created) >= tokenLifetime {
		return nil, apiErrors(50027)
	}
	if i.response == 0 || i.kind == kindAutocomplete {
		return nil, apiErrors(10015)
	}
	return i, nil
}

// https://discord.com/developers/docs/interactions/receiving-and-responding#create-followup-message
func (s *Server) followUp(c *call) (any, *apiError) {
	i, err := s.alive(c)
	if err != nil {
		return nil, err
	}
	d, err := c.draft(c.body)
	if err != nil {
		return nil, err
	}
	if err := d.AllowedMentions.check(); err != nil {
		return nil, err
	}
	m, err := s.webhookMessage(i, d, c.files)
	if err != nil {
		return nil, err
	}
	s.store(s.channels[i.channel], m)
	return s.readable(m), nil
}

// response is the message of the path, which may be @original.
func (s *Server) response(c *call) (*interaction, *Message, *apiError) {
	i, err := s.alive(c)
	if err != nil {
		return nil, nil, err
	}
	m := s.messages[c.param("message")]
	if c.param("message") == "@original" {
		m = i.original
	} else if m != nil && m.Interaction != i.id && m != i.original {
		m = nil
	}
	if m == nil || m.Deleted {
		return nil, nil, apiErrors(10008)
	}
	return i, m, nil
}

func (s *Server) getResponse(c *call) (any, *apiError) {
	_, m, err := s.response(c)
	if err != nil {
		return nil, err
	}
	return s.readable(m), nil
}

// https://discord.com/developers/docs/interactions/receiving-and-responding#edit-original-interaction-response
func (s *Server) patchResponse(c *call) (any, *apiError) {
	i, m, err := s.response(c)
	if err != nil {
		return nil, err
	}
	d, err := c.draft(c.body)
	if err != nil {
		return nil, err
	}
	return s.edit(s.channels[i.channel], m, d, c.files)
}

func (s *Server) deleteResponse(c *call) (any, *apiError) {
	_, m, err := s.response(c)
	if err != nil {
		return nil, err
	}
	s.remove(m)
	return nil, nil
}

// checkChoices holds the limits of autocompletion.
// https://discord.com/developers/docs/interactions/application-commands#application-command-object-application-command-option-choice-structure
func checkChoices(data []byte) ([]Choice, *apiError) {
	var d struct {
		Choices *[]struct {
			Name  string `json:"name"`
			Value any    `json:"value"`
		} `json:"choices"`
	}
	if json.Unmarshal(data, &d) != nil {
		return nil, apiErrors(50109)
	}
	if d.Choices == nil {
		return nil, invalidForm("data.choices", "BASE_TYPE_REQUIRED", "This field is required")
	}
	if len(*d.Choices) > maxOptions {
		return nil, invalidForm("data.choices", "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", maxOptions)
	}
	all := []Choice{}
	for _, c := range *d.Choices {
		if n := len([]rune(c.Name)); n < 1 || n > 100 {
			return nil, tooLong("data.choices.name", 100)
		}
		if v, ok := c.Value.(string); ok && len([]rune(v)) > 100 || c.Value == nil {
			return nil, tooLong("data.choices.value", 100)
		}
		all = append(all, Choice{Name: c.Name, Value: c.Value})
	}
	return all, nil
}
