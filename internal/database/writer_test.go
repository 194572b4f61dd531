package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
)

var errRefused = errors.New("refused")

// A transaction that reads and then writes is refused at once when another wrote in between; no timeout helps. Ours starts
// with the write lock.
func TestReadThenWriteIsNeverBusy(t *testing.T) {
	db := open(t, Options{})
	exec(t, db, "CREATE TABLE counter (n INTEGER NOT NULL) STRICT")
	exec(t, db, "INSERT INTO counter VALUES (0)")

	pool := rawPool(t, db.Path())
	first, err := pool.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer first.Rollback()
	var n int
	if err := first.QueryRow("SELECT n FROM counter").Scan(&n); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec("UPDATE counter SET n = n + 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Exec("UPDATE counter SET n = ?", n+1); code(err) != sqlite3.ErrBusy {
		t.Fatalf("the trap is gone: a deferred read-then-write gave %v", err)
	}
	if err := first.Rollback(); err != nil {
		t.Fatal(err)
	}

	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if err := db.Update(context.Background(), func(tx *Tx) error {
				var n int
				if err := tx.QueryRow("SELECT n FROM counter").Scan(&n); err != nil {
					return err
				}
				_, err := tx.Exec("UPDATE counter SET n = ?", n+1)
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := number(t, db, "SELECT n FROM counter"); got != 65 {
		t.Errorf("counter is %d after 65 increments", got)
	}
}

// A statement that its context interrupts ends the transaction around it, and what follows commits alone.
// https://github.com/mattn/go-sqlite3/issues/769
func TestCancelledCallerDoesNotEndTheTransaction(t *testing.T) {
	db := open(t, Options{})
	const slow = "INSERT INTO item WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT 'n'||i FROM n"

	pool := rawPool(t, db.Path())
	pool.SetMaxOpenConns(1)
	tx, err := pool.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("INSERT INTO item VALUES ('before')"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := tx.ExecContext(ctx, slow); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the slow statement gave %v", err)
	}
	if _, err := tx.Exec("INSERT INTO item VALUES ('after')"); err != nil {
		t.Fatal(err)
	}
	_ = tx.Rollback()
	if got := items(t, db); !slices.Equal(got, []string{"after"}) {
		t.Fatalf("the trap is gone: after a rollback the table holds %q", got)
	}

	ctx, cancel = context.WithCancel(t.Context())
	if err := db.Update(ctx, func(tx *Tx) error {
		cancel()
		if err := insert("ours 1")(tx); err != nil {
			return err
		}
		return insert("ours 2")(tx)
	}); err != nil {
		t.Errorf("an operation that had begun got %v instead of the truth", err)
	}
	if got := items(t, db); !slices.Equal(got, []string{"after", "ours 1", "ours 2"}) {
		t.Errorf("the table holds %q", got)
	}
}

func TestCallerThatLeavesTheQueueIsNotRun(t *testing.T) {
	db := open(t, Options{})
	gate, entered := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = db.Update(context.Background(), func(*Tx) error { close(entered); <-gate; return nil })
	})
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { left <- db.Update(ctx, insert("left")) }()
	for len(db.writer.queue) == 0 {
		runtime.Gosched()
	}
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(gate)
	wg.Wait()
	if err := db.Update(ctx, insert("too late")); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	exec(t, db, "INSERT INTO item VALUES ('later')")
	if got := items(t, db); !slices.Equal(got, []string{"later"}) {
		t.Errorf("the table holds %q", got)
	}
}

