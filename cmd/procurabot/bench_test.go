package main

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
	"procurabot/internal/outbox"
)

// The benchmarks of whole turns. docs/benchmarks.md says what they mean.

const (
	benchCallers  = 256
	turnsAtATime  = 16 * benchCallers // of each side, before the other has its go
	benchQuestion = "Can I get my travel costs paid?"
)

// memoryChild is how BenchmarkMemory starts itself anew: memory that a process
// has touched for something else counts as its own for good.
var memoryChild = flag.Bool("memory-child", false, "(internal) measure this process and print it as JSON")

// mute is a platform that takes nothing: the benchmarks make no step, so that
// what is said stays in the outbox and only turns are measured. Its limits are
// Slack's.
type mute struct{}

func (mute) Platform() bot.Platform { return "mute" }
func (mute) Limits() bot.Limits {
	return bot.Limits{
		Text: 2900, Render: markup.Slack, Label: 75, Buttons: 5,
		Title: 24, FieldLabel: 150, Hint: 150, Field: 3000, FieldErrors: true,
	}
}
func (mute) Run(context.Context, bot.Receiver) error { return nil }
func (mute) Gate(to bot.Target) string               { return "mute/" + string(to.Space) }
func (mute) Send(context.Context, bot.Envelope) (bot.MessageID, error) {
	return "", &outbox.Permanent{Err: errors.New("nobody listens")}
}
func (mute) Find(context.Context, bot.Envelope) (bot.MessageID, error) {
	return "", outbox.ErrUnknowable
}

// benchTurn is one thing that is done again and again.
type benchTurn struct {
	name string
	what bot.What
}

func benchTurns() []benchTurn {
	return []benchTurn{
		{"ask", bot.Commanded{Path: []string{"procura"}, Text: "ask " + benchQuestion}},
		{"language", bot.Commanded{Path: []string{"procura"}, Text: "language de"}},
	}
}

// The shapes by which a recorded turn's own ids are found again: of the
// database, of an incoming thing, and of a caller.
var (
	incomingShape = func(n int64) string { return fmt.Sprintf("in-%012d", n) }
	callerShape   = func(n int) string { return fmt.Sprintf("user-%04d", n) }
	anyShape      = regexp.MustCompile(`in-[0-9]{12}|user-[0-9]{4}|[0-9a-hjkmnp-tv-z]{20}`)
)

// incoming is the turn as a caller's platform would deliver it the n-th time.
func (t benchTurn) incoming(caller int, n int64) bot.Incoming {
	user := callerShape(caller)
	return bot.Incoming{
		ID: bot.IncomingID(incomingShape(n)), Space: "T1",
		From: bot.Account{Platform: "mute", Realm: "T1", User: bot.UserID(user)},
		Name: "Maja", Locale: "en-GB", In: bot.Place{Conversation: bot.ConversationID("C-" + user)},
		Reply: &bot.ReplyHandle{Token: "https://chat.example/commands/T1/1", Expires: time.Now().Add(30 * time.Minute)},
		What:  t.what,
	}
}

func openBench(b *testing.B, path string, trace func(string, []any)) *app {
	b.Helper()
	db, err := database.Open(b.Context(), path, database.Options{Trace: trace})
	if err != nil {
		b.Fatal(err)
	}
	a, err := newApp(b.Context(), parts{
		db: db, adapters: []bot.Adapter{mute{}}, contact: "secretariat@procura.example",
		editors: &bot.Spot{Platform: "mute", Space: "T1", Conversation: "C1", Language: bot.German},
		log:     slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err, db.Close())
	}
	return a
}

func closeBench(b *testing.B, a *app) {
	b.Helper()
	if err := a.db.Close(); err != nil {
		b.Fatal(err)
	}
}

// settle makes every caller a member who has been welcomed, so that the turns
// to come are all alike.
func settle(b *testing.B, a *app, serial *atomic.Int64) {
	b.Helper()
	language := benchTurns()[1]
	drive(b, benchCallers, func(caller int) error {
		_, err := a.engine.Receive(context.Background(), language.incoming(caller, serial.Add(1)))
		return err
	})
}

