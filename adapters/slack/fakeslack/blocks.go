package fakeslack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// surface is where blocks stand (https://docs.slack.dev/block-kit#where).
type surface int

const (
	inMessage surface = iota
	inModal
	inHome
)

// maxBlockText is the sum of characters beyond which posts failed with msg_blocks_too_long
// (https://docs.slack.dev/reference/methods/chat.postMessage#errors). The number is not documented; it was measured by others (https://github.com/slackapi/bolt-js/issues/2509).
const maxBlockText = 13200

// textKind says which text objects a place takes.
type textKind int

const (
	plainOnly textKind = iota
	anyText
)

// checker collects what is wrong with blocks, in the form of Slack's own messages.
type checker struct {
	pointer  string
	messages []string
	focused  bool
	actions  map[string]bool // action ids of the block at hand
}

func (c *checker) complain(format string, args ...any) {
	c.messages = append(c.messages, fmt.Sprintf(format, args...)+" [json-pointer:"+c.pointer+"]")
}

// in runs a check one step further down.
func (c *checker) in(step string, check func()) {
	old := c.pointer
	c.pointer += "/" + step
	check()
	c.pointer = old
}

// blocks checks a message's blocks and makes the ids that are missing. The caller holds s.mu.
func (s *Server) blocks(v any, where surface) ([]Block, answer) {
	c := &checker{pointer: "/blocks"}
	list := c.blocks(s, v, where)
	c.messages = append(c.messages, s.o.Specs.blocks(v)...)
	if len(c.messages) > 0 {
		a := fail("invalid_blocks", c.messages...)
		a["errors"] = c.messages
		return nil, a
	}
	if utf8.RuneCountInString(shown(list)) > maxBlockText {
		return nil, fail("msg_blocks_too_long")
	}
	return list, nil
}

// blocks checks a list (https://docs.slack.dev/reference/block-kit/blocks): 50 in a message, 100 in a modal or home tab.
func (c *checker) blocks(s *Server, v any, where surface) []Block {
	raw, ok := v.([]any)
	if !ok {
		c.complain("blocks must be a list")
		return nil
	}
	most := 100
	if where == inMessage {
		most = 50
	}
	if len(raw) > most {
		c.complain("no more than %d items allowed", most)
	}
	seen := map[string]bool{}
	var list []Block
	for i, x := range raw {
		c.in(fmt.Sprint(i), func() {
			m, ok := x.(map[string]any)
			if !ok {
				c.complain("a block must be an object")
				return
			}
			b := maps.Clone(m)
			c.block(b, where)
			id, _ := b["block_id"].(string)
			switch {
			case id == "":
				b["block_id"] = s.id("b")
			case utf8.RuneCountInString(id) > 255:
				c.complain("block_id must be less than 256 characters")
			case seen[id]:
				c.complain("block_id %q is not unique", id)
			}
			seen[id] = true
			list = append(list, b)
		})
	}
	if list == nil {
		list = []Block{}
	}
	return list
}

func (c *checker) block(b map[string]any, where surface) {
	c.actions = map[string]bool{}
	kind, _ := b["type"].(string)
	switch kind {
	case "section": // https://docs.slack.dev/reference/block-kit/blocks/section-block
		fields, _ := b["fields"].([]any)
		if b["text"] == nil && len(fields) == 0 {
			c.complain("a section needs text or fields")
		}
		c.text(b, "text", anyText, 3000, false)
		c.count(b, "fields", 0, 10)
		for i, f := range fields {
			c.in(fmt.Sprintf("fields/%d", i), func() { c.textObject(f, anyText, 2000) })
		}
		if a, present := b["accessory"]; present && a != nil {
			c.in("accessory", func() { c.element(a, "section") })
		}
	case "header": // https://docs.slack.dev/reference/block-kit/blocks/header-block
		c.text(b, "text", plainOnly, 150, true)
	case "divider": // https://docs.slack.dev/reference/block-kit/blocks/divider-block
	case "context": // https://docs.slack.dev/reference/block-kit/blocks/context-block
		c.count(b, "elements", 1, 10)
		c.each(b, "elements", func(x any) {
			if m, ok := x.(map[string]any); ok && m["type"] == "image" {
				c.element(x, "context")
				return
			}
			c.textObject(x, anyText, 3000)
		})
	case "actions": // https://docs.slack.dev/reference/block-kit/blocks/actions-block
		c.count(b, "elements", 1, 25)
		c.each(b, "elements", func(x any) { c.element(x, "actions") })
	case "image": // https://docs.slack.dev/reference/block-kit/blocks/image-block
		c.image(b)
		c.text(b, "title", plainOnly, 2000, false)
	case "input": // https://docs.slack.dev/reference/block-kit/blocks/input-block
		c.text(b, "label", plainOnly, 2000, true)
		c.text(b, "hint", plainOnly, 2000, false)
		if b["element"] == nil {
			c.complain("missing required field: element")
			return
		}
		c.in("element", func() { c.element(b["element"], "input") })
	case "markdown": // https://docs.slack.dev/reference/block-kit/blocks/markdown-block
		if where != inMessage {
			c.complain("markdown is for messages alone")
		}
		c.str(b, "text", 1, maxMarkdown, true)
	case "rich_text": // https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
		if _, ok := b["elements"].([]any); !ok {
			c.complain("missing required field: elements")
		}
	case "video", "file", "table", "call", "context_actions", "task_card", "plan", "alert", "card", "carousel", "container", "data_table",
		"data_visualization":
		// Known to Slack; their insides are not checked here.
	case "":
		c.complain("missing required field: type")
	default:
		c.complain("unsupported type: %s", kind)
	}
}

