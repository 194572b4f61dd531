package schedule

import "time"

// Backoff is the default pause after the given failed try, counted from 1: a second, doubling up to a quarter of an hour.
func Backoff(try int) time.Duration {
	d := time.Second
	for ; try > 1 && d < 15*time.Minute; try-- {
		d *= 2
	}
	return min(d, 15*time.Minute)
}
