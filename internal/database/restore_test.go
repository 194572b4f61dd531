package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func names(t *testing.T, folder string) (all []string) {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		all = append(all, f.Name())
	}
	return all
}

// TestCopyBesideWriters: each copy holds what had been committed when it began, and of what was written meanwhile a beginning,
// in the order of the commits.
func TestCopyBesideWriters(t *testing.T) {
	db := open(t, Options{})
	exec(t, db, "CREATE TABLE twin (number INTEGER PRIMARY KEY) STRICT")
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	defer writers.Wait()
	defer stop()
	written := make(chan struct{})
	var once sync.Once
	for range 8 {
		writers.Go(func() {
			for ctx.Err() == nil {
				if err := db.Update(t.Context(), func(tx *Tx) error {
					var n int
					if err := tx.QueryRow("SELECT count(*) + 1 FROM item").Scan(&n); err != nil {
						return err
					}
					if err := insert(fmt.Sprintf("%08d %s", n, strings.Repeat("x", n%3000)))(tx); err != nil {
						return err
					}
					_, err := tx.Exec("INSERT INTO twin VALUES (?)", n)
					return err
				}); err != nil {
					t.Error(err)
				}
				once.Do(func() { close(written) })
			}
		})
	}
	<-written
	folder := t.TempDir()
	for round := range 5 {
		before := len(items(t, db))
		to := filepath.Join(folder, fmt.Sprint(round, ".db"))
		c, err := Copy(t.Context(), db.Path(), to, nil)
		if err != nil {
			t.Fatal(err)
		}
		after := len(items(t, db))
		var n, last, twins int
		if err := Look(t.Context(), to, func(tx *Tx) error {
			return tx.QueryRow(`SELECT count(*), CAST(max(substr(name, 1, 8)) AS INTEGER), (SELECT count(*) FROM twin) FROM item`).Scan(&n, &last, &twins)
		}); err != nil {
			t.Fatal(err)
		}
		if n < before || n > after || last != n || twins != n {
			t.Errorf("%d rows up to number %d with %d twins; there were %d before and %d after", n, last, twins, before, after)
		}
		if info, err := os.Stat(to); err != nil || info.Size() != c.Size || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v, want %d bytes", info, err, c.Size)
		}
		if c.Tables < 3 || c.Rows < int64(2*n) {
			t.Errorf("%d rows in the copy, and %+v", n, c)
		}
	}
	if got := names(t, folder); len(got) != 5 {
		t.Errorf("the folder holds %q", got)
	}
}

func TestCopyNeverOverwrites(t *testing.T) {
	db := open(t, Options{})
	folder := t.TempDir()
	to := filepath.Join(folder, "copy.db")
	if err := os.WriteFile(to, []byte("another file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(t.Context(), db.Path(), to, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over another file: %v", err)
	}
	if b, err := os.ReadFile(to); err != nil || string(b) != "another file" {
		t.Errorf("%q, %v", b, err)
	}
	// Two at once: one of them.
	to = filepath.Join(folder, "two.db")
	var both [2]error
	var wg sync.WaitGroup
	for i := range both {
		wg.Go(func() { _, both[i] = Copy(context.Background(), db.Path(), to, nil) })
	}
	wg.Wait()
	if (both[0] == nil) == (both[1] == nil) || !errors.Is(errors.Join(both[:]...), fs.ErrExist) {
		t.Errorf("two at once: %v", both)
	}
	if got := names(t, folder); !slices.Equal(got, []string{"copy.db", "two.db"}) {
		t.Errorf("the folder holds %q", got)
	}
	if _, err := Inspect(t.Context(), to, nil); err != nil {
		t.Error(err)
	}
}

// onSmallDisk is a folder on a disk of a few pages, or nil where this user may not make one.
func onSmallDisk(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=256k"); err != nil {
		return ""
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	return folder
}

