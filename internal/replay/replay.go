// Package replay knows signed requests that came before. It knows nothing of who
// signed them.
package replay

import (
	"crypto/sha256"
	"sync"
	"time"
)

// Digest stands for the signed bytes of one request.
type Digest = [sha256.Size]byte

// Cache remembers requests for at least a window, which is as long as one of them
// can be fresh. Only what was verified should be asked about, so that nobody else
// can fill it. Its methods may be called from any goroutine.
type Cache struct {
	window time.Duration

	mu            sync.Mutex
	recent, older map[Digest]struct{}
	turned        time.Time // when recent was begun
}

// New makes a Cache with a window.
func New(window time.Duration) *Cache { return &Cache{window: window} }

// Admit reports whether the request is the first of its kind.
func (c *Cache) Admit(d Digest, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.turned) > c.window {
		// Whatever is in older was admitted at least that long ago.
		c.recent, c.older, c.turned = map[Digest]struct{}{}, c.recent, now
	}
	if _, seen := c.recent[d]; seen {
		return false
	}
	if _, seen := c.older[d]; seen {
		return false
	}
	c.recent[d] = struct{}{}
	return true
}

// Forget lets a request come again.
func (c *Cache) Forget(d Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.recent, d)
	delete(c.older, d)
}
