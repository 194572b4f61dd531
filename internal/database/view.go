package database

import (
	"context"
	"fmt"
)

// View runs fn on a read-only connection of the pool. All its reads see the database as it was at the first of them,
// whatever is written meanwhile; writing fails. ctx ends the waiting for a connection and keeps further statements from
// starting. View returns fn's own error; a [*PanicError] when fn panicked. A View inside a View needs a second connection:
// with all of them taken that way, all would wait for ever.
func (db *DB) View(ctx context.Context, fn func(*Tx) error) error {
	if db.writer.isClosed() {
		return ErrClosed
	}
	conn, err := db.readers.Conn(ctx)
	if err != nil {
		return fmt.Errorf("view: %w", err)
	}
	defer conn.Close()
	on, err := conn.BeginTx(background, nil)
	if err != nil {
		return fmt.Errorf("view: %w", err)
	}
	tx := &Tx{db: db, on: on, ctx: ctx, now: db.Now()}
	defer func() {
		tx.end()
		_ = on.Rollback() // nothing was written
	}()
	return guard(func() error { return fn(tx) })
}
