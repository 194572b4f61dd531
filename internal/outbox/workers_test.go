package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"procurabot/internal/database"
	"procurabot/internal/outbox"
)

func TestWorkersKeepLanesApart(t *testing.T) {
	const lanes, each = 20, 25
	db := open(t, newClock())
	var mu sync.Mutex
	flying, most, left := map[string]bool{}, 0, lanes*each
	reached := map[string]int{}
	done := make(chan struct{})
	var turn atomic.Int64
	s := script{
		send: func(_ context.Context, d outbox.Delivery) (string, error) {
			mu.Lock()
			if flying[d.Lane] {
				t.Errorf("two messages of lane %s are in flight", d.Lane)
			}
			flying[d.Lane] = true
			most = max(most, len(flying))
			mu.Unlock()
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				delete(flying, d.Lane)
			}()
			if turn.Add(1)%5 == 0 {
				return "", &outbox.Permanent{Err: errors.New("no")}
			}
			return "ok", nil
		},
	}
	// The sender is done before the outbox has settled: the end is what the outbox says, not the sender.
	box := newOutbox(t, db, s, outbox.Options{Workers: 8, Reserved: 2})
	for i := range each {
		for lane := range lanes {
			put(t, db, box, outbox.Message{Key: fmt.Sprintf("%d.%d", lane, i), Lane: fmt.Sprint(lane)})
		}
	}
	go func() {
		defer close(done)
		for left > 0 {
			<-box.Wake()
			step(t, box)
			var counts map[outbox.State]outbox.Count
			if err := db.View(context.Background(), func(tx *database.Tx) (err error) {
				counts, err = box.Counts(tx)
				return err
			}); err != nil {
				t.Error(err)
				return
			}
			left = lanes*each - counts[outbox.Sent].Messages - counts[outbox.Dead].Messages
			reached["sent"], reached["dead"] = counts[outbox.Sent].Messages, counts[outbox.Dead].Messages
		}
	}()
	<-done
	if err := box.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	if reached["dead"] != lanes*each/5 || reached["sent"] != lanes*each*4/5 || most > 6 {
		t.Errorf("ended as %v with at most %d lanes in flight", reached, most)
	}
}

func TestReservedWorkersAnswerWhileABroadcastIsStuck(t *testing.T) {
	db := open(t, newClock())
	began, stuck := make(chan string, 10), make(chan struct{})
	box := newOutbox(t, db, script{send: func(_ context.Context, d outbox.Delivery) (string, error) {
		began <- d.Key
		if d.Class == outbox.Broadcast {
			<-stuck
		}
		return "", nil
	}}, outbox.Options{Workers: 3, Reserved: 1})
	for i := range 5 {
		put(t, db, box, outbox.Message{Key: fmt.Sprint(i), Class: outbox.Broadcast})
	}
	step(t, box)
	if a, b := <-began, <-began; a == b {
		t.Errorf("%s began twice", a)
	}
	put(t, db, box, outbox.Message{Key: "answer", Class: outbox.Interactive})
	step(t, box)
	if got := <-began; got != "answer" {
		t.Errorf("%s took the reserved worker", got)
	}
	close(stuck)
	if err := box.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"0", "1", "answer"} {
		if s := status(t, db, box, key); s.State != outbox.Sent {
			t.Errorf("%s after draining: %+v", key, s)
		}
	}
	step(t, box)
	if len(began) != 0 {
		t.Error("something was sent after draining")
	}
}

// TestOurOwnSlowSendIsNotAskedAbout: when the machine sleeps, the lease of a send that is under way runs out.
func TestOurOwnSlowSendIsNotAskedAbout(t *testing.T) {
	c := newClock()
	db := open(t, c)
	began, finish := make(chan struct{}), make(chan struct{})
	box := newOutbox(t, db, script{
		send: func(context.Context, outbox.Delivery) (string, error) {
			close(began)
			<-finish
			return "receipt", nil
		},
		find: func(context.Context, outbox.Delivery) (string, error) {
			t.Error("asked about a send that is under way")
			return "", outbox.ErrAbsent
		},
	}, outbox.Options{Workers: 2})
	put(t, db, box, outbox.Message{Key: "k"})
	step(t, box)
	<-began
	c.Add(time.Hour)
	if next := step(t, box); !next.IsZero() {
		t.Errorf("next is %s", next)
	}
	close(finish)
	if err := box.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s := status(t, db, box, "k"); s.State != outbox.Sent {
		t.Errorf("%+v", s)
	}
}

func TestDrainTellsStuckSendsToStop(t *testing.T) {
	db := open(t, newClock())
	began := make(chan struct{})
	box := newOutbox(t, db, script{send: func(ctx context.Context, _ outbox.Delivery) (string, error) {
		close(began)
		<-ctx.Done()
		return "", ctx.Err()
	}}, outbox.Options{Workers: 1})
	put(t, db, box, outbox.Message{Key: "k"})
	step(t, box)
	<-began
	<-box.Wake() // of Put
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := box.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("drain: %v", err)
	}
	<-box.Wake() // of settling
	if s := status(t, db, box, "k"); s.State != outbox.UncertainSent {
		t.Errorf("%+v", s)
	}
}

func TestASendHasItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openFile(t, t.TempDir()+"/test.db", time.Now)
		defer db.Close()
		box := newOutbox(t, db, script{send: func(ctx context.Context, _ outbox.Delivery) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}}, outbox.Options{Timeout: 7 * time.Second})
		put(t, db, box, outbox.Message{Key: "k"})
		began := time.Now()
		step(t, box)
		if took := time.Since(began); took != 7*time.Second {
			t.Errorf("the send was stopped after %s", took)
		}
		if s := status(t, db, box, "k"); s.State != outbox.UncertainSent {
			t.Errorf("%+v", s)
		}
	})
}
