package database

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// ErrLocked says that another process serves from the same file.
var ErrLocked = errors.New("another run of the program is using this database")

// FileLock keeps a second process from serving from the same file. The kernel drops it with the process, however that ends.
type FileLock struct{ file *os.File }

// Lock takes the lock of the database file at path, which is the file path+".lock" beside it. It never waits: [ErrLocked]
// when another process (or another FileLock of this one) holds it. Any other error says in one sentence what is wrong with
// the folder.
func Lock(path string) (*FileLock, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("lock database: %w", err)
	}
	name := absolute + ".lock"
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock database %s: %w", absolute, explainPlace(name, err))
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", path, ErrLocked)
		}
		return nil, fmt.Errorf("lock database %s: %w", absolute, err)
	}
	return &FileLock{file}, nil
}

// Close gives the lock back. The file stays: to delete it would let two processes lock two files of one name.
func (l *FileLock) Close() error { return l.file.Close() }
