package bot

import (
	"encoding/json"
	"fmt"
	"time"

	"procurabot/internal/markup"
)

// Outgoing is one message to be sent: one row of the outbox, one message of
// the platform, already in its reader's language.
type Outgoing struct {
	To   Target `json:"to"`
	Body Body   `json:"body"`
	Home []Body `json:"home,omitempty"` // the sections of a home page, instead of Body
}

// Target says where a message goes: with Reply set, privately to the person
// who acted; with Conversation set, there; with Home set, on Account's home
// page, in the place of what it showed; else to Account by direct message.
// Account is always set for a reply, for when the handle has expired.
type Target struct {
	Platform     Platform       `json:"platform"`
	Space        SpaceID        `json:"space,omitempty"`
	Conversation ConversationID `json:"conversation,omitempty"`
	Answering    MessageID      `json:"answering,omitempty"` // the message that this one answers in public
	Account      Account        `json:"account"`
	Reply        *ReplyHandle   `json:"reply,omitempty"`
	FollowUp     bool           `json:"follow_up,omitempty"` // not the first message through this handle
	Home         bool           `json:"home,omitempty"`
}

// Body is what a message says. Text and Note are marked text; labels are
// plain.
type Body struct {
	Text    markup.Text `json:"text"`
	Note    markup.Text `json:"note,omitempty"` // small print below: the source, "automatic answer"
	Buttons []Button    `json:"buttons,omitempty"`
}

// Button is something to press. ID and Value come back in [Pressed].
type Button struct {
	ID    string `json:"id"`
	Value string `json:"value,omitempty"`
	Label string `json:"label"`
	Style Style  `json:"style,omitempty"`
}

// Style is a button's weight. Meaning is never by colour alone: the label says it.
type Style string

// The styles that both platforms can show.
const (
	Plain   Style = ""
	Primary Style = "primary"
	Danger  Style = "danger"
)

// Limits is what a platform can carry. Lengths are in UTF-16 code units, the
// larger of what the platforms may count.
type Limits struct {
	Text        int                          // one message's text and note together
	Render      func(t markup.Text) string   // how the platform writes marks, to measure with
	Label       int                          // a button's label
	Buttons     int                          // in one message
	Title       int                          // a form's title
	FieldLabel  int                          // a field's label
	Hint        int                          // what stands in an empty field
	Field       int                          // what a person can type into one field
	FieldErrors bool                         // whether a refused field can be shown beside the field
	Mention     func(account Account) string // how a person is named so that it alerts them; nil: not at all
}

// Immediate is what the adapter shows at once, with its acknowledgement: at
// most one of its fields is set.
type Immediate struct {
	Form    *ShownForm        `json:"form,omitempty"`
	Errors  map[string]string `json:"errors,omitempty"`  // by field: why the form is not accepted
	Choices []Completion      `json:"choices,omitempty"` // for Completing
	Notice  markup.Text       `json:"notice,omitempty"`  // said privately though nothing could be stored
}

// Completion is one proposal while a command is typed.
type Completion struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// ShownForm is a form in its reader's language.
type ShownForm struct {
	Draft  string       `json:"draft"`
	Title  string       `json:"title"`
	Submit string       `json:"submit"`
	Cancel string       `json:"cancel"`
	Fields []ShownField `json:"fields"`
}

// ShownField is one field of a form in its reader's language.
type ShownField struct {
	Name     string    `json:"name"`
	Kind     FieldKind `json:"kind"`
	Label    string    `json:"label"`
	Hint     string    `json:"hint,omitempty"`
	Value    string    `json:"value,omitempty"`
	Required bool      `json:"required,omitempty"`
	Max      int       `json:"max,omitempty"`
}

func (o Outgoing) encode() ([]byte, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode outgoing: %w", err)
	}
	return b, nil
}

func decodeOutgoing(b []byte) (Outgoing, error) {
	var o Outgoing
	if err := json.Unmarshal(b, &o); err != nil {
		return Outgoing{}, fmt.Errorf("decode outgoing: %w", err)
	}
	return o, nil
}

// expired reports whether the handle can no longer be used at now.
func (h *ReplyHandle) expired(now time.Time) bool { return h == nil || !now.Before(h.Expires) }
