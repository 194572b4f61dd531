package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
	"procurabot/internal/outbox"
)

// post is a platform that takes every message and remembers it.
type post struct {
	bell
	mu   sync.Mutex
	sent map[string][]bot.Envelope // by the id of the row
}

func (p *post) Platform() bot.Platform                        { return "post" }
func (p *post) Gate(bot.Target) string                        { return "" }
func (p *post) Run(ctx context.Context, _ bot.Receiver) error { <-ctx.Done(); return nil }

func (p *post) Limits() bot.Limits {
	return bot.Limits{Text: 2000, Render: markup.Plain, Label: 80, Buttons: 5, Title: 45, FieldLabel: 45, Hint: 100, Field: 4000}
}

func (p *post) Send(_ context.Context, e bot.Envelope) (bot.MessageID, error) {
	p.mu.Lock()
	p.sent[e.ID] = append(p.sent[e.ID], e)
	p.mu.Unlock()
	p.ring()
	return bot.MessageID(e.ID), nil
}

func (p *post) Find(_ context.Context, e bot.Envelope) (bot.MessageID, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sent[e.ID]) > 0 {
		return bot.MessageID(e.ID), nil
	}
	return "", outbox.ErrAbsent
}

// times is how often each row was sent.
func (p *post) times() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := map[string]int{}
	for id, es := range p.sent {
		all[id] = len(es)
	}
	return all
}

// question is one mention of the bot, by somebody who is there for the first time.
func question(id string) bot.Incoming {
	user := bot.UserID("u" + id)
	return bot.Incoming{
		ID: bot.IncomingID(id), Space: "S", From: bot.Account{Platform: "post", Realm: "S", User: user}, Name: "Somebody", Locale: "en-GB",
		In:   bot.Place{Conversation: bot.ConversationID("c" + id)},
		What: bot.Said{Text: "Are we too small to join? We are the town of " + id, Message: bot.MessageID("m" + id)},
	}
}

// house is the whole program without its platforms.
type house struct {
	*app
	post *post
	log  *logbook
}

func furnished(t *testing.T, path string, directory func(bot.Directory) bot.Directory, trace func(string, []any)) *house {
	t.Helper()
	db, err := database.Open(t.Context(), path, database.Options{Trace: trace})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &house{post: &post{sent: map[string][]bot.Envelope{}}, log: &logbook{}}
	h.app, err = newApp(t.Context(), parts{
		db: db, adapters: []bot.Adapter{h.post}, workers: 4, log: slog.New(slog.NewJSONHandler(h.log, nil)), directory: directory,
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// works lets the program do what is due until the returned function is called.
func (h *house) works(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.run(ctx, []bot.Adapter{h.post}) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%v\n%s", err, h.log.tail())
		}
	})
}

// told is what the callers of Receive were told, by the id of what they did.
type told struct {
	mu      sync.Mutex
	yes, no []string
}

func (o *told) note(t *testing.T, id string, shown bot.Immediate, err error) (stored bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		if shown.Notice != "" {
			t.Errorf("%s is stored, and yet it was said: %s", id, shown.Notice)
		}
		o.yes = append(o.yes, id)
		return true
	}
	if !strings.Contains(string(shown.Notice), "try again") {
		t.Errorf("%s was refused with %v, and the person reads %q", id, err, shown.Notice)
	}
	o.no = append(o.no, id)
	return false
}

// agree holds that what callers were told is what is stored: all of it or nothing.
func (h *house) agree(t *testing.T, o *told) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	var seen, questions map[string]string
	var rows []row
	if err := h.db.View(t.Context(), func(tx *database.Tx) error {
		wrong, err := whole(tx)
		if wrong != "" {
			t.Error(wrong)
		}
		if err != nil {
			return err
		}
		if seen, err = pairs(tx, `SELECT id, '' FROM bot_seen`); err != nil {
			return err
		}
		if questions, err = pairs(tx, `SELECT substr(user, 2), text FROM benefits_question`); err != nil {
			return err
		}
		rows, err = rowsOf(tx)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	answers := map[string]int{}
	for _, r := range rows {
		if id, ok := r.incoming(); ok {
			answers[strings.TrimPrefix(id, "post:")]++
		}
	}
	for _, id := range o.yes {
		_, marked := seen[id]
		if !marked || questions[id] == "" || answers[id] == 0 {
			t.Errorf("%s was told that it is stored: marked %v, question %q, %d answers", id, marked, questions[id], answers[id])
		}
	}
	if n := len(o.yes); len(seen) != n || len(questions) != n || len(answers) != n {
		t.Errorf("%d are stored as told; there are %d marks, %d questions and answers to %d", n, len(seen), len(questions), len(answers))
	}
}

// volume is a file system of which the test says how much room is left.
type volume struct {
	t       *testing.T
	folder  string
	mounted bool
	old     syscall.Rlimit
}

// newVolume mounts one. Where nothing may be mounted the process is not let write
// large files.
func newVolume(t *testing.T) *volume {
	t.Helper()
	v := &volume{t: t, folder: t.TempDir()}
	if err := syscall.Mount("tmpfs", v.folder, "tmpfs", 0, "size=64m"); err == nil {
		v.mounted = true
		t.Cleanup(func() {
			if err := syscall.Unmount(v.folder, 0); err != nil {
				t.Error(err)
			}
		})
		return v
	}
	t.Log("this user may not mount a tmpfs: a limit on the size of files stands in for it")
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &v.old); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ) // a write that is too large fails instead
	t.Cleanup(func() { v.limit(v.old.Cur); signal.Reset(syscall.SIGXFSZ) })
	return v
}

