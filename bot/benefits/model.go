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

// student learns from knowledge aside, one after the other: no question waits
// for it. What changes while it learns is learned next, the latest alone.
type student struct {
	learn func(context.Context, knowledge) // stores and takes over what it has learned

	mu   sync.Mutex
	next *knowledge
	stop context.CancelFunc // of what is being learned; nil when nothing is
	idle chan struct{}      // closed when nothing is being learned
	gone bool
}

func newStudent(learn func(context.Context, knowledge)) *student {
	idle := make(chan struct{})
	close(idle)
	return &student{learn: learn, idle: idle}
}

// give hands knowledge over, instead of what was to be learned until now.
func (s *student) give(k knowledge) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return
	}
	s.next = &k
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
		k := s.next
		if s.next = nil; k == nil || s.gone {
			s.stop()
			s.stop = nil
			close(s.idle)
			s.mu.Unlock()
			return
		}
		if ctx.Err() != nil {
			ctx, s.stop = context.WithCancel(context.Background())
		}
		s.mu.Unlock()
		s.learn(ctx, *k)
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
		b.student.give(have.knowledge)
	}
}

// relearn is what the student does.
func (b *Benefits) relearn(ctx context.Context, k knowledge) {
	m, err := b.fit(ctx, k)
	switch {
	case ctx.Err() != nil:
		return // something newer is to be learned, or the program stops
	case err != nil:
		b.o.Log.Error("what changed was not learned; it is found word for word, and is tried again with the next change, day or start", "err", err)
		return
	}
	b.building.Lock()
	defer b.building.Unlock()
	if have := b.library.Load(); have != nil && have.fingerprint == k.fingerprint {
		b.library.Store(&library{knowledge: have.knowledge, model: m, learned: k.fingerprint, index: m.Index(have.entries)})
	}
}
