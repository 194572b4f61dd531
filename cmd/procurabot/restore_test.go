package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"procurabot/adapters/slack/fakeslack"
	"procurabot/internal/database"
	"procurabot/internal/outbox"
)

// wrote puts messages into a database that are still to be sent, and members.
func wrote(t *testing.T, path string, members, messages int, name string) {
	t.Helper()
	db, err := database.Open(t.Context(), path, database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, db, members, messages, name)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, db *database.DB, members, messages int, name string) {
	t.Helper()
	if err := migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	box, err := outbox.New(db, nil, outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), func(tx *database.Tx) error {
		for range members {
			if _, err := tx.Exec(`INSERT INTO members_member (id, name, language, since) VALUES (?, 'Somebody', '', 0)`, tx.NewID()); err != nil {
				return err
			}
		}
		for i := range messages {
			if _, _, err := box.Put(tx, outbox.Message{Key: fmt.Sprint(name, i), Route: "slack", Lane: "l", Class: outbox.Personal, Payload: []byte("text")}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// states are the messages of a database by key, with how many would be sent.
func states(t *testing.T, path string) (all map[string]string, open int64) {
	t.Helper()
	inside(t, path, func(tx *database.Tx) (err error) {
		if all, err = pairs(tx, `SELECT key, state || ': ' || COALESCE(reason, '') FROM outbox_messages`); err != nil {
			return err
		}
		open, err = outbox.CountOpen(tx)
		return err
	})
	return all, open
}

// copied is a copy of the database as it is now, and the database goes on.
func copied(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "procurabot-20261124T120000Z.db")
	if code, out := command(t, map[string]string{"PROCURABOT_DATABASE": path}, "", "backup", "--to", to); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	return to
}

func TestRestore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "procurabot.db")
	settings := map[string]string{"PROCURABOT_DATABASE": path}
	wrote(t, path, 2, 3, "old")
	file := copied(t, path)
	wrote(t, path, 1, 1, "new")

	code, out := command(t, settings, "no\n", "restore", file)
	if code != 2 || !strings.Contains(out, file+", made 2026-11-24 12:00:00 UTC: 2 members, 3 messages unsent, which will be held\n") ||
		!strings.Contains(out, "it replaces "+path+", last changed ") || !strings.Contains(out, ": 3 members, 4 messages unsent\n") ||
		!strings.Contains(out, "nothing was changed") {
		t.Fatalf("exit code %d: %s", code, out)
	}
	if all, open := states(t, path); len(all) != 4 || open != 4 {
		t.Fatalf("%v, %d open", all, open)
	}
	if code, out := command(t, settings, "", "restore", file); code != 2 || !strings.Contains(out, "add --yes") {
		t.Fatalf("without an answer: exit code %d: %s", code, out)
	}

	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	code, out = command(t, settings, "yes\n", "restore", file)
	_, kept, _ := strings.Cut(out, "kept the present database as ")
	kept, _, _ = strings.Cut(kept, "\n")
	if code != 0 || !strings.HasPrefix(kept, path+".before-restore-") || !strings.HasSuffix(out, "restored "+path+": start the bot, and decide about the messages that are held\n") {
		t.Fatalf("exit code %d: %s", code, out)
	}
	if got, want := filesIn(t, filepath.Dir(path)), []string{"procurabot.db", filepath.Base(kept), "procurabot.db.lock"}; !slices.Equal(got, want) {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("the copy was changed, %v", err)
	}
	all, open := states(t, path)
	for i := range 3 {
		if s := all[fmt.Sprint("old", i)]; s != "held: held after a restore" {
			t.Errorf("message %d is %q", i, s)
		}
	}
	if len(all) != 3 || open != 0 {
		t.Errorf("%v, %d open", all, open)
	}
	if all, open := states(t, kept); len(all) != 4 || open != 4 {
		t.Errorf("kept was %v, %d open", all, open)
	}
	// And back again, to what was kept.
	if code, out := command(t, settings, "", "restore", "--yes", kept); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	if all, open := states(t, path); len(all) != 4 || open != 0 {
		t.Errorf("%v, %d open", all, open)
	}
}

func TestRestoreRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "procurabot.db")
	settings := map[string]string{"PROCURABOT_DATABASE": path}
	wrote(t, path, 1, 1, "old")
	file := copied(t, path)
	newer := copied(t, path)
	db, err := database.Open(t.Context(), newer, database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec("UPDATE database_version SET version = 99 WHERE component = 'members'")
		return err
	}), db.Close()); err != nil {
		t.Fatal(err)
	}
	empty, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "empty.db"), database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	state := func() string {
		all, open := states(t, path)
		return fmt.Sprint(all, open, filesIn(t, filepath.Dir(path)))
	}
	if code, out := command(t, settings, "", "restore", filepath.Dir(file)); code != 2 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	before := state()
	for name, c := range map[string]struct{ file, want string }{
		"no file":       {file + ".gone", "there is no such copy"},
		"a folder":      {filepath.Dir(file), "it is a folder: choose another copy"},
		"the same":      {path, "is the present database itself: name a copy"},
		"no database":   {written(t, "notes.txt", strings.Repeat("notes ", 500)), "not a database of this program"},
		"empty":         {written(t, "empty.db", ""), "not a database of this program"},
		"damaged":       {damagedCopy(t, file), "the database is damaged"},
		"of the future": {newer, "members has version 99, the program knows 1: restore it with the program that wrote it, or a newer one"},
	} {
		code, out := command(t, settings, "yes\n", "restore", c.file)
		if code != 2 || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit code %d: %s", name, code, out)
		}
		if after := state(); after != before {
			t.Errorf("%s: it was %s and is %s", name, before, after)
		}
	}

	// A bot runs, and another command works on it.
	lock, err := database.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if code, out := command(t, settings, "", "restore", "--yes", file); code != 2 || !strings.Contains(out, "stop the bot first") {
		t.Errorf("while a bot runs: exit code %d: %s", code, out)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	db, err = database.Open(t.Context(), path, database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if code, out := command(t, settings, "", "restore", "--yes", file); code != 2 || !strings.Contains(out, "another program has the database open (database is locked): end it first") {
		t.Errorf("while a command works on it: exit code %d: %s", code, out)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if after := state(); after != before {
		t.Errorf("it was %s and is %s", before, after)
	}
	if small := disk(t, 0); small != "" {
		settings := map[string]string{"PROCURABOT_DATABASE": filepath.Join(small, "procurabot.db")}
		if code, out := command(t, settings, "", "restore", "--yes", file); code != 2 || !strings.Contains(out, "there is not enough space on the disk of "+small) {
			t.Errorf("full disk: exit code %d: %s", code, out)
		}
		if got := filesIn(t, small); !slices.Equal(got, []string{"procurabot.db.lock"}) {
			t.Errorf("on the full disk is left %q", got)
		}
	}
}

// The reason for a restore may be that there is no database any more, or none
// that can be read; and the name of the database may be a link.
func TestRestoreWhatIsLost(t *testing.T) {
	source := filepath.Join(t.TempDir(), "procurabot.db")
	wrote(t, source, 1, 2, "old")
	file := copied(t, source)
	for name, c := range map[string]struct {
		lose func(path string) error
		want string
	}{
		"gone":    {func(string) error { return nil }, ", which does not exist yet\n"},
		"rubbish": {func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("rubbish ", 999)), 0o600) }, ", 8.0 kB, which cannot be read ("},
		"linked": {func(path string) error {
			real := filepath.Join(t.TempDir(), "real.db")
			wrote(t, real, 4, 0, "")
			return os.Symlink(real, path)
		}, "real.db, last changed "},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "procurabot.db")
			if err := c.lose(path); err != nil {
				t.Fatal(err)
			}
			code, out := command(t, map[string]string{"PROCURABOT_DATABASE": path}, "", "restore", "--yes", file)
			if code != 0 || !strings.Contains(out, c.want) {
				t.Fatalf("exit code %d: %s", code, out)
			}
			if all, open := states(t, path); len(all) != 2 || open != 0 {
				t.Errorf("%v, %d open", all, open)
			}
			if info, err := os.Lstat(path); err != nil || (info.Mode()&os.ModeSymlink != 0) != (name == "linked") {
				t.Errorf("%v, %v", info, err)
			}
		})
	}
}

