package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"procurabot/internal/database"
	"procurabot/internal/outbox"
)

// recorder accepts everything and remembers it.
type recorder struct{ got []outbox.Delivery }

func (r *recorder) Send(_ context.Context, d outbox.Delivery) (string, error) {
	r.got = append(r.got, d)
	return "r:" + d.Key, nil
}

func (r *recorder) Find(context.Context, outbox.Delivery) (string, error) {
	return "", errors.New("not asked for")
}

func (r *recorder) keys() (keys []string) {
	for _, d := range r.got {
		keys = append(keys, d.Key)
	}
	return keys
}

func TestLanesCompeteByClassThenDueThenID(t *testing.T) {
	c, r := newClock(), &recorder{}
	db := open(t, c)
	box := newOutbox(t, db, r, outbox.Options{})
	put(t, db, box, outbox.Message{Key: "broadcast", Class: outbox.Broadcast})
	put(t, db, box, outbox.Message{Key: "personal later", Due: start.Add(time.Second)})
	put(t, db, box, outbox.Message{Key: "personal 1"})
	put(t, db, box, outbox.Message{Key: "personal 2"})
	put(t, db, box, outbox.Message{Key: "interactive", Class: outbox.Interactive})
	put(t, db, box, outbox.Message{Key: "interactive", Class: outbox.Interactive, Lane: "twice is once"})
	c.Add(time.Second)
	if next := step(t, box); !next.IsZero() {
		t.Errorf("something is due at %s", next)
	}
	want := []string{"interactive", "personal 1", "personal 2", "personal later", "broadcast"}
	if got := r.keys(); !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func TestHalfMillisecondsAreNeitherEarlyNorLate(t *testing.T) {
	c, r := newClock(), &recorder{}
	db := open(t, c)
	box := newOutbox(t, db, r, outbox.Options{})
	half := start.Add(1500 * time.Microsecond)
	put(t, db, box, outbox.Message{Key: "due", Due: half})
	put(t, db, box, outbox.Message{Key: "expired", Due: half.Add(-time.Millisecond), Expires: half})
	c.Set(half.Add(-time.Microsecond)) // the database sees a whole millisecond
	if next := step(t, box); next != start.Add(2*time.Millisecond) || len(r.got) != 0 {
		t.Errorf("sent %q, next is %s", r.keys(), next)
	}
	if s := status(t, db, box, "expired"); s.State != outbox.Expired {
		t.Errorf("%+v", s)
	}
}

func TestALaneKeepsItsOrderWhenTheClockGoesBack(t *testing.T) {
	c, r := newClock(), &recorder{}
	path := filepath.Join(t.TempDir(), "test.db")
	db := openFile(t, path, c.Now)
	box := newOutbox(t, db, r, outbox.Options{})
	put(t, db, box, outbox.Message{Key: "first", Lane: "l"})
	db.Close()
	c.Add(-24 * time.Hour)
	db = openFile(t, path, c.Now) // a new process: its ids are lower
	defer db.Close()
	box = newOutbox(t, db, r, outbox.Options{})
	put(t, db, box, outbox.Message{Key: "second", Lane: "l"})
	finish(t, c, box)
	if got := r.keys(); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("sent %q", got)
	}
}

func TestAReplacementJoinsTheLaneAndKnowsTheReceipt(t *testing.T) {
	c, r := newClock(), &recorder{}
	db := open(t, c)
	box := newOutbox(t, db, r, outbox.Options{})
	original := put(t, db, box, outbox.Message{Key: "original", Lane: "l"})
	put(t, db, box, outbox.Message{Key: "early edit", Lane: "elsewhere", Replaces: original})
	gone := put(t, db, box, outbox.Message{Key: "gone", Due: start.Add(time.Hour), Expires: start.Add(time.Minute)})
	put(t, db, box, outbox.Message{Key: "edit of gone", Lane: "elsewhere", Replaces: gone, Due: start.Add(time.Hour)})
	finish(t, c, box)
	got := map[string]outbox.Delivery{}
	for _, d := range r.got {
		got[d.Key] = d
	}
	if d := got["early edit"]; d.Lane != "l" || d.Replaces != original || d.ReplacesReceipt != "r:original" {
		t.Errorf("early edit: %+v", d)
	}
	if d := got["edit of gone"]; d.Lane != "gone" || d.Replaces != gone || d.ReplacesReceipt != "" {
		t.Errorf("edit of gone: %+v", d)
	}
	if s := status(t, db, box, "gone"); s.State != outbox.Expired || s.Reason == "" || s.Ended != start.Add(time.Minute) {
		t.Errorf("gone: %+v", s)
	}
}

