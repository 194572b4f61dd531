package schedule

import (
	"errors"
	"time"

	"procurabot/internal/database"
)

// Work is due once.
type Work struct {
	Key     string // the same key twice is once, also after it was done, until it is forgotten
	Kind    string // which Do does it
	Payload []byte // what only the Do understands
	Due     time.Time
}

// Do does work of one kind. An error undoes what it wrote. It may run more than once, as every operation of a database;
// only what it writes through tx counts. Errors must not hold what people wrote: they are stored and logged.
type Do func(tx *database.Tx, w Work) error

func (w Work) check() error {
	switch {
	case w.Key == "":
		return errors.New("work without a key")
	case w.Kind == "":
		return errors.New("work without a kind")
	case w.Due.IsZero():
		return errors.New("work without a due time")
	}
	return nil
}

// Fault is something that fails, or failed, for the operator.
type Fault struct {
	Slot      string // of a slot, else "" and Key and Kind are given
	Key, Kind string
	Tries     int       // so far; 0 of a slot of which an occurrence was given up
	Retry     time.Time // zero when it is not tried again; a slot's next occurrence is
	Reason    string
}
