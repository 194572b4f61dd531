package database

import (
	"context"
	"errors"
	"fmt"
)

// Scrub rewrites the file, so that it and the write-ahead log hold what is stored and nothing else. secure_delete writes
// zeros over what is deleted, but when SQLite moves rows between pages it leaves copies in the gaps, and deleting the row
// does not reach those. https://www.sqlite.org/pragma.html#pragma_secure_delete
//
// Meanwhile nothing is written, and the file is needed once more as free space on the disk (in the log) and once more in
// memory. Views go on, but one that began earlier keeps the log from being emptied: after half a second Scrub gives up.
// It returns [ErrUnwritable] when the disk is full and [ErrClosed] after Close. After any error everything is stored as
// before, copies may be left, and a later Scrub removes them. When ctx ends, Scrub stops soon and returns its error.
func (db *DB) Scrub(ctx context.Context) error {
	err := db.writer.do(ctx, &job{alone: func(c *connection) error {
		// Unlike inside a transaction, an interrupt undoes the one statement and no more.
		_, err := c.sql.ExecContext(ctx, "VACUUM")
		// Even after a failure: a log that has filled the disk would stay as large as it is.
		if emptied := c.emptyLog(); err == nil {
			err = emptied
		}
		return err
	}})
	if err != nil {
		return fmt.Errorf("scrub database: %w", unwritable(err))
	}
	return nil
}

// emptyLog folds the write-ahead log into the file and cuts it to nothing. It waits for readers less long than SQLite
// would, because everybody who wants to write waits too.
func (c *connection) emptyLog() (err error) {
	if _, err := c.sql.ExecContext(background, "PRAGMA busy_timeout = 500"); err != nil {
		return err
	}
	defer func() {
		_, back := c.sql.ExecContext(background, fmt.Sprintf("PRAGMA busy_timeout = %d", busyTimeout))
		err = errors.Join(err, back)
	}()
	// A log that is in use is a column of the answer and no error. https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
	var busy, frames, folded int
	if err := c.sql.QueryRowContext(background, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &folded); err != nil {
		return fmt.Errorf("empty the write-ahead log: %w", err)
	}
	if busy != 0 {
		return errors.New("the write-ahead log cannot be emptied while somebody reads what was before")
	}
	return nil
}
