package main

import (
	"context"
	"log/slog"
	"time"

	"procurabot/bot"
)

const (
	readyEvery  = time.Second
	readyWithin = 2 * time.Minute // a platform that is away for longer says so itself
)

// examine names in the log what is wrong with the set-up of each platform, as
// doctor does: a scope or a permission that is missing shows nowhere else until
// somebody misses an answer. It waits until the platform is received from, and
// asks nothing where it is not.
func (c config) examine(ctx context.Context, p connections, log *slog.Logger) {
	if p.slack != nil && becomesReady(ctx, p.slack) {
		logChecks(ctx, log, "Slack", p.slack.Diagnose(ctx, c.named("slack"), c.channels("slack")...))
	}
	if p.discord != nil && becomesReady(ctx, p.discord) {
		// The commands are being registered just now, and are not compared.
		logChecks(ctx, log, "Discord", p.discord.Diagnose(ctx, nil, c.channels("discord")...))
	}
}

func becomesReady(ctx context.Context, p platform) bool {
	look := time.NewTicker(readyEvery)
	defer look.Stop()
	for began := time.Now(); !p.Ready(); {
		select {
		case <-ctx.Done():
			return false
		case <-look.C:
			if time.Since(began) > readyWithin {
				return false
			}
		}
	}
	return true
}

// logChecks leaves out what was found while the program stops: nothing answers it then.
func logChecks(ctx context.Context, log *slog.Logger, platform string, checks []bot.Check) {
	if ctx.Err() != nil {
		return
	}
	for _, c := range checks {
		at := []any{"platform", platform, "what", c.Name, "problem", c.Problem, "mend", c.Mend}
		switch {
		case c.Problem == "":
		case c.Optional:
			log.Warn("something in the set-up could be better", at...)
		default:
			log.Error("something in the set-up must be mended", at...)
		}
	}
}
