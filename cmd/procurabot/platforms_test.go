package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/internal/database"
)

// platforms are a Slack and a Discord that a process of the program can reach.
type platforms struct {
	bell
	slack   *fakeslack.Server
	discord *fakediscord.Server
	team    string
	guild   string
	editors string // channel of Slack
	home    string // folder of the database

	mu    sync.Mutex
	hooks []func(platform, request string, before bool)
}

// openPlatforms starts both. The people there are patient: how fast a busy machine is
// is not what these tests are about.
func openPlatforms(t *testing.T, change ...func(*fakeslack.Options)) *platforms {
	t.Helper()
	o := fakeslack.Options{
		HistoryScope: true, Events: []string{"app_mention", "message.im", "app_home_opened"}, Commands: []string{"/procura", "/procura-admin"},
		AckTimeout: 20 * time.Second,
	}
	for _, f := range change {
		f(&o)
	}
	p := &platforms{
		slack:   fakeslack.New(o),
		discord: fakediscord.New(fakediscord.Options{ResponseDue: 20 * time.Second}),
		home:    t.TempDir(),
	}
	t.Cleanup(p.slack.Close)
	t.Cleanup(p.discord.Close)
	p.slack.OnRequest(func(method string, phase fakeslack.Phase) { p.request("slack", method, phase == fakeslack.Before) })
	p.discord.OnRequest(func(route string, phase fakediscord.Phase) { p.request("discord", route, phase == fakediscord.Before) })
	if err := p.slack.StartTCP("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if err := p.discord.StartTCP("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.team = p.slack.TeamID()
	p.guild = p.discord.AddGuild("Procura", "fr").ID
	p.editors = p.slack.AddChannel(fakeslack.Channel{Name: "editors", BotIsMember: true}).ID
	return p
}

func (p *platforms) request(platform, name string, before bool) {
	p.mu.Lock()
	hooks := p.hooks
	p.mu.Unlock()
	for _, f := range hooks {
		f(platform, name, before)
	}
	if !before {
		p.ring()
	}
}

// onRequest adds what is called before each request of the program has an
// effect, and after it.
func (p *platforms) onRequest(f func(platform, request string, before bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hooks = append(p.hooks, f)
}

func (p *platforms) database() string { return filepath.Join(p.home, "procurabot.db") }

// settings are all that the program is given.
func (p *platforms) settings() map[string]string {
	return map[string]string{
		"PROCURABOT_DATABASE":          p.database(),
		"PROCURABOT_EDITORS_CHANNEL":   "slack:" + p.team + ":" + p.editors,
		"PROCURABOT_SLACK_BOT_TOKEN":   p.slack.BotToken(),
		"PROCURABOT_SLACK_APP_TOKEN":   p.slack.AppToken(),
		"PROCURABOT_SLACK_API_URL":     p.slack.URL(),
		"PROCURABOT_DISCORD_BOT_TOKEN": p.discord.Token(),
		"PROCURABOT_DISCORD_API_URL":   p.discord.URL(),
	}
}

// connected returns when the program listens on both.
func (p *platforms) connected(ctx context.Context) error {
	if err := p.slack.WaitConnected(ctx, 2); err != nil {
		return err
	}
	return p.discord.WaitConnected(ctx)
}

// gone returns when both have noticed that the program is not there.
func (p *platforms) gone(ctx context.Context) error {
	if err := p.slack.WaitConnected(ctx, 0); err != nil {
		return err
	}
	return p.discord.Await(ctx, func() bool {
		for _, s := range p.discord.Sessions() {
			if s.Connected {
				return false
			}
		}
		return true
	})
}

// submit fills in the form on Slack, once it has opened: that is after Slack has
// its acknowledgement.
func (p *platforms) submit(ctx context.Context, user string, values map[string]string) (fakeslack.Result, error) {
	if err := p.await(ctx, func() bool { return p.slack.View(user) != nil }); err != nil {
		return fakeslack.Result{}, fmt.Errorf("wait for a form: %w", err)
	}
	return p.slack.Submit(ctx, user, values)
}

// settled returns when no message waits in the database of a running program.
// What is just being sent is waited for by its stop.
func (p *platforms) settled(t *testing.T, ctx context.Context) {
	t.Helper()
	db, err := database.Open(ctx, p.database(), database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	waiting := -1
	err = p.await(ctx, func() bool {
		if err := db.View(ctx, func(tx *database.Tx) error {
			return tx.QueryRow(`SELECT COUNT(*) FROM outbox_messages WHERE state IN ('pending', 'uncertain')`).Scan(&waiting)
		}); err != nil {
			t.Error(err)
			return true
		}
		return waiting == 0
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatalf("%d messages wait: %v", waiting, err)
	}
}

// idle returns when a running program has nothing to send or to settle.
func (p *platforms) idle(t *testing.T, ctx context.Context) {
	t.Helper()
	p.settled(t, ctx)
	db, err := database.Open(ctx, p.database(), database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	open := -1
	for err == nil && open != 0 { // the last settling takes a moment, and rings no bell
		err = db.View(ctx, func(tx *database.Tx) error {
			return tx.QueryRow(`SELECT COUNT(*) FROM outbox_messages WHERE ended IS NULL`).Scan(&open)
		})
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatalf("%d messages are open: %v", open, err)
	}
}
