package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/internal/database"
)

var soak = flag.Duration("soak", 0, "how long people ask while connections are cut; 0 is a few rounds")

// What a cut connection may take to be replaced. Oftener than a connection counts
// as steady nothing is cut in a long run: the pauses between attempts would grow
// to minutes, as they should.
const (
	slackSteady   = 11 * time.Second
	discordSteady = 65 * time.Second
	bearable      = 4 * time.Second // how long a person waits for the platform to take what they do
)

// How far figures may be above those of the first look.
const (
	moreGoroutines = 16 // idle connections to the fakes come and go, with two at each end
	moreFiles      = 16
	moreHeap       = 12 << 20
)

// footprint is what a program that runs for months must not use more and more of.
type footprint struct {
	goroutines, files int
	heap              uint64
}

func measure(t *testing.T) footprint {
	t.Helper()
	runtime.GC()
	runtime.GC() // what the first has finalised
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return footprint{runtime.NumGoroutine(), len(files), m.HeapAlloc}
}

func (f footprint) String() string {
	return fmt.Sprintf("%d goroutines, %d files, heap %.1f MiB", f.goroutines, f.files, float64(f.heap)/(1<<20))
}

// regular is somebody who asks all the time.
type regular struct {
	s                    *soaked
	platform             string
	user, room, direct   string
	act                  func(context.Context, *regular) error // and waits for the answer
	heard                func() int                            // answers that they see
	read                 int                                   // answers that the platform has forgotten since
	answered, turnedAway atomic.Int64
}

// soaked is the program that runs for long, and everybody who talks to it.
type soaked struct {
	*platforms
	t      *testing.T
	ctx    context.Context
	people []*regular
	cuts   map[string]int
	first  footprint
	looks  int
	rounds int
	half   chan struct{} // closed when the first of a round is answered
	once   *sync.Once

	slackCut, discordCut   time.Time
	nextSlack, nextDiscord int
}

// wait returns when the person sees more than before.
func (r *regular) wait(before int) error {
	if err := r.s.await(r.s.ctx, func() bool { return r.heard() > before }); err != nil {
		return fmt.Errorf("never answered: %w", err)
	}
	return nil
}

// does one thing that the bot answers once.
func (r *regular) does(ctx context.Context, thing func(context.Context) error) error {
	before := r.heard()
	bear, cancel := context.WithTimeout(ctx, bearable)
	defer cancel()
	if err := thing(bear); err != nil {
		return err
	}
	if err := r.wait(before); err != nil {
		return err
	}
	r.answered.Add(1)
	r.s.once.Do(func() { close(r.s.half) })
	return nil
}

func (s *soaked) join(platform string, act func(context.Context, *regular) error) *regular {
	r := &regular{s: s, platform: platform, act: act}
	name := fmt.Sprint("regular", len(s.people))
	if platform == "slack" {
		r.user = s.slack.AddUser(fakeslack.User{Name: name}).ID
		r.room = s.slack.AddChannel(fakeslack.Channel{Name: name, Members: []string{r.user}, BotIsMember: true}).ID
		r.direct = s.slack.DM(r.user)
		r.heard = func() int {
			n := len(s.slack.FromBot(r.room)) + len(s.slack.FromBot(r.direct))
			for _, place := range []string{r.room, r.direct, s.editors} {
				n += len(s.slack.Ephemerals(r.user, place))
			}
			return n
		}
	} else {
		r.user = s.discord.AddUser(fakediscord.User{Name: name}).ID
		r.room = s.discord.AddChannel(s.guild, name, fakediscord.Text, 0).ID
		r.direct = s.discord.DM(r.user)
		r.heard = func() (n int) {
			for _, m := range s.discord.Ephemerals(r.user) {
				if !m.Loading() {
					n++
				}
			}
			for _, m := range append(s.discord.Messages(r.room), s.discord.Messages(r.direct)...) {
				if m.Author != r.user {
					n++
				}
			}
			return n
		}
	}
	s.people = append(s.people, r)
	return r
}

