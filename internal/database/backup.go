package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Backup writes a copy of the database, as it is at one moment, to the file at to, and replaces what is there. The copy is
// complete, checked and on disk before it gets its name, so that a file of that name is never half a backup. Writing goes on
// meanwhile.
func (db *DB) Backup(ctx context.Context, to string) error {
	if err := copyFile(ctx, db.path, to, db.NewID()); err != nil {
		return fmt.Errorf("back up to %s: %w", to, err)
	}
	return nil
}

func copyFile(ctx context.Context, from, to, unique string) (err error) {
	temporary := to + "." + unique + ".tmp"
	defer func() {
		if err != nil {
			_ = os.Remove(temporary)
		}
	}()
	// Not one of the readers: query_only would refuse the copy too.
	if err := onFile(ctx, from, func(source *sql.DB) error {
		_, err := source.ExecContext(ctx, "VACUUM INTO ?", temporary)
		return err
	}); err != nil {
		return err
	}
	if err := onFile(ctx, temporary, integrity(ctx)); err != nil {
		return err
	}
	if err := syncPath(temporary); err != nil {
		return err
	}
	if err := os.Rename(temporary, to); err != nil {
		return err
	}
	return syncPath(filepath.Dir(to))
}

func onFile(ctx context.Context, path string, do func(*sql.DB) error) error {
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

func integrity(ctx context.Context) func(*sql.DB) error {
	return func(pool *sql.DB) error {
		var verdict string
		if err := pool.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
			return err
		}
		if verdict != "ok" {
			return fmt.Errorf("the copy is damaged: %s", verdict)
		}
		return nil
	}
}

func syncPath(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
