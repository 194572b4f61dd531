package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"procurabot/bot/members"
	"procurabot/internal/database"
	"procurabot/internal/outbox"
)

// heldReason is what a person reads beside a message that a restore held.
const heldReason = "held after a restore"

// beforeRestore comes between the name of the database and the time, in the name
// of what a restore has replaced.
const beforeRestore = ".before-restore-"

type restoreCommand struct {
	File string `arg:"" help:"A copy that \"procurabot backup\" or a replication made."`
	Yes  bool   `help:"Do not ask." short:"y"`
}

func (restoreCommand) Help() string {
	return `Puts FILE in the place of PROCURABOT_DATABASE. The bot must be stopped. FILE is verified first and stays as it is; the
present database is kept beside, as procurabot.db.before-restore-TIME. Messages that FILE had not sent are held, because they
may have been sent since: nothing is sent twice, and an administrator decides.`
}

func (c restoreCommand) Run(p *program) error {
	path := databasePath(p)
	lock, err := database.Lock(path)
	if errors.Is(err, database.ErrLocked) {
		return fmt.Errorf("%w: stop the bot first", err)
	}
	if err != nil {
		return usageError{err}
	}
	defer lock.Close()
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved // what a link points to is replaced, and not the link
	}
	if err := checkSource(p.ctx, c.File, path); err != nil {
		return err
	}
	made := madeAt(c.File)

	// All work is done on a copy of the copy, in a folder beside the database: on
	// the same disk, so that it can be renamed at the end. What a killed restore
	// left there is of no use.
	folder := path + ".restore"
	halves, _ := filepath.Glob(path + beforeRestore + "*.tmp") // it fails for no name of a file
	for _, half := range halves {
		_ = os.Remove(half) // it is only in the way
	}
	if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o700)); err != nil {
		return usageError{fmt.Errorf("restore needs a folder beside the database: %w", err)}
	}
	defer os.RemoveAll(folder)
	prepared := filepath.Join(folder, "prepared.db")
	held, err := prepare(p.ctx, c.File, prepared)
	if err != nil {
		return mendable(fmt.Errorf("prepare the copy: %w", err))
	}
	people, _, err := look(p.ctx, prepared)
	if err != nil {
		return mendable(err)
	}
	fmt.Fprintf(p.out, "%s, made %s: %s, %s unsent, which will be held\n",
		c.File, made.Format(time.DateTime+" MST"), count(int(people), "member"), count(int(held), "message"))
	fmt.Fprintf(p.out, "it replaces %s\n", present(p.ctx, path))
	if !c.Yes && !confirmed(p) {
		return usageError{errors.New("nothing was changed: answer yes, or add --yes")}
	}
	return put(p, path, prepared)
}

// checkSource says what is wrong with the file that is to be restored.
func checkSource(ctx context.Context, file, path string) error {
	source, err := os.Stat(file)
	if err != nil {
		return usageError{fmt.Errorf("there is no such copy: %w", err)}
	}
	if present, err := os.Stat(path); err == nil && os.SameFile(source, present) {
		return usageError{fmt.Errorf("%s is the present database itself: name a copy", file)}
	}
	_, err = database.Inspect(ctx, file, components())
	var newer *database.NewerSchemaError
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &newer):
		err = fmt.Errorf("%w: restore it with the program that wrote it, or a newer one", err)
	case errors.Is(err, database.ErrForeign), errors.Is(err, database.ErrDamaged):
		err = fmt.Errorf("%w: choose another copy", err)
	}
	return usageError{err}
}

// madeAt is when the copy was made: its name says it, or the file's own time.
func madeAt(file string) time.Time {
	if at, ok := backupTime(filepath.Base(file)); ok {
		return at
	}
	info, err := os.Stat(file)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime().UTC()
}

// prepare makes the database that the bot will start on: of this program's
// version, with nothing in it that would be sent, and all in one file.
func prepare(ctx context.Context, file, prepared string) (held int64, err error) {
	if _, err := database.Copy(ctx, file, prepared, components()); err != nil {
		return 0, err
	}
	db, err := database.Open(ctx, prepared, database.Options{})
	if err != nil {
		return 0, err
	}
	if err = migrate(ctx, db); err == nil {
		err = db.Update(ctx, func(tx *database.Tx) (err error) {
			held, err = outbox.HoldOpen(tx, heldReason)
			return err
		})
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return 0, err
	}
	if err := database.Fold(ctx, prepared); err != nil {
		return 0, err
	}
	_, err = database.Inspect(ctx, prepared, components())
	return held, err
}

// look counts the people in a database and what it would send.
func look(ctx context.Context, path string) (people, unsent int64, err error) {
	err = database.Look(ctx, path, func(tx *database.Tx) (err error) {
		if people, err = members.Count(tx); err != nil {
			return err
		}
		unsent, err = outbox.CountOpen(tx)
		return err
	})
	return people, unsent, err
}

// present describes the database that is to be replaced, whatever is left of it.
func present(ctx context.Context, path string) string {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path + ", which does not exist yet"
	}
	if err != nil {
		return fmt.Sprintf("%s, which cannot be read (%s)", path, err)
	}
	people, unsent, err := look(ctx, path)
	if err != nil {
		return fmt.Sprintf("%s, %s, which cannot be read (%s)", path, size(info.Size()), err)
	}
	return fmt.Sprintf("%s, last changed %s: %s, %s unsent",
		path, info.ModTime().UTC().Format(time.DateTime+" MST"), count(int(people), "member"), count(int(unsent), "message"))
}

// confirmed asks. Who does not answer, such as a script, has not confirmed.
func confirmed(p *program) bool {
	fmt.Fprint(p.out, "Replace it? The present database is kept beside. Type yes: ")
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(p.in).ReadString('\n') // what cannot be read is no yes
		answer <- line
	}()
	select {
	case line := <-answer:
		return strings.EqualFold(strings.TrimSpace(line), "yes")
	case <-p.ctx.Done():
		return false
	}
}

// put keeps the present database and puts the other in its place. Whenever it is
// killed, there is the one or the other, and what would be sent of the other was
// held before.
func put(p *program, path, prepared string) error {
	info, err := os.Stat(path)
	there := err == nil
	kept := path + beforeRestore + time.Now().UTC().Format("20060102T150405.000Z")
	switch err := database.Keep(p.ctx, path, kept); {
	case errors.Is(err, database.ErrInUse):
		return usageError{fmt.Errorf("%w: end it first, it may be another command of procurabot, sqlite3 or a replication", err)}
	case err != nil:
		return mendable(err)
	}
	if there {
		if err := sameOwner(prepared, info); err != nil {
			return usageError{fmt.Errorf("give the copy the owner of the present database: %w", err)}
		}
		fmt.Fprintf(p.out, "kept the present database as %s\n", kept)
	}
	if err := database.Replace(path, prepared); err != nil {
		return mendable(err)
	}
	fmt.Fprintf(p.out, "restored %s: start the bot, and decide about the messages that are held\n", path)
	return nil
}

// sameOwner lets those read and write the file who could before: who restores may
// be the system's administrator, and the bot another user.
func sameOwner(path string, like fs.FileInfo) error {
	if owner, ok := like.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(path, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(path, like.Mode().Perm())
}
