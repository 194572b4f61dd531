package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"procurabot/adapters/discord"
	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/slack"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
	"procurabot/internal/outbox"
)

var messageCount = flag.Int("messages", 2000, "how many messages are sent through platforms that fail")

// faulty is how often a request goes wrong, in percent.
const faulty = 20

// factor is by how much the platforms' own rates are multiplied. The tests' time
// costs nothing, so that they are what the platforms publish.
const factor = 1

// storm is both platforms, which misbehave, and the whole program between them.
type storm struct {
	t       *testing.T
	slack   *fakeslack.Server
	discord *fakediscord.Server
	guild   string
	path    string

	mu     sync.Mutex
	random *rand.Rand
	kinds  map[string]int // faults planted
	long   map[string]int // of which say for how long: the fifth an hour

	wires map[bot.Platform]*wire
	log   logbook

	sent   []planned
	lanes  map[string]int // messages put
	people []person
}

// planned is one message of the broadcast.
type planned struct {
	key, lane, text string
	at              bot.Target
}

// person asks while the broadcast goes on.
type person struct {
	platform      bot.Platform
	user, channel string
}

func newStorm(t *testing.T) *storm {
	s := &storm{
		t: t, path: filepath.Join(t.TempDir(), "storm.db"), random: rand.New(rand.NewPCG(1, uint64(*messageCount))),
		kinds: map[string]int{}, long: map[string]int{}, lanes: map[string]int{}, wires: map[bot.Platform]*wire{},
		slack: fakeslack.New(fakeslack.Options{
			HistoryScope: true, Events: []string{"app_mention", "message.im"}, Limits: &fakeslack.Limits{Scale: factor},
		}),
		discord: fakediscord.New(fakediscord.Options{Limits: factor}),
	}
	if err := s.slack.Start(); err != nil {
		t.Fatal(err)
	}
	s.discord.Start()
	s.guild = s.discord.AddGuild("Procura", "fr").ID
	s.wires["slack"] = &wire{next: s.slack.HTTPClient().Transport, limit: slackLimit, before: s.slackFault}
	s.wires["discord"] = &wire{next: s.discord.Transport(), limit: discordLimit, before: s.discordFault}
	return s
}

func (s *storm) close() {
	s.slack.Close()
	s.discord.Close()
}

// choose says whether a request goes wrong, and how.
func (s *storm) choose(kinds []string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.random.IntN(100) >= faulty {
		return ""
	}
	kind := kinds[s.random.IntN(len(kinds))]
	s.kinds[kind]++
	return kind
}

// seconds is how long a platform asks to wait: mostly some seconds, now and then
// an hour.
func (s *storm) seconds(platform string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.long[platform]++; s.long[platform] == 5 {
		return 3600
	}
	return 1 + s.random.IntN(20)
}

// slackFault plants what goes wrong with the request that is about to be made,
// or with another of the same method.
func (s *storm) slackFault(method string) {
	kinds := []string{
		"429", "429 fraction", "429 body", "429 bare", "500", "502 accepted", "503", "reset before", "reset after", "slow", "slow answer", "html", "truncated",
	}
	if !strings.HasPrefix(method, "conversations.") {
		// Whether somebody is found says nothing of whether something was said.
		kinds = append(kinds, "permanent", "fatal accepted")
	}
	f := fakeslack.Fault{Method: method}
	switch s.choose(kinds) {
	case "429":
		f.Kind, f.RetryAfter = fakeslack.RateLimited, s.seconds("slack")
	case "429 fraction":
		f.Kind, f.After = fakeslack.RateLimited, fmt.Sprintf("%d.5", s.seconds("slack"))
	case "429 body":
		f.Kind = fakeslack.RateLimitedBody
	case "429 bare":
		f.Kind = fakeslack.RateLimitedBare
	case "500":
		f.Kind = fakeslack.Status
	case "502 accepted":
		f.Kind, f.Status, f.Accept = fakeslack.Status, http.StatusBadGateway, true
	case "503":
		f.Kind, f.Status = fakeslack.Status, http.StatusServiceUnavailable
	case "reset before":
		f.Kind = fakeslack.ResetBefore
	case "reset after":
		f.Kind = fakeslack.ResetAfter
	case "slow":
		f.Kind, f.Wait = fakeslack.Slow, time.Minute
	case "slow answer":
		f.Kind, f.Wait = fakeslack.SlowAnswer, time.Minute
	case "html":
		f.Kind = fakeslack.HTMLBody
	case "truncated":
		f.Kind = fakeslack.TruncatedJSON
	case "permanent":
		f.Kind, f.Code = fakeslack.Code, "channel_not_found"
	case "fatal accepted":
		f.Kind, f.Code, f.Accept = fakeslack.Code, "fatal_error", true
	default:
		return
	}
	s.slack.Fault(f)
}

