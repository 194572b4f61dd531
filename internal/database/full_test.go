package database

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mattn/go-sqlite3"
)

// fill lets 64 callers write until the disk is full for all of them, and returns the names that were acknowledged and
// how often the writer said no.
func fill(t *testing.T, db *DB, round string) (acknowledged []string, refused int) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for caller := range 64 {
		wg.Go(func() {
			for i, failures := 0, 0; failures < 3; i++ {
				name := fmt.Sprintf("%s %02d %06d %s", round, caller, i, strings.Repeat("x", 100+i%700))
				err := db.Update(context.Background(), insert(name))
				mu.Lock()
				if err == nil {
					acknowledged = append(acknowledged, name)
				} else {
					failures++
					refused++
					if !errors.Is(err, ErrUnwritable) {
						t.Errorf("a full disk gave %v", err)
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(acknowledged)
	return acknowledged, refused
}

// A full disk may end the transaction of the whole group inside one savepoint, or show only at COMMIT.
func TestFullDiskAcknowledgedIsStored(t *testing.T) {
	db := open(t, Options{})
	pages := number(t, db, "SELECT page_count FROM pragma_page_count")
	onWriter(t, db, fmt.Sprintf("PRAGMA max_page_count = %d", pages+100))
	acknowledged, refused := fill(t, db, "full")
	if len(acknowledged) == 0 || refused == 0 {
		t.Fatalf("nothing was tested: %d acknowledged, %d refused", len(acknowledged), refused)
	}
	if got := items(t, db); !slices.Equal(got, acknowledged) {
		t.Errorf("%d acknowledged, %d stored", len(acknowledged), len(got))
	}
	onWriter(t, db, fmt.Sprintf("PRAGMA max_page_count = %d", pages+100000))
	exec(t, db, "INSERT INTO item VALUES ('there is space again')")
	if got := items(t, db); len(got) != len(acknowledged)+1 {
		t.Errorf("%d rows, want %d", len(got), len(acknowledged)+1)
	}
	integrityOf(t, db.Path())
	t.Logf("%d acknowledged and stored, %d refused", len(acknowledged), refused)
}

func TestFullMemberInTheMiddleOfAGroup(t *testing.T) {
	db := open(t, Options{})
	pages := number(t, db, "SELECT page_count FROM pragma_page_count")
	onWriter(t, db, fmt.Sprintf("PRAGMA max_page_count = %d", pages+20))
	large := func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO item VALUES (printf('%.*c', 200000, 'x'))")
		return err
	}
	told := together(t, db, insert("a"), insert("b"), large, insert("c"), insert("d"))
	for i, err := range told {
		if i == 2 && (!errors.Is(err, ErrUnwritable) || code(err) != sqlite3.ErrFull) {
			t.Errorf("the large one was told %v", err)
		} else if i != 2 && err != nil {
			t.Errorf("neighbour %d was told %v", i, err)
		}
	}
	if got := items(t, db); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("the table holds %d rows", len(got))
	}
}

// The same on a file system that is really full, where the write-ahead log is what cannot grow.
func TestFullFileSystemAcknowledgedIsStored(t *testing.T) {
	folder := t.TempDir()
	ballast := filepath.Join(folder, "ballast")
	free := func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
	mounted := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=4m") == nil
	if mounted {
		t.Cleanup(func() {
			if err := syscall.Unmount(folder, 0); err != nil {
				t.Error(err)
			}
		})
		if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(folder, "test.db")
	db := openAt(t, path, Options{})
	if !mounted {
		t.Log("this user may not mount a small tmpfs: a limit on the pages stands in for it")
		onWriter(t, db, "PRAGMA max_page_count = 400")
		free = func() { onWriter(t, db, "PRAGMA max_page_count = 800") }
	}
	var all []string
	for round := range 2 {
		acknowledged, refused := fill(t, db, fmt.Sprint(round))
		if len(acknowledged) == 0 || refused == 0 {
			t.Fatalf("nothing was tested: %d acknowledged, %d refused", len(acknowledged), refused)
		}
		all = append(all, acknowledged...)
		if got := items(t, db); !slices.Equal(got, all) {
			t.Errorf("%d acknowledged, %d stored", len(all), len(got))
		}
		t.Logf("round %d: %d acknowledged and stored, %d refused", round, len(acknowledged), refused)
		if round == 0 {
			free()
		}
	}
	// Closing on a full disk loses nothing either: the log stays beside the file.
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if mounted {
		if err := syscall.Mount("tmpfs", folder, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
			t.Fatal(err)
		}
	}
	if got := items(t, openAt(t, path, Options{})); !slices.Equal(got, all) {
		t.Errorf("after opening again: %d acknowledged, %d stored", len(all), len(got))
	}
	integrityOf(t, path)
}