// Every way in which one member of a group fails leaves its neighbours stored and itself not.
func TestFailingMemberLeavesNeighbours(t *testing.T) {
	boom := func(tx *Tx) error { // RAISE(ROLLBACK) ends the whole transaction from inside a statement
		_, err := tx.Exec("INSERT INTO item VALUES ('boom')")
		return err
	}
	for _, c := range []struct {
		name    string
		fails   func(*Tx) error
		want    func(error) bool
		commits int // in which the members end up: one, unless the transaction was lost
	}{
		{"own error", func(tx *Tx) error { return errors.Join(insert("bad")(tx), errRefused) },
			func(err error) bool { return errors.Is(err, errRefused) }, 1},
		{"constraint", func(tx *Tx) error { return errors.Join(insert("bad")(tx), insert("bad")(tx)) },
			func(err error) bool { return code(err) == sqlite3.ErrConstraint }, 1},
		{"panic", func(tx *Tx) error { _ = insert("bad")(tx); panic("so what") },
			func(err error) bool {
				var p *PanicError
				return errors.As(err, &p) && p.Value == "so what" && strings.Contains(string(p.Stack), "writer_test.go")
			}, 1},
		{"raise rollback", func(tx *Tx) error { return errors.Join(insert("bad")(tx), boom(tx)) },
			func(err error) bool { return code(err) == sqlite3.ErrConstraint }, 4},
		{"raise rollback, error ignored, writing on", func(tx *Tx) error {
			_ = boom(tx)
			if err := insert("bad")(tx); err == nil {
				t.Error("a statement ran outside the transaction")
			}
			var n int
			if err := tx.QueryRow("SELECT 1").Scan(&n); err == nil {
				t.Error("a query ran outside the transaction")
			}
			return nil
		}, func(err error) bool { return errors.Is(err, errLost) && code(err) == sqlite3.ErrConstraint }, 4},
		{"raise rollback inside a savepoint, ignored", func(tx *Tx) error {
			if err := tx.Savepoint(func() error { return boom(tx) }); !errors.Is(err, errLost) {
				t.Errorf("savepoint: %v", err)
			}
			return nil
		}, func(err error) bool { return errors.Is(err, errLost) }, 4},
		{"own rollback", func(tx *Tx) error { _, err := tx.Exec("ROLLBACK"); return err },
			func(err error) bool { return errors.Is(err, errLost) }, 4},
		{"deferred foreign key, seen at commit", func(tx *Tx) error {
			_, err := tx.Exec("INSERT INTO pointer VALUES ('nowhere')")
			return err
		}, func(err error) bool { return code(err) == sqlite3.ErrConstraint && !errors.Is(err, ErrUnwritable) }, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			var commits int
			db := open(t, Options{Trace: func(query string, _ []any) {
				if query == "COMMIT" {
					commits++
				}
			}})
			exec(t, db, `CREATE TRIGGER boom BEFORE INSERT ON item WHEN new.name = 'boom'
				BEGIN SELECT RAISE(ROLLBACK, 'boom'); END`)
			exec(t, db, "CREATE TABLE pointer (item TEXT NOT NULL REFERENCES item DEFERRABLE INITIALLY DEFERRED) STRICT")
			before := commits
			hooks := make(map[string]int)
			member := func(name string) func(*Tx) error {
				return func(tx *Tx) error {
					tx.AfterCommit(func() { hooks[name]++ })
					return insert(name)(tx)
				}
			}
			told := together(t, db, member("a"), member("b"), func(tx *Tx) error {
				tx.AfterCommit(func() { hooks["bad"]++ })
				return c.fails(tx)
			}, member("c"), member("d"))
			for i, err := range told {
				if i == 2 && !c.want(err) {
					t.Errorf("the one to blame was told %v", err)
				} else if i != 2 && err != nil {
					t.Errorf("neighbour %d was told %v", i, err)
				}
			}
			if got := items(t, db); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
				t.Errorf("the table holds %q", got)
			}
			if want := map[string]int{"a": 1, "b": 1, "c": 1, "d": 1}; !equalCounts(hooks, want) {
				t.Errorf("hooks ran %v, want %v", hooks, want)
			}
			// A try that fails at COMMIT counts too: the group's and the guilty member's own.
			if c.name == "deferred foreign key, seen at commit" {
				c.commits += 2
			}
			if got := commits - before; got != c.commits {
				t.Errorf("%d commits, want %d", got, c.commits)
			}
		})
	}
}

func equalCounts(a, b map[string]int) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

func TestMemberThatEndsItsGoroutine(t *testing.T) {
	db := open(t, Options{})
	if err := db.Update(t.Context(), func(tx *Tx) error {
		if _, err := tx.Query("SELECT 1"); err != nil {
			return err
		}
		_ = insert("bad")(tx)
		runtime.Goexit()
		return nil
	}); !errors.Is(err, errExited) {
		t.Errorf("got %v", err)
	}
	exec(t, db, "INSERT INTO item VALUES ('good')")
	if got := items(t, db); !slices.Equal(got, []string{"good"}) {
		t.Errorf("the table holds %q", got)
	}
}