func TestAHoldIsAPathAndOutlivesTheProcess(t *testing.T) {
	c := newClock()
	path := filepath.Join(t.TempDir(), "test.db")
	db := openFile(t, path, c.Now)
	busy := script{send: func(_ context.Context, d outbox.Delivery) (string, error) {
		if d.Key == "a" {
			return "", &outbox.Retry{After: 90 * time.Second, Gate: "s/T1", Err: errors.New("429")}
		}
		return "", &outbox.Retry{After: time.Second, Gate: "s/T1", Err: errors.New("429, shorter")}
	}}
	box := newOutbox(t, db, busy, outbox.Options{Workers: 0})
	put(t, db, box, outbox.Message{Key: "a", Gate: "s/T1/post"})
	opens := start.Add(90*time.Second + time.Millisecond) // the time that is stored is cut to whole milliseconds
	if next := step(t, box); next != opens {
		t.Errorf("next is %s", next)
	}
	put(t, db, box, outbox.Message{Key: "b", Gate: "q"})
	step(t, box)
	db.Close()

	db = openFile(t, path, c.Now)
	defer db.Close()
	r := &recorder{}
	box = newOutbox(t, db, r, outbox.Options{})
	c.Add(time.Millisecond) // ids of two processes have an order from one millisecond to the next
	put(t, db, box, outbox.Message{Key: "below", Gate: "s/T1/post/C1"})
	put(t, db, box, outbox.Message{Key: "above", Gate: "s"})
	put(t, db, box, outbox.Message{Key: "beside", Gate: "s/T10/post"})
	put(t, db, box, outbox.Message{Key: "none"})
	step(t, box)
	if got := r.keys(); !slices.Equal(got, []string{"above", "beside", "none"}) {
		t.Errorf("sent %q through a held gate", got)
	}
	c.Add(time.Second) // b was to wait this long, but its hold is shorter than the one there is
	next := step(t, box)
	if next != opens {
		t.Errorf("the gate is said to open at %s", next)
	}
	c.Set(next.Add(-time.Millisecond))
	step(t, box)
	if got := r.keys()[3:]; !slices.Equal(got, []string{"b"}) {
		t.Errorf("sent before the gate opened: %q", got)
	}
	c.Set(next)
	step(t, box)
	if got := r.keys()[4:]; !slices.Equal(got, []string{"a", "below"}) {
		t.Errorf("after the gate opened: %q", got)
	}
	if d := r.got[4]; d.Attempt != 1 {
		t.Errorf("the held attempt was counted: %d", d.Attempt)
	}
}

// TestTheProcessMayStopAnywhere stops at each point that the package comment names; the new process is the sole owner, or
// waits for the lease.
func TestTheProcessMayStopAnywhere(t *testing.T) {
	for _, sole := range []bool{true, false} {
		for _, test := range []struct {
			point   string
			unknown outbox.Unknown
			knows   bool
			arrived int
			state   outbox.State
		}{
			{"before claim", outbox.Hold, true, 1, outbox.Sent},
			{"before send", outbox.Hold, true, 1, outbox.Sent},
			{"before send", outbox.Resend, false, 1, outbox.Sent},
			{"before send", outbox.Hold, false, 0, outbox.Held},
			{"after send", outbox.Hold, true, 1, outbox.Sent},
			{"after send", outbox.Resend, false, 2, outbox.Sent},
			{"after send", outbox.Hold, false, 1, outbox.Held},
			{"after settling", outbox.Hold, false, 1, outbox.Sent},
		} {
			t.Run(fmt.Sprintf("%s, sole %t, knows %t, policy %d", test.point, sole, test.knows, test.unknown), func(t *testing.T) {
				c, arrived, stop := newClock(), 0, true
				path := filepath.Join(t.TempDir(), "test.db")
				db := openFile(t, path, c.Now)
				s := script{
					send: func(context.Context, outbox.Delivery) (string, error) {
						if stop && test.point == "before send" {
							db.Close()
							return "", errors.New("nobody hears this")
						}
						arrived++
						if stop && test.point == "after send" {
							db.Close()
						}
						return "receipt", nil
					},
					find: func(context.Context, outbox.Delivery) (string, error) {
						switch {
						case !test.knows:
							return "", outbox.ErrUnknowable
						case arrived == 0:
							return "", outbox.ErrAbsent
						}
						return "receipt", nil
					},
				}
				box := newOutbox(t, db, s, outbox.Options{Sole: sole})
				put(t, db, box, outbox.Message{Key: "k", Lane: "l", Unknown: test.unknown})
				put(t, db, box, outbox.Message{Key: "next", Lane: "l", Due: start.Add(time.Hour)})
				if test.point != "before claim" {
					_, err := box.Step(context.Background())
					if crashed := test.point != "after settling"; crashed != errors.Is(err, database.ErrClosed) {
						t.Fatalf("step: %v", err)
					}
				}
				db.Close()

				stop = false
				db = openFile(t, path, c.Now)
				defer db.Close()
				box = newOutbox(t, db, s, outbox.Options{Sole: sole})
				next := step(t, box)
				crashed := test.point == "before send" || test.point == "after send"
				if want := start.Add(2 * time.Minute); crashed && !sole && next != want {
					t.Errorf("the lease is said to end at %s", next)
				}
				for c.Now().Before(start.Add(30 * time.Minute)) {
					c.Add(time.Minute)
					step(t, box)
				}
				if got := status(t, db, box, "k"); got.State != test.state || arrived != test.arrived {
					t.Errorf("arrived %d times and is %+v", arrived, got)
				}
				finish(t, c, box)
				if got := status(t, db, box, "next"); got.State != outbox.Sent {
					t.Errorf("its successor in the lane: %+v", got)
				}
			})
		}
	}
}

