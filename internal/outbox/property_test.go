package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"procurabot/internal/database"
	"procurabot/internal/outbox"
)

const maxAttempts, maxAsks = 6, 3

// sentence is what the model knows of one message.
type sentence struct {
	message   outbox.Message
	place     int // in the lane
	arrived   int
	attempt   int
	sent      bool // tried at least once
	mayRepeat bool // the receiver, or the policy, allows another attempt
	doubtful  bool // an attempt whose outcome could not be found out
	never     bool
	asks      int
	notBefore time.Time
	resent    int // by a person
	discarded bool
}

// receiver misbehaves as the test draws it, and checks each delivery against what it knows.
type receiver struct {
	t     *rapid.T
	clock *clock
	all   map[string]*sentence // by key
	lanes map[string]int       // the place last tried
	gates map[string]time.Time
	kind  bool   // no faults any more
	die   func() // ends the process, as far as the database can tell
	wrong []string
}

func (r *receiver) fault(format string, args ...any) {
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

func (r *receiver) closed(gate string) bool {
	for held, until := range r.gates {
		if until.After(r.clock.Now()) && (held == gate || strings.HasPrefix(gate, held+"/")) {
			return true
		}
	}
	return false
}

func (r *receiver) check(d outbox.Delivery, s *sentence) {
	now := r.clock.Now()
	if now.Before(s.message.Due) || now.Before(s.notBefore) {
		r.fault("%s was sent early", d.Key)
	}
	if !s.message.Expires.IsZero() && !now.Before(s.message.Expires) {
		r.fault("%s was sent late", d.Key)
	}
	if r.closed(d.Gate) {
		r.fault("%s was sent through the closed gate %s", d.Key, d.Gate)
	}
	if s.sent && !s.mayRepeat {
		r.fault("%s was sent again without knowing that it may", d.Key)
	}
	if s.place < r.lanes[d.Lane] {
		r.fault("%s was sent after its successor in lane %s", d.Key, d.Lane)
	}
	if d.Unsure != s.doubtful {
		r.fault("%s was sent with unsure %t", d.Key, d.Unsure)
	}
	r.lanes[d.Lane] = s.place
	s.sent, s.mayRepeat, s.attempt, s.asks = true, false, d.Attempt, 0
}

func (r *receiver) retry(s *sentence) error {
	retry := &outbox.Retry{Err: errors.New("busy"), After: time.Duration(rapid.IntRange(0, 3000).Draw(r.t, "after")) * time.Millisecond}
	if rapid.Bool().Draw(r.t, "holds a gate") {
		retry.Gate = rapid.SampledFrom([]string{"g", "g/a", "g/ab", "g/b"}).Draw(r.t, "gate")
		if until := r.clock.Now().Add(retry.After); until.After(r.gates[retry.Gate]) {
			r.gates[retry.Gate] = until
		}
	}
	s.notBefore = r.clock.Now().Add(retry.After)
	return retry
}

func (r *receiver) Send(_ context.Context, d outbox.Delivery) (string, error) {
	s := r.all[d.Key]
	r.check(d, s)
	what := "accept"
	if !r.kind {
		what = rapid.SampledFrom([]string{"accept", "accept", "accept", "retry", "permanent", "lose the question",
			"lose the answer", "panic", "die before", "die after"}).Draw(r.t, "send")
	}
	switch what {
	case "accept":
		s.arrived++
		return "receipt of " + d.Key, nil
	case "retry":
		s.mayRepeat = true
		return "", r.retry(s)
	case "permanent":
		s.never = true
		return "", fmt.Errorf("wrapped: %w", &outbox.Permanent{Err: errors.New("no such place")})
	case "lose the question":
		return "", &outbox.Uncertain{Err: errors.New("connection reset")}
	case "lose the answer":
		s.arrived++
		return "", errors.New("connection reset")
	case "panic":
		s.arrived++
		panic("a bug of the sender")
	case "die after":
		s.arrived++
	}
	r.die()
	return "nobody will hear of it", nil
}

func (r *receiver) Find(_ context.Context, d outbox.Delivery) (string, error) {
	s := r.all[d.Key]
	if !s.sent || s.mayRepeat {
		r.fault("%s was asked about for nothing", d.Key)
	}
	if r.clock.Now().Before(s.notBefore) || r.closed(d.Gate) {
		r.fault("%s was asked about early", d.Key)
	}
	s.asks++
	what := "know"
	if !r.kind {
		what = rapid.SampledFrom([]string{"know", "know", "not know", "retry", "fail", "die"}).Draw(r.t, "find")
	}
	err := errors.New("history out of order")
	switch what {
	case "know":
		if s.arrived > 0 {
			return "receipt of " + d.Key, nil
		}
		s.mayRepeat, s.doubtful = true, false
		return "", fmt.Errorf("asked: %w", outbox.ErrAbsent)
	case "not know":
		s.mayRepeat, s.doubtful = s.message.Unknown == outbox.Resend, true
		return "", outbox.ErrUnknowable
	case "retry":
		err = r.retry(s)
		var retry *outbox.Retry
		if errors.As(err, &retry) && retry.Gate != "" {
			s.asks--
			return "", err
		}
	case "die":
		r.die()
		return "", err
	}
	if s.asks >= maxAsks {
		s.mayRepeat, s.doubtful, s.notBefore = s.message.Unknown == outbox.Resend, true, time.Time{}
	}
	return "", err
}

// TestOutboxKeepsItsPromises plays putting, time, faults and ends of the process in any order.
func TestOutboxKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "outbox")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "test.db")
		c := newClock()
		var db *database.DB
		var box *outbox.Outbox
		dead := false
		r := &receiver{t: t, clock: c, all: map[string]*sentence{}, lanes: map[string]int{}, gates: map[string]time.Time{}}
		r.die = func() { dead = true; db.Close() }
		restart := func() {
			if db != nil {
				db.Close()
			}
			dead = false
			db = openFile(t, path, c.Now)
			box = newOutbox(t, db, r, outbox.Options{Sole: true, MaxAttempts: maxAttempts, MaxAsks: maxAsks})
		}
		restart()
		defer func() { db.Close() }()
		inLane := map[string]int{}

		run := func() {
			_, err := box.Step(context.Background())
			if dead {
				if !errors.Is(err, database.ErrClosed) {
					t.Fatalf("a step of a closed database said %v", err)
				}
				restart()
			} else if err != nil {
				t.Fatal(err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				m := outbox.Message{
					Key:     fmt.Sprintf("k%02d", rapid.IntRange(0, 40).Draw(t, "key")),
					Lane:    rapid.SampledFrom([]string{"l1", "l2", "l3"}).Draw(t, "lane"),
					Gate:    rapid.SampledFrom([]string{"", "g/a", "g/ab", "g/b"}).Draw(t, "gate"),
					Class:   outbox.Class(rapid.IntRange(1, 3).Draw(t, "class")),
					Unknown: outbox.Unknown(rapid.IntRange(0, 1).Draw(t, "unknown")),
					Payload: []byte("text"),
				}
				if rapid.Bool().Draw(t, "later") {
					m.Due = c.Now().Add(time.Duration(rapid.IntRange(-1000, 5000).Draw(t, "due")) * time.Millisecond)
				}
				if rapid.Bool().Draw(t, "expires") {
					m.Expires = c.Now().Add(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "expiry")) * time.Millisecond)
				}
				put(t, db, box, m)
				if r.all[m.Key] == nil {
					inLane[m.Lane]++
					r.all[m.Key] = &sentence{message: m, place: inLane[m.Lane]}
				}
			},
			"decide": func(t *rapid.T) {
				var waiting []outbox.Letter
				update(t, db, func(tx *database.Tx) (err error) { waiting, err = box.Letters(tx, outbox.Mark{}, 100); return err })
				if len(waiting) == 0 {
					return
				}
				l := rapid.SampledFrom(waiting).Draw(t, "letter")
				s := r.all[l.Key]
				if l.Number == 0 || l.Unsure != s.doubtful {
					t.Fatalf("%s waits for a person as %+v", l.Key, l)
				}
				again := rapid.Bool().Draw(t, "again")
				done := false
				update(t, db, func(tx *database.Tx) (err error) {
					if again {
						done, err = box.Resend(tx, l.ID)
					} else {
						done, err = box.Discard(tx, l.ID)
					}
					return err
				})
				switch {
				case !done:
					t.Fatalf("nobody can decide about %s", l.Key)
				case again:
					inLane[l.Lane]++
					s.place = inLane[l.Lane]
					s.resent++
					s.message.Expires, s.notBefore = time.Time{}, time.Time{}
					s.sent, s.mayRepeat, s.never, s.attempt, s.asks = false, false, false, 0, 0
				default:
					s.discarded = true
				}
			},
			"step":    func(*rapid.T) { run() },
			"wait":    func(t *rapid.T) { c.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * time.Millisecond) },
			"restart": func(*rapid.T) { restart() },
			"": func(t *rapid.T) {
				if len(r.wrong) > 0 {
					t.Fatal(strings.Join(r.wrong, "\n"))
				}
			},
		})

		r.kind = true
		finish(t, c, box)
		if len(r.wrong) > 0 {
			t.Fatal(strings.Join(r.wrong, "\n"))
		}
		for key, s := range r.all {
			got := status(t, db, box, key)
			switch got.State {
			case outbox.Sent:
				if s.arrived == 0 || got.Receipt != "receipt of "+key {
					t.Fatalf("%s arrived %d times and has %+v", key, s.arrived, got)
				}
			case outbox.Dead:
				if !s.never && s.attempt < maxAttempts {
					t.Fatalf("%s is dead after %d attempts", key, s.attempt)
				}
			case outbox.Expired:
				if s.discarded {
					break
				}
				if s.message.Expires.IsZero() || c.Now().Before(s.message.Expires) {
					t.Fatalf("%s has expired too early", key)
				}
			case outbox.Held:
				if s.message.Unknown != outbox.Hold || !s.doubtful {
					t.Fatalf("%s is held without doubt", key)
				}
			default:
				t.Fatalf("%s is lost: %+v", key, got)
			}
			if s.arrived > 0 && got.State != outbox.Sent && !s.doubtful && s.message.Expires.IsZero() {
				t.Fatalf("%s arrived, beyond doubt, and is %s", key, got.State)
			}
			if s.message.Unknown == outbox.Hold && s.arrived > 1+s.resent {
				t.Fatalf("%s is to be held when in doubt, and arrived %d times", key, s.arrived)
			}
		}
	})
}