func TestSavepoints(t *testing.T) {
	db := open(t, Options{})
	var hooks []string
	hook := func(tx *Tx, name string) { tx.AfterCommit(func() { hooks = append(hooks, name) }) }
	if err := db.Update(t.Context(), func(tx *Tx) error {
		hook(tx, "1")
		if err := insert("1")(tx); err != nil {
			return err
		}
		refused := tx.Savepoint(func() error {
			hook(tx, "refused")
			if err := insert("2 refused")(tx); err != nil {
				return err
			}
			if err := tx.Savepoint(func() error { hook(tx, "inside refused"); return insert("3 inside refused")(tx) }); err != nil {
				return err
			}
			// Left open on purpose: an open statement must not keep the savepoint from being undone.
			if _, err := tx.Query("INSERT INTO item VALUES ('open'), ('open 2') RETURNING name"); err != nil {
				return err
			}
			return errRefused
		})
		if !errors.Is(refused, errRefused) {
			t.Errorf("the outer savepoint gave %v", refused)
		}
		var panicked *PanicError
		if err := tx.Savepoint(func() error { _ = insert("4 panicked")(tx); panic(errRefused) }); !errors.As(err, &panicked) ||
			!errors.Is(err, errRefused) {
			t.Errorf("a panic in a savepoint gave %v", err)
		}
		return tx.Savepoint(func() error {
			hook(tx, "5")
			if err := tx.Savepoint(func() error { _ = insert("6 refused")(tx); return errRefused }); !errors.Is(err, errRefused) {
				t.Errorf("the inner savepoint gave %v", err)
			}
			rows, err := tx.Query("INSERT INTO item VALUES ('6'), ('7') RETURNING name")
			if err != nil {
				return err
			}
			rows.Next()
			return insert("5")(tx)
		})
	}); err != nil {
		t.Fatal(err)
	}
	if got := items(t, db); !slices.Equal(got, []string{"1", "5", "6", "7"}) {
		t.Errorf("the table holds %q", got)
	}
	if !slices.Equal(hooks, []string{"1", "5"}) {
		t.Errorf("hooks ran: %q", hooks)
	}
}

