package fakeslack

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Element is something that a person can press, choose or fill in.
type Element struct {
	BlockID  string
	ActionID string
	Type     string // "button", "static_select", "plain_text_input" ...
	Text     string // of a button
	Value    string // of a button
	URL      string // of a button
	Style    string // of a button
	Label    string // of an input's block
	Hint     string // of an input's block
	Optional bool   // of an input's block
	Initial  string // what it starts with; several are separated by commas
	Options  []Option

	input bool
	raw   map[string]any
}

// Option is one choice.
type Option struct{ Text, Value string }

func elements(blocks []Block) []Element {
	var list []Element
	for _, b := range blocks {
		id, _ := b["block_id"].(string)
		add := func(v any) {
			if m, ok := v.(map[string]any); ok && m["type"] != "image" {
				list = append(list, elementOf(id, m))
			}
		}
		switch b["type"] {
		case "section":
			add(b["accessory"])
		case "actions":
			inside, _ := b["elements"].([]any)
			for _, x := range inside {
				add(x)
			}
		case "input":
			add(b["element"])
			e := &list[len(list)-1]
			e.input, e.Label, e.Hint = true, textOf(b["label"]), textOf(b["hint"])
			e.Optional, _ = b["optional"].(bool)
		}
	}
	return list
}

func elementOf(blockID string, m map[string]any) Element {
	e := Element{BlockID: blockID, Text: textOf(m["text"]), raw: m}
	e.Type, _ = m["type"].(string)
	e.ActionID, _ = m["action_id"].(string)
	e.Value, _ = m["value"].(string)
	e.URL, _ = m["url"].(string)
	e.Style, _ = m["style"].(string)
	options := func(m map[string]any) {
		list, _ := m["options"].([]any)
		for _, x := range list {
			o, _ := x.(map[string]any)
			v, _ := o["value"].(string)
			e.Options = append(e.Options, Option{Text: textOf(o["text"]), Value: v})
		}
	}
	options(m)
	groups, _ := m["option_groups"].([]any)
	for _, x := range groups {
		g, _ := x.(map[string]any)
		options(g)
	}
	e.Initial = strings.Join(initialOf(m), ",")
	return e
}

func initialOf(m map[string]any) []string {
	var list []string
	value := func(v any) {
		switch v := v.(type) {
		case string:
			list = append(list, v)
		case float64:
			list = append(list, strconv.FormatInt(int64(v), 10))
		case map[string]any:
			if text, ok := v["value"].(string); ok {
				list = append(list, text)
			}
		}
	}
	for _, k := range sortedKeys(m) {
		if !strings.HasPrefix(k, "initial_") {
			continue
		}
		if several, ok := m[k].([]any); ok {
			for _, x := range several {
				value(x)
			}
			continue
		}
		value(m[k])
	}
	return list
}

// option returns an option object as it was sent.
func (e *Element) option(value string) (any, error) {
	find := func(m map[string]any) any {
		list, _ := m["options"].([]any)
		for _, x := range list {
			if o, ok := x.(map[string]any); ok && o["value"] == value {
				return o
			}
		}
		return nil
	}
	if o := find(e.raw); o != nil {
		return o, nil
	}
	groups, _ := e.raw["option_groups"].([]any)
	for _, x := range groups {
		if g, ok := x.(map[string]any); ok {
			if o := find(g); o != nil {
				return o, nil
			}
		}
	}
	return nil, fmt.Errorf("%q is not among the options of %s", value, e.ActionID)
}

