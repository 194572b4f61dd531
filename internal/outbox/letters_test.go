package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"procurabot/internal/database"
	"procurabot/internal/outbox"
)

// post is an outbox whose receiver does as the test says, by key.
type post struct {
	*testing.T
	clock *clock
	db    *database.DB
	box   *outbox.Outbox
	does  map[string]error // nil: accepts
	sent  []outbox.Delivery
}

func newPost(t *testing.T) *post {
	p := &post{T: t, clock: newClock(), does: map[string]error{}}
	p.db = open(t, p.clock)
	p.box = newOutbox(t, p.db, script{
		send: func(_ context.Context, d outbox.Delivery) (string, error) {
			err := p.does[d.Key]
			if err == nil {
				p.sent = append(p.sent, d)
			}
			return "receipt of " + d.Key, err
		},
		find: func(context.Context, outbox.Delivery) (string, error) { return "", outbox.ErrUnknowable },
	}, outbox.Options{})
	return p
}

var (
	refused = &outbox.Permanent{Err: errors.New("channel_not_found")}
	cutOff  = &outbox.Uncertain{Err: errors.New("connection reset")}
)

// put puts a message to which that happens, and lets it.
func (p *post) put(m outbox.Message, happens error) string {
	p.Helper()
	p.does[m.Key] = happens
	m.Payload = []byte("text of " + m.Key)
	id := put(p, p.db, p.box, m)
	finish(p, p.clock, p.box)
	return id
}

func (p *post) update(do func(tx *database.Tx) error) {
	p.Helper()
	update(p, p.db, do)
}

func (p *post) resend(id string) (done bool) {
	p.Helper()
	p.update(func(tx *database.Tx) (err error) { done, err = p.box.Resend(tx, id); return err })
	return done
}

func (p *post) discard(id string) (done bool) {
	p.Helper()
	p.update(func(tx *database.Tx) (err error) { done, err = p.box.Discard(tx, id); return err })
	return done
}

func (p *post) letter(id string) (l outbox.Letter) {
	p.Helper()
	found := false
	p.update(func(tx *database.Tx) (err error) { l, found, err = p.box.Letter(tx, id); return err })
	if !found {
		p.Fatalf("%s is no letter", id)
	}
	return l
}

func (p *post) tally() (t outbox.Tally) {
	p.Helper()
	p.update(func(tx *database.Tx) (err error) { t, err = p.box.Tally(tx); return err })
	return t
}

func TestLettersAreListedInPages(t *testing.T) {
	p := newPost(t)
	p.put(outbox.Message{Key: "fine"}, nil)
	for i := range 7 {
		m := outbox.Message{Key: fmt.Sprint("k", i), Unknown: outbox.Hold}
		p.put(m, map[bool]error{true: refused, false: cutOff}[i%2 == 0])
		if i == 3 {
			p.clock.Add(time.Minute) // some have ended in the same millisecond, some have not
		}
	}
	p.does["waits"] = &outbox.Retry{Err: errors.New("busy"), After: time.Hour}
	put(p, p.db, p.box, outbox.Message{Key: "waits", Payload: []byte("x")})
	step(p, p.box)

	var keys []string
	var after outbox.Mark
	for range 10 {
		var page []outbox.Letter
		p.update(func(tx *database.Tx) (err error) { page, err = p.box.Letters(tx, after, 3); return err })
		if len(page) == 0 {
			break
		}
		for _, l := range page {
			keys = append(keys, l.Key)
			if want := "text of " + l.Key; string(l.Payload) != want || l.Reason == "" || !l.Undecided() || l.Unsure != (l.State == outbox.Held) {
				t.Errorf("%s reads as %+v", l.Key, l)
			}
			var same outbox.Letter
			p.update(func(tx *database.Tx) (err error) { same, _, err = p.box.Numbered(tx, l.Number); return err })
			if same.ID != l.ID {
				t.Errorf("number %d names %s and %s", l.Number, l.ID, same.ID)
			}
		}
		after = page[len(page)-1].Mark()
	}
	if want := []string{"k6", "k5", "k4", "k3", "k2", "k1", "k0"}; !slices.Equal(keys, want) {
		t.Errorf("listed are %v, not %v", keys, want)
	}
	if got, want := p.tally(), (outbox.Tally{Waiting: 1, Held: 3, Dead: 4}); got != want {
		t.Errorf("the tally is %+v, not %+v", got, want)
	}
	var held []outbox.Letter
	p.update(func(tx *database.Tx) (err error) { held, err = p.box.Held(tx, p.clock.Now()); return err })
	if len(held) != 3 || held[0].Key != "k1" || held[2].Key != "k5" {
		t.Errorf("held are %+v", held)
	}
	p.update(func(tx *database.Tx) (err error) { held, err = p.box.Held(tx, start.Add(-time.Second)); return err })
	if len(held) != 0 {
		t.Errorf("held before the beginning: %+v", held)
	}
}

