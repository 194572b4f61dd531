package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Sender carries deliveries to one kind of receiver. It is called from several goroutines, never sleeps and never
// retries: it says what happened, and the outbox decides. Errors must not hold what people wrote: they are stored and logged.
type Sender interface {
	// Send tries once and returns what is needed to edit the message later, possibly "". An error is a [Retry], a
	// [Permanent] or an [Uncertain]; every other error, and a panic, counts as Uncertain.
	Send(ctx context.Context, d Delivery) (receipt string, err error)
	// Find asks the receiver whether an uncertain attempt arrived. It returns the receipt, or [ErrAbsent], or
	// [ErrUnknowable], or a [Retry] to be asked again; every other error counts as a Retry.
	Find(ctx context.Context, d Delivery) (receipt string, err error)
}

var (
	// ErrAbsent says that no attempt arrived, and that none can still arrive.
	ErrAbsent = errors.New("did not arrive")
	// ErrUnknowable says that the receiver has no way to tell.
	ErrUnknowable = errors.New("cannot be known")
)

// Retry says that nothing was sent and that trying again makes sense.
type Retry struct {
	// After is how long to wait at least; zero leaves it to the outbox.
	After time.Duration
	// Gate, when given, is held for that long, with everything below it; the attempt is then not counted.
	Gate string
	Err  error
}

// Permanent says that nothing was sent and that nothing ever will be.
type Permanent struct{ Err error }

// Uncertain says that the message may have arrived.
type Uncertain struct{ Err error }

func (e *Retry) Error() string {
	if e.Gate != "" {
		return fmt.Sprintf("retry, %s held for %s: %v", e.Gate, e.After, e.Err)
	}
	return fmt.Sprintf("retry: %v", e.Err)
}
func (e *Permanent) Error() string { return fmt.Sprintf("permanent: %v", e.Err) }
func (e *Uncertain) Error() string { return fmt.Sprintf("uncertain: %v", e.Err) }

func (e *Retry) Unwrap() error     { return e.Err }
func (e *Permanent) Unwrap() error { return e.Err }
func (e *Uncertain) Unwrap() error { return e.Err }
