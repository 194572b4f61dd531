package database

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
)

func TestLockAcrossProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	cmd, in, out := start(t, childLocks, path)
	if !out.Scan() || out.Text() != "locked" {
		t.Fatalf("the other process said %q", out.Text())
	}
	if _, err := Lock(path); !errors.Is(err, ErrLocked) {
		t.Errorf("while another process holds it: %v", err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	lock, err := Lock(path)
	if err != nil {
		t.Fatalf("after the other process ended: %v", err)
	}
	if _, err := Lock(path); !errors.Is(err, ErrLocked) {
		t.Errorf("twice in one process: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
	if lock, err = Lock(path); err != nil {
		t.Fatalf("after it was given back: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
}

// What a process acknowledged before it was killed is there, and each operation is there whole or not at all.
func TestKilledProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	db := openAt(t, path, Options{})
	exec(t, db, "CREATE TABLE twin (name TEXT PRIMARY KEY) STRICT")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []string
	for round := range 5 {
		cmd, _, out := start(t, childWrites, path)
		for range 50 + 37*round {
			if !out.Scan() {
				t.Fatal("the other process ended by itself")
			}
			acknowledged = append(acknowledged, out.Text())
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for out.Scan() { // what it had written to the pipe before it died
			acknowledged = append(acknowledged, out.Text())
		}
		_ = cmd.Wait() // killed
		db := openAt(t, path, Options{})
		stored := items(t, db)
		for _, name := range acknowledged {
			if _, ok := slices.BinarySearch(stored, name); !ok {
				t.Errorf("round %d: %s was acknowledged and is lost", round, name)
			}
		}
		if n := number(t, db, `SELECT (SELECT count(*) FROM item WHERE name NOT IN (SELECT name FROM twin))
			+ (SELECT count(*) FROM twin WHERE name NOT IN (SELECT name FROM item))`); n != 0 {
			t.Errorf("round %d: %d operations are half there", round, n)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		integrityOf(t, path)
	}
	t.Logf("%d acknowledged", len(acknowledged))
}
