package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"procurabot/internal/database"
)

type questionsCommand struct {
	Days int `help:"How far to look back." default:"30"`
}

func (questionsCommand) Help() string {
	return `What members asked and the bot could not answer by itself, like questions together, the most frequent first, each with the
topic that was nearest. Personal data in questions was never stored. The database is PROCURABOT_DATABASE; a running bot is
not disturbed.`
}

func (c questionsCommand) Run(p *program) error {
	live, err := openTexts(p)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "procurabot-questions-")
	if err != nil {
		return errors.Join(usageError{err}, live.Close())
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "copy.db")
	if err := errors.Join(live.Backup(p.ctx, path), live.Close()); err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	db, err := database.Open(p.ctx, path, database.Options{Synchronous: "OFF"})
	if err != nil {
		return err
	}
	a, err := newApp(p.ctx, parts{db: db, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	all, err := a.benefits.Unanswered(p.ctx, db.Now().Add(-time.Duration(c.Days)*24*time.Hour))
	if err := errors.Join(err, a.close()); err != nil {
		return err
	}
	if len(all) == 0 {
		fmt.Fprintf(p.out, "in the last %d days no question was left without an automatic answer\n", c.Days)
		return nil
	}
	for _, m := range all {
		near := "nothing was near"
		if m.Topic != "" {
			near = "nearest: " + m.Topic
		}
		fmt.Fprintf(p.out, "%d× (%s)\n", len(m.Questions), near)
		for _, q := range m.Questions {
			fmt.Fprintf(p.out, "    %s\n", q)
		}
	}
	return nil
}
