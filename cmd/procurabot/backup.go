package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"procurabot/internal/database"
)

type backupCommand struct {
	To string `help:"The file; without it, one named by the time, in PROCURABOT_BACKUP_DIR." placeholder:"FILE"`
}

func (backupCommand) Help() string {
	return `One copy of PROCURABOT_DATABASE as it is at one moment; a running bot is not disturbed. The copy gets its name when it is
complete, on disk, and has been read through. No file is ever overwritten. "procurabot restore" brings it back.`
}

func (c backupCommand) Run(p *program) error {
	from, err := existingDatabase(p)
	if err != nil {
		return err
	}
	to := c.To
	if to == "" {
		folder := p.env["PROCURABOT_BACKUP_DIR"]
		if folder == "" {
			return usageError{errors.New("it is not known where to: add --to FILE, or set PROCURABOT_BACKUP_DIR to a folder")}
		}
		to = filepath.Join(folder, backupName(time.Now()))
	}
	contents, err := copyDatabase(p.ctx, from, to)
	if err != nil {
		return mendable(err)
	}
	fmt.Fprintf(p.out, "%s: %s, verified: it opens, is undamaged, fits this program, and holds %s in %s\n",
		to, size(contents.Size), count(int(contents.Rows), "row"), count(contents.Tables, "table"))
	return nil
}

// copyDatabase makes one verified copy. An error says what to do.
func copyDatabase(ctx context.Context, from, to string) (database.Contents, error) {
	contents, err := database.Copy(ctx, from, to, components())
	switch {
	case errors.Is(err, fs.ErrExist):
		err = fmt.Errorf("%w: a copy never overwrites a file, name another", err)
	case errors.Is(err, database.ErrDamaged):
		err = fmt.Errorf("%w: keep the older copies, and see \"Backup and restore\" in docs/operating.md", err)
	}
	return contents, err
}

// components are the migrations by the part of the database that they make.
func components() map[string]fs.FS {
	all := map[string]fs.FS{}
	for _, m := range migrations() {
		all[m.component] = m.schema
	}
	return all
}

// mendable marks what the one who started the program can mend: everything but
// damage and a stop.
func mendable(err error) error {
	if errors.Is(err, database.ErrDamaged) || errors.Is(err, context.Canceled) {
		return err
	}
	return usageError{err}
}

// backupName is how the bot names a copy, and backupTime reads it back.
const backupLayout = "procurabot-20060102T150405Z.db"

func backupName(at time.Time) string { return at.UTC().Format(backupLayout) }

func backupTime(name string) (time.Time, bool) {
	at, err := time.Parse(backupLayout, name)
	return at, err == nil && backupName(at) == name
}

// size is a number of bytes for people.
func size(bytes int64) string {
	switch {
	case bytes < 1000:
		return fmt.Sprintf("%d bytes", bytes)
	case bytes < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1000)
	case bytes < 1000*1000*1000:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1000/1000)
	}
	return fmt.Sprintf("%.1f GB", float64(bytes)/1000/1000/1000)
}