func (s *storm) discordFault(limit string) {
	method, path, _ := strings.Cut(limit, " ")
	route := method + " /channels/{channel}/messages"
	switch {
	case strings.HasPrefix(path, "/users/"):
		route = method + " " + path
	case strings.HasPrefix(path, "/webhooks/") && method == http.MethodPatch:
		route = method + " /webhooks/{application}/{token}/messages/{message}"
	case strings.HasPrefix(path, "/webhooks/"):
		route = method + " /webhooks/{application}/{token}"
	case method == http.MethodPatch:
		route += "/{message}"
	}
	kinds := []string{"429", "429 shared", "429 global", "429 bare", "banned", "500", "502", "503 html", "reset before", "reset after", "slow", "truncated"}
	if method != http.MethodGet && !strings.HasPrefix(path, "/users/") {
		kinds = append(kinds, "permanent")
	}
	var f fakediscord.Fault
	switch s.choose(kinds) {
	case "429":
		f = fakediscord.RateLimited(time.Duration(s.seconds("discord"))*time.Second+250*time.Millisecond, "user", false)
	case "429 shared":
		f = fakediscord.RateLimited(time.Duration(s.seconds("discord"))*time.Second, "shared", false)
	case "429 global":
		f = fakediscord.RateLimited(1500*time.Millisecond, "global", true)
	case "429 bare":
		f = fakediscord.RateLimitedBare()
	case "banned":
		f = fakediscord.Banned(90 * time.Second)
	case "500":
		f = fakediscord.Status(http.StatusInternalServerError)
	case "502":
		f = fakediscord.Status(http.StatusBadGateway)
	case "503 html":
		f = fakediscord.HTMLBody(http.StatusServiceUnavailable)
	case "reset before":
		f = fakediscord.ResetBefore()
	case "reset after":
		f = fakediscord.ResetAfter()
	case "slow":
		f = fakediscord.Slow(time.Minute)
	case "truncated":
		f = fakediscord.TruncatedJSON()
	case "permanent":
		f = fakediscord.Code(10003)
	default:
		return
	}
	s.discord.Fail(route, 1, f)
}

// inhabit makes the conversations, and people who will ask.
func (s *storm) inhabit() (all []bot.Target) {
	n := max(8, *messageCount/60)
	for i := range n {
		su := s.slack.AddUser(fakeslack.User{Name: fmt.Sprint("maja", i)}).ID
		du := s.discord.AddUser(fakediscord.User{Name: fmt.Sprint("luc", i)}).ID
		sc := s.slack.AddChannel(fakeslack.Channel{Name: fmt.Sprint("room", i), Members: []string{su}, BotIsMember: true}).ID
		dc := s.discord.AddChannel(s.guild, fmt.Sprint("salon", i), fakediscord.Text, 0).ID
		team := bot.SpaceID(s.slack.TeamID())
		all = append(all,
			bot.Target{Platform: "slack", Space: team, Conversation: bot.ConversationID(sc)},
			bot.Target{Platform: "discord", Space: bot.SpaceID(s.guild), Conversation: bot.ConversationID(dc)})
		if i%3 == 0 {
			all = append(all,
				bot.Target{Platform: "slack", Space: team, Account: bot.Account{Platform: "slack", Realm: team, User: bot.UserID(su)}},
				bot.Target{Platform: "discord", Account: bot.Account{Platform: "discord", User: bot.UserID(du)}})
		}
		s.people = append(s.people, person{"slack", su, sc}, person{"discord", du, dc})
	}
	return all
}

