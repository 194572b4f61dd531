package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"procurabot/adapters/playground"
	"procurabot/bot"
	"procurabot/bot/bottest"
	"procurabot/internal/database"
	"procurabot/internal/webpage"
)

type demoCommand struct {
	Listen string `help:"Address to serve the page on." default:"127.0.0.1:8080"`
}

func (demoCommand) Help() string {
	return `Several people, an editor and an administrator share a few rooms with the bot; you play them all.
The database is in a temporary folder and is gone when the program stops.`
}

func (c demoCommand) Run(p *program) error {
	dir, err := os.MkdirTemp("", "procurabot-demo-")
	if err != nil {
		return usageError{fmt.Errorf("there is no room for the demo's database: %w", err)}
	}
	defer os.RemoveAll(dir)
	clock := &demoClock{}
	rooms, editors, err := furnish(p.ctx, clock)
	if err != nil {
		return err
	}
	adapter, err := rooms.Adapter(p.ctx)
	if err != nil {
		return err
	}
	db, err := database.Open(p.ctx, filepath.Join(dir, "demo.db"), database.Options{Now: clock.Now})
	if err != nil {
		return err
	}
	log := newLog(p.err)
	a, err := newApp(p.ctx, parts{
		db: db, adapters: []bot.Adapter{adapter}, editors: &editors, contact: "secretariat@procura.example",
		admins: []bot.Account{rooms.Account("Ada")}, workers: 4, log: log,
	})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	clock.engine = a.engine
	if err := a.grant(p.ctx, rooms.Account("Vera"), bot.Editor); err != nil {
		return errors.Join(err, a.close())
	}
	page, err := playground.Handler(rooms, clock)
	if err != nil {
		return errors.Join(err, a.close())
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return errors.Join(usageError{fmt.Errorf("the page cannot be served on %s (%w): choose another address with --listen, for example 127.0.0.1:0", c.Listen, err)}, a.close())
	}
	fmt.Fprintf(p.out, "Procurabot is at http://%s/ (there is no sign-in: whoever can open the page can be anybody on it; Ctrl-C ends it)\n", l.Addr())
	ctx, stop := context.WithCancel(p.ctx)
	defer stop()
	served := make(chan error, 1)
	go func() {
		served <- webpage.Serve(ctx, l, page)
		stop()
	}()
	err = a.run(ctx, []bot.Adapter{adapter})
	stop()
	return errors.Join(err, <-served, a.close())
}

// furnish makes the rooms of the demo and those who are in them.
func furnish(ctx context.Context, clock *demoClock) (*playground.Rooms, bot.Spot, error) {
	rooms := playground.New(playground.Options{Now: clock.Now})
	for _, p := range []bottest.Person{{Name: "Maja", Locale: "en"}, {Name: "Luc", Locale: "fr"}, {Name: "Greta", Locale: "de"}, {Name: "Vera", Locale: "de"}, {Name: "Ada", Locale: "en"}} {
		if err := rooms.AddPerson(ctx, p); err != nil {
			return nil, bot.Spot{}, err
		}
	}
	for _, c := range []bottest.Channel{{Name: "lobby", Locale: "en"}, {Name: "editors", Locale: "de"}} {
		if err := rooms.AddChannel(ctx, c); err != nil {
			return nil, bot.Spot{}, err
		}
	}
	editors := rooms.Spot("editors")
	editors.Language = bot.German
	return rooms, editors, errors.Join(
		rooms.Present("Vera", bot.Editor), rooms.Present("Ada", bot.Admin), rooms.PresentChannel("editors", bot.Editor))
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
