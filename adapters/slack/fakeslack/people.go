package fakeslack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Ack is how the bot acknowledged a slash command.
type Ack struct {
	Payload json.RawMessage // nil when the acknowledgement was bare
	Message *Message        // what the payload showed, if anything
}

// Say posts a message of a person and delivers its events: app_mention where it names the bot, and the
// message event of the channel's kind where the app is subscribed to it. An error does not undo the message.
func (s *Server) Say(ctx context.Context, userID, channelID, text, threadTS string) (ts string, err error) {
	s.mu.Lock()
	c, err := s.member(userID, channelID)
	if err == nil && c.Archived {
		err = fmt.Errorf("channel %s is archived", channelID)
	}
	m := &Message{Channel: channelID, User: userID, Text: text}
	if err == nil && threadTS != "" {
		root, refused := c.thread(threadTS)
		if refused != nil {
			err = fmt.Errorf("no message %s to reply to", threadTS)
		}
		m.ThreadTS = root
	}
	if err != nil {
		s.mu.Unlock()
		return "", fmt.Errorf("say: %w", err)
	}
	s.serial++
	m.clientID = fmt.Sprintf("00000000-0000-4000-8000-%012d", s.serial)
	s.add(c, m)
	s.parse(m, false, false)
	list := s.messageEvents(c, m)
	s.mu.Unlock()
	_, err = s.deliver(ctx, list...)
	return m.TS, err
}

// messageEvents are the events of one message that the app is subscribed to. The caller holds s.mu.
func (s *Server) messageEvents(c *channel, m *Message) []*payload {
	if !slices.Contains(c.members, s.bot.ID) {
		return nil
	}
	said := func(kind string) map[string]any {
		e := s.messageJSON(m, false)
		e["type"], e["channel"], e["event_ts"] = kind, c.ID, m.TS
		if !m.byBot {
			e["blocks"] = richText(m.Text)
		}
		return e
	}
	var list []*payload
	// A mention in a direct message comes as message.im alone (https://docs.slack.dev/reference/events/app_mention).
	if c.kind != directMessage && strings.Contains(m.Text, s.Mention()) && s.subscribed("app_mention", "app_mentions:read") {
		list = append(list, s.event(said("app_mention")))
	}
	name := map[channelKind]string{
		publicChannel: "message.channels", privateChannel: "message.groups", directMessage: "message.im", groupMessage: "message.mpim",
	}[c.kind]
	if s.subscribed(name, c.scopeFor("history")) {
		e := said("message")
		e["channel_type"] = string(c.kind)
		list = append(list, s.event(e))
	}
	return list
}

// Event delivers an event of the test's own making, such as member_joined_channel, team_join or app_uninstalled: the inner
// object, with its type. The scopes are not checked.
func (s *Server) Event(ctx context.Context, inner map[string]any) error {
	s.mu.Lock()
	p := s.event(inner)
	s.mu.Unlock()
	_, err := s.deliver(ctx, p)
	return err
}

// Join puts a person into a channel and tells the bot, if it is in the channel or is the one who joins.
func (s *Server) Join(ctx context.Context, userID, channelID string) error {
	s.mu.Lock()
	c := s.channels[channelID]
	if c == nil || s.users[userID] == nil {
		s.mu.Unlock()
		return fmt.Errorf("join: no user %q or no channel %q", userID, channelID)
	}
	if slices.Contains(c.members, userID) {
		s.mu.Unlock()
		return nil
	}
	c.members = append(c.members, userID)
	list := s.membership("member_joined_channel", c, userID)
	s.mu.Unlock()
	_, err := s.deliver(ctx, list...)
	return err
}

// Leave takes a person, or the bot, out of a channel.
func (s *Server) Leave(ctx context.Context, userID, channelID string) error {
	s.mu.Lock()
	c := s.channels[channelID]
	if c == nil || !slices.Contains(c.members, userID) {
		s.mu.Unlock()
		return fmt.Errorf("leave: %q is not in %q", userID, channelID)
	}
	list := s.membership("member_left_channel", c, userID)
	c.members = slices.DeleteFunc(c.members, func(m string) bool { return m == userID })
	s.mu.Unlock()
	_, err := s.deliver(ctx, list...)
	return err
}