// ---- what they do

func soakSlackCommand(ctx context.Context, r *regular) error {
	p := r.s.platforms
	if err := r.does(ctx, func(ctx context.Context) error {
		_, err := p.slack.Command(ctx, r.user, r.room, "/procura", "ask "+joining)
		return err
	}); err != nil {
		return err
	}
	for _, m := range p.slack.Ephemerals(r.user, r.room) {
		if len(m.Elements()) > 1 && strings.HasSuffix(m.Elements()[0].ActionID, ":benefits.helpful") {
			return r.does(ctx, func(ctx context.Context) error { return p.press(ctx, r.user, m, "benefits.helpful") })
		}
	}
	return errors.New("no answer to be pleased with")
}

func soakSlackSay(room func(*regular) string) func(context.Context, *regular) error {
	return func(ctx context.Context, r *regular) error {
		return r.does(ctx, func(ctx context.Context) error {
			_, err := r.s.slack.Say(ctx, r.user, room(r), r.s.slack.Mention()+" "+joining, "")
			if cut(err) {
				r.s.ring() // it is delivered again
				return nil
			}
			return err
		})
	}
}

func soakSlackHome(ctx context.Context, r *regular) error {
	if err := r.s.slack.OpenHome(ctx, r.user); err != nil && !cut(err) {
		return err
	}
	return nil
}

// soakDiscordAsk asks by a command and presses a button of the answer.
func soakDiscordAsk(ctx context.Context, r *regular, button string) error {
	p := r.s.platforms
	var x fakediscord.Interaction
	if err := r.does(ctx, func(ctx context.Context) (err error) {
		x, err = p.discord.Command(ctx, r.user, r.room, "procura ask", map[string]any{"question": joining})
		return err
	}); err != nil {
		return err
	}
	var m fakediscord.Message
	if err := p.await(ctx, func() bool { m, _ = p.discord.Message(x.Message.ID); return !m.Loading() }); err != nil {
		return err
	}
	return r.does(ctx, func(ctx context.Context) error {
		_, err := p.discord.Press(ctx, r.user, r.room, m.ID, customID(m, button))
		return err
	})
}

func soakDiscordCommand(ctx context.Context, r *regular) error {
	return soakDiscordAsk(ctx, r, "benefits.helpful")
}

func soakDiscordSay(room func(*regular) string) func(context.Context, *regular) error {
	return func(ctx context.Context, r *regular) error {
		return r.does(ctx, func(ctx context.Context) error {
			_, err := r.s.discord.Say(ctx, r.user, room(r), r.s.discord.Mention()+" "+joining, "")
			return err
		})
	}
}

// soakForm has a person on Discord ask for a person, and an editor on Slack
// answer them by a form.
func soakForm(editor *regular) func(context.Context, *regular) error {
	return func(ctx context.Context, r *regular) error {
		p := r.s.platforms
		before := len(p.slack.FromBot(p.editors))
		if err := soakDiscordAsk(ctx, r, "benefits.person"); err != nil {
			return err
		}
		if err := p.await(ctx, func() bool { return len(p.slack.FromBot(p.editors)) > before }); err != nil {
			return err
		}
		post := p.slack.FromBot(p.editors)[before]
		bear, cancel := context.WithTimeout(ctx, bearable)
		defer cancel()
		if err := p.press(bear, editor.user, post, "benefits.answer"); err != nil {
			return err
		}
		shown := len(p.slack.Ephemerals(editor.user, p.editors))
		if err := editor.does(ctx, func(ctx context.Context) error {
			_, err := p.submit(ctx, editor.user, map[string]string{"text": "No, you are not."})
			return err
		}); err != nil {
			return err
		}
		preview := p.slack.Ephemerals(editor.user, p.editors)[shown]
		return r.does(ctx, func(ctx context.Context) error {
			return editor.does(ctx, func(ctx context.Context) error { return p.press(ctx, editor.user, preview, "benefits.send") })
		})
	}
}

