package discord

import (
	"encoding/json"
	"fmt"
)

// Types of interaction.
// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object-interaction-type
const (
	pingInteraction         = 1
	commandInteraction      = 2
	componentInteraction    = 3
	autocompleteInteraction = 4
	modalInteraction        = 5
)

// interaction is what Discord sends of one, by the Gateway and by HTTP alike,
// as far as the bot reads it. It is decoded here and not by the library, which
// refuses a whole interaction for one component that it does not know
// (https://github.com/bwmarrin/discordgo/issues/1654).
// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object
type interaction struct {
	ID          string          `json:"id"`
	Application string          `json:"application_id"`
	Type        int             `json:"type"`
	Token       string          `json:"token"`
	Guild       string          `json:"guild_id"`
	Channel     string          `json:"channel_id"`
	Locale      string          `json:"locale"`
	GuildLocale string          `json:"guild_locale"`
	User        *person         `json:"user"`   // in direct messages
	Member      *member         `json:"member"` // in a guild
	Data        interactionData `json:"data"`
}

type member struct {
	Nick string  `json:"nick"`
	User *person `json:"user"`
}

type person struct {
	ID         string `json:"id"`
	Username   string `json:"username"`
	GlobalName string `json:"global_name"`
	Bot        bool   `json:"bot"`
}

// interactionData is the data of every type: of a command its name and options,
// of a button and a form the rest.
type interactionData struct {
	Name       string     `json:"name"`
	Options    []typed    `json:"options"`
	CustomID   string     `json:"custom_id"`
	Components []filledIn `json:"components"`
}

// typed is an option of a command as it was typed, or the next word of its path.
type typed struct {
	Name    string  `json:"name"`
	Type    int     `json:"type"`
	Value   any     `json:"value"`
	Focused bool    `json:"focused"`
	Options []typed `json:"options"`
}

func (t typed) text() string {
	if t.Value == nil {
		return ""
	}
	return fmt.Sprint(t.Value)
}

// filledIn is a component of a submitted form: a field, or what holds one.
type filledIn struct {
	CustomID   string     `json:"custom_id"`
	Value      any        `json:"value"`
	Components []filledIn `json:"components"` // of a row
	Component  *filledIn  `json:"component"`  // of a label
}

func decodeInteraction(raw []byte) (*interaction, error) {
	var i interaction
	if err := json.Unmarshal(raw, &i); err != nil {
		// The decoder's sentence may quote what was typed.
		return nil, fmt.Errorf("decode an interaction: %T", err)
	}
	return &i, nil
}

// fieldValues reads a submitted form by the names of its fields.
func fieldValues(components []filledIn) map[string]string {
	values := map[string]string{}
	var walk func(filledIn)
	walk = func(c filledIn) {
		if text, ok := c.Value.(string); ok && c.CustomID != "" {
			values[c.CustomID] = text
		}
		for _, inner := range c.Components {
			walk(inner)
		}
		if c.Component != nil {
			walk(*c.Component)
		}
	}
	for _, c := range components {
		walk(c)
	}
	return values
}
