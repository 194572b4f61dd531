package bot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"procurabot/internal/database"
	"procurabot/internal/outbox"
	"procurabot/internal/schedule"
)

// start is an engine on an empty database, and its log.
func start(t *testing.T, now func() time.Time, adapters ...Adapter) (*database.DB, *Engine, *bytes.Buffer) {
	t.Helper()
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), database.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, c := range []struct {
		name   string
		schema fs.FS
	}{{"outbox", outbox.Schema()}, {"schedule", schedule.Schema()}, {"bot", Schema()}} {
		if err := db.Migrate(t.Context(), c.name, c.schema); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	e, err := New(Config{DB: db, Adapters: adapters, Outbox: outbox.Options{Workers: 1}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return db, e, &log
}

// hung is a platform that takes a message and never says so.
type hung struct {
	Adapter
	taken, over chan struct{}
}

func (h hung) Platform() Platform { return "hung" }

func (h hung) Send(context.Context, Envelope) (MessageID, error) {
	close(h.taken)
	<-h.over
	return "", errors.New("over")
}

// TestStopDoesNotWaitForEver: a send that takes too long is left to the next
// start, and the stop is none that failed.
func TestStopDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hung{taken: make(chan struct{}), over: make(chan struct{})}
		db, e, log := start(t, time.Now, h)
		if err := db.Update(t.Context(), func(tx *database.Tx) error {
			_, _, err := e.outbox.Put(tx, outbox.Message{Key: "k", Route: "hung", Lane: "l", Gate: "hung", Class: outbox.Personal, Payload: []byte(`{"to":{"conversation":"c"}}`)})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		<-h.taken
		began := time.Now()
		stop()
		if err := <-ended; err != nil || time.Since(began) != drainTime {
			t.Errorf("the stop ended after %s with %v", time.Since(began), err)
		}
		close(h.over)
		synctest.Wait()
		if !strings.Contains(log.String(), "the next start asks") {
			t.Errorf("the log does not say what was left:\n%s", log.String())
		}
	})
}

// TestForgottenForGood: once a day what is old is deleted, and then the file
// and its log are rid of it, or, where somebody reads just then, a day later.
func TestForgottenForGood(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	db, e, log := start(t, func() time.Time { return now })
	step := func() {
		t.Helper()
		if _, err := e.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// What is old is gone from the table either way; where it is left is said.
	left := func() (files []string) {
		t.Helper()
		if err := db.View(t.Context(), func(tx *database.Tx) error {
			var drafts int
			err := tx.QueryRow(`SELECT count(*) FROM bot_draft WHERE at < ?`, database.Millis(now.Add(-keepDrafts))).Scan(&drafts)
			if drafts != 0 {
				t.Errorf("%d old drafts are kept", drafts)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, suffix := range []string{"", "-wal"} {
			b, err := os.ReadFile(db.Path() + suffix)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(b, []byte("dear diary")) {
				files = append(files, "test.db"+suffix)
			}
		}
		return files
	}
	write := func() {
		t.Helper()
		if err := db.Update(t.Context(), func(tx *database.Tx) error {
			for i := range 100 {
				if err := saveDraft(tx, draft{id: fmt.Sprint(i), form: "f", member: "m", fields: map[string]string{"text": "dear diary"}}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}

	step()
	write()
	now = now.Add(keepDrafts - day)
	step()
	if got := left(); len(got) == 0 {
		t.Error("what is not old was deleted")
	}
	now = now.Add(2 * day)
	step()
	if got := left(); len(got) != 0 {
		t.Errorf("after it was forgotten it is left in %v", got)
	}

	write()
	now = now.Add(keepDrafts + day)
	if err := db.View(t.Context(), func(tx *database.Tx) error {
		var n int
		if err := tx.QueryRow(`SELECT count(*) FROM bot_draft`).Scan(&n); err != nil {
			return err
		}
		step()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	const failed = "what was deleted may be left in the file until tomorrow"
	if n := strings.Count(log.String(), failed); n != 1 {
		t.Errorf("a scrub that somebody is in the way of was logged %d times:\n%s", n, log.String())
	}
	step()
	if got := left(); len(got) == 0 {
		t.Error("it was tried again before the next day, or somebody was not in the way: nothing is tested")
	}
	now = now.Add(day)
	step()
	if got := left(); len(got) != 0 {
		t.Errorf("a day later it is left in %v", got)
	}
	if n := strings.Count(log.String(), failed); n != 1 {
		t.Errorf("logged in all:\n%s", log.String())
	}
}
