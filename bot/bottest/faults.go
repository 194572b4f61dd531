package bottest

import (
	"errors"
	"fmt"
	"sync"

	"procurabot/bot"
	"procurabot/internal/database"
)

// faults makes one turn fail: "turn" as a fault of the program would, "disk" as
// a full disk does until the next thing happens.
type faults struct {
	mu    sync.Mutex
	armed string
}

func (f *faults) arm(kind string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = kind
}

func (f *faults) take() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	kind := f.armed
	f.armed = ""
	return kind
}

func (f *faults) wrap(d bot.Directory) bot.Directory { return faultyDirectory{d, f} }

// faultyDirectory fails where every turn passes: when its member is looked up.
type faultyDirectory struct {
	bot.Directory
	faults *faults
}

func (d faultyDirectory) Resolve(tx *database.Tx, in *bot.Incoming) (bot.Member, error) {
	switch d.faults.take() {
	case "turn":
		return bot.Member{}, errors.New("a fault planted by the script")
	case "disk":
		return bot.Member{}, fmt.Errorf("planted by the script: %w", database.ErrUnwritable)
	}
	return d.Directory.Resolve(tx, in)
}
