package discord_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"procurabot/adapters/discord"
	"procurabot/adapters/discord/fakediscord"
	"procurabot/bot"
	"procurabot/bot/bottest"
	"procurabot/internal/markup"
)

// engine is a Receiver that does what a test says.
type engine struct {
	mu       sync.Mutex
	answer   func(bot.Incoming) (bot.Immediate, error)
	opens    bool
	commands []bot.CommandInfo
	texts    map[string]string // "fr id"; what is missing is its id
	heard    chan bot.Incoming
}

func newEngine() *engine {
	return &engine{heard: make(chan bot.Incoming, 1000), commands: someCommands(), texts: someTexts()}
}

func (e *engine) Receive(_ context.Context, in bot.Incoming) (bot.Immediate, error) {
	e.mu.Lock()
	answer := e.answer
	e.mu.Unlock()
	var shown bot.Immediate
	var err error
	if answer != nil {
		shown, err = answer(in)
	}
	e.heard <- in
	return shown, err
}

func (e *engine) will(opens bool, answer func(bot.Incoming) (bot.Immediate, error)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.opens, e.answer = opens, answer
}

func (e *engine) Opens(bot.Incoming) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.opens
}

func (e *engine) Commands() []bot.CommandInfo { return e.commands }

func (e *engine) Text(l bot.Language, id string) string {
	if t, ok := e.texts[string(l)+" "+id]; ok {
		return t
	}
	return id
}

func someCommands() []bot.CommandInfo {
	return []bot.CommandInfo{
		{Command: bot.Command{ID: "benefits.ask", Path: []string{"procura", "ask"}, Options: []bot.Option{{Name: "question", Required: true}}}},
		{Command: bot.Command{ID: "members.language", Path: []string{"procura", "language"}, Options: []bot.Option{{Name: "language", Choices: []string{"en", "fr", "de"}}}}},
		{Command: bot.Command{ID: "members.roles-give", Path: []string{"procura-admin", "roles", "give"}, Options: []bot.Option{
			{Name: "person", Required: true, Member: true}, {Name: "role", Required: true, Choices: []string{"editor"}}}}},
		{Command: bot.Command{ID: "members.roles-list", Path: []string{"procura-admin", "roles", "list"}}},
	}
}

func someTexts() map[string]string {
	return map[string]string{
		"en commands.procura.description":             "The network for joint procurement",
		"fr commands.procura.description":             "Le réseau des achats groupés",
		"en benefits.ask.name":                        "ask",
		"fr benefits.ask.name":                        "Demander", // Discord wants lower case
		"de benefits.ask.name":                        "fragen",
		"en benefits.ask.description":                 "Asks about the network",
		"fr benefits.ask.description":                 "Pose une question sur le réseau",
		"de benefits.ask.description":                 "Stellt eine Frage zum Netzwerk",
		"en benefits.ask.question.name":               "question",
		"de benefits.ask.question.name":               "frage",
		"en benefits.ask.question.description":        "Your question",
		"en members.language.name":                    "language",
		"fr members.language.name":                    "choisir la langue", // a space is not allowed
		"de members.language.name":                    "fragen",            // is another's
		"en members.language.description":             "Sets the language I write to you in, which is a text that is longer than the hundred characters that fit",
		"en members.language.language.name":           "language",
		"en members.language.language.description":    "English, French or German",
		"en members.language.language.de.option":      "German",
		"de members.language.language.de.option":      "Deutsch",
		"en members.roles-give.role.description":      "Which role",
		"fr commands.procura-admin.roles.description": "Qui peut faire quoi",
		"en commands.procura-admin.roles.description": "Who may do what",
		"fr members.roles-give.role.editor.option":    "Rédaction",
		"en members.roles-give.role.editor.option":    "Editing",
		"en members.roles-give.description":           "Gives a role",
		"en members.roles-give.person.description":    "Who gets the role",
		"en members.roles-list.description":           "Lists the roles",
	}
}

// scene is a stage with luc and greta in #lobby, and a bot that runs.
type scene struct {
	t *testing.T
	*fakediscord.Stage
	ctx     context.Context
	adapter bot.Adapter
	engine  *engine
	clock   *bottest.Clock
	log     *syncBuffer
	known   map[bot.IncomingID]bool // what newlyHeard has given
	n       int
}

func start() time.Time { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) }

func newScene(t *testing.T) *scene { t.Helper(); return newSceneOn(t, fakediscord.NewStage) }

func newSceneOn(t *testing.T, stage func(func() time.Time) *fakediscord.Stage) *scene {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	clock := bottest.NewClock(start())
	s := &scene{t: t, Stage: stage(clock.Now), ctx: ctx, engine: newEngine(), clock: clock, log: &syncBuffer{}, known: map[bot.IncomingID]bool{}}
	t.Cleanup(s.Stage.Close)
	t.Cleanup(cancel)
	for _, p := range []bottest.Person{{Name: "luc", Locale: "fr"}, {Name: "greta", Locale: "de"}} {
		if err := s.AddPerson(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddChannel(ctx, bottest.Channel{Name: "lobby", Locale: "fr"}); err != nil {
		t.Fatal(err)
	}
	return s
}

// run lets the bot come, and go at the test's end.
func (s *scene) run() *scene {
	s.t.Helper()
	a, err := s.Adapter(s.ctx)
	s.must(err)
	s.adapter = a
	ctx, stop := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, s.engine) }()
	s.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			s.t.Errorf("Run ended with %v", err)
		}
	})
	s.must(s.WaitConnected(s.ctx))
	return s
}

// bare is an adapter without a stage around it, with a log.
func (s *scene) bare() *discord.Adapter {
	s.t.Helper()
	a, err := discord.New(discord.Options{
		BotToken: s.Token(), APIURL: s.URL(), HTTPClient: s.HTTPClient(), Dialer: s.Dialer(), Now: s.clock.Now,
		Log: slog.New(slog.NewTextHandler(s.log, nil)),
	})
	s.must(err)
	return a
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) hears() bot.Incoming {
	s.t.Helper()
	select {
	case in := <-s.engine.heard:
		return in
	case <-s.ctx.Done():
		s.t.Fatal("the engine heard nothing")
		panic("unreachable")
	}
}

func (s *scene) commands(line string) bot.Incoming {
	s.t.Helper()
	s.must(s.Command(s.ctx, "luc", "lobby", line))
	return s.hears()
}

func (s *scene) envelope(to bot.Target, text string) bot.Envelope {
	s.n++
	to.Platform = "discord"
	return bot.Envelope{
		Outgoing: bot.Outgoing{To: to, Body: bot.Body{Text: markup.Text(text)}},
		ID:       fmt.Sprintf("0aaaaaaaaaaaaaaa%04d", s.n),
	}
}

func (s *scene) lobby() bot.Target {
	spot := s.Spot("lobby")
	return bot.Target{Platform: "discord", Space: spot.Space, Conversation: spot.Conversation}
}

func privately(in bot.Incoming) bot.Target {
	return bot.Target{Platform: "discord", Space: in.Space, Account: in.From, Reply: in.Reply}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) holds(s string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.b.String(), s)
}

func (b *syncBuffer) times(s string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.b.String(), s)
}
