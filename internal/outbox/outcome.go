package outbox

import (
	"errors"
	"strings"
	"time"
)

// row is what deciding needs to know of a claimed message.
type row struct {
	state    State // Sending or Asking
	attempts int   // with the one that is being settled
	asks     int   // questions without an answer, with this one
	unsure   bool
	expires  time.Time // zero is never
	unknown  Unknown
}

// limits are the tries after which the outbox gives up.
type limits struct{ attempts, asks int }

// change is what settling writes.
type change struct {
	state    State
	wait     time.Duration // until the next try, of open states
	attempts int
	asks     int
	unsure   bool
	receipt  string // of Sent
	reason   string // of Held, Dead and Expired
	gate     string // to hold for wait, "" for none
}

// decide says what follows from what a Sender returned. It is the whole policy of this package, and pure.
func decide(r row, receipt string, err error, now time.Time, jitter float64, most limits) change {
	c := change{attempts: r.attempts, asks: r.asks, unsure: r.unsure}
	if err == nil {
		c.state, c.receipt = Sent, receipt
		return c
	}
	if r.state == Asking {
		return decideAsked(c, r, err, now, jitter, most)
	}
	return decideSent(c, r, err, jitter, most)
}

func decideSent(c change, r row, err error, jitter float64, most limits) change {
	var retry *Retry
	var permanent *Permanent
	switch {
	case errors.As(err, &permanent):
		c.state, c.reason = Dead, reason(err)
	case errors.As(err, &retry) && retry.Gate != "":
		c.state, c.attempts = Pending, r.attempts-1
		c.gate, c.wait = retry.Gate, retry.After
		if c.wait <= 0 {
			c.wait = backoff(1, jitter)
		}
	case errors.As(err, &retry):
		if r.attempts >= most.attempts {
			c.state, c.reason = Dead, reason(err)
			break
		}
		c.state, c.wait = Pending, max(retry.After, backoff(r.attempts, jitter))
	default:
		// A receiver that took the message may need a moment until it can be asked about it.
		c.state, c.unsure, c.asks = UncertainSent, true, 0
		c.wait = backoff(r.attempts, jitter)
	}
	return c
}

func decideAsked(c change, r row, err error, now time.Time, jitter float64, most limits) change {
	retry := new(Retry) // stays so when err is something else
	absent, unknowable := errors.Is(err, ErrAbsent), errors.Is(err, ErrUnknowable)
	if !absent && !unknowable {
		held := errors.As(err, &retry) && retry.Gate != ""
		if held || r.asks < most.asks {
			c.state = UncertainSent
			if held {
				c.asks--
				c.gate, c.wait = retry.Gate, retry.After
				if c.wait <= 0 {
					c.wait = backoff(1, jitter)
				}
				return c
			}
			c.wait = max(retry.After, backoff(r.asks, jitter))
			return c
		}
		// An uncertain message blocks its lane: a receiver that never answers must not block it for ever.
	}
	c.asks = 0
	c.unsure = !absent
	switch {
	case !absent && r.unknown == Hold:
		c.state, c.reason = Held, reason(err)
	case !r.expires.IsZero() && !now.Before(r.expires):
		c.state, c.reason = Expired, "expired after an attempt: "+reason(err)
	case r.attempts >= most.attempts:
		c.state, c.reason = Dead, "attempts used up: "+reason(err)
	default:
		c.state = Pending
	}
	return c
}

// reason is an error as it is stored: never empty, never long.
func reason(err error) string {
	const most = 500
	s := err.Error()
	if s = strings.ToValidUTF8(s[:min(len(s), most)], ""); s == "" {
		return "no reason given"
	}
	return s
}
