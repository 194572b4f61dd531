package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"procurabot/internal/database"
)

const (
	// backupRetry is how soon a copy that failed is tried again.
	backupRetry = 15 * time.Minute
	// backupLeft is when half a copy that a killed process left is deleted: one
	// that is still being made was written to more recently.
	backupLeft = time.Hour
)

// backups copies the database into a folder on a schedule. What is known of
// earlier copies is the folder itself, so that a restart changes nothing.
type backups struct {
	database string
	folder   string // "": none are made
	every    time.Duration
	keep     int // how many of the newest
	log      *slog.Logger
	failed   func(error) // told of each occurrence that fails; may be nil

	now   func() time.Time
	copy  func(ctx context.Context, from, to string) (database.Contents, error)
	quiet time.Time // until when a failure has been reported

	mu   sync.Mutex
	last backup
}

// backup is a copy that was whole when it was made.
type backup struct {
	at   time.Time
	size int64
	path string
}

func newBackups(c config, log *slog.Logger) *backups {
	return &backups{
		database: c.Database, folder: c.BackupDir, every: c.BackupEvery, keep: c.BackupKeep, log: log,
		now: time.Now, copy: copyDatabase,
	}
}

// Last is when the last good copy was made, and how large it is; the zero time
// when there is none.
func (b *backups) Last() (at time.Time, size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last.at, b.last.size
}

// start makes copies when they are due, until ctx ends or the returned function
// is called; that waits for a copy to be broken off.
func (b *backups) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var loop sync.WaitGroup
	if b.folder != "" {
		loop.Go(func() { b.run(ctx) })
	}
	return func() {
		cancel()
		loop.Wait()
	}
}

// run is the only one that calls step, so no copy is made while another is.
func (b *backups) run(ctx context.Context) {
	for {
		next := b.step(ctx)
		timer := time.NewTimer(next.Sub(b.now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// step makes a copy if one is due, and says when to come again.
func (b *backups) step(ctx context.Context) (next time.Time) {
	now := b.now()
	newest, err := b.newest(now)
	if err == nil {
		if due := newest.at.Add(b.every); newest.at.IsZero() || !due.After(now) {
			newest, err = b.make(ctx, now)
		}
	}
	if err != nil {
		if ctx.Err() == nil {
			b.report(now, err)
		}
		return now.Add(min(b.every, backupRetry))
	}
	b.quiet = time.Time{}
	b.mu.Lock()
	b.last = newest
	b.mu.Unlock()
	return newest.at.Add(b.every)
}

// newest is the last copy in the folder that was made by now. One that is
// dated later, by a clock that was wrong, does not put the next one off.
func (b *backups) newest(now time.Time) (backup, error) {
	all, err := b.stored()
	if err != nil {
		return backup{}, err
	}
	for _, one := range slices.Backward(all) {
		if one.at.After(now) {
			continue
		}
		info, err := os.Stat(one.path)
		if err != nil {
			return backup{}, err
		}
		one.size = info.Size()
		return one, nil
	}
	return backup{}, nil
}

// stored are the files that the bot has named, the oldest first.
func (b *backups) stored() (all []backup, err error) {
	files, err := os.ReadDir(b.folder)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if at, ok := backupTime(f.Name()); ok && f.Type().IsRegular() {
			all = append(all, backup{at: at, path: filepath.Join(b.folder, f.Name())})
		}
	}
	slices.SortFunc(all, func(a, b backup) int { return a.at.Compare(b.at) })
	return all, nil
}

func (b *backups) make(ctx context.Context, now time.Time) (backup, error) {
	made := backup{path: filepath.Join(b.folder, backupName(now)), at: now.UTC().Truncate(time.Second)}
	contents, err := b.copy(ctx, b.database, made.path)
	if err != nil {
		return backup{}, err
	}
	made.size = contents.Size
	b.log.Info("the database was copied", "file", made.path, "bytes", contents.Size, "rows", contents.Rows)
	if err := b.rotate(made, now); err != nil {
		// The copy is there. What is too much goes with the next.
		b.log.Error("older copies of the database could not be deleted: delete them by hand", "folder", b.folder, "err", err)
	}
	return made, nil
}

// rotate deletes what is older than the copies to keep, and half copies that a
// killed process left. It touches only what the bot has named, and never the
// copy that was just made and verified.
func (b *backups) rotate(made backup, now time.Time) error {
	all, err := b.stored()
	if err != nil {
		return err
	}
	var wrong []error
	for _, old := range all[:max(0, len(all)-b.keep)] {
		if old.path != made.path {
			wrong = append(wrong, os.Remove(old.path))
		}
	}
	files, err := os.ReadDir(b.folder)
	if err != nil {
		return err
	}
	for _, f := range files {
		name, rest, half := strings.Cut(f.Name(), ".db.")
		_, ours := backupTime(name + ".db")
		if !ours || !half || !strings.HasSuffix(strings.TrimSuffix(rest, "-journal"), ".tmp") {
			continue
		}
		if info, err := f.Info(); err == nil && now.Sub(info.ModTime()) > backupLeft {
			wrong = append(wrong, os.Remove(filepath.Join(b.folder, f.Name())))
		}
	}
	return errors.Join(wrong...)
}

// report tells of a failure once an occurrence, however often it is tried.
func (b *backups) report(now time.Time, err error) {
	if now.Before(b.quiet) {
		return
	}
	b.quiet = now.Add(b.every)
	err = fmt.Errorf("back up the database: %w", err)
	b.log.Error("the database could not be copied, and it is tried again until it can: "+b.advice(err), "folder", b.folder, "err", err)
	if b.failed != nil {
		b.failed(err)
	}
}

func (b *backups) advice(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "make the folder PROCURABOT_BACKUP_DIR, or mount the disk that it is on"
	case errors.Is(err, fs.ErrPermission):
		return "let the bot's user write into PROCURABOT_BACKUP_DIR"
	case errors.Is(err, database.ErrDamaged):
		return "the database itself is damaged, stop the bot and restore the newest copy"
	}
	return "free space in PROCURABOT_BACKUP_DIR, or name a folder that can be written"
}
