package slack_test

import (
	"context"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"procurabot/adapters/slack"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
	"procurabot/bot/bottest"
	"procurabot/bot/help"
	"procurabot/bot/members"
	"procurabot/bot/messages"
	"procurabot/internal/database"
	"procurabot/internal/outbox"
	"procurabot/internal/schedule"
	"procurabot/locales"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// house is a bot that knows its members, in its language's words, and lives on a
// workspace where greta writes German and luc French.
type house struct {
	*fakeslack.Stage
	t      *testing.T
	clock  *bottest.Clock
	path   string
	tenant *tenant
}

// tenant is one process of the bot.
type tenant struct {
	engine  *bot.Engine
	adapter bot.Adapter
	db      *database.DB
	stop    context.CancelFunc
	ended   chan error // what Run returned
}

func newHouse(t *testing.T, o fakeslack.Options) *house {
	t.Helper()
	h := &house{t: t, clock: bottest.NewClock(noon), path: filepath.Join(t.TempDir(), "test.db")}
	o.Now = h.clock.Now
	h.Stage = newStage(t, o)
	for _, p := range []bottest.Person{{Name: "luc", Locale: "fr"}, {Name: "greta", Locale: "de"}} {
		h.must(h.AddPerson(t.Context(), p))
	}
	h.start()
	t.Cleanup(func() { _ = h.close() })
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// start opens the database and lets the bot in.
func (h *house) start() {
	h.t.Helper()
	ctx := h.t.Context()
	db, err := database.Open(ctx, h.path, database.Options{Now: h.clock.Now, Synchronous: "OFF"})
	h.must(err)
	for _, m := range []struct {
		component string
		schema    fs.FS
	}{
		{"bot", bot.Schema()}, {"outbox", outbox.Schema()}, {"schedule", schedule.Schema()}, {"members", members.Schema()},
		{"messages", messages.Schema()},
	} {
		h.must(db.Migrate(ctx, m.component, m.schema))
	}
	people := members.New()
	texts, err := messages.New(locales.Files(), messages.Tightest(), people)
	h.must(err)
	_, err = texts.Load(ctx, db)
	h.must(err)
	adapter, err := h.Adapter(ctx)
	h.must(err)
	engine, err := bot.New(bot.Config{
		DB: db, Features: []bot.Feature{people.Feature(), help.Feature()}, Adapters: []bot.Adapter{adapter}, Directory: people, Phrasebook: texts,
		Log: slog.New(slog.DiscardHandler), Outbox: outbox.Options{Sole: true},
	})
	h.must(err)
	running, stop := context.WithCancel(ctx)
	h.tenant = &tenant{engine: engine, adapter: adapter, db: db, stop: stop, ended: make(chan error, 1)}
	ended := h.tenant.ended
	go func() { ended <- adapter.Run(running, engine) }()
}

// close ends the bot and gives what Run returned.
func (h *house) close() error {
	h.tenant.stop()
	err := <-h.tenant.ended
	h.tenant.ended <- err
	_ = h.tenant.db.Close()
	return err
}

// step sends what is due.
func (h *house) step() {
	h.t.Helper()
	_, err := h.tenant.engine.Step(h.t.Context())
	h.must(err)
}

// While Slack does not take the token, what is to be said waits, however long;
// Run says what to do. With a good token and a new start it is said once.
func TestMessagesWaitForAGoodToken(t *testing.T) { bothWays(t, goodToken) }

func goodToken(t *testing.T, o fakeslack.Options) {
	h := newHouse(t, o)
	h.must(h.OpenHome(t.Context(), "luc"))
	h.step()
	h.Stage.Seen()
	if a := h.tenant.adapter.(*slack.Adapter); !a.Ready() {
		t.Error("it hears, and is not ready")
	}

	h.Revoke(h.BotToken(), "token_revoked")
	h.must(h.PressHome(t.Context(), "luc", "Deutsch"))
	h.step()
	select {
	case err := <-h.tenant.ended:
		h.tenant.ended <- err
		for _, said := range []string{h.TeamID(), "PROCURABOT_SLACK_BOT_TOKEN", "token_revoked", "https://api.slack.com/apps", "install the app again"} {
			if err == nil || !strings.Contains(err.Error(), said) {
				t.Errorf("Run ended with %v, which does not say %q", err, said)
			}
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Run goes on with a token that Slack has revoked")
	}
	if a := h.tenant.adapter.(*slack.Adapter); a.Ready() {
		t.Error("it is ready though it does not hear")
	}
	h.must(h.WaitConnected(t.Context(), 0))
	for range 100 { // more than any message is attempted
		h.clock.Set(h.clock.Now().Add(15 * time.Minute))
		h.step()
	}
	if seen := h.Stage.Seen(); len(seen) > 0 || !strings.Contains(h.Home("luc").Shown(), "Votre profil") {
		t.Fatalf("with a revoked token luc saw %+v", seen)
	}
	_ = h.close()

	h.Revoke(h.BotToken(), "")
	h.start()
	for range 5 {
		h.clock.Set(h.clock.Now().Add(15 * time.Minute))
		h.step()
	}
	if seen := h.Stage.Seen(); len(seen) != 1 || seen[0].To != "luc" || !strings.Contains(seen[0].Text, "auf Deutsch") {
		t.Errorf("with a good token luc saw %+v", seen)
	}
	if page := h.Home("luc").Shown(); !strings.Contains(page, "Ihr Profil") {
		t.Errorf("the page shows %s", page)
	}
}
