package database

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Tx is what an operation reads and writes through. It belongs to the goroutine that runs the operation, and to nobody
// once the operation has ended.
type Tx struct {
	db     *DB
	on     queryer
	writer *writer         // nil in a View
	ctx    context.Context // of a View: looked at between statements; nil for the writer
	now    time.Time
	hooks  []func()
	rows   []*sql.Rows
	single []*sql.Row
	ended  bool
	failed error // the last error of a statement
}

// queryer is the common part of the writer's connection and a reader's transaction.
type queryer interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// Now returns the time of the operation: the same at every call, UTC, in whole milliseconds.
func (tx *Tx) Now() time.Time { return tx.now }

// NewID returns 20 characters of lower-case base32 (Crockford's alphabet): 48 bits of milliseconds since 1970 and 52 random
// ones. Ids of one process are strictly increasing, as text too, even when the clock goes back.
func (tx *Tx) NewID() string { return tx.db.NewID() }

// Exec runs a statement and returns how many rows it changed. Arguments are bound to "?" in order of appearance. Times go
// in as [Millis]; booleans become 0 and 1.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	if err := tx.ready(query, args); err != nil {
		return 0, err
	}
	result, err := tx.on.ExecContext(background, query, args...)
	if err != nil {
		tx.failed = err
		return 0, err
	}
	return result.RowsAffected()
}

// Query runs a statement that gives rows. They are closed with the operation, or with the Savepoint they were opened in,
// at the latest. A statement that changes rows and returns them has made all its changes when Query returns.
func (tx *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	if err := tx.ready(query, args); err != nil {
		return nil, err
	}
	rows, err := tx.on.QueryContext(background, query, args...)
	if err != nil {
		tx.failed = err
		return nil, err
	}
	tx.rows = append(tx.rows, rows)
	return rows, nil
}

// QueryRow runs a statement of which the first row is wanted; Scan gives sql.ErrNoRows when there is none, and
// context.Canceled when the statement was not run because the operation had ended or lost its transaction.
func (tx *Tx) QueryRow(query string, args ...any) *sql.Row {
	if err := tx.ready(query, args); err != nil {
		// A Row with an error can only be had from a call that fails before it reaches the database.
		ended, end := context.WithCancelCause(background)
		end(err)
		return tx.on.QueryRowContext(ended, query, args...)
	}
	row := tx.on.QueryRowContext(background, query, args...)
	if err := row.Err(); err != nil {
		tx.failed = err
	}
	tx.single = append(tx.single, row)
	return row
}

// Savepoint runs fn so that its changes can be taken back alone: when fn returns an error or panics, everything that it
// did through tx is undone, the hooks it left are dropped, and the error (a *PanicError for a panic) is returned. The
// operation goes on. Savepoints nest. In a View there is nothing to undo: fn just runs.
func (tx *Tx) Savepoint(fn func() error) error {
	if tx.writer == nil {
		return guard(fn)
	}
	w := tx.writer
	if err := tx.ready("", nil); err != nil {
		return err
	}
	if err := w.control(w.conn.savepoint); err != nil {
		tx.failed = err
		return fmt.Errorf("savepoint: %w", err)
	}
	hooks, rows, single := len(tx.hooks), len(tx.rows), len(tx.single)
	err := guard(fn)
	// An open statement would keep the savepoint from being released.
	tx.closeRows(rows, single)
	if !w.conn.inTransaction() {
		return tx.lost(err)
	}
	if err == nil {
		if err = w.control(w.conn.release); err == nil {
			return nil
		}
		tx.failed = err
		err = fmt.Errorf("release: %w", err)
	}
	tx.hooks = tx.hooks[:hooks]
	if undone := w.undo(); undone != nil {
		tx.failed = undone
		return fmt.Errorf("%w, and its work could not be taken back: %w", err, undone)
	}
	return err
}

// AfterCommit has fn run once after the commit that stores the operation, in the writer goroutine, before Update returns,
// in the order of the calls and of the operations. It does not run when the operation, or a Savepoint around the call, is
// rolled back, nor in a View. It must be short and must not wait for the writer. If it panics, Update panics in its
// caller's goroutine: the operation is stored by then.
func (tx *Tx) AfterCommit(fn func()) {
	if tx.writer != nil {
		tx.hooks = append(tx.hooks, fn)
	}
}

// Revision returns the token of the revision row. It differs from every earlier one after a Bump, also one by another
// process; a Bump that was rolled back leaves no token that could be taken for a later one.
func (tx *Tx) Revision() (string, error) {
	var token string
	if err := tx.QueryRow("SELECT token FROM database_revision").Scan(&token); err != nil {
		return "", fmt.Errorf("read the revision: %w", err)
	}
	return token, nil
}

// Bump changes the revision.
func (tx *Tx) Bump() error {
	if _, err := tx.Exec("UPDATE database_revision SET token = ?", tx.NewID()); err != nil {
		return fmt.Errorf("bump the revision: %w", err)
	}
	return nil
}

// ready says whether a statement may run. Once SQLite has ended the transaction, the next statement would be committed
// alone: so SQLite is asked before each.
func (tx *Tx) ready(query string, args []any) error {
	switch {
	case tx.ended:
		return errEnded
	case tx.writer == nil:
		return tx.ctx.Err()
	case !tx.writer.conn.inTransaction():
		return tx.lost(nil)
	}
	if trace := tx.writer.trace; trace != nil && query != "" {
		trace(query, args)
	}
	return nil
}

// lost is the error of an operation whose transaction is gone: with the statement's own, which is the cause, if one is known.
func (tx *Tx) lost(err error) error {
	if err == nil {
		err = tx.failed
	}
	if err == nil {
		return errLost
	}
	return unwritable(fmt.Errorf("%w: %w", errLost, err))
}

func (tx *Tx) end() {
	tx.closeRows(0, 0)
	tx.ended = true
}

// closeRows closes what was opened after the first few and may have been forgotten. Open rows would hold back a RELEASE,
// and their snapshot would outlive the transaction.
func (tx *Tx) closeRows(rows, single int) {
	for _, r := range tx.rows[rows:] {
		_ = r.Close()
	}
	for _, r := range tx.single[single:] {
		_ = r.Scan() // the only way to close a Row; one that was scanned is closed already
	}
	tx.rows, tx.single = tx.rows[:rows], tx.single[:single]
}