func TestHooksRunInOrderAfterTheCommit(t *testing.T) {
	db := open(t, Options{})
	var order []string
	member := func(name string) func(*Tx) error {
		return func(tx *Tx) error {
			for i := range 2 {
				tx.AfterCommit(func() {
					if got := items(t, db); len(got) != 2 {
						t.Errorf("at the hook the table holds %q", got)
					}
					order = append(order, name+strconv.Itoa(i))
				})
			}
			return insert(name)(tx)
		}
	}
	for _, err := range together(t, db, member("a"), member("b")) {
		if err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(order, []string{"a0", "a1", "b0", "b1"}) {
		t.Errorf("order %q", order)
	}
}

// The operation is stored, so the panic is no error of Update; it comes out where it can be seen.
func TestPanickingHookReachesItsCaller(t *testing.T) {
	db := open(t, Options{})
	second := false
	func() {
		defer func() {
			if p, ok := recover().(*PanicError); !ok || p.Value != "hook" {
				t.Errorf("the caller saw %v", p)
			}
		}()
		_ = db.Update(t.Context(), func(tx *Tx) error {
			tx.AfterCommit(func() { panic("hook") })
			tx.AfterCommit(func() { second = true })
			return insert("stored")(tx)
		})
	}()
	if !second {
		t.Error("the hook after it did not run")
	}
	if got := items(t, db); !slices.Equal(got, []string{"stored"}) {
		t.Errorf("the table holds %q", got)
	}
}

// Rows that an operation forgets must not hold its snapshot: the next write would be refused after a foreign one.
func TestForgottenRowsAreClosed(t *testing.T) {
	db := open(t, Options{})
	exec(t, db, "INSERT INTO item VALUES ('a'), ('b')")
	var kept *Tx
	if err := db.Update(t.Context(), func(tx *Tx) error {
		kept = tx
		rows, err := tx.Query("SELECT name FROM item")
		if err != nil {
			return err
		}
		rows.Next()
		tx.QueryRow("SELECT name FROM item")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := rawPool(t, db.Path()).Exec("INSERT INTO item VALUES ('c')"); err != nil {
		t.Fatal(err)
	}
	exec(t, db, "INSERT INTO item VALUES ('d')")
	if _, err := kept.Exec("INSERT INTO item VALUES ('stray')"); !errors.Is(err, errEnded) {
		t.Errorf("a Tx after its operation gave %v", err)
	}
	if got := items(t, db); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("the table holds %q", got)
	}
}

func TestWriteLockHeldElsewhere(t *testing.T) {
	db := open(t, Options{})
	onWriter(t, db, "PRAGMA busy_timeout = 50")
	other, err := rawPool(t, db.Path()).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(t.Context(), insert("a")); !errors.Is(err, ErrUnwritable) || code(err) != sqlite3.ErrBusy ||
		!strings.Contains(err.Error(), "another process") {
		t.Errorf("got %v", err)
	}
	if _, err := other.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(t.Context(), insert("a")); err != nil {
		t.Error(err)
	}
}

func TestReadOnlyFileIsUnwritable(t *testing.T) {
	db := open(t, Options{})
	onWriter(t, db, "PRAGMA query_only = on")
	if err := db.Update(t.Context(), insert("a")); !errors.Is(err, ErrUnwritable) || code(err) != sqlite3.ErrReadonly {
		t.Errorf("got %v", err)
	}
	onWriter(t, db, "PRAGMA query_only = off")
	if err := db.Update(t.Context(), insert("a")); err != nil {
		t.Error(err)
	}
}

func TestBindingIsByOrderOfAppearance(t *testing.T) {
	db := open(t, Options{})
	var got, flag string
	if err := db.Update(t.Context(), func(tx *Tx) error {
		return tx.QueryRow("SELECT ? || ?, typeof(?)", "a", "b", true).Scan(&got, &flag)
	}); err != nil || got != "ab" || flag != "integer" {
		t.Errorf("got %q, %q, %v", got, flag, err)
	}
	if err := db.Update(t.Context(), func(tx *Tx) error {
		return tx.QueryRow("SELECT name FROM item").Scan(&got)
	}); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("no row gave %v", err)
	}
}

func TestTraceSeesEachStatementOfTheWriter(t *testing.T) {
	var seen []string
	db := open(t, Options{Trace: func(query string, args []any) { seen = append(seen, fmt.Sprint(query, args)) }})
	seen = nil
	together(t, db, insert("a"), func(tx *Tx) error { return tx.Savepoint(func() error { return errRefused }) })
	want := []string{
		"BEGIN IMMEDIATE[]",
		"SAVEPOINT operation[]", "INSERT INTO item (name) VALUES (?)[a]", "RELEASE operation[]",
		"SAVEPOINT operation[]", "SAVEPOINT operation[]", "ROLLBACK TO operation[]", "RELEASE operation[]",
		"ROLLBACK TO operation[]", "RELEASE operation[]",
		"COMMIT[]",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("traced\n%q, want\n%q", seen, want)
	}
}

func TestCloseDrainsAndRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	db := openAt(t, path, Options{})
	gate, entered := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = db.Update(context.Background(), func(*Tx) error { close(entered); <-gate; return nil })
	})
	<-entered
	waiting := make(chan error, 10)
	for i := range cap(waiting) {
		go func() { waiting <- db.Update(context.Background(), insert(strconv.Itoa(i))) }()
	}
	for len(db.writer.queue) < cap(waiting) {
		runtime.Gosched()
	}
	wg.Go(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	for !db.writer.isClosed() {
		runtime.Gosched()
	}
	if err := db.Update(t.Context(), insert("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("an update while closing: %v", err)
	}
	close(gate)
	wg.Wait()
	for range cap(waiting) {
		if err := <-waiting; err != nil {
			t.Errorf("one that waited was told %v", err)
		}
	}
	if err := db.View(t.Context(), func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("a view after Close: %v", err)
	}
	if again := openAt(t, path, Options{}); len(items(t, again)) != cap(waiting) {
		t.Errorf("the table holds %q", items(t, again))
	}
}

func number(t *testing.T, db *DB, query string) (n int) {
	t.Helper()
	if err := db.View(t.Context(), func(tx *Tx) error { return tx.QueryRow(query).Scan(&n) }); err != nil {
		t.Fatal(err)
	}
	return n
}
