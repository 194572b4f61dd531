package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/mattn/go-sqlite3"
)

// ErrForeign says that a file is no database, or not one of this program.
var ErrForeign = errors.New("the file is not a database of this program")

// Contents is what an inspection has found.
type Contents struct {
	Size   int64 // of the file, in bytes
	Tables int
	Rows   int64 // of all tables together
}

// Inspect reads the whole file at path, which may be in use, and changes nothing in it. known are the migrations of the
// program's components, as for [DB.Migrate]; this package's own need not be among them. It returns [ErrForeign], [ErrDamaged] (the pages, the indexes, the foreign
// keys), or a [*NewerSchemaError] where a component is unknown or has been migrated further than this program can.
func Inspect(ctx context.Context, path string, known map[string]fs.FS) (c Contents, err error) {
	if info, err := os.Stat(path); err != nil {
		return Contents{}, fmt.Errorf("inspect database: %w", err)
	} else if info.IsDir() {
		return Contents{}, fmt.Errorf("inspect %s: %w: it is a folder", path, ErrForeign)
	}
	if err := onFile(path, func(pool *sql.DB) (err error) {
		c, err = inspect(ctx, pool, known)
		return err
	}); err != nil {
		return Contents{}, fmt.Errorf("inspect %s: %w", path, err)
	}
	return c, nil
}

func inspect(ctx context.Context, pool *sql.DB, known map[string]fs.FS) (c Contents, err error) {
	defer func() { err = explainContent(err) }()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return Contents{}, err
	}
	defer conn.Close()
	// One snapshot for all that is read.
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return Contents{}, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	if err := checkVersions(ctx, tx, known); err != nil {
		return Contents{}, err
	}
	if err := integrity(ctx, tx); err != nil {
		return Contents{}, err
	}
	var table, parent string
	switch err := tx.QueryRowContext(ctx, `SELECT "table", parent FROM pragma_foreign_key_check LIMIT 1`).Scan(&table, &parent); {
	case err == nil:
		return Contents{}, fmt.Errorf("%w: a row of %s refers to a row of %s that does not exist", ErrDamaged, table, parent)
	case !errors.Is(err, sql.ErrNoRows):
		return Contents{}, err
	}
	return count(ctx, tx)
}

func checkVersions(ctx context.Context, on queryer, known map[string]fs.FS) error {
	highest := map[string]int{}
	add := func(component string, schema fs.FS) error {
		all, err := readMigrations(schema)
		highest[component] = len(all)
		return err
	}
	if err := add("database", ownSchema); err != nil {
		return err
	}
	for component, schema := range known {
		if err := add(component, schema); err != nil {
			return err
		}
	}
	versions, err := pairs(ctx, on, "SELECT component, CAST(version AS TEXT) FROM database_version ORDER BY component")
	if code(err) == sqlite3.ErrError { // no such table
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	if err != nil {
		return err
	}
	for _, v := range versions {
		stored, err := strconv.Atoi(v[1])
		if err != nil {
			return err
		}
		if stored > highest[v[0]] {
			return &NewerSchemaError{v[0], stored, highest[v[0]]}
		}
	}
	return nil
}

// count reads every row of every table once.
func count(ctx context.Context, on queryer) (c Contents, err error) {
	tables, err := pairs(ctx, on, `SELECT name, '"' || replace(name, '"', '""') || '"' FROM sqlite_schema
		WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`)
	if err != nil {
		return Contents{}, err
	}
	for _, t := range tables {
		var rows int64
		if err := on.QueryRowContext(ctx, "SELECT count(*) FROM "+t[1]).Scan(&rows); err != nil {
			return Contents{}, err
		}
		c.Tables++
		c.Rows += rows
	}
	err = on.QueryRowContext(ctx, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").Scan(&c.Size)
	return c, err
}

func pairs(ctx context.Context, on queryer, query string) (all [][2]string, err error) {
	rows, err := on.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var p [2]string
		if err := rows.Scan(&p[0], &p[1]); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, rows.Err()
}

// explainContent tells what is wrong with a file from what SQLite says when it reads one.
func explainContent(err error) error {
	switch code(err) {
	case sqlite3.ErrNotADB:
		return fmt.Errorf("%w: %w", ErrForeign, err)
	case sqlite3.ErrCorrupt:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// Look runs fn on the file at path as a View would, without opening it as a program's own: nothing is migrated. The file may
// be in use, and of another version than the tables that fn knows.
func Look(ctx context.Context, path string, fn func(*Tx) error) error {
	err := onFile(path, func(pool *sql.DB) error {
		on, err := pool.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		tx := &Tx{on: on, ctx: ctx}
		defer func() {
			tx.end()
			_ = on.Rollback() // nothing was written
		}()
		return guard(func() error { return fn(tx) })
	})
	if err != nil {
		return fmt.Errorf("look into %s: %w", path, explainContent(err))
	}
	return nil
}
