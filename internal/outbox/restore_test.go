package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"procurabot/internal/database"
	"procurabot/internal/outbox"
)

// dump is every row as text, by key, and what of it HoldOpen must not change.
type dump struct{ state, all, kept string }

func dumpOf(t failer, db *database.DB) map[string]dump {
	t.Helper()
	found := map[string]dump{}
	if err := db.View(context.Background(), func(tx *database.Tx) error {
		rows, err := tx.Query(`SELECT key, state, json_array(state, head, unsure, owner, lease, receipt, ended, reason),
			json_array(id, route, lane, place, gate, class, batch, replaces, since, due, expires, unknown, attempts, asks, first, hex(payload))
			FROM outbox_messages`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var key string
			var d dump
			if err := rows.Scan(&key, &d.state, &d.all, &d.kept); err != nil {
				return err
			}
			found[key] = d
		}
		return rows.Err()
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

// TestHoldOpenLeavesNothingToSend: whatever has happened to an outbox, also in the middle of a send.
func TestHoldOpenLeavesNothingToSend(t *testing.T) {
	seen := map[string]int{} // states that were held
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "outbox")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		path, c := filepath.Join(dir, "test.db"), newClock()
		db := openFile(t, path, c.Now)
		defer func() { db.Close() }()
		outcome := func() (string, error) {
			switch rapid.IntRange(0, 5).Draw(t, "outcome") {
			case 0:
				return "", &outbox.Retry{Err: errors.New("busy"), After: time.Second}
			case 1:
				return "", &outbox.Permanent{Err: errors.New("no such place")}
			case 2:
				return "", &outbox.Uncertain{Err: errors.New("connection reset")}
			case 3:
				db.Close() // the process ends here: the claim stays
				return "", nil
			case 4:
				return "", outbox.ErrUnknowable
			}
			return "receipt", nil
		}
		busy := script{
			send: func(context.Context, outbox.Delivery) (string, error) { return outcome() },
			find: func(context.Context, outbox.Delivery) (string, error) { return outcome() },
		}
		box := newOutbox(t, db, busy, outbox.Options{})
		puts := 0
		putOne := func(box *outbox.Outbox, lane string) string {
			puts++
			key := fmt.Sprint("k", puts)
			m := outbox.Message{Key: key, Lane: lane, Payload: []byte(key), Unknown: outbox.Unknown(rapid.IntRange(0, 1).Draw(t, "unknown"))}
			if rapid.Bool().Draw(t, "later") {
				m.Due = c.Now().Add(2 * time.Second)
			}
			if rapid.Bool().Draw(t, "expires") {
				m.Expires = c.Now().Add(5 * time.Second)
			}
			put(t, db, box, m)
			return key
		}
		lanes := []string{"l1", "l2", "l3"}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0, 1:
				putOne(box, rapid.SampledFrom(lanes).Draw(t, "lane"))
			case 2:
				c.Add(time.Second)
				if _, err := box.Step(context.Background()); errors.Is(err, database.ErrClosed) {
					db = openFile(t, path, c.Now)
					box = newOutbox(t, db, busy, outbox.Options{})
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
		// A process that ends while it asks is rare by chance.
		if rapid.Bool().Draw(t, "asking") {
			update(t, db, func(tx *database.Tx) error {
				_, err := tx.Exec(`UPDATE outbox_messages SET state = 'asking', first = COALESCE(first, since), owner = 'gone', lease = since
					WHERE head = 1 AND state IN ('pending', 'uncertain')`)
				return err
			})
		}

		before := dumpOf(t, db)
		open := int64(0)
		for _, d := range before {
			if outbox.State(d.state).Open() {
				open++
				seen[d.state]++
			}
		}
		var counted, held, left int64
		if err := db.Update(context.Background(), func(tx *database.Tx) (err error) {
			if counted, err = outbox.CountOpen(tx); err != nil {
				return err
			}
			if held, err = outbox.HoldOpen(tx, "held after a restore"); err != nil {
				return err
			}
			left, err = outbox.CountOpen(tx)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if counted != open || held != open || left != 0 {
			t.Fatalf("%d open, %d counted, %d held, %d left", open, counted, held, left)
		}
		after := dumpOf(t, db)
		if len(after) != len(before) {
			t.Fatalf("%d rows, %d before", len(after), len(before))
		}
		for key, d := range before {
			want := d.all
			if outbox.State(d.state).Open() {
				want = fmt.Sprintf(`["held",0,1,null,null,null,%d,"held after a restore"]`, c.Now().UnixMilli())
			}
			if after[key].all != want || after[key].kept != d.kept {
				t.Fatalf("%s was %+v and is %+v", key, d, after[key])
			}
		}

		// Nothing of it is sent, in whatever time, and the lanes are free for what is new.
		var sent []string
		rest := newOutbox(t, db, script{
			send: func(_ context.Context, d outbox.Delivery) (string, error) {
				sent = append(sent, d.Key)
				return "receipt", nil
			},
			find: func(_ context.Context, d outbox.Delivery) (string, error) {
				t.Fatalf("%s was asked about", d.Key)
				return "", nil
			},
		}, outbox.Options{Sole: true})
		c.Add(time.Hour)
		finish(t, c, rest)
		if len(sent) > 0 {
			t.Fatalf("sent: %q", sent)
		}
		var fresh []string
		for _, lane := range lanes {
			key := "new in " + lane
			put(t, db, rest, outbox.Message{Key: key, Lane: lane})
			fresh = append(fresh, key)
		}
		finish(t, c, rest)
		if slices.Sort(sent); !slices.Equal(sent, fresh) {
			t.Fatalf("sent %q instead of %q", sent, fresh)
		}
	})
	for _, s := range []outbox.State{outbox.Pending, outbox.Sending, outbox.UncertainSent, outbox.Asking} {
		if seen[string(s)] == 0 {
			t.Errorf("no message was %s: %v", s, slices.Sorted(maps.Keys(seen)))
		}
	}
}

func TestHoldOpenNeedsAReason(t *testing.T) {
	db := open(t, newClock())
	if err := db.Update(t.Context(), func(tx *database.Tx) error {
		_, err := outbox.HoldOpen(tx, "")
		return err
	}); err == nil {
		t.Error("held for no reason")
	}
}
