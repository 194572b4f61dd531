package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/slack/fakeslack"
)

// TestAlone starts the program as a process of its own, from an empty folder and
// environment variables alone, on one platform at a time and in each way that it
// delivers: from the start to the first answers, over a stop and a second start.
func TestAlone(t *testing.T) {
	for name, test := range map[string]struct{ slack, discord, signed bool }{
		"Slack by Socket Mode":   {slack: true},
		"Slack by HTTP":          {slack: true, signed: true},
		"Discord by the Gateway": {discord: true},
		"Discord by HTTP":        {discord: true, signed: true},
		"both by HTTP":           {slack: true, discord: true, signed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, ctx := openPlatforms(t), limit(t, 3*time.Minute)
			all, settings := p.settings(), map[string]string{"PROCURABOT_DATABASE": p.database()}
			keep := func(names ...string) {
				for _, n := range names {
					settings["PROCURABOT_"+n] = all["PROCURABOT_"+n]
				}
			}
			if test.slack {
				keep("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_API_URL")
			}
			if test.discord {
				keep("DISCORD_BOT_TOKEN", "DISCORD_API_URL")
			}
			if test.signed {
				settings["PROCURABOT_PUBLIC_LISTEN"] = "127.0.0.1:0"
				if test.slack {
					delete(settings, "PROCURABOT_SLACK_APP_TOKEN")
					settings["PROCURABOT_SLACK_SIGNING_SECRET"] = p.slack.SigningSecret()
				}
				if test.discord {
					settings["PROCURABOT_DISCORD_PUBLIC_KEY"] = p.discord.PublicKey()
				}
			}
			for _, question := range []string{"Would a tiny village council be welcome with you?", "Who pays the train to your meeting?"} {
				r := start(t, settings, "run")
				p.reach(t, ctx, r, test.slack, test.discord, test.signed)
				if test.slack {
					p.askSlack(t, ctx, question)
				}
				if test.discord {
					p.askDiscord(t, ctx, question)
				}
				if code, err := r.stop(ctx); code != 0 || err != nil {
					t.Fatalf("stopped with exit code %d, %v:\n%s", code, err, r.log.tail())
				}
				for _, secret := range []string{p.slack.BotToken(), p.slack.SigningSecret(), p.discord.Token()} {
					if strings.Contains(r.log.String(), secret) {
						t.Error("a secret is in the log")
					}
				}
			}
		})
	}
}

// reach returns when the program can be talked to.
func (p *platforms) reach(t *testing.T, ctx context.Context, r *process, onSlack, onDiscord, signed bool) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v\n%s", err, r.log.tail())
		}
	}
	if onDiscord {
		must(p.discord.WaitConnected(ctx))
	}
	if !signed {
		if onSlack {
			must(p.slack.WaitConnected(ctx, 2))
		}
		return
	}
	must(r.log.await(ctx, r.log.has("listening")))
	public := "http://" + r.log.entries("listening")[0]["address"].(string)
	if onSlack {
		must(r.log.await(ctx, r.log.has("Slack delivers by signed HTTP; no socket is opened")))
		p.slack.DeliverHTTP(fakeslack.HTTPDelivery{
			Events: public + "/slack/events", Commands: public + "/slack/commands", Interactive: public + "/slack/interactivity",
		})
		must(p.slack.VerifyURL(ctx))
	}
	if onDiscord {
		must(p.discord.SetEndpoint(ctx, public+"/discord/interactions", &http.Client{}))
	}
}

// askSlack asks in public, by a command, and opens the home page.
func (p *platforms) askSlack(t *testing.T, ctx context.Context, question string) {
	t.Helper()
	user := p.slack.AddUser(fakeslack.User{Name: "maja"}).ID
	channel := p.slack.AddChannel(fakeslack.Channel{Name: "lobby", Members: []string{user}, BotIsMember: true}).ID
	ts, err := p.slack.Say(ctx, user, channel, p.slack.Mention()+" "+question, "")
	if err != nil {
		t.Fatal(err)
	}
	p.saidOnSlack(t, ctx, "Procura+", func() []fakeslack.Message { return p.slack.Thread(channel, ts) })
	p.privately(t, ctx, user, channel, "Procura+", func() error {
		_, err := p.slack.Command(ctx, user, channel, "/procura", "ask "+question)
		return err
	})
}

// askDiscord asks in public and by a command.
func (p *platforms) askDiscord(t *testing.T, ctx context.Context, question string) {
	t.Helper()
	user := p.discord.AddUser(fakediscord.User{Name: "luc", Locale: "en-GB"}).ID
	channel := p.discord.AddChannel(p.guild, "salon", fakediscord.Text, 0).ID
	if _, err := p.discord.Say(ctx, user, channel, p.discord.Mention()+" "+question, ""); err != nil {
		t.Fatal(err)
	}
	if err := p.await(ctx, func() bool {
		for _, m := range p.discord.Messages(channel) {
			if m.Author == p.discord.ApplicationID() && strings.Contains(m.Content, "Procura+") {
				return true
			}
		}
		return false
	}); err != nil {
		t.Fatal("the question was never answered")
	}
	x, err := p.discord.Command(ctx, user, channel, "procura ask", map[string]any{"question": question})
	p.answered(t, ctx, "Procura+", x, err)
}
