package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"procurabot/internal/database"
	"procurabot/internal/schedule"
)

func logging(name string, next func(time.Time) time.Time) schedule.Slot {
	return schedule.Slot{Name: name, Next: next, Run: func(tx *database.Tx, at time.Time) error { return write(tx, name, at) }}
}

func doing(tx *database.Tx, w schedule.Work) error {
	return write(tx, w.Key+":"+string(w.Payload), w.Due)
}

func TestASlotRunsOnceForAllThatWasMissed(t *testing.T) {
	c := &clock{now: start}
	db := open(t, c)
	hourly := logging("hourly", schedule.Every(time.Hour))
	s := newSchedule(t, db, []schedule.Slot{hourly}, nil)
	hour := func(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) }
	if next := step(t, s); next != hour(1) || len(read(t, db)) != 0 {
		t.Fatalf("a new slot ran %v and is next due at %s", read(t, db), next)
	}
	c.Set(hour(1))
	step(t, s)
	c.Set(hour(2).Add(-time.Millisecond))
	step(t, s)
	c.Set(hour(24 * 365).Add(time.Minute)) // a year of downtime
	if next := step(t, s); next != hour(24*365+1) {
		t.Errorf("next due at %s", next)
	}
	c.Add(24 * time.Hour)
	step(t, s)
	c.Add(-24 * time.Hour) // and back
	step(t, s)
	want := []entry{
		{"hourly", hour(1), hour(1)},
		{"hourly", hour(24 * 365), hour(24 * 365).Add(time.Minute)},
		{"hourly", hour(24 * 366), hour(24 * 366).Add(time.Minute)},
	}
	if got := read(t, db); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestARuleThatChangesTakesEffectAtOnce(t *testing.T) {
	c := &clock{now: start}
	db := open(t, c)
	step(t, newSchedule(t, db, []schedule.Slot{logging("s", schedule.Every(24*time.Hour))}, nil))
	if next := step(t, newSchedule(t, db, []schedule.Slot{logging("s", schedule.Every(time.Hour))}, nil)); next != start.Add(time.Hour) {
		t.Errorf("next due at %s", next)
	}
}

func TestWorkIsDoneOnceInOrder(t *testing.T) {
	c := &clock{now: start}
	db := open(t, c)
	s := newSchedule(t, db, nil, map[string]schedule.Do{"a": doing, "b": doing})
	due := start.Add(time.Minute)
	for _, w := range []schedule.Work{
		{Key: "2", Kind: "a", Due: due.Add(time.Second), Payload: []byte("x")},
		{Key: "1", Kind: "b", Due: due},
		{Key: "0", Kind: "a", Due: due},
		{Key: "cancelled", Kind: "a", Due: due},
	} {
		if !later(t, db, s, w) {
			t.Errorf("%s was not added", w.Key)
		}
		select {
		case <-s.Wake():
		default:
			t.Error("nobody was woken")
		}
	}
	if later(t, db, s, schedule.Work{Key: "0", Kind: "b", Due: start}) {
		t.Error("the same key twice was added")
	}
	cancel := func(key string) (found bool) {
		update(t, db, func(tx *database.Tx) (err error) {
			found, err = s.Cancel(tx, key)
			return err
		})
		return found
	}
	if !cancel("cancelled") || cancel("cancelled") || cancel("no such") {
		t.Error("cancelling does not tell what was there")
	}
	if next := step(t, s); next != due || len(read(t, db)) != 0 {
		t.Errorf("early: %v, next %s", read(t, db), next)
	}
	c.Add(time.Hour)
	if next := step(t, s); !next.IsZero() {
		t.Errorf("next %s", next)
	}
	if later(t, db, s, schedule.Work{Key: "0", Kind: "a", Due: c.Now()}) || cancel("0") {
		t.Error("work that was done is not remembered")
	}
	step(t, s)
	want := []entry{{"0:", due, c.Now()}, {"1:", due, c.Now()}, {"2:x", due.Add(time.Second), c.Now()}}
	if got := read(t, db); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	c.Add(time.Millisecond)
	update(t, db, func(tx *database.Tx) error {
		more, err := s.Forget(tx, c.Now())
		if more {
			t.Error("more to forget")
		}
		return err
	})
	if !later(t, db, s, schedule.Work{Key: "0", Kind: "a", Due: c.Now()}) {
		t.Error("a forgotten key is still known")
	}
}

