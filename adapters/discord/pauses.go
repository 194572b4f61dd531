package discord

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Pauses between attempts to connect. A session may begin every five seconds,
// and a thousand times a day; resuming one costs nothing.
// https://discord.com/developers/docs/events/gateway#rate-limiting
// https://discord.com/developers/docs/events/gateway#identifying
const (
	firstPause = time.Second
	freshPause = 5 * time.Second
	lastPause  = 2 * time.Minute
	steady     = time.Minute // a session that lasted so long was a good one
)

// pauses counts what went wrong in a row, and says how long to wait for it. The
// loss of a good connection is no failure: it is tried again almost at once.
type pauses struct {
	failed int       // attempts that came to no session
	lost   int       // sessions that were lost soon after they had begun
	begun  time.Time // the last session
}

// next is the pause after an attempt.
func (p *pauses) next(c course) time.Duration {
	if !c.connected {
		least := firstPause
		if c.reached {
			least = freshPause // it may have been a session that was to begin
		}
		p.failed++
		return doubled(least, p.failed-1)
	}
	p.failed = 0
	// Not all at the same moment, where it is Discord that restarts.
	pause := firstPause/10 + rand.N(firstPause)
	switch {
	case time.Since(c.began) > steady:
		p.lost = 0
	case c.fresh:
		if p.lost++; p.lost > 1 {
			pause = doubled(freshPause, p.lost-2)
		}
	}
	if c.fresh {
		p.begun = c.began
	}
	// Where a session cannot be resumed, the library begins another at once, and
	// again for as long as that is too soon.
	return max(pause, freshPause-time.Since(p.begun))
}

// doubled is d, twice that, and so on, up to lastPause.
func doubled(d time.Duration, times int) time.Duration {
	return min(d<<min(times, 16), lastPause)
}

// patience is how long Discord asks to be left alone by a refusal; zero where it
// asks for nothing.
func patience(err error) time.Duration {
	var f *failure
	switch {
	case !errors.As(err, &f):
		return 0
	case f.html && (f.status == http.StatusTooManyRequests || f.status == http.StatusForbidden):
		return max(f.after, banned)
	case f.status == http.StatusTooManyRequests:
		return max(f.after, freshPause)
	}
	return 0
}

// plainly is an error for whoever reads the log.
func plainly(err error) string {
	wait := patience(err)
	seconds := int((wait + time.Second - 1) / time.Second)
	var f *failure
	switch {
	case wait == 0 || !errors.As(err, &f):
		return cause(err).Error()
	case f.html:
		return fmt.Sprintf("Discord, or what stands before it, refuses this address for %d s", seconds)
	}
	return fmt.Sprintf("Discord asks to be left alone for %d s (%v)", seconds, f)
}

// absence is the time between the loss of a connection and the next one.
type absence struct {
	mu    sync.Mutex
	since time.Time // zero while there is a connection, and before the first
}

func (x *absence) begins(log *slog.Logger, why string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.since = time.Now()
	log.Warn("the connection to Discord was lost, connecting again", "why", why)
}

func (x *absence) ends(log *slog.Logger) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.since.IsZero() {
		return
	}
	log.Info("connected to Discord again", "away", time.Since(x.since).Round(100*time.Millisecond))
	x.since = time.Time{}
}
