package slack_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"procurabot/adapters/slack"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
	"procurabot/bot/bottest"
)

// engine is a Receiver that does what a test says.
type engine struct {
	answer func(bot.Incoming) (bot.Immediate, error)

	mu    sync.Mutex
	heard []bot.Incoming
}

func (e *engine) Receive(_ context.Context, in bot.Incoming) (bot.Immediate, error) {
	e.mu.Lock()
	e.heard = append(e.heard, in)
	e.mu.Unlock()
	if e.answer == nil {
		return bot.Immediate{}, nil
	}
	return e.answer(in)
}

func (e *engine) all() []bot.Incoming {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]bot.Incoming{}, e.heard...)
}

func (e *engine) Opens(bot.Incoming) bool               { return false }
func (e *engine) Commands() []bot.CommandInfo           { return nil }
func (e *engine) Text(l bot.Language, id string) string { return id + " " + string(l) }
func (e *engine) answers(f func() (bot.Immediate, error)) {
	e.answer = func(bot.Incoming) (bot.Immediate, error) { return f() }
}

func (e *engine) last(t *testing.T) bot.Incoming {
	t.Helper()
	heard := e.all()
	if len(heard) == 0 {
		t.Fatal("the engine heard nothing")
	}
	return heard[len(heard)-1]
}

// logbook keeps what is logged.
type logbook struct {
	mu    sync.Mutex
	lines strings.Builder
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}

// world is a stage with luc, greta and a lobby, and an adapter at work.
type world struct {
	*fakeslack.Stage
	t       *testing.T
	engine  *engine
	adapter *slack.Adapter
	log     *logbook
	http    bool
	ends    bool       // the adapter is meant to fail
	ended   chan error // what Run returned
}

// newWorld makes a world whose adapter runs until the test ends.
func newWorld(t *testing.T, o fakeslack.Options) *world {
	t.Helper()
	w := &world{Stage: newStage(t, o), t: t, engine: &engine{}, log: &logbook{}, http: o.SignedHTTP}
	for _, p := range []bottest.Person{{Name: "luc", Locale: "fr"}, {Name: "greta", Locale: "de"}} {
		w.must(w.AddPerson(t.Context(), p))
	}
	w.must(w.Stage.AddChannel(t.Context(), bottest.Channel{Name: "lobby", Locale: "en"}))
	w.adapter = w.connect(slack.Options{Now: o.Now})
	w.ended = make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { w.ended <- w.adapter.Run(ctx, w.engine) }()
	t.Cleanup(func() {
		stop()
		if err := <-w.ended; (err != nil) != w.ends {
			t.Errorf("Run ended with %v: a stop is not a failure", err)
		}
		for _, secret := range []string{w.BotToken(), w.AppToken(), w.SigningSecret(), "/commands/" + w.TeamID() + "/"} {
			if strings.Contains(w.log.String(), secret) {
				t.Errorf("the log holds %q", secret)
			}
		}
	})
	if !w.http {
		w.must(w.WaitConnected(w.soon(), slack.Connections))
	}
	return w
}

func (w *world) connect(o slack.Options) *slack.Adapter {
	w.t.Helper()
	o.BotToken, o.APIURL = w.BotToken(), w.URL()
	if w.http {
		o.SigningSecret = w.SigningSecret()
	} else {
		o.AppToken = w.AppToken()
	}
	o.HTTPClient, o.Dialer, o.Handled = w.HTTPClient(), w.Dialer(), w.Stage.Handled()
	o.Log = slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a, err := slack.New(o)
	w.must(err)
	if w.http {
		w.Serve(a)
	}
	return a
}

// soon is a context for what must not take long.
func (w *world) soon() context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	w.t.Cleanup(cancel)
	return ctx
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) lobby() bot.Target {
	s := w.Spot("lobby")
	return bot.Target{Platform: s.Platform, Space: s.Space, Conversation: s.Conversation}
}

func (w *world) direct(person string) bot.Target {
	a := w.Account(person)
	return bot.Target{Platform: a.Platform, Space: a.Realm, Account: a}
}

func (w *world) send(to bot.Target, id string, b bot.Body) (bot.MessageID, error) {
	return w.adapter.Send(w.t.Context(), bot.Envelope{Outgoing: bot.Outgoing{To: to, Body: b}, ID: id})
}

// one gives the one thing that people see.
func (w *world) one() bottest.Seen {
	w.t.Helper()
	seen := w.Seen()
	if len(seen) != 1 {
		w.t.Fatalf("people see %d things, want one: %+v", len(seen), seen)
	}
	return seen[0]
}

var errFull = errors.New("nothing was stored")
