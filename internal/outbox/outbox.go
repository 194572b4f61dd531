package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"procurabot/internal/database"
)

// Options of [New]. The zero value of each field takes the default that is named.
type Options struct {
	// Workers is how many sends may be in flight. With 0, Step itself sends, one message after the other in an order that
	// the tables alone decide.
	Workers int
	// Reserved is how many of the workers carry nothing but Interactive messages.
	Reserved int
	// Owner names this process in its claims, for whoever looks at the table.
	Owner string
	// Sole says that no other process sends from this database. What is claimed when the first Step runs was then cut off
	// by the end of an earlier process, and need not wait for its lease to end.
	Sole bool
	// Timeout is how long one call of a Sender may take; 30 s. It must be shorter than the lease.
	Timeout time.Duration
	// Lease is how long a claim lasts; 2 min.
	Lease time.Duration
	// MaxAttempts is after how many attempts a message is dead; 100, which with the backoff is about a day.
	MaxAttempts int
	// MaxAsks is after how many questions without an answer an outcome counts as unknowable; 8, some four minutes.
	MaxAsks int
	// Jitter gives numbers from 0 up to 1, as math/rand/v2.Float64 does; none.
	Jitter func() float64
	// Observe is told what came of each attempt once it is written, and returns at once; nobody.
	Observe func(Observation)
	// Log is told what operators should know; none.
	Log *slog.Logger
}

// Observation is what came of one attempt, or of one question about earlier ones: for figures.
type Observation struct {
	Route string
	Class Class
	Asked bool          // a question, not a send
	State State         // of the message after it; Pending is to be tried again
	Took  time.Duration // by the Sender
}

// Outbox is the sending side and the putting side. Its methods may be called from any goroutine.
type Outbox struct {
	db      *database.DB
	senders map[string]Sender
	routes  []string // the keys of senders, in order
	o       Options
	wake    chan struct{}

	life   context.Context // of sends by workers: Step's own may end long before them
	cancel context.CancelFunc

	step      sync.Mutex // one Step at a time
	recovered bool       // guarded by step

	mu        sync.Mutex
	draining  bool
	flights   sync.WaitGroup   // workers that are sending; added to under step and mu
	flying    map[ticket]Class // what this process has claimed and not settled
	unsettled []outcome        // what could not be written
}

// outcome is what a Sender said about a claim.
type outcome struct {
	claimed
	receipt string
	err     error
	jitter  float64
	took    time.Duration
}

// New returns an outbox over db, whose tables must be migrated ([Schema]). senders are by route. With no senders at all an
// outbox only puts, of any route: for a process that writes beside the one that sends.
func New(db *database.DB, senders map[string]Sender, o Options) (*Outbox, error) {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Lease == 0 {
		o.Lease = 2 * time.Minute
	}
	if o.MaxAttempts == 0 {
		o.MaxAttempts = 100
	}
	if o.MaxAsks == 0 {
		o.MaxAsks = 8
	}
	if o.Jitter == nil {
		o.Jitter = func() float64 { return 0 }
	}
	if o.Observe == nil {
		o.Observe = func(Observation) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.Timeout < 0 || o.Lease <= o.Timeout:
		return nil, fmt.Errorf("outbox: a lease of %s must be longer than the time a send may take, %s", o.Lease, o.Timeout)
	case o.Workers < 0 || o.Reserved < 0 || o.Workers > 0 && o.Reserved >= o.Workers:
		return nil, fmt.Errorf("outbox: %d of %d workers reserved leaves none for the rest", o.Reserved, o.Workers)
	case o.MaxAttempts < 0 || o.MaxAsks < 0:
		return nil, errors.New("outbox: a limit of tries is negative")
	}
	life, cancel := context.WithCancel(context.Background())
	return &Outbox{
		db: db, senders: senders, routes: slices.Sorted(maps.Keys(senders)), o: o,
		wake: make(chan struct{}, 1), life: life, cancel: cancel, flying: map[ticket]Class{},
	}, nil
}

