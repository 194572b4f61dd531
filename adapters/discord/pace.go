package discord

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"procurabot/internal/ratelimit"
)

// Of the 50 requests that a bot may make in a second, here are never more than
// 40: the outbox then seldom meets the limit that would hold everything. What
// answers an interaction does not count.
// https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
const (
	paceEvery = time.Second / 35
	paceBurst = 5
)

// pace spreads requests, in the machine's own time: a limit of Discord's does not
// move with the clock of a test. What Discord asks to wait it waits by the
// adapter's clock, as the outbox does.
//
// The outbox holds what a rate limit is about by the gate of its message, but not
// what it has handed out already, what reaches the same channel by another gate,
// or what asks about messages. So a limit is remembered here too, and what would
// be too early is sent back at once.
type pace struct {
	limits *ratelimit.Memory // by route; "" holds all

	mu   sync.Mutex
	free time.Time // when all that was let through has been paid for
}

// held is a limit that a request would break, nil when there is none.
func (p *pace) held(route string) *failure {
	for _, name := range []string{"", route} {
		if left := p.limits.Left(name); left > 0 {
			return &failure{status: http.StatusTooManyRequests, message: "a limit was met before", after: left, global: name == ""}
		}
	}
	return nil
}

// heed remembers the limit that a request met, if that is why it failed.
func (p *pace) heed(route string, f *failure) {
	switch {
	case f.status != http.StatusTooManyRequests:
	case f.global:
		p.limits.Hold("", f.after)
	case f.html:
		p.limits.Hold("", max(f.after, banned))
	default:
		p.limits.Hold(route, f.after)
	}
}

// admit lets one request through, or gives a *failure. The first response to an
// interaction has three seconds, and goes at once; answers by its token are not
// spread, but wait as long as all must.
func (p *pace) admit(ctx context.Context, route, path string) error {
	switch {
	case strings.HasPrefix(path, "interactions/"):
		return nil
	case strings.HasPrefix(path, "webhooks/"):
		if f := p.held(route); f != nil {
			return f
		}
		return nil
	}
	return p.wait(ctx, route)
}

// wait gives a request its turn. A place that nobody used stays used: it was only
// a moment.
func (p *pace) wait(ctx context.Context, route string) error {
	if f := p.held(route); f != nil {
		return f
	}
	p.mu.Lock()
	now := time.Now()
	if p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(paceEvery)
	pause := p.free.Sub(now) - paceBurst*paceEvery
	p.mu.Unlock()
	if pause <= 0 {
		return nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		if f := p.held(route); f != nil {
			return f
		}
		return nil
	case <-ctx.Done():
		return &failure{message: ctx.Err().Error(), err: ctx.Err()}
	}
}
