package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/internal/database"
)

var kills = flag.Int("kills", 20, "how often the process is killed while people ask")

// point is where the process is killed: before a request of it has an effect,
// or after that and before it has the answer.
type point struct {
	name              string
	platform, request string
	before            bool
	settling          bool // between the commit of a turn and the settling of its messages
	starting          bool // before anybody is listened to
}

// acknowledged is the request of a point that is no request: somebody has just
// seen that the bot took what they did.
const acknowledged = "acknowledged"

func points() []point {
	const original, message, callback = "PATCH /webhooks/{application}/{token}/messages/{message}",
		"POST /channels/{channel}/messages", "POST /interactions/{interaction}/{token}/callback"
	return []point{
		{name: "claimed, before chat.postMessage", platform: "slack", request: "chat.postMessage", before: true, settling: true},
		{name: "after chat.postMessage, before settling", platform: "slack", request: "chat.postMessage", settling: true},
		{name: "before the turn of an event or a command", platform: "slack", request: "users.info", before: true},
		{name: "claimed, before the response URL", platform: "slack", request: "response_url", before: true, settling: true},
		{name: "after the response URL, before settling", platform: "slack", request: "response_url", settling: true},
		{name: "before the deferral", platform: "discord", request: callback, before: true},
		{name: "claimed, before the answer to an interaction", platform: "discord", request: original, before: true, settling: true},
		{name: "after the answer to an interaction, before settling", platform: "discord", request: original, settling: true},
		{name: "after the deferral, before the commit", platform: "discord", request: callback},
		{name: "claimed, before a message", platform: "discord", request: message, before: true, settling: true},
		{name: "after a message, before settling", platform: "discord", request: message, settling: true},
		{name: "after Slack has its acknowledgement", platform: "slack", request: acknowledged, settling: true},
		{name: "while it starts", platform: "slack", request: "auth.test", starting: true, before: true},
	}
}

// killer kills the process inside the request that it waits for.
type killer struct {
	mu     sync.Mutex
	armed  *point
	left   int // requests of the kind that are let through first
	victim *process
	killed chan struct{}
}

func (k *killer) arm(at point, after int, p *process) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.armed, k.left, k.victim, k.killed = &at, after, p, make(chan struct{})
}

func (k *killer) at(platform, request string, before bool) {
	k.mu.Lock()
	hit := k.armed != nil && k.armed.platform == platform && k.armed.request == request && k.armed.before == before
	if hit && k.left > 0 {
		k.left--
		hit = false
	}
	if !hit {
		k.mu.Unlock()
		return
	}
	k.armed = nil
	k.mu.Unlock()
	close(k.killed) // first, so that whoever sees the process gone knows why
	k.victim.kill()
	if before {
		panic(http.ErrAbortHandler) // the request has no effect
	}
}

// life is one process, from when it listens until it is killed.
type life struct {
	number int
	ctx    context.Context // ends when it is dead
}

// asker is somebody who asks again and again, each time something else, and
// waits for the answer.
type asker struct {
	c             *crowd
	platform      string
	direct        bool // asks by direct message
	user, channel string
	ask           func(ctx context.Context, a *asker, question string) (asked, error)
}

// asked is one thing that somebody did, as their platform shows it.
type asked struct {
	word         string // occurs in this question and in no other
	way          string
	id           string // as bot_seen names it, where the platform tells
	pressed      string // the question that was sent on to a person
	acknowledged bool
}

// crowd is everybody who asks.
type crowd struct {
	*platforms
	k *killer

	mu    sync.Mutex
	now   *life // nil while nobody listens
	over  bool
	all   []asked
	turn  int
	rooms map[string][]string // by platform: the channels in which somebody asks
	users []string            // of Discord
}

// word is made of letters, so that no part of it is taken for a number of
// somebody's.
func (c *crowd) word() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn++
	letters := []byte("X")
	for n := c.turn; n > 0; n /= 26 {
		letters = append(letters, byte('a'+n%26))
	}
	return string(letters) + "x"
}

func (c *crowd) note(a asked) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, a)
}

func (c *crowd) set(l *life, over bool) {
	c.mu.Lock()
	c.now, c.over = l, over
	c.mu.Unlock()
	c.ring()
}

// next waits for a life that is not this one; nil is the end.
func (c *crowd) next(ctx context.Context, number int) *life {
	var found *life
	over := false
	if err := c.await(ctx, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		found, over = c.now, c.over
		return over || found != nil && found.number >= number
	}); err != nil || over {
		return nil
	}
	return found
}

