package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mattn/go-sqlite3"
)

// ErrInUse says that another program has the database open.
var ErrInUse = errors.New("another program has the database open")

// Fold makes the database at path a single file: what is in the write-ahead log goes into it, and nothing is left beside it.
// It needs the database for itself ([ErrInUse]) and the program's lock ([Lock]). [Open] goes back to the log.
func Fold(ctx context.Context, path string) error {
	if err := fold(ctx, path); err != nil {
		return fmt.Errorf("fold database %s: %w", path, explainContent(err))
	}
	return nil
}

func fold(ctx context.Context, path string) error {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	pool, err := sql.Open("sqlite3", dataSource(absolute, "mode=rw"))
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(1)
	var mode string
	// Leaving WAL is what SQLite does only for the last connection. https://www.sqlite.org/pragma.html#pragma_journal_mode
	err = errors.Join(pool.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode), pool.Close())
	switch {
	case code(err) == sqlite3.ErrBusy:
		return fmt.Errorf("%w (%w)", ErrInUse, err)
	case err == nil && mode != "delete":
		return ErrInUse
	case err != nil:
		return explainTarget(path, explain(path, err))
	}
	// Else a power cut could bring the log back, which has been deleted, and not what it held.
	return errors.Join(syncPath(absolute), syncPath(filepath.Dir(absolute)))
}

// beside are the files that SQLite keeps next to a database and that hold a part of what is stored.
func beside() []string { return []string{"-wal", "-journal"} }

// Keep copies what is at path, byte by byte, to the file at kept, which must not exist, and onto the disk. It is folded
// first, see [Fold]; what cannot be read as a database any more is kept as it is, with the files beside it.
func Keep(ctx context.Context, path, kept string) error {
	if exists(path) {
		if err := Fold(ctx, path); err != nil && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrDamaged) {
			return err
		}
	}
	// The database last: it says that all is there.
	for _, suffix := range append(beside(), "") {
		if !exists(path + suffix) {
			continue
		}
		if err := copyBytes(path+suffix, kept+suffix); err != nil {
			return fmt.Errorf("keep %s: %w", path, explainTarget(kept, err))
		}
	}
	return nil
}

func copyBytes(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.CreateTemp(filepath.Dir(to), filepath.Base(to)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(target.Name())
		}
	}()
	_, err = io.Copy(target, source)
	if err := errors.Join(err, target.Sync(), target.Close()); err != nil {
		return err
	}
	if err := renameNew(target.Name(), to); err != nil {
		return err
	}
	return syncPath(filepath.Dir(to))
}

// Replace puts the file at with, which was folded and lies on the same file system, in the place of the database at path. What
// was there is gone: [Keep] it first. At every moment there is either database at path, and never the log of one beside the
// other, which SQLite would take for its own.
func Replace(path, with string) error {
	for _, suffix := range append(beside(), "-shm") {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("replace %s: %w", path, err)
		}
	}
	folder := filepath.Dir(path)
	if err := errors.Join(syncPath(with), syncPath(folder)); err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	if err := os.Rename(with, path); err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	if err := syncPath(folder); err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