// each runs a check over a list that is a field.
func (c *checker) each(m map[string]any, field string, check func(any)) {
	list, _ := m[field].([]any)
	for i, x := range list {
		c.in(fmt.Sprintf("%s/%d", field, i), func() { check(x) })
	}
}

func (c *checker) count(m map[string]any, field string, least, most int) {
	list, ok := m[field].([]any)
	if !ok && (m[field] != nil || least > 0) {
		c.complain("missing required field: %s", field)
		return
	}
	if len(list) < least {
		c.complain("%s needs at least %d items", field, least)
	}
	if len(list) > most {
		c.complain("%s: no more than %d items allowed", field, most)
	}
}

// str checks a field that is a plain string.
func (c *checker) str(m map[string]any, field string, least, most int, required bool) string {
	v, present := m[field]
	if !present || v == nil {
		if required {
			c.complain("missing required field: %s", field)
		}
		return ""
	}
	text, ok := v.(string)
	n := utf8.RuneCountInString(text)
	switch {
	case !ok:
		c.complain("%s must be a string", field)
	case n < least:
		c.complain("%s must be more than %d characters", field, least-1)
	case n > most:
		c.complain("%s must be less than %d characters", field, most+1)
	}
	return text
}

func (c *checker) text(m map[string]any, field string, kind textKind, most int, required bool) {
	v, present := m[field]
	if !present || v == nil {
		if required {
			c.complain("missing required field: %s", field)
		}
		return
	}
	c.in(field, func() { c.textObject(v, kind, most) })
}

// textObject checks a text (https://docs.slack.dev/reference/block-kit/composition-objects/text-object).
func (c *checker) textObject(v any, kind textKind, most int) {
	m, ok := v.(map[string]any)
	if !ok {
		c.complain("must be a text object")
		return
	}
	switch {
	case m["type"] == "plain_text":
		if m["verbatim"] != nil {
			c.complain("verbatim is for mrkdwn alone")
		}
	case m["type"] == "mrkdwn" && kind == anyText:
		if m["emoji"] != nil {
			c.complain("emoji is for plain_text alone")
		}
	default:
		c.complain("unsupported type: %v", m["type"])
	}
	c.str(m, "text", 1, most, true)
}

func textOf(v any) string {
	m, _ := v.(map[string]any)
	text, _ := m["text"].(string)
	return text
}

func (c *checker) image(m map[string]any) {
	if m["image_url"] == nil && m["slack_file"] == nil {
		c.complain("missing required field: image_url or slack_file")
	}
	c.str(m, "image_url", 1, 3000, false)
	c.str(m, "alt_text", 0, 2000, true)
}

// places says where an element may stand (https://docs.slack.dev/reference/block-kit/block-elements).
func places(kind string) []string {
	switch kind {
	case "button", "overflow", "workflow_button":
		return []string{"section", "actions"}
	case "image":
		return []string{"section", "context"}
	case "static_select", "external_select", "users_select", "conversations_select", "channels_select", "multi_static_select",
		"multi_external_select", "multi_users_select", "multi_conversations_select", "multi_channels_select", "checkboxes",
		"radio_buttons", "datepicker", "timepicker":
		return []string{"section", "actions", "input"}
	case "datetimepicker", "rich_text_input":
		return []string{"actions", "input"}
	case "plain_text_input", "number_input", "email_text_input", "url_text_input", "file_input":
		return []string{"input"}
	default:
		return nil
	}
}

