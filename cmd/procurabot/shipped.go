package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"procurabot/internal/database"
)

// shipped puts the program together over a database that is thrown away, as it
// ships: on no platform.
func shipped(p *program, o parts, do func(*app) error) error {
	dir, err := os.MkdirTemp("", "procurabot-")
	if err != nil {
		return usageError{err}
	}
	defer os.RemoveAll(dir)
	o.log = slog.New(slog.DiscardHandler)
	if o.db, err = database.Open(p.ctx, filepath.Join(dir, "shipped.db"), database.Options{Synchronous: "OFF"}); err != nil {
		return err
	}
	a, err := newApp(p.ctx, o)
	if err != nil {
		return errors.Join(err, o.db.Close())
	}
	return errors.Join(do(a), a.close())
}
