package bot

import (
	"context"
	"errors"
	"time"

	"procurabot/internal/outbox"
)

// Adapter is one platform. Package adaptertest holds the contract that every
// one of them passes.
//
// Send and Find may be called by several goroutines at once. They neither
// sleep nor try again: they say what became of the attempt, as
// [outbox.Retry], [outbox.Permanent] or [outbox.Uncertain].
type Adapter interface {
	Platform() Platform
	Limits() Limits
	// Run receives until ctx ends and hands each thing to the engine. It
	// acknowledges only what Receive returned without an error.
	Run(ctx context.Context, r Receiver) error
	// Gate names what the platform may ask to hold, as a path: a hold on
	// "slack/T1" holds "slack/T1/chat.postMessage" too.
	Gate(to Target) string
	Send(ctx context.Context, e Envelope) (MessageID, error)
	// Find asks the platform whether an attempt whose outcome is unknown has
	// arrived: its id, or [outbox.ErrAbsent], or [outbox.ErrUnknowable].
	Find(ctx context.Context, e Envelope) (MessageID, error)
}

// Receiver is the engine as an adapter sees it.
type Receiver interface {
	Receive(ctx context.Context, in Incoming) (Immediate, error)
	// Opens reports whether the thing will be answered by a form, or by
	// something else that must be shown at once: Discord must know before.
	Opens(in Incoming) bool
	// Commands lists all commands for registration with a platform.
	Commands() []CommandInfo
	// Text gives a message without placeholders, such as a command's
	// description, in plain words.
	Text(l Language, id string) string
}

// Envelope is one attempt to send an Outgoing.
type Envelope struct {
	Outgoing
	ID           string    // of the outbox row: at most 20 characters, fits Discord's nonce
	Unsure       bool      // an earlier attempt may have arrived
	FirstAttempt time.Time // zero on the first
	Replaces     MessageID // the message to edit; "" is a new one
}

// sender carries one platform's rows of the outbox.
type sender struct {
	adapter Adapter
	now     func() time.Time
}

func (s sender) Send(ctx context.Context, d outbox.Delivery) (string, error) {
	e, err := s.open(d)
	if err != nil {
		return "", err
	}
	id, err := s.adapter.Send(ctx, e)
	return string(id), err
}

func (s sender) Find(ctx context.Context, d outbox.Delivery) (string, error) {
	e, err := s.open(d)
	if err != nil {
		return "", err
	}
	id, err := s.adapter.Find(ctx, e)
	return string(id), err
}

// open decodes a row and takes away what has run out: an answer whose handle
// has expired goes by direct message, and the correction of a message that
// never arrived is a new message.
func (s sender) open(d outbox.Delivery) (Envelope, error) {
	o, err := decodeOutgoing(d.Payload)
	if err != nil {
		return Envelope{}, &outbox.Permanent{Err: err}
	}
	if o.To.Reply != nil && o.To.Reply.expired(s.now()) {
		o.To.Reply, o.To.FollowUp = nil, false
	}
	if o.To.Reply == nil && o.To.Conversation == "" && o.To.Account.User == "" {
		return Envelope{}, &outbox.Permanent{Err: errors.New("the message has no addressee left")}
	}
	return Envelope{
		Outgoing: o, ID: d.ID, Unsure: d.Unsure, FirstAttempt: d.FirstAttempt,
		Replaces: MessageID(d.ReplacesReceipt),
	}, nil
}
