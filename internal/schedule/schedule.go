package schedule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"procurabot/internal/database"
)

// Options of [New]. The zero value of each field takes the default that is named.
type Options struct {
	// MaxTries is after how many failures work is marked failed, and an occurrence of a slot given up; 10.
	MaxTries int
	// Backoff is the pause after a failed try, counted from 1; [Backoff].
	Backoff func(try int) time.Duration
	// Log is told what operators should know; none.
	Log *slog.Logger
}

// Schedule does slots and work. Its methods may be called from any goroutine.
type Schedule struct {
	db    *database.DB
	slots []Slot
	kinds map[string]Do
	names []string // of kinds, in order
	o     Options
	wake  chan struct{}

	step   sync.Mutex // one Step at a time
	looked bool       // for kinds that nobody knows; guarded by step
}

// New returns a schedule over db, whose tables must be migrated ([Schema]). With no kinds at all it takes work of any kind
// and does none: for a process that writes beside the one that does the work.
func New(db *database.DB, slots []Slot, kinds map[string]Do, o Options) (*Schedule, error) {
	if o.MaxTries == 0 {
		o.MaxTries = 10
	}
	if o.MaxTries < 0 {
		return nil, errors.New("schedule: the limit of tries is negative")
	}
	if o.Backoff == nil {
		o.Backoff = Backoff
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	names := map[string]bool{}
	for _, s := range slots {
		if s.Name == "" || s.Next == nil || s.Run == nil {
			return nil, fmt.Errorf("schedule: slot %q lacks a name, a rule or something to run", s.Name)
		}
		if names[s.Name] {
			return nil, fmt.Errorf("schedule: two slots are named %q", s.Name)
		}
		names[s.Name] = true
	}
	for kind, do := range kinds {
		if kind == "" || do == nil {
			return nil, fmt.Errorf("schedule: kind %q lacks a name or something to do", kind)
		}
	}
	return &Schedule{
		db: db, slots: slices.Clone(slots), kinds: maps.Clone(kinds), names: slices.Sorted(maps.Keys(kinds)), o: o,
		wake: make(chan struct{}, 1),
	}, nil
}

// Later has work done when it is due, with the transaction of tx. added is false when the key is known already; nothing is
// changed then. A kind that the program does not know is an error.
func (s *Schedule) Later(tx *database.Tx, w Work) (added bool, err error) {
	if err := w.check(); err != nil {
		return false, fmt.Errorf("schedule work %q: %w", w.Key, err)
	}
	if len(s.kinds) > 0 && s.kinds[w.Kind] == nil {
		return false, fmt.Errorf("schedule work %q: nobody does kind %q", w.Key, w.Kind)
	}
	added, err = insertWork(tx, w)
	if err != nil {
		return false, fmt.Errorf("schedule work %q: %w", w.Key, err)
	}
	if added {
		tx.AfterCommit(s.nudge)
	}
	return added, nil
}

// Cancel forgets work that has not been done yet, and reports whether there was any. Its key may be used again.
func (s *Schedule) Cancel(tx *database.Tx, key string) (bool, error) {
	found, err := deleteWork(tx, key)
	if err != nil {
		return false, fmt.Errorf("cancel work %q: %w", key, err)
	}
	return found, nil
}

// forgetAtOnce bounds how long Forget keeps the writer.
const forgetAtOnce = 1000

// Forget deletes work that was done, or failed for good, before then, at most a thousand at a time; more is true when
// there may be others. Their keys are forgotten too.
func (s *Schedule) Forget(tx *database.Tx, before time.Time) (more bool, err error) {
	n, err := forgetWork(tx, before, forgetAtOnce)
	if err != nil {
		return false, fmt.Errorf("forget work: %w", err)
	}
	return n == forgetAtOnce, nil
}

// Faults returns what fails now, and what was given up.
func (s *Schedule) Faults(tx *database.Tx) ([]Fault, error) {
	all, err := faults(tx)
	if err != nil {
		return nil, fmt.Errorf("read faults: %w", err)
	}
	return all, nil
}

// Wake receives after a commit that brought work: time for a Step.
func (s *Schedule) Wake() <-chan struct{} { return s.wake }

func (s *Schedule) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Step does everything that is due, slots first and in their order, then work by due time and key, and returns when
// something becomes due next: zero when nothing will. An error means that the database could not be read or written; a
// later Step goes on.
func (s *Schedule) Step(ctx context.Context) (next time.Time, err error) {
	s.step.Lock()
	defer s.step.Unlock()
	if err := s.lookForStrangers(ctx); err != nil {
		return time.Time{}, fmt.Errorf("schedule: %w", err)
	}
	for {
		if err := ctx.Err(); err != nil {
			return time.Time{}, err
		}
		p, err := s.look(ctx)
		if err != nil {
			return time.Time{}, fmt.Errorf("schedule: look: %w", err)
		}
		if len(p.slots) == 0 && len(p.work) == 0 {
			return p.next, nil
		}
		for _, slot := range p.slots {
			if err := s.runSlot(ctx, slot); err != nil {
				return time.Time{}, fmt.Errorf("schedule: slot %s: %w", slot.Name, err)
			}
		}
		for _, w := range p.work {
			if err := s.do(ctx, w.key); err != nil {
				return time.Time{}, fmt.Errorf("schedule: work %q: %w", w.key, err)
			}
		}
	}
}

// plan is what a look at the tables finds to do. It may be stale when it is acted on: every change checks again.
type plan struct {
	slots []Slot
	work  []dueKey
	next  time.Time
}

func (p *plan) soonest(at time.Time) {
	if !at.IsZero() && (p.next.IsZero() || at.Before(p.next)) {
		p.next = at
	}
}

func (s *Schedule) look(ctx context.Context) (p plan, err error) {
	const atOnce = 64
	err = s.db.View(ctx, func(tx *database.Tx) error {
		for _, slot := range s.slots {
			m, found, err := readSlot(tx, slot.Name)
			if err != nil {
				return err
			}
			at := slot.next(m.done)
			switch {
			case !found || due(at, tx.Now()) && !m.retry.After(tx.Now()):
				p.slots = append(p.slots, slot)
			case due(at, tx.Now()):
				p.soonest(m.retry)
			default:
				p.soonest(at)
			}
		}
		for _, kind := range s.names {
			keys, err := dueKeys(tx, kind, atOnce)
			if err != nil {
				return err
			}
			p.work = append(p.work, keys...)
			at, err := nextWork(tx, kind)
			if err != nil {
				return err
			}
			p.soonest(at)
		}
		return nil
	})
	slices.SortFunc(p.work, func(a, b dueKey) int {
		return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.key, b.key))
	})
	p.work = p.work[:min(len(p.work), atOnce)]
	return p, err
}

