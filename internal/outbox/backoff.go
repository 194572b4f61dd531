package outbox

import "time"

const (
	backoffFirst = time.Second
	backoffMost  = 15 * time.Minute
)

// backoff is how long to wait after the given failed attempt, counted from 1: a second, doubling up to a quarter of an
// hour. Jitter, from 0 up to 1, takes up to half of it away, so that what failed together is not tried again together.
func backoff(attempt int, jitter float64) time.Duration {
	d := backoffFirst
	for ; attempt > 1 && d < backoffMost; attempt-- {
		d *= 2
	}
	d = min(d, backoffMost)
	return d - time.Duration(jitter*float64(d/2))
}
