package benefits

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/retrieval"
)

// teacher learns when it is told to, and counts.
type teacher struct {
	mu     sync.Mutex
	fits   int
	began  chan string // the fingerprint of what is to be learned; nil: nothing waits
	finish chan error  // nil: it is learned
	deaf   bool        // learns to the end when it is told to stop
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
			if !x.deaf {
				return nil, ctx.Err()
			}
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
	db    *database.DB
	log   *bytes.Buffer
	reads *atomic.Int32 // of all knowledge
}

// reader counts how often the phrasebook is asked for, which reading all
// knowledge does once.
type reader struct {
	bot.Phrasebook
	reads *atomic.Int32
}

func (r reader) At(tx *database.Tx) (bot.Book, error) {
	r.reads.Add(1)
	return r.Phrasebook.At(tx)
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
	s := &school{db: db, log: &bytes.Buffer{}, reads: &atomic.Int32{}}
	if s.Benefits, err = New(os.DirFS("../../locales"), Options{Phrasebook: reader{readBook(t), s.reads}, Fit: x.fit, Log: slog.New(slog.NewTextHandler(s.log, nil))}); err != nil {
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
	s.exec(t, `INSERT INTO benefits_phrase (topic, language, text) VALUES ('logo', 'en', ?)`, phrase)
	return s.now(t).fingerprint
}

// exec changes the database, and its revision.
func (s *school) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	err := s.db.Update(t.Context(), func(tx *database.Tx) error {
		if _, err := tx.Exec(query, args...); err != nil {
			return err
		}
		return tx.Bump()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// midnight is the daily work.
func (s *school) midnight(t *testing.T) {
	t.Helper()
	if err := s.db.Update(t.Context(), func(tx *database.Tx) error { return s.forget(tx, tx.Now()) }); err != nil {
		t.Fatal(err)
	}
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
	before := s.reads.Load()
	if err := s.db.Update(t.Context(), func(tx *database.Tx) error { return tx.Bump() }); err != nil {
		t.Fatal(err)
	}
	var questions sync.WaitGroup
	for range 8 {
		questions.Go(func() {
			if _, err := s.current(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	questions.Wait()
	s.settle(t)
	if n := x.count(); n != 1 {
		t.Errorf("learned %d times", n)
	}
	if n := s.reads.Load() - before; n != 1 {
		t.Errorf("all knowledge was read %d times for one revision", n)
	}
}

// TestManyEdits: each stops what is being learned, so that all are learned
// together.
func TestManyEdits(t *testing.T) {
	x := &teacher{began: make(chan string), finish: make(chan error)}
	s := openSchool(t, filepath.Join(t.TempDir(), "bot.db"), x)
	defer s.close(t)
	var last string
	for _, phrase := range []string{"our emblem on a tram", "our emblem on a bus", "our emblem on a ship", "our emblem on a mug"} {
		last = s.teach(t, phrase)
	}
	for <-x.began != last {
	}
	x.finish <- nil
	s.settle(t)
	if l := s.now(t); l.learned != last {
		t.Errorf("serves what was learned from %q, not %s", l.learned, last)
	}
	if n := x.count() - 1; n > 2 {
		t.Errorf("learned %d times", n)
	}
}

// TestEditTakenBack: what is known as before need not be learned.
func TestEditTakenBack(t *testing.T) {
	x := &teacher{began: make(chan string), finish: make(chan error)}
	s := openSchool(t, filepath.Join(t.TempDir(), "bot.db"), x)
	defer s.close(t)
	before := s.now(t)
	s.teach(t, "our emblem on a tram")
	<-x.began
	s.exec(t, `DELETE FROM benefits_phrase WHERE text = 'our emblem on a tram'`)
	l := s.now(t)
	s.settle(t) // although nobody lets it finish
	if l.fingerprint != before.fingerprint || l.learned != l.fingerprint {
		t.Errorf("serves %q for %q", l.learned, l.fingerprint)
	}
	if got := s.stored(t); len(got) != 1 || got[0] != before.fingerprint {
		t.Errorf("stored: %v", got)
	}
}

// TestTwoProcesses: what one of them changes the other learns too, and both may
// store it.
func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	x, y := &teacher{}, &teacher{}
	one := openSchool(t, path, x)
	defer one.close(t)
	two := openSchool(t, path, y)
	defer two.close(t)
	if n := y.count(); n != 0 {
		t.Errorf("the second learns %d times what the first has stored", n)
	}
	before := one.now(t).fingerprint
	wanted := one.teach(t, "our emblem on a tram")
	if r := two.now(t).index.Find("our emblem on a tram"); !r.Exact || r.Matches[0].Label != "logo" {
		t.Errorf("the other finds a new phrase as %+v", r)
	}
	for _, s := range []*school{one, two} {
		s.settle(t)
		if l := s.now(t); l.learned != wanted {
			t.Errorf("serves what was learned from %q, not %s: %s", l.learned, wanted, s.log)
		}
	}
	if got := one.stored(t); len(got) != 2 || !slices.Contains(got, wanted) || !slices.Contains(got, before) {
		t.Errorf("stored: %v", got)
	}
}

// TestStoppedWhileLearning: the old model serves after the next start, at once,
// while what was not learned is learned.
func TestStoppedWhileLearning(t *testing.T) {
	t.Run("while", func(t *testing.T) { stopped(t, false) })
	t.Run("before it is stored", func(t *testing.T) { stopped(t, true) })
}

func stopped(t *testing.T, learnedAll bool) {
	path := filepath.Join(t.TempDir(), "bot.db")
	x := &teacher{began: make(chan string), finish: make(chan error), deaf: learnedAll}
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
	s.midnight(t)
	<-x.began
	x.finish <- errors.New("still out of memory")
	s.settle(t)
	s.midnight(t)
	<-x.began
	x.finish <- nil
	s.settle(t)
	if l := s.now(t); l.learned != wanted {
		t.Error("it was not learned the next day")
	}
}

func TestLearningFailsUntilTheNextChange(t *testing.T) {
	x := &teacher{began: make(chan string), finish: make(chan error)}
	s := openSchool(t, filepath.Join(t.TempDir(), "bot.db"), x)
	defer s.close(t)
	s.teach(t, "our emblem on a tram")
	<-x.began
	x.finish <- errors.New("out of memory")
	s.settle(t)
	wanted := s.teach(t, "our emblem on a bus")
	<-x.began
	x.finish <- nil
	s.settle(t)
	if l := s.now(t); l.learned != wanted {
		t.Error("it was not learned with the next change")
	}
}

// full is a database that has no room for a model.
const full = `CREATE TRIGGER full BEFORE INSERT ON benefits_model BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`

func TestStoringFails(t *testing.T) {
	s := openSchool(t, filepath.Join(t.TempDir(), "bot.db"), &teacher{})
	defer s.close(t)
	old := s.now(t)
	s.exec(t, full)
	wanted := s.teach(t, "our emblem on a tram")
	s.settle(t)
	if l := s.now(t); l.model != old.model || l.learned != old.fingerprint {
		t.Error("what was not stored serves")
	}
	if !strings.Contains(s.log.String(), "the disk is full") {
		t.Errorf("the cause is not in the log: %s", s.log)
	}
	s.exec(t, `DROP TRIGGER full`)
	s.midnight(t)
	s.settle(t)
	if l := s.now(t); l.learned != wanted {
		t.Error("it was not learned the next day")
	}
}

// TestStoringFailsAtFirst: what was learned serves where there is nothing else,
// and is stored when there is room.
func TestStoringFailsAtFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	s := openSchool(t, path, &teacher{})
	s.exec(t, `DELETE FROM benefits_model`)
	s.exec(t, full)
	s.close(t)
	s = openSchool(t, path, &teacher{})
	defer s.close(t)
	s.settle(t)
	if r := s.now(t).index.Find("may we use the logo"); !r.Exact {
		t.Errorf("a phrase is found as %+v", r)
	}
	if !strings.Contains(s.log.String(), "the disk is full") {
		t.Errorf("the cause is not in the log: %s", s.log)
	}
	s.exec(t, `DROP TRIGGER full`)
	s.midnight(t)
	s.settle(t)
	l := s.now(t)
	if got := s.stored(t); len(got) != 1 || got[0] != l.fingerprint || l.learned != l.fingerprint {
		t.Errorf("stored the next day: %v", got)
	}
}

// TestDamagedModel: what cannot be used is learned anew, before the start where
// there is nothing else.
func TestDamagedModel(t *testing.T) {
	for name, b := range map[string]string{"damaged": "procurabot model 1\n\x00\x00\x00\x00damaged", "older": "procurabot model 0\n\x00\x00\x00\x00"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bot.db")
			x := &teacher{}
			s := openSchool(t, path, x)
			s.exec(t, `UPDATE benefits_model SET model = ?`, []byte(b))
			s.close(t)
			s = openSchool(t, path, x)
			if n := x.count(); n != 2 {
				t.Errorf("learned %d times", n)
			}
			if l := s.now(t); l.learned != l.fingerprint {
				t.Error("it was not learned anew")
			}
			if !strings.Contains(s.log.String(), "cannot be used") {
				t.Errorf("nobody is told: %s", s.log)
			}
			s.close(t)
			s = openSchool(t, path, x)
			defer s.close(t)
			if n := x.count(); n != 2 {
				t.Error("it was not replaced")
			}
		})
	}
}

// TestDamagedModelAndOneBefore: the one before it serves at once.
func TestDamagedModelAndOneBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	s := openSchool(t, path, &teacher{})
	wanted := s.teach(t, "our emblem on a tram")
	s.settle(t)
	s.exec(t, `UPDATE benefits_model SET model = x'00' WHERE fingerprint = ?`, wanted)
	s.close(t)
	x := &teacher{fits: 1, began: make(chan string), finish: make(chan error)}
	s = openSchool(t, path, x) // although nobody lets it finish
	defer s.close(t)
	if l := s.now(t); l.learned != "" {
		t.Errorf("serves what was learned from %q", l.learned)
	}
	if !strings.Contains(s.log.String(), "cannot be used") {
		t.Errorf("nobody is told: %s", s.log)
	}
	if got := <-x.began; got != wanted {
		t.Errorf("learns %s, not %s", got, wanted)
	}
	x.finish <- nil
	s.settle(t)
	if l := s.now(t); l.learned != wanted {
		t.Error("it was not learned anew")
	}
}