// round is what a number of calls took.
type round struct {
	wall, cpu time.Duration // of all
	each      []time.Duration
}

// drive shares n calls among all callers, each of whom waits for one before the
// next.
func drive(b *testing.B, n int, call func(caller int) error) round {
	b.Helper()
	var wg sync.WaitGroup
	each := make([]time.Duration, n)
	began, used := time.Now(), processorTime(b)
	for caller := range benchCallers {
		wg.Go(func() {
			for i := caller; i < n; i += benchCallers {
				start := time.Now()
				if err := call(caller); err != nil {
					b.Error(err)
					return
				}
				each[i] = time.Since(start)
			}
		})
	}
	wg.Wait()
	took := round{time.Since(began), processorTime(b) - used, each}
	if b.Failed() {
		b.FailNow()
	}
	return took
}

// processorTime is what this process has used so far, the kernel's work for it
// included. Other programs on the machine hardly change it.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// side is what was measured of the engine, of its replay, or of sqlitelimit, a
// round each.
type side struct {
	perSecond []float64
	cpu       []float64 // microseconds of processor time a turn
	p50, p99  []time.Duration
}

func (s *side) add(r round) {
	n := float64(len(r.each))
	s.perSecond = append(s.perSecond, n/r.wall.Seconds())
	s.cpu = append(s.cpu, float64(r.cpu.Microseconds())/n)
	s.p50, s.p99 = append(s.p50, quantile(r.each, 0.5)), append(s.p99, quantile(r.each, 0.99))
}

func (s *side) row(name string) string {
	cpu := "-"
	if len(s.cpu) > 0 {
		cpu = fmt.Sprintf("%.0fus", median(s.cpu))
	}
	return fmt.Sprintf("%s\t%.0f/s\t%s\t%s\t%s", name, median(s.perSecond), short(median(s.p50)), short(median(s.p99)), cpu)
}

func short(d time.Duration) string { return d.Round(100 * time.Microsecond).String() }

func median[N float64 | time.Duration](all []N) N { return quantile(all, 0.5) }