// move makes somebody else of the asker, in another room: a new member is
// welcomed, and no room is filled for ever.
func (a *asker) move() {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	a.c.turn++
	name := fmt.Sprint("somebody", a.c.turn)
	if a.platform == "slack" {
		a.user = a.c.slack.AddUser(fakeslack.User{Name: name}).ID
		a.channel = a.c.slack.DM(a.user)
		if !a.direct {
			// An answer whose response URL is used up comes by direct message.
			a.c.rooms[a.platform] = append(a.c.rooms[a.platform], a.channel)
			a.channel = a.c.slack.AddChannel(fakeslack.Channel{Name: name, Members: []string{a.user}, BotIsMember: true}).ID
		}
	} else {
		a.user = a.c.discord.AddUser(fakediscord.User{Name: name}).ID
		a.channel = a.c.discord.DM(a.user)
		if !a.direct {
			a.channel = a.c.discord.AddChannel(a.c.guild, name, fakediscord.Text, 0).ID
		}
		a.c.users = append(a.c.users, a.user)
	}
	a.c.rooms[a.platform] = append(a.c.rooms[a.platform], a.channel)
}

// run asks until the crowd is told that it is over.
func (a *asker) run(ctx context.Context) {
	l := a.c.next(ctx, 0)
	for n := 0; l != nil; n++ {
		if n%8 == 0 {
			a.move()
		}
		word := a.c.word()
		did, err := a.ask(l.ctx, a, "Are we of the small town "+word+" too small to join?")
		did.word = word
		a.c.note(did)
		if err == nil {
			l = a.c.next(ctx, l.number)
			continue
		}
		if !cut(err) {
			a.c.note(asked{word: word, way: "failed: " + err.Error()})
			return
		}
		<-l.ctx.Done() // the platform notices before the test does
		l = a.c.next(ctx, l.number+1)
	}
}

