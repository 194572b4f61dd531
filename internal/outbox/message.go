package outbox

import (
	"errors"
	"time"
)

// Class is the order in which lanes compete for workers.
type Class int

const (
	Interactive Class = iota + 1 // somebody waits for the answer
	Personal                     // for one person, who is not waiting
	Broadcast                    // for many
)

// Unknown says what to do with a message when nobody can say whether it arrived.
type Unknown int

const (
	Resend Unknown = iota // better twice than never
	Hold                  // better never than twice: a person decides
)

// State is where a message is in its life; the package comment draws it.
type State string

const (
	Pending       State = "pending"
	Sending       State = "sending"
	UncertainSent State = "uncertain"
	Asking        State = "asking"
	Sent          State = "sent"
	Held          State = "held"
	Dead          State = "dead"
	Expired       State = "expired"
)

// Open reports whether the message still holds its place in the lane.
func (s State) Open() bool {
	return s == Pending || s == Sending || s == UncertainSent || s == Asking
}

// Message is what [Outbox.Put] takes.
type Message struct {
	Key      string    // putting the same key twice is once, until the message is forgotten
	Route    string    // name of the Sender that carries it
	Lane     string    // keeps its order
	Gate     string    // path that the receiver may ask to hold, "" for none
	Class    Class     // must be given
	Payload  []byte    // what only the Sender understands
	Batch    string    // groups messages, "" for none
	Replaces string    // id of an earlier message that this one edits; it joins that message's lane
	Due      time.Time // not before; zero is now
	Expires  time.Time // not at or after; zero is never
	Unknown  Unknown
}

func (m Message) check() error {
	switch {
	case m.Key == "":
		return errors.New("message without a key")
	case m.Route == "":
		return errors.New("message without a route")
	case m.Lane == "":
		return errors.New("message without a lane")
	case m.Class < Interactive || m.Class > Broadcast:
		return errors.New("message without a class")
	case m.Unknown != Resend && m.Unknown != Hold:
		return errors.New("message with an unknown policy for an unknown outcome")
	}
	return nil
}

// Delivery is one attempt at a message, or one question about earlier attempts.
type Delivery struct {
	ID, Key, Route, Lane, Gate string

	Class        Class
	Payload      []byte
	Attempt      int       // 1 for the first; of a question, the attempts made so far
	FirstAttempt time.Time // when the first attempt began
	Unsure       bool      // an earlier attempt may have arrived

	Replaces        string // id of the message that this one edits
	ReplacesReceipt string // its receipt; "" when it was never sent, or was forgotten: the Sender decides
}

// Status is what is known of one message.
type Status struct {
	ID, Key, Lane string

	State    State
	Attempts int
	Receipt  string    // set by the Sender once sent
	Reason   string    // of held, dead and expired
	Ended    time.Time // zero while open
}

// Count says how many messages are in a state.
type Count struct {
	Messages int
	// Oldest is, of open messages, when the one that waits longest could first have been sent (in the future for one
	// not due yet); of ended ones, when the first of them ended.
	Oldest time.Time
}
