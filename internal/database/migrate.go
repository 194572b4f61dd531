package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// NewerSchemaError says that the database was written by a newer program, which knows migrations that this one does not.
type NewerSchemaError struct {
	Component string
	Stored    int // the version in the database
	Known     int // the highest that this program knows
}

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("the database is newer than this program: %s has version %d, the program knows %d",
		e.Component, e.Stored, e.Known)
}

// migration is one file of a component.
type migration struct {
	version int
	name    string
	script  string
}

// Migrate brings the tables of component up to date. schema holds, in any folder of it, files named "0001_words.sql",
// "0002_more.sql" and so on without a gap; each runs once, in order, in a transaction of its own together with the new
// version, so that a failing one leaves the database at the version before it. Foreign keys are off while a script runs, so
// that it can rebuild a table, and are checked before its commit. A script must not say BEGIN, COMMIT or ROLLBACK.
//
// When there already is a version and something is to be done, a copy goes to "<path>.before-<component>-<version>" first.
// A version higher than the files gives a [*NewerSchemaError], and nothing is touched.
func (db *DB) Migrate(ctx context.Context, component string, schema fs.FS) error {
	migrations, err := readMigrations(schema)
	if err == nil {
		err = db.writer.do(ctx, &job{alone: func(c *connection) error { return db.migrate(c, component, migrations) }})
	}
	if err != nil {
		return fmt.Errorf("migrate %s: %w", component, err)
	}
	return nil
}

// readMigrations reads the files in order and insists on 1, 2, 3, ...
func readMigrations(schema fs.FS) ([]migration, error) {
	var all []migration
	err := fs.WalkDir(schema, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".sql" {
			return err
		}
		number, _, ok := strings.Cut(path.Base(name), "_")
		version, convErr := strconv.Atoi(number)
		if !ok || convErr != nil {
			return fmt.Errorf("%s: a migration is named like 0001_words.sql", name)
		}
		script, err := fs.ReadFile(schema, name)
		all = append(all, migration{version, name, string(script)})
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b migration) int { return a.version - b.version })
	for i, m := range all {
		if m.version != i+1 {
			return nil, fmt.Errorf("%s: its number should be %d", m.name, i+1)
		}
	}
	return all, nil
}

func (db *DB) migrate(c *connection, component string, migrations []migration) (err error) {
	stored, err := c.version(component)
	if err != nil {
		return err
	}
	if stored > len(migrations) {
		return &NewerSchemaError{component, stored, len(migrations)}
	}
	if stored == len(migrations) {
		return nil
	}
	if stored > 0 {
		before := fmt.Sprintf("%s.before-%s-%d", db.path, component, stored)
		if err := copyFile(background, db.path, before, whole(background), os.Rename); err != nil {
			return fmt.Errorf("copy the database first: %w", unwritable(err))
		}
	}
	// This pragma does nothing inside a transaction. https://www.sqlite.org/lang_altertable.html#otheralter
	if _, err := c.sql.ExecContext(background, "PRAGMA foreign_keys = off"); err != nil {
		return err
	}
	defer func() {
		if _, on := c.sql.ExecContext(background, "PRAGMA foreign_keys = on"); on != nil {
			err = errors.Join(err, on)
		}
	}()
	for _, m := range migrations[stored:] {
		if err := c.apply(component, m); err != nil {
			return fmt.Errorf("%s: %w", m.name, unwritable(err))
		}
	}
	return nil
}

// version reads a component's version, 0 when it has none.
func (c *connection) version(component string) (version int, err error) {
	var tables int
	if err := c.sql.QueryRowContext(background,
		"SELECT count(*) FROM sqlite_schema WHERE name = 'database_version'").Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	err = c.sql.QueryRowContext(background,
		"SELECT coalesce(max(version), 0) FROM database_version WHERE component = ?", component).Scan(&version)
	return version, err
}

// apply runs one migration, unless another process was faster.
func (c *connection) apply(component string, m migration) (err error) {
	if err := c.begin.run(); err != nil {
		return err
	}
	defer func() {
		if c.inTransaction() {
			err = errors.Join(err, c.rollback.run())
		}
	}()
	if stored, err := c.version(component); err != nil || stored >= m.version {
		return err
	}
	if _, err := c.sql.ExecContext(background, m.script); err != nil {
		return err
	}
	if !c.inTransaction() {
		return errors.New("the script ends the transaction it runs in")
	}
	if err := c.checkForeignKeys(); err != nil {
		return err
	}
	if _, err := c.sql.ExecContext(background, `INSERT INTO database_version (component, version) VALUES (?, ?)
		ON CONFLICT (component) DO UPDATE SET version = excluded.version`, component, m.version); err != nil {
		return err
	}
	return c.commit.run()
}

func (c *connection) checkForeignKeys() (err error) {
	rows, err := c.sql.QueryContext(background, "SELECT \"table\", parent FROM pragma_foreign_key_check LIMIT 1")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if rows.Next() {
		var table, parent string
		if err := rows.Scan(&table, &parent); err != nil {
			return err
		}
		return fmt.Errorf("a row of %s refers to a row of %s that does not exist", table, parent)
	}
	return rows.Err()
}