// fill puts the broadcast, with some personal messages and some corrections
// among it. The conversations at the beginning of the list get as much as the others.
func (s *storm) fill(ctx context.Context, db *database.DB, adapters []bot.Adapter, all []bot.Target) {
	gates := map[bot.Platform]bot.Adapter{}
	for _, a := range adapters {
		gates[a.Platform()] = a
	}
	writer, err := outbox.New(db, nil, outbox.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := db.Update(ctx, func(tx *database.Tx) error {
		originals := map[string]string{}
		for i := range *messageCount {
			to := all[i%len(all)]
			class, unknown := outbox.Broadcast, outbox.Hold
			if i/len(all)%3 == 2 {
				class, unknown = outbox.Personal, outbox.Resend
			}
			where := string(to.Conversation)
			if where == "" {
				where = "@" + string(to.Account.User)
			}
			lane := fmt.Sprintf("%s/storm/%s/%d", to.Platform, where, class)
			p := planned{key: fmt.Sprint("storm", i), lane: lane, at: to, text: fmt.Sprintf("Message %d in %s", s.lanes[lane], lane)}
			s.lanes[lane]++
			m := outbox.Message{Key: p.key, Route: string(to.Platform), Lane: lane, Gate: gates[to.Platform].Gate(to), Class: class, Unknown: unknown}
			if original := originals[lane]; original != "" && i%17 == 0 {
				m.Replaces, p.text = original, ""
			}
			m.Payload, err = json.Marshal(bot.Outgoing{To: to, Body: bot.Body{Text: markup.Escape(cmpOr(p.text, "Corrected in "+lane))}})
			if err != nil {
				return err
			}
			id, _, err := writer.Put(tx, m)
			if err != nil {
				return err
			}
			if originals[lane] == "" {
				originals[lane] = id
			}
			s.sent = append(s.sent, p)
		}
		return nil
	}); err != nil {
		s.t.Fatal(err)
	}
}

func cmpOr(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// living is the program, running.
type living struct {
	*app
	adapters []bot.Adapter
	stop     func()
}

// open starts the program on the file.
func (s *storm) open() *living {
	t := s.t
	sa, err := slack.New(slack.Options{
		BotToken: s.slack.BotToken(), AppToken: s.slack.AppToken(), APIURL: s.slack.URL(), HTTPClient: &http.Client{Transport: s.wires["slack"]},
		Dialer: s.slack.Dialer(),
	})
	if err != nil {
		t.Fatal(err)
	}
	da, err := discord.New(discord.Options{BotToken: s.discord.Token(), HTTPClient: &http.Client{Transport: s.wires["discord"]}, Dialer: s.discord.Dialer()})
	if err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(t.Context(), s.path, database.Options{Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	l := &living{adapters: []bot.Adapter{sa, da}}
	l.app, err = newApp(t.Context(), parts{
		db: db, adapters: l.adapters, workers: workers, fit: little, log: slog.New(slog.NewJSONHandler(&s.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// begin lets it work, once the platforms have it.
func (s *storm) begin(l *living) {
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.run(ctx, l.adapters) }()
	l.stop = func() {
		// discordgo holds a lock for a second when it closes. Whatever comes in that
		// second, or its end, parks its reader on the lock, and in a bubble the second
		// then never ends. So Discord is silent for a while before and after.
		s.wires["discord"].down(true)
		time.Sleep(2 * time.Minute)
		cancel()
		// What is slower than a stop waits for is cut off, and looked for at the start.
		if err := <-ended; err != nil && !errors.Is(err, context.DeadlineExceeded) {
			s.t.Errorf("stop: %v", err)
		}
		if err := l.close(); err != nil {
			s.t.Errorf("close: %v", err)
		}
		time.Sleep(5 * time.Second)
		s.wires["discord"].down(false)
	}
	if err := errors.Join(s.slack.WaitConnected(ctx, slack.Connections), s.discord.WaitConnected(ctx)); err != nil {
		s.t.Fatal(err)
	}
	for began := time.Now(); s.discord.Registered() == 0; time.Sleep(time.Second) { // which a fault can put off
		if time.Since(began) > 24*time.Hour {
			s.t.Fatal("Discord was not given the commands within a day")
		}
	}
}

// open counts what waits, in lanes of which the name does not hold but.
func (l *living) open(t *testing.T, but string) (n int) {
	t.Helper()
	if err := l.db.View(t.Context(), func(tx *database.Tx) error {
		return tx.QueryRow(`SELECT COUNT(*) FROM outbox_messages WHERE ended IS NULL AND (? = '' OR instr(lane, ?) = 0)`, but, but).Scan(&n)
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// until waits for fewer than n messages to be open.
func (l *living) until(t *testing.T, n int, but string) {
	t.Helper()
	for began := time.Now(); l.open(t, but) >= n; time.Sleep(5 * time.Second) {
		if time.Since(began) > 10*24*time.Hour {
			t.Fatalf("%d messages still wait after ten days", l.open(t, but))
		}
	}
}

// ask has everybody ask something at once, each in their own way.
func (s *storm) ask(all []person) {
	var asking sync.WaitGroup
	for i, p := range all {
		asking.Go(func() {
			ctx, err := s.t.Context(), error(nil)
			switch {
			case p.platform == "slack" && i%4 < 2:
				_, err = s.slack.Command(ctx, p.user, p.channel, "/procura", "ask Are we too small to join?")
			case p.platform == "slack":
				_, err = s.slack.Say(ctx, p.user, p.channel, s.slack.Mention()+" Are we too small to join?", "")
			case i%4 < 2:
				_, err = s.discord.Command(ctx, p.user, p.channel, "procura ask", map[string]any{"question": "Are we too small to join?"})
			default:
				_, err = s.discord.Say(ctx, p.user, p.channel, s.discord.Mention()+" Are we too small to join?", "")
			}
			if err != nil {
				s.t.Errorf("%s %d: %v", p.platform, i, err)
			}
		})
	}
	asking.Wait()
}

// little is for tests to which it does not matter what is answered: to learn all
// takes longer than the rest of them.
var little = learnOnce(learnLittle)

// TestStorm sends a broadcast to many conversations of both platforms while a
// fifth of all requests goes wrong, in every way there is, and people ask
// meanwhile. In the middle the program stops and starts again.
func TestStorm(t *testing.T) {
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		// Discord's ids count from 2015, and a bubble begins before.
		time.Sleep(time.Until(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)))
		storms(t)
	})
	t.Logf("%s of our own time", time.Since(began).Round(time.Millisecond))
}

func storms(t *testing.T) {
	s := newStorm(t)
	defer s.close()
	conversations := s.inhabit()
	l := s.open()
	s.fill(t.Context(), l.db, l.adapters, conversations)
	blocked := map[bot.Platform]string{}
	for _, to := range conversations[:2] {
		blocked[to.Platform] = string(to.Conversation)
		s.wires[to.Platform].block(string(to.Conversation))
	}
	began := time.Now()
	s.begin(l)
	asking := s.people[2:] // those in the blocked conversations have other things to do
	half := len(asking) / 2
	var now sync.WaitGroup
	now.Go(func() {
		for i, group := range slices.Collect(slices.Chunk(asking[:half], 4)) {
			time.Sleep(time.Duration(1+i%7) * time.Second)
			s.ask(group)
		}
	})
	now.Wait()
	l.until(t, *messageCount/2, "")
	left := l.open(t, "")
	l.stop()
	if err := s.slack.WaitConnected(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	t.Logf("stopped and started again after %s, at %s, with %d left", time.Since(began), time.Now().Format(time.TimeOnly), left)

	l = s.open()
	s.begin(l)
	s.ask(asking[half:])
	// Both blocked conversations, and nothing else.
	waiting := func() int {
		n := 0
		if err := l.db.View(t.Context(), func(tx *database.Tx) error {
			return tx.QueryRow(`SELECT COUNT(*) FROM outbox_messages WHERE ended IS NULL AND instr(lane, ?) = 0 AND instr(lane, ?) = 0`,
				blocked["slack"], blocked["discord"]).Scan(&n)
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for began := time.Now(); waiting() > 0; time.Sleep(5 * time.Second) {
		if time.Since(began) > 10*24*time.Hour {
			t.Fatalf("%d messages of conversations that are not blocked wait", waiting())
		}
	}
	took := time.Since(began)
	if n := l.open(t, ""); n == 0 {
		t.Error("nothing waits in the conversations that are blocked")
	}
	for _, w := range s.wires {
		w.block("")
	}
	l.until(t, 1, "")
	t.Logf("factor %d: %d messages and %d answers in %s of the platforms' time; the last of what was blocked after %s",
		factor, *messageCount, len(asking), took.Round(time.Second), time.Since(began).Round(time.Second))
	s.judge(l)
	l.stop()
	if err := s.slack.WaitConnected(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
}

// judge looks at everything that was sent.
func (s *storm) judge(l *living) {
	t := s.t
	states, byKey := map[string]int{}, map[string]row{}
	var late time.Duration
	if err := l.db.View(t.Context(), func(tx *database.Tx) error {
		rows, err := rowsOf(tx)
		if err != nil {
			return err
		}
		for _, r := range rows {
			states[r.state]++
			byKey[r.key] = r
			if r.state != "sent" && r.reason == "" {
				t.Errorf("%s is %s without a reason", r.key, r.state)
			}
		}
		var ms int64
		err = tx.QueryRow(`SELECT MAX(first - since) FROM outbox_messages WHERE class = 1`).Scan(&ms)
		late = time.Duration(ms) * time.Millisecond
		return errors.Join(err, s.overtaken(tx))
	}); err != nil {
		t.Fatal(err)
	}
	permanent := s.kinds["permanent"]
	if states["dead"] > permanent || states["dead"]+states["held"]+states["sent"] != len(byKey) {
		t.Errorf("%v of %d, with %d refusals for good", states, len(byKey), permanent)
	}
	twice, wrong := s.order(byKey)
	if wrong > 0 {
		t.Errorf("%d messages out of order", wrong)
	}
	if twice > 0 {
		t.Errorf("%d messages of the broadcast stand there twice, though both platforms can say whether one arrived", twice)
	}
	total := 0
	for _, n := range s.kinds {
		total += n
	}
	t.Logf("%d faults: %v", total, s.kinds)
	t.Logf("ended as %v; an answer waited at most %s for its first attempt", states, late)
	for name, w := range s.wires {
		if longest := w.judge(t, string(name)); longest < time.Minute {
			t.Errorf("%s was never asked to wait for long", name)
		}
	}
}

// overtaken holds that nothing of the broadcast was claimed on a platform after
// an answer there could have been, and before it was.
func (s *storm) overtaken(tx *database.Tx) error {
	rows, err := tx.Query(`SELECT a.key, COUNT(*) FROM outbox_messages AS a JOIN outbox_messages AS b
		ON b.gate = a.gate AND b.class = 3 AND b.first > a.since AND b.first < a.first
		WHERE a.class = 1 GROUP BY a.key`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var key string
		var n int
		if err := rows.Scan(&key, &n); err != nil {
			return err
		}
		s.t.Errorf("%d messages of the broadcast went before the answer %s", n, key)
	}
	return rows.Err()
}

// order looks at what stands in the conversations: each lane's messages in
// their order, each once.
func (s *storm) order(byKey map[string]row) (twice, wrong int) {
	t := s.t
	shown := map[string][]string{} // by lane, the texts
	note := func(text string) {
		text = strings.NewReplacer("\u2060", "", "\\", "").Replace(text)
		if _, lane, ok := strings.Cut(text, " in "); ok && strings.HasPrefix(text, "Message ") {
			shown[lane] = append(shown[lane], text)
		}
	}
	seen := map[string]bool{}
	for _, p := range s.sent {
		where := string(p.at.Conversation)
		if p.at.Platform == "slack" {
			if where == "" {
				where = s.slack.DM(string(p.at.Account.User))
			}
			if !seen[where] {
				for _, m := range s.slack.FromBot(where) {
					original := m.Text
					if len(m.History) > 0 {
						original = m.History[0]
					}
					note(original)
				}
			}
		} else {
			if where == "" {
				where = s.discord.DM(string(p.at.Account.User))
			}
			if !seen[where] {
				for _, m := range s.discord.Messages(where) {
					note(m.Content)
				}
			}
		}
		seen[where] = true
	}
	for lane, texts := range shown {
		last := -1
		for _, text := range texts {
			n, err := strconv.Atoi(strings.Fields(text)[1])
			if err != nil {
				t.Fatalf("%q in %s", text, lane)
			}
			switch {
			case n == last:
				twice++
				for _, p := range s.sent {
					if p.text == text {
						t.Logf("twice: %+v", byKey[p.key])
					}
				}
			case n < last:
				wrong++
			}
			last = n
		}
	}
	missing := 0
	for _, p := range s.sent {
		there := slices.Contains(shown[p.lane], p.text)
		if r := byKey[p.key]; r.state == "sent" && p.text != "" && !there && !s.corrected(p) {
			missing++
			t.Errorf("%s is sent and does not stand there", p.key)
		}
	}
	if missing > 0 {
		t.Errorf("%d sent messages do not stand where they should", missing)
	}
	return twice, wrong
}

// corrected is whether a message of Discord now reads otherwise.
func (s *storm) corrected(p planned) bool {
	return p.at.Platform == "discord" && strings.HasPrefix(p.text, "Message 0 ")
}
