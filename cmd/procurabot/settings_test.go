package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func writeSettings(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "procurabot.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSettingsFile: the file says what the environment does not.
func TestSettingsFile(t *testing.T) {
	path := writeSettings(t, `
database = "/var/lib/procurabot/bot.db"
admins = ["slack:T1:U1", "discord::42"]
zone = "Europe/Paris"
slack_bot_token = "xoxb-file"
slack_app_token = "xapp-file"
`)
	all, wrong, err := withFile(map[string]string{"PROCURABOT_ZONE": "Europe/Berlin", "HOME": "/root"}, path)
	if err != nil || len(wrong) > 0 {
		t.Fatal(wrong, err)
	}
	c, err := readConfig(all)
	if err != nil {
		t.Fatal(err)
	}
	if c.Database != "/var/lib/procurabot/bot.db" || len(c.admins) != 2 || c.SlackBotToken != "xoxb-file" {
		t.Errorf("read %+v", c)
	}
	if c.Zone != "Europe/Berlin" {
		t.Errorf("the environment does not go before the file: %s", c.Zone)
	}
}

// TestWrongSettingsAtOnce: what is wrong in the file and in the environment is
// named together, with what to do, and no secret is quoted.
func TestWrongSettingsAtOnce(t *testing.T) {
	path := writeSettings(t, `
slack_bot_tokn = "xoxb-planted-canary"
zone = "Mars/Olympus"
keep_questions = 3.5
`)
	var errs bytes.Buffer
	code := run(t.Context(), []string{"--config", path, "run"}, map[string]string{
		"PROCURABOT_SLACK_APP_TOKEN": "xoxb-planted-canary", "PROCURABOT_DISCORD_PUBLIC_KEY": "short", "PROCURABOT_PUBLIC_LISTEN": "8080",
		"PROCURABOT_PUBLIC_ADDRESS": "http://bot.example.org", "PROCURABOT_CA_FILE": path,
		"HTTPS_PROXY": "name:planted-canary@proxy:port",
	}, nil, &errs, &errs)
	if code != 2 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{
		"slack_bot_tokn", "PROCURABOT_ZONE", "keep_questions", "PROCURABOT_SLACK_BOT_TOKEN", "PROCURABOT_SLACK_APP_TOKEN",
		"PROCURABOT_DISCORD_BOT_TOKEN", "PROCURABOT_DISCORD_PUBLIC_KEY", "PROCURABOT_PUBLIC_LISTEN", "PROCURABOT_PUBLIC_ADDRESS", "PROCURABOT_CA_FILE", "HTTPS_PROXY",
	} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("%s is not named:\n%s", want, errs.String())
		}
	}
	if strings.Contains(errs.String(), "canary") {
		t.Errorf("a token is quoted:\n%s", errs.String())
	}
}

func TestUnreadableSettings(t *testing.T) {
	for name, path := range map[string]string{
		"no file":  filepath.Join(t.TempDir(), "nothing.toml"),
		"not TOML": writeSettings(t, "slack_bot_token = xoxb-planted-canary\n"),
	} {
		var errs bytes.Buffer
		code := run(t.Context(), []string{"run"}, map[string]string{"PROCURABOT_CONFIG": path}, nil, &errs, &errs)
		if code != 2 || !strings.Contains(errs.String(), path) || strings.Contains(errs.String(), "canary") {
			t.Errorf("%s: exit code %d, %s", name, code, errs.String())
		}
	}
}

// TestStrangers: a mistyped variable is named, and no more: a container platform
// sets some of its own for a service of our name.
func TestStrangers(t *testing.T) {
	got := strangers(map[string]string{"PROCURABOT_DATABSE": "x", "PROCURABOT_DATABASE": "y", "PROCURABOT_CONFIG": "z", "PROCURABOT_PORT_80_TCP": "tcp://", "PATH": "/bin"})
	if !slices.Equal(got, []string{"PROCURABOT_DATABSE", "PROCURABOT_PORT_80_TCP"}) {
		t.Errorf("named %q", got)
	}
}

// TestNoSecretIsLogged: whoever writes one, and in whatever field.
func TestNoSecretIsLogged(t *testing.T) {
	const own = "0123456789abcdef0123456789abcdef"
	var out bytes.Buffer
	log := newLog(newRedactor(&out, own, "", "short"))
	for _, secret := range []string{
		own, "xoxb-123-abc-planted", "xoxe.xoxb-1-planted", "xapp-1-A1-planted", "xoxp-1-planted",
		"MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs",
		"https://hooks.slack.com/commands/T1/2/planted", "https://discord.com/api/v9/webhooks/1/aW50ZXJhY3Rpb246planted/messages/@original",
		"wss://wss.slack.com/link/?ticket=planted-1-2&app_id=A1",
	} {
		log.Error("asked "+secret, "err", errors.New("get "+secret+": refused"), "list", []string{secret}, "raw", secret)
	}
	for _, left := range []string{own, "planted", "ZnCjm1XV"} {
		if strings.Contains(out.String(), left) {
			t.Errorf("%s is in the log:\n%s", left, out.String())
		}
	}
	if n := strings.Count(out.String(), "[secret]"); n < 36 {
		t.Errorf("%d of 36 are hidden", n)
	}
	out.Reset()
	log.Info("connected", "team", "T0123", "id", "0198c1f2-ordinary", "version", "v1.2.3 go1.26.8", "file", "procurabot.db.before-20261124T120000Z")
	if strings.Contains(out.String(), "[secret]") {
		t.Errorf("something harmless is hidden: %s", out.String())
	}
}