func TestWhatFailsIsUndoneAndGivenUpAndBlocksNothing(t *testing.T) {
	c := &clock{now: start}
	db := open(t, c)
	bad := func(tx *database.Tx, w schedule.Work) error {
		if err := doing(tx, w); err != nil {
			return err
		}
		if w.Key == "panic" {
			panic("a member's text")
		}
		return errors.New("broken")
	}
	slot := schedule.Slot{Name: "slot", Next: schedule.Every(time.Minute), Run: func(tx *database.Tx, at time.Time) error {
		if at.Equal(start.Add(time.Minute)) || at.Before(start.Add(10*time.Second)) {
			return errors.Join(write(tx, "slot", at), errors.New("broken slot"))
		}
		return write(tx, "slot", at)
	}}
	s := newSchedule(t, db, []schedule.Slot{slot}, map[string]schedule.Do{"bad": bad, "good": doing})
	step(t, s)
	for _, w := range []schedule.Work{{Key: "error", Kind: "bad"}, {Key: "panic", Kind: "bad"}, {Key: "zero", Kind: "good"}} {
		w.Due = start.Add(time.Minute)
		later(t, db, s, w)
	}
	faults := func() (all []schedule.Fault) {
		if err := db.View(context.Background(), func(tx *database.Tx) (err error) {
			all, err = s.Faults(tx)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	c.Add(time.Minute)
	one := start.Add(time.Minute)
	if next := step(t, s); next != one.Add(time.Second) {
		t.Errorf("next %s", next)
	}
	retry := one.Add(time.Second)
	want := []schedule.Fault{
		{Key: "error", Kind: "bad", Tries: 1, Retry: retry, Reason: "broken"},
		{Key: "panic", Kind: "bad", Tries: 1, Retry: retry, Reason: "panic with a string"},
		{Slot: "slot", Tries: 1, Retry: retry, Reason: "broken slot"},
	}
	if got := faults(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	c.Add(time.Second)
	if next := step(t, s); next != one.Add(3*time.Second) {
		t.Errorf("next %s", next)
	}
	c.Add(2 * time.Second)
	if next := step(t, s); next != one.Add(time.Minute) {
		t.Errorf("next %s", next)
	}
	want = []schedule.Fault{
		{Key: "error", Kind: "bad", Tries: 3, Reason: "broken"},
		{Key: "panic", Kind: "bad", Tries: 3, Reason: "panic with a string"},
		{Slot: "slot", Reason: "broken slot"},
	}
	if got := faults(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	c.Set(one.Add(time.Minute))
	step(t, s)
	if got := faults(); len(got) != 2 {
		t.Errorf("the slot's fault is still there: %+v", got)
	}
	log := []entry{{"zero:", one, one}, {"slot", one.Add(time.Minute), one.Add(time.Minute)}}
	if got := read(t, db); !slices.Equal(got, log) {
		t.Errorf("got  %v\nwant %v", got, log)
	}
}

func TestUnknownKinds(t *testing.T) {
	c := &clock{now: start}
	db := open(t, c)
	writer := newSchedule(t, db, nil, nil) // a process that only brings work
	later(t, db, writer, schedule.Work{Key: "k", Kind: "new", Due: start})
	if next := step(t, writer); !next.IsZero() {
		t.Errorf("next %s", next)
	}
	old := newSchedule(t, db, nil, map[string]schedule.Do{"old": doing})
	if next := step(t, old); !next.IsZero() {
		t.Errorf("next %s", next)
	}
	err := db.Update(context.Background(), func(tx *database.Tx) error {
		_, err := old.Later(tx, schedule.Work{Key: "l", Kind: "new", Due: start})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), `"new"`) {
		t.Errorf("an unknown kind: %v", err)
	}
	step(t, newSchedule(t, db, nil, map[string]schedule.Do{"new": doing}))
	if got := read(t, db); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// TestExactlyOnce ends the process inside and between operations, and moves the clock both ways.
func TestExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &clock{now: start}
		dir := tempDir(t)
		path := filepath.Join(dir, "test.db")
		var db *database.DB
		var s *schedule.Schedule
		kill := false
		dying := func() error {
			if kill {
				kill = false
				go db.Close() // refuses what comes after this operation
				return database.ErrClosed
			}
			return nil
		}
		start := func() {
			if db != nil {
				db.Close()
			}
			db = openFile(t, path, c)
			slot := schedule.Slot{Name: "slot", Next: schedule.Every(time.Minute), Run: func(tx *database.Tx, at time.Time) error {
				return errors.Join(write(tx, "slot", at), dying())
			}}
			s = newSchedule(t, db, []schedule.Slot{slot}, map[string]schedule.Do{"w": func(tx *database.Tx, w schedule.Work) error {
				return errors.Join(doing(tx, w), dying())
			}})
		}
		start()
		defer func() { db.Close() }()
		wanted := map[string]time.Time{}
		run := func() {
			if _, err := s.Step(context.Background()); errors.Is(err, database.ErrClosed) {
				start()
			} else if err != nil {
				t.Fatal(err)
			}
			kill = false
		}
		t.Repeat(map[string]func(*rapid.T){
			"later": func(t *rapid.T) {
				key := fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "key"))
				due := c.Now().Add(time.Duration(rapid.IntRange(-1000, 100_000).Draw(t, "due")) * time.Millisecond)
				_, known := wanted[key]
				if added := later(t, db, s, schedule.Work{Key: key, Kind: "w", Due: due}); added == known {
					t.Fatalf("added %t a key known %t", added, known)
				}
				if !known {
					wanted[key] = due
				}
			},
			"step": func(*rapid.T) { run() },
			"kill": func(*rapid.T) { kill = true; run() },
			"wait": func(t *rapid.T) { c.Add(time.Duration(rapid.IntRange(1, 100_000).Draw(t, "ms")) * time.Millisecond) },
			"jump": func(t *rapid.T) { c.Add(time.Duration(rapid.IntRange(-24, 24).Draw(t, "hours")) * time.Hour) },
		})
		c.Add(48 * time.Hour * 100)
		run()
		work := 0
		for _, e := range read(t, db) {
			if e.Done.Before(e.At) {
				t.Fatalf("%s of %s was done at %s", e.What, e.At, e.Done)
			}
			if e.What != "slot" {
				work++
				if key := strings.TrimSuffix(e.What, ":"); !wanted[key].Equal(e.At) {
					t.Fatalf("%s was wanted at %s, not %s", key, wanted[key], e.At)
				}
			}
		}
		if work != len(wanted) {
			t.Fatalf("%d of %d were done", work, len(wanted))
		}
	})
}
