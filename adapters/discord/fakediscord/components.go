package fakediscord

import (
	"unicode/utf8"
)

// Types of component.
// https://discord.com/developers/docs/components/reference#component-object-component-types
const (
	typeRow           = 1
	typeButton        = 2
	typeSelect        = 3
	typeInput         = 4
	typeUserSelect    = 5
	typeChannelSelect = 8
	typeSection       = 9
	typeText          = 10
	typeContainer     = 17
	typeLabel         = 18
	typeFileUpload    = 19
	typeRadioGroup    = 21
	typeCheckboxes    = 22
	typeCheckbox      = 23

	styleLink    = 5
	stylePremium = 6
)

// Limits of components.
// https://discord.com/developers/docs/components/reference
const (
	maxRows          = 5
	maxButtonsInRow  = 5
	maxButtonLabel   = 80
	maxCustomID      = 100
	maxOptions       = 25
	maxOptionText    = 100
	maxPlaceholder   = 150
	maxModalTitle    = 45
	maxModalRows     = 5
	maxInput         = 4000
	maxInputLabel    = 45
	maxLabelDescribe = 100
	maxV2            = 40
	maxV2Text        = 4000
)

func number(m map[string]any, key string) int {
	f, _ := m[key].(float64)
	return int(f)
}

func text(m map[string]any, key string) string {
	t, _ := m[key].(string)
	return t
}

func children(m map[string]any) []map[string]any {
	var all []map[string]any
	list, _ := m["components"].([]any)
	for _, v := range list {
		if c, ok := v.(map[string]any); ok {
			all = append(all, c)
		}
	}
	for _, key := range []string{"component", "accessory"} {
		if c, ok := m[key].(map[string]any); ok {
			all = append(all, c)
		}
	}
	return all
}

// walk visits every component, outer ones first.
func walk(list []map[string]any, visit func(map[string]any)) {
	for _, c := range list {
		visit(c)
		walk(children(c), visit)
	}
}

// displayed returns the texts of the text display components.
func displayed(list []map[string]any) []string {
	var texts []string
	walk(list, func(c map[string]any) {
		if number(c, "type") == typeText {
			texts = append(texts, text(c, "content"))
		}
	})
	return texts
}

// ids checks every custom_id: 1 to 100 characters, each once in the message.
type ids map[string]bool

