package database

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const secret = "interaction-token-7f3a"

// forgetful leaves a database of which no row holds the secret, while its file and its log do: rows of many lengths come in
// any order, so that SQLite moves them between pages, and all are blanked or deleted. The order is random, but always the
// same. It returns the names of the rows that are left.
func forgetful(t *testing.T, db *DB) []string {
	t.Helper()
	const rows = 300
	random := rand.New(rand.NewPCG(5, 2))
	exec(t, db, "DROP TABLE item")
	exec(t, db, "CREATE TABLE item (name TEXT PRIMARY KEY, receipt TEXT, payload TEXT) STRICT, WITHOUT ROWID")
	for _, i := range random.Perm(rows) {
		exec(t, db, "INSERT INTO item (name, payload) VALUES (?, ?)", fmt.Sprintf("%03d", i), strings.Repeat(secret, 2+random.IntN(40)))
	}
	var left []string
	for n, i := range random.Perm(rows) {
		name := fmt.Sprintf("%03d", i)
		if n%10 == 0 {
			exec(t, db, "DELETE FROM item WHERE name = ?", name)
			continue
		}
		exec(t, db, "UPDATE item SET payload = NULL, receipt = 'r' WHERE name = ?", name)
		left = append(left, name)
	}
	slices.Sort(left)
	onWriter(t, db, "PRAGMA wal_checkpoint(PASSIVE)")
	if n := number(t, db, "SELECT count(*) FROM item WHERE payload IS NOT NULL"); n != 0 {
		t.Fatalf("%d rows hold the secret", n)
	}
	for _, suffix := range []string{"", "-wal"} {
		n := secrets(t, db.Path()+suffix)
		if n == 0 {
			t.Fatalf("nothing is tested: SQLite leaves nothing in test.db%s, so another pattern must be found", suffix)
		}
		t.Logf("left in test.db%s: %d", suffix, n)
	}
	return left
}

// secrets counts how often the secret stands in a file.
func secrets(t *testing.T, path string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(b, []byte(secret))
}

// expectScrubbed holds that the rows are there and the secret is nowhere.
func expectScrubbed(t *testing.T, db *DB, rows []string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if n := secrets(t, db.Path()+suffix); n != 0 {
			t.Errorf("left in test.db%s: %d", suffix, n)
		}
	}
	if got := items(t, db); !slices.Equal(got, rows) {
		t.Errorf("the table holds %d rows, want %d", len(got), len(rows))
	}
}

func logSize(t *testing.T, db *DB) int64 {
	t.Helper()
	info, err := os.Stat(db.Path() + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestScrub(t *testing.T) {
	db := open(t, Options{})
	rows := forgetful(t, db)
	if err := db.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	expectScrubbed(t, db, rows)
	if size := logSize(t, db); size != 0 {
		t.Errorf("the log has %d bytes", size)
	}
	if changed, err := db.Foreign(t.Context()); err != nil || changed {
		t.Errorf("a scrub was taken for another's write: %v, %v", changed, err)
	}
	if err := db.Update(t.Context(), func(tx *Tx) error {
		var timeout int
		if err := tx.QueryRow("PRAGMA busy_timeout").Scan(&timeout); err != nil {
			return err
		}
		if timeout != busyTimeout {
			t.Errorf("afterwards the writer waits %d ms for a lock", timeout)
		}
		return insert("later")(tx)
	}); err != nil {
		t.Error(err)
	}
	integrityOf(t, db.Path())
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := db.Scrub(stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("after a stop: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Scrub(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// A view that holds on to what was before sees it to its end. The log cannot be emptied meanwhile; a later scrub does it.
func TestScrubWhileSomebodyReads(t *testing.T) {
	db := open(t, Options{})
	rows := forgetful(t, db)
	if err := db.View(t.Context(), func(tx *Tx) error {
		count := func() (n int) {
			if err := tx.QueryRow("SELECT count(*) FROM item").Scan(&n); err != nil {
				t.Error(err)
			}
			return n
		}
		before := count()
		if err := db.Scrub(t.Context()); err == nil || errors.Is(err, ErrUnwritable) {
			t.Errorf("while a view reads: %v", err)
		}
		exec(t, db, "INSERT INTO item (name) VALUES ('later')")
		if after := count(); before != len(rows) || after != before {
			t.Errorf("the view saw %d rows and then %d, want %d", before, after, len(rows))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	expectScrubbed(t, db, append(rows, "later"))
	integrityOf(t, db.Path())
}

// Another process that writes keeps the file from being rewritten.
func TestScrubWhileAnotherProcessWrites(t *testing.T) {
	db := open(t, Options{})
	rows := forgetful(t, db)
	other := rawPool(t, db.Path())
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	onWriter(t, db, "PRAGMA busy_timeout = 1")
	if err := db.Scrub(t.Context()); !errors.Is(err, ErrUnwritable) {
		t.Errorf("while another writes: %v", err)
	}
	if _, err := other.Exec("COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := db.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	expectScrubbed(t, db, rows)
}

// A disk without room for a second copy of the file: nothing is lost, writing goes on, and the log does not keep what little
// room there was.
func TestScrubOnAFullFileSystem(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=16m"); err != nil {
		t.Logf("this user may not mount a small tmpfs, so that no disk is full: %v", err)
	} else {
		t.Cleanup(func() {
			if err := syscall.Unmount(folder, 0); err != nil {
				t.Error(err)
			}
		})
	}
	db := openAt(t, filepath.Join(folder, "test.db"), Options{})
	rows := forgetful(t, db)
	exec(t, db, "INSERT INTO item (name, payload) VALUES ('large', printf('%.*c', 1000000, 'x'))")
	rows = append(rows, "large")
	onWriter(t, db, "PRAGMA wal_checkpoint(TRUNCATE)")
	ballast := filepath.Join(folder, "ballast")
	full := leave(t, ballast, 500_000)
	err := db.Scrub(t.Context())
	if full && !errors.Is(err, ErrUnwritable) || !full && err != nil {
		t.Errorf("full is %t: %v", full, err)
	}
	if size := logSize(t, db); size != 0 {
		t.Errorf("the log has %d bytes", size)
	}
	exec(t, db, "INSERT INTO item (name) VALUES ('later')")
	rows = append(rows, "later")
	if got := items(t, db); !slices.Equal(got, rows) {
		t.Errorf("the table holds %d rows, want %d", len(got), len(rows))
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := db.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	expectScrubbed(t, db, rows)
	integrityOf(t, db.Path())
}

// leave fills a small file system up to so many bytes. False means that this one is not small, and nothing was filled.
func leave(t *testing.T, ballast string, free int64) bool {
	t.Helper()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(ballast), &fs); err != nil {
		t.Fatal(err)
	}
	size := int64(fs.Bavail)*int64(fs.Bsize) - free
	small := size < 16<<20
	if !small {
		size = 0
	}
	if size < 0 {
		t.Fatal("the file system is too small for the test")
	}
	if err := os.WriteFile(ballast, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	return small
}
