package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"time"

	"procurabot/bot"
	"procurabot/bot/alerts"
	"procurabot/bot/benefits"
	"procurabot/bot/help"
	"procurabot/bot/members"
	"procurabot/bot/messages"
	"procurabot/bot/undelivered"
	"procurabot/internal/database"
	"procurabot/internal/outbox"
	"procurabot/internal/schedule"
	"procurabot/locales"
)

// parts is what an app is put together from.
type parts struct {
	db       *database.DB
	adapters []bot.Adapter
	admins   []bot.Account
	editors  *bot.Spot      // where questions for a person go; nil: nowhere
	contact  string         // of the secretariat
	zone     *time.Location // of the network
	keep     time.Duration  // of ended questions
	workers  int            // that send; 0: inline, when a step is made
	log      *slog.Logger
	figures  *metrics // nil: nobody counts

	fit        fitting                             // nil: fitCached
	directory  func(bot.Directory) bot.Directory   // nil: as it is
	phrasebook func(bot.Phrasebook) bot.Phrasebook // nil: as it is
}

// app is the program put together.
type app struct {
	db       *database.DB
	engine   *bot.Engine
	members  *members.Members
	benefits *benefits.Benefits
	alerts   *alerts.Alerts
	texts    bot.Phrasebook
	failed   func(bot.Platform, error) // told of each platform that run leaves alone; may be nil
	log      *slog.Logger

	features []bot.Feature // in the order in which they hear free text
}

// close ends what goes on beside the engine, and closes the database.
func (a *app) close() error {
	a.benefits.Close()
	return a.db.Close()
}

// migrations are the parts of the database in the order in which they refer to
// each other.
func migrations() []struct {
	component string
	schema    fs.FS
} {
	return []struct {
		component string
		schema    fs.FS
	}{
		{"bot", bot.Schema()},
		{"outbox", outbox.Schema()},
		{"schedule", schedule.Schema()},
		{"members", members.Schema()},
		{"messages", messages.Schema()},
		{"benefits", benefits.Schema()},
		{"alerts", alerts.Schema()},
	}
}

func migrate(ctx context.Context, db *database.DB) error {
	for _, m := range migrations() {
		if err := db.Migrate(ctx, m.component, m.schema); err != nil {
			return fmt.Errorf("prepare the database: %w", err)
		}
	}
	return nil
}

// newApp migrates the database, loads what ships with the program, and makes
// the engine. This is the one list of features, in the order in which they hear
// free text and stand on a member's home page: benefits takes whatever it hears,
// so only what hears nothing comes after it.
func newApp(ctx context.Context, p parts) (*app, error) {
	if err := migrate(ctx, p.db); err != nil {
		return nil, err
	}
	people := members.New()
	texts, err := messages.New(locales.Files(), messages.Tightest(), people)
	if err != nil {
		return nil, err
	}
	changes, err := texts.Load(ctx, p.db)
	if err != nil {
		return nil, fmt.Errorf("load the messages: %w", err)
	}
	logChanges(p.log, changes)
	var directory bot.Directory = people
	if p.directory != nil {
		directory = p.directory(people)
	}
	var phrasebook bot.Phrasebook = texts
	if p.phrasebook != nil {
		phrasebook = p.phrasebook(texts)
	}
	if p.fit == nil {
		p.fit = fitCached
	}
	if p.figures == nil {
		p.figures = newMetrics()
	}
	answers, err := benefits.New(locales.Files(), benefits.Options{
		Phrasebook: phrasebook, Contact: p.contact, Editors: p.editors, Auditor: people, Keep: p.keep, Place: p.zone, Fit: p.fit, Log: p.log,
		Answered: p.figures.answered,
	})
	if err != nil {
		return nil, err
	}
	warnings := alerts.New(people)
	features := []bot.Feature{people.Feature(), texts.Feature(), undelivered.New(people).Feature(), answers.Feature(), help.Feature(), warnings.Feature()}
	answers.SetActions(actions(features))
	if err := answers.Load(ctx, p.db); err != nil {
		return nil, fmt.Errorf("load the knowledge: %w", err)
	}
	if err := p.db.Update(ctx, func(tx *database.Tx) error { return people.Appoint(tx, p.admins) }); err != nil {
		return nil, fmt.Errorf("appoint the administrators: %w", err)
	}
	engine, err := bot.New(bot.Config{
		DB: p.db, Features: features, Adapters: p.adapters, Directory: directory, Phrasebook: phrasebook, Log: p.log,
		Outbox: outbox.Options{
			Workers: p.workers, Reserved: p.workers / 4, Sole: true, Jitter: rand.Float64, Observe: p.figures.sent, Log: p.log,
		},
		Observe: p.figures.turn,
	})
	if err != nil {
		return nil, err
	}
	return &app{db: p.db, engine: engine, members: people, benefits: answers, alerts: warnings, texts: phrasebook, log: p.log, features: features}, nil
}

// logChanges tells the operator what this release has changed of the texts, with
// those that somebody should look at by their ids.
func logChanges(log *slog.Logger, c messages.Changes) {
	if c.New+c.Updated+c.Withdrawn > 0 {
		log.Info("the texts of this release are in use", "new", c.New, "updated", c.Updated, "withdrawn", c.Withdrawn)
	}
	if len(c.SetAside) > 0 {
		log.Warn("edited texts no longer fit this release and were set aside: look at them with /procura-admin messages show", "texts", c.SetAside)
	}
	if len(c.Review) > 0 {
		log.Warn("texts are to be reviewed, because what they translate or what ships has changed", "texts", c.Review)
	}
}

func actions(features []bot.Feature) []string {
	var ids []string
	for _, f := range features {
		for _, a := range f.Actions {
			ids = append(ids, a.ID)
		}
	}
	return ids
}
