package bottest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"time"

	"procurabot/bot"
)

// Delivery is how badly the platforms deliver: each thing one to four times,
// some of the repetitions only after later things. The same seed gives the
// same misfortune.
type Delivery struct {
	Random *rand.Rand
}

// hearing stands between the adapters and the engine: it counts what was
// heard, so that a script can wait for it, and repeats it.
type hearing struct {
	engine   bot.Receiver
	delivery *Delivery

	mu      sync.Mutex
	heard   int
	changed chan struct{}
	repeat  int
	late    []late // repetitions that come after something later
	err     error
	now     func() time.Time
}

// late is something that will be repeated, and when it was first heard.
type late struct {
	in bot.Incoming
	at time.Time
}

// latest is how long after it was first heard something may be repeated. Slack
// gives up after about five minutes, Discord with its session; the engine
// remembers for a week.
const latest = 24 * time.Hour

func newHearing(e bot.Receiver, d *Delivery, now func() time.Time) *hearing {
	return &hearing{engine: e, delivery: d, now: now, changed: make(chan struct{}), repeat: 1}
}

func (h *hearing) times(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.repeat = n
}

func (h *hearing) Opens(in bot.Incoming) bool  { return h.engine.Opens(in) }
func (h *hearing) Commands() []bot.CommandInfo { return h.engine.Commands() }

func (h *hearing) Text(l bot.Language, id string) string { return h.engine.Text(l, id) }

func (h *hearing) Receive(ctx context.Context, in bot.Incoming) (bot.Immediate, error) {
	if _, ok := in.What.(bot.Completing); ok {
		return h.engine.Receive(ctx, in)
	}
	h.mu.Lock()
	again, before := h.repeat-1, []bot.Incoming(nil)
	if h.delivery != nil {
		again = h.delivery.Random.IntN(4)
		h.late = slices.DeleteFunc(h.late, func(l late) bool { return h.now().Sub(l.at) > latest })
		for _, old := range h.late {
			if h.delivery.Random.IntN(2) == 0 {
				before = append(before, old.in)
			}
		}
	}
	h.mu.Unlock()
	for _, old := range before {
		if _, err := h.engine.Receive(ctx, old); err != nil {
			return bot.Immediate{}, err
		}
	}
	shown, err := h.engine.Receive(ctx, in)
	for range again {
		if err != nil {
			break
		}
		if h.delivery != nil && h.delivery.Random.IntN(2) == 0 {
			h.mu.Lock()
			h.late = append(h.late, late{in, h.now()})
			h.mu.Unlock()
			continue
		}
		var second bot.Immediate
		if second, err = h.engine.Receive(ctx, in); err == nil && !reflect.DeepEqual(second, shown) {
			err = fmt.Errorf("a second delivery was shown %+v, the first %+v", second, shown)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard++
	if err != nil && shown.Notice == "" {
		h.err = errors.Join(h.err, err)
	}
	close(h.changed)
	h.changed = make(chan struct{})
	return shown, err
}

func (h *hearing) mark() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.heard
}

// wait returns when something was heard since the mark.
func (h *hearing) wait(ctx context.Context, mark int) error {
	for {
		h.mu.Lock()
		heard, changed, err := h.heard, h.changed, h.err
		h.mu.Unlock()
		if err != nil {
			return err
		}
		if heard > mark {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("the bot heard nothing: %w", ctx.Err())
		}
	}
}
