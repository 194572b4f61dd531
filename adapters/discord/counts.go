package discord

import "sync/atomic"

// counts are what an adapter has met since it was made.
type counts struct{ reconnects, unreadable, overflow, forged, replayed, tooLarge atomic.Int64 }

// Counts says how often an adapter has met what operators watch, since it was
// made. It may be called at any time.
//
//	reconnected  connections to the Gateway after the first
//	unreadable   messages and interactions that could not be decoded
//	overflow     interactions by HTTP that were not taken: there was no room, or nothing ran
//	forged       requests without a good signature and timestamp
//	replayed     requests that came a second time
//	too_large    requests of more than 1 MiB
func (a *Adapter) Counts() map[string]int64 {
	c := &a.counts
	return map[string]int64{
		"reconnected": c.reconnects.Load(), "unreadable": c.unreadable.Load(), "overflow": c.overflow.Load(),
		"forged": c.forged.Load(), "replayed": c.replayed.Load(), "too_large": c.tooLarge.Load(),
	}
}