// Put stores the message with the transaction of tx, and returns its id. A key that was put before gives the id of that
// message and added == false; nothing is changed then. A message that replaces another joins its lane; when the other has
// been forgotten, it keeps the lane it was given. Due is rounded up to a millisecond, Expires down.
func (o *Outbox) Put(tx *database.Tx, m Message) (id string, added bool, err error) {
	if m.Replaces != "" {
		lane, found, err := laneOf(tx, m.Replaces)
		if err != nil {
			return "", false, fmt.Errorf("put message %q: %w", m.Key, err)
		}
		if found {
			m.Lane = lane
		}
	}
	if err := m.check(); err != nil {
		return "", false, fmt.Errorf("put message %q: %w", m.Key, err)
	}
	if len(o.senders) > 0 && o.senders[m.Route] == nil {
		return "", false, fmt.Errorf("put message %q: nobody carries route %q", m.Key, m.Route)
	}
	id = tx.NewID()
	added, err = insert(tx, id, m)
	if err == nil && !added {
		id, err = idOf(tx, m.Key)
	}
	if err != nil {
		return "", false, fmt.Errorf("put message %q: %w", m.Key, err)
	}
	if added {
		tx.AfterCommit(o.nudge)
	}
	return id, added, nil
}

// Status returns what is known of a message, such as the receipt that an edit needs; false when there is no such message,
// or not any more.
func (o *Outbox) Status(tx *database.Tx, id string) (Status, bool, error) {
	s, found, err := status(tx, "id", id)
	if err != nil {
		return Status{}, false, fmt.Errorf("status of message %s: %w", id, err)
	}
	return s, found, nil
}

// StatusOf is Status by key.
func (o *Outbox) StatusOf(tx *database.Tx, key string) (Status, bool, error) {
	s, found, err := status(tx, "key", key)
	if err != nil {
		return Status{}, false, fmt.Errorf("status of message %q: %w", key, err)
	}
	return s, found, nil
}

// Counts says how many messages are in each state; states without any are absent. It reads the whole table: for a View.
func (o *Outbox) Counts(tx *database.Tx) (map[State]Count, error) {
	all, err := counts(tx)
	if err != nil {
		return nil, fmt.Errorf("count messages: %w", err)
	}
	return all, nil
}

// HoldOpen ends every message that has not been sent as held, with the reason, for a person to decide: for a database whose
// open messages may long have arrived, because it is an older copy that was brought back. Each is marked as one that may
// have arrived, and keeps its payload; n says how many they are. No process may be sending from this database.
func HoldOpen(tx *database.Tx, reason string) (n int64, err error) {
	if reason == "" {
		return 0, errors.New("hold messages: no reason is given")
	}
	if n, err = holdOpen(tx, reason); err != nil {
		return 0, fmt.Errorf("hold messages: %w", err)
	}
	return n, nil
}

// CountOpen says how many messages have not been sent and still would be.
func CountOpen(tx *database.Tx) (int64, error) {
	n, err := countOpen(tx)
	if err != nil {
		return 0, fmt.Errorf("count open messages: %w", err)
	}
	return n, nil
}

// forgetAtOnce bounds how long Forget keeps the writer.
const forgetAtOnce = 1000

// Forget deletes messages that ended before then, at most a thousand at a time; more is true when there may be others.
// Their keys are forgotten too: putting one again sends again.
func (o *Outbox) Forget(tx *database.Tx, before time.Time) (more bool, err error) {
	n, err := forget(tx, before, forgetAtOnce)
	if err != nil {
		return false, fmt.Errorf("forget messages: %w", err)
	}
	return n == forgetAtOnce, nil
}

// Wake receives after a commit put something and after a send was settled: time for a Step.
func (o *Outbox) Wake() <-chan struct{} { return o.wake }

func (o *Outbox) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Step does what is due, and returns when something becomes due next: zero when nothing will by time alone. With workers
// it hands out as many messages as there are free ones, and never waits for a send; without, it returns when all that is
// due has been sent and settled. An error means that the database could not be read or written; a later Step goes on.
func (o *Outbox) Step(ctx context.Context) (next time.Time, err error) {
	o.step.Lock()
	defer o.step.Unlock()
	if len(o.routes) == 0 {
		return time.Time{}, nil
	}
	if err := o.recover(ctx); err != nil {
		return time.Time{}, fmt.Errorf("outbox: recover: %w", err)
	}
	for {
		if err := o.settleAgain(); err != nil {
			return time.Time{}, fmt.Errorf("outbox: settle: %w", err)
		}
		if o.isDraining() {
			return time.Time{}, nil
		}
		if err := ctx.Err(); err != nil {
			return time.Time{}, err
		}
		p, err := o.look(ctx)
		if err != nil {
			return time.Time{}, fmt.Errorf("outbox: look: %w", err)
		}
		if len(p.ready) == 0 && len(p.lapsed) == 0 && !p.expired {
			return p.next, nil
		}
		mine, err := o.claim(ctx, p)
		if err != nil {
			return time.Time{}, fmt.Errorf("outbox: claim: %w", err)
		}
		for _, c := range mine {
			o.dispatch(ctx, c)
		}
	}
}

