// Package ratelimit remembers for how long a receiver asked to be left alone. It
// knows nothing of who that is.
//
// It is for what has been handed out already when a limit is met, and for what
// reaches the same limit by another way than a queue that holds it back.
package ratelimit

import (
	"maps"
	"sync"
	"time"
)

// Memory is what was asked, by the name of what it is about. Its methods may be
// called from any goroutine.
type Memory struct {
	now func() time.Time

	mu    sync.Mutex
	until map[string]time.Time
}

// New makes a Memory that measures by a clock.
func New(now func() time.Time) *Memory {
	return &Memory{now: now, until: map[string]time.Time{}}
}

// Hold notes that name is to be left alone from now on. Of two holds the one that
// ends later counts.
func (m *Memory) Hold(name string, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	maps.DeleteFunc(m.until, func(_ string, until time.Time) bool { return !until.After(now) })
	if until := now.Add(wait); until.After(m.until[name]) {
		m.until[name] = until
	}
}

// Left is for how long name is still to be left alone; zero or less is no more.
func (m *Memory) Left(name string) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.until[name].Sub(m.now())
}
