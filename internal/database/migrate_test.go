package database

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func files(scripts ...string) fstest.MapFS {
	schema := fstest.MapFS{"README.md": {Data: []byte("not a migration")}}
	for i, script := range scripts {
		schema[fmt.Sprintf("schema/%04d_step.sql", i+1)] = &fstest.MapFile{Data: []byte(script)}
	}
	return schema
}

const (
	stepTables = `CREATE TABLE club (id TEXT PRIMARY KEY) STRICT;
		CREATE TABLE player (name TEXT NOT NULL, club TEXT NOT NULL REFERENCES club) STRICT;
		INSERT INTO club VALUES ('c'); INSERT INTO player VALUES ('p', 'c');`
	// The rebuild that SQLite recommends: it would delete the players if foreign keys were on.
	stepRebuild = `CREATE TABLE club_new (id TEXT PRIMARY KEY, town TEXT NOT NULL DEFAULT '') STRICT;
		INSERT INTO club_new (id) SELECT id FROM club;
		DROP TABLE club;
		ALTER TABLE club_new RENAME TO club; -- and a comment at the end
		`
)

func version(t *testing.T, db *DB, component string) int {
	t.Helper()
	return number(t, db, "SELECT coalesce(max(version), 0) FROM database_version WHERE component = '"+component+"'")
}

// schemaOf is all that SQLite knows of the tables, but for the statistics that it keeps itself.
func schemaOf(t *testing.T, db *DB) (all string) {
	t.Helper()
	if err := db.View(t.Context(), func(tx *Tx) error {
		return tx.QueryRow(`SELECT group_concat(line, char(10)) FROM (SELECT type || ' ' || name || ': ' || coalesce(sql, '') AS line
			FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name)`).Scan(&all)
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestMigrateStepByStepIsMigrateAtOnce(t *testing.T) {
	steps, once := open(t, Options{}), open(t, Options{})
	for n := range 2 {
		schema := files([]string{stepTables, stepRebuild}[:n+1]...)
		for range 2 { // the second time there is nothing to do
			if err := steps.Migrate(t.Context(), "clubs", schema); err != nil {
				t.Fatal(err)
			}
		}
		if got := version(t, steps, "clubs"); got != n+1 {
			t.Errorf("version %d after migration %d", got, n+1)
		}
	}
	if err := once.Migrate(t.Context(), "clubs", files(stepTables, stepRebuild)); err != nil {
		t.Fatal(err)
	}
	if a, b := schemaOf(t, steps), schemaOf(t, once); a != b {
		t.Errorf("step by step:\n%s\nat once:\n%s", a, b)
	}
	if n := number(t, steps, "SELECT count(*) FROM player JOIN club ON club.id = player.club"); n != 1 {
		t.Errorf("%d players with a club after the rebuild", n)
	}
	if err := steps.Update(t.Context(), func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO player VALUES ('q', 'nowhere')")
		return err
	}); err == nil {
		t.Error("foreign keys are off after a migration")
	}
	// Each component counts for itself.
	if err := steps.Migrate(t.Context(), "other", files("CREATE TABLE other (a TEXT) STRICT")); err != nil {
		t.Error(err)
	}

	before := openAt(t, steps.Path()+".before-clubs-1", Options{})
	if got := version(t, before, "clubs"); got != 1 || strings.Contains(schemaOf(t, before), "town") {
		t.Errorf("the copy has version %d and\n%s", got, schemaOf(t, before))
	}
	if _, err := os.Stat(once.Path() + ".before-clubs-0"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a copy was made of nothing: %v", err)
	}
}

func TestFailingMigrationLeavesTheVersion(t *testing.T) {
	db := open(t, Options{})
	if err := db.Migrate(t.Context(), "clubs", files(stepTables)); err != nil {
		t.Fatal(err)
	}
	before := schemaOf(t, db)
	for name, script := range map[string]string{
		"wrong SQL":            "CREATE TABLE half (a TEXT) STRICT; CREATE TABLE half (a TEXT) STRICT;",
		"broken foreign key":   "CREATE TABLE half (a TEXT) STRICT; DELETE FROM club;",
		"table that exists":    "CREATE TABLE club (a TEXT)",
		"ends its transaction": "ROLLBACK",
	} {
		t.Run(name, func(t *testing.T) {
			err := db.Migrate(t.Context(), "clubs", files(stepTables, script, "CREATE TABLE third (a TEXT) STRICT"))
			if err == nil || !strings.Contains(err.Error(), "0002_step.sql") {
				t.Errorf("got %v", err)
			}
			if got := version(t, db, "clubs"); got != 1 || schemaOf(t, db) != before {
				t.Errorf("it left version %d and\n%s", got, schemaOf(t, db))
			}
			exec(t, db, "INSERT INTO item VALUES (?)", name)
		})
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	db := open(t, Options{})
	if err := db.Migrate(t.Context(), "clubs", files(stepTables, stepRebuild)); err != nil {
		t.Fatal(err)
	}
	var newer *NewerSchemaError
	if err := db.Migrate(t.Context(), "clubs", files(stepTables)); !errors.As(err, &newer) ||
		*newer != (NewerSchemaError{"clubs", 2, 1}) {
		t.Errorf("got %v", err)
	}
	exec(t, db, "UPDATE database_version SET version = 99 WHERE component = 'database'")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), db.Path(), Options{}); !errors.As(err, &newer) || newer.Stored != 99 {
		t.Errorf("opening a newer file: %v", err)
	}
}

func TestMigrationNames(t *testing.T) {
	db := open(t, Options{})
	for _, names := range [][]string{{"0002_second.sql"}, {"0001_a.sql", "0003_c.sql"}, {"0001_a.sql", "more/1_b.sql"}, {"first.sql"},
		{"x_a.sql"}, {"0000_a.sql"}} {
		schema := fstest.MapFS{}
		for _, name := range names {
			schema[name] = &fstest.MapFile{Data: []byte("SELECT 1")}
		}
		if err := db.Migrate(t.Context(), "clubs", schema); err == nil {
			t.Errorf("%v were taken", names)
		}
	}
}

// Every version of this package's own tables that was ever in use, frozen, opens and becomes what a fresh file is.
func TestFrozenFilesBecomeFreshOnes(t *testing.T) {
	frozen, err := filepath.Glob("testdata/frozen/*.sql")
	if err != nil || len(frozen) == 0 {
		t.Fatalf("no frozen files: %v", err)
	}
	want := schemaOf(t, open(t, Options{}))
	for _, name := range frozen {
		t.Run(filepath.Base(name), func(t *testing.T) {
			script, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "old.db")
			pool := rawPool(t, path)
			if _, err := pool.Exec(string(script)); err != nil {
				t.Fatal(err)
			}
			if err := pool.Close(); err != nil {
				t.Fatal(err)
			}
			if got := schemaOf(t, openAt(t, path, Options{})); got != want {
				t.Errorf("migrated:\n%s\nfresh:\n%s", got, want)
			}
		})
	}
}