// choose makes the state of an element from a value, as in state.values
// (https://docs.slack.dev/reference/views#view-state). An empty value is nothing chosen.
func (e *Element) choose(value string) (map[string]any, error) {
	state := map[string]any{"type": e.Type}
	one := func(field string, v any) (map[string]any, error) {
		state[field] = v
		if value == "" {
			state[field] = nil
		}
		return state, nil
	}
	var several []string
	if value != "" {
		several = strings.Split(value, ",")
	}
	switch e.Type {
	case "plain_text_input", "email_text_input", "url_text_input", "number_input":
		return one("value", value)
	case "static_select", "radio_buttons", "overflow":
		if value == "" {
			return one("selected_option", nil)
		}
		o, err := e.option(value)
		if err != nil {
			return nil, err
		}
		return one("selected_option", o)
	case "multi_static_select", "checkboxes":
		chosen := []any{}
		for _, v := range several {
			o, err := e.option(v)
			if err != nil {
				return nil, err
			}
			chosen = append(chosen, o)
		}
		state["selected_options"] = chosen
		return state, nil
	case "users_select":
		return one("selected_user", value)
	case "conversations_select":
		return one("selected_conversation", value)
	case "channels_select":
		return one("selected_channel", value)
	case "multi_users_select":
		state["selected_users"] = append([]string{}, several...)
		return state, nil
	case "multi_conversations_select":
		state["selected_conversations"] = append([]string{}, several...)
		return state, nil
	case "multi_channels_select":
		state["selected_channels"] = append([]string{}, several...)
		return state, nil
	case "datepicker":
		if value != "" && !fits("2006-01-02", value) {
			return nil, fmt.Errorf("%q is not a date", value)
		}
		return one("selected_date", value)
	case "timepicker":
		if value != "" && !fits("15:04", value) {
			return nil, fmt.Errorf("%q is not a time", value)
		}
		return one("selected_time", value)
	case "datetimepicker":
		if value == "" {
			return one("selected_date_time", nil)
		}
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number of seconds", value)
		}
		return one("selected_date_time", seconds)
	default:
		return nil, fmt.Errorf("the fake cannot choose in a %s", e.Type)
	}
}

func fits(layout, text string) bool {
	_, err := time.Parse(layout, text)
	return err == nil
}

// fill puts values into a modal as a person does. What Slack's client refuses itself comes back by block id; an error
// means that the test named a field or an option that is not there. The caller holds the server's lock.
func (v *View) fill(values map[string]string) (refused map[string]string, err error) {
	refused = map[string]string{}
	used := map[string]bool{}
	for _, e := range elements(v.Blocks) {
		if !e.input {
			continue
		}
		value, named := "", false
		for _, key := range []string{e.BlockID + "/" + e.ActionID, e.BlockID, e.ActionID} {
			if got, ok := values[key]; ok && !named {
				value, named = got, true
				used[key] = true
			}
		}
		place := e.BlockID + "/" + e.ActionID
		if before, filled := v.typed[place]; !named && filled {
			value = before
		} else if !named {
			value = e.Initial
		}
		v.typed[place] = value
		chosen, err := e.choose(value)
		if err != nil {
			return nil, err
		}
		if v.state[e.BlockID] == nil {
			v.state[e.BlockID] = map[string]any{}
		}
		v.state[e.BlockID][e.ActionID] = chosen
		if reason := e.clientRefuses(value); reason != "" {
			refused[e.BlockID] = reason
		}
	}
	for _, key := range sortedKeys(values) {
		if !used[key] {
			return nil, fmt.Errorf("the modal has no field %q", key)
		}
	}
	return refused, nil
}

// clientRefuses is the check that Slack's own client makes before it submits.
func (e *Element) clientRefuses(value string) string {
	if value == "" {
		if e.Optional {
			return ""
		}
		return "Please complete this required field."
	}
	n := utf8.RuneCountInString(value)
	least, hasLeast := e.raw["min_length"].(float64)
	most, hasMost := e.raw["max_length"].(float64)
	switch {
	case e.Type != "plain_text_input":
	case hasLeast && n < int(least):
		return fmt.Sprintf("Please enter at least %d characters.", int(least))
	case hasMost && n > int(most), !hasMost && n > 3000:
		return "This entry is too long."
	}
	if e.Type == "number_input" {
		number, err := strconv.ParseFloat(value, 64)
		if err != nil || e.raw["is_decimal_allowed"] == false && number != float64(int64(number)) {
			return "Please enter a number."
		}
	}
	if most, ok := e.raw["max_selected_items"].(float64); ok && len(strings.Split(value, ",")) > int(most) {
		return "Too many items are chosen."
	}
	if e.Type == "email_text_input" && !slices.Contains([]rune(value), '@') {
		return "Please enter an email address."
	}
	return ""
}
