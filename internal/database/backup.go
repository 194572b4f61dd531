package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// ErrDamaged says that a file is a database whose content does not hold together, and that no copy of it is any good.
var ErrDamaged = errors.New("the database is damaged")

// Backup writes a copy of the database, as it is at one moment, to the file at to, and replaces what is there. The copy is
// complete, checked and on disk before it gets its name, so that a file of that name is never half a backup. Writing goes on
// meanwhile.
func (db *DB) Backup(ctx context.Context, to string) error {
	if err := copyFile(ctx, db.path, to, whole(ctx), os.Rename); err != nil {
		return fmt.Errorf("back up to %s: %w", to, err)
	}
	return nil
}

// Copy is Backup of a database that need not be open, into a file that must not exist: fs.ErrExist else. It writes nothing
// to the database. Before the copy gets its name it is inspected, see [Inspect], and what is in it is returned. An error
// leaves no file, and is one that who started the program can mend, unless it is [ErrDamaged] or ctx's own.
func Copy(ctx context.Context, from, to string, known map[string]fs.FS) (c Contents, err error) {
	if _, err := os.Lstat(to); err == nil {
		return Contents{}, fmt.Errorf("copy to %s: %w", to, fs.ErrExist) // rather now than when all is done
	}
	err = copyFile(ctx, from, to, func(pool *sql.DB) (err error) {
		c, err = inspect(ctx, pool, known)
		return err
	}, renameNew)
	if err != nil {
		return Contents{}, fmt.Errorf("copy %s to %s: %w", from, to, err)
	}
	return c, nil
}

func copyFile(ctx context.Context, from, to string, check func(*sql.DB) error, publish func(temporary, to string) error) (err error) {
	// The file is there before SQLite fills it, so that nobody else may read it: https://www.sqlite.org/lang_vacuum.html
	// allows an empty one.
	file, err := os.CreateTemp(filepath.Dir(to), filepath.Base(to)+".*.tmp")
	if err != nil {
		return explainTarget(to, err)
	}
	temporary := file.Name()
	defer func() {
		if err != nil {
			_ = os.Remove(temporary)
			_ = os.Remove(temporary + "-journal") // SQLite leaves it where the disk is full
		}
	}()
	if err := file.Close(); err != nil {
		return explainTarget(to, err)
	}
	// Not one of the readers: query_only would refuse the copy too.
	if err := onFile(from, func(source *sql.DB) error {
		_, err := source.ExecContext(ctx, "VACUUM INTO ?", temporary)
		return err
	}); err != nil {
		return explainTarget(to, explainContent(err))
	}
	if err := onFile(temporary, check); err != nil {
		return err
	}
	if err := syncPath(temporary); err != nil {
		return explainTarget(to, err)
	}
	if err := publish(temporary, to); err != nil {
		return err
	}
	return syncPath(filepath.Dir(to))
}

// renameNew renames a file and never overwrites another. A second name is the only way that all systems have for that; a file
// system without second names (a memory stick, some network drives) leaves a moment between looking and renaming.
func renameNew(from, to string) error {
	err := os.Link(from, to)
	if err == nil {
		return os.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s: %w", to, fs.ErrExist)
	}
	return os.Rename(from, to)
}

// onFile opens a file for reading alone.
func onFile(path string, do func(*sql.DB) error) error {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	pool, err := sql.Open("sqlite3", dataSource(absolute, "mode=ro"))
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(1)
	return errors.Join(do(pool), pool.Close())
}

// whole is integrity as a check of a copy.
func whole(ctx context.Context) func(*sql.DB) error {
	return func(pool *sql.DB) error { return integrity(ctx, pool) }
}

func integrity(ctx context.Context, on queryer) error {
	var verdict string
	if err := on.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return explainContent(err)
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, verdict)
	}
	return nil
}

func syncPath(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// explainTarget says in one sentence why no copy could be written at path.
func explainTarget(path string, err error) error {
	switch {
	case code(err) == sqlite3.ErrFull || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("there is not enough space on the disk of %s: %w", filepath.Dir(path), err)
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.ENOTDIR):
		return explainPlace(path, err)
	}
	return err
}
