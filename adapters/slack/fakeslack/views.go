package fakeslack

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

const (
	triggerLife = 3 * time.Second // https://docs.slack.dev/interactivity/handling-user-interaction#modal_responses
	maxStack    = 3               // https://docs.slack.dev/surfaces/modals#stacking_views
	maxViewSize = 250 << 10       // https://docs.slack.dev/reference/methods/views.open#errors, view_too_large
)

// trigger lets the bot open one modal for one person, soon.
type trigger struct {
	user  string
	at    time.Time
	used  bool
	inner bool // given by an interaction within a modal
}

// View is a modal or a home tab as a person has it open.
type View struct {
	ID              string
	Type            string // "modal" or "home"
	User            string
	CallbackID      string
	ExternalID      string
	Title           string
	SubmitText      string
	CloseText       string
	PrivateMetadata string
	Blocks          []Block
	Hash            string
	RootID          string
	PreviousID      string
	ClearOnClose    bool
	NotifyOnClose   bool

	state map[string]map[string]any
	typed map[string]string // what was filled in, by block and action
}

// Shown is what a person reads in the view, labels and hints included.
func (v View) Shown() string { return shown(v.Blocks) }

// Elements are the view's interactive elements, inputs included, in order.
func (v View) Elements() []Element { return elements(v.Blocks) }

// View is the modal on top of a person's stack, or nil.
func (s *Server) View(userID string) *View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.top(userID).copy()
}

// Views is a person's stack of modals, the top one last.
func (s *Server) Views(userID string) []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []View
	for _, v := range s.stacks[userID] {
		list = append(list, *v.copy())
	}
	return list
}

// Home is a person's published home tab, or nil.
func (s *Server) Home(userID string) *View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.homes[userID].copy()
}

func (s *Server) top(userID string) *View {
	if stack := s.stacks[userID]; len(stack) > 0 {
		return stack[len(stack)-1]
	}
	return nil
}

func (v *View) copy() *View {
	if v == nil {
		return nil
	}
	c := *v
	c.Blocks = cloneBlocks(v.Blocks)
	return &c
}

// newTrigger is for one interaction of a person. The caller holds s.mu.
func (s *Server) newTrigger(user string, inner bool) string {
	s.serial++
	id := fmt.Sprintf("%d.%d.fake", s.o.Now().UnixMilli(), s.serial)
	s.triggers[id] = &trigger{user: user, at: s.o.Now(), inner: inner}
	return id
}

// exchange uses a trigger up (https://docs.slack.dev/reference/methods/views.open#errors).
func (s *Server) exchange(a args) (*trigger, answer) {
	id := a.text("trigger_id")
	if id == "" {
		return nil, fail("invalid_arguments", "missing required field: trigger_id")
	}
	t := s.triggers[id]
	switch {
	case t == nil:
		return nil, fail("invalid_trigger_id")
	case t.used:
		return nil, fail("exchanged_trigger_id")
	case s.o.Now().Sub(t.at) > triggerLife:
		return nil, fail("expired_trigger_id")
	}
	return t, nil
}

// readView checks a view of a call. The caller holds s.mu.
func (s *Server) readView(v any, want string) (*View, answer) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fail("invalid_arguments", err.Error())
	}
	if len(raw) > maxViewSize {
		return nil, fail("view_too_large")
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fail("invalid_arguments", "view is not an object")
	}
	var messages []string
	complain := func(format string, args ...any) { messages = append(messages, fmt.Sprintf(format, args...)) }
	str := func(name string, most int) string {
		v, present := m[name]
		if !present || v == nil {
			return ""
		}
		text, ok := v.(string)
		if !ok {
			complain("%s must be a string [json-pointer:/view/%s]", name, name)
		}
		if utf8.RuneCountInString(text) > most {
			complain("must be less than %d characters [json-pointer:/view/%s]", most+1, name)
		}
		return text
	}
	view := &View{
		Type: str("type", 255), PrivateMetadata: str("private_metadata", 3000), CallbackID: str("callback_id", 255),
		ExternalID: str("external_id", 255),
	}
	view.ClearOnClose, _ = m["clear_on_close"].(bool)
	view.NotifyOnClose, _ = m["notify_on_close"].(bool)
	if view.Type != want {
		complain("type must be %q [json-pointer:/view/type]", want)
	}
	c := &checker{pointer: "/view"}
	if want == "modal" {
		// https://docs.slack.dev/reference/views/modal-views
		c.text(m, "title", plainOnly, 24, true)
		c.text(m, "submit", plainOnly, 24, false)
		c.text(m, "close", plainOnly, 24, false)
		view.Title, view.SubmitText, view.CloseText = textOf(m["title"]), textOf(m["submit"]), textOf(m["close"])
	}
	blocks, present := m["blocks"]
	if !present || blocks == nil {
		complain("missing required field: blocks [json-pointer:/view]")
	} else {
		surface := inModal
		if want == "home" {
			surface = inHome
		}
		view.Blocks = c.blocks(s, blocks, surface)
		if want == "modal" && view.SubmitText == "" && slices.ContainsFunc(view.Blocks, func(b Block) bool { return b["type"] == "input" }) {
			// https://docs.slack.dev/reference/views/modal-views: submit is required when there is an input.
			complain("submit is required when blocks hold an input [json-pointer:/view/submit]")
		}
	}
	messages = append(messages, c.messages...)
	messages = append(messages, s.o.Specs.view(want, v)...)
	if len(messages) > 0 {
		return nil, fail("invalid_arguments", messages...)
	}
	return view, nil
}

// settle gives a view its place and its new hash. The caller holds s.mu.
func (s *Server) settle(v *View) {
	s.serial++
	v.Hash = fmt.Sprintf("%d.%08x", s.o.Now().Unix(), s.serial)
	if v.state == nil {
		v.state, v.typed = map[string]map[string]any{}, map[string]string{}
	}
}

