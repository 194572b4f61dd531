package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"procurabot/adapters/discord"
	"procurabot/adapters/slack"
	"procurabot/bot"
	"procurabot/internal/database"
)

// workers is how many messages are being sent at once: more than one platform
// would take, so that a slow one does not hold up the other.
const workers = 16

type runCommand struct{}

func (runCommand) Help() string {
	return `Settings are environment variables that begin with PROCURABOT_:

  DATABASE            the file, procurabot.db where you are
  ADMINS              the first administrators: slack:T1:U1,discord::42
  EDITORS_CHANNEL     where questions for a person go: slack:T1:C1
  EDITORS_LANGUAGE    en, fr or de
  CONTACT             the secretariat's e-mail or web address
  BACKUP_DIR          a folder for copies of the database; BACKUP_EVERY, 24h, and BACKUP_KEEP, 14 of them
  SLACK_BOT_TOKEN     xoxb-..., and SLACK_APP_TOKEN, xapp-...
  DISCORD_BOT_TOKEN   the bot's token

It runs until it is asked to stop (SIGTERM, Ctrl-C), and then finishes what it is sending.`
}

func (runCommand) Run(p *program) error {
	err := serve(p)
	if p.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // asked to stop while it was starting, which is no failure
	}
	return err
}

// serve is all of a run, from the settings to the stop.
func serve(p *program) error {
	c, err := readConfig(p.env)
	if err != nil {
		return err
	}
	lock, err := database.Lock(c.Database)
	if err != nil {
		return usageError{err}
	}
	defer lock.Close()
	log := newLog(p.err)
	adapters, err := connect(c, log)
	if err != nil {
		return err
	}
	db, err := database.Open(p.ctx, c.Database, database.Options{})
	if err != nil {
		return usageError{err}
	}
	a, err := newApp(p.ctx, parts{
		db: db, adapters: adapters, admins: c.admins, editors: c.editors, contact: c.Contact, zone: c.zone,
		keep: c.KeepQuestions, workers: workers, log: log,
	})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	log.Info("running", "database", c.Database, "version", version())
	copies := newBackups(c, log)
	stopCopies := copies.start(p.ctx)
	err = a.run(p.ctx, adapters)
	stopCopies()
	a.benefits.Close()
	a.scrub()
	return errors.Join(err, a.close())
}

// scrubTime is how long a stop may take to scrub: enough for some hundred
// megabytes.
const scrubTime = 5 * time.Second

// scrub leaves a file that holds nothing which was deleted: it may now lie
// there for long, or be copied elsewhere. A stop does not fail because of it.
func (a *app) scrub() {
	ctx, cancel := context.WithTimeout(context.Background(), scrubTime)
	defer cancel()
	if err := a.db.Scrub(ctx); err != nil {
		a.log.Error("what was deleted may be left in the file until the next stop or day", "err", err)
	}
}

// connect makes the adapters that the settings name.
func connect(c config, log *slog.Logger) ([]bot.Adapter, error) {
	var all []bot.Adapter
	client := &http.Client{Timeout: 20 * time.Second}
	if c.SlackBotToken != "" {
		a, err := slack.New(slack.Options{BotToken: c.SlackBotToken, AppToken: c.SlackAppToken, APIURL: c.SlackAPIURL, HTTPClient: client, Log: log})
		if err != nil {
			return nil, usageError{err}
		}
		all = append(all, a)
	}
	if c.DiscordBotToken != "" {
		a, err := discord.New(discord.Options{BotToken: c.DiscordBotToken, APIURL: c.DiscordAPIURL, Log: log})
		if err != nil {
			return nil, usageError{err}
		}
		all = append(all, a)
	}
	return all, nil
}

// run receives on all platforms and does what is due, until ctx ends. A
// platform that fails for good is reported and the others go on; when none is
// left, or the work itself fails, run ends.
func (a *app) run(ctx context.Context, adapters []bot.Adapter) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var platforms sync.WaitGroup
	failed := make([]error, len(adapters))
	for i, adapter := range adapters {
		platforms.Go(func() {
			if err := adapter.Run(ctx, a.engine); err != nil && ctx.Err() == nil {
				failed[i] = fmt.Errorf("%s: %w", adapter.Platform(), err)
				a.log.Error("a platform has failed and is left alone until the next start", "platform", adapter.Platform(), "err", err)
			}
		})
	}
	// The engine stops last: what the platforms have handed over is still to be
	// stored and sent.
	worked := make(chan error, 1)
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	go func() { worked <- a.engine.Run(work) }()
	platforms.Wait()
	end()
	if err := <-worked; err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	if stopped := ctx.Err() != nil; stopped {
		return nil
	}
	return errors.Join(failed...)
}

// newLog writes for machines, one JSON object a line.
func newLog(w io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(w, nil)) }
