package schedule_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"procurabot/internal/database"
	"procurabot/internal/schedule"
)

var start = time.Date(2026, 3, 6, 16, 0, 0, 0, time.UTC)

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

func (c *clock) Add(d time.Duration) { c.Set(c.Now().Add(d)) }

// failer is what a testing.TB and a rapid.T share.
type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// openFile opens the database with a table for what is done, in which twice is an error.
func openFile(t failer, path string, c *clock) *database.DB {
	t.Helper()
	db, err := database.Open(context.Background(), path, database.Options{Now: c.Now, Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(context.Background(), "schedule", schedule.Schema()); err != nil {
		t.Fatal(err)
	}
	update(t, db, func(tx *database.Tx) error {
		_, err := tx.Exec(`CREATE TABLE IF NOT EXISTS log (what TEXT NOT NULL, at INTEGER NOT NULL, done INTEGER NOT NULL, UNIQUE (what, at)) STRICT`)
		return err
	})
	return db
}

func open(t testing.TB, c *clock) *database.DB {
	t.Helper()
	db := openFile(t, filepath.Join(t.TempDir(), "test.db"), c)
	t.Cleanup(func() { db.Close() })
	return db
}

func update(t failer, db *database.DB, fn func(tx *database.Tx) error) {
	t.Helper()
	if err := db.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func write(tx *database.Tx, what string, at time.Time) error {
	_, err := tx.Exec(`INSERT INTO log VALUES (?, ?, ?)`, what, database.Millis(at), database.Millis(tx.Now()))
	return err
}

// entry is a line of the log.
type entry struct {
	What string
	At   time.Time // the occurrence, or when it was wanted
	Done time.Time
}

func read(t failer, db *database.DB) (all []entry) {
	t.Helper()
	err := db.View(context.Background(), func(tx *database.Tx) error {
		rows, err := tx.Query(`SELECT what, at, done FROM log ORDER BY rowid`)
		if err != nil {
			return err
		}
		for rows.Next() {
			var what string
			var at, done int64
			if err := rows.Scan(&what, &at, &done); err != nil {
				return err
			}
			all = append(all, entry{what, database.Time(at), database.Time(done)})
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func newSchedule(t failer, db *database.DB, slots []schedule.Slot, kinds map[string]schedule.Do) *schedule.Schedule {
	t.Helper()
	s, err := schedule.New(db, slots, kinds, schedule.Options{MaxTries: 3})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func step(t failer, s *schedule.Schedule) time.Time {
	t.Helper()
	next, err := s.Step(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func later(t failer, db *database.DB, s *schedule.Schedule, w schedule.Work) (added bool) {
	t.Helper()
	update(t, db, func(tx *database.Tx) (err error) {
		added, err = s.Later(tx, w)
		return err
	})
	return added
}

func tempDir(t *rapid.T) string {
	dir, err := os.MkdirTemp("", "schedule")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
