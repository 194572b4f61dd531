package slack

import "sync/atomic"

// Counts are what an adapter has met since it was made.
type Counts struct {
	Unreadable int64 // deliveries that could not be decoded, and were put aside
	Overflow   int64 // deliveries that were not taken, for Slack to deliver again
	Forged     int64 // requests without a good signature and timestamp
	Replayed   int64 // requests that came a second time
	TooLarge   int64 // requests of more than 1 MiB
}

type counts struct{ unreadable, overflow, forged, replayed, tooLarge atomic.Int64 }

// Counts may be called at any time.
func (a *Adapter) Counts() Counts {
	c := &a.counts
	return Counts{
		Unreadable: c.unreadable.Load(), Overflow: c.overflow.Load(), Forged: c.forged.Load(), Replayed: c.replayed.Load(),
		TooLarge: c.tooLarge.Load(),
	}
}
