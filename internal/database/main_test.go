package database

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"path/filepath"
	"testing"
)

// What the test binary does instead of testing when it is started again as another process.
const (
	childVariable = "DATABASE_TEST_CHILD"
	childLocks    = "locks"  // takes the lock, says so, holds it until its input ends
	childWrites   = "writes" // writes rows and acknowledges each on its output, until killed
	childBumps    = "bumps"  // bumps the revision once
)

func TestMain(m *testing.M) {
	role := os.Getenv(childVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := child(role, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(role, path string) error {
	if role == childLocks {
		lock, err := Lock(path)
		if err != nil {
			return err
		}
		fmt.Println("locked")
		_, err = io.Copy(io.Discard, os.Stdin)
		return errors.Join(err, lock.Close())
	}
	ctx := context.Background()
	db, err := Open(ctx, path, Options{})
	if err != nil {
		return err
	}
	if role == childBumps {
		return errors.Join(db.Update(ctx, (*Tx).Bump), db.Close())
	}
	failed := make(chan error)
	for range 16 {
		go func() {
			for {
				var id string
				if err := db.Update(ctx, func(tx *Tx) error {
					id = tx.NewID()
					if _, err := tx.Exec("INSERT INTO item (name) VALUES (?)", id); err != nil {
						return err
					}
					_, err := tx.Exec("INSERT INTO twin (name) VALUES (?)", id)
					return err
				}); err != nil {
					failed <- err
				}
				fmt.Println(id) // one write(2) a line: whole lines, also when killed
			}
		}()
	}
	return <-failed
}

// start runs this binary as another process and gives its output line by line.
func start(t *testing.T, role, path string) (*osexec.Cmd, io.Closer, *bufio.Scanner) {
	t.Helper()
	cmd := osexec.Command(os.Args[0], path)
	cmd.Env = append(os.Environ(), childVariable+"="+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, in, bufio.NewScanner(out)
}

// open gives a new database with a table item of unique names.
func open(t *testing.T, o Options) *DB {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "test.db"), o)
}

func openAt(t *testing.T, path string, o Options) *DB {
	t.Helper()
	db, err := Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	exec(t, db, "CREATE TABLE IF NOT EXISTS item (name TEXT PRIMARY KEY) STRICT")
	return db
}

func insert(name string) func(*Tx) error {
	return func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO item (name) VALUES (?)", name)
		return err
	}
}

// items reads the names in the table item, sorted.
func items(t *testing.T, db *DB) []string {
	t.Helper()
	names := []string{}
	if err := db.View(t.Context(), func(tx *Tx) error {
		rows, err := tx.Query("SELECT name FROM item ORDER BY name")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			names = append(names, name)
		}
		return rows.Err()
	}); err != nil {
		t.Fatal(err)
	}
	return names
}

// onWriter runs a statement on the writer's connection, outside any transaction.
func onWriter(t *testing.T, db *DB, query string) {
	t.Helper()
	if err := db.writer.do(t.Context(), &job{alone: func(c *connection) error {
		_, err := c.sql.ExecContext(background, query)
		return err
	}}); err != nil {
		t.Fatal(err)
	}
}

// together has the operations committed as one group, in this order, and returns what each caller is told.
func together(t *testing.T, db *DB, operations ...func(*Tx) error) []error {
	t.Helper()
	gate := make(chan struct{})
	entered := make(chan struct{})
	go func() {
		_ = db.writer.do(context.Background(), &job{alone: func(*connection) error { close(entered); <-gate; return nil }})
	}()
	<-entered
	var jobs []*job
	for _, operation := range operations {
		j := &job{operation: operation, done: make(chan struct{})}
		if err := db.writer.send(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j)
	}
	close(gate)
	var told []error
	for _, j := range jobs {
		<-j.done
		told = append(told, j.err)
	}
	return told
}

// integrityOf checks the whole file.
func integrityOf(t *testing.T, path string) {
	t.Helper()
	if err := onFile(path, whole(t.Context())); err != nil {
		t.Error(err)
	}
}

// rawPool opens the file the way the traps are shown on: as any program would, without this package.
func rawPool(t *testing.T, path string) *sql.DB {
	t.Helper()
	pool, err := sql.Open("sqlite3", dataSource(path, "_journal_mode=WAL"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}
