package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/playground"
	"procurabot/adapters/showcase"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
	"procurabot/bot/bottest"
	"procurabot/internal/database"
	"procurabot/internal/webpage"
)

type demoCommand struct {
	Listen  string `help:"Address to serve the page on." default:"127.0.0.1:8080"`
	Slack   bool   `help:"Shows the bot on an imitated Slack, with --discord side by side."`
	Discord bool   `help:"Shows the bot on an imitated Discord."`
}

func (demoCommand) Help() string {
	return `Several people, an editor and an administrator share a few rooms with the bot; you play them all.
With --slack, --discord or both they are on an imitation of the platform, which the bot reaches through the client
library that it uses on the real one: see what your network would see before there is a token.
Ask something in a channel; ask for a person, and answer as Vera in #editors; edit a text as Ada.
The database is in a temporary folder and is gone when the program stops.`
}

// demoScene is where the demo plays, with those who are there.
type demoScene struct {
	name     string // of the platforms, as the first line has it
	adapters []bot.Adapter
	admins   []bot.Account
	editors  []bot.Account
	spot     bot.Spot // where questions for a person go
	page     http.Handler
	close    func()
}

func (c demoCommand) Run(p *program) error {
	dir, err := os.MkdirTemp("", "procurabot-demo-")
	if err != nil {
		return usageError{fmt.Errorf("there is no room for the demo's database: %w", err)}
	}
	defer os.RemoveAll(dir)
	clock := &demoClock{}
	furnish := playgroundScene
	if c.Slack || c.Discord {
		furnish = c.platformScene
	}
	scene, err := furnish(p.ctx, clock)
	if err != nil {
		return err
	}
	defer scene.close()
	db, err := database.Open(p.ctx, filepath.Join(dir, "demo.db"), database.Options{Now: clock.Now})
	if err != nil {
		return err
	}
	log := newLog(p.err)
	a, err := newApp(p.ctx, parts{
		db: db, adapters: scene.adapters, editors: &scene.spot, contact: "secretariat@procura.example",
		admins: scene.admins, workers: 4, log: log,
	})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	clock.engine = a.engine
	for _, editor := range scene.editors {
		if err := a.grant(p.ctx, editor, bot.Editor); err != nil {
			return errors.Join(err, a.close())
		}
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return errors.Join(usageError{fmt.Errorf("the page cannot be served on %s (%w): choose another address with --listen, for example 127.0.0.1:0", c.Listen, err)}, a.close())
	}
	fmt.Fprintf(p.out, "%s is at http://%s/ (there is no sign-in: whoever can open the page can be anybody on it; Ctrl-C ends it)\n", scene.name, l.Addr())
	ctx, stop := context.WithCancel(p.ctx)
	defer stop()
	served := make(chan error, 1)
	go func() {
		served <- webpage.Serve(ctx, l, scene.page)
		stop()
	}()
	err = a.run(ctx, scene.adapters)
	stop()
	return errors.Join(err, <-served, a.close())
}

// demoPeople are on every stage of the demo.
func demoPeople() []showcase.Person {
	return []showcase.Person{
		{Person: bottest.Person{Name: "Maja", Locale: "en"}},
		{Person: bottest.Person{Name: "Luc", Locale: "fr"}},
		{Person: bottest.Person{Name: "Greta", Locale: "de"}},
		{Person: bottest.Person{Name: "Vera", Locale: "de"}, Role: bot.Editor},
		{Person: bottest.Person{Name: "Ada", Locale: "en"}, Role: bot.Admin},
	}
}

// demoEditors is the channel of the editors.
func demoEditors() bottest.Channel { return bottest.Channel{Name: "editors", Locale: "de"} }

// playgroundScene is the playground's rooms.
func playgroundScene(ctx context.Context, clock *demoClock) (*demoScene, error) {
	rooms := playground.New(playground.Options{Now: clock.Now})
	for _, p := range demoPeople() {
		if err := rooms.AddPerson(ctx, p.Person); err != nil {
			return nil, err
		}
		if p.Role != "" {
			if err := rooms.Present(p.Name, p.Role); err != nil {
				return nil, err
			}
		}
	}
	for _, c := range []bottest.Channel{{Name: "lobby", Locale: "en"}, demoEditors()} {
		if err := rooms.AddChannel(ctx, c); err != nil {
			return nil, err
		}
	}
	if err := rooms.PresentChannel("editors", bot.Editor); err != nil {
		return nil, err
	}
	page, err := playground.Handler(rooms, clock)
	if err != nil {
		return nil, err
	}
	s := &demoScene{name: "Procurabot", page: page, close: func() {}}
	return s, s.join(ctx, rooms, true)
}

// platformScene is imitations of the platforms that were asked for. The editors
// are on the first of them: what is asked on the other comes to them there.
func (c demoCommand) platformScene(ctx context.Context, clock *demoClock) (*demoScene, error) {
	o := showcase.Options{People: demoPeople(), Now: clock.Now}
	s := &demoScene{}
	var closes []func()
	s.close = func() {
		for _, f := range closes {
			f()
		}
	}
	var stages []bottest.Stage
	var names []string
	if c.Slack {
		stage, err := fakeslack.NewStage(fakeslack.Options{Now: clock.Now, Commands: []string{"/procura", "/procura-admin"}})
		if err != nil {
			return nil, err
		}
		closes = append(closes, stage.Close)
		o.Slack, stages, names = stage, append(stages, stage), append(names, "Slack")
	}
	if c.Discord {
		stage := fakediscord.NewStage(clock.Now)
		closes = append(closes, stage.Close)
		o.Discord, stages, names = stage, append(stages, stage), append(names, "Discord")
	}
	o.Channels = []showcase.Channel{
		{Channel: bottest.Channel{Name: "lobby", Locale: "en"}},
		{Channel: demoEditors(), Only: bot.Platform(strings.ToLower(names[0]))},
	}
	shown, err := showcase.New(ctx, o)
	if err == nil {
		s.page, err = shown.Handler()
	}
	for i, stage := range stages {
		if err == nil {
			err = s.join(ctx, stage, i == 0)
		}
	}
	if err != nil {
		s.close()
		return nil, err
	}
	s.name = "Procurabot on " + strings.Join(names, " and ")
	return s, nil
}

// join connects the bot to a stage, on which the editors may be.
func (s *demoScene) join(ctx context.Context, stage bottest.Stage, editors bool) error {
	adapter, err := stage.Adapter(ctx)
	if err != nil {
		return err
	}
	s.adapters = append(s.adapters, adapter)
	s.admins = append(s.admins, stage.Account("Ada"))
	s.editors = append(s.editors, stage.Account("Vera"))
	if editors {
		s.spot = stage.Spot("editors")
		s.spot.Language = bot.German
	}
	return nil
}

// demoClock is the real time, moved on by whoever presses "move time on".
type demoClock struct {
	engine *bot.Engine

	mu    sync.Mutex
	ahead time.Duration
}

// Now is what the database and the rooms take for the time.
func (c *demoClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// Advance moves time on, stopping wherever something is due on the way.
func (c *demoClock) Advance(ctx context.Context, d time.Duration) error {
	end := c.Now().Add(d)
	for {
		next, err := c.engine.Step(ctx)
		if err != nil {
			return err
		}
		if next.IsZero() || !next.Before(end) {
			break
		}
		c.moveTo(next)
	}
	c.moveTo(end)
	_, err := c.engine.Step(ctx)
	return err
}

func (c *demoClock) moveTo(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ahead := time.Until(t); ahead > c.ahead {
		c.ahead = ahead
	}
}
