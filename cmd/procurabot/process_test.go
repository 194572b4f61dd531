package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"procurabot/internal/database"
)

// asProcess makes the test binary the program itself. The name is one of the
// program's own, so that a child can be started with nothing but such.
const asProcess = "PROCURABOT_TEST_AS_PROCESS"

// killedAt has the program kill itself when it is about to print a line for the
// nth time.
const killedAt = "PROCURABOT_TEST_KILLED_AT"

func TestMain(m *testing.M) {
	if os.Getenv(asProcess) != "" {
		if n, err := strconv.Atoi(os.Getenv(killedAt)); err == nil {
			os.Exit(run(context.Background(), os.Args[1:], map[string]string{"PROCURABOT_DATABASE": os.Getenv("PROCURABOT_DATABASE")},
				os.Stdin, &deadline{n}, os.Stderr))
		}
		main()
	}
	os.Exit(withCache(m.Run))
}

// withCache gives all that runs here one place to keep what was learned: each
// process would learn it for itself.
func withCache(run func() int) int {
	dir, err := os.MkdirTemp("", "procurabot-cache-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	os.Setenv("XDG_CACHE_HOME", dir)
	return run()
}

// deadline kills the process at a line.
type deadline struct{ left int }

func (d *deadline) Write(b []byte) (int, error) {
	if d.left--; d.left == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // it takes a moment
	}
	return len(b), nil
}

// bell wakes those who wait for something to have changed.
type bell struct {
	mu   sync.Mutex
	next chan struct{}
}

func (b *bell) rung() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}

// await returns when the condition holds, which is asked again at every ring.
func (b *bell) await(ctx context.Context, condition func() bool) error {
	for {
		changed := b.rung()
		if condition() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// logbook is what the program writes on its standard error.
type logbook struct {
	bell
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	l.text.Write(b)
	l.mu.Unlock()
	l.ring()
	return len(b), nil
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// entries are the lines with a message. What is no JSON is no entry.
func (l *logbook) entries(message string) []map[string]any {
	var all []map[string]any
	for line := range strings.Lines(l.String()) {
		var e map[string]any
		if json.Unmarshal([]byte(line), &e) == nil && e["msg"] == message {
			all = append(all, e)
		}
	}
	return all
}

func (l *logbook) has(message string) func() bool {
	return func() bool { return len(l.entries(message)) > 0 }
}

// tail is the end of it, for a failing test.
func (l *logbook) tail() string {
	s := l.String()
	return s[max(0, len(s)-6000):]
}

// process is the program in a process of its own.
type process struct {
	cmd   *exec.Cmd
	log   logbook
	ended chan struct{}
}

// start runs the program with these settings and nothing else.
func start(t *testing.T, settings map[string]string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0], args...), ended: make(chan struct{})}
	p.cmd.Env = []string{asProcess + "=1", "XDG_CACHE_HOME=" + os.Getenv("XDG_CACHE_HOME")}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		p.cmd.Env = append(p.cmd.Env, name+"="+settings[name])
	}
	p.cmd.Stderr = &p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // killed, or the exit code says it
		p.log.ring()
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process where it stands and returns when it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.ended
}

// stop asks the process to stop, as a service manager does, and gives its exit
// code.
func (p *process) stop(ctx context.Context) (int, error) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return -1, err
	}
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return -1, fmt.Errorf("stop: %w", ctx.Err())
	}
}

// inside looks into a database that no program is using.
func inside(t *testing.T, path string, look func(tx *database.Tx) error) {
	t.Helper()
	db, err := database.Open(t.Context(), path, database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.View(t.Context(), look), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// row is a message of the outbox.
type row struct {
	id, key, route, lane, state, receipt, reason string
	attempts                                     int
	unsure                                       bool
}

func rowsOf(tx *database.Tx) ([]row, error) {
	rows, err := tx.Query(`SELECT id, key, route, lane, state, COALESCE(receipt, ''), COALESCE(reason, ''), attempts, unsure
		FROM outbox_messages ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []row
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.id, &r.key, &r.route, &r.lane, &r.state, &r.receipt, &r.reason, &r.attempts, &r.unsure); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// incoming is what a row answers, as bot_seen names it; false for due work.
func (r row) incoming() (string, bool) {
	what, _, _ := strings.Cut(r.key, "#")
	return strings.CutPrefix(what, "in:")
}

func pairs(tx *database.Tx, query string) (map[string]string, error) {
	rows, err := tx.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var k, v string
		if err := rows.Scan(&k, &v); err != nil {
			return nil, err
		}
		all[k] = v
	}
	return all, rows.Err()
}

// whole says what is wrong with the file or half done in it, "" for nothing.
func whole(tx *database.Tx) (string, error) {
	var integrity string
	if err := tx.QueryRow("PRAGMA integrity_check").Scan(&integrity); err != nil {
		return "", err
	}
	var wrong []string
	if integrity != "ok" {
		wrong = append(wrong, integrity)
	}
	for what, query := range map[string]string{
		"things handled without an answer": `SELECT COUNT(*) FROM bot_seen AS s WHERE s.shown IS NULL AND NOT EXISTS
			(SELECT 1 FROM outbox_messages WHERE key = 'in:' || s.platform || ':' || s.id || '#1')`,
		"answers to what was not handled": `SELECT COUNT(*) FROM outbox_messages WHERE key LIKE 'in:%' AND
			substr(key, 4, instr(key, '#') - 4) NOT IN (SELECT platform || ':' || id FROM bot_seen)`,
		"questions sent on without a message to the editors": `SELECT COUNT(*) FROM benefits_question AS q WHERE q.state <> 'open'
			AND NOT EXISTS (SELECT 1 FROM outbox_messages WHERE id = q.posted)`,
		"members without an account": `SELECT COUNT(*) FROM members_member AS m WHERE NOT EXISTS (SELECT 1 FROM members_account WHERE member = m.id)`,
	} {
		var n int
		if err := tx.QueryRow(query).Scan(&n); err != nil {
			return "", err
		}
		if n > 0 {
			wrong = append(wrong, fmt.Sprintf("%d %s", n, what))
		}
	}
	return strings.Join(wrong, "; "), nil
}

// limit bounds a wait that only ends early when something is broken.
func limit(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
