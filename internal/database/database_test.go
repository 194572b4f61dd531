package database

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"
)

func TestOpenSaysWhatIsWrong(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, want string }{
		{"no folder", filepath.Join(folder, "missing", "x.db"), "does not exist"},
		{"a folder itself", folder, "it is a folder, not a file"},
		{"below a file", filepath.Join(text, "x.db"), "is not a folder"},
		// /proc refuses new files to everybody, root too, whom a folder's mode would not stop.
		{"unwritable folder", "/proc/x.db", "cannot be written"},
		{"no database", text, "is not a SQLite database"},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, err := Open(t.Context(), c.path, Options{})
			if err == nil {
				t.Fatal(errors.Join(errors.New("it opened"), db.Close()))
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one sentence with %q", err, c.want)
			}
		})
	}
	for _, c := range []struct{ name, path, want string }{
		{"no folder", filepath.Join(folder, "missing", "x.db"), "the folder " + filepath.Join(folder, "missing") + " does not exist"},
		{"below a file", filepath.Join(text, "x.db"), "is not a folder"},
		{"unwritable folder", "/proc/x.db", "cannot be written"},
	} {
		t.Run("lock, "+c.name, func(t *testing.T) {
			lock, err := Lock(c.path)
			if err == nil {
				t.Fatal(errors.Join(errors.New("it was locked"), lock.Close()))
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || errors.Is(err, ErrLocked) {
				t.Errorf("got %q, want one sentence with %q", err, c.want)
			}
		})
	}
	if _, err := Open(t.Context(), filepath.Join(folder, "x.db"), Options{Synchronous: "SOMETIMES"}); err == nil {
		t.Error("an unknown synchronous was taken")
	}
}