func quantile[N float64 | time.Duration](all []N, q float64) N {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// BenchmarkTurn compares the engine, 256 callers at once, with SQLite alone
// doing the same statements, in rounds of the one and the other so that a slow
// minute of the machine hits both; and that with the group commit of
// sqlitelimit, a bare program whose transactions are of a chat bot's size.
func BenchmarkTurn(b *testing.B) {
	limit := buildLimit(b)
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nwho, 256 callers\tspeed\tp50\tp99\tprocessor\tspeed compared")
	for _, turn := range benchTurns() {
		b.Run(turn.name, func(b *testing.B) {
			engine, replay, signup := compare(b, turn, limit)
			ratios := make([]float64, len(engine.perSecond))
			for i := range ratios {
				ratios[i] = engine.perSecond[i] / replay.perSecond[i]
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(engine.perSecond), "turns/s")
			b.ReportMetric(median(ratios), "of-replay")
			b.ReportMetric(median(replay.cpu)/median(engine.cpu), "cpu-of-replay")
			fmt.Fprintf(w, "%s\t%.2f of its replay\n", engine.row(turn.name+": engine"), median(ratios))
			if len(signup.perSecond) == 0 {
				fmt.Fprintf(w, "%s\t\n", replay.row(turn.name+": its SQL replayed"))
				return
			}
			over := median(replay.perSecond) / median(signup.perSecond)
			b.ReportMetric(over, "replay-of-limit")
			fmt.Fprintf(w, "%s\t%.2f of sqlitelimit\n", replay.row(turn.name+": its SQL replayed"), over)
			fmt.Fprintf(w, "%s\t\n", signup.row("sqlitelimit, signup"))
		})
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	// Not b.Log: what is logged by a benchmark that only runs others is not shown.
	fmt.Println(table.String())
	if limit == "" {
		fmt.Println("sqlitelimit is not there (shared/bench/sqlitelimit beside the repository): the replay is compared with nothing")
	}
}

func compare(b *testing.B, turn benchTurn, limit string) (engine, replay, signup side) {
	dir := b.TempDir()
	path, copied := filepath.Join(dir, "turns.db"), filepath.Join(dir, "replay.db")
	var serial atomic.Int64
	recording := record(b, path, turn, &serial)
	copyBench(b, path, copied)

	a := openBench(b, path, nil)
	defer closeBench(b, a)
	r := startReplay(b, copied, a.db, recording)
	defer r.stop()
	replayed := serial.Load()
	before := r.said(b)
	one := func(caller int) error {
		_, err := a.engine.Receive(context.Background(), turn.incoming(caller, serial.Add(1)))
		return err
	}
	drive(b, turnsAtATime, one) // statements are prepared, pages are in memory
	drive(b, turnsAtATime, func(caller int) error { return r.turn(caller, replayID(&replayed)) })
	rounds := 0
	for b.Loop() {
		if limit != "" && rounds%4 == 0 {
			signup.measureLimit(b, limit, dir)
		}
		rounds++
		engine.add(drive(b, turnsAtATime, one))
		replay.add(drive(b, turnsAtATime, func(caller int) error { return r.turn(caller, replayID(&replayed)) }))
	}
	// The replay is worth nothing unless it stored as much as the engine did.
	var said int
	if err := a.db.View(context.Background(), func(tx *database.Tx) error {
		return tx.QueryRow(countSaid).Scan(&said)
	}); err != nil {
		b.Fatal(err)
	}
	if want := before + (rounds+1)*turnsAtATime; said != want || r.said(b) != want {
		b.Fatalf("the engine holds %d messages and the replay %d, both should hold %d", said, r.said(b), want)
	}
	return engine, replay, signup
}

func replayID(n *int64) string { return incomingShape(atomic.AddInt64(n, 1)) }

const countSaid = "SELECT count(*) FROM outbox_messages"

// recording is one turn's statements, with holes where its own ids stood.
type recording struct {
	statements []recorded
	ids        int               // how many different ids of the database are new in each turn
	members    map[string]string // of each caller
}

type recorded struct {
	query string
	rows  bool
	args  [][]piece
	plain []driver.Value // instead of args, where there is no hole
	bytes []bool
}

// piece is text, or a hole: which of the turn's new ids, or one of the others.
type piece struct {
	text string
	hole int
}

const (
	noHole = -1 - iota
	incomingHole
	callerHole
	memberHole
)

// record runs one turn with the trace on, after the program has been in use for
// a while, and takes down what was asked of the database.
func record(b *testing.B, path string, turn benchTurn, serial *atomic.Int64) recording {
	b.Helper()
	type traced struct {
		query string
		args  []driver.Value
	}
	var on bool // written between turns and read in the writer, which runs only during one
	var all []traced
	a := openBench(b, path, func(query string, args []any) {
		if !on {
			return
		}
		values := make([]driver.Value, len(args))
		for i, arg := range args {
			v, err := driver.DefaultParameterConverter.ConvertValue(arg)
			if err != nil {
				b.Error(err)
			}
			if bytes, ok := v.([]byte); ok {
				v = slices.Clone(bytes)
			}
			values[i] = v
		}
		all = append(all, traced{query, values})
	})
	settle(b, a, serial)
	for range 3 { // the last one is taken down
		all, on = nil, true
		if _, err := a.engine.Receive(b.Context(), turn.incoming(0, serial.Add(1))); err != nil {
			b.Fatal(err)
		}
		on = false
	}
	r := recording{members: map[string]string{}}
	if err := a.db.View(b.Context(), func(tx *database.Tx) error {
		rows, err := tx.Query("SELECT user, member FROM members_account WHERE platform = 'mute'")
		if err != nil {
			return err
		}
		for rows.Next() {
			var user, member string
			if err := rows.Scan(&user, &member); err != nil {
				return err
			}
			r.members[user] = member
		}
		return rows.Err()
	}); err != nil {
		b.Fatal(err)
	}
	closeBench(b, a)

	if len(all) < 4 || all[0].query != "BEGIN IMMEDIATE" || all[len(all)-1].query != "COMMIT" {
		b.Fatalf("a turn should be one transaction: %v", all)
	}
	holes := map[string]int{callerShape(0): callerHole, r.members[callerShape(0)]: memberHole}
	for _, t := range all[1 : len(all)-1] {
		s := recorded{query: t.query, rows: strings.HasPrefix(t.query, "SELECT") || strings.Contains(t.query, "RETURNING")}
		for _, v := range t.args {
			var pieces []piece
			bytes, isBytes := v.([]byte)
			text, isText := v.(string)
			if isBytes || isText {
				pieces = r.pieces(text+string(bytes), holes)
			}
			s.args, s.plain, s.bytes = append(s.args, pieces), append(s.plain, v), append(s.bytes, isBytes)
		}
		r.statements = append(r.statements, s)
	}
	return r
}

// pieces cuts a text where an id stands; nil when none does.
func (r *recording) pieces(text string, holes map[string]int) []piece {
	var all []piece
	end := 0
	for _, at := range anyShape.FindAllStringIndex(text, -1) {
		id := text[at[0]:at[1]]
		if _, known := holes[id]; !known {
			if strings.HasPrefix(id, "in-") {
				holes[id] = incomingHole
			} else {
				holes[id], r.ids = r.ids, r.ids+1
			}
		}
		all = append(all, piece{text[end:at[0]], noHole}, piece{hole: holes[id]})
		end = at[1]
	}
	if all == nil {
		return nil
	}
	return append(all, piece{text[end:], noHole})
}

func copyBench(b *testing.B, from, to string) {
	b.Helper()
	content, err := os.ReadFile(from) // closed: nothing is left in a log beside it
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		b.Fatal(err)
	}
}

// replayer does a recorded turn's statements and nothing else, on the driver's
// own connection: every statement is prepared once, one goroutine does up to
// 256 callers' turns in a transaction, with the savepoints of the engine.
type replayer struct {
	recording
	ids   interface{ NewID() string }
	pool  *sql.DB
	conn  *sql.Conn
	queue chan replayed
	ended chan struct{}

	begin, commit driver.Stmt
	prepared      []driver.Stmt
	dest          []driver.Value
}

type replayed struct {
	args [][]driver.NamedValue
	done chan error
}

func startReplay(b *testing.B, path string, ids interface{ NewID() string }, rec recording) *replayer {
	b.Helper()
	// What package database asks for its writer.
	pool, err := sql.Open("sqlite3", "file:"+path+"?_txlock=immediate&_journal_mode=WAL&_synchronous=FULL&_secure_delete=on&_busy_timeout=5000&_foreign_keys=on")
	if err != nil {
		b.Fatal(err)
	}
	r := &replayer{recording: rec, ids: ids, pool: pool, queue: make(chan replayed, 4*benchCallers), ended: make(chan struct{}), dest: make([]driver.Value, 32)}
	if r.conn, err = pool.Conn(b.Context()); err != nil {
		b.Fatal(err)
	}
	if _, err := r.conn.ExecContext(b.Context(), "PRAGMA temp_store=MEMORY"); err != nil {
		b.Fatal(err)
	}
	if err := r.conn.Raw(func(raw any) error { return r.prepare(raw.(driver.Conn)) }); err != nil {
		b.Fatal(err)
	}
	go r.loop()
	return r
}

func (r *replayer) prepare(on driver.Conn) (err error) {
	if r.begin, err = on.Prepare("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if r.commit, err = on.Prepare("COMMIT"); err != nil {
		return err
	}
	once := map[string]driver.Stmt{}
	for _, s := range r.statements {
		if once[s.query] == nil {
			if once[s.query], err = on.Prepare(s.query); err != nil {
				return err
			}
		}
		r.prepared = append(r.prepared, once[s.query])
	}
	return nil
}

func (r *replayer) stop() {
	close(r.queue)
	<-r.ended
	_ = r.conn.Close()
	_ = r.pool.Close()
}

// said counts the messages, between turns: the connection is the loop's.
func (r *replayer) said(b *testing.B) (n int) {
	b.Helper()
	if err := r.conn.QueryRowContext(b.Context(), countSaid).Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
}

// turn fills the holes with what is new this time and waits for the commit.
func (r *replayer) turn(caller int, incoming string) error {
	user := callerShape(caller)
	fresh := make([]string, r.recording.ids)
	for i := range fresh {
		fresh[i] = r.ids.NewID()
	}
	fill := func(pieces []piece) string {
		var text strings.Builder
		for _, p := range pieces {
			switch p.hole {
			case noHole:
				text.WriteString(p.text)
			case incomingHole:
				text.WriteString(incoming)
			case callerHole:
				text.WriteString(user)
			case memberHole:
				text.WriteString(r.members[user])
			default:
				text.WriteString(fresh[p.hole])
			}
		}
		return text.String()
	}
	job := replayed{make([][]driver.NamedValue, len(r.statements)), make(chan error, 1)}
	for i, s := range r.statements {
		args := make([]driver.NamedValue, len(s.plain))
		for j, v := range s.plain {
			if s.args[j] != nil {
				if v = fill(s.args[j]); s.bytes[j] {
					v = []byte(v.(string))
				}
			}
			args[j] = driver.NamedValue{Ordinal: j + 1, Value: v}
		}
		job.args[i] = args
	}
	r.queue <- job
	return <-job.done
}

func (r *replayer) loop() {
	defer close(r.ended)
	for first := range r.queue {
		group := []replayed{first}
	gather:
		for len(group) < benchCallers {
			select {
			case job, open := <-r.queue:
				if !open {
					break gather
				}
				group = append(group, job)
			default:
				break gather
			}
		}
		err := r.commitGroup(group)
		for _, job := range group {
			job.done <- err
		}
	}
}

func (r *replayer) commitGroup(group []replayed) error {
	if err := r.run(r.begin, nil, false); err != nil {
		return err
	}
	for _, job := range group {
		for i, s := range r.statements {
			if err := r.run(r.prepared[i], job.args[i], s.rows); err != nil {
				return fmt.Errorf("%s: %w", s.query, err)
			}
		}
	}
	return r.run(r.commit, nil, false)
}

func (r *replayer) run(stmt driver.Stmt, args []driver.NamedValue, wanted bool) error {
	if !wanted {
		_, err := stmt.(driver.StmtExecContext).ExecContext(context.Background(), args)
		return err
	}
	rows, err := stmt.(driver.StmtQueryContext).QueryContext(context.Background(), args)
	if err != nil {
		return err
	}
	defer rows.Close()
	for dest := r.dest[:len(rows.Columns())]; err == nil; {
		err = rows.Next(dest)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// buildLimit builds the program that knows what SQLite can do on this disk; ""
// when it is not beside the repository.
func buildLimit(b *testing.B) string {
	b.Helper()
	source := filepath.Join("..", "..", "..", "shared", "bench", "sqlitelimit")
	if _, err := os.Stat(source); err != nil {
		return ""
	}
	program := filepath.Join(b.TempDir(), "sqlitelimit")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = source
	if said, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build sqlitelimit: %v\n%s", err, said)
	}
	return program
}

func (s *side) measureLimit(b *testing.B, program, dir string) {
	b.Helper()
	said, err := exec.Command(program, "-json", "-dir", dir, "-dur", "2s", "-only", "^signup groupcommit WAL/FULL").Output()
	if err != nil {
		b.Fatalf("sqlitelimit: %v", err)
	}
	for line := range bytes.Lines(said) {
		if line[0] != '{' {
			continue
		}
		var result struct {
			PerSec   float64
			P50, P99 time.Duration
			Errors   map[string]int
		}
		if err := json.Unmarshal(line, &result); err != nil {
			b.Fatal(err)
		}
		if len(result.Errors) > 0 || result.PerSec == 0 {
			b.Fatalf("sqlitelimit measured nothing: %s", line)
		}
		s.perSecond = append(s.perSecond, result.PerSec)
		s.p50, s.p99 = append(s.p50, result.P50), append(s.p99, result.P99)
	}
}

// memory is what a process takes, in MiB.
type memory struct{ IdleRSS, IdleHeap, BusyRSS, BusyHeap float64 }

// BenchmarkMemory is what the program takes of memory when it has started, and
// at most while 256 callers ask.
func BenchmarkMemory(b *testing.B) {
	if *memoryChild {
		if err := json.NewEncoder(os.Stderr).Encode(takeMemory(b)); err != nil {
			b.Fatal(err)
		}
		return
	}
	var all []memory
	for b.Loop() {
		child := exec.Command(os.Args[0], "-memory-child", "-test.run=^$", "-test.bench=^BenchmarkMemory$", "-test.benchtime=1x")
		var measured bytes.Buffer
		child.Stderr = &measured
		if said, err := child.Output(); err != nil {
			b.Fatalf("%v\n%s%s", err, said, measured.String())
		}
		var m memory
		if err := json.NewDecoder(&measured).Decode(&m); err != nil {
			b.Fatalf("%v: %s", err, measured.String())
		}
		all = append(all, m)
	}
	report := func(name string, of func(memory) float64) {
		var values []float64
		for _, m := range all {
			values = append(values, of(m))
		}
		b.ReportMetric(median(values), name)
	}
	b.ReportMetric(0, "ns/op")
	report("idle-rss-MiB", func(m memory) float64 { return m.IdleRSS })
	report("idle-heap-MiB", func(m memory) float64 { return m.IdleHeap })
	report("busy-rss-MiB", func(m memory) float64 { return m.BusyRSS })
	report("busy-heap-MiB", func(m memory) float64 { return m.BusyHeap })
}

func takeMemory(b *testing.B) (m memory) {
	a := openBench(b, filepath.Join(b.TempDir(), "memory.db"), nil)
	defer closeBench(b, a)
	debug.FreeOSMemory()
	m.IdleRSS, m.IdleHeap = residentMiB(b), heapMiB()
	ask := benchTurns()[0]
	var serial atomic.Int64
	settle(b, a, &serial)
	for range 4 {
		drive(b, turnsAtATime, func(caller int) error {
			_, err := a.engine.Receive(context.Background(), ask.incoming(caller, serial.Add(1)))
			return err
		})
		m.BusyHeap = max(m.BusyHeap, heapMiB())
		m.BusyRSS = max(m.BusyRSS, residentMiB(b))
	}
	return m
}

func heapMiB() float64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return float64(s.HeapAlloc) / (1 << 20)
}

// residentMiB is what Linux counts as the process's own; elsewhere 0, which is
// "not known".
func residentMiB(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kib, err := strconv.ParseFloat(f[1], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kib / 1024
		}
	}
	b.Fatal("the kernel names no VmRSS")
	return 0
}

// BenchmarkStart is how long a start takes: the program's, from its process to
// the answer of one question on an empty database, and newApp's alone on a
// database that exists.
func BenchmarkStart(b *testing.B) {
	b.Run("process", func(b *testing.B) {
		program := filepath.Join(b.TempDir(), "procurabot")
		if said, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
			b.Fatalf("build: %v\n%s", err, said)
		}
		for b.Loop() {
			said, err := exec.Command(program, "ask", benchQuestion).Output()
			if err != nil {
				b.Fatal(err)
			}
			if !bytes.Contains(said, []byte(`"outcome":"answer"`)) {
				b.Fatalf("no answer: %s", said)
			}
		}
	})
	b.Run("newApp", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "start.db")
		closeBench(b, openBench(b, path, nil))
		for b.Loop() {
			db, err := database.Open(b.Context(), path, database.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := newApp(b.Context(), parts{db: db, adapters: []bot.Adapter{mute{}}, log: slog.New(slog.DiscardHandler)}); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if err := db.Close(); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
}
