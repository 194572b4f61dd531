package showcase

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"procurabot/adapters/discord/fakediscord"
)

// discordView draws what the fake Discord holds.
type discordView struct {
	stage    *fakediscord.Stage
	showcase *Showcase
}

func (v *discordView) id() string   { return "discord" }
func (v *discordView) name() string { return "Discord" }

// longest is of a message of somebody without a subscription:
// https://discord.com/developers/docs/resources/message#create-message
func (v *discordView) longest() int { return 2000 }

func (v *discordView) has(place string) bool {
	return place == "" || v.stage.Spot(place).Conversation != ""
}

// says is false for a command that is kept out of direct messages: the client
// does not offer it there.
func (v *discordView) says(person, place, text string) bool {
	return v.has(place) && (!strings.HasPrefix(text, "/") || v.stage.Offered(person, place, text))
}

func (v *discordView) say(ctx context.Context, person, place, text string) error {
	if strings.HasPrefix(text, "/") {
		return v.stage.Command(ctx, person, place, text)
	}
	return v.stage.Say(ctx, person, place, text)
}

func (v *discordView) user(person string) string { return string(v.stage.Account(person).User) }

func (v *discordView) channel(person, place string) string {
	if place == "" {
		return v.stage.DM(v.user(person))
	}
	return string(v.stage.Spot(place).Conversation)
}

func (v *discordView) messages(person, place string) []message {
	channel := v.channel(person, place)
	stored := v.stage.Messages(channel)
	for _, m := range v.stage.Ephemerals(v.user(person)) {
		if m.Channel == channel {
			stored = append(stored, m)
		}
	}
	// Ids grow with time, and so does their length.
	// https://discord.com/developers/docs/reference#snowflakes
	slices.SortStableFunc(stored, func(a, b fakediscord.Message) int {
		return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	var all []message
	for _, m := range stored {
		if m.Deleted {
			continue
		}
		x := message{
			id: m.ID, at: m.Created, only: m.Ephemeral(), edited: m.Edited, answers: m.Reference, thinking: m.Loading(),
			raw: m.Content,
		}
		if m.Author != v.stage.ApplicationID() {
			x.author = v.showcase.named(v.stage, m.Author)
		}
		if m.Content != "" {
			x.pieces = append(x.pieces, piece{Kind: "text", HTML: markdown{v.reader(person, m.Pings)}.html(m.Content)})
		}
		for _, c := range m.Components {
			x.pieces = append(x.pieces, row(c))
		}
		all = append(all, x)
	}
	return all
}

// row draws a row of buttons:
// https://discord.com/developers/docs/components/reference#action-row
func row(c map[string]any) piece {
	const actionRow, buttonType, primary, danger = 1.0, 2.0, 1.0, 4.0
	p := piece{Kind: "buttons"}
	if c["type"] != actionRow {
		p.Kind = "other"
	}
	for _, e := range list(c["components"]) {
		if e["type"] != buttonType {
			p.Kind = "other"
			continue
		}
		look := "plain"
		switch e["style"] {
		case primary:
			look = "primary"
		case danger:
			look = "danger"
		}
		p.Buttons = append(p.Buttons, button{str(e["custom_id"]), str(e["label"]), look})
	}
	return p
}

func (v *discordView) reader(person string, pings []string) reader {
	return reader{
		user: func(id string) string {
			if id == v.stage.ApplicationID() {
				return BotName
			}
			return v.showcase.named(v.stage, id)
		},
		channel: func(id string) string { return v.showcase.channelNamed(v.stage, id) },
		alive:   func(mention string) bool { return slices.Contains(pings, mention) },
		words:   v.showcase.in(person).Words,
		zone:    v.showcase.now().Location(),
	}
}

func (v *discordView) press(ctx context.Context, person, place, message, button string) error {
	if err := v.stage.WaitConnected(ctx); err != nil {
		return err
	}
	_, err := v.stage.Server.Press(ctx, v.user(person), v.channel(person, place), message, button)
	return err
}

func (v *discordView) form(person string) *form {
	m := v.stage.Modal(v.user(person))
	if m == nil {
		return nil
	}
	f := &form{id: m.CustomID, title: m.Title}
	for _, x := range m.Fields {
		f.fields = append(f.fields, field{
			Name: x.CustomID, Label: x.Label, Hint: x.Placeholder, Value: x.Value, Long: x.Long, Required: x.Required, Max: x.Max,
		})
	}
	return f
}

// submit sends the form. Discord has no words beside a field: the bot says
// afterwards what it does not take.
func (v *discordView) submit(ctx context.Context, person string, values map[string]string) (map[string]string, error) {
	_, err := v.stage.Server.Submit(ctx, v.user(person), values)
	return nil, err
}

func (v *discordView) dismiss(_ context.Context, person string) error {
	v.stage.Dismiss(v.user(person))
	return nil
}