func (s *Server) externalTaken(external, self string) bool {
	if external == "" {
		return false
	}
	for _, v := range s.allViews() {
		if v.ExternalID == external && v.ID != self {
			return true
		}
	}
	return false
}

func (s *Server) allViews() []*View {
	var list []*View
	for _, stack := range s.stacks {
		list = append(list, stack...)
	}
	for _, v := range s.homes {
		list = append(list, v)
	}
	return list
}

func (s *Server) viewsOpen(a args) answer { return s.openView(a, false) }

// viewsPush adds to a stack that is open (https://docs.slack.dev/reference/methods/views.push).
func (s *Server) viewsPush(a args) answer { return s.openView(a, true) }

func (s *Server) openView(a args, push bool) answer {
	raw, _, err := a.value("view")
	if err != nil {
		return fail("invalid_arguments", err.Error())
	}
	v, refused := s.readView(raw, "modal")
	if refused != nil {
		return refused
	}
	t, refused := s.exchange(a)
	if refused != nil {
		return refused
	}
	if s.externalTaken(v.ExternalID, "") {
		return fail("duplicate_external_id")
	}
	if push {
		switch stack := s.stacks[t.user]; {
		case !t.inner || len(stack) == 0:
			// The trigger must come from within an open modal (https://docs.slack.dev/reference/methods/views.push).
			return fail("not_found")
		case len(stack) >= maxStack:
			return fail("push_limit_reached")
		}
	} else {
		s.stacks[t.user] = nil
	}
	t.used = true
	s.push(t.user, v)
	return answer{"view": s.viewJSON(v)}
}

func (s *Server) push(user string, v *View) {
	v.ID, v.User = s.id("V"), user
	v.RootID = v.ID
	if below := s.top(user); below != nil {
		v.RootID, v.PreviousID = below.RootID, below.ID
	}
	s.settle(v)
	s.stacks[user] = append(s.stacks[user], v)
}

func (s *Server) viewsUpdate(a args) answer {
	raw, _, err := a.value("view")
	if err != nil {
		return fail("invalid_arguments", err.Error())
	}
	id, external := a.text("view_id"), a.text("external_id")
	if id == "" && external == "" {
		return fail("invalid_arguments", "missing required field: view_id or external_id")
	}
	var old *View
	for _, v := range s.allViews() {
		if id != "" && v.ID == id || id == "" && v.ExternalID == external {
			old = v
		}
	}
	if old == nil {
		return fail("not_found")
	}
	next, refused := s.readView(raw, old.Type)
	if refused != nil {
		return refused
	}
	// The hash guards against a lost update (https://docs.slack.dev/surfaces/modals#handling_race_conditions).
	if hash := a.text("hash"); hash != "" && hash != old.Hash {
		return fail("hash_conflict")
	}
	if s.externalTaken(next.ExternalID, old.ID) {
		return fail("duplicate_external_id")
	}
	s.replace(old, next)
	return answer{"view": s.viewJSON(old)}
}

// replace changes a view in its place. What was typed stays where block and action keep their ids
// (https://docs.slack.dev/surfaces/modals#updating_views).
func (s *Server) replace(old, next *View) {
	next.ID, next.User, next.RootID, next.PreviousID = old.ID, old.User, old.RootID, old.PreviousID
	next.state, next.typed = old.state, old.typed
	s.settle(next)
	*old = *next
}

func (s *Server) viewsPublish(a args) answer {
	raw, _, err := a.value("view")
	if err != nil {
		return fail("invalid_arguments", err.Error())
	}
	user := a.text("user_id")
	if s.users[user] == nil {
		return fail("user_not_found")
	}
	next, refused := s.readView(raw, "home")
	if refused != nil {
		return refused
	}
	old := s.homes[user]
	if hash := a.text("hash"); hash != "" && old != nil && hash != old.Hash {
		return fail("hash_conflict")
	}
	if old == nil {
		next.ID, next.User = s.id("V"), user
		next.RootID = next.ID
		s.settle(next)
		s.homes[user] = next
		return answer{"view": s.viewJSON(next)}
	}
	s.replace(old, next)
	return answer{"view": s.viewJSON(old)}
}

// viewJSON is a view object (https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload).
func (s *Server) viewJSON(v *View) map[string]any {
	plain := func(text string) any {
		if text == "" {
			return nil
		}
		return map[string]any{"type": "plain_text", "text": text, "emoji": true}
	}
	j := map[string]any{
		"id": v.ID, "team_id": s.o.TeamID, "type": v.Type, "blocks": cloneBlocks(v.Blocks), "private_metadata": v.PrivateMetadata,
		"callback_id": v.CallbackID, "external_id": v.ExternalID, "hash": v.Hash, "clear_on_close": v.ClearOnClose,
		"notify_on_close": v.NotifyOnClose, "root_view_id": v.RootID, "app_id": s.AppID(), "bot_id": s.BotID(),
		"app_installed_team_id": s.o.TeamID, "title": plain(v.Title), "submit": plain(v.SubmitText), "close": plain(v.CloseText),
		"state": map[string]any{"values": cloneState(v.state)}, "previous_view_id": nil,
	}
	if v.Blocks == nil {
		j["blocks"] = []any{}
	}
	if v.PreviousID != "" {
		j["previous_view_id"] = v.PreviousID
	}
	return j
}

func cloneState(state map[string]map[string]any) map[string]map[string]any {
	out := map[string]map[string]any{}
	for block, actions := range state {
		out[block] = map[string]any{}
		for action, v := range actions {
			out[block][action] = v
		}
	}
	return out
}