func (seen ids) take(c map[string]any) *apiError {
	id := text(c, "custom_id")
	if n := utf8.RuneCountInString(id); n < 1 || n > maxCustomID {
		return tooLong("components.custom_id", maxCustomID)
	}
	if seen[id] {
		return invalidForm("components.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
	}
	seen[id] = true
	return nil
}

func checkMessageComponents(list []map[string]any, v2 bool) *apiError {
	seen := ids{}
	if !v2 {
		if len(list) > maxRows {
			return invalidForm("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and %d in length.", maxRows)
		}
		for _, row := range list {
			if number(row, "type") != typeRow {
				return invalidForm("components.type", "UNION_TYPE_CHOICES", "Value of field \"type\" must be one of (1,).")
			}
			if err := checkRow(row, seen); err != nil {
				return err
			}
		}
		return nil
	}
	count, characters := 0, 0
	var refused *apiError
	walk(list, func(c map[string]any) {
		count++
		kind := number(c, "type")
		var err *apiError
		switch {
		case kind == typeRow:
			err = checkRow(c, seen)
		case kind == typeText:
			n := utf8.RuneCountInString(text(c, "content"))
			characters += n
			if n < 1 {
				err = invalidForm("components.content", "BASE_TYPE_REQUIRED", "This field is required")
			}
		case kind == typeSection:
			if a, ok := c["accessory"].(map[string]any); !ok {
				err = invalidForm("components.accessory", "BASE_TYPE_REQUIRED", "This field is required")
			} else if number(a, "type") == typeButton {
				err = checkButton(a, seen)
			}
			if list, _ := c["components"].([]any); err == nil && (len(list) < 1 || len(list) > 3) {
				err = invalidForm("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 3 in length.")
			}
		case kind < typeRow || kind > typeContainer || kind == typeInput:
			err = invalidForm("components.type", "UNION_TYPE_CHOICES", "Component type %d cannot be used in a message.", kind)
		}
		if refused == nil {
			refused = err
		}
	})
	for _, c := range list {
		if k := number(c, "type"); k >= typeButton && k <= typeChannelSelect && refused == nil {
			refused = invalidForm("components.type", "UNION_TYPE_CHOICES", "Component type %d must stand in an action row.", k)
		}
	}
	switch {
	case refused != nil:
		return refused
	case count > maxV2:
		return invalidForm("components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", "The total number of components cannot exceed %d", maxV2)
	case characters > maxV2Text:
		return invalidForm("components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", "The total text cannot exceed %d characters", maxV2Text)
	}
	return nil
}

// checkRow allows up to five buttons or one select.
func checkRow(row map[string]any, seen ids) *apiError {
	list := children(row)
	if len(list) < 1 || len(list) > maxButtonsInRow {
		return invalidForm("components.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and %d in length.", maxButtonsInRow)
	}
	for _, c := range list {
		var err *apiError
		switch kind := number(c, "type"); {
		case kind == typeButton:
			err = checkButton(c, seen)
		case kind == typeSelect || kind >= typeUserSelect && kind <= typeChannelSelect:
			if len(list) > 1 {
				return invalidForm("components.components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "The specified component exceeds the maximum width")
			}
			err = checkSelect(c, seen)
		default:
			err = invalidForm("components.type", "UNION_TYPE_CHOICES", "Component type %d cannot be used in a message's action row.", kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// https://discord.com/developers/docs/components/reference#button
func checkButton(b map[string]any, seen ids) *apiError {
	label, emoji := text(b, "label"), b["emoji"]
	if utf8.RuneCountInString(label) > maxButtonLabel {
		return tooLong("components.label", maxButtonLabel)
	}
	style := number(b, "style")
	switch {
	case style < 1 || style > stylePremium:
		return invalidForm("components.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5, 6}.")
	case style == styleLink:
		if n := len(text(b, "url")); n < 1 || n > 512 || text(b, "custom_id") != "" {
			return invalidForm("components.url", "BASE_TYPE_BAD_LENGTH", "A link has a url of 1 to 512 characters and no custom id.")
		}
		if label == "" && emoji == nil {
			return invalidForm("components.label", "BUTTON_COMPONENT_INVALID", "A label or emoji is required")
		}
		return nil
	case style == stylePremium:
		return nil
	case label == "" && emoji == nil:
		return invalidForm("components.label", "BUTTON_COMPONENT_INVALID", "A label or emoji is required")
	case text(b, "url") != "":
		return invalidForm("components.url", "BUTTON_COMPONENT_INVALID", "A url is for links alone")
	}
	return seen.take(b)
}

// https://discord.com/developers/docs/components/reference#string-select
func checkSelect(c map[string]any, seen ids) *apiError {
	if err := seen.take(c); err != nil {
		return err
	}
	if utf8.RuneCountInString(text(c, "placeholder")) > maxPlaceholder {
		return tooLong("components.placeholder", maxPlaceholder)
	}
	least, most := 1, 1
	if _, ok := c["min_values"].(float64); ok {
		least = number(c, "min_values")
	}
	if _, ok := c["max_values"].(float64); ok {
		most = number(c, "max_values")
	}
	if least < 0 || least > maxOptions || most < 1 || most > maxOptions || least > most {
		return invalidForm("components.min_values", "BASE_TYPE_BAD_LENGTH", "min_values is 0 to 25, max_values 1 to 25 and not less.")
	}
	if number(c, "type") != typeSelect {
		return nil
	}
	options, _ := c["options"].([]any)
	if len(options) < 1 || len(options) > maxOptions {
		return invalidForm("components.options", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and %d in length.", maxOptions)
	}
	if most > len(options) {
		return invalidForm("components.max_values", "BASE_TYPE_BAD_LENGTH", "max_values is more than there are options.")
	}
	values, chosen := map[string]bool{}, 0
	for _, v := range options {
		o, _ := v.(map[string]any)
		for _, key := range []string{"label", "value", "description"} {
			n := utf8.RuneCountInString(text(o, key))
			if n > maxOptionText || n < 1 && key != "description" {
				return tooLong("components.options."+key, maxOptionText)
			}
		}
		if values[text(o, "value")] {
			return invalidForm("components.options.value", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The specified option value is already used")
		}
		values[text(o, "value")] = true
		if d, _ := o["default"].(bool); d {
			chosen++
		}
	}
	if chosen > most {
		return invalidForm("components.options", "SELECT_COMPONENT_TOO_MANY_DEFAULT_VALUES", "More defaults than max_values.")
	}
	return nil
}

// checkModal holds the limits of a modal: legacy rows with one text input each,
// labels with one component, and text displays.
// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-modal
func checkModal(data map[string]any) *apiError {
	if n := utf8.RuneCountInString(text(data, "title")); n < 1 || n > maxModalTitle {
		return tooLong("data.title", maxModalTitle)
	}
	if n := utf8.RuneCountInString(text(data, "custom_id")); n < 1 || n > maxCustomID {
		return tooLong("data.custom_id", maxCustomID)
	}
	list := children(data)
	if len(list) < 1 || len(list) > maxModalRows {
		return invalidForm("data.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and %d in length.", maxModalRows)
	}
	seen := ids{}
	for _, row := range list {
		inner := children(row)
		switch number(row, "type") {
		case typeText:
			continue
		case typeRow:
			if len(inner) != 1 || number(inner[0], "type") != typeInput {
				return invalidForm("data.components", "BASE_TYPE_BAD_LENGTH", "A row of a modal has one text input.")
			}
			if n := utf8.RuneCountInString(text(inner[0], "label")); n < 1 || n > maxInputLabel {
				return tooLong("data.components.label", maxInputLabel)
			}
		case typeLabel:
			if n := utf8.RuneCountInString(text(row, "label")); n < 1 || n > maxInputLabel {
				return tooLong("data.components.label", maxInputLabel)
			}
			if utf8.RuneCountInString(text(row, "description")) > maxLabelDescribe {
				return tooLong("data.components.description", maxLabelDescribe)
			}
			if len(inner) != 1 {
				return invalidForm("data.components.component", "BASE_TYPE_REQUIRED", "This field is required")
			}
			if text(inner[0], "label") != "" && number(inner[0], "type") == typeInput {
				return invalidForm("data.components.label", "COMPONENT_LABEL_INVALID", "The label belongs to the label component.")
			}
		default:
			return invalidForm("data.components.type", "UNION_TYPE_CHOICES", "Component type %d cannot be used in a modal.", number(row, "type"))
		}
		var err *apiError
		switch kind := number(inner[0], "type"); {
		case kind == typeInput:
			err = checkInput(inner[0], seen)
		case kind == typeSelect || kind >= typeUserSelect && kind <= typeChannelSelect:
			err = checkSelect(inner[0], seen)
		case kind == typeFileUpload || kind >= typeRadioGroup && kind <= typeCheckbox:
			err = seen.take(inner[0])
		default:
			err = invalidForm("data.components.type", "UNION_TYPE_CHOICES", "Component type %d cannot be used in a modal.", kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// https://discord.com/developers/docs/components/reference#text-input
func checkInput(c map[string]any, seen ids) *apiError {
	if err := seen.take(c); err != nil {
		return err
	}
	if style := number(c, "style"); style != 1 && style != 2 {
		return invalidForm("data.components.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2}.")
	}
	least, most := number(c, "min_length"), number(c, "max_length")
	if _, set := c["max_length"].(float64); !set {
		most = maxInput
	}
	if least < 0 || least > maxInput || most < 1 || most > maxInput || least > most {
		return invalidForm("data.components.max_length", "NUMBER_TYPE_MAX", "min_length is 0 to %d, max_length 1 to %d and not less.", maxInput, maxInput)
	}
	if utf8.RuneCountInString(text(c, "placeholder")) > 100 {
		return tooLong("data.components.placeholder", 100)
	}
	if n := utf8.RuneCountInString(text(c, "value")); n > most {
		return invalidForm("data.components.value", "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", most)
	}
	return nil
}
