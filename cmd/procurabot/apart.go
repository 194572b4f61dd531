package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"procurabot/internal/database"
)

// apart puts the program together over a database that is thrown away, on no
// platform: over a copy of the one at path, which a running bot does not notice,
// or where there is none, as the program ships.
func apart(p *program, path string, o parts, do func(*app) error) error {
	dir, err := os.MkdirTemp("", "procurabot-")
	if err != nil {
		return usageError{err}
	}
	defer os.RemoveAll(dir)
	copied := filepath.Join(dir, "apart.db")
	if path != "" && exists(path) {
		live, err := database.Open(p.ctx, path, database.Options{})
		if err != nil {
			return usageError{err}
		}
		if err := errors.Join(live.Backup(p.ctx, copied), live.Close()); err != nil {
			return fmt.Errorf("copy %s: %w", path, err)
		}
	}
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	if o.db, err = database.Open(p.ctx, copied, database.Options{Synchronous: "OFF"}); err != nil {
		return err
	}
	a, err := newApp(p.ctx, o)
	if err != nil {
		return errors.Join(err, o.db.Close())
	}
	return errors.Join(do(a), a.close())
}

// databasePath is the database of the commands that work on one.
func databasePath(p *program) string {
	if path := p.env["PROCURABOT_DATABASE"]; path != "" {
		return path
	}
	return "procurabot.db"
}

// existingDatabase is databasePath where a bot must have made it.
func existingDatabase(p *program) (string, error) {
	path := databasePath(p)
	if _, err := os.Stat(path); err != nil {
		return "", usageError{fmt.Errorf("there is no database %s: name the bot's own in PROCURABOT_DATABASE (%w)", path, err)}
	}
	return path, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