// leave makes room for some bytes more than there are.
func (v *volume) leave(bytes int64) {
	v.t.Helper()
	if v.mounted {
		var now syscall.Statfs_t
		if err := syscall.Statfs(v.folder, &now); err != nil {
			v.t.Fatal(err)
		}
		size := int64(now.Blocks-now.Bfree)*now.Bsize + bytes
		if err := syscall.Mount("tmpfs", v.folder, "tmpfs", syscall.MS_REMOUNT, fmt.Sprint("size=", size)); err != nil {
			v.t.Fatal(err)
		}
		return
	}
	var largest int64
	if err := filepath.WalkDir(v.folder, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && !e.IsDir() {
			largest = max(largest, info.Size())
		}
		return err
	}); err != nil {
		v.t.Fatal(err)
	}
	v.limit(uint64(largest + bytes))
}

func (v *volume) limit(most uint64) {
	v.t.Helper()
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: most, Max: v.old.Max}); err != nil {
		v.t.Fatal(err)
	}
}

// TestFullDisk: sixty-four people ask while the disk fills. Each is told the
// truth, and when there is space it goes on by itself.
func TestFullDisk(t *testing.T) {
	v := newVolume(t)
	h := furnished(t, filepath.Join(v.folder, "full.db"), nil, nil)
	// What ships is in the file and its log is empty: what is left is for what people write.
	if err := h.db.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.leave(2 << 20)
	stop := h.works(t)
	defer stop()
	ctx := limit(t, 50*time.Second)
	o := &told{}
	everybody := func(round string, enough func(yes, no int) bool) {
		var people sync.WaitGroup
		for i := range 64 {
			people.Go(func() {
				for n, yes, no := 0, 0, 0; !enough(yes, no) && ctx.Err() == nil; n++ {
					id := fmt.Sprintf("%s-%d-%d", round, i, n)
					shown, err := h.engine.Receive(ctx, question(id))
					if err != nil && !errors.Is(err, database.ErrUnwritable) {
						t.Errorf("%s: %v", id, err)
					}
					if o.note(t, id, shown, err) {
						yes++
					} else {
						no++
					}
				}
			})
		}
		people.Wait()
	}
	everybody("filling", func(_, no int) bool { return no >= 2 })
	if len(o.yes) < 64 || len(o.no) < 64 {
		t.Fatalf("nothing was tested: %d stored, %d refused", len(o.yes), len(o.no))
	}
	full := len(o.yes)
	h.agree(t, o)

	v.leave(32 << 20)
	// What was refused comes again, as events do, and now it is taken.
	again := slices.Clone(o.no)
	o.no = nil
	for _, id := range again {
		shown, err := h.engine.Receive(ctx, question(id))
		if !o.note(t, id, shown, err) {
			t.Fatalf("%s is refused though there is space: %v", id, err)
		}
	}
	everybody("space", func(yes, _ int) bool { return yes >= 2 })
	h.agree(t, o)
	if len(o.no) > 0 {
		t.Errorf("%d were refused though there is space", len(o.no))
	}

	// Each answer goes out, and the rows say so, without anybody's help.
	if err := h.post.await(ctx, func() bool { return len(h.post.times()) >= len(o.yes) }); err != nil {
		t.Fatalf("%d of %d answers were sent: %v\n%s", len(h.post.times()), len(o.yes), err, h.log.tail())
	}
	stop()
	states := map[string]int{}
	if err := h.db.View(t.Context(), func(tx *database.Tx) error {
		rows, err := rowsOf(tx)
		for _, r := range rows {
			states[r.state]++
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(states) != 1 || states["sent"] != len(o.yes) {
		t.Errorf("the outbox holds %v of %d answers", states, len(o.yes))
	}
	for id, n := range h.post.times() {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
	said := h.log.String()
	if !strings.Contains(said, "the database cannot be written") {
		t.Error("the log does not tell why people were refused")
	}
	if strings.Contains(said, "too small to join") {
		t.Error("the log has what somebody wrote")
	}
	t.Logf("%d stored and %d refused on the full disk, %d stored and sent once when there was space", full, len(again), len(o.yes))
}

// TestFullDiskAtTheStart: there is no space for a database. It is said in one sentence.
func TestFullDiskAtTheStart(t *testing.T) {
	v := newVolume(t)
	v.leave(96 << 10)
	var log logbook
	code := run(limit(t, 20*time.Second), []string{"run"}, map[string]string{
		"PROCURABOT_DATABASE": filepath.Join(v.folder, "full.db"), "PROCURABOT_DISCORD_BOT_TOKEN": "x",
	}, nil, &log, &log)
	if code == 0 || !oneSentence(log.String()) || !strings.Contains(log.String(), "cannot be written") {
		t.Errorf("exit code %d, %q", code, log.String())
	}
}

// unlucky is a directory that fails for some in the middle of their turn, after
// it has written something, and keeps the writer waiting for others.
type unlucky struct {
	bot.Directory
	waiting map[bot.UserID]chan struct{} // what the writer waits for
	entered chan struct{}
	fail    map[bot.UserID]func() error // once each
	mu      sync.Mutex
}

func (u *unlucky) Resolve(tx *database.Tx, in *bot.Incoming) (bot.Member, error) {
	if gate := u.waiting[in.From.User]; gate != nil {
		u.entered <- struct{}{}
		<-gate
	}
	m, err := u.Directory.Resolve(tx, in)
	u.mu.Lock()
	fail := u.fail[in.From.User]
	delete(u.fail, in.From.User)
	u.mu.Unlock()
	if fail != nil && err == nil {
		err = fail()
	}
	return m, err
}

// group has things received while the writer is kept waiting, so that they
// share a commit. What is done before it goes on is done to all that wait.
func (h *house) group(t *testing.T, u *unlucky, keeper string, before func(), receive ...func()) {
	t.Helper()
	gate := make(chan struct{})
	u.waiting["u"+bot.UserID(keeper)] = gate
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := h.engine.Receive(t.Context(), question(keeper)); err != nil {
			t.Error(err)
		}
	})
	<-u.entered
	for _, r := range receive {
		all.Go(r)
	}
	before()
	close(gate)
	all.Wait()
}

// groups notes which turns shared a commit.
type groups struct {
	mu  sync.Mutex
	all [][]string
}

func (g *groups) trace(query string, args []any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case strings.HasPrefix(query, "BEGIN"):
		g.all = append(g.all, nil)
	case strings.HasPrefix(query, "INSERT INTO bot_seen"):
		last := len(g.all) - 1
		g.all[last] = append(g.all[last], fmt.Sprint(args[1]))
	}
}

// inside reports whether a turn ran between others of its group.
func (g *groups) inside(id string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, group := range g.all {
		if at := slices.Index(group, id); at > 0 && at < len(group)-1 {
			return true
		}
	}
	return false
}

// TestFaultInTheMiddle: a handler that fails, and one that panics, among
// others in one commit. They are rolled back and apologised for, and nobody else
// notices.
func TestFaultInTheMiddle(t *testing.T) {
	u := &unlucky{waiting: map[bot.UserID]chan struct{}{}, entered: make(chan struct{}, 1), fail: map[bot.UserID]func() error{}}
	g := &groups{}
	h := furnished(t, filepath.Join(t.TempDir(), "fault.db"), func(d bot.Directory) bot.Directory { u.Directory = d; return u }, g.trace)
	var lucky, failing []string
	receive := func(in bot.Incoming) {
		if shown, err := h.engine.Receive(t.Context(), in); err != nil || shown.Notice != "" {
			t.Errorf("%s: %v, %q", in.ID, err, shown.Notice)
		}
	}
	// Who shares a commit with whom is chance: a few rounds make it certain.
	shared := false
	for round := 0; round < 20 && !shared; round++ {
		fails, panics := fmt.Sprint("fails", round), fmt.Sprint("panics", round)
		u.fail["u"+bot.UserID(fails)] = func() error { return errors.New("out of luck") }
		u.fail["u"+bot.UserID(panics)] = func() error { panic("out of luck altogether") }
		failing = append(failing, fails, panics)
		var all []func()
		for i := range 33 {
			id := fmt.Sprintf("neighbour%d-%d", round, i)
			switch i {
			case 15:
				id = fails
			case 17:
				id = panics
			default:
				lucky = append(lucky, id)
			}
			all = append(all, func() { receive(question(id)) })
		}
		keeper := fmt.Sprint("keeper", round)
		lucky = append(lucky, keeper)
		h.group(t, u, keeper, func() {}, all...)
		shared = g.inside(fails) && g.inside(panics)
	}
	if !shared {
		t.Fatal("no fault was in the middle of a group")
	}

	// What failed is marked and apologised for, and nothing else of it is left.
	var apologies, questions map[string]string
	read := func() {
		if err := h.db.View(t.Context(), func(tx *database.Tx) (err error) {
			if apologies, err = pairs(tx, `SELECT key, CAST(payload AS TEXT) FROM outbox_messages WHERE payload IS NOT NULL`); err != nil {
				return err
			}
			questions, err = pairs(tx, `SELECT substr(user, 2), COUNT(*) FROM benefits_question GROUP BY user`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	read()
	faults := h.log.entries("a turn failed")
	if len(faults) != len(failing) {
		t.Errorf("%d faults in the log of %d", len(faults), len(failing))
	}
	for _, f := range faults {
		reference, _ := f["reference"].(string)
		incoming, _ := f["incoming"].(string)
		said := apologies["in:post:"+incoming+"#1"]
		if reference == "" || !strings.Contains(said, reference) || !strings.Contains(said, "went wrong") || !slices.Contains(failing, incoming) {
			t.Errorf("%s: the log has the reference %q, the person reads %s", incoming, reference, said)
		}
	}
	if len(questions) != len(lucky) {
		t.Errorf("%d people have questions, and %d were lucky", len(questions), len(lucky))
	}
	for _, id := range lucky {
		if questions[id] != "1" {
			t.Errorf("%s has %q questions", id, questions[id])
		}
	}

	// A second delivery of what failed changes nothing; the next turn is as any other.
	for _, id := range failing {
		receive(question(id))
		next := question(id)
		next.ID = "next-" + next.ID
		receive(next)
	}
	read()
	for _, id := range failing {
		if questions[id] != "1" {
			t.Errorf("%s has %q questions after one turn that failed and one that did not", id, questions[id])
		}
	}
	stop := h.works(t)
	want := len(lucky) + 2*len(failing)
	if err := h.post.await(limit(t, 30*time.Second), func() bool { return len(h.post.times()) == want }); err != nil {
		t.Errorf("%d messages were sent, not %d", len(h.post.times()), want)
	}
	stop()
	for id, n := range h.post.times() {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
	if err := h.db.View(t.Context(), func(tx *database.Tx) error {
		wrong, err := whole(tx)
		if wrong != "" {
			t.Error(wrong)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d turns failed among %d", len(failing), len(lucky))
}

// TestGivenUpInTheMiddle: callers that go away while they wait for the writer
// are told the truth too.
func TestGivenUpInTheMiddle(t *testing.T) {
	u := &unlucky{waiting: map[bot.UserID]chan struct{}{}, entered: make(chan struct{}, 1)}
	h := furnished(t, filepath.Join(t.TempDir(), "cancelled.db"), func(d bot.Directory) bot.Directory { u.Directory = d; return u }, nil)
	o := &told{yes: []string{"keeper"}}
	impatient, giveUp := context.WithCancel(t.Context())
	gone := make(chan struct{}, 32)
	var all []func()
	for i := range 64 {
		id := fmt.Sprint("waits", i)
		ctx := t.Context()
		if i%2 == 1 {
			ctx = impatient
		}
		all = append(all, func() {
			shown, err := h.engine.Receive(ctx, question(id))
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", id, err)
			}
			o.note(t, id, shown, err)
			if ctx == impatient {
				gone <- struct{}{}
			}
		})
	}
	h.group(t, u, "keeper", func() {
		giveUp()
		for range 32 {
			<-gone
		}
	}, all...)
	if len(o.no) != 32 {
		t.Errorf("%d gave up and were told so, not 32", len(o.no))
	}
	h.agree(t, o)

	// At any other moment: whoever is told yes is stored, whoever is told no is not.
	var people sync.WaitGroup
	for i := range 64 {
		ctx, cancel := context.WithCancel(t.Context())
		id := fmt.Sprint("any", i)
		people.Go(cancel)
		people.Go(func() {
			shown, err := h.engine.Receive(ctx, question(id))
			o.note(t, id, shown, err)
		})
	}
	people.Wait()
	h.agree(t, o)
	t.Logf("%d stored, %d gave up", len(o.yes), len(o.no))
}
