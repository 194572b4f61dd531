package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"procurabot/adapters/discord"
	"procurabot/adapters/slack"
	"procurabot/bot"
	"procurabot/internal/database"
)

// workers is how many messages are being sent at once: enough for 500 answers a
// second where a platform takes a tenth of a second for each, and more than one
// platform would take, so that a slow one does not hold up the other.
const workers = 64

type runCommand struct{}

func (runCommand) Help() string {
	return `Settings are environment variables that begin with PROCURABOT_:

  DATABASE            the file, procurabot.db where you are
  ADMINS              the first administrators: slack:T1:U1,discord::42
  EDITORS_CHANNEL     where questions for a person go: slack:T1:C1
  EDITORS_LANGUAGE    en, fr or de
  CONTACT             the secretariat's e-mail or web address
  ZONE                the network's time zone, Europe/Brussels; KEEP_QUESTIONS, 2160h
  BACKUP_DIR          a folder for copies of the database; BACKUP_EVERY, 24h, and BACKUP_KEEP, 14 of them
  SLACK_BOT_TOKEN     xoxb-..., and SLACK_APP_TOKEN, xapp-...
  SLACK_SIGNING_SECRET  Slack delivers by HTTP, instead of SLACK_APP_TOKEN
  DISCORD_BOT_TOKEN   the bot's token
  DISCORD_PUBLIC_KEY  Discord delivers commands, buttons and forms by HTTP
  PUBLIC_ADDRESS      https address at which the platforms reach PUBLIC_LISTEN, 127.0.0.1:8080
  PRIVATE_LISTEN      where /healthz, /readyz and /metrics are, such as 127.0.0.1:8081
  ALERT_WEBHOOK       where to POST what only a person can mend; administrators are told in chat too
  HEARTBEAT_URL       called each minute while all is well
  CA_FILE             certificates to trust besides the system's; HTTPS_PROXY and NO_PROXY are followed

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
	c, err := p.config()
	if err != nil {
		return err
	}
	log := newLog(newRedactor(p.err, c.secrets()...))
	if s := strangers(p.env); len(s) > 0 {
		log.Warn("these variables look like settings and are none", "names", s)
	}
	lock, err := database.Lock(c.Database)
	if err != nil {
		return usageError{err}
	}
	defer lock.Close()
	platforms, err := connect(c, log)
	if err != nil {
		return err
	}
	figures := newMetrics()
	var public *server
	if c.public() {
		if public, err = listen("public", c.PublicListen, publicHandler(c, platforms), log); err != nil {
			return err
		}
		defer public.close()
	}
	db, err := database.Open(p.ctx, c.Database, database.Options{})
	if err != nil {
		return usageError{err}
	}
	a, err := newApp(p.ctx, parts{
		db: db, adapters: platforms.adapters(), admins: c.admins, editors: c.editors, contact: c.Contact, zone: c.zone,
		keep: c.KeepQuestions, workers: workers, log: log, figures: figures,
	})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	err = a.operate(p.ctx, c, platforms, figures)
	a.benefits.Close()
	a.scrub()
	return errors.Join(err, a.close())
}

// operate runs the bot with what whoever runs it needs beside it: figures,
// backups, and a watch that tells what only they can mend.
func (a *app) operate(ctx context.Context, c config, p connections, figures *metrics) error {
	copies := newBackups(c, a.log)
	now := situation{engine: a.engine, now: a.db.Now, platforms: p.all(), backup: copies.Last}
	figures.watch(now)
	if c.PrivateListen != "" {
		private, err := listen("private", c.PrivateListen, privateHandler(now, figures), a.log)
		if err != nil {
			return err
		}
		defer private.close()
	}
	w := newWatch(now, a, c)
	if err := w.load(ctx); err != nil {
		return err
	}
	a.failed, copies.failed = w.platformFailed, w.backupFailed
	// It looks once more after the platforms have ended.
	watching, unwatch := context.WithCancel(context.WithoutCancel(ctx))
	var watched sync.WaitGroup
	watched.Go(func() { w.run(watching) })
	examining, leave := context.WithCancel(ctx)
	watched.Go(func() { c.examine(examining, p, a.log) })
	stopCopies := copies.start(ctx)
	a.log.Info("running", "database", c.Database, "version", version())
	err := a.run(ctx, p.adapters())
	stopCopies()
	leave()
	unwatch()
	watched.Wait()
	return err
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

// platform is an adapter as whoever runs the bot sees it.
type platform interface {
	bot.Adapter
	// Ready reports whether the platform is received from now.
	Ready() bool
	// Counts says how often the adapter has met what operators watch, since it was
	// made, by names that figures carry as a label.
	Counts() map[string]int64
}

// connections are to those that the settings name; nil is one that they do not.
type connections struct {
	slack   *slack.Adapter
	discord *discord.Adapter
}

// connect makes the adapters that the settings name.
func connect(c config, log *slog.Logger) (p connections, err error) {
	if c.SlackBotToken != "" {
		p.slack, err = slack.New(slack.Options{
			BotToken: c.SlackBotToken, AppToken: c.SlackAppToken, SigningSecret: c.SlackSecret, APIURL: c.SlackAPIURL,
			HTTPClient: &http.Client{Transport: c.transport(), Timeout: requestTime}, Log: log,
		})
		if err != nil {
			return p, usageError{err}
		}
	}
	if c.DiscordBotToken != "" {
		p.discord, err = discord.New(discord.Options{
			BotToken: c.DiscordBotToken, PublicKey: c.DiscordPublicKey, APIURL: c.DiscordAPIURL,
			HTTPClient: &http.Client{Transport: c.transport()}, Dialer: c.dialer(), Log: log,
		})
		if err != nil {
			return p, usageError{err}
		}
	}
	return p, nil
}

// requestTime bounds one request to Slack.
const requestTime = 20 * time.Second

func (p connections) all() []platform {
	var all []platform
	if p.slack != nil {
		all = append(all, p.slack)
	}
	if p.discord != nil {
		all = append(all, p.discord)
	}
	return all
}

func (p connections) adapters() []bot.Adapter {
	var all []bot.Adapter
	for _, a := range p.all() {
		all = append(all, a)
	}
	return all
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
				if a.failed != nil {
					a.failed(adapter.Platform(), err)
				}
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
