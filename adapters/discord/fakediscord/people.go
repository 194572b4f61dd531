package fakediscord

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Modal is a form that stands open before a person.
type Modal struct {
	CustomID, Title string
	Fields          []Field

	from *interaction
}

// Field is one thing to fill in.
type Field struct {
	CustomID, Label, Placeholder string
	// Description is what its label says below the label itself.
	Description string
	// Value is what stands there already.
	Value    string
	Required bool
	Long     bool // of several lines
	Min, Max int
	// Options are the values to choose from, of a select.
	Options []string

	label bool // stands in a label, not in a row
	kind  int
}

func newModal(i *interaction, data map[string]any) *Modal {
	m := &Modal{CustomID: text(data, "custom_id"), Title: text(data, "title"), from: i}
	for _, row := range children(data) {
		if number(row, "type") == typeText {
			continue
		}
		in := children(row)[0]
		f := Field{
			CustomID: text(in, "custom_id"), Label: text(in, "label"), Placeholder: text(in, "placeholder"), Value: text(in, "value"),
			Required: true, Long: number(in, "style") == 2, Min: number(in, "min_length"), Max: maxInput, kind: number(in, "type"), label: number(row, "type") == typeLabel,
		}
		if f.label {
			f.Label, f.Description = text(row, "label"), text(row, "description")
		}
		if v, ok := in["required"].(bool); ok {
			f.Required = v
		}
		if n := number(in, "max_length"); n > 0 {
			f.Max = n
		}
		options, _ := in["options"].([]any)
		for _, o := range options {
			option, _ := o.(map[string]any)
			f.Options = append(f.Options, text(option, "value"))
			if d, _ := option["default"].(bool); d {
				f.Value = text(option, "value")
			}
		}
		m.Fields = append(m.Fields, f)
	}
	return m
}

// Modal returns the form that is open before the user, or nil.
func (s *Server) Modal(user string) *Modal {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.modals[user]
	if m == nil {
		return nil
	}
	c := *m
	c.Fields = slices.Clone(m.Fields)
	return &c
}

// Dismiss closes the user's form, of which the program hears nothing.
func (s *Server) Dismiss(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.modals, user)
	s.touch()
}