func (s *Server) membership(name string, c *channel, userID string) []*payload {
	if !slices.Contains(c.members, s.bot.ID) || !s.subscribed(name, c.scopeFor("read")) {
		return nil
	}
	letter := "C"
	if c.kind == privateChannel {
		letter = "G"
	}
	return []*payload{s.event(map[string]any{
		"type": name, "user": userID, "channel": c.ID, "channel_type": letter, "team": s.o.TeamID, "event_ts": s.ts(),
	})}
}

// ChangeUser changes a person, such as the language or the time zone, and delivers user_change.
func (s *Server) ChangeUser(ctx context.Context, userID string, change func(*User)) error {
	s.mu.Lock()
	u := s.users[userID]
	if u == nil {
		s.mu.Unlock()
		return fmt.Errorf("change: no user %q", userID)
	}
	next := *u
	change(&next)
	next.ID, next.updated = u.ID, s.o.Now()
	s.users[userID] = &next
	var list []*payload
	if s.subscribed("user_change", "users:read") {
		list = append(list, s.event(map[string]any{"type": "user_change", "user": s.userJSON(&next, true), "event_ts": s.ts()}))
	}
	s.mu.Unlock()
	_, err := s.deliver(ctx, list...)
	return err
}

// OpenHome opens the app's home tab: app_home_opened, with the view where one is published
// (https://docs.slack.dev/reference/events/app_home_opened).
func (s *Server) OpenHome(ctx context.Context, userID string) error {
	s.mu.Lock()
	if s.users[userID] == nil {
		s.mu.Unlock()
		return fmt.Errorf("open home: no user %q", userID)
	}
	c, _ := s.open([]string{userID})
	e := map[string]any{"type": "app_home_opened", "user": userID, "channel": c.ID, "tab": "home", "event_ts": s.ts()}
	if v := s.homes[userID]; v != nil {
		e["view"] = s.viewJSON(v)
	}
	var list []*payload
	if s.subscribed("app_home_opened", "") {
		list = append(list, s.event(e))
	}
	s.mu.Unlock()
	_, err := s.deliver(ctx, list...)
	return err
}

