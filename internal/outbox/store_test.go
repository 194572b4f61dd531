package outbox

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"procurabot/internal/database"
)

func openDB(t testing.TB, synchronous string) *database.DB {
	t.Helper()
	db, err := database.Open(context.Background(), filepath.Join(t.TempDir(), "test.db"), database.Options{Synchronous: synchronous})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(context.Background(), "outbox", Schema()); err != nil {
		t.Fatal(err)
	}
	return db
}

func TestWrongStatesCannotBeStored(t *testing.T) {
	db := openDB(t, "OFF")
	update := func(query string) error {
		return db.Update(context.Background(), func(tx *database.Tx) error {
			n, err := tx.Exec(query)
			if err == nil && n != 1 {
				return fmt.Errorf("%d rows changed", n)
			}
			return err
		})
	}
	box, err := New(db, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"first", "second"} {
		if err := db.Update(context.Background(), func(tx *database.Tx) error {
			_, _, err := box.Put(tx, Message{Key: key, Route: "r", Lane: "l", Class: Personal})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	const sending = `state = 'sending', first = 1, owner = 'o', lease = 1`
	for name, set := range map[string]string{
		"sending without an owner":    `state = 'sending', first = 1, lease = 1`,
		"sending without a lease":     `state = 'sending', first = 1, owner = 'o'`,
		"sending without an attempt":  `state = 'sending', owner = 'o', lease = 1`,
		"pending with an owner":       `owner = 'o', lease = 1`,
		"sent without a receipt":      `state = 'sent', head = 0, first = 1, ended = 1, payload = NULL`,
		"sent without an end":         `state = 'sent', head = 0, first = 1, receipt = '', payload = NULL`,
		"sent with its payload":       `state = 'sent', head = 0, first = 1, receipt = '', ended = 1`,
		"sent and still the head":     `state = 'sent', first = 1, receipt = '', ended = 1, payload = NULL`,
		"dead without a reason":       `state = 'dead', head = 0, ended = 1`,
		"held without a reason":       `state = 'held', head = 0, ended = 1`,
		"pending without its payload": `payload = NULL`,
		"a state of its own":          `state = 'lost'`,
		"a class of its own":          `class = 4`,
		"an edit of itself":           `replaces = id`,
		"two in one place":            `place = 2`,
	} {
		if err := update(`UPDATE outbox_messages SET ` + set + ` WHERE key = 'first'`); err == nil || !strings.Contains(err.Error(), "constraint") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := update(`UPDATE outbox_messages SET ` + sending + ` WHERE key = 'second'`); err == nil {
		t.Error("one that is not the head of its lane may be in flight")
	}
	if err := update(`UPDATE outbox_messages SET head = 1, ` + sending + ` WHERE key = 'second'`); err == nil {
		t.Error("a lane may have two heads")
	}
	if err := update(`UPDATE outbox_messages SET ` + sending + ` WHERE key = 'first'`); err != nil {
		t.Errorf("what is right is refused: %v", err)
	}
}

// fill puts n messages that wait into as many lanes as are said.
func fill(t testing.TB, db *database.DB, box *Outbox, n, lanes int, gate string) {
	t.Helper()
	for i := 0; i < n; i += 1000 {
		if err := db.Update(context.Background(), func(tx *database.Tx) error {
			for j := i; j < min(i+1000, n); j++ {
				m := Message{Key: fmt.Sprint("k", j), Route: "r", Lane: fmt.Sprint("l", j%lanes), Gate: gate, Class: Broadcast, Payload: []byte("some text for somebody")}
				if _, _, err := box.Put(tx, m); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNoStatementReadsTheWholeTable explains every statement of a working outbox.
func TestNoStatementReadsTheWholeTable(t *testing.T) {
	seen := map[string][]any{}
	record := false
	db, err := database.Open(context.Background(), filepath.Join(t.TempDir(), "test.db"), database.Options{
		Synchronous: "OFF",
		Trace: func(query string, args []any) {
			if record {
				seen[query] = append([]any{}, args...)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(context.Background(), "outbox", Schema()); err != nil {
		t.Fatal(err)
	}
	box, err := New(db, map[string]Sender{"r": accept{}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	record = true
	fill(t, db, box, 1, 1, "")
	if _, err := box.Step(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(context.Background(), func(tx *database.Tx) error {
		_, err := look(tx, []string{"r"}, [...]int{0, 1, 1, 1})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(context.Background(), expire); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(context.Background(), func(tx *database.Tx) error {
		if err := release(tx, ticket{"id", "owner"}); err != nil {
			return err
		}
		if _, err := box.Letters(tx, Mark{time.Now(), 1}, 5); err != nil {
			return err
		}
		if _, err := box.Held(tx, time.Now()); err != nil {
			return err
		}
		if _, _, err := box.Letter(tx, "id"); err != nil {
			return err
		}
		if _, _, err := box.Numbered(tx, 1); err != nil {
			return err
		}
		if _, err := box.Resend(tx, "id"); err != nil {
			return err
		}
		if _, err := box.Discard(tx, "id"); err != nil {
			return err
		}
		if _, err := box.Tally(tx); err != nil {
			return err
		}
		_, err := box.Forget(tx, time.Now().Add(-time.Hour))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	record = false
	explained := 0
	for query, args := range seen {
		if !strings.Contains(query, "outbox_messages") {
			continue
		}
		explained++
		if err := db.View(context.Background(), func(tx *database.Tx) error {
			rows, err := tx.Query("EXPLAIN QUERY PLAN "+query, args...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var a, b, c int
				var detail string
				if err := rows.Scan(&a, &b, &c, &detail); err != nil {
					return err
				}
				t.Log(detail)
				// What waits for a person, or is on its way, is not much, and has an index.
				few := strings.Contains(detail, "INDEX outbox_letters") || strings.Contains(detail, "INDEX outbox_places")
				if strings.HasPrefix(detail, "SCAN") && !few && !strings.Contains(detail, "CONSTANT ROW") && !strings.HasPrefix(detail, "SCAN line") || strings.Contains(detail, "TEMP B-TREE") {
					t.Errorf("%s\n%s", detail, query)
				}
			}
			return rows.Err()
		}); err != nil {
			t.Fatalf("%v\n%s", err, query)
		}
		t.Log(query)
	}
	if explained < 19 {
		t.Errorf("only %d statements were seen", explained)
	}
}

type accept struct{}

func (accept) Send(context.Context, Delivery) (string, error) { return "", nil }
func (accept) Find(context.Context, Delivery) (string, error) { return "", ErrUnknowable }

// TestLettersOfAnEarlierRelease: what waited for a person before letters had numbers gets one, in the order in which it ended.
func TestLettersOfAnEarlierRelease(t *testing.T) {
	db, err := database.Open(context.Background(), filepath.Join(t.TempDir(), "test.db"), database.Options{Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	first, err := fs.ReadFile(Schema(), "schema/0001_messages_and_gates.sql")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(context.Background(), "outbox", fstest.MapFS{"0001_messages_and_gates.sql": {Data: first}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(context.Background(), func(tx *database.Tx) error {
		for i, set := range []string{
			`'dead', ended = 30, reason = 'r'`, `'held', ended = 10, reason = 'r'`, `'dead', ended = 20, reason = 'r'`,
			`'sent', ended = 5, first = 1, receipt = '', payload = NULL`,
		} {
			key := fmt.Sprint("k", i)
			if _, err := tx.Exec(`INSERT INTO outbox_messages (id, key, route, lane, place, head, gate, class, batch, replaces, state,
				since, due, unknown, attempts, asks, unsure, payload) VALUES (?, ?, 'r', ?, 1, 1, '', 1, '', '', 'pending', 1, 1, 0, 0, 0, 0, x'01')`,
				key, key, key); err != nil {
				return err
			}
			if _, err := tx.Exec(`UPDATE outbox_messages SET head = 0, state = `+set+` WHERE key = ?`, key); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(context.Background(), "outbox", Schema()); err != nil {
		t.Fatal(err)
	}
	box, err := New(db, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.View(context.Background(), func(tx *database.Tx) error {
		all, err := box.Letters(tx, Mark{}, 10)
		if err != nil {
			return err
		}
		got := ""
		for _, l := range all {
			got += fmt.Sprint(l.Key, "=", l.Number, " ")
		}
		if got != "k0=3 k2=2 k1=1 " {
			t.Errorf("the letters are %s", got)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