// cut tells what a person sees when the bot dies.
func cut(err error) bool {
	for _, e := range []error{context.Canceled, fakeslack.ErrNotConnected, fakeslack.ErrNotAcknowledged, fakediscord.ErrNoResponse} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// ---- Slack

func (a *asker) slackCommand(ctx context.Context, question string) (asked, []fakeslack.Message, error) {
	s := a.c.slack
	before := len(s.Ephemerals(a.user, a.channel))
	if _, err := s.Command(ctx, a.user, a.channel, "/procura", "ask "+question); err != nil {
		return asked{way: "slack command"}, nil, err
	}
	a.c.k.at("slack", acknowledged, false)
	shown, err := a.ephemeral(ctx, before)
	return asked{way: "slack command", acknowledged: true}, shown, err
}

// ephemeral waits for one more message that only this person sees.
func (a *asker) ephemeral(ctx context.Context, before int) (shown []fakeslack.Message, err error) {
	err = a.c.await(ctx, func() bool {
		shown = a.c.slack.Ephemerals(a.user, a.channel)
		return len(shown) > before
	})
	return shown, err
}

func askBySlackCommand(ctx context.Context, a *asker, question string) (asked, error) {
	did, _, err := a.slackCommand(ctx, question)
	return did, err
}

// askBySlackButton asks by the command and sends the question on to a person.
func askBySlackButton(ctx context.Context, a *asker, question string) (asked, error) {
	did, shown, err := a.slackCommand(ctx, question)
	if err != nil {
		return did, err
	}
	m, button := pressable(shown)
	if button.ActionID == "" {
		return did, fmt.Errorf("no way to a person under %q", m.Shown())
	}
	press := asked{way: "slack button", pressed: button.Value}
	before := len(a.c.slack.Ephemerals(a.user, a.channel))
	err = a.c.slack.Press(ctx, a.user, a.channel, m.TS, button.ActionID, button.Value)
	if press.acknowledged = err == nil; err == nil {
		_, err = a.ephemeral(ctx, before)
	}
	a.c.note(press)
	return did, err
}

// pressable is the last message that offers a person.
func pressable(shown []fakeslack.Message) (fakeslack.Message, fakeslack.Element) {
	for _, m := range slices.Backward(shown) {
		for _, e := range m.Elements() {
			if strings.HasSuffix(e.ActionID, ":benefits.person") {
				return m, e
			}
		}
	}
	return shown[len(shown)-1], fakeslack.Element{}
}

func askBySlackMention(ctx context.Context, a *asker, question string) (asked, error) {
	ts, err := a.c.slack.Say(ctx, a.user, a.channel, a.c.slack.Mention()+" "+question, "")
	did := asked{way: "slack mention", id: "slack:m:" + a.channel + ":" + ts, acknowledged: err == nil}
	if err != nil {
		return did, err
	}
	a.c.k.at("slack", acknowledged, false)
	return did, a.c.await(ctx, func() bool { return len(a.c.slack.Thread(a.channel, ts)) > 1 })
}

func askBySlackDM(ctx context.Context, a *asker, question string) (asked, error) {
	before := len(a.c.slack.FromBot(a.channel))
	ts, err := a.c.slack.Say(ctx, a.user, a.channel, question, "")
	did := asked{way: "slack direct message", id: "slack:m:" + a.channel + ":" + ts, acknowledged: err == nil}
	if err != nil {
		return did, err
	}
	return did, a.c.await(ctx, func() bool { return len(a.c.slack.FromBot(a.channel)) > before })
}

// ---- Discord

func (a *asker) discordCommand(ctx context.Context, question string) (asked, fakediscord.Message, error) {
	x, err := a.c.discord.Command(ctx, a.user, a.channel, "procura ask", map[string]any{"question": question})
	did := asked{way: "discord command", id: "discord:i:" + x.ID, acknowledged: err == nil}
	if err != nil {
		return did, fakediscord.Message{}, err
	}
	m, err := a.answer(ctx, x)
	return did, m, err
}

// answer waits until the bot is no longer thinking.
func (a *asker) answer(ctx context.Context, x fakediscord.Interaction) (m fakediscord.Message, err error) {
	if x.Message == nil {
		return m, fmt.Errorf("the response is of type %d", x.Response)
	}
	err = a.c.await(ctx, func() bool {
		m, _ = a.c.discord.Message(x.Message.ID)
		return !m.Loading()
	})
	return m, err
}

func askByDiscordCommand(ctx context.Context, a *asker, question string) (asked, error) {
	did, _, err := a.discordCommand(ctx, question)
	return did, err
}

func askByDiscordButton(ctx context.Context, a *asker, question string) (asked, error) {
	did, m, err := a.discordCommand(ctx, question)
	if err != nil {
		return did, err
	}
	id := customID(m, "benefits.person")
	if id == "" {
		return did, fmt.Errorf("no way to a person under %q", m.Content)
	}
	x, err := a.c.discord.Press(ctx, a.user, a.channel, m.ID, id)
	press := asked{way: "discord button", id: "discord:i:" + x.ID, pressed: strings.TrimPrefix(id, "benefits.person|"), acknowledged: err == nil}
	if err == nil {
		_, err = a.answer(ctx, x)
	}
	a.c.note(press)
	return did, err
}

// customID is what a button of a message carries.
func customID(m fakediscord.Message, button string) string {
	for _, r := range m.Components {
		buttons, _ := r["components"].([]any)
		for _, b := range buttons {
			of, _ := b.(map[string]any)
			if id, _ := of["custom_id"].(string); strings.HasPrefix(id, button+"|") {
				return id
			}
		}
	}
	return ""
}

func askByDiscordMention(ctx context.Context, a *asker, question string) (asked, error) {
	id, err := a.c.discord.Say(ctx, a.user, a.channel, a.c.discord.Mention()+" "+question, "")
	did := asked{way: "discord mention", id: "discord:m:" + id}
	if err != nil {
		return did, err
	}
	return did, a.c.await(ctx, func() bool {
		return slices.ContainsFunc(a.c.discord.Messages(a.channel), func(m fakediscord.Message) bool { return m.Reference == id })
	})
}

func askByDiscordDM(ctx context.Context, a *asker, question string) (asked, error) {
	before := len(a.c.discord.Messages(a.channel))
	id, err := a.c.discord.Say(ctx, a.user, a.channel, question, "")
	did := asked{way: "discord direct message", id: "discord:m:" + id}
	if err != nil {
		return did, err
	}
	return did, a.c.await(ctx, func() bool { return len(a.c.discord.Messages(a.channel)) > before+1 })
}

// gather makes sixteen people, two for each way of asking.
func (c *crowd) gather() (all []*asker) {
	for range 2 {
		for _, of := range []asker{
			{platform: "slack", ask: askBySlackCommand}, {platform: "slack", ask: askBySlackButton},
			{platform: "slack", ask: askBySlackMention}, {platform: "slack", ask: askBySlackDM, direct: true},
			{platform: "discord", ask: askByDiscordCommand}, {platform: "discord", ask: askByDiscordButton},
			{platform: "discord", ask: askByDiscordMention}, {platform: "discord", ask: askByDiscordDM, direct: true},
		} {
			of.c = c
			all = append(all, &of)
		}
	}
	return all
}

// TestKilledWhilePeopleAsk kills the real process again and again while
// sixteen people ask on both platforms. docs/delivery.md says what may be lost
// and what may arrive twice, and nothing else may.
func TestKilledWhilePeopleAsk(t *testing.T) {
	c := &crowd{platforms: openPlatforms(t), k: &killer{}, rooms: map[string][]string{}}
	c.onRequest(c.k.at)
	ctx := limit(t, time.Minute+time.Duration(*kills)*10*time.Second)
	var people sync.WaitGroup
	for _, a := range c.gather() {
		people.Go(func() { a.run(ctx) })
	}
	random := rand.New(rand.NewPCG(uint64(*kills), 1))
	byPoint := map[string]int{}
	settling, cutOff := 0, 0
	var reopened, running []time.Duration
	for n := range *kills {
		at := points()[n%len(points())]
		p, began := start(t, c.settings(), "run"), time.Now()
		if at.starting {
			c.k.arm(at, 0, p)
		} else {
			if err := p.log.await(ctx, p.log.has("running")); err != nil {
				t.Fatalf("start %d: %v\n%s", n, err, p.log.tail())
			}
			running = append(running, time.Since(began))
			if err := c.connected(ctx); err != nil {
				t.Fatalf("start %d: %v\n%s", n, err, p.log.tail())
			}
			cutOff += cutOffIn(&p.log)
			c.k.arm(at, random.IntN(4), p)
		}
		alive, died := context.WithCancel(ctx)
		var again sync.WaitGroup
		if !at.starting {
			// What Slack has no acknowledgement of comes again while others go on asking.
			again.Go(func() { _, _ = c.slack.Redeliver(alive) })
			c.set(&life{n, alive}, false)
		}
		select {
		case <-p.ended:
		case <-ctx.Done():
			t.Fatalf("%q was not reached:\n%s", at.name, p.log.tail())
		}
		select {
		case <-c.k.killed:
		default:
			t.Fatalf("life %d ended by itself:\n%s", n, p.log.tail())
		}
		c.set(nil, false)
		died()
		again.Wait()
		if err := c.gone(ctx); err != nil {
			t.Fatal(err)
		}
		reopened = append(reopened, c.reopen(t, at.name))
		byPoint[at.name]++
		if at.settling {
			settling++
		}
	}
	if 4*settling < *kills {
		t.Errorf("%d of %d kills were between commit and settling, less than a quarter", settling, *kills)
	}
	c.set(nil, true)
	people.Wait()
	cutOff += c.drain(ctx, t)

	for _, name := range slices.Sorted(maps.Keys(byPoint)) {
		t.Logf("killed %d times %s", byPoint[name], name)
	}
	t.Logf("the database opens within %s, the program runs again within %s (median %s)",
		slices.Max(reopened).Round(time.Millisecond), slices.Max(running).Round(time.Millisecond), middle(running).Round(time.Millisecond))
	t.Logf("%d sends were cut off, so that their outcome was not known", cutOff)
	c.judge(t, cutOff)
}

func middle(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// reopen opens what a kill has left, in a copy so that the next start finds it
// as it is, and looks for what is half done.
func (c *crowd) reopen(t *testing.T, after string) time.Duration {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "copy.db")
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(c.database() + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	db, err := database.Open(t.Context(), path, database.Options{})
	if err != nil {
		t.Fatalf("killed %s: %v", after, err)
	}
	took := time.Since(began)
	if took > 2*time.Second {
		t.Errorf("killed %s: opening took %s", after, took)
	}
	var wrong string
	if err := errors.Join(db.View(t.Context(), func(tx *database.Tx) (err error) {
		wrong, err = whole(tx)
		return err
	}), db.Close(), os.RemoveAll(folder)); err != nil {
		t.Fatal(err)
	}
	if wrong != "" {
		t.Errorf("killed %s: %s", after, wrong)
	}
	return took
}

// cutOffIn counts what the start found to have been cut off.
func cutOffIn(l *logbook) (n int) {
	for _, e := range l.entries("sends were cut off by the end of an earlier process") {
		messages, _ := e["messages"].(float64)
		n += int(messages)
	}
	return n
}

// drain lets the program run until nothing waits any more, and stops it.
func (c *crowd) drain(ctx context.Context, t *testing.T) (cutOff int) {
	for range 5 {
		p := start(t, c.settings(), "run")
		if err := p.log.await(ctx, p.log.has("running")); err != nil {
			t.Fatalf("%v\n%s", err, p.log.tail())
		}
		if err := c.connected(ctx); err != nil {
			t.Fatalf("%v\n%s", err, p.log.tail())
		}
		for {
			n, err := c.slack.Redeliver(ctx)
			if err != nil {
				t.Fatalf("what was delivered again was not taken: %v\n%s", err, p.log.tail())
			}
			if n == 0 {
				break
			}
		}
		c.settled(t, ctx)
		code, err := p.stop(ctx)
		if err != nil || code != 0 {
			t.Fatalf("stopped with exit code %d, %v:\n%s", code, err, p.log.tail())
		}
		if err := c.gone(ctx); err != nil {
			t.Fatal(err)
		}
		cutOff += cutOffIn(&p.log)
		open := 0
		inside(t, c.database(), func(tx *database.Tx) error {
			return tx.QueryRow(`SELECT COUNT(*) FROM outbox_messages WHERE ended IS NULL`).Scan(&open)
		})
		if open == 0 {
			return cutOff
		}
	}
	t.Fatal("messages are left after five stops")
	return 0
}

// judge compares what people saw with what is stored.
func (c *crowd) judge(t *testing.T, cutOff int) {
	var rows []row
	var questions, states, seen map[string]string
	inside(t, c.database(), func(tx *database.Tx) (err error) {
		wrong, err := whole(tx)
		if err != nil {
			return err
		}
		if wrong != "" {
			t.Error(wrong)
		}
		if rows, err = rowsOf(tx); err != nil {
			return err
		}
		if questions, err = pairs(tx, `SELECT text, id FROM benefits_question`); err != nil {
			return err
		}
		if states, err = pairs(tx, `SELECT id, state FROM benefits_question`); err != nil {
			return err
		}
		seen, err = pairs(tx, `SELECT platform || ':' || id, '' FROM bot_seen`)
		return err
	})
	stored := map[string]string{} // word -> question
	for text, id := range questions {
		for word := range strings.FieldsSeq(text) {
			if strings.HasPrefix(word, "X") {
				stored[word] = id
			}
		}
	}

	// Nothing that was acknowledged is lost.
	heard, taken, deferred, unheard := 0, 0, 0, 0
	for _, a := range c.all {
		if strings.HasPrefix(a.way, "failed") {
			t.Errorf("%s: %s", a.word, a.way)
			continue
		}
		if a.acknowledged {
			heard++
		}
		_, there := stored[a.word]
		if a.pressed != "" {
			there = states[a.pressed] == "asked"
		}
		if a.id != "" {
			if _, marked := seen[a.id]; marked != there {
				t.Errorf("%s %s: marked %v, its question stored %v", a.way, a.id, marked, there)
			}
		}
		event := strings.HasPrefix(a.way, "slack m") || strings.HasPrefix(a.way, "slack d")
		switch {
		case there:
			taken++
		case event:
			t.Errorf("%s %s: Slack delivered it until it was acknowledged, and it is not stored", a.way, a.id)
		case !a.acknowledged:
			unheard++
		case strings.HasPrefix(a.way, "discord"):
			// The deferral goes before the commit: its person reads "thinking", and then of a failure.
			deferred++
		default:
			t.Errorf("%s %s was acknowledged and is not stored", a.way, a.word)
		}
	}
	if deferred > *kills*4 {
		t.Errorf("%d deferrals without an answer: more than were under way at the kills", deferred)
	}
	c.judgeSent(t, rows, cutOff)
	t.Logf("%d things done, %d acknowledged, %d stored and answered, %d neither acknowledged nor stored, %d deferred and not stored",
		len(c.all), heard, taken, unheard, deferred)
}

// judgeSent looks for every message of the outbox on its platform.
func (c *crowd) judgeSent(t *testing.T, rows []row, cutOff int) {
	posted := map[string]int{}          // id of the row -> messages that carry it
	bySlack := map[string]bool{}        // "channel:ts"
	answered := map[string]int{}        // lane of Slack's private answers -> messages
	byInteraction := map[string][]int{} // messages of an interaction, and rows
	for _, channel := range append(c.rooms["slack"], c.editors) {
		for _, m := range c.slack.Messages(channel) {
			if !m.FromBot() {
				continue
			}
			bySlack[m.Channel+":"+m.TS] = true
			if m.Metadata != nil {
				id, _ := m.Metadata.Payload["id"].(string)
				posted[id]++
			}
		}
		for _, u := range c.slack.Members(channel) {
			answered["slack/"+c.team+"/@"+u+"/1"] += len(c.slack.Ephemerals(u, channel))
		}
	}
	var everything []fakediscord.Message
	for _, channel := range c.rooms["discord"] {
		everything = append(everything, c.discord.Messages(channel)...)
	}
	for _, u := range c.users {
		everything = append(everything, c.discord.Ephemerals(u)...)
	}
	for _, m := range everything {
		if m.Nonce != "" {
			posted[m.Nonce]++
		}
		if m.Interaction != "" {
			of := byInteraction[m.Interaction]
			if of == nil {
				of = make([]int, 2)
			}
			of[0]++
			byInteraction[m.Interaction] = of
		}
	}
	type sum struct{ rows, attempts int }
	private := map[string]sum{} // by lane
	sent, unsure, given, urls, followUps := 0, 0, 0, 0, 0
	for _, r := range rows {
		switch r.state {
		case "sent":
			sent++
		case "dead", "held":
			given++
			if r.reason == "" {
				t.Errorf("%s is %s without a reason", r.key, r.state)
			}
			continue
		default:
			t.Errorf("%s is left %s", r.key, r.state)
			continue
		}
		if r.unsure || r.attempts > 1 {
			unsure++
		}
		incoming, _ := r.incoming()
		interaction, byReply := strings.CutPrefix(incoming, "discord:i:")
		of := private[r.lane]
		of.attempts += r.attempts
		if r.route == "slack" && r.receipt == "" {
			of.rows++
		}
		private[r.lane] = of
		switch {
		case r.route == "slack" && r.receipt == "":
		case r.route == "slack":
			if !bySlack[r.receipt] {
				t.Errorf("%s was sent as %s, which is not there", r.key, r.receipt)
			}
			// An answer whose response URL was used up went by direct message, and may be there twice as by the URL.
			most := 1
			if strings.HasPrefix(r.lane, "slack/"+c.team+"/@") {
				most = r.attempts
				urls += max(0, posted[r.id]-1)
			}
			if posted[r.id] < 1 || posted[r.id] > most {
				t.Errorf("%s stands there %d times", r.key, posted[r.id])
			}
		default:
			_, id, _ := strings.Cut(r.receipt, ":")
			if m, ok := c.discord.Message(id); !ok || m.Loading() || m.Content == "" {
				t.Errorf("%s was sent as %s, which is not there", r.key, r.receipt)
			}
			if byReply {
				if of := byInteraction[interaction]; of != nil {
					of[1]++
				}
			} else if posted[r.id] != 1 {
				t.Errorf("%s stands there %d times", r.key, posted[r.id])
			}
		}
	}
	for lane, of := range private {
		if !strings.HasPrefix(lane, "slack/"+c.team+"/@") {
			continue
		}
		// Each attempt shows at most one; the last of a row without a receipt did.
		extra := answered[lane] - of.rows
		if extra < 0 || answered[lane] > of.attempts {
			t.Errorf("%s: %d answers for %d messages in %d attempts", lane, answered[lane], of.rows, of.attempts)
		}
		urls += extra
	}
	for id, of := range byInteraction {
		if of[1] > 0 && of[0] < of[1] {
			t.Errorf("interaction %s: %d answers for %d messages", id, of[0], of[1])
		}
		followUps += max(0, of[0]-max(of[1], 1))
	}
	if twice := urls + followUps; twice > cutOff {
		t.Errorf("%d arrived twice, and only %d were under way at the kills", twice, cutOff)
	}
	t.Logf("%d messages sent, %d held or dead, %d of them after an attempt of which nothing was known", sent, given, unsure)
	t.Logf("twice, as they may: %d by a response URL, %d by a follow-up of an interaction", urls, followUps)
}
