package bot

import (
	"time"

	"procurabot/internal/outbox"
)

// Letter is a message that did not arrive, for which a person decides.
type Letter struct {
	outbox.Letter
	Outgoing        // empty where it was sent or discarded since
	Reader   Member // whom Outgoing.To.Account names; without an ID when unknown
}

// Forgotten is when nobody can decide about it any more.
func (l Letter) Forgotten() time.Time { return l.Ended.Add(keepSent) }

// Letters are the messages that did not arrive: for administrators alone, who
// then see what was written to others.
type Letters struct{ t *Turn }

// Letters gives the messages that did not arrive.
func (t *Turn) Letters() Letters { return Letters{t} }

// Page lists those that nobody has decided about, newest first, from behind a
// mark; more is true when there are others behind them.
func (l Letters) Page(after outbox.Mark, most int) (page []Letter, more bool, err error) {
	all, err := l.t.engine.outbox.Letters(l.t.Tx, after, most+1)
	if err != nil {
		return nil, false, err
	}
	for _, found := range all[:min(len(all), most)] {
		letter, err := l.open(found)
		if err != nil {
			return nil, false, err
		}
		page = append(page, letter)
	}
	return page, len(all) > most, nil
}

// Find gives one by its id, also when somebody has decided about it since;
// false when there is none, or not any more.
func (l Letters) Find(id string) (Letter, bool, error) {
	found, ok, err := l.t.engine.outbox.Letter(l.t.Tx, id)
	if err != nil || !ok {
		return Letter{}, false, err
	}
	letter, err := l.open(found)
	return letter, err == nil, err
}

// Numbered is Find by number.
func (l Letters) Numbered(number int) (Letter, bool, error) {
	found, ok, err := l.t.engine.outbox.Numbered(l.t.Tx, number)
	if err != nil || !ok {
		return Letter{}, false, err
	}
	letter, err := l.open(found)
	return letter, err == nil, err
}

// Held lists what was held until then and still is, in the order in which it
// was said.
func (l Letters) Held(until time.Time) ([]outbox.Letter, error) {
	return l.t.engine.outbox.Held(l.t.Tx, until)
}

// Tally counts what waits to be sent, and what waits for a person.
func (l Letters) Tally() (outbox.Tally, error) { return l.t.engine.outbox.Tally(l.t.Tx) }

// Resend sends one again, behind whatever waits for the same conversation;
// false when somebody has decided about it before.
func (l Letters) Resend(id string) (bool, error) { return l.t.engine.outbox.Resend(l.t.Tx, id) }

// Discard gives one up for good, and its text with it; false as for Resend.
func (l Letters) Discard(id string) (bool, error) { return l.t.engine.outbox.Discard(l.t.Tx, id) }

func (l Letters) open(found outbox.Letter) (Letter, error) {
	letter := Letter{Letter: found}
	if !found.Undecided() {
		return letter, nil
	}
	// What cannot be read, for which it may be dead, still has its number.
	if o, err := decodeOutgoing(found.Payload); err == nil {
		letter.Outgoing = o
	}
	letter.To.Platform = Platform(found.Route)
	if letter.To.Account.User == "" {
		return letter, nil
	}
	var err error
	letter.Reader, err = l.t.engine.directory.Find(l.t.Tx, letter.To.Account)
	return letter, err
}