func (c *checker) element(v any, place string) {
	m, ok := v.(map[string]any)
	if !ok {
		c.complain("an element must be an object")
		return
	}
	kind, _ := m["type"].(string)
	allowed := places(kind)
	if !slices.Contains(allowed, place) {
		c.complain("unsupported type: %s", kind)
		return
	}
	if kind == "image" {
		c.image(m)
		return
	}
	if id := c.str(m, "action_id", 1, 255, false); id != "" {
		// Unique within its block (https://docs.slack.dev/reference/block-kit/block-elements/button-element).
		if c.actions[id] {
			c.complain("action_id %q already exists in this block", id)
		}
		c.actions[id] = true
	}
	if m["focus_on_load"] == true {
		if c.focused {
			c.complain("only one element can have focus_on_load")
		}
		c.focused = true
	}
	if m["confirm"] != nil {
		c.in("confirm", func() { c.confirm(m["confirm"]) })
	}
	c.text(m, "placeholder", plainOnly, 150, false)
	switch kind {
	case "button": // https://docs.slack.dev/reference/block-kit/block-elements/button-element
		c.text(m, "text", plainOnly, 75, true)
		c.str(m, "value", 0, 2000, false)
		c.str(m, "url", 1, 3000, false)
		c.str(m, "accessibility_label", 1, 75, false)
		if style := m["style"]; style != nil && style != "primary" && style != "danger" {
			c.complain("style must be primary or danger")
		}
	case "static_select", "multi_static_select": // .../block-elements/select-menu-element, .../multi-select-menu-element
		groups, options := m["option_groups"] != nil, m["options"] != nil
		switch {
		case groups == options:
			c.complain("either options or option_groups is required")
		case groups:
			c.count(m, "option_groups", 1, 100)
			c.each(m, "option_groups", func(x any) {
				g, _ := x.(map[string]any)
				c.text(g, "label", plainOnly, 75, true)
				c.options(g, 1, 100, plainOnly)
			})
		default:
			c.options(m, 1, 100, plainOnly)
		}
		c.initial(m)
	case "overflow": // .../block-elements/overflow-menu-element
		c.options(m, 1, 5, plainOnly)
	case "radio_buttons", "checkboxes": // .../block-elements/radio-button-group-element, .../checkboxes-element
		c.options(m, 1, 10, anyText)
		c.initial(m)
	case "plain_text_input": // .../block-elements/plain-text-input-element
		least, most := c.number(m, "min_length", 0, 3000), c.number(m, "max_length", 1, 3000)
		if least > most && m["max_length"] != nil {
			c.complain("min_length is above max_length")
		}
		if m["max_length"] == nil {
			most = 3000
		}
		c.str(m, "initial_value", 0, most, false)
	case "number_input":
		if _, ok := m["is_decimal_allowed"].(bool); !ok {
			c.complain("missing required field: is_decimal_allowed")
		}
	case "datepicker":
		c.pattern(m, "initial_date", "2006-01-02")
	case "timepicker":
		c.pattern(m, "initial_time", "15:04")
	}
	if most := m["max_selected_items"]; most != nil {
		if n, ok := most.(float64); !ok || n < 1 {
			c.complain("max_selected_items must be at least 1")
		}
	}
}

func (c *checker) number(m map[string]any, field string, least, most int) int {
	v, present := m[field]
	if !present {
		return 0
	}
	n, ok := v.(float64)
	if !ok || int(n) < least || int(n) > most {
		c.complain("%s must be between %d and %d", field, least, most)
	}
	return int(n)
}

func (c *checker) pattern(m map[string]any, field, layout string) {
	text := c.str(m, field, 1, 20, false)
	if text != "" && !fits(layout, text) {
		c.complain("%s must have the form %s", field, layout)
	}
}

// options checks choices (https://docs.slack.dev/reference/block-kit/composition-objects/option-object).
func (c *checker) options(m map[string]any, least, most int, kind textKind) {
	c.count(m, "options", least, most)
	seen := map[string]bool{}
	c.each(m, "options", func(x any) {
		o, ok := x.(map[string]any)
		if !ok {
			c.complain("an option must be an object")
			return
		}
		c.text(o, "text", kind, 75, true)
		c.text(o, "description", kind, 75, false)
		v := c.str(o, "value", 1, 150, true)
		if seen[v] {
			c.complain("option value %q is not unique", v)
		}
		seen[v] = true
	})
}

// initial checks that what is chosen at first is among the choices.
func (c *checker) initial(m map[string]any) {
	var chosen []any
	if o := m["initial_option"]; o != nil {
		chosen = append(chosen, o)
	}
	if list, ok := m["initial_options"].([]any); ok {
		if len(list) == 0 {
			c.complain("initial_options must not be empty")
		}
		chosen = append(chosen, list...)
	}
	e := elementOf("", m)
	for _, x := range chosen {
		o, _ := x.(map[string]any)
		if !slices.ContainsFunc(e.Options, func(have Option) bool { return have.Value == o["value"] && have.Text == textOf(o["text"]) }) {
			c.complain("the initial option %v is not among the options", o["value"])
		}
	}
}

// confirm checks a question before the deed (https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object).
func (c *checker) confirm(v any) {
	m, ok := v.(map[string]any)
	if !ok {
		c.complain("confirm must be an object")
		return
	}
	c.text(m, "title", plainOnly, 100, true)
	c.text(m, "text", anyText, 300, true)
	c.text(m, "confirm", plainOnly, 30, true)
	c.text(m, "deny", plainOnly, 30, true)
}

// shown is all the text of blocks, a line each.
func shown(blocks []Block) string {
	var lines []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			switch kind := v["type"]; kind {
			case "mrkdwn", "plain_text", "markdown", "text":
				text, _ := v["text"].(string)
				if kind != "plain_text" && kind != "text" {
					text = unescape(text)
				}
				lines = append(lines, text)
				return
			}
			for _, k := range []string{"title", "label", "text", "fields", "accessory", "element", "elements", "hint", "options"} {
				walk(v[k])
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	for _, b := range blocks {
		walk(map[string]any(b))
	}
	return strings.Join(lines, "\n")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
