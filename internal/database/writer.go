package database

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// groupLimit is how many operations one commit takes at most.
const groupLimit = 256

// A job is what the writer is asked to do: an operation, which shares a commit with others, or something that needs the
// connection alone, outside any transaction.
type job struct {
	operation func(*Tx) error
	alone     func(*connection) error

	state     atomic.Int32  // queued, then either begun (by the writer) or abandoned (by its caller)
	done      chan struct{} // closed by the writer
	err       error         // written before done is closed
	decided   bool          // err is the truth: what follows cannot change it
	hooks     []func()      // of the last run
	hookPanic *PanicError
}

const (
	queued int32 = iota
	begun
	abandoned
)

// writer owns the connection that writes.
type writer struct {
	db    *DB
	conn  *connection
	trace func(string, []any)
	queue chan *job
	ended chan struct{}

	sending sync.RWMutex // held for reading while putting into the queue, for writing while closing it
	closed  bool

	running []*job // those begun and not yet told; belongs to the writer goroutine
}

func startWriter(db *DB, conn *connection, trace func(string, []any)) *writer {
	w := &writer{db: db, conn: conn, trace: trace, queue: make(chan *job, 4*groupLimit), ended: make(chan struct{})}
	go w.loop()
	return w
}

// do queues the job and waits for it.
func (w *writer) do(ctx context.Context, j *job) error {
	j.done = make(chan struct{})
	if err := w.send(ctx, j); err != nil {
		return err
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.state.CompareAndSwap(queued, abandoned) {
			return ctx.Err()
		}
		<-j.done
	}
	if j.hookPanic != nil {
		// The operation is stored, so it is no error; but a hook's panic must not vanish, nor end the writer.
		panic(j.hookPanic)
	}
	return j.err
}

func (w *writer) send(ctx context.Context, j *job) error {
	w.sending.RLock()
	defer w.sending.RUnlock()
	if w.closed {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case w.queue <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *writer) isClosed() bool {
	w.sending.RLock()
	defer w.sending.RUnlock()
	return w.closed
}

// stop refuses further jobs and returns when those queued are done.
func (w *writer) stop() {
	w.sending.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.sending.Unlock()
	<-w.ended
}

// loop is the writer goroutine.
func (w *writer) loop() {
	finished := false
	defer func() {
		if finished {
			close(w.ended)
			return
		}
		// An operation called runtime.Goexit, as a test's FailNow does. Its goroutine is lost, the writer must not be.
		w.abort()
		for _, j := range w.running {
			if !j.decided {
				j.err = errExited
			}
		}
		w.tell()
		go w.loop()
	}()
	for first := range w.queue {
		group, alone := w.gather(first)
		if len(group) > 0 {
			w.running = group
			w.commit(group)
			w.tell()
		}
		if alone != nil {
			w.running = []*job{alone}
			alone.err = alone.alone(w.conn)
			w.tell()
		}
	}
	finished = true
}

// gather takes what waits, up to a group's limit or the first job that wants the connection alone.
func (w *writer) gather(first *job) (group []*job, alone *job) {
	j, open := first, true
	for {
		if j.state.CompareAndSwap(queued, begun) {
			if j.alone != nil {
				return group, j
			}
			group = append(group, j)
		}
		if len(group) == groupLimit {
			return group, nil
		}
		select {
		case j, open = <-w.queue:
			if !open {
				return group, nil
			}
		default:
			return group, nil
		}
	}
}

// tell runs what was to follow the commit and lets the callers go.
func (w *writer) tell() {
	for _, j := range w.running {
		j.decided = true
	}
	for len(w.running) > 0 {
		j := w.running[0]
		w.running = w.running[1:]
		j.finish()
	}
}

func (j *job) finish() {
	defer close(j.done)
	if j.err != nil {
		return
	}
	for _, hook := range j.hooks {
		if p := guard(func() error { hook(); return nil }); p != nil {
			errors.As(p, &j.hookPanic)
		}
	}
}

// commit stores the group and leaves each member's outcome in its err.
func (w *writer) commit(group []*job) {
	if w.attempt(group) {
		return
	}
	// Something ended the transaction under the group: the members before it are lost, those after it never ran. Each gets
	// a transaction of its own, so that only the one to blame fails.
	for _, j := range group {
		alone := []*job{j}
		if !w.attempt(alone) && j.err == nil {
			j.err = errLost
		}
	}
}

// attempt tries to store the group in one transaction. False means that nothing is stored and that the members deserve
// another try one by one.
func (w *writer) attempt(group []*job) bool {
	for _, j := range group {
		j.err, j.hooks = nil, nil
	}
	if w.conn.inTransaction() {
		w.abort() // an earlier ROLLBACK failed
	}
	if err := w.control(w.conn.begin); err != nil {
		fail(group, fmt.Errorf("begin: %w", err))
		return true
	}
	for _, j := range group {
		if !w.member(j) {
			w.abort()
			return false
		}
	}
	err := w.control(w.conn.commit)
	if err == nil {
		return true
	}
	w.abort()
	err = unwritable(fmt.Errorf("commit: %w", err))
	if len(group) > 1 && !errors.Is(err, ErrUnwritable) {
		return false // a deferred constraint, say: one member's fault, not everybody's
	}
	fail(group, err)
	return true
}

// member runs one operation inside its savepoint. False means that the transaction of the group cannot be relied on any
// more; err then says why, as far as it is this member's doing.
func (w *writer) member(j *job) bool {
	if err := w.control(w.conn.savepoint); err != nil {
		j.err = unwritable(fmt.Errorf("savepoint: %w", err))
		return false
	}
	tx := &Tx{db: w.db, on: w.conn.sql, writer: w, now: w.db.Now()}
	defer tx.end() // also when the operation ends its goroutine
	err := guard(func() error { return j.operation(tx) })
	tx.end()
	if !w.conn.inTransaction() {
		j.err = tx.lost(err)
		return false
	}
	if err != nil {
		j.err = unwritable(err)
		return w.undo() == nil
	}
	if err := w.control(w.conn.release); err != nil {
		j.err = unwritable(fmt.Errorf("release: %w", err))
		return false
	}
	j.hooks = tx.hooks
	return true
}

// undo takes back the innermost savepoint.
func (w *writer) undo() error {
	if err := w.control(w.conn.rollbackTo); err != nil {
		return fmt.Errorf("rollback to: %w", err)
	}
	if err := w.control(w.conn.release); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if !w.conn.inTransaction() {
		return errLost
	}
	return nil
}

// abort ends a transaction if there still is one. An error is of no use here: the next BEGIN looks again.
func (w *writer) abort() {
	if w.conn.inTransaction() {
		_ = w.control(w.conn.rollback)
	}
}

func (w *writer) control(c *control) error {
	if w.trace != nil {
		w.trace(c.query, nil)
	}
	return c.run()
}

// fail tells every member that nothing was stored.
func fail(group []*job, err error) {
	for _, j := range group {
		j.err, j.hooks = unwritable(err), nil
	}
}

// guard calls fn and turns a panic into a *PanicError.
func guard(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if p, ok := v.(*PanicError); ok {
				err = p
				return
			}
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return fn()
}
