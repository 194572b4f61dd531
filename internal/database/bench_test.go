package database

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	benchTable  = "CREATE TABLE row (id INTEGER PRIMARY KEY, body TEXT NOT NULL, at INTEGER NOT NULL) STRICT"
	benchInsert = "INSERT INTO row (body, at) VALUES (?, ?)"
)

// BenchmarkUpdate256Callers compares 256 callers, one insert each at a time, with what SQLite takes when the same inserts
// are replayed on a connection of its own: one prepared statement, 256 a transaction, a savepoint around each. Both write
// with synchronous=FULL to the same disk in the same run: only the ratio travels from machine to machine.
func BenchmarkUpdate256Callers(b *testing.B) {
	for _, synchronous := range []string{"FULL", "OFF"} {
		b.Run(synchronous, func(b *testing.B) {
			body := strings.Repeat("x", 200)
			db, err := Open(context.Background(), filepath.Join(b.TempDir(), "bench.db"), Options{Synchronous: synchronous})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			exec(b, db, benchTable)
			replay := rawReplay(b, synchronous, body)

			var ours, raw time.Duration
			// Turns of both, so that a slow minute of the disk hits both.
			const chunk = 64 * groupLimit
			for done := 0; done < b.N; done += chunk {
				n := min(chunk, b.N-done)
				start := time.Now()
				callers(b, db, n, body)
				ours += time.Since(start)
				start = time.Now()
				replay(n)
				raw += time.Since(start)
			}
			b.ReportMetric(float64(b.N)/ours.Seconds(), "updates/s")
			b.ReportMetric(float64(b.N)/raw.Seconds(), "raw/s")
			b.ReportMetric(raw.Seconds()/ours.Seconds(), "ratio")
		})
	}
}

func callers(b *testing.B, db *DB, n int, body string) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range groupLimit {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := db.Update(context.Background(), func(tx *Tx) error {
					_, err := tx.Exec(benchInsert, body, i)
					return err
				}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func rawReplay(b *testing.B, synchronous, body string) func(n int) {
	pool, err := sql.Open("sqlite3", dataSource(filepath.Join(b.TempDir(), "raw.db"), "_txlock=immediate", "_journal_mode=WAL",
		"_secure_delete=on", "_synchronous="+synchronous))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = pool.Close() })
	pool.SetMaxOpenConns(1)
	if _, err := pool.Exec(benchTable); err != nil {
		b.Fatal(err)
	}
	insert, err := pool.Prepare(benchInsert)
	if err != nil {
		b.Fatal(err)
	}
	do := func(_ any, err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	return func(n int) {
		for done := 0; done < n; {
			tx, err := pool.Begin()
			do(nil, err)
			bound := tx.Stmt(insert)
			for range min(groupLimit, n-done) {
				do(tx.Exec("SAVEPOINT s"))
				do(bound.Exec(body, done))
				do(tx.Exec("RELEASE s"))
				done++
			}
			do(nil, tx.Commit())
		}
	}
}

// BenchmarkUpdateAlone is one caller: a commit, and so an fsync, each.
func BenchmarkUpdateAlone(b *testing.B) {
	db, err := Open(context.Background(), filepath.Join(b.TempDir(), "bench.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	exec(b, db, benchTable)
	for b.Loop() {
		exec(b, db, benchInsert, "body", 1)
	}
}

func BenchmarkView(b *testing.B) {
	db, err := Open(context.Background(), filepath.Join(b.TempDir(), "bench.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := db.View(context.Background(), func(tx *Tx) error {
				_, err := tx.Revision()
				return err
			}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func exec(t testing.TB, db *DB, query string, args ...any) {
	t.Helper()
	if err := db.Update(context.Background(), func(tx *Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