// Command types a slash command. What the acknowledgement carries is shown to the person alone, or to all where it says
// in_channel (https://docs.slack.dev/interactivity/implementing-slash-commands#responding_to_commands).
func (s *Server) Command(ctx context.Context, userID, channelID, command, text string) (Ack, error) {
	s.mu.Lock()
	c, err := s.member(userID, channelID)
	switch {
	case err != nil:
	case s.o.Commands != nil && !slices.Contains(s.o.Commands, command):
		err = fmt.Errorf("%s is not a valid command", command)
	case !slices.Contains(s.o.Scopes, "commands"):
		err = errors.New("the app has no scope for commands")
	}
	if err != nil {
		s.mu.Unlock()
		return Ack{}, fmt.Errorf("command: %w", err)
	}
	h := s.newHook(userID, c.ID, "", "")
	shownName := c.Name
	if c.kind == directMessage {
		shownName = "directmessage"
	}
	p := &payload{kind: commands, body: map[string]any{
		"token": "fake-verification", "team_id": s.o.TeamID, "team_domain": strings.ToLower(s.o.Team), "channel_id": c.ID,
		"channel_name": shownName, "user_id": userID, "user_name": s.users[userID].Name, "command": command, "text": text,
		"api_app_id": s.AppID(), "is_enterprise_install": "false", "response_url": h.url, "trigger_id": s.newTrigger(userID, false),
	}}
	s.mu.Unlock()
	raw, err := s.deliver(ctx, p)
	ack := Ack{Payload: raw}
	if err != nil || len(raw) == 0 || string(raw) == "null" {
		return ack, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var body map[string]any
	if json.Unmarshal(raw, &body) != nil {
		return ack, errors.New("command: the acknowledgement is not an object")
	}
	m, refused := s.respond(h, args(body), true)
	if refused != nil {
		return ack, fmt.Errorf("command: what the acknowledgement shows is refused: %v", refused)
	}
	if m != nil {
		c := m.copy()
		ack.Message = &c
	}
	return ack, nil
}

// Press presses a button of a message, ephemeral ones included. The value chooses among buttons of one action id; empty is any.
func (s *Server) Press(ctx context.Context, userID, channelID, ts, actionID, value string) error {
	return s.act(ctx, "press", userID, place{channel: channelID, ts: ts}, actionID, value)
}

// Select chooses in a menu, a picker or a group of boxes of a message; several values are separated by commas.
func (s *Server) Select(ctx context.Context, userID, channelID, ts, actionID, value string) error {
	return s.act(ctx, "select", userID, place{channel: channelID, ts: ts}, actionID, value)
}

// PressView presses a button, or chooses in a menu, of the top modal or, when none is open, of the home tab.
func (s *Server) PressView(ctx context.Context, userID, actionID, value string) error {
	return s.act(ctx, "press in a view", userID, place{}, actionID, value)
}

type place struct{ channel, ts string }

func (s *Server) act(ctx context.Context, what, userID string, at place, actionID, value string) error {
	s.mu.Lock()
	p, err := s.action(userID, at, actionID, value)
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	_, err = s.deliver(ctx, p)
	return err
}

// action builds the block_actions payload (https://docs.slack.dev/reference/interaction-payloads/block_actions-payload).
func (s *Server) action(userID string, at place, actionID, value string) (*payload, error) {
	u := s.users[userID]
	if u == nil {
		return nil, fmt.Errorf("no user %q", userID)
	}
	body := s.interaction("block_actions", u)
	var blocks []Block
	var state *map[string]map[string]any
	if at.channel == "" {
		v := s.top(userID)
		if v == nil {
			v = s.homes[userID]
		}
		if v == nil {
			return nil, errors.New("no view is open")
		}
		blocks, state = v.Blocks, &v.state
		body["container"] = map[string]any{"type": "view", "view_id": v.ID}
		body["trigger_id"] = s.newTrigger(userID, v.Type == "modal")
		defer func() { body["view"] = s.viewJSON(v) }()
	} else {
		c, err := s.member(userID, at.channel)
		if err != nil {
			return nil, err
		}
		m := c.find(at.ts)
		if m == nil || m.EphemeralTo != "" && m.EphemeralTo != userID {
			return nil, fmt.Errorf("%s does not see a message %s in %s", userID, at.ts, at.channel)
		}
		blocks, state = m.Blocks, &m.selected
		container := map[string]any{
			"type": "message", "message_ts": m.TS, "channel_id": c.ID, "is_ephemeral": m.EphemeralTo != "",
		}
		if m.ThreadTS != "" {
			container["thread_ts"] = m.ThreadTS
		}
		body["container"] = container
		body["channel"] = map[string]any{"id": c.ID, "name": c.Name}
		if m.EphemeralTo == "" {
			// An ephemeral message is not in the payload: the bot cannot read it back.
			body["message"] = s.messageJSON(m, false)
		}
		body["response_url"] = s.newHook(userID, c.ID, m.TS, m.ThreadTS).url
		body["trigger_id"] = s.newTrigger(userID, false)
	}
	var target *Element
	for _, e := range elements(blocks) {
		if e.ActionID == actionID && (e.Type != "button" || value == "" || e.Value == value) {
			target = &e
			break
		}
	}
	if target == nil {
		return nil, fmt.Errorf("no element with action id %q and value %q", actionID, value)
	}
	act := map[string]any{"type": target.Type, "action_id": actionID, "block_id": target.BlockID, "action_ts": s.ts()}
	if target.Type == "button" {
		act["text"] = target.raw["text"]
		if target.Value != "" {
			act["value"] = target.Value
		}
		if style, ok := target.raw["style"]; ok {
			act["style"] = style
		}
	} else {
		chosen, err := target.choose(value)
		if err != nil {
			return nil, err
		}
		for k, v := range chosen {
			act[k] = v
		}
		if *state == nil {
			*state = map[string]map[string]any{}
		}
		if (*state)[target.BlockID] == nil {
			(*state)[target.BlockID] = map[string]any{}
		}
		(*state)[target.BlockID][actionID] = chosen
	}
	body["actions"] = []any{act}
	body["state"] = map[string]any{"values": cloneState(*state)}
	return &payload{kind: interactive, body: body}, nil
}

func (s *Server) interaction(kind string, u *User) map[string]any {
	return map[string]any{
		"type": kind, "api_app_id": s.AppID(), "token": "fake-verification", "enterprise": nil, "is_enterprise_install": false,
		"team": map[string]any{"id": s.o.TeamID, "domain": strings.ToLower(s.o.Team)},
		"user": map[string]any{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": s.o.TeamID},
	}
}

// Result is what a person sees after submitting a modal.
type Result struct {
	Errors map[string]string // by block id: beside the fields; the modal stays
	Closed bool              // no modal is open any more
	Next   *View             // the modal that is open now
}

// Submit fills in the top modal and submits it. A field is named by its block id, its action id, or "block/action";
// fields that are not named keep what was chosen before or their initial value. What the client itself refuses
// (an empty required field, a text too long) never reaches the bot and comes back in Result.Errors.
func (s *Server) Submit(ctx context.Context, userID string, values map[string]string) (Result, error) {
	s.mu.Lock()
	v := s.top(userID)
	if v == nil {
		s.mu.Unlock()
		return Result{}, errors.New("submit: no modal is open")
	}
	refused, err := v.fill(values)
	if err != nil || len(refused) > 0 {
		view := v.copy()
		s.mu.Unlock()
		if err != nil {
			return Result{}, fmt.Errorf("submit: %w", err)
		}
		return Result{Errors: refused, Next: view}, nil
	}
	body := s.interaction("view_submission", s.users[userID])
	body["trigger_id"] = s.newTrigger(userID, true)
	body["view"] = s.viewJSON(v)
	body["response_urls"] = []any{}
	id := v.ID
	s.mu.Unlock()
	raw, err := s.deliver(ctx, &payload{kind: interactive, body: body})
	if err != nil {
		return Result{Next: s.View(userID)}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	result, err := s.submitted(userID, id, raw)
	if err != nil {
		return result, fmt.Errorf("submit: %w", err)
	}
	return result, nil
}

// submitted does what the acknowledgement of a submission asks for
// (https://docs.slack.dev/surfaces/modals#response_actions). The caller holds s.mu.
func (s *Server) submitted(userID, viewID string, raw json.RawMessage) (Result, error) {
	var answer struct {
		Action string            `json:"response_action"`
		View   any               `json:"view"`
		Errors map[string]string `json:"errors"`
	}
	if len(raw) > 0 && string(raw) != "null" {
		if err := json.Unmarshal(raw, &answer); err != nil {
			return Result{}, fmt.Errorf("read the acknowledgement: %w", err)
		}
	}
	index := slices.IndexFunc(s.stacks[userID], func(v *View) bool { return v.ID == viewID })
	if index < 0 {
		// The bot has closed or replaced the stack in the meantime.
		v := s.top(userID).copy()
		return Result{Closed: v == nil, Next: v}, nil
	}
	v := s.stacks[userID][index]
	switch answer.Action {
	case "":
		// A bare acknowledgement closes this view; the one below comes back.
		s.stacks[userID] = s.stacks[userID][:index]
	case "clear":
		s.stacks[userID] = nil
	case "errors":
		if len(answer.Errors) == 0 {
			return Result{Next: v.copy()}, errors.New("response_action errors without errors")
		}
		for block := range answer.Errors {
			// Errors stand beside inputs alone (https://docs.slack.dev/surfaces/modals#displaying_errors).
			if !slices.ContainsFunc(v.Blocks, func(b Block) bool { return b["type"] == "input" && b["block_id"] == block }) {
				return Result{Next: v.copy()}, fmt.Errorf("an error names %q, which is no input block: Slack shows \"We had some trouble connecting\"", block)
			}
		}
		return Result{Errors: answer.Errors, Next: v.copy()}, nil
	case "update", "push":
		next, refused := s.readView(answer.View, "modal")
		if refused != nil {
			return Result{Next: v.copy()}, fmt.Errorf("the view in the acknowledgement is refused: %v", refused)
		}
		if answer.Action == "update" {
			s.replace(v, next)
		} else {
			if len(s.stacks[userID]) >= maxStack {
				return Result{Next: v.copy()}, errors.New("the view in the acknowledgement is refused: push_limit_reached")
			}
			s.push(userID, next)
		}
	default:
		return Result{Next: v.copy()}, fmt.Errorf("unknown response_action %q", answer.Action)
	}
	top := s.top(userID).copy()
	return Result{Closed: top == nil, Next: top}, nil
}

// CloseView closes the top modal, or all of them where it says clear_on_close, and tells the bot where it says
// notify_on_close (https://docs.slack.dev/surfaces/modals#modal_cancellations).
func (s *Server) CloseView(ctx context.Context, userID string) error {
	s.mu.Lock()
	v := s.top(userID)
	if v == nil {
		s.mu.Unlock()
		return errors.New("close: no modal is open")
	}
	body := s.interaction("view_closed", s.users[userID])
	body["view"], body["is_cleared"] = s.viewJSON(v), v.ClearOnClose
	if v.ClearOnClose {
		s.stacks[userID] = nil
	} else {
		s.stacks[userID] = s.stacks[userID][:len(s.stacks[userID])-1]
	}
	s.mu.Unlock()
	if !v.NotifyOnClose {
		return nil
	}
	_, err := s.deliver(ctx, &payload{kind: interactive, body: body})
	return err
}

// member finds a channel and checks that the person is in it. The caller holds s.mu.
func (s *Server) member(userID, channelID string) (*channel, error) {
	c := s.channels[channelID]
	switch {
	case s.users[userID] == nil:
		return nil, fmt.Errorf("no user %q", userID)
	case c == nil:
		return nil, fmt.Errorf("no channel %q", channelID)
	case !slices.Contains(c.members, userID):
		return nil, fmt.Errorf("%s is not in %s", userID, channelID)
	}
	return c, nil
}

// subscribed says whether the app gets an event: it must hold the scope, and name the event where Options does.
func (s *Server) subscribed(event, scope string) bool {
	if scope != "" && !slices.Contains(s.o.Scopes, scope) {
		return false
	}
	return s.o.Events == nil || slices.Contains(s.o.Events, event)
}

// event wraps an inner event (https://docs.slack.dev/apis/events-api#event-type-structure). The caller holds s.mu.
func (s *Server) event(inner map[string]any) *payload {
	s.serial++
	return &payload{kind: events, body: map[string]any{
		"token": "fake-verification", "team_id": s.o.TeamID, "context_team_id": s.o.TeamID, "api_app_id": s.AppID(),
		"event": inner, "type": "event_callback", "event_id": "Ev" + fmt.Sprintf("%09d", s.serial), "event_time": s.o.Now().Unix(),
		"authorizations": []any{map[string]any{
			"enterprise_id": nil, "team_id": s.o.TeamID, "user_id": s.bot.ID, "is_bot": true, "is_enterprise_install": false,
		}},
		"is_ext_shared_channel": false, "event_context": "4-fake-" + strconv.Itoa(s.serial),
	}}
}

// richText is the block that Slack's own client writes.
func richText(text string) []any {
	var parts []any
	rest := text
	for rest != "" {
		at := angle().FindStringIndex(rest)
		if at == nil {
			parts = append(parts, map[string]any{"type": "text", "text": unescape(rest)})
			break
		}
		if at[0] > 0 {
			parts = append(parts, map[string]any{"type": "text", "text": unescape(rest[:at[0]])})
		}
		inner := rest[at[0]+1 : at[1]-1]
		target, label, _ := strings.Cut(inner, "|")
		switch {
		case strings.HasPrefix(target, "@"):
			parts = append(parts, map[string]any{"type": "user", "user_id": target[1:]})
		case strings.HasPrefix(target, "#"):
			parts = append(parts, map[string]any{"type": "channel", "channel_id": target[1:]})
		case strings.HasPrefix(target, "!"):
			parts = append(parts, map[string]any{"type": "broadcast", "range": target[1:]})
		default:
			parts = append(parts, map[string]any{"type": "link", "url": target, "text": label})
		}
		rest = rest[at[1]:]
	}
	return []any{map[string]any{
		"type": "rich_text", "block_id": "rt", "elements": []any{map[string]any{"type": "rich_text_section", "elements": parts}},
	}}
}
