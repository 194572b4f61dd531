package outbox_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"procurabot/internal/database"
	"procurabot/internal/outbox"
)

var start = time.Date(2026, 3, 6, 16, 0, 0, 0, time.UTC)

// clock is the time that the test gives.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: start} }

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

func openFile(t failer, path string, now func() time.Time) *database.DB {
	t.Helper()
	db, err := database.Open(context.Background(), path, database.Options{Now: now, Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(context.Background(), "outbox", outbox.Schema()); err != nil {
		t.Fatal(err)
	}
	return db
}

func open(t testing.TB, c *clock) *database.DB {
	t.Helper()
	db := openFile(t, filepath.Join(t.TempDir(), "test.db"), c.Now)
	t.Cleanup(func() { db.Close() })
	return db
}

func newOutbox(t failer, db *database.DB, s outbox.Sender, o outbox.Options) *outbox.Outbox {
	t.Helper()
	box, err := outbox.New(db, map[string]outbox.Sender{"r": s}, o)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func put(t failer, db *database.DB, box *outbox.Outbox, m outbox.Message) (id string) {
	t.Helper()
	if m.Route == "" {
		m.Route = "r"
	}
	if m.Class == 0 {
		m.Class = outbox.Personal
	}
	if m.Lane == "" {
		m.Lane = m.Key
	}
	err := db.Update(context.Background(), func(tx *database.Tx) (err error) {
		id, _, err = box.Put(tx, m)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func step(t failer, box *outbox.Outbox) time.Time {
	t.Helper()
	next, err := box.Step(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// finish moves the clock from one due time to the next until nothing is left.
func finish(t failer, c *clock, box *outbox.Outbox) {
	t.Helper()
	for range 10_000 {
		next := step(t, box)
		if next.IsZero() {
			return
		}
		if !next.After(c.Now()) {
			t.Fatalf("at %s the next step is said to be due at %s", c.Now(), next)
		}
		c.Set(next)
	}
	t.Fatal("the outbox does not come to rest")
}

func update(t failer, db *database.DB, do func(tx *database.Tx) error) {
	t.Helper()
	if err := db.Update(context.Background(), do); err != nil {
		t.Fatal(err)
	}
}

func status(t failer, db *database.DB, box *outbox.Outbox, key string) (s outbox.Status) {
	t.Helper()
	found := false
	err := db.View(context.Background(), func(tx *database.Tx) (err error) {
		s, found, err = box.StatusOf(tx, key)
		return err
	})
	if err != nil || !found {
		t.Fatalf("status of %q: found %t, %v", key, found, err)
	}
	return s
}

// script is a Sender of two functions.
type script struct {
	send func(context.Context, outbox.Delivery) (string, error)
	find func(context.Context, outbox.Delivery) (string, error)
}

func (s script) Send(ctx context.Context, d outbox.Delivery) (string, error) { return s.send(ctx, d) }
func (s script) Find(ctx context.Context, d outbox.Delivery) (string, error) { return s.find(ctx, d) }