// recover runs once, before anything is claimed.
func (o *Outbox) recover(ctx context.Context) error {
	if o.recovered {
		return nil
	}
	if o.o.Sole {
		var n int64
		err := o.db.Update(ctx, func(tx *database.Tx) (err error) {
			n, err = releaseAll(tx)
			return err
		})
		if err != nil {
			return err
		}
		if n > 0 {
			o.o.Log.Warn("sends were cut off by the end of an earlier process", "messages", n)
		}
	}
	var unknown map[string]int
	err := o.db.View(ctx, func(tx *database.Tx) (err error) {
		unknown, err = strangers(tx, o.routes)
		return err
	})
	if err != nil {
		return err
	}
	for _, route := range slices.Sorted(maps.Keys(unknown)) {
		o.o.Log.Warn("messages wait for a route that nobody carries", "route", route, "messages", unknown[route])
	}
	o.recovered = true
	return nil
}

func (o *Outbox) look(ctx context.Context) (p plan, err error) {
	free := o.free()
	err = o.db.View(ctx, func(tx *database.Tx) error {
		p, err = look(tx, o.routes, free)
		return err
	})
	if err != nil {
		return plan{}, err
	}
	most := free[Interactive]
	p.ready = p.ready[:min(len(p.ready), most)]
	o.mu.Lock()
	defer o.mu.Unlock()
	// A send of our own that outlives its lease, because the machine slept or the clock jumped, still ends within its
	// timeout and reports: asking about it while it is under way could be answered "absent", and make a second copy.
	p.lapsed = slices.DeleteFunc(p.lapsed, func(t ticket) bool { _, ours := o.flying[t]; return ours })
	return p, nil
}

