package bottest

import (
	"sync"
	"time"
)

// Clock is time that moves when it is told to.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts a clock.
func NewClock(at time.Time) *Clock { return &Clock{now: at.UTC()} }

// Now is what is handed to whatever asks for the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set moves the clock, forward only: time that was seen does not come again.
func (c *Clock) Set(to time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if to.After(c.now) {
		c.now = to.UTC()
	}
}