func TestPathMayHoldAnything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?mode=memory&c%20d#é.db")
	db := openAt(t, path, Options{})
	exec(t, db, "INSERT INTO item VALUES ('a')")
	if got := items(t, db); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the readers see %q", got)
	}
	if db.Path() != path {
		t.Errorf("Path is %q", db.Path())
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestSettingsOnEveryConnection(t *testing.T) {
	for _, synchronous := range []string{"", "OFF"} {
		db := open(t, Options{Synchronous: synchronous, Readers: 3})
		want := map[string]string{"foreign_keys": "1", "journal_mode": "wal", "busy_timeout": "5000"}
		check := func(tx *Tx, more map[string]string) error {
			for _, settings := range []map[string]string{want, more} {
				for name, value := range settings {
					var got string
					if err := tx.QueryRow("PRAGMA " + name).Scan(&got); err != nil {
						return err
					}
					if got != value {
						t.Errorf("%s is %s, want %s", name, got, value)
					}
				}
			}
			return nil
		}
		level := "2"
		if synchronous == "OFF" {
			level = "0"
		}
		if err := db.Update(t.Context(), func(tx *Tx) error {
			return check(tx, map[string]string{"synchronous": level, "secure_delete": "1", "temp_store": "2"})
		}); err != nil {
			t.Error(err)
		}
		// One inside the other: three different connections.
		var nested func(depth int) error
		nested = func(depth int) error {
			return db.View(t.Context(), func(tx *Tx) error {
				if err := check(tx, map[string]string{"query_only": "1"}); err != nil || depth == 1 {
					return err
				}
				return nested(depth - 1)
			})
		}
		if err := nested(3); err != nil {
			t.Error(err)
		}
	}
}

func TestViewIsOneSnapshotAndCannotWrite(t *testing.T) {
	db := open(t, Options{})
	exec(t, db, "INSERT INTO item VALUES ('a')")
	if err := db.View(t.Context(), func(tx *Tx) error {
		tx.AfterCommit(func() { t.Error("a hook of a view ran") })
		for range 2 {
			var n int
			if err := tx.QueryRow("SELECT count(*) FROM item").Scan(&n); err != nil {
				return err
			}
			if n != 1 {
				t.Errorf("the view sees %d rows", n)
			}
			exec(t, db, "INSERT INTO item VALUES (?)", db.NewID())
		}
		if _, err := tx.Exec("DELETE FROM item"); code(err) != sqlite3.ErrReadonly {
			t.Errorf("writing gave %v", err)
		}
		return tx.Savepoint(func() error { return errRefused })
	}); !errors.Is(err, errRefused) {
		t.Error(err)
	}
	if got := items(t, db); len(got) != 3 {
		t.Errorf("the table holds %q", got)
	}
	var panicked *PanicError
	if err := db.View(t.Context(), func(*Tx) error { panic("so what") }); !errors.As(err, &panicked) {
		t.Errorf("a panic gave %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := db.View(ctx, func(tx *Tx) error {
		cancel()
		_, err := tx.Query("SELECT 1")
		return err
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("a statement after the end of its context: %v", err)
	}
}

func TestRevision(t *testing.T) {
	db := open(t, Options{})
	revision := func() (token string) {
		t.Helper()
		if err := db.View(t.Context(), func(tx *Tx) (err error) { token, err = tx.Revision(); return }); err != nil {
			t.Fatal(err)
		}
		return token
	}
	start := revision()
	var rolledBack string
	if err := db.Update(t.Context(), func(tx *Tx) (err error) {
		if err := tx.Bump(); err != nil {
			return err
		}
		if rolledBack, err = tx.Revision(); err != nil {
			return err
		}
		return errRefused
	}); !errors.Is(err, errRefused) {
		t.Fatal(err)
	}
	if got := revision(); got != start || rolledBack == start {
		t.Errorf("after a rolled-back bump from %q: %q, inside it was %q", start, got, rolledBack)
	}
	if err := db.Update(t.Context(), (*Tx).Bump); err != nil {
		t.Fatal(err)
	}
	if got := revision(); got == start || got == rolledBack {
		t.Errorf("after a bump: %q, before %q, rolled back %q", got, start, rolledBack)
	}
}

func TestForeignWritesAreNoticed(t *testing.T) {
	db := open(t, Options{})
	asks := func(want bool, after string) {
		t.Helper()
		if got, err := db.Foreign(t.Context()); err != nil || got != want {
			t.Errorf("after %s: %v, %v", after, got, err)
		}
	}
	asks(false, "opening")
	exec(t, db, "INSERT INTO item VALUES ('a')")
	asks(false, "an update of our own")
	items(t, db)
	if err := db.Backup(t.Context(), db.Path()+".copy"); err != nil {
		t.Fatal(err)
	}
	asks(false, "reading and a backup")
	if _, err := rawPool(t, db.Path()).Exec("INSERT INTO item VALUES ('b')"); err != nil {
		t.Fatal(err)
	}
	exec(t, db, "INSERT INTO item VALUES ('c')")
	asks(true, "another connection's write and one of our own")
	asks(false, "asking")
	cmd, _, _ := start(t, childBumps, db.Path())
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	asks(true, "another process's write")
	asks(false, "asking")
}

// Who follows is told of foreign writes alone, and may read what was written.
func TestFollow(t *testing.T) {
	db := open(t, Options{})
	var seen [][]string
	db.Follow(func(context.Context) { seen = append(seen, items(t, db)) })
	ask := func() {
		t.Helper()
		if _, err := db.Foreign(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, db, "INSERT INTO item VALUES ('a')")
	ask()
	if _, err := rawPool(t, db.Path()).Exec("INSERT INTO item VALUES ('b')"); err != nil {
		t.Fatal(err)
	}
	ask()
	ask()
	if len(seen) != 1 || !slices.Equal(seen[0], []string{"a", "b"}) {
		t.Errorf("told of %q", seen)
	}
}

func TestBackup(t *testing.T) {
	db := open(t, Options{})
	exec(t, db, "INSERT INTO item VALUES ('a')")
	folder := t.TempDir()
	to := filepath.Join(folder, "copy.db")
	if err := os.WriteFile(to, []byte("an older copy"), 0o600); err != nil {
		t.Fatal(err)
	}
	// Even out of an operation: the writer is not needed, and the copy holds what was committed.
	if err := db.Update(t.Context(), func(tx *Tx) error {
		if err := insert("b")(tx); err != nil {
			return err
		}
		return db.Backup(t.Context(), to)
	}); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 1 {
		t.Errorf("the folder holds %v, %v", files, err)
	}
	if got := items(t, openAt(t, to, Options{})); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the copy holds %q", got)
	}
	if err := db.Backup(t.Context(), filepath.Join(folder, "missing", "copy.db")); err == nil {
		t.Error("a backup into no folder succeeded")
	}
}
