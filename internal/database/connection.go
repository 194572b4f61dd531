package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// background is what the writer hands to the driver. A context that can end makes the driver start a goroutine a
// statement, and interrupting a statement silently ends the transaction around it, so that the next one commits alone.
// https://github.com/mattn/go-sqlite3/issues/769
var background = context.Background()

// cachedStatements bounds the prepared statements that the driver keeps on each connection, oldest use out first.
const cachedStatements = 256

// busyTimeout is how long a statement waits for a lock that another connection holds, in milliseconds.
const busyTimeout = 5000

// dataSource writes the driver's name of the file. The path is escaped as in a URI, since it may hold '?' or '%'.
func dataSource(path string, settings ...string) string {
	settings = append(settings, "_foreign_keys=on",
		"_busy_timeout="+strconv.Itoa(busyTimeout), "_stmt_cache_size="+strconv.Itoa(cachedStatements))
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + strings.Join(settings, "&")
}

// connection is the writer's connection. pool is only there because *sql.Conn needs one; driver is the same connection as
// sql, for what database/sql has no words for. All of it belongs to the writer goroutine.
type connection struct {
	pool   *sql.DB
	sql    *sql.Conn
	driver *sqlite3.SQLiteConn

	begin, savepoint, release, rollbackTo, rollback, commit *control
}

// control is a prepared statement of transaction control. The same savepoint name serves at every depth: SQLite means the
// innermost. https://www.sqlite.org/lang_savepoint.html
type control struct {
	query string
	stmt  *sqlite3.SQLiteStmt
}

func (c *control) run() error {
	_, err := c.stmt.ExecContext(background, nil)
	return err
}

func openWriter(ctx context.Context, path, synchronous string) (*connection, error) {
	switch synchronous {
	case "":
		synchronous = "FULL"
	case "OFF", "NORMAL", "FULL", "EXTRA":
	default:
		return nil, fmt.Errorf("synchronous must be OFF, NORMAL, FULL or EXTRA, not %q", synchronous)
	}
	pool, err := sql.Open("sqlite3", dataSource(path, "_txlock=immediate", "_journal_mode=WAL", "_synchronous="+synchronous,
		"_secure_delete=on"))
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	c := &connection{pool: pool}
	if c.sql, err = pool.Conn(ctx); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	// What a savepoint or a statement may have to take back is kept aside. In its file that takes a block of 64 KiB for each
	// statement, which the C library asks of the system and gives back each time: several times the cost of the statement.
	// https://www.sqlite.org/tempfiles.html#statement_journal_files
	if _, err := c.sql.ExecContext(ctx, "PRAGMA temp_store=MEMORY"); err != nil {
		return nil, errors.Join(err, c.close())
	}
	if err := c.sql.Raw(c.prepare); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *connection) prepare(raw any) error {
	c.driver = raw.(*sqlite3.SQLiteConn)
	for _, s := range []struct {
		into  **control
		query string
	}{
		{&c.begin, "BEGIN IMMEDIATE"}, {&c.savepoint, "SAVEPOINT operation"}, {&c.release, "RELEASE operation"},
		{&c.rollbackTo, "ROLLBACK TO operation"}, {&c.rollback, "ROLLBACK"}, {&c.commit, "COMMIT"},
	} {
		var stmt driver.Stmt
		stmt, err := c.driver.Prepare(s.query)
		if err != nil {
			return fmt.Errorf("prepare %s: %w", s.query, err)
		}
		*s.into = &control{s.query, stmt.(*sqlite3.SQLiteStmt)}
	}
	return nil
}

// inTransaction asks SQLite itself. Nothing else knows: a full disk, RAISE(ROLLBACK) or an interrupt ends the whole
// transaction from inside one statement. https://www.sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction
func (c *connection) inTransaction() bool { return !c.driver.AutoCommit() }

// finish folds the write-ahead log into the file and closes. A disk that cannot be written keeps neither statistics nor
// the folding from being done at the next opening: what is in the log is stored.
func (c *connection) finish() error {
	_, _ = c.sql.ExecContext(background, "PRAGMA optimize")
	_, err := c.sql.ExecContext(background, "PRAGMA wal_checkpoint(TRUNCATE)")
	if errors.Is(unwritable(err), ErrUnwritable) {
		err = nil
	}
	return errors.Join(err, c.close())
}

func (c *connection) close() error {
	for _, s := range []*control{c.begin, c.savepoint, c.release, c.rollbackTo, c.rollback, c.commit} {
		if s != nil {
			_ = s.stmt.Close()
		}
	}
	return errors.Join(c.sql.Close(), c.pool.Close())
}

// openReaders opens the read-only pool. Without _txlock: with it even a reading transaction would ask for the write lock.
func openReaders(ctx context.Context, path string, n int) (*sql.DB, error) {
	pool, err := sql.Open("sqlite3", dataSource(path, "mode=ro", "_query_only=on"))
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(n)
	pool.SetMaxIdleConns(n)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return pool, nil
}
