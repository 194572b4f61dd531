package showcase

import (
	"context"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"procurabot/adapters/slack/fakeslack"
)

// slackView draws what the fake Slack holds.
type slackView struct {
	stage    *fakeslack.Stage
	showcase *Showcase
}

func (v *slackView) id() string   { return "slack" }
func (v *slackView) name() string { return "Slack" }

// longest is what Slack recommends for a message:
// https://docs.slack.dev/reference/methods/chat.postMessage#truncating-content
func (v *slackView) longest() int { return 4000 }

func (v *slackView) has(place string) bool {
	return place == "" || v.stage.Spot(place).Conversation != ""
}

func (v *slackView) says(_, place, _ string) bool { return v.has(place) }

func (v *slackView) say(ctx context.Context, person, place, text string) error {
	if strings.HasPrefix(text, "/") {
		return v.stage.Command(ctx, person, place, text)
	}
	return v.stage.Say(ctx, person, place, text)
}

func (v *slackView) user(person string) string { return string(v.stage.Account(person).User) }

func (v *slackView) channel(person, place string) string {
	if place == "" {
		return v.stage.DM(v.user(person))
	}
	return string(v.stage.Spot(place).Conversation)
}

func (v *slackView) messages(person, place string) []message {
	channel := v.channel(person, place)
	stored := append(v.stage.Messages(channel), v.stage.Ephemerals(v.user(person), channel)...)
	slices.SortStableFunc(stored, func(a, b fakeslack.Message) int { return slackTime(a.TS).Compare(slackTime(b.TS)) })
	r := v.reader(person)
	var all []message
	for _, m := range stored {
		if m.Deleted {
			continue
		}
		x := message{
			id: m.TS, at: slackTime(m.TS), only: m.EphemeralTo != "", thread: m.ThreadTS,
			// Slack marks an edit only where there are no blocks.
			edited: m.Edited && len(m.Blocks) == 0,
			raw:    m.Text,
		}
		if !m.FromBot() {
			x.author = v.showcase.named(v.stage, m.User)
		}
		for _, b := range m.Blocks {
			x.pieces = append(x.pieces, block(r, b))
		}
		if len(m.Blocks) == 0 {
			x.pieces = []piece{{Kind: "text", HTML: mrkdwn{r}.html(m.Text)}}
		}
		all = append(all, x)
	}
	return all
}

// slackTime is a message's time: seconds, a point, microseconds.
func slackTime(ts string) time.Time {
	seconds, micros, _ := strings.Cut(ts, ".")
	s, _ := strconv.ParseInt(seconds, 10, 64)
	us, _ := strconv.ParseInt(micros, 10, 64)
	return time.Unix(s, us*1000)
}

// block draws one: https://docs.slack.dev/reference/block-kit/blocks
func block(r reader, b fakeslack.Block) piece {
	switch b["type"] {
	case "section":
		return piece{Kind: "text", HTML: text(r, b["text"])}
	case "context":
		var all template.HTML
		for _, e := range list(b["elements"]) {
			all += text(r, e)
		}
		return piece{Kind: "context", HTML: all}
	case "actions":
		p := piece{Kind: "buttons"}
		for _, e := range list(b["elements"]) {
			p.Buttons = append(p.Buttons, button{str(e["action_id"]), str(object(e["text"])["text"]), style(str(e["style"]))})
		}
		return p
	}
	return piece{Kind: "other", HTML: template.HTML(template.HTMLEscapeString(str(b["type"])))}
}

// text draws a text object, which is an element of a context block too.
func text(r reader, x any) template.HTML {
	o := object(x)
	switch o["type"] {
	case "mrkdwn":
		return mrkdwn{r}.html(str(o["text"]))
	case "plain_text":
		return lines(str(o["text"]), func(line string) (string, string) { return "", escape(line) })
	}
	return ""
}

func (v *slackView) reader(person string) reader {
	return reader{
		user: func(id string) string {
			if id == v.stage.BotUser() {
				return BotName
			}
			return v.showcase.named(v.stage, id)
		},
		channel: func(id string) string { return v.showcase.channelNamed(v.stage, id) },
		words:   v.showcase.in(person).Words,
		zone:    v.showcase.now().Location(),
	}
}

func (v *slackView) press(ctx context.Context, person, place, message, button string) error {
	if err := v.stage.Ready(ctx); err != nil {
		return err
	}
	return v.stage.Server.Press(ctx, v.user(person), v.channel(person, place), message, button, "")
}

// form draws the modal on top: https://docs.slack.dev/reference/views/modal-views
func (v *slackView) form(person string) *form {
	view := v.stage.View(v.user(person))
	if view == nil {
		return nil
	}
	f := &form{id: view.ID + view.Hash, title: view.Title, submit: view.SubmitText, cancel: view.CloseText}
	for _, b := range view.Blocks {
		if b["type"] != "input" {
			continue
		}
		e := object(b["element"])
		optional, _ := b["optional"].(bool)
		long, _ := e["multiline"].(bool)
		most, _ := e["max_length"].(float64)
		f.fields = append(f.fields, field{
			Name: str(b["block_id"]), Label: str(object(b["label"])["text"]), Hint: str(object(e["placeholder"])["text"]),
			Value: str(e["initial_value"]), Long: long, Required: !optional, Max: int(most),
		})
	}
	return f
}

func (v *slackView) submit(ctx context.Context, person string, values map[string]string) (map[string]string, error) {
	result, err := v.stage.Server.Submit(ctx, v.user(person), values)
	return result.Errors, err
}

func (v *slackView) dismiss(ctx context.Context, person string) error {
	return v.stage.CloseView(ctx, v.user(person))
}

func style(s string) string {
	if s == "primary" || s == "danger" {
		return s
	}
	return "plain"
}

// str, object and list read JSON in which nothing is certain.
func str(v any) string { s, _ := v.(string); return s }

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }

func list(v any) []map[string]any {
	var all []map[string]any
	items, _ := v.([]any)
	for _, x := range items {
		all = append(all, object(x))
	}
	return all
}
