package outbox

import (
	"context"
	"fmt"
	"testing"
	"time"

	"procurabot/internal/database"
)

// BenchmarkSend carries waiting messages from claim to settling, and reports how that compares with a raw loop that
// claims and settles one row in the same two commits, in the same run.
func BenchmarkSend(b *testing.B) {
	for _, synchronous := range []string{"FULL", "OFF"} {
		for _, workers := range []int{0, 64} {
			b.Run(fmt.Sprintf("synchronous=%s/workers=%d", synchronous, workers), func(b *testing.B) {
				db := openDB(b, synchronous)
				box, err := New(db, map[string]Sender{"r": accept{}}, Options{Workers: workers})
				if err != nil {
					b.Fatal(err)
				}
				raw := rawLoop(b, db, min(b.N, 2000))
				fill(b, db, box, b.N, 1000, "")
				b.ResetTimer()
				for {
					if _, err := box.Step(context.Background()); err != nil {
						b.Fatal(err)
					}
					c := 0
					if workers > 0 {
						<-box.Wake()
					}
					if err := db.View(context.Background(), func(tx *database.Tx) error {
						return tx.QueryRow(`SELECT COUNT(*) FROM (SELECT 1 FROM outbox_messages WHERE ` + isOpen + ` LIMIT 1) AS o`).Scan(&c)
					}); err != nil {
						b.Fatal(err)
					}
					if c == 0 {
						break
					}
				}
				each := b.Elapsed() / time.Duration(b.N)
				b.ReportMetric(float64(time.Second)/float64(each), "messages/s")
				b.ReportMetric(float64(raw)/float64(each), "of-raw")
			})
		}
	}
}

// rawLoop is the time of two updates of one row, each in a commit of its own.
func rawLoop(b *testing.B, db *database.DB, n int) time.Duration {
	run := func(query string, args ...any) {
		if err := db.Update(context.Background(), func(tx *database.Tx) error {
			_, err := tx.Exec(query, args...)
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
	run(`CREATE TABLE raw (id INTEGER PRIMARY KEY, state TEXT NOT NULL, payload BLOB) STRICT`)
	for i := range n {
		run(`INSERT INTO raw VALUES (?, 'pending', x'00')`, i)
	}
	began := time.Now()
	for i := range n {
		run(`UPDATE raw SET state = 'sending' WHERE id = ?`, i)
		run(`UPDATE raw SET state = 'sent' WHERE id = ?`, i)
	}
	return time.Since(began) / time.Duration(n)
}

// BenchmarkStep is what one message costs among 100,000 that wait.
func BenchmarkStep(b *testing.B) {
	for _, lanes := range []int{1, 100_000} {
		for _, held := range []bool{false, true} {
			b.Run(fmt.Sprintf("lanes=%d/held=%t", lanes, held), func(b *testing.B) {
				db := openDB(b, "OFF")
				box, err := New(db, map[string]Sender{"r": accept{}}, Options{})
				if err != nil {
					b.Fatal(err)
				}
				fill(b, db, box, 100_000, lanes, "s/T1/post")
				if held {
					if err := db.Update(context.Background(), func(tx *database.Tx) error {
						return hold(tx, "s/T1", tx.Now().Add(time.Hour))
					}); err != nil {
						b.Fatal(err)
					}
				}
				for b.Loop() {
					p, err := box.look(context.Background())
					if err != nil {
						b.Fatal(err)
					}
					if held != (len(p.ready) == 0) {
						b.Fatal(p)
					}
					if _, err := box.claim(context.Background(), plan{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