// TestRestoreKilled: at each line that it prints, the process is killed. What is
// there is the old database or the new one, nothing of the new one would be sent,
// and the restore can be made again.
func TestRestoreKilled(t *testing.T) {
	source := filepath.Join(t.TempDir(), "procurabot.db")
	wrote(t, source, 1, 3, "copied")
	file := copied(t, source)
	seen := map[string]bool{}
	for line := 1; ; line++ {
		path := filepath.Join(t.TempDir(), "procurabot.db")
		leftByAKill(t, path)
		settings := map[string]string{"PROCURABOT_DATABASE": path, killedAt: strconv.Itoa(line)}
		p := start(t, settings, "restore", "--yes", file)
		select {
		case <-p.ended:
		case <-limit(t, time.Minute).Done():
			t.Fatal("it does not end")
		}
		if p.cmd.ProcessState.ExitCode() == 0 {
			if line < 4 {
				t.Errorf("it ended after %d lines", line-1)
			}
			break
		}
		all, open := states(t, path)
		switch {
		case all["lived0"] != "" && len(all) == 2 && open == 2:
			seen["old"] = true
		case all["copied0"] != "" && len(all) == 3 && open == 0:
			seen["new"] = true
		default:
			t.Errorf("killed at line %d: %v, %d open: %s", line, all, open, p.log.tail())
		}
		if err := os.WriteFile(path+".before-restore-20261124T120000.000Z.123.tmp", []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out := command(t, map[string]string{"PROCURABOT_DATABASE": path}, "", "restore", "--yes", file); code != 0 {
			t.Fatalf("again: exit code %d: %s", code, out)
		}
		if all, open := states(t, path); all["copied0"] == "" || len(all) != 3 || open != 0 {
			t.Errorf("again: %v, %d open", all, open)
		}
		for _, name := range filesIn(t, filepath.Dir(path)) {
			if name != "procurabot.db" && name != "procurabot.db.lock" && (!strings.HasPrefix(name, "procurabot.db.before-restore-") || strings.HasSuffix(name, ".tmp")) {
				t.Errorf("killed at line %d, and restored again: %s is left", line, name)
			}
		}
	}
	if !seen["old"] || !seen["new"] {
		t.Errorf("seen were %v", seen)
	}
}

// leftByAKill makes a database whose log holds what its file does not, as a kill
// leaves it.
func leftByAKill(t *testing.T, path string) {
	t.Helper()
	lived := filepath.Join(t.TempDir(), "lived.db")
	db, err := database.Open(t.Context(), lived, database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	write(t, db, 1, 2, "lived")
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(lived + suffix)
		if err != nil || len(content) == 0 {
			t.Fatalf("%q has %d bytes: %v", suffix, len(content), err)
		}
		if err := os.WriteFile(path+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRestoreResendsNothing: messages that waited when the copy was made, beside
// the running bot, and were sent after it, are not sent again by a bot that starts
// on the copy.
func TestRestoreResendsNothing(t *testing.T) {
	p, ctx := openPlatforms(t), limit(t, 5*time.Minute)
	folder := t.TempDir()
	settings := p.settings()
	settings["PROCURABOT_BACKUP_DIR"] = folder
	luc := p.slack.AddUser(fakeslack.User{Name: "luc"}).ID
	direct := p.slack.DM(luc)
	var down atomic.Bool // Slack takes no messages
	p.onRequest(func(platform, request string, before bool) {
		if platform == "slack" && request == "chat.postMessage" && before && down.Load() {
			panic(http.ErrAbortHandler)
		}
	})
	answers := func() int { return len(p.slack.FromBot(direct)) }
	ask := func(words string) {
		t.Helper()
		if _, err := p.slack.Say(ctx, luc, direct, words, ""); err != nil {
			t.Fatal(err)
		}
	}
	answered := func(words string) {
		t.Helper()
		before := answers()
		ask(words)
		if err := p.await(ctx, func() bool { return answers() > before }); err != nil {
			t.Fatal(err)
		}
	}
	bot := start(t, settings, "run")
	if err := p.connected(ctx); err != nil {
		t.Fatalf("%v\n%s", err, bot.log.tail())
	}
	answered("Are we of Aville too small to join?")
	p.settled(t, ctx)
	// The bot has made a copy by itself when it started.
	if err := bot.log.await(ctx, bot.log.has("the database was copied")); err != nil || len(filesIn(t, folder)) != 1 {
		t.Errorf("%v: %q\n%s", err, filesIn(t, folder), bot.log.tail())
	}

	down.Store(true)
	before := answers()
	ask("Are we of Beeville too small to join?")
	ask("What does it cost the town of Ceeville?")
	file := filepath.Join(t.TempDir(), "copy.db")
	if code, out := command(t, settings, "", "backup", "--to", file); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	unsent := map[string]bool{}
	inside(t, file, func(tx *database.Tx) error {
		rows, err := rowsOf(tx)
		for _, r := range rows {
			if outbox.State(r.state).Open() {
				unsent[r.id] = true
			}
		}
		return err
	})
	if len(unsent) < 2 {
		t.Fatalf("%d messages waited when the copy was made", len(unsent))
	}
	down.Store(false)
	if err := p.await(ctx, func() bool { return answers() >= before+len(unsent) }); err != nil {
		t.Fatalf("%d answers: %v\n%s", answers()-before, err, bot.log.tail())
	}
	p.settled(t, ctx)
	if code, out := command(t, settings, "", "restore", "--yes", file); code != 2 || !strings.Contains(out, "stop the bot first") {
		t.Errorf("beside the running bot: exit code %d: %s", code, out)
	}
	if code, err := bot.stop(ctx); code != 0 || err != nil {
		t.Fatalf("exit code %d, %v\n%s", code, err, bot.log.tail())
	}
	if err := p.gone(ctx); err != nil {
		t.Fatal(err)
	}
	if code, out := command(t, settings, "", "restore", "--yes", file); code != 0 || !strings.Contains(out, fmt.Sprintf("%d messages unsent, which will be held", len(unsent))) {
		t.Fatalf("exit code %d: %s", code, out)
	}

	sent := answers()
	bot = start(t, settings, "run")
	if err := p.connected(ctx); err != nil {
		t.Fatalf("%v\n%s", err, bot.log.tail())
	}
	answered("Are we of Deeville too small to join?") // also in the lane of what is held
	p.settled(t, ctx)
	if code, err := bot.stop(ctx); code != 0 || err != nil {
		t.Fatalf("exit code %d, %v\n%s", code, err, bot.log.tail())
	}
	if n := answers() - sent; n != 1 {
		t.Errorf("%d messages were sent to one question", n)
		for _, m := range p.slack.FromBot(direct)[sent:] {
			t.Log(m.Shown())
		}
	}
	inside(t, p.database(), func(tx *database.Tx) error {
		rows, err := rowsOf(tx)
		held := 0
		for _, r := range rows {
			if unsent[r.id] {
				held++
				if r.state != "held" || r.reason != heldReason || !r.unsure {
					t.Errorf("it is %+v", r)
				}
			}
		}
		if held != len(unsent) {
			t.Errorf("%d messages are held, not %d", held, len(unsent))
		}
		return err
	})
}
