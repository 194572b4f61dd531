package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"procurabot/internal/database"
)

// command runs the program in this process and gives its exit code and what it
// printed.
func command(t *testing.T, settings map[string]string, in string, args ...string) (code int, out string) {
	t.Helper()
	var b bytes.Buffer
	code = run(t.Context(), args, settings, strings.NewReader(in), &b, &b)
	return code, b.String()
}

func filesIn(t *testing.T, folder string) (all []string) {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		all = append(all, f.Name())
	}
	return all
}

// disk is a folder on a disk of its own that a copy does not fit on, or that is
// read-only; "" where this user may not make one.
func disk(t *testing.T, flags uintptr) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", flags, "size=64k"); err != nil {
		t.Log("this user may not mount a tmpfs: a full or read-only disk was not tried")
		return ""
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	return folder
}

func TestBackupCommand(t *testing.T) {
	path, folder := filepath.Join(t.TempDir(), "procurabot.db"), t.TempDir()
	wrote(t, path, 3, 2, "message")
	running, err := database.Open(t.Context(), path, database.Options{}) // meanwhile, as a running bot's is
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	settings := map[string]string{"PROCURABOT_DATABASE": path, "PROCURABOT_BACKUP_DIR": folder}

	code, out := command(t, settings, "", "backup")
	line := regexp.MustCompile(`^(.*/procurabot-\d{8}T\d{6}Z\.db): [\d.]+ [kM]B, verified: it opens, is undamaged, fits this program, and holds \d+ rows in \d+ tables\n$`)
	found := line.FindStringSubmatch(out)
	if code != 0 || found == nil || filepath.Dir(found[1]) != folder {
		t.Fatalf("exit code %d: %s", code, out)
	}
	if info, err := os.Stat(found[1]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}

	another := filepath.Join(t.TempDir(), "a copy.db")
	if code, out := command(t, settings, "", "backup", "--to", another); code != 0 || !strings.HasPrefix(out, another+": ") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if all, open := states(t, another); len(all) != 2 || open != 2 {
		t.Errorf("the copy holds %v, of which %d are unsent", all, open)
	}
	with := func(name, value string) map[string]string {
		s := map[string]string{"PROCURABOT_DATABASE": path, "PROCURABOT_BACKUP_DIR": folder}
		s[name] = value
		return s
	}
	type refusal struct {
		settings map[string]string
		args     []string
		code     int
		want     string
	}
	refusals := map[string]refusal{
		"never overwrites":   {settings, []string{"--to", another}, 2, "a copy never overwrites a file, name another"},
		"nowhere to":         {with("PROCURABOT_BACKUP_DIR", ""), nil, 2, "add --to FILE, or set PROCURABOT_BACKUP_DIR"},
		"no folder":          {with("PROCURABOT_BACKUP_DIR", folder+"/gone"), nil, 2, "the folder " + folder + "/gone does not exist"},
		"a file as a folder": {with("PROCURABOT_BACKUP_DIR", another), nil, 2, another + " is not a folder"},
		"no database":        {with("PROCURABOT_DATABASE", folder+"/gone.db"), nil, 2, "there is no database " + folder + "/gone.db"},
		"not a database":     {with("PROCURABOT_DATABASE", written(t, "x.db", strings.Repeat("a text", 200))), []string{"--to", folder + "/x.db"}, 2, "not a database of this program"},
		"damaged":            {with("PROCURABOT_DATABASE", damagedCopy(t, another)), []string{"--to", folder + "/x.db"}, 1, "keep the older copies"},
	}
	small, readOnly := disk(t, 0), disk(t, syscall.MS_RDONLY)
	if small != "" {
		refusals["full disk"] = refusal{with("PROCURABOT_BACKUP_DIR", small), nil, 2, "there is not enough space on the disk of " + small}
		refusals["read-only disk"] = refusal{with("PROCURABOT_BACKUP_DIR", readOnly), nil, 2, "the folder " + readOnly + " cannot be written"}
	}
	for name, r := range refusals {
		if code, out := command(t, r.settings, "", append([]string{"backup"}, r.args...)...); code != r.code || !strings.Contains(out, r.want) {
			t.Errorf("%s: exit code %d: %s", name, code, out)
		}
	}
	if left := filesIn(t, folder); len(left) != 1 {
		t.Errorf("the folder holds %q", left)
	}
	if small != "" {
		if left := filesIn(t, small); len(left) > 0 {
			t.Errorf("on the full disk is left %q", left)
		}
	}
}

// damagedCopy is a copy whose second half is not what it was.
func damagedCopy(t *testing.T, of string) string {
	t.Helper()
	content, err := os.ReadFile(of)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(content) / 2; i < len(content); i++ {
		content[i] = 0x55
	}
	return written(t, "damaged.db", string(content))
}

