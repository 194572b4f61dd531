package playground_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"procurabot/adapters/playground"
	"procurabot/bot"
	"procurabot/bot/bottest"
)

// engine is a bot that does what a test says.
type engine struct {
	mu     sync.Mutex
	heard  []bot.Incoming
	answer func(bot.Incoming) (bot.Immediate, error)
}

func (e *engine) Receive(_ context.Context, in bot.Incoming) (bot.Immediate, error) {
	e.mu.Lock()
	e.heard = append(e.heard, in)
	answer := e.answer
	e.mu.Unlock()
	if answer == nil {
		return bot.Immediate{}, nil
	}
	return answer(in)
}

func (e *engine) answers(f func(bot.Incoming) (bot.Immediate, error)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = f
}

func (e *engine) all() []bot.Incoming {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]bot.Incoming(nil), e.heard...)
}

func (e *engine) last(t *testing.T) bot.Incoming {
	t.Helper()
	all := e.all()
	if len(all) == 0 {
		t.Fatal("the bot heard nothing")
	}
	return all[len(all)-1]
}

func (e *engine) Opens(bot.Incoming) bool { return false }

func (e *engine) Commands() []bot.CommandInfo {
	return []bot.CommandInfo{
		{Command: bot.Command{ID: "t.help", Path: []string{"procura", "help"}}},
		{Command: bot.Command{ID: "t.ask", Path: []string{"procura", "ask"}, Options: []bot.Option{{Name: "question", Required: true}}}},
		{Command: bot.Command{ID: "t.give", Path: []string{"procura-admin", "roles", "give"}, Options: []bot.Option{{Name: "person", Required: true, Member: true}, {Name: "role"}}}},
	}
}

func (e *engine) Text(l bot.Language, id string) string {
	if id == "t.ask.name" && l == bot.French {
		return "demander"
	}
	return fmt.Sprintf("%s in %s", strings.ReplaceAll(id, ".", " "), l)
}

// scene is rooms with people in them and a bot that is connected.
type scene struct {
	*playground.Rooms
	*engine
	t     *testing.T
	clock *bottest.Clock
	adapt bot.Adapter
	n     int
}

func start(t *testing.T, platform bot.Platform) *scene {
	t.Helper()
	s := empty(t, platform)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.adapt.Run(ctx, s.engine) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// empty is a scene whose bot is not connected.
func empty(t *testing.T, platform bot.Platform) *scene {
	t.Helper()
	clock := bottest.NewClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	s := &scene{Rooms: playground.New(playground.Options{Platform: platform, Now: clock.Now}), engine: &engine{}, t: t, clock: clock}
	for _, p := range []bottest.Person{{Name: "Maja", Locale: "en-GB"}, {Name: "Luc", Locale: "fr"}, {Name: "Vera", Locale: "de"}} {
		s.must(s.AddPerson(t.Context(), p))
	}
	s.must(s.Present("Vera", bot.Editor))
	s.must(s.AddChannel(t.Context(), bottest.Channel{Name: "lobby", Locale: "en"}))
	s.must(s.AddChannel(t.Context(), bottest.Channel{Name: "editors", Locale: "de"}))
	s.must(s.PresentChannel("editors", bot.Editor))
	var err error
	s.adapt, err = s.Adapter(t.Context())
	s.must(err)
	return s
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) envelope(to bot.Target, body bot.Body) bot.Envelope {
	s.n++
	to.Platform = s.adapt.Platform()
	return bot.Envelope{Outgoing: bot.Outgoing{To: to, Body: body}, ID: fmt.Sprintf("e%d", s.n)}
}

func (s *scene) send(to bot.Target, body bot.Body) (bot.MessageID, error) {
	return s.adapt.Send(s.t.Context(), s.envelope(to, body))
}

func (s *scene) lobby() bot.Target { return bot.Target{Conversation: s.Spot("lobby").Conversation} }