// ---- what happens to their connections

func (s *soaked) cutSlack() {
	// "link_disabled" is left out: after it a person has to mend the app, and the
	// platform is left alone until then.
	reasons := []string{"refresh_requested", "reset", "warning"}
	reason := reasons[s.nextSlack%len(reasons)]
	s.nextSlack++
	opened := s.slack.Opened()
	s.slack.Disconnect(reason)
	s.must(s.slack.WaitOpened(s.ctx, opened+2))
	s.cuts["Slack, "+reason]++
	s.slackCut = time.Now()
}

func (s *soaked) cutDiscord() {
	reasons := []struct {
		name  string
		fails int // resumes
		b     fakediscord.Break
	}{
		{"reset and no resume", 1, fakediscord.ResetConnection()},
		{"asked to reconnect", 0, fakediscord.AskReconnect()},
		{"session invalid", 0, fakediscord.InvalidSession(false)},
		{"reset", 0, fakediscord.ResetConnection()},
		{"session invalid, resumable", 0, fakediscord.InvalidSession(true)},
		{"4000", 0, fakediscord.CloseCode(4000)},
		{"4007", 0, fakediscord.CloseCode(4007)},
		{"4009", 0, fakediscord.CloseCode(4009)},
		{"asked to reconnect and no resume", 1, fakediscord.AskReconnect()},
		{"1001", 0, fakediscord.CloseCode(1001)},
	}
	cut := reasons[s.nextDiscord%len(reasons)]
	s.nextDiscord++
	s.discord.FailResumes(cut.fails)
	s.discord.Disconnect(cut.b)
	s.must(s.discord.WaitConnected(s.ctx))
	s.cuts["Discord, "+cut.name]++
	s.discordCut = time.Now()
}

func (s *soaked) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// round has everybody act once. What cuts is called when the first was answered.
func (s *soaked) round(cuts ...func()) {
	s.t.Helper()
	s.rounds++
	s.half, s.once = make(chan struct{}), &sync.Once{}
	acting, done := make(chan struct{}), make(chan error, len(s.people))
	var people sync.WaitGroup
	for _, r := range s.people {
		if r.act == nil {
			continue
		}
		people.Go(func() {
			err := r.act(s.ctx, r)
			if cut(err) || errors.Is(err, context.DeadlineExceeded) && s.ctx.Err() == nil {
				r.turnedAway.Add(1)
				err = nil
			}
			done <- err
		})
	}
	go func() { people.Wait(); close(acting) }()
	if len(cuts) > 0 {
		select {
		case <-s.half:
		case <-acting:
		}
	}
	for _, f := range cuts {
		f()
	}
	for {
		changed := s.rung()
		// Slack delivers again what was not acknowledged, while people wait for it.
		if _, err := s.slack.Redeliver(s.ctx); cut(err) && s.ctx.Err() == nil {
			continue
		} else if err != nil {
			s.t.Fatal(err)
		}
		select {
		case <-acting:
			close(done)
			for err := range done {
				s.must(err)
			}
			return
		case <-changed:
		case <-s.ctx.Done():
			s.t.Fatal("somebody waits for ever")
		}
	}
}

