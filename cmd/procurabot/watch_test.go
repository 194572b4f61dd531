package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"procurabot/adapters/playground"
	"procurabot/bot"
	"procurabot/bot/bottest"
	"procurabot/internal/database"
)

// tower is a watch over a Slack and a Discord in memory, whose time is moved.
type tower struct {
	*watch
	t              *testing.T
	clock          time.Time
	slack, discord *still
	rooms          [2]*playground.Rooms
	posts          []map[string]any // to the webhook
	beats          int
	refuse         bool      // the webhook answers 500
	copied         time.Time // the last good backup
	path           string
}

func newTower(t *testing.T) *tower {
	t.Helper()
	x := &tower{t: t, clock: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), path: filepath.Join(t.TempDir(), "bot.db")}
	for i, p := range []bot.Platform{"slack", "discord"} {
		x.rooms[i] = playground.New(playground.Options{Platform: p, Now: func() time.Time { return x.clock }})
	}
	for i, p := range []bottest.Person{{Name: "Ada", Locale: "fr"}, {Name: "Bea", Locale: "de"}} {
		if err := x.rooms[i].AddPerson(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	x.start()
	return x
}

// start is also a restart: the file stays.
func (x *tower) start() {
	x.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/alive" {
			x.beats++
			return
		}
		body, err := io.ReadAll(r.Body)
		var post map[string]any
		if err != nil || json.Unmarshal(body, &post) != nil {
			x.t.Errorf("the webhook is sent %q", body)
		}
		if x.refuse {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		x.posts = append(x.posts, post)
	}))
	x.t.Cleanup(server.Close)
	db, err := database.Open(x.t.Context(), x.path, database.Options{Synchronous: "OFF", Now: func() time.Time { return x.clock }})
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { _ = db.Close() }) // a test may have closed it
	stills := [2]*still{}
	var adapters []bot.Adapter
	for i, r := range x.rooms {
		a, err := r.Adapter(x.t.Context())
		if err != nil {
			x.t.Fatal(err)
		}
		stills[i] = &still{Adapter: a, ready: true}
		adapters = append(adapters, a)
	}
	x.slack, x.discord = stills[0], stills[1]
	log := newLog(io.Discard)
	a, err := newApp(x.t.Context(), parts{db: db, adapters: adapters, fit: little, log: log, admins: []bot.Account{x.rooms[0].Account("Ada"), x.rooms[1].Account("Bea")}})
	if err != nil {
		x.t.Fatal(err)
	}
	for i, r := range x.rooms {
		seen := bot.Incoming{From: r.Account([]string{"Ada", "Bea"}[i]), Locale: []string{"fr", "de"}[i]}
		if err := db.Update(x.t.Context(), func(tx *database.Tx) error {
			_, err := a.members.Resolve(tx, &seen)
			return err
		}); err != nil {
			x.t.Fatal(err)
		}
	}
	s := situation{
		engine: a.engine, now: db.Now, platforms: []platform{x.slack, x.discord},
		backup: func() (time.Time, int64) { return x.copied, 1 },
	}
	x.watch = newWatch(s, a, config{AlertWebhook: server.URL + "/alerts", HeartbeatURL: server.URL + "/alive"})
	if err := x.load(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
	x.read()
}

// look is what happens once a minute.
func (x *tower) look(times int) {
	x.t.Helper()
	for range times {
		x.clock = x.clock.Add(watchEvery)
		x.step(x.t.Context())
		if _, err := x.app.engine.Step(x.t.Context()); err != nil {
			x.t.Fatal(err)
		}
	}
}