// free is how many messages of each class may be claimed now.
func (o *Outbox) free() (free [Broadcast + 1]int) {
	if o.o.Workers == 0 {
		// One, so that a gate which the first closes is closed for the second.
		return [...]int{0, 1, 1, 1}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	slow := 0
	for _, class := range o.flying {
		if class != Interactive {
			slow++
		}
	}
	all := o.o.Workers - len(o.flying)
	rest := min(all, o.o.Workers-o.o.Reserved-slow)
	return [...]int{0, max(all, 0), max(rest, 0), max(rest, 0)}
}

// claim does what was planned, as far as it still holds, and returns what is ours to deliver. It is committed by then: the
// attempt is on record before it is made.
func (o *Outbox) claim(ctx context.Context, p plan) (mine []claimed, err error) {
	owner := o.o.Owner + "/" + o.db.NewID()
	err = o.db.Update(ctx, func(tx *database.Tx) error {
		mine = mine[:0]
		if p.expired {
			if err := expire(tx); err != nil {
				return err
			}
		}
		for _, t := range p.lapsed {
			if err := release(tx, t); err != nil {
				return err
			}
		}
		for _, id := range p.ready {
			c, ok, err := claim(tx, id, owner, tx.Now().Add(o.o.Lease))
			if err != nil {
				return err
			}
			if ok {
				mine = append(mine, c)
			}
		}
		return nil
	})
	return mine, err
}

func (o *Outbox) dispatch(ctx context.Context, c claimed) {
	o.mu.Lock()
	o.flying[c.ticket()] = c.Class
	o.mu.Unlock()
	if o.o.Workers == 0 {
		o.conclude(o.deliver(ctx, c))
		return
	}
	o.flights.Go(func() {
		o.conclude(o.deliver(o.life, c))
	})
}

// deliver calls the Sender.
func (o *Outbox) deliver(ctx context.Context, c claimed) (out outcome) {
	ctx, cancel := context.WithTimeout(ctx, o.o.Timeout)
	defer cancel()
	out.claimed = c
	began := time.Now()
	defer func() {
		out.took = time.Since(began)
		if v := recover(); v != nil {
			// The value may hold what people wrote.
			out.receipt, out.err = "", &Uncertain{fmt.Errorf("the sender of %s panicked: %T", c.Route, v)}
		}
	}()
	if c.state == Asking {
		out.receipt, out.err = o.senders[c.Route].Find(ctx, c.Delivery)
	} else {
		out.receipt, out.err = o.senders[c.Route].Send(ctx, c.Delivery)
	}
	return out
}

// conclude settles an outcome, or keeps it for a later Step. The message counts as in flight until it is settled.
func (o *Outbox) conclude(out outcome) {
	o.mu.Lock()
	out.jitter = o.o.Jitter()
	o.mu.Unlock()
	if err := o.settle(out); err != nil {
		o.o.Log.Error("the outcome of a send could not be written, and is kept for later", "id", out.ID, "error", err)
		o.mu.Lock()
		o.unsettled = append(o.unsettled, out)
		o.mu.Unlock()
	}
}

// settle writes what came of a claim. It does not listen to a context: what is known must be written.
func (o *Outbox) settle(out outcome) error {
	var ours bool
	var to change
	err := o.db.Update(context.Background(), func(tx *database.Tx) (err error) {
		now := tx.Now()
		to = decide(out.row, out.receipt, out.err, now, out.jitter, limits{o.o.MaxAttempts, o.o.MaxAsks})
		if to.gate != "" {
			// The receiver's wish holds, whoever hears it, and to its end: now is cut to
			// whole milliseconds.
			if err := hold(tx, to.gate, now.Add(to.wait+time.Millisecond)); err != nil {
				return err
			}
		}
		ours, err = write(tx, out.claimed, to)
		return err
	})
	if err != nil {
		return err
	}
	o.mu.Lock()
	delete(o.flying, out.ticket())
	o.mu.Unlock()
	o.report(out, to, ours)
	o.o.Observe(Observation{out.Route, out.Class, out.state == Asking, to.state, out.took})
	o.nudge()
	return nil
}

func (o *Outbox) report(out outcome, to change, ours bool) {
	at := []any{"id", out.ID, "route", out.Route, "attempt", out.attempts}
	switch {
	case !ours:
		o.o.Log.Warn("a send ended after its claim had been taken back", at...)
	case to.state == Dead || to.state == Held:
		o.o.Log.Error("a message will not be sent", append(at, "state", to.state, "reason", to.reason)...)
	case to.gate != "":
		o.o.Log.Info("a gate is held", append(at, "gate", to.gate, "for", to.wait)...)
	case out.err != nil:
		o.o.Log.Info("a message waits", append(at, "state", to.state, "for", to.wait, "error", out.err)...)
	}
}

// settleAgain writes the outcomes that could not be written.
func (o *Outbox) settleAgain() error {
	o.mu.Lock()
	waiting := o.unsettled
	o.unsettled = nil
	o.mu.Unlock()
	for i, out := range waiting {
		if err := o.settle(out); err != nil {
			o.mu.Lock()
			o.unsettled = append(o.unsettled, waiting[i:]...)
			o.mu.Unlock()
			return err
		}
	}
	return nil
}

func (o *Outbox) isDraining() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.draining
}

// Drain ends the sending side: nothing more is claimed, what is in flight is waited for and settled. When ctx ends first,
// the sends are told to stop and ctx's error is returned; what they do not report any more is asked about by the next
// process. Put goes on working.
func (o *Outbox) Drain(ctx context.Context) error {
	o.mu.Lock()
	o.draining = true
	o.mu.Unlock()
	done := make(chan error, 1)
	go func() {
		o.step.Lock() // a Step that has claimed must have handed out
		defer o.step.Unlock()
		o.flights.Wait()
		done <- o.settleAgain()
	}()
	select {
	case err := <-done:
		o.cancel()
		if err != nil {
			return fmt.Errorf("drain outbox: %w", err)
		}
		return nil
	case <-ctx.Done():
		o.cancel()
		return fmt.Errorf("drain outbox: %w", ctx.Err())
	}
}
