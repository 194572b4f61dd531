// Package database keeps everything the program knows in one SQLite file.
//
// # Vocabulary
//
//   - An operation is a function that reads and writes through a [Tx]. [DB.Update] runs it, [DB.View] runs one that only
//     reads.
//   - The writer is the one goroutine, with the one connection, that runs operations. SQLite has one write lock for the
//     whole file: a pool of writers only adds waiting without order, so nobody else in this process may write.
//   - A group is what the writer commits at once: up to 256 operations that were waiting, each inside a savepoint of its
//     own. One fsync then serves them all. Each caller waits for the commit of its group.
//   - The readers are a pool of read-only connections. A View sees one snapshot and never waits for the writer.
//   - A component is whoever owns tables (a feature, the outbox, this package). It brings its migrations, which
//     [DB.Migrate] applies in order.
//   - The revision is one row that is bumped when something changes that programs keep in memory.
//
// # Life
//
//	lock, err := database.Lock(path)            // for the one process that serves
//	db, err := database.Open(ctx, path, database.Options{})
//	err = db.Migrate(ctx, "events", schema)
//	err = db.Update(ctx, func(tx *database.Tx) error { ... })
//	err = db.Scrub(ctx)                         // now and then, and before Close where the file must not tell more
//	err = db.Close()
//
//	contents, err := database.Copy(ctx, path, to, known)      // also beside a program that runs
//	err = database.Keep(ctx, path, kept)                      // before another file takes its place; with the lock
//	err = database.Replace(path, with)
//
// # What is guaranteed
//
//   - Update returns nil only after a COMMIT that holds the operation, and an error only when nothing of it is stored.
//     With synchronous=FULL, the default, what is stored outlives a power cut.
//   - An operation that fails or panics takes nothing of its neighbours along.
//   - An operation may run more than once, when something ends the transaction of its group. Only the last run counts,
//     so it must touch nothing but its Tx; what memory needs to learn goes into [Tx.AfterCommit].
//   - A full disk makes operations fail with [ErrUnwritable]; writing goes on by itself when there is space.
//   - What is deleted is written over with zeros. Copies of it may be left elsewhere in the file and in the write-ahead log,
//     until [DB.Scrub], which leaves nothing there but what is stored.
//
// An operation must not call Update, Migrate, Foreign or Scrub itself: it would wait for the writer, which waits for it.
package database

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// ownSchema holds the tables of this package.
//
//go:embed schema
var ownSchema embed.FS

// Options of Open. The zero value is what a real program wants.
type Options struct {
	// Now is the only clock that is asked; nil means time.Now.
	Now func() time.Time
	// Random gives the random part of an id, of which 52 bits are used; nil means a cryptographic source.
	Random func() uint64
	// Synchronous is SQLite's pragma of that name; empty means FULL. OFF loses what was acknowledged when the power goes
	// and is for simulations alone.
	Synchronous string
	// Readers is the size of the read-only pool; 0 means 4.
	Readers int
	// Trace is told each statement of the writer before it runs, BEGIN, SAVEPOINT, RELEASE, ROLLBACK and COMMIT too, in
	// the writer goroutine. Nil means no trace. It must not keep args.
	Trace func(query string, args []any)
}

// DB is an open database. All its methods may be called from any goroutine.
type DB struct {
	path    string
	now     func() time.Time
	ids     *idSource
	writer  *writer
	readers *sql.DB

	closing   sync.Once
	closeErr  error
	foreignAt int64 // the data_version last seen; belongs to the writer goroutine

	followers struct {
		sync.Mutex
		all []func(context.Context)
	}
}

