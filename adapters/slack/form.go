package slack

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	slackgo "github.com/slack-go/slack"

	"procurabot/bot"
	"procurabot/internal/markup"
)

// typedID is the action id of every field; its block is named as the field.
const typedID = "typed"

// origin is what a modal carries unseen: a submission brings no response URL of
// its own, so that the one of the gesture that opened the modal is kept.
type origin struct {
	Draft   string `json:"draft"`
	Reply   string `json:"reply,omitempty"`
	Expires int64  `json:"expires,omitempty"` // of the reply, in milliseconds
	Channel string `json:"channel,omitempty"`
}

func originOf(in bot.Incoming, draft string) origin {
	o := origin{Draft: draft, Channel: string(in.In.Conversation)}
	if in.Reply != nil {
		o.Reply, o.Expires = in.Reply.Token, in.Reply.Expires.UnixMilli()
	}
	return o
}

func readOrigin(metadata string) (origin, bool) {
	var o origin
	err := json.Unmarshal([]byte(metadata), &o)
	return o, err == nil && o.Draft != ""
}

// reply is never nil: what a modal was filled in with is answered privately,
// once the response URL has expired by direct message.
func (o origin) reply() *bot.ReplyHandle {
	return &bot.ReplyHandle{Token: o.Reply, Expires: time.UnixMilli(o.Expires).UTC()}
}

// modal draws a form (https://docs.slack.dev/reference/views/modal-views).
func modal(f bot.ShownForm, from origin) (slackgo.ModalViewRequest, error) {
	metadata, err := json.Marshal(from)
	if err != nil {
		return slackgo.ModalViewRequest{}, fmt.Errorf("draw form: %w", err)
	}
	view := slackgo.ModalViewRequest{
		Type: slackgo.VTModal, Title: plain(f.Title), Submit: plain(f.Submit), Close: plain(f.Cancel), PrivateMetadata: string(metadata),
	}
	for _, field := range f.Fields {
		view.Blocks.BlockSet = append(view.Blocks.BlockSet, input(field))
	}
	return view, nil
}

func input(f bot.ShownField) *slackgo.InputBlock {
	element := slackgo.NewPlainTextInputBlockElement(nil, typedID)
	element.Multiline = f.Kind == bot.Paragraph
	element.InitialValue = markup.Cut(f.Value, maxField, "")
	// A view whose value is longer than its bound is refused as a whole.
	if utf8.RuneCountInString(element.InitialValue) <= f.Max {
		element.MaxLength = f.Max
	}
	if f.Hint != "" {
		element.Placeholder = plain(f.Hint)
	}
	block := slackgo.NewInputBlock(f.Name, plain(f.Label), nil, element)
	block.Optional = !f.Required
	return block
}

// typed is what stands in the fields; an empty one comes as null.
func typed(state *slackgo.ViewState) map[string]string {
	values := map[string]string{}
	if state == nil {
		return values
	}
	for field, actions := range state.Values {
		values[field] = actions[typedID].Value
	}
	return values
}

// firstField is where something is said that is about the whole modal.
func firstField(v slackgo.View) string {
	for _, b := range v.Blocks.BlockSet {
		if block, ok := b.(*slackgo.InputBlock); ok {
			return block.BlockID
		}
	}
	return ""
}

// plain is a text without marks. Emoji codes stay as they are typed.
func plain(text string) *slackgo.TextBlockObject {
	return slackgo.NewTextBlockObject(slackgo.PlainTextType, text, false, false)
}