// read gives what Ada and Bea have been told since.
func (x *tower) read() (ada, bea []string) {
	x.t.Helper()
	if _, err := x.app.engine.Step(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
	for _, s := range x.rooms[0].Seen() {
		ada = append(ada, s.Text)
	}
	for _, s := range x.rooms[1].Seen() {
		bea = append(bea, s.Text)
	}
	return ada, bea
}

// TestARevokedTokenIsTold: on the other platform, in the reader's language, and
// to the webhook, once, also after a restart.
func TestARevokedTokenIsTold(t *testing.T) {
	x := newTower(t)
	x.look(1)
	if x.beats != 1 {
		t.Errorf("%d heartbeats while all is well", x.beats)
	}
	x.discord.ready = false
	x.platformFailed("discord", errors.New("the token was revoked"))
	x.look(3)
	ada, bea := x.read()
	if len(ada) != 1 || !strings.Contains(ada[0], "Je ne suis plus joignable sur Discord") || !strings.Contains(ada[0], "the token was revoked") {
		t.Errorf("Ada is told %q", ada)
	}
	if len(bea) != 0 {
		t.Errorf("on Discord, which cannot be reached, Bea is told %q", bea)
	}
	if len(x.posts) != 1 || x.posts[0]["kind"] != "platform" || !strings.Contains(x.posts[0]["text"].(string), "on Discord") || x.posts[0]["content"] != x.posts[0]["text"] {
		t.Errorf("the webhook is told %v", x.posts)
	}
	if x.beats != 1 {
		t.Errorf("%d heartbeats while a platform has failed", x.beats)
	}
	if err := x.app.close(); err != nil {
		t.Fatal(err)
	}
	x.start()
	x.discord.ready = false
	x.platformFailed("discord", errors.New("the token was revoked"))
	x.look(2)
	if ada, _ := x.read(); len(ada) != 0 || len(x.posts) != 1 {
		t.Errorf("told again after a restart: %q, %v", ada, x.posts)
	}
	if err := x.app.close(); err != nil {
		t.Fatal(err)
	}
	x.start() // with a token that is right
	x.look(1)
	x.platformFailed("discord", errors.New("the token was revoked again"))
	x.look(1)
	if ada, _ := x.read(); len(ada) != 1 || len(x.posts) != 2 {
		t.Errorf("the second time is told %q, %v", ada, x.posts)
	}
}

// TestAnAwayPlatformIsToldAfterAWhile: sockets break every day.
func TestAnAwayPlatformIsToldAfterAWhile(t *testing.T) {
	x := newTower(t)
	x.slack.ready = false
	x.look(10)
	if len(x.posts) != 0 {
		t.Errorf("told after nine minutes: %v", x.posts)
	}
	x.look(1)
	_, bea := x.read()
	if len(bea) != 1 || !strings.Contains(bea[0], "Auf Slack bin ich nicht mehr erreichbar") || len(x.posts) != 1 {
		t.Errorf("after ten minutes Bea is told %q, the webhook %v", bea, x.posts)
	}
	x.slack.ready = true
	x.look(1)
	x.slack.ready = false
	x.look(5)
	if len(x.posts) != 1 {
		t.Errorf("told again after five minutes: %v", x.posts)
	}
}

// TestABackupThatFailsIsTold, and the webhook is told when it listens again.
func TestABackupThatFailsIsTold(t *testing.T) {
	x := newTower(t)
	x.refuse = true
	x.backupFailed(errors.New("the folder is full"))
	x.look(2)
	ada, bea := x.read()
	if len(ada) != 1 || len(bea) != 1 || !strings.Contains(bea[0], "Datensicherung") || len(x.posts) != 0 {
		t.Errorf("told %q, %q, %v", ada, bea, x.posts)
	}
	x.refuse = false
	x.look(2)
	if len(x.posts) != 1 || x.posts[0]["kind"] != "backup" {
		t.Errorf("the webhook is told %v", x.posts)
	}
	x.copied = x.clock.Add(time.Second)
	x.look(1)
	if open, err := x.app.alerts.Open(t.Context(), x.app.db); err != nil || len(open) != 0 {
		t.Errorf("after a good backup %v is open (%v)", open, err)
	}
}

// TestAFullDiskIsTold by the webhook, the only way that needs no disk.
func TestAFullDiskIsTold(t *testing.T) {
	x := newTower(t)
	if err := x.app.db.Close(); err != nil {
		t.Fatal(err)
	}
	x.step(context.WithoutCancel(t.Context()))
	x.step(context.WithoutCancel(t.Context()))
	if len(x.posts) != 1 || x.posts[0]["kind"] != "disk" || x.beats != 0 {
		t.Errorf("the webhook is told %v, with %d heartbeats", x.posts, x.beats)
	}
}

// TestMessagesThatWaitAreTold: for long, and for a decision.
func TestMessagesThatWaitAreTold(t *testing.T) {
	x := newTower(t)
	if err := x.app.db.Update(t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(`INSERT INTO outbox_messages (id, key, route, lane, place, head, gate, class, batch, replaces, state, since, due, unknown, attempts, asks, unsure, ended, reason, payload)
			VALUES ('m1', 'k1', 'slack', 'l1', 1, 0, '', 2, '', '', 'dead', 0, 0, 0, 1, 0, 0, 0, 'channel_not_found', x'00'),
			       ('m2', 'k2', 'elsewhere', 'l2', 1, 1, '', 2, '', '', 'pending', ?, ?, 0, 0, 0, 0, NULL, NULL, x'00')`,
			database.Millis(x.clock), database.Millis(x.clock))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	x.look(1)
	if ada, _ := x.read(); len(ada) != 1 || !strings.Contains(ada[0], "1 message n’a pas pu être remis") {
		t.Errorf("told %q", ada)
	}
	x.look(20)
	if ada, _ := x.read(); len(ada) != 1 || !strings.Contains(ada[0], "en attente d’envoi depuis 15 minutes") {
		t.Errorf("told %q", ada)
	}
	if len(x.posts) != 2 {
		t.Errorf("the webhook is told %v", x.posts)
	}
}
