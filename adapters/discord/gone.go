package discord

import (
	"maps"
	"sync"
	"time"
)

// gone remembers the tokens of interactions whose first response came too late:
// Discord knows nothing of them any more, so that nothing is to be asked by them.
// After a restart it is empty; then Discord says so again.
type gone struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// mostGone bounds what is remembered; of more, Discord says so itself.
const mostGone = 1000

func (g *gone) add(token string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.DeleteFunc(g.until, func(_ string, until time.Time) bool { return !until.After(now) })
	if g.until == nil {
		g.until = map[string]time.Time{}
	}
	if len(g.until) < mostGone {
		g.until[token] = now.Add(tokenLife)
	}
}

func (g *gone) holds(token string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until[token].After(now)
}
