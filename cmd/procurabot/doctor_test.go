package main

import (
	"bytes"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/slack/fakeslack"
)

// TestDoctor plants what goes wrong when a bot is set up, and reads what is said
// of it: what it is, where, and what to do.
func TestDoctor(t *testing.T) {
	for name, test := range map[string]struct {
		slack fakeslack.Options
		plant func(t *testing.T, p *platforms, settings map[string]string)
		code  int
		says  []string
	}{
		"nothing": {code: 0, says: []string{"ok  Slack: bot token", "ok  Discord: bot token", "all is right"}},
		"a person's token": {code: 2, says: []string{"PROCURABOT_SLACK_BOT_TOKEN", "xoxb-", "OAuth & Permissions"},
			plant: func(_ *testing.T, _ *platforms, s map[string]string) {
				s["PROCURABOT_SLACK_BOT_TOKEN"] = "xoxp-1-person"
			}},
		"a revoked token": {code: 1, says: []string{"!!  Slack: bot token", "api.slack.com/apps"},
			plant: func(_ *testing.T, p *platforms, _ map[string]string) {
				p.slack.Revoke(p.slack.BotToken(), "token_revoked")
			}},
		"a scope that is missing": {code: 1, says: []string{"!!  Slack: scope", "app_mentions:read"},
			slack: fakeslack.Options{Scopes: []string{"commands", "chat:write", "im:history", "im:write", "users:read", "channels:history", "groups:history", "channels:read", "groups:read"}}},
		"a scope that may be missing": {code: 0, says: []string{" ?  Slack: scope", "groups:read", "all is right"},
			slack: fakeslack.Options{Scopes: []string{"commands", "chat:write", "app_mentions:read", "im:history", "im:write", "users:read", "channels:history", "groups:history", "channels:read"}}},
		"Socket Mode switched off": {code: 1, says: []string{"!!  Slack: ", "Socket Mode"},
			plant: func(_ *testing.T, p *platforms, _ map[string]string) { p.slack.SocketMode(false) }},
		"an editors' channel without the bot": {code: 1, says: []string{"!!  Slack: ", "/invite"},
			plant: func(_ *testing.T, p *platforms, s map[string]string) {
				s["PROCURABOT_EDITORS_CHANNEL"] = "slack:" + p.team + ":" + p.slack.AddChannel(fakeslack.Channel{Name: "attic"}).ID
			}},
		"an administrator of another workspace": {code: 1, says: []string{"!!  Slack: PROCURABOT_ADMINS", "T0ELSEWHERE", "slack:T"},
			plant: func(_ *testing.T, _ *platforms, s map[string]string) { s["PROCURABOT_ADMINS"] = "slack:T0ELSEWHERE:U1" }},
		"an administrator who is nobody": {code: 1, says: []string{"!!  Slack: PROCURABOT_ADMINS U0NOBODY", "Copy member ID"},
			plant: func(_ *testing.T, p *platforms, s map[string]string) {
				s["PROCURABOT_ADMINS"] = "slack:" + p.team + ":U0NOBODY"
			}},
		"a line's end behind a token": {code: 0, says: []string{"ok  Discord: bot token"},
			plant: func(_ *testing.T, _ *platforms, s map[string]string) { s["PROCURABOT_DISCORD_BOT_TOKEN"] += "\n" }},
		"Bot before the token": {code: 2, says: []string{"PROCURABOT_DISCORD_BOT_TOKEN", "without"},
			plant: func(_ *testing.T, _ *platforms, s map[string]string) {
				s["PROCURABOT_DISCORD_BOT_TOKEN"] = "Bot " + s["PROCURABOT_DISCORD_BOT_TOKEN"]
			}},
		"a token that was reset": {code: 1, says: []string{"!!  Discord: bot token", "Reset Token", "discord.com/developers/applications"},
			plant: func(_ *testing.T, p *platforms, _ map[string]string) { p.discord.Revoke() }},
		"on no server": {code: 1, says: []string{"!!  Discord: servers", "scope=bot+applications.commands"},
			plant: func(_ *testing.T, p *platforms, _ map[string]string) {
				p.discord.Leave(p.discord.ApplicationID(), p.guild)
			}},
		"intents that are not needed": {code: 0, says: []string{" ?  Discord: commands"}},
		"Slack is not reached": {code: 1, says: []string{"!!  Slack: connection", "HTTPS_PROXY"},
			plant: func(_ *testing.T, _ *platforms, s map[string]string) {
				s["PROCURABOT_SLACK_API_URL"] = "http://127.0.0.1:1/api/"
			}},
		"no folder for the database": {code: 1, says: []string{"!!  database", "nothing can be written"},
			plant: func(t *testing.T, _ *platforms, s map[string]string) {
				s["PROCURABOT_DATABASE"] = filepath.Join(t.TempDir(), "none", "bot.db")
			}},
		"no folder for backups": {code: 1, says: []string{"!!  backups: folder"},
			plant: func(t *testing.T, _ *platforms, s map[string]string) {
				s["PROCURABOT_BACKUP_DIR"] = filepath.Join(t.TempDir(), "none")
			}},
		"a file that is no database": {code: 1, says: []string{"!!  database", "procurabot restore"},
			plant: func(t *testing.T, _ *platforms, s map[string]string) {
				s["PROCURABOT_DATABASE"] = writeSettings(t, strings.Repeat("no database ", 1000))
			}},
		"a callback that nobody serves": {code: 1, says: []string{"!!  public address: /slack/events", "nothing answers"},
			plant: func(_ *testing.T, p *platforms, s map[string]string) {
				s["PROCURABOT_SLACK_SIGNING_SECRET"], s["PROCURABOT_PUBLIC_ADDRESS"] = p.slack.SigningSecret(), "https://127.0.0.1:1"
			}},
		"another application's public key": {code: 1, says: []string{"!!  Discord: interactions", "not this application's"},
			plant: func(_ *testing.T, _ *platforms, s map[string]string) {
				s["PROCURABOT_DISCORD_PUBLIC_KEY"] = strings.Repeat("0", 64)
			}},
		"a mistyped setting": {code: 0, says: []string{" ?  settings: PROCURABOT_DATABSE"},
			plant: func(_ *testing.T, _ *platforms, s map[string]string) { s["PROCURABOT_DATABSE"] = "x" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := openPlatformsWith(t, test.slack)
			settings := p.settings()
			settings["PROCURABOT_ADMINS"] = "discord::1"
			if test.plant != nil {
				test.plant(t, p, settings)
			}
			secrets := maps.Clone(settings)
			var out bytes.Buffer
			code := run(t.Context(), []string{"doctor"}, settings, nil, &out, &out)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			for _, words := range test.says {
				if !strings.Contains(out.String(), words) {
					t.Errorf("%q is not said", words)
				}
			}
			for _, name := range []string{"PROCURABOT_SLACK_BOT_TOKEN", "PROCURABOT_SLACK_APP_TOKEN", "PROCURABOT_DISCORD_BOT_TOKEN"} {
				if strings.Contains(out.String(), secrets[name]) {
					t.Errorf("%s is printed", name)
				}
			}
			if t.Failed() {
				t.Log(out.String())
			}
		})
	}
}

// openPlatformsWith is openPlatforms on a Slack with other options.
func openPlatformsWith(t *testing.T, o fakeslack.Options) *platforms {
	t.Helper()
	o.HistoryScope = o.Scopes == nil
	o.AckTimeout = 20 * time.Second
	p := &platforms{slack: fakeslack.New(o), discord: fakediscord.New(fakediscord.Options{}), home: t.TempDir()}
	t.Cleanup(p.slack.Close)
	t.Cleanup(p.discord.Close)
	if err := p.slack.StartTCP("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if err := p.discord.StartTCP("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.team, p.guild = p.slack.TeamID(), p.discord.AddGuild("Procura", "fr").ID
	p.editors = p.slack.AddChannel(fakeslack.Channel{Name: "editors", BotIsMember: true}).ID
	return p
}
