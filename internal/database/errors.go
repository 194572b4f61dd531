package database

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mattn/go-sqlite3"
)

var (
	// ErrUnwritable says that nothing of the operation was stored because the file cannot be written now: the disk is
	// full, the file or its folder is read-only, the disk fails, or another process holds the write lock for too long. It
	// comes wrapped together with its cause. The same operation may succeed later.
	ErrUnwritable = errors.New("the database cannot be written now")
	// ErrClosed is what every operation gets after Close.
	ErrClosed = errors.New("the database is closed")

	errExited = errors.New("the operation ended its goroutine (runtime.Goexit, or a test's FailNow)")
	errLost   = errors.New("the transaction ended in the middle of the operation")
	errEnded  = errors.New("a Tx was used after its operation had ended")
)

// PanicError is what Update, View and Savepoint return when the function they were given panicked. The message may hold
// what people wrote, as a panic's value can: it is for the log's own rules to decide what is kept.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // the stack where it happened
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap gives the panic's value when it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// code gives SQLite's primary result code behind err, 0 when there is none.
func code(err error) sqlite3.ErrNo {
	var e sqlite3.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// unwritable adds ErrUnwritable to errors that say the file cannot be written.
func unwritable(err error) error {
	if errors.Is(err, ErrUnwritable) {
		return err
	}
	switch code(err) {
	case sqlite3.ErrBusy:
		return fmt.Errorf("%w: another process has been writing to it for more than five seconds: %w", ErrUnwritable, err)
	case sqlite3.ErrFull, sqlite3.ErrReadonly, sqlite3.ErrIoErr, sqlite3.ErrCantOpen, sqlite3.ErrPerm:
		return fmt.Errorf("%w: %w", ErrUnwritable, err)
	}
	return err
}

// explain says in one sentence why the file at path cannot be opened, where SQLite's own words do not.
func explain(path string, err error) error {
	switch code(err) {
	case sqlite3.ErrNotADB:
		return fmt.Errorf("the file is not a SQLite database: %w", err)
	case sqlite3.ErrReadonly:
		return fmt.Errorf("the file is read-only: %w", err)
	case sqlite3.ErrCantOpen:
		return explainPlace(path, err)
	}
	return err
}

// explainPlace says why there can be no file at path.
func explainPlace(path string, err error) error {
	folder := filepath.Dir(path)
	info, statErr := os.Stat(folder)
	switch {
	case errors.Is(statErr, os.ErrNotExist):
		return fmt.Errorf("the folder %s does not exist: %w", folder, err)
	case statErr == nil && !info.IsDir():
		return fmt.Errorf("%s is not a folder: %w", folder, err)
	}
	if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		return fmt.Errorf("it is a folder, not a file: %w", err)
	}
	return fmt.Errorf("the folder %s cannot be written by this user: %w", folder, err)
}
