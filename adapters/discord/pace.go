package discord

import (
	"context"
	"sync"
	"time"
)

// Of the 50 requests that a bot may make in a second, here are never more than
// 40: the outbox then seldom meets the limit that would hold everything. What
// answers an interaction does not count.
// https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
const (
	paceEvery = time.Second / 35
	paceBurst = 5
)

// pace spreads requests. Its time is the machine's own: a limit of Discord's
// does not move with the clock of a test.
type pace struct {
	mu   sync.Mutex
	free time.Time // when all that was let through has been paid for
}

// wait lets one request through, or gives ctx's error when that ends first. A
// place that nobody used stays used: it was only a moment.
func (p *pace) wait(ctx context.Context) error {
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
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
