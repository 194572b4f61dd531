package discord

import "sync/atomic"

// Counts are what an adapter has met since it was made.
type Counts struct {
	Reconnects int64 // connections to the Gateway after the first
	Unreadable int64 // messages and interactions that could not be decoded
	Overflow   int64 // interactions by HTTP that were not taken: there was no room, or nothing ran
	Forged     int64 // requests without a good signature and timestamp
	Replayed   int64 // requests that came a second time
	TooLarge   int64 // requests of more than 1 MiB
}

type counts struct{ reconnects, unreadable, overflow, forged, replayed, tooLarge atomic.Int64 }

// Counts may be called at any time.
func (a *Adapter) Counts() Counts {
	c := &a.counts
	return Counts{
		Reconnects: c.reconnects.Load(), Unreadable: c.unreadable.Load(), Overflow: c.overflow.Load(), Forged: c.forged.Load(),
		Replayed: c.replayed.Load(), TooLarge: c.tooLarge.Load(),
	}
}
