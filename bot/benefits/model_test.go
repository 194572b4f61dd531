package benefits

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/retrieval"
)

// teacher learns when it is told to, and counts.
type teacher struct {
	mu     sync.Mutex
	fits   int
	began  chan string // the fingerprint of what is to be learned
	finish chan error  // nil: it is learned
}

func (x *teacher) fit(ctx context.Context, entries []retrieval.Entry) (*retrieval.Model, error) {
	x.mu.Lock()
	x.fits++
	waits := x.began != nil && x.fits > 1
	x.mu.Unlock()
	if waits {
		x.began <- retrieval.Fingerprint(entries)
		select {
		case err := <-x.finish:
			if err != nil {
				return nil, err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return littleModel(), nil
}

func (x *teacher) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.fits
}

// littleModel stands for any: these tests are about when it is learned.
var littleModel = sync.OnceValue(func() *retrieval.Model {
	m, err := retrieval.Fit(context.Background(), []retrieval.Entry{
		{Label: "logo", Language: "en", Text: "may we use the logo"}, {Label: "contact", Language: "en", Text: "who can help me"},
	})
	if err != nil {
		panic(err)
	}
	return m
})

// school is the feature over a file that can be opened again.
type school struct {
	*Benefits
	db  *database.DB
	log *bytes.Buffer
}

func openSchool(t *testing.T, path string, x *teacher) *school {
	t.Helper()
	db, err := database.Open(t.Context(), path, database.Options{Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	for component, schema := range map[string]fs.FS{"bot": bot.Schema(), "benefits": Schema()} {
		if err := db.Migrate(t.Context(), component, schema); err != nil {
			t.Fatal(err)
		}
	}
	s := &school{db: db, log: &bytes.Buffer{}}
	if s.Benefits, err = New(os.DirFS("../../locales"), Options{Phrasebook: readBook(t), Fit: x.fit, Log: slog.New(slog.NewTextHandler(s.log, nil))}); err != nil {
		t.Fatal(err)
	}
	if err := s.Load(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *school) close(t *testing.T) {
	t.Helper()
	s.Benefits.Close()
	if err := s.db.Close(); err != nil {
		t.Error(err)
	}
}

// teach adds a phrase and gives the fingerprint of what is known then.
func (s *school) teach(t *testing.T, phrase string) string {
	t.Helper()
	err := s.db.Update(t.Context(), func(tx *database.Tx) error {
		if _, err := tx.Exec(`INSERT INTO benefits_phrase (topic, language, text) VALUES ('logo', 'en', ?)`, phrase); err != nil {
			return err
		}
		return tx.Bump()
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.now(t).fingerprint
}

func (s *school) now(t *testing.T) *library {
	t.Helper()
	l, err := s.current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (s *school) stored(t *testing.T) (fingerprints []string) {
	t.Helper()
	err := s.db.View(t.Context(), func(tx *database.Tx) error {
		fingerprints = nil
		rows, err := tx.Query(`SELECT fingerprint FROM benefits_model ORDER BY at DESC, fingerprint`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var f string
			if err := rows.Scan(&f); err != nil {
				return err
			}
			fingerprints = append(fingerprints, f)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return fingerprints
}

func (s *school) settle(t *testing.T) {
	t.Helper()
	if err := s.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestLearnedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	x := &teacher{}
	s := openSchool(t, path, x)
	if !strings.Contains(s.log.String(), "learning how people ask") {
		t.Errorf("nobody is told that it learns: %s", s.log)
	}
	s.close(t)
	s = openSchool(t, path, x)
	defer s.close(t)
	if n := x.count(); n != 1 {
		t.Errorf("learned %d times", n)
	}
	if l := s.now(t); l.learned != l.fingerprint {
		t.Error("what was stored is not what is known")
	}
}

// TestLearnedAside: while it learns, the old model serves with the new phrases
// word for word; what changes meanwhile is learned next, and alone.
func TestLearnedAside(t *testing.T) {
	x := &teacher{began: make(chan string), finish: make(chan error)}
	s := openSchool(t, filepath.Join(t.TempDir(), "bot.db"), x)
	defer s.close(t)
	before := s.now(t)
	first := s.teach(t, "our emblem on a tram")
	if got := <-x.began; got != first {
		t.Errorf("learns %s, not %s", got, first)
	}
	l := s.now(t)
	if l.model != before.model || l.learned == l.fingerprint {
		t.Error("something else serves while it learns")
	}
	if r := l.index.Find("our emblem on a tram"); !r.Exact || r.Matches[0].Label != "logo" {
		t.Errorf("a new phrase is found as %+v", r)
	}
	second := s.teach(t, "our emblem on a bus") // stops the first
	if got := <-x.began; got != second {
		t.Errorf("learns %s, not %s", got, second)
	}
	x.finish <- nil
	s.settle(t)
	if l := s.now(t); l.learned != second {
		t.Errorf("serves what was learned from %s, not %s", l.learned, second)
	}
	if got := s.stored(t); len(got) != 2 || got[0] != second || got[1] != before.fingerprint {
		t.Errorf("stored: %v", got)
	}
	third := s.teach(t, "our emblem on a ship")
	<-x.began
	x.finish <- nil
	s.settle(t)
	if got := s.stored(t); len(got) != 2 || got[0] != third || got[1] != second {
		t.Errorf("stored later: %v", got)
	}
}

// TestOtherTexts: a change that no question is found by is not learned.
func TestOtherTexts(t *testing.T) {
	x := &teacher{}
	s := openSchool(t, filepath.Join(t.TempDir(), "bot.db"), x)
	defer s.close(t)
	if err := s.db.Update(t.Context(), func(tx *database.Tx) error { return tx.Bump() }); err != nil {
		t.Fatal(err)
	}
	s.now(t)
	s.settle(t)
	if n := x.count(); n != 1 {
		t.Errorf("learned %d times", n)
	}
}

// TestStoppedWhileLearning: the old model serves after the next start, at once,
// while what was not learned is learned.
func TestStoppedWhileLearning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	x := &teacher{began: make(chan string), finish: make(chan error)}
	s := openSchool(t, path, x)
	old := s.now(t).fingerprint
	wanted := s.teach(t, "our emblem on a tram")
	<-x.began
	s.close(t)
	s = openSchool(t, path, x)
	defer s.close(t)
	if got := <-x.began; got != wanted {
		t.Errorf("learns %s, not %s", got, wanted)
	}
	if l := s.now(t); l.learned != "" || l.fingerprint != wanted {
		t.Errorf("serves %q for %q", l.learned, l.fingerprint)
	}
	if got := s.stored(t); len(got) != 1 || got[0] != old {
		t.Errorf("stored: %v", got)
	}
	x.finish <- nil
	s.settle(t)
	if l := s.now(t); l.learned != wanted {
		t.Error("it was not learned")
	}
}

func TestLearningFails(t *testing.T) {
	x := &teacher{began: make(chan string), finish: make(chan error)}
	s := openSchool(t, filepath.Join(t.TempDir(), "bot.db"), x)
	defer s.close(t)
	old := s.now(t)
	wanted := s.teach(t, "our emblem on a tram")
	<-x.began
	x.finish <- errors.New("out of memory")
	s.settle(t)
	if l := s.now(t); l.model != old.model {
		t.Error("something else serves")
	}
	if !strings.Contains(s.log.String(), "out of memory") {
		t.Errorf("the cause is not in the log: %s", s.log)
	}
	// The next day tries again.
	if err := s.db.Update(t.Context(), func(tx *database.Tx) error { return s.forget(tx, tx.Now()) }); err != nil {
		t.Fatal(err)
	}
	<-x.began
	x.finish <- nil
	s.settle(t)
	if l := s.now(t); l.learned != wanted {
		t.Error("it was not learned the next day")
	}
}

func TestDamagedModel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	x := &teacher{}
	s := openSchool(t, path, x)
	err := s.db.Update(t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(`UPDATE benefits_model SET model = x'00'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.close(t)
	s = openSchool(t, path, x)
	defer s.close(t)
	if n := x.count(); n != 2 {
		t.Errorf("learned %d times", n)
	}
	if l := s.now(t); l.learned != l.fingerprint {
		t.Error("it was not learned anew")
	}
	if !strings.Contains(s.log.String(), "cannot be used") {
		t.Errorf("nobody is told: %s", s.log)
	}
}