func TestAZombieSettlesNothing(t *testing.T) {
	c := newClock()
	db := open(t, c)
	var other *outbox.Outbox
	zombie := script{send: func(context.Context, outbox.Delivery) (string, error) {
		c.Add(3 * time.Minute) // sleeps through its lease, while another process takes over
		step(t, other)
		if got := status(t, db, other, "k"); got.State != outbox.Sent || got.Receipt != "successor's" {
			t.Errorf("the successor has %+v", got)
		}
		return "zombie's", &outbox.Permanent{Err: errors.New("too late")}
	}}
	successor := script{
		send: func(_ context.Context, d outbox.Delivery) (string, error) {
			if d.Attempt != 2 || !d.Unsure || d.FirstAttempt != start {
				t.Errorf("the successor delivers %+v", d)
			}
			return "successor's", nil
		},
		find: func(context.Context, outbox.Delivery) (string, error) { return "", outbox.ErrUnknowable },
	}
	other = newOutbox(t, db, successor, outbox.Options{Owner: "other"})
	box := newOutbox(t, db, zombie, outbox.Options{Owner: "zombie"})
	put(t, db, box, outbox.Message{Key: "k"})
	step(t, box)
	if got := status(t, db, box, "k"); got.State != outbox.Sent || got.Receipt != "successor's" {
		t.Errorf("the zombie wrote over it: %+v", got)
	}
}

func TestAnOutcomeThatCannotBeWrittenIsKept(t *testing.T) {
	c, sent := newClock(), 0
	db := open(t, c)
	full := func(pages string) {
		if err := db.Update(context.Background(), func(tx *database.Tx) error {
			var n int
			return tx.QueryRow("PRAGMA max_page_count = " + pages).Scan(&n)
		}); err != nil {
			t.Fatal(err)
		}
	}
	long := string(make([]byte, 64<<10))
	box := newOutbox(t, db, script{send: func(context.Context, outbox.Delivery) (string, error) {
		sent++
		full("1") // no page more than there are
		return long, nil
	}}, outbox.Options{})
	put(t, db, box, outbox.Message{Key: "k"})
	for range 2 {
		if _, err := box.Step(context.Background()); !errors.Is(err, database.ErrUnwritable) {
			t.Fatalf("step on a full disk: %v", err)
		}
	}
	full("1000000")
	c.Add(time.Hour) // the lease is over, but the outcome is known
	step(t, box)
	if got := status(t, db, box, "k"); got.State != outbox.Sent || got.Receipt != long || sent != 1 {
		t.Errorf("sent %d times, is %s", sent, got.State)
	}
}

func TestOnlyWhatEndedIsForgotten(t *testing.T) {
	c, r := newClock(), &recorder{}
	db := open(t, c)
	box := newOutbox(t, db, r, outbox.Options{})
	original := put(t, db, box, outbox.Message{Key: "original"})
	put(t, db, box, outbox.Message{Key: "other"})
	put(t, db, box, outbox.Message{Key: "edit", Replaces: original, Due: start.Add(time.Hour)})
	step(t, box)
	c.Add(time.Minute)
	forget := func() (counts map[outbox.State]outbox.Count) {
		if err := db.Update(context.Background(), func(tx *database.Tx) error {
			more, err := box.Forget(tx, c.Now())
			if err == nil && !more {
				counts, err = box.Counts(tx)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return counts
	}
	got := forget()
	if got[outbox.Sent] != (outbox.Count{Messages: 1, Oldest: start}) ||
		got[outbox.Pending] != (outbox.Count{Messages: 1, Oldest: start.Add(time.Hour)}) {
		t.Errorf("left are %v", got)
	}
	finish(t, c, box)
	if d := r.got[2]; d.ReplacesReceipt != "r:original" {
		t.Errorf("the edit lost its original: %+v", d)
	}
	c.Add(time.Minute)
	if got := forget(); len(got) != 0 {
		t.Errorf("left are %v", got)
	}
}
