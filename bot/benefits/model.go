package benefits

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"procurabot/internal/database"
	"procurabot/internal/retrieval"
)

// knowledge is everything that can be found, as of one revision.
type knowledge struct {
	revision    string
	fingerprint string
	entries     []retrieval.Entry
}

// student learns aside, one thing after the other: no question waits for it. It
// is told that there is something, never what: what is known when it begins is
// learned, so that the latest always wins.
type student struct {
	learn func(context.Context) // what is known, stores it and takes it over

	mu   sync.Mutex
	due  bool
	stop context.CancelFunc // of what is being learned; nil when nothing is
	idle chan struct{}      // closed when nothing is being learned
	gone bool
}

func newStudent(learn func(context.Context)) *student {
	idle := make(chan struct{})
	close(idle)
	return &student{learn: learn, idle: idle}
}

// tell says that something has changed. What is being learned is stopped.
func (s *student) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return
	}
	s.due = true
	if s.stop != nil {
		s.stop()
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop, s.idle = stop, make(chan struct{})
	go s.work(ctx)
}

func (s *student) work(ctx context.Context) {
	for {
		s.mu.Lock()
		if !s.due || s.gone {
			s.stop()
			s.stop = nil
			close(s.idle)
			s.mu.Unlock()
			return
		}
		s.due = false
		if ctx.Err() != nil {
			ctx, s.stop = context.WithCancel(context.Background())
		}
		s.mu.Unlock()
		s.learn(ctx)
	}
}

// wait returns when nothing is being learned.
func (s *student) wait(ctx context.Context) error {
	s.mu.Lock()
	idle := s.idle
	s.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end stops learning, for good, and returns when it has stopped.
func (s *student) end() {
	s.mu.Lock()
	s.gone = true
	if s.stop != nil {
		s.stop()
	}
	idle := s.idle
	s.mu.Unlock()
	<-idle
}

// Settled returns when all that is known has been learned, or could not be.
func (b *Benefits) Settled(ctx context.Context) error { return b.student.wait(ctx) }

// Close stops what is being learned; it is learned at the next start.
func (b *Benefits) Close() { b.student.end() }

// model gives what was learned from this knowledge, or else what was learned
// last; nil when nothing was.
func (b *Benefits) model(ctx context.Context, fingerprint string) (m *retrieval.Model, right bool, err error) {
	var stored []storedModel
	err = b.db.View(ctx, func(tx *database.Tx) (err error) {
		stored, err = models(tx, fingerprint)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	for _, r := range stored {
		m, err := retrieval.Decode(r.model)
		if err == nil {
			return m, r.fingerprint == fingerprint, nil
		}
		b.o.Log.Warn("what was learned before cannot be used and is learned anew", "err", err)
	}
	return nil, false, nil
}

// fit learns and stores. What was learned comes also with the error that it could
// not be stored.
func (b *Benefits) fit(ctx context.Context, k knowledge) (*retrieval.Model, error) {
	began := time.Now()
	m, err := b.o.Fit(ctx, k.entries)
	if err != nil {
		return nil, fmt.Errorf("learn: %w", err)
	}
	stored, err := m.MarshalBinary()
	if err != nil {
		return nil, err
	}
	err = b.db.Update(ctx, func(tx *database.Tx) error { return keepModel(tx, storedModel{k.fingerprint, stored}) })
	if err != nil {
		return m, fmt.Errorf("store what was learned: %w", err)
	}
	r := m.Report()
	b.o.Log.Info("learned", "phrases", r.Phrases, "seconds", time.Since(began).Seconds(),
		slog.Group("of_its_own_phrases", "found_first", r.First, "answered", r.Answered, "answered_wrongly", r.Wrong, "others_answered", r.Outside))
	return m, nil
}

// again learns what could not be learned before.
func (b *Benefits) again() {
	if have := b.library.Load(); have != nil && have.learned != have.fingerprint {
		b.student.tell()
	}
}

// relearn is what the student does.
func (b *Benefits) relearn(ctx context.Context) {
	k := b.library.Load()
	if k.learned == k.fingerprint {
		return // it reads again as it did
	}
	m, err := b.fit(ctx, k.knowledge)
	switch {
	case ctx.Err() != nil:
		return // something has changed, or the program stops
	case err != nil:
		b.o.Log.Error("what changed was not learned; it is found word for word, and is tried again with the next change, day or start", "err", err)
		return
	}
	index := m.Index(k.entries) // before the lock: questions after a change wait for that
	b.building.Lock()
	defer b.building.Unlock()
	if have := b.library.Load(); have.fingerprint == k.fingerprint {
		b.library.Store(&library{knowledge: have.knowledge, model: m, learned: k.fingerprint, index: index})
	}
}
