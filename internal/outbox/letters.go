package outbox

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"procurabot/internal/database"
)

// Letter is a message that became dead or held, for which a person decides. It stays one after the decision: State says
// what came of it.
type Letter struct {
	Status
	Number    int    // by which people name it; from 1, unique until it is forgotten
	Route     string // of the Sender that would carry it
	Payload   []byte // nil once it is sent or discarded
	Unsure    bool   // an attempt may have arrived
	Overtaken bool   // a newer edit of the same message was sent, or will be: these words are out of date
}

// Undecided reports whether the letter still waits for a person.
func (l Letter) Undecided() bool { return l.State == Dead || l.State == Held }

// Mark is a place in the list of letters.
type Mark struct {
	Ended  time.Time
	Number int
}

// Mark is where the letter stands in the list.
func (l Letter) Mark() Mark { return Mark{l.Ended, l.Number} }

// Letters lists what is dead or held, what ended last first, at most so many, from behind a mark; the zero Mark is the
// beginning.
func (o *Outbox) Letters(tx *database.Tx, after Mark, most int) ([]Letter, error) {
	all, err := letterPage(tx, after, most)
	if err != nil {
		return nil, fmt.Errorf("list letters: %w", err)
	}
	return all, nil
}

// Held lists what was held until then and still is, in the order in which it was put.
func (o *Outbox) Held(tx *database.Tx, until time.Time) ([]Letter, error) {
	all, err := heldUntil(tx, until)
	if err != nil {
		return nil, fmt.Errorf("list what is held: %w", err)
	}
	slices.SortFunc(all, func(a, b Letter) int { return strings.Compare(a.ID, b.ID) }) // ids grow with time
	return all, nil
}

// Letter finds a letter by its message's id, also one that has been decided about; false when there is none, or not any
// more.
func (o *Outbox) Letter(tx *database.Tx, id string) (Letter, bool, error) {
	l, found, err := letter(tx, "id", id)
	if err != nil {
		return Letter{}, false, fmt.Errorf("letter %s: %w", id, err)
	}
	return l, found, nil
}

// Numbered is Letter by number.
func (o *Outbox) Numbered(tx *database.Tx, number int) (Letter, bool, error) {
	l, found, err := letter(tx, "number", number)
	if err != nil {
		return Letter{}, false, fmt.Errorf("letter number %d: %w", number, err)
	}
	return l, found, nil
}

// Resend puts a dead or held message back, at the end of its lane: what was put after it has mostly gone out before it
// already. It keeps its key and its number, has all its attempts again, and is due at once, whatever its time limit was.
// When an earlier attempt may have arrived it may now arrive twice. False means that it is neither dead nor held, because
// somebody else has decided, and that nothing was changed.
func (o *Outbox) Resend(tx *database.Tx, id string) (bool, error) {
	done, err := resend(tx, id)
	if err != nil {
		return false, fmt.Errorf("resend message %s: %w", id, err)
	}
	if done {
		tx.AfterCommit(o.nudge)
	}
	return done, nil
}

// Discard ends a dead or held message as expired and blanks its payload. False is as for Resend.
func (o *Outbox) Discard(tx *database.Tx, id string) (bool, error) {
	done, err := discard(tx, id)
	if err != nil {
		return false, fmt.Errorf("discard message %s: %w", id, err)
	}
	return done, nil
}

// Tally is how many messages are on their way, and how many wait for a person.
type Tally struct{ Waiting, Held, Dead int }

// Tally counts, without reading what was sent.
func (o *Outbox) Tally(tx *database.Tx) (Tally, error) {
	t, err := tally(tx)
	if err != nil {
		return Tally{}, fmt.Errorf("count letters: %w", err)
	}
	return t, nil
}