// Open opens the database file at path, creates it when there is none, and brings the tables of this package up to date.
// The folder must exist and be writable, because SQLite keeps two more files beside its own. An error says in one sentence
// what is wrong with the file or the folder. ctx bounds the opening alone.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = cryptoRandom
	}
	if o.Readers <= 0 {
		o.Readers = 4
	}
	db := &DB{path: absolute, now: o.Now}
	db.ids = &idSource{now: db.Now, random: o.Random}

	conn, err := openWriter(ctx, absolute, o.Synchronous)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", absolute, explain(absolute, err))
	}
	db.writer = startWriter(db, conn, o.Trace)
	// Only now: a read-only connection cannot create the file nor turn WAL on.
	// https://github.com/mattn/go-sqlite3/issues/1179
	db.readers, err = openReaders(ctx, absolute, o.Readers)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", absolute, explain(absolute, errors.Join(err, db.Close())))
	}
	if err := db.Migrate(ctx, "database", ownSchema); err != nil {
		return nil, fmt.Errorf("open database %s: %w", absolute, explain(absolute, errors.Join(err, db.Close())))
	}
	if _, err := db.Foreign(ctx); err != nil {
		return nil, fmt.Errorf("open database %s: %w", absolute, errors.Join(err, db.Close()))
	}
	return db, nil
}

// Update runs fn as one operation of the writer and returns when it is stored, or is certain not to be. It returns fn's own
// error unchanged, so that errors.Is and errors.As work on it; [ErrUnwritable] when the file cannot be written; a
// [*PanicError] when fn panicked; [ErrClosed] after Close. When ctx ends before the operation has begun, the operation does
// not run and Update returns ctx's error; once it has begun, Update waits for the truth.
//
// fn may run more than once: see the package comment. It runs in the writer goroutine, while everybody else who wants to
// write waits: no network, no files, no sleeping.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	return db.writer.do(ctx, &job{operation: fn})
}

// Foreign reports whether another process, or a connection that is not the writer's, has committed since it was last
// asked (or since Open). The program's own updates do not count. Where it has, those who [DB.Follow] are told first.
func (db *DB) Foreign(ctx context.Context) (bool, error) {
	var changed bool
	err := db.writer.do(ctx, &job{alone: func(c *connection) error {
		// https://www.sqlite.org/pragma.html#pragma_data_version: comparable on one connection only.
		var version int64
		if err := c.sql.QueryRowContext(background, "PRAGMA data_version").Scan(&version); err != nil {
			return fmt.Errorf("ask for foreign writes: %w", err)
		}
		changed = version != db.foreignAt
		db.foreignAt = version
		return nil
	}})
	if err != nil || !changed {
		return false, err
	}
	db.followers.Lock()
	all := slices.Clone(db.followers.all)
	db.followers.Unlock()
	for _, follow := range all {
		follow(ctx)
	}
	return true, nil
}

// Follow has fn run whenever [DB.Foreign] finds that another process has written: for what is kept in memory and not read
// again in each operation. It runs in the goroutine of who asked, and may call Update and View.
func (db *DB) Follow(fn func(context.Context)) {
	db.followers.Lock()
	defer db.followers.Unlock()
	db.followers.all = append(db.followers.all, fn)
}

// NewID returns a new id: see [Tx.NewID].
func (db *DB) NewID() string { return db.ids.next() }

// Now returns the time of Options.Now in UTC, cut to milliseconds, which is what the database stores.
func (db *DB) Now() time.Time { return db.now().UTC().Truncate(time.Millisecond) }

// Path returns the absolute path of the database file.
func (db *DB) Path() string { return db.path }

// Close lets the operations that wait finish, refuses new ones with [ErrClosed], folds the write-ahead log into the file
// and closes it. Views that still run keep their connection until they end. A second Close returns what the first did.
func (db *DB) Close() error {
	db.closing.Do(func() {
		db.writer.stop()
		var errs []error
		if db.readers != nil {
			errs = append(errs, db.readers.Close())
		}
		errs = append(errs, db.writer.conn.finish())
		if err := errors.Join(errs...); err != nil {
			db.closeErr = fmt.Errorf("close database: %w", err)
		}
	})
	return db.closeErr
}