// copying are backups of a real database, at a time that the test moves.
type copying struct {
	*backups
	time   time.Time
	folder string
	log    logbook
	told   []error
	fail   error // instead of a copy
	copies int   // that were tried
}

func newCopying(t *testing.T, keep int) *copying {
	t.Helper()
	path := filepath.Join(t.TempDir(), "procurabot.db")
	wrote(t, path, 1, 1, "message")
	c := &copying{time: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), folder: t.TempDir()}
	c.restart(path, keep)
	return c
}

// restart forgets all that is in memory.
func (c *copying) restart(path string, keep int) {
	c.backups = newBackups(config{Database: path, BackupDir: c.folder, BackupEvery: 24 * time.Hour, BackupKeep: keep},
		slog.New(slog.NewJSONHandler(&c.log, nil)))
	c.now = func() time.Time { return c.time }
	c.failed = func(err error) { c.told = append(c.told, err) }
	c.copy = func(ctx context.Context, from, to string) (database.Contents, error) {
		c.copies++
		if c.fail != nil {
			return database.Contents{}, c.fail
		}
		return copyDatabase(ctx, from, to)
	}
}

// stepTo makes a step when it is due next, and holds when that is.
func (c *copying) stepTo(t *testing.T, want time.Time) {
	t.Helper()
	if next := c.step(t.Context()); !next.Equal(want) {
		t.Fatalf("at %s the next is due at %s, want %s\n%s", c.time, next, want, c.log.tail())
	}
	c.time = want
}

