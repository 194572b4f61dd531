package discord_test

import (
	"context"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"procurabot/adapters/discord"
	"procurabot/adapters/discord/fakediscord"
	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
	"procurabot/internal/outbox"
	"procurabot/internal/schedule"
)

// house is the real engine with one feature, which answers "pong" to whatever it
// hears, and tells luc in private too.
type house struct {
	*scene
	path    string
	db      *database.DB
	engine  *bot.Engine
	adapter *discord.Adapter
	handled chan bot.IncomingID
	ended   chan error
}

// moveIn opens the database, and lets the bot come; it may be done again.
func (h *house) moveIn() {
	h.t.Helper()
	var err error
	h.db, err = database.Open(h.ctx, h.path, database.Options{Now: h.clock.Now, Synchronous: "OFF"})
	h.must(err)
	for _, c := range []struct {
		name   string
		schema fs.FS
	}{{"outbox", outbox.Schema()}, {"schedule", schedule.Schema()}, {"bot", bot.Schema()}} {
		h.must(h.db.Migrate(h.ctx, c.name, c.schema))
	}
	h.handled = make(chan bot.IncomingID, 10)
	h.adapter, err = discord.New(discord.Options{
		BotToken: h.Token(), APIURL: h.URL(), HTTPClient: h.HTTPClient(), Dialer: h.Dialer(), Now: h.clock.Now,
		Log: slog.New(slog.NewTextHandler(h.log, nil)), Handled: func(id bot.IncomingID) { h.handled <- id },
	})
	h.must(err)
	pong := func(t *bot.Turn) error {
		if _, err := t.Reply(bot.Say{Phrase: bot.P("pong", nil)}); err != nil {
			return err
		}
		_, err := t.SendAccount(t.In.From, bot.English, bot.Say{Phrase: bot.P("pong in private", nil)})
		return err
	}
	h.engine, err = bot.New(bot.Config{
		DB: h.db, Adapters: []bot.Adapter{h.adapter}, Directory: nobody{}, Phrasebook: ids{}, Log: slog.New(slog.DiscardHandler),
		Features: []bot.Feature{{Name: "pong", Listener: &bot.Listener{
			Prepare: func(bot.Incoming, string) (any, bot.Language, bool) { return nil, "", true }, Run: pong,
		}}},
	})
	h.must(err)
	ctx, stop := context.WithCancel(h.ctx)
	h.t.Cleanup(stop)
	ended := make(chan error, 1)
	h.ended = ended
	go func() { ended <- h.adapter.Run(ctx, h.engine) }()
	h.must(h.WaitConnected(h.ctx))
}

func (h *house) moveOut() { h.must(h.db.Close()) }

func (h *house) step() {
	h.t.Helper()
	_, err := h.engine.Step(h.ctx)
	h.must(err)
}

// nobody knows everybody as one member.
type nobody struct{}

func (nobody) Resolve(_ *database.Tx, in *bot.Incoming) (bot.Member, error) {
	return bot.Member{ID: "m", Account: in.From, Greeted: true}, nil
}
func (nobody) Find(_ *database.Tx, a bot.Account) (bot.Member, error) {
	return bot.Member{ID: "m", Account: a}, nil
}
func (nobody) Member(*database.Tx, bot.MemberID) (bot.Member, error) {
	return bot.Member{ID: "m"}, nil
}

// ids is a book in which each message is its id.
type ids struct{}

func (ids) At(*database.Tx) (bot.Book, error) { return ids{}, nil }
func (ids) Committed() bot.Book               { return ids{} }
func (ids) Has(string) bool                   { return true }
func (ids) Text(_ bot.Language, id string, _ map[string]markup.Text, _ *int) markup.Text {
	return markup.Text(id)
}

// However the bot learns that its token was reset, what it has to say waits,
// nothing more is asked of Discord, and with a new token it is said once.
func TestAResetTokenLosesNothing(t *testing.T) {
	for name, learns := range map[string]func(h *house){
		"while sending": func(h *house) { h.Revoke(); h.step() },
		"by close 4004": func(h *house) { h.Revoke(); h.Disconnect(fakediscord.CloseCode(4004)) },
	} {
		t.Run(name, func(t *testing.T) {
			h := &house{scene: newScene(t), path: filepath.Join(t.TempDir(), "bot.db")}
			h.moveIn()
			_, err := h.Server.Say(h.ctx, string(h.Account("luc").User), string(h.lobby().Conversation), h.Mention()+" ping", "")
			h.must(err)
			<-h.handled
			learns(h)
			err = <-h.ended
			if err == nil || !strings.Contains(err.Error(), "PROCURABOT_DISCORD_BOT_TOKEN") || strings.Contains(err.Error(), h.Token()) {
				t.Errorf("the run ended with %v", err)
			}
			if h.adapter.Ready() {
				t.Error("it says that it receives")
			}
			before, sessions := len(h.Requests()), h.Identified()
			for range 100 {
				h.clock.Set(h.clock.Now().Add(10 * time.Minute))
				h.step()
			}
			if all := h.Requests(); len(all) != before || h.Identified() != sessions {
				t.Errorf("with a token that was refused it asked %+v", all[before:])
			}
			if n := h.Invalid(); n > 2 {
				t.Errorf("%d invalid requests were made", n)
			}
			if seen := h.Seen(); len(seen) != 0 {
				t.Errorf("people saw %+v", seen)
			}
			h.moveOut()

			h.Renew()
			h.moveIn()
			for range 5 {
				h.clock.Set(h.clock.Now().Add(time.Minute))
				h.step()
			}
			var said []string
			for _, seen := range h.Seen() {
				said = append(said, seen.Place+" "+seen.Text)
			}
			if len(said) != 2 || said[0] != "#lobby pong" || said[1] != " pong in private" {
				t.Errorf("with the new token people saw %q", said)
			}
			h.moveOut()
		})
	}
}

func TestReady(t *testing.T) {
	s := newScene(t)
	a := s.bare()
	if a.Ready() {
		t.Error("it is ready before it runs")
	}
	ctx, stop := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, s.engine) }()
	s.must(s.WaitConnected(s.ctx))
	s.lucSays("are you there?")
	s.hears()
	if !a.Ready() {
		t.Error("it hears, but is not ready")
	}
	for what, n := range a.Counts() {
		if n != 0 {
			t.Errorf("it has met nothing, and counts %d %s", n, what)
		}
	}
	stop()
	s.must(<-ended)
	if a.Ready() {
		t.Error("it is ready after its run")
	}
}

func TestReconnectsAreCounted(t *testing.T) {
	bubble(t, func(s *scene) {
		for range 3 {
			s.Disconnect(fakediscord.ResetConnection())
			time.Sleep(time.Minute)
		}
		if n := s.adapter.(*discord.Adapter).Counts()["reconnected"]; n != 3 {
			t.Errorf("%d reconnects are counted, want 3", n)
		}
	})
}