// act delivers an interaction and waits for its first response.
func (s *Server) act(ctx context.Context, i *interaction, data map[string]any) (Interaction, error) {
	s.mu.Lock()
	payload := s.payload(i, data)
	to := s.endpoint
	if to == nil {
		// No intent is needed for interactions.
		s.dispatch("INTERACTION_CREATE", 0, i.guild, func(Intents) any { return payload })
	}
	s.touch()
	s.mu.Unlock()
	if to != nil {
		s.running.Go(func() { s.post(to, i, payload) })
	}

	due := time.NewTimer(s.options.ResponseDue)
	defer due.Stop()
	select {
	case <-i.answered:
	case <-due.C:
	case <-ctx.Done():
		return Interaction{ID: i.id, Token: i.token}, fmt.Errorf("wait for a response: %w", ctx.Err())
	case <-s.done:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	result := Interaction{ID: i.id, Token: i.token, Response: i.response, Modal: i.modal, Late: i.late}
	if i.original != nil {
		m := i.original.snapshot()
		result.Message = &m
	}
	if i.response == 0 {
		if len(i.refusals) > 0 {
			return result, fmt.Errorf("%w: %s", ErrNoResponse, strings.Join(i.refusals, "; "))
		}
		return result, ErrNoResponse
	}
	return result, nil
}

// place is the channel if the user may act there. The caller holds mu.
func (s *Server) place(user, channel string) (*channel, error) {
	c := s.channels[channel]
	if s.users[user] == nil || c == nil || !s.permissions(c, user).has(ViewChannel) {
		return nil, fmt.Errorf("user %q does not see channel %q", user, channel)
	}
	return c, nil
}

// Command types a slash command, such as path "procura ask" with its options by
// their default names, and returns when the first response came. It fails when
// the command is not registered, not for this person or place, or has not these
// options, and with ErrNoResponse when no response came in three seconds.
func (s *Server) Command(ctx context.Context, user, channel, path string, options map[string]any) (Interaction, error) {
	i, data, err := s.invoke(kindCommand, user, channel, path, options, "")
	if err != nil {
		return Interaction{}, fmt.Errorf("command %q: %w", path, err)
	}
	return s.act(ctx, i, data)
}

// Complete types the beginning of an option and returns the suggestions.
// Others are options that were filled in before.
func (s *Server) Complete(ctx context.Context, user, channel, path, option, prefix string, others map[string]any) ([]Choice, error) {
	options := map[string]any{option: prefix}
	for k, v := range others {
		options[k] = v
	}
	i, data, err := s.invoke(kindAutocomplete, user, channel, path, options, option)
	if err != nil {
		return nil, fmt.Errorf("complete %q: %w", path, err)
	}
	if _, err := s.act(ctx, i, data); err != nil {
		return nil, err
	}
	return i.choices, nil
}

func (s *Server) invoke(kind int, user, channel, path string, options map[string]any, focus string) (*interaction, map[string]any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.place(user, channel)
	if err != nil {
		return nil, nil, err
	}
	cmd, err := s.command(c, user, path)
	if err != nil {
		return nil, nil, err
	}
	data, err := s.commandData(cmd, c, path, options, focus)
	if err != nil {
		return nil, nil, err
	}
	return s.newInteraction(kind, user, c), data, nil
}

// component finds an enabled component of a message that the user sees.
func (s *Server) component(user, channel, message, customID string) (*channelMessage, error) {
	c, err := s.place(user, channel)
	if err != nil {
		return nil, err
	}
	m := s.messages[message]
	if m == nil || m.Channel != channel || m.Deleted || m.Ephemeral() && m.For != user {
		return nil, fmt.Errorf("user %s sees no message %q in channel %s", user, message, channel)
	}
	var found map[string]any
	walk(m.Components, func(x map[string]any) {
		if text(x, "custom_id") == customID {
			found = x
		}
	})
	if found == nil {
		return nil, fmt.Errorf("message %s has no component %q", message, customID)
	}
	if off, _ := found["disabled"].(bool); off {
		return nil, fmt.Errorf("component %q is disabled", customID)
	}
	return &channelMessage{c, m, found}, nil
}

type channelMessage struct {
	channel   *channel
	message   *Message
	component map[string]any
}

// Press presses a button of a message and returns when the first response came.
func (s *Server) Press(ctx context.Context, user, channel, message, customID string) (Interaction, error) {
	s.mu.Lock()
	x, err := s.component(user, channel, message, customID)
	if err == nil && number(x.component, "type") != typeButton {
		err = fmt.Errorf("component %q is no button", customID)
	}
	if err != nil {
		s.mu.Unlock()
		return Interaction{}, fmt.Errorf("press: %w", err)
	}
	i := s.newInteraction(kindComponent, user, x.channel)
	i.source = x.message
	s.mu.Unlock()
	return s.act(ctx, i, map[string]any{"custom_id": customID, "component_type": typeButton, "id": number(x.component, "id")})
}

// Select chooses values of a select menu: an option's value, or the id of a
// user or channel, as the menu asks for.
func (s *Server) Select(ctx context.Context, user, channel, message, customID string, values ...string) (Interaction, error) {
	s.mu.Lock()
	x, err := s.component(user, channel, message, customID)
	var data map[string]any
	if err == nil {
		data, err = s.chosen(x, values)
	}
	if err != nil {
		s.mu.Unlock()
		return Interaction{}, fmt.Errorf("select: %w", err)
	}
	i := s.newInteraction(kindComponent, user, x.channel)
	i.source = x.message
	s.mu.Unlock()
	return s.act(ctx, i, data)
}

func (s *Server) chosen(x *channelMessage, values []string) (map[string]any, error) {
	kind := number(x.component, "type")
	if kind != typeSelect && (kind < typeUserSelect || kind > typeChannelSelect) {
		return nil, fmt.Errorf("component %q is no select", text(x.component, "custom_id"))
	}
	least, most := 1, 1
	if _, ok := x.component["min_values"].(float64); ok {
		least = number(x.component, "min_values")
	}
	if _, ok := x.component["max_values"].(float64); ok {
		most = number(x.component, "max_values")
	}
	if len(values) < least || len(values) > most {
		return nil, fmt.Errorf("%d values, %d to %d are allowed", len(values), least, most)
	}
	data := map[string]any{
		"custom_id": text(x.component, "custom_id"), "component_type": kind, "id": number(x.component, "id"),
		"values": append([]string{}, values...),
	}
	r := s.newResolved(x.channel.Guild)
	for _, v := range values {
		switch kind {
		case typeSelect:
			options, _ := x.component["options"].([]any)
			if !slices.ContainsFunc(options, func(o any) bool { m, _ := o.(map[string]any); return text(m, "value") == v }) {
				return nil, fmt.Errorf("no option %q", v)
			}
		case typeUserSelect:
			if err := r.user(v); err != nil {
				return nil, err
			}
		case typeChannelSelect:
			if err := r.channel(v); err != nil {
				return nil, err
			}
		}
	}
	if kind != typeSelect {
		data["resolved"] = r.json()
	}
	return data, nil
}

// Submit fills the open form in and sends it, and returns when the first
// response came. A field that values leaves out keeps what stood there. The
// values of a field with several are separated by line ends. The form closes
// when the program has responded; until then it stays open, as in the client.
func (s *Server) Submit(ctx context.Context, user string, values map[string]string) (Interaction, error) {
	s.mu.Lock()
	m := s.modals[user]
	if m == nil {
		s.mu.Unlock()
		return Interaction{}, fmt.Errorf("submit: no form is open before user %s", user)
	}
	data, err := m.fill(values)
	if err != nil {
		s.mu.Unlock()
		return Interaction{}, fmt.Errorf("submit %q: %w", m.Title, err)
	}
	i := s.newInteraction(kindModal, user, s.channels[m.from.channel])
	i.source = m.from.source
	s.mu.Unlock()

	result, err := s.act(ctx, i, data)
	if err == nil {
		s.mu.Lock()
		if s.modals[user] == m {
			delete(s.modals, user)
		}
		s.touch()
		s.mu.Unlock()
	}
	return result, err
}

// fill checks what the person wrote as the client does, and gives it the form
// in which the program receives it.
// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object-modal-submit-data-structure
func (m *Modal) fill(values map[string]string) (map[string]any, error) {
	for id := range values {
		if !slices.ContainsFunc(m.Fields, func(f Field) bool { return f.CustomID == id }) {
			return nil, fmt.Errorf("no field %q", id)
		}
	}
	rows := []any{}
	for n, f := range m.Fields {
		v, ok := values[f.CustomID]
		if !ok {
			v = f.Value
		}
		if f.Required && v == "" {
			return nil, fmt.Errorf("field %q is required", f.CustomID)
		}
		in := map[string]any{"type": f.kind, "id": 2*n + 2, "custom_id": f.CustomID}
		switch f.kind {
		case typeInput:
			length := utf8.RuneCountInString(v)
			if length > f.Max || v != "" && length < f.Min {
				return nil, fmt.Errorf("field %q has %d characters, %d to %d are allowed", f.CustomID, length, f.Min, f.Max)
			}
			in["value"] = v
		case typeRadioGroup:
			in["value"] = v
		case typeCheckbox:
			in["value"] = v == "true"
		default:
			chosen := []string{}
			if v != "" {
				chosen = strings.Split(v, "\n")
			}
			for _, one := range chosen {
				if len(f.Options) > 0 && !slices.Contains(f.Options, one) {
					return nil, fmt.Errorf("field %q has no option %q", f.CustomID, one)
				}
			}
			in["values"] = chosen
		}
		row := map[string]any{"type": typeRow, "id": 2*n + 1, "components": []any{in}}
		if f.label {
			row = map[string]any{"type": typeLabel, "id": 2*n + 1, "component": in}
		}
		rows = append(rows, row)
	}
	return map[string]any{"custom_id": m.CustomID, "components": rows}, nil
}