func TestBackupsRotate(t *testing.T) {
	c := newCopying(t, 3)
	others := []string{"notes.txt", "procurabot-20261101.db", "procurabot-20261101T120000Z.db.gz", "procurabot.db"}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(c.folder, name), []byte("somebody's"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// What a killed process left, long ago and just now.
	for name, age := range map[string]time.Duration{
		"procurabot-20261123T120000Z.db.123.tmp": 2 * time.Hour, "procurabot-20261123T120000Z.db.123.tmp-journal": 2 * time.Hour,
		"procurabot-20261124T115900Z.db.456.tmp": time.Minute,
	} {
		half := filepath.Join(c.folder, name)
		if err := os.WriteFile(half, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(half, time.Time{}, c.time.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	begin := c.time
	var want []string
	for day := range 6 {
		c.stepTo(t, begin.AddDate(0, 0, day+1))
		at, bytes := c.Last()
		if info, err := os.Stat(filepath.Join(c.folder, backupName(at))); !at.Equal(begin.AddDate(0, 0, day)) || err != nil || info.Size() != bytes {
			t.Errorf("day %d: the last is of %s with %d bytes: %v", day, at, bytes, err)
		}
		if got := filesIn(t, c.folder); day == 0 && len(got) != len(others)+2 {
			t.Errorf("after the first copy the folder holds %q", got)
		}
		if day >= 3 {
			want = append(want, backupName(at))
		}
	}
	want = append(want, others...)
	slices.Sort(want)
	if got := filesIn(t, c.folder); !slices.Equal(got, want) {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
	if len(c.told) > 0 {
		t.Error(c.told)
	}
}

// A clock that was wrong neither puts the next copy off nor has the one deleted
// that was just made.
func TestBackupsDatedLater(t *testing.T) {
	c := newCopying(t, 1)
	for day := range 3 {
		if err := os.WriteFile(filepath.Join(c.folder, backupName(c.time.AddDate(1, 0, day))), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	made := backupName(c.time)
	c.stepTo(t, c.time.Add(24*time.Hour))
	if got := filesIn(t, c.folder); !slices.Equal(got, []string{made, backupName(time.Date(2027, 11, 26, 12, 0, 0, 0, time.UTC))}) {
		t.Errorf("the folder holds %q", got)
	}
	c.stepTo(t, c.time.Add(24*time.Hour))
	if c.copies != 2 {
		t.Errorf("%d copies in two days", c.copies)
	}
}

func TestBackupsAfterARestart(t *testing.T) {
	c := newCopying(t, 3)
	begin := c.time
	c.stepTo(t, begin.Add(24*time.Hour))
	_, bytes := c.Last()
	c.time = begin.Add(10 * time.Hour)
	c.restart(c.database, 3)
	c.stepTo(t, begin.Add(24*time.Hour))
	if at, n := c.Last(); c.copies != 1 || !at.Equal(begin) || n != bytes || bytes == 0 {
		t.Errorf("%d copies, the last of %s with %d bytes, made with %d", c.copies, at, n, bytes)
	}
	// Down for days: one is made at once, and the next a day later.
	c.time = begin.Add(100 * time.Hour)
	c.restart(c.database, 3)
	c.stepTo(t, begin.Add(124*time.Hour))
	if c.copies != 2 {
		t.Errorf("%d copies", c.copies)
	}
}

// What fails is tried again soon, and told once a day.
func TestBackupsThatFail(t *testing.T) {
	c := newCopying(t, 3)
	c.stepTo(t, c.time.Add(24*time.Hour))
	good, _ := c.Last()
	begin := c.time
	c.fail = errors.New("out of luck")
	for c.time.Before(begin.Add(48 * time.Hour)) {
		c.stepTo(t, c.time.Add(backupRetry))
	}
	if at, _ := c.Last(); !at.Equal(good) {
		t.Errorf("the last good one is of %s", at)
	}
	if n := strings.Count(c.log.String(), "ERROR"); len(c.told) != 2 || n != 2 || !errors.Is(c.told[0], c.fail) {
		t.Errorf("in two days told %d times and logged %d times: %v", len(c.told), n, c.told)
	}
	c.fail = nil
	c.stepTo(t, c.time.Add(24*time.Hour))
	if at, _ := c.Last(); !at.Equal(begin.Add(48 * time.Hour)) {
		t.Errorf("the last good one is of %s", at)
	}
	// The next failure is news again.
	c.fail = fmt.Errorf("x: %w", database.ErrDamaged)
	c.step(t.Context())
	if len(c.told) != 3 || !strings.Contains(c.log.String(), "the database itself is damaged, stop the bot and restore the newest copy") {
		t.Errorf("told %d times:\n%s", len(c.told), c.log.tail())
	}
	c.failed, c.quiet = nil, time.Time{}
	c.step(t.Context()) // nobody to tell
}

func TestBackupsSayWhatToDo(t *testing.T) {
	for name, f := range map[string]struct {
		folder func(c *copying) string
		want   string
	}{
		"no folder":        {func(c *copying) string { return filepath.Join(c.folder, "gone") }, "make the folder PROCURABOT_BACKUP_DIR, or mount the disk"},
		"no folder at all": {func(c *copying) string { return written(t, "file", "") }, "name a folder that can be written"},
		"full disk":        {func(c *copying) string { return disk(t, 0) }, "free space in PROCURABOT_BACKUP_DIR"},
	} {
		c := newCopying(t, 3)
		folder := f.folder(c)
		if folder == "" {
			continue
		}
		c.backups.folder = folder
		c.stepTo(t, c.time.Add(backupRetry))
		if len(c.told) != 1 || !strings.Contains(c.log.String(), f.want) {
			t.Errorf("%s: told %v\n%s", name, c.told, c.log.tail())
		}
		if _, size := c.Last(); size != 0 {
			t.Errorf("%s: the last copy has %d bytes", name, size)
		}
	}
}

// The loop makes a copy when it is due and only then, one at a time, and a stop
// does not wait for the next.
func TestBackupsBesideTheBot(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "test.db")
		db, err := database.Open(t.Context(), path, database.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(migrate(t.Context(), db), db.Close()); err != nil {
			t.Fatal(err)
		}
		var log logbook
		var running, most, made int
		var mu sync.Mutex
		b := newBackups(config{Database: path, BackupDir: folder, BackupEvery: time.Hour, BackupKeep: 5}, slog.New(slog.NewJSONHandler(&log, nil)))
		b.copy = func(ctx context.Context, from, to string) (database.Contents, error) {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			defer func() { mu.Lock(); running--; made++; mu.Unlock() }()
			time.Sleep(90 * time.Minute) // a slow disk: longer than from one to the next
			return copyDatabase(ctx, from, to)
		}
		begin := time.Now()
		stop := b.start(t.Context())
		time.Sleep(10 * time.Hour)
		synctest.Wait()
		mu.Lock()
		if made < 6 || most != 1 {
			t.Errorf("%d copies in ten hours, up to %d at once\n%s", made, most, log.tail())
		}
		mu.Unlock()
		if at, _ := b.Last(); at.Before(begin.Add(7 * time.Hour)) {
			t.Errorf("the last is of %s", at)
		}
		stop()
	})
	if got := filesIn(t, folder); len(got) != 5 {
		t.Errorf("the folder holds %q", got)
	}
}

// A stop breaks a copy off, and nothing of it is left nor told.
func TestBackupsStop(t *testing.T) {
	c := newCopying(t, 3)
	started := make(chan struct{})
	c.copy = func(ctx context.Context, from, to string) (database.Contents, error) {
		close(started)
		<-ctx.Done()
		return copyDatabase(ctx, from, to)
	}
	stop := c.start(t.Context())
	<-started
	stop()
	if got := filesIn(t, c.folder); len(got) != 0 || len(c.told) != 0 || strings.Contains(c.log.String(), "ERROR") {
		t.Errorf("the folder holds %q, told %v\n%s", got, c.told, c.log.tail())
	}
}
