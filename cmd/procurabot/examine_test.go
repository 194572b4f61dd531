package main

import (
	"strings"
	"testing"
	"time"

	"procurabot/adapters/slack/fakeslack"
)

// TestWrongSetUpIsNamedAtTheStart: the program runs, and its log says what it
// lacks on each platform, and of the rest nothing.
func TestWrongSetUpIsNamedAtTheStart(t *testing.T) {
	t.Parallel()
	p, ctx := openPlatformsWith(t, fakeslack.Options{Scopes: []string{
		"commands", "chat:write", "im:history", "im:write", "users:read", "channels:history", "groups:history", "channels:read", "groups:read",
	}}), limit(t, time.Minute)
	p.discord.Leave(p.discord.ApplicationID(), p.guild)
	settings := p.settings()
	settings["PROCURABOT_ADMINS"] = "slack:T0ELSEWHERE:U1"
	r := start(t, settings, "run")
	const wrong = "something in the set-up must be mended"
	if err := r.log.await(ctx, func() bool { return len(r.log.entries(wrong)) == 3 }); err != nil {
		t.Fatalf("%v\n%s", err, r.log.tail())
	}
	for i, want := range []string{"app_mentions:read", "T0ELSEWHERE", "no server"} {
		e := r.log.entries(wrong)[i]
		problem, _ := e["problem"].(string)
		if mend, _ := e["mend"].(string); !strings.Contains(problem, want) || mend == "" {
			t.Errorf("%q is not named, or not how it is mended: %v", want, e)
		}
	}
}