func TestCopyLeavesNothingHalf(t *testing.T) {
	db := open(t, Options{})
	exec(t, db, "INSERT INTO item VALUES (printf('%.*c', 1000000, 'x'))")
	check := func(name, folder, want string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		if got := names(t, folder); len(got) != 0 {
			t.Errorf("%s: the folder holds %q", name, got)
		}
	}
	if folder := onSmallDisk(t); folder != "" {
		rubbish := filepath.Join(t.TempDir(), "rubbish")
		if err := os.WriteFile(rubbish, make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Copy(t.Context(), db.Path(), filepath.Join(folder, "copy.db"), nil)
		check("full disk", folder, "there is not enough space on the disk of "+folder, err)
		check("full disk", folder, "there is not enough space on the disk of "+folder, Keep(t.Context(), rubbish, filepath.Join(folder, "kept")))
	} else {
		t.Log("this user may not mount a small tmpfs: a full disk was not tried")
	}
	folder := t.TempDir()
	ended, end := context.WithCancel(t.Context())
	end()
	_, err := Copy(ended, db.Path(), filepath.Join(folder, "copy.db"), nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("asked to stop: %v", err)
	}
	check("asked to stop", folder, "", err)
	_, err = Copy(t.Context(), db.Path(), filepath.Join(folder, "gone", "copy.db"), nil)
	check("no folder", folder, "does not exist", err)
	exec(t, db, "INSERT INTO database_version VALUES ('of the future', 3)")
	_, err = Copy(t.Context(), db.Path(), filepath.Join(folder, "copy.db"), nil)
	check("newer than the program", folder, "of the future has version 3, the program knows 0", err)
}

func TestInspect(t *testing.T) {
	good := open(t, Options{})
	exec(t, good, "CREATE TABLE club (id TEXT PRIMARY KEY) STRICT")
	exec(t, good, "CREATE TABLE player (name TEXT NOT NULL, club TEXT NOT NULL REFERENCES club) STRICT")
	exec(t, good, "CREATE INDEX player_club ON player (club)")
	exec(t, good, "INSERT INTO club VALUES ('c')")
	for i := range 300 {
		exec(t, good, fmt.Sprintf("INSERT INTO player VALUES ('player %d', 'c')", i))
	}
	file := func(name string) string { return filepath.Join(t.TempDir(), name) }
	written := func(content []byte) string {
		path := file("other.db")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	whole := file("copy.db")
	if _, err := Copy(t.Context(), good.Path(), whole, nil); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	// Of a page in the middle, only what its header promises.
	damaged := slices.Clone(content)
	for i := len(damaged) / 2; i < len(damaged); i++ {
		damaged[i] = 0x55
	}
	orphan := written(content)
	pool := rawPool(t, orphan)
	if _, err := pool.Exec("PRAGMA foreign_keys = off; DELETE FROM club"); err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	another := file("another.db")
	if _, err := rawPool(t, another).Exec("CREATE TABLE a (b)"); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path string
		want error
	}{
		"whole":                     {whole, nil},
		"a text":                    {written([]byte(strings.Repeat("not a database ", 100))), ErrForeign},
		"an empty file":             {written(nil), ErrForeign},
		"another program's":         {another, ErrForeign},
		"a folder":                  {t.TempDir(), ErrForeign},
		"no file":                   {file("gone.db"), fs.ErrNotExist},
		"half of it":                {written(content[:len(content)/2]), ErrDamaged},
		"a page overwritten":        {written(damaged), ErrDamaged},
		"a row that refers nowhere": {orphan, ErrDamaged},
	} {
		if _, err := Inspect(t.Context(), c.path, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	exec(t, good, "INSERT INTO database_version VALUES ('clubs', 2)")
	known := map[string]fs.FS{"clubs": files(stepTables)}
	var newer *NewerSchemaError
	if _, err := Inspect(t.Context(), good.Path(), known); !errors.As(err, &newer) || *newer != (NewerSchemaError{"clubs", 2, 1}) {
		t.Errorf("newer than the program: %v", err)
	}
	known["clubs"] = files(stepTables, stepRebuild)
	if _, err := Inspect(t.Context(), good.Path(), known); err != nil {
		t.Errorf("as new as the program: %v", err)
	}
}

// TestKeepAndReplace: what a killed process left, log and all, is kept, and no log is left beside what is put in its place.
func TestKeepAndReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	db := openAt(t, path, Options{})
	exec(t, db, "CREATE TABLE twin (name TEXT PRIMARY KEY) STRICT")
	other := filepath.Join(t.TempDir(), "other.db")
	if _, err := Copy(t.Context(), path, other, nil); err != nil {
		t.Fatal(err)
	}
	if err := Keep(t.Context(), path, path+".kept"); !errors.Is(err, ErrInUse) {
		t.Errorf("while it is open: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	cmd, _, out := start(t, childWrites, path)
	var acknowledged []string
	for range 50 {
		if !out.Scan() {
			t.Fatal("the other process ended by itself")
		}
		acknowledged = append(acknowledged, out.Text())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for out.Scan() {
		acknowledged = append(acknowledged, out.Text())
	}
	_ = cmd.Wait() // killed
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() == 0 {
		t.Fatalf("the killed process left no log: %v, %v", info, err)
	}
	if err := Keep(t.Context(), path, path+".kept"); err != nil {
		t.Fatal(err)
	}
	if err := Replace(path, other); err != nil {
		t.Fatal(err)
	}
	if got := names(t, filepath.Dir(path)); !slices.Equal(got, []string{"test.db", "test.db.kept"}) {
		t.Errorf("the folder holds %q", got)
	}
	kept := items(t, openAt(t, path+".kept", Options{}))
	for _, name := range acknowledged {
		if !slices.Contains(kept, name) {
			t.Errorf("%s was acknowledged and is not kept", name)
		}
	}
	if got := items(t, openAt(t, path, Options{})); len(got) != 0 {
		t.Errorf("the database holds %q of the one before it", got)
	}
}

// TestKeepWhatIsNoDatabaseAnyMore: the reason for a restore may be that there is nothing left to read.
func TestKeepWhatIsNoDatabaseAnyMore(t *testing.T) {
	for name, c := range map[string]struct {
		left map[string]string // by suffix
		want []string
	}{
		"nothing":           {nil, []string{"test.db"}},
		"rubbish":           {map[string]string{"": strings.Repeat("rubbish ", 1000), "-shm": "an index"}, []string{"test.db", "test.db.kept"}},
		"a log and no file": {map[string]string{"-wal": "a log", "-shm": "an index"}, []string{"test.db", "test.db.kept-wal"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			for suffix, content := range c.left {
				if err := os.WriteFile(path+suffix, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			db := open(t, Options{})
			exec(t, db, "INSERT INTO item VALUES ('a')")
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(Keep(t.Context(), path, path+".kept"), Fold(t.Context(), db.Path()), Replace(path, db.Path())); err != nil {
				t.Fatal(err)
			}
			if got := names(t, filepath.Dir(path)); !slices.Equal(got, c.want) {
				t.Errorf("the folder holds %q", got)
			}
			for suffix, content := range c.left {
				if b, err := os.ReadFile(path + ".kept" + suffix); err == nil && string(b) != content {
					t.Errorf("%q is kept as %.20q", suffix, b)
				}
			}
			if got := items(t, openAt(t, path, Options{})); !slices.Equal(got, []string{"a"}) {
				t.Errorf("the database holds %q", got)
			}
		})
	}
}