// runSlot runs the latest missed occurrence and marks all up to it as done, in one commit. A failure is recorded in a
// commit of its own: the first has undone everything, also where the database ended its transaction.
func (s *Schedule) runSlot(ctx context.Context, slot Slot) error {
	var at time.Time
	var m mark
	fault := s.db.Update(ctx, func(tx *database.Tx) (err error) {
		var found bool
		if m, found, err = readSlot(tx, slot.Name); err != nil {
			return err
		}
		if !found {
			return addSlot(tx, slot.Name)
		}
		at = slot.latest(m.done, tx.Now())
		if at.IsZero() || m.retry.After(tx.Now()) {
			return nil
		}
		if err := slot.Run(tx, at); err != nil {
			return err
		}
		return passSlot(tx, slot.Name, at, "")
	})
	if fault == nil || !isFault(ctx, fault) {
		return fault
	}
	given := m.tries+1 >= s.o.MaxTries
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		if given {
			return passSlot(tx, slot.Name, at, reason(fault))
		}
		return delaySlot(tx, slot.Name, tx.Now().Add(s.o.Backoff(m.tries+1)), reason(fault))
	})
	if err == nil {
		s.o.Log.Error("a slot failed", "slot", slot.Name, "try", m.tries+1, "given up", given, "error", reason(fault))
	}
	return err
}

// do does one piece of work and marks it as done, in one commit.
func (s *Schedule) do(ctx context.Context, key string) error {
	var w Work
	var tries int
	fault := s.db.Update(ctx, func(tx *database.Tx) (err error) {
		var found bool
		w, tries, found, err = readWork(tx, key)
		if err != nil || !found {
			return err
		}
		if err := s.kinds[w.Kind](tx, w); err != nil {
			return err
		}
		return finishWork(tx, key)
	})
	if fault == nil || !isFault(ctx, fault) {
		return fault
	}
	failed := tries+1 >= s.o.MaxTries
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		if failed {
			return failWork(tx, key, reason(fault))
		}
		return delayWork(tx, key, tx.Now().Add(s.o.Backoff(tries+1)), reason(fault))
	})
	if err == nil {
		s.o.Log.Error("work failed", "key", key, "kind", w.Kind, "try", tries+1, "given up", failed, "error", reason(fault))
	}
	return err
}

// isFault tells the fault of one piece of work from a database, or a process, that cannot go on at all.
func isFault(ctx context.Context, err error) bool {
	return !errors.Is(err, database.ErrUnwritable) && !errors.Is(err, database.ErrClosed) && ctx.Err() == nil
}

// reason is an error as it is stored: never empty, never long, and without a panic's value, which may be anything.
func reason(err error) string {
	const most = 500
	var p *database.PanicError
	if errors.As(err, &p) {
		return fmt.Sprintf("panic with a %T", p.Value)
	}
	s := err.Error()
	if s = strings.ToValidUTF8(s[:min(len(s), most)], ""); s == "" {
		return "no reason given"
	}
	return s
}

// lookForStrangers says once which work waits for a kind that the program does not know.
func (s *Schedule) lookForStrangers(ctx context.Context) error {
	if s.looked || len(s.kinds) == 0 {
		return nil
	}
	var waiting map[string]int
	err := s.db.View(ctx, func(tx *database.Tx) (err error) {
		waiting, err = waitingKinds(tx)
		return err
	})
	if err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(waiting)) {
		if s.kinds[kind] == nil {
			s.o.Log.Warn("work waits for a kind that nobody does", "kind", kind, "work", waiting[kind])
		}
	}
	s.looked = true
	return nil
}