// look holds that nothing waits, everybody was answered once, and nothing grows.
func (s *soaked) look() {
	s.t.Helper()
	s.must(s.connected(s.ctx))
	for {
		n, err := s.slack.Redeliver(s.ctx)
		s.must(err)
		if n == 0 {
			break
		}
	}
	s.idle(s.t, s.ctx)
	rows := map[string]int{} // by the person or the conversation that they are for
	inside(s.t, s.database(), func(tx *database.Tx) error {
		lanes, err := tx.Query(`SELECT lane, state, COUNT(*) FROM outbox_messages WHERE replaces = '' GROUP BY lane, state`)
		if err != nil {
			return err
		}
		defer lanes.Close()
		for lanes.Next() {
			var lane, state string
			var n int
			if err := lanes.Scan(&lane, &state, &n); err != nil {
				return err
			}
			if state != "sent" {
				s.t.Errorf("%d messages of %s are %s", n, lane, state)
			}
			if parts := strings.Split(lane, "/"); parts[3] != "home" {
				rows[parts[2]] += n
			}
		}
		return lanes.Err()
	})
	answered, away := 0, 0
	for _, r := range s.people {
		stored := rows["@"+r.user] + rows[r.room] + rows[r.direct]
		r.read += r.heard()
		if r.read != stored {
			s.t.Errorf("somebody on %s reads %d answers, and %d were stored", r.platform, r.read, stored)
		}
		answered, away = answered+int(r.answered.Load()), away+int(r.turnedAway.Load())
		if n := int(r.answered.Load()); n > r.read {
			s.t.Errorf("somebody on %s was answered %d times and reads %d answers", r.platform, n, r.read)
		}
	}
	s.slack.Forget()
	s.discord.Forget()
	now := measure(s.t)
	s.looks++
	if s.looks == 1 {
		s.first = now
	}
	s.t.Logf("%d answered, %d turned away by a cut: %v", answered, away, now)
	if now.goroutines > s.first.goroutines+moreGoroutines {
		stacks := make([]byte, 1<<20)
		s.t.Errorf("%d goroutines, and %d at first:\n%s", now.goroutines, s.first.goroutines, stacks[:runtime.Stack(stacks, true)])
	}
	if now.files > s.first.files+moreFiles {
		s.t.Errorf("%d files are open, and %d at first", now.files, s.first.files)
	}
	if now.heap > s.first.heap+moreHeap {
		s.t.Errorf("the heap is %d bytes, and was %d at first", now.heap, s.first.heap)
	}
}

// TestSoak has people ask, press and fill in forms on both platforms while their
// connections are cut in every way, for as long as it is told: nothing waits in
// the end, everybody was answered once, and nothing is used more and more of.
func TestSoak(t *testing.T) {
	s := &soaked{platforms: openPlatforms(t), t: t, ctx: limit(t, 5*time.Minute+2**soak), cuts: map[string]int{}}
	editor := s.join("slack", nil)
	s.must(s.slack.Join(s.ctx, editor.user, s.editors))
	room, direct := func(r *regular) string { return r.room }, func(r *regular) string { return r.direct }
	for range 2 {
		s.join("slack", soakSlackCommand)
		s.join("slack", soakSlackSay(room))
		s.join("slack", soakSlackSay(direct))
		s.join("slack", soakSlackHome)
		s.join("discord", soakDiscordCommand)
		s.join("discord", soakDiscordSay(room))
		s.join("discord", soakDiscordSay(direct))
	}
	s.join("discord", soakForm(editor))
	settings := s.settings()
	settings["PROCURABOT_ADMINS"] = "slack:" + s.team + ":" + editor.user
	r := begin(t, settings)
	s.must(s.connected(s.ctx))

	began := time.Now()
	s.slackCut, s.discordCut = began, began
	for range 3 {
		s.round()
	}
	if *soak == 0 {
		s.look()
		s.round(s.cutSlack)
		s.round(s.cutDiscord)
		s.round(s.cutSlack)
		s.round()
	}
	looked := began
	for time.Since(began) < *soak {
		var cuts []func()
		if time.Since(s.slackCut) > slackSteady {
			cuts = append(cuts, s.cutSlack)
		}
		if time.Since(s.discordCut) > discordSteady {
			cuts = append(cuts, s.cutDiscord)
		}
		s.round(cuts...)
		if time.Since(looked) > time.Minute {
			s.look()
			looked = time.Now()
		}
	}
	s.look()
	t.Logf("%d rounds in %s, cuts: %v", s.rounds, time.Since(began).Round(time.Second), s.cuts)
	r.end(t, s.ctx)
	inside(t, s.database(), func(tx *database.Tx) error {
		wrong, err := whole(tx)
		if wrong != "" {
			t.Error(wrong)
		}
		return err
	})
}
