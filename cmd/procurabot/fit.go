package main

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"procurabot/internal/retrieval"
)

// fitting learns from how people ask.
type fitting func(context.Context, []retrieval.Entry) (*retrieval.Model, error)

// fitCached learns once a machine and not once a database: ask, demo and play
// start with an empty one each time. Without a folder to keep it in, or with a
// damaged file, it learns.
func fitCached(ctx context.Context, entries []retrieval.Entry) (*retrieval.Model, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return retrieval.Fit(ctx, entries)
	}
	dir := filepath.Join(base, "procurabot")
	path := filepath.Join(dir, retrieval.Fingerprint(entries)+".model")
	if b, err := os.ReadFile(path); err == nil {
		if m, err := retrieval.Decode(b); err == nil {
			return m, nil
		}
	}
	m, err := retrieval.Fit(ctx, entries)
	if err != nil {
		return nil, err
	}
	keep(dir, path, m)
	return m, nil
}

// keep writes the file whole or not at all, and is content not to: it can be
// learned again. Older ones go.
func keep(dir, path string, m *retrieval.Model) {
	b, err := m.MarshalBinary()
	if err != nil || os.MkdirAll(dir, 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(dir, "new-*")
	if err != nil {
		return
	}
	_, err = f.Write(b)
	if closed := f.Close(); err != nil || closed != nil || os.Rename(f.Name(), path) != nil {
		os.Remove(f.Name())
		return
	}
	older, _ := filepath.Glob(filepath.Join(dir, "*.model"))
	for _, file := range older {
		if file != path {
			os.Remove(file)
		}
	}
}

// learnOnce learns from what it is given first, and no more: in a script, what is
// changed is found word for word, and nothing depends on when it would be learned.
func learnOnce(fit fitting) fitting {
	var mu sync.Mutex
	var learned *retrieval.Model
	return func(ctx context.Context, entries []retrieval.Entry) (*retrieval.Model, error) {
		mu.Lock()
		defer mu.Unlock()
		if learned == nil {
			m, err := fit(ctx, entries)
			if err != nil {
				return nil, err
			}
			learned = m
		}
		return learned, nil
	}
}

// learnLittle is for subcommands that answer no question: a moment instead of
// seconds.
func learnLittle(ctx context.Context, entries []retrieval.Entry) (*retrieval.Model, error) {
	var some []retrieval.Entry
	for _, e := range entries {
		if len(some) < 2 && (len(some) == 0 || e.Label != some[0].Label) {
			some = append(some, e)
		}
	}
	return retrieval.Fit(ctx, some)
}
