package bot

import (
	"context"
	"errors"
	"time"
)

// pollForeign is how often a write by another process is looked for: SQLite
// tells nobody, so the version of the data is asked.
const pollForeign = time.Second

// Run does what is due as it becomes due, until ctx ends; then it lets the
// sends under way finish.
func (e *Engine) Run(ctx context.Context) error {
	poll := time.NewTicker(pollForeign)
	defer poll.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return e.Drain()
		case <-timer.C:
		case <-e.outbox.Wake():
		case <-e.schedule.Wake():
		case <-poll.C:
			if changed, err := e.db.Foreign(ctx); err != nil || !changed {
				continue
			}
		}
		next, err := e.Step(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return e.Drain()
			}
			e.log.Error("doing what is due failed, trying again", "err", err)
			next = e.db.Now().Add(pollForeign)
		}
		if !next.IsZero() {
			timer.Reset(max(0, next.Sub(e.db.Now())))
		}
	}
}

// drainTime is how long a stop waits for sends under way. What is not done by
// then is found as uncertain at the next start.
const drainTime = 10 * time.Second

// Drain waits for the sends under way. Those that take too long are no error.
func (e *Engine) Drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	err := e.outbox.Drain(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		e.log.Warn("sends under way are not waited for any longer: the next start asks what became of them", "waited", drainTime)
		return nil
	}
	return err
}