func TestResendTakesTheEndOfTheLane(t *testing.T) {
	p := newPost(t)
	first := p.put(outbox.Message{Key: "first", Lane: "l", Expires: start.Add(time.Hour)}, refused)
	p.clock.Add(2 * time.Hour) // beyond its time limit
	p.does["second"], p.does["third"] = nil, nil
	for _, key := range []string{"second", "third"} {
		put(p, p.db, p.box, outbox.Message{Key: key, Lane: "l", Due: p.clock.Now().Add(time.Minute), Payload: []byte(key)})
	}
	p.does["first"] = nil
	if !p.resend(first) {
		t.Fatal("it was not put back")
	}
	if p.resend(first) || p.discard(first) {
		t.Error("a second person decides about what waits already")
	}
	if got := status(p, p.db, p.box, "first"); got.State != outbox.Pending || got.Attempts != 0 {
		t.Errorf("it waits as %+v", got)
	}
	finish(p, p.clock, p.box)
	var order []string
	for _, d := range p.sent {
		order = append(order, d.Key)
	}
	if want := []string{"second", "third", "first"}; !slices.Equal(order, want) {
		t.Errorf("sent in the order %v, not %v", order, want)
	}
	if d := p.sent[2]; d.ID != first || d.Attempt != 1 || d.Unsure || string(d.Payload) != "text of first" {
		t.Errorf("delivered as %+v", d)
	}
	l := p.letter(first)
	if l.State != outbox.Sent || l.Number != 1 || l.Payload != nil || l.Undecided() {
		t.Errorf("afterwards it is %+v", l)
	}
	if p.resend(first) || p.discard(first) {
		t.Error("a second person decides about what was sent")
	}
}

func TestResendWakesTheSender(t *testing.T) {
	p := newPost(t)
	id := p.put(outbox.Message{Key: "k"}, refused)
	for len(p.box.Wake()) > 0 {
		<-p.box.Wake()
	}
	p.resend(id)
	if len(p.box.Wake()) == 0 {
		t.Error("nobody is told that there is something to send")
	}
}

func TestResendRemembersTheDoubt(t *testing.T) {
	p := newPost(t)
	id := p.put(outbox.Message{Key: "k", Unknown: outbox.Hold}, cutOff)
	if l := p.letter(id); l.State != outbox.Held || !l.Unsure {
		t.Fatalf("it is %+v", l)
	}
	p.resend(id)
	finish(p, p.clock, p.box)
	if l := p.letter(id); l.State != outbox.Held || l.Number != 1 || l.Attempts != 1 {
		t.Errorf("cut off once more it is %+v", l)
	}
	p.does["k"] = nil
	p.resend(id)
	finish(p, p.clock, p.box)
	if len(p.sent) != 1 || !p.sent[0].Unsure || !p.sent[0].FirstAttempt.Equal(start) {
		t.Errorf("delivered as %+v", p.sent)
	}
}

func TestDiscardBlanksTheText(t *testing.T) {
	p := newPost(t)
	id := p.put(outbox.Message{Key: "k"}, refused)
	p.clock.Add(time.Hour)
	if !p.discard(id) {
		t.Fatal("it was not discarded")
	}
	l := p.letter(id)
	if l.State != outbox.Expired || l.Payload != nil || !l.Ended.Equal(p.clock.Now()) || l.Reason != "discarded by a person" {
		t.Errorf("it is %+v", l)
	}
	if p.resend(id) || p.discard(id) {
		t.Error("a second person decides about what is discarded")
	}
	if got := p.tally(); got != (outbox.Tally{}) {
		t.Errorf("the tally is %+v", got)
	}
	if again := p.put(outbox.Message{Key: "k"}, nil); again != id || len(p.sent) != 0 {
		t.Error("putting its key again sends it")
	}
}

// TestOvertaken: words that a later edit has replaced must not come after it.
func TestOvertaken(t *testing.T) {
	p := newPost(t)
	original := p.put(outbox.Message{Key: "original", Lane: "l"}, refused)
	edit := p.put(outbox.Message{Key: "edit", Replaces: original}, refused)
	for _, id := range []string{original, edit} {
		if p.letter(id).Overtaken {
			t.Errorf("%s is overtaken by what did not arrive either", id)
		}
	}
	p.put(outbox.Message{Key: "last edit", Replaces: original}, nil)
	for _, id := range []string{original, edit} {
		if !p.letter(id).Overtaken {
			t.Errorf("%s is not overtaken", id)
		}
	}
	another := p.put(outbox.Message{Key: "another", Lane: "l"}, refused)
	if p.letter(another).Overtaken {
		t.Error("a message that edits nothing is overtaken by an edit of another")
	}
}

func TestForgottenLettersAreGone(t *testing.T) {
	p := newPost(t)
	id := p.put(outbox.Message{Key: "k"}, refused)
	p.clock.Add(time.Hour)
	p.update(func(tx *database.Tx) error { _, err := p.box.Forget(tx, p.clock.Now()); return err })
	p.update(func(tx *database.Tx) error {
		_, byID, err := p.box.Letter(tx, id)
		if err != nil {
			return err
		}
		_, byNumber, err := p.box.Numbered(tx, 1)
		if byID || byNumber {
			t.Error("it can still be found")
		}
		return err
	})
	if p.resend(id) || p.discard(id) {
		t.Error("what was forgotten can be decided about")
	}
}
