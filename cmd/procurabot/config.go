package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"procurabot/bot"
)

// config is all settings, read from the environment and from one file. Every
// name begins with PROCURABOT_; in the file without that, in lower case.
type config struct {
	Database        string        `env:"DATABASE" envDefault:"procurabot.db"`
	Admins          []string      `env:"ADMINS"`
	EditorsChannel  string        `env:"EDITORS_CHANNEL"`
	EditorsLanguage string        `env:"EDITORS_LANGUAGE" envDefault:"en"`
	Contact         string        `env:"CONTACT"`
	Zone            string        `env:"ZONE" envDefault:"Europe/Brussels"`
	KeepQuestions   time.Duration `env:"KEEP_QUESTIONS" envDefault:"2160h"`

	BackupDir   string        `env:"BACKUP_DIR"`
	BackupEvery time.Duration `env:"BACKUP_EVERY" envDefault:"24h"`
	BackupKeep  int           `env:"BACKUP_KEEP" envDefault:"14"`

	SlackBotToken string `env:"SLACK_BOT_TOKEN"`
	SlackAppToken string `env:"SLACK_APP_TOKEN"`
	SlackSecret   string `env:"SLACK_SIGNING_SECRET"`
	SlackAPIURL   string `env:"SLACK_API_URL" envDefault:"https://slack.com/api/"`

	DiscordBotToken  string `env:"DISCORD_BOT_TOKEN"`
	DiscordPublicKey string `env:"DISCORD_PUBLIC_KEY"`
	DiscordAPIURL    string `env:"DISCORD_API_URL" envDefault:"https://discord.com"`

	PublicAddress string `env:"PUBLIC_ADDRESS"`
	PublicListen  string `env:"PUBLIC_LISTEN" envDefault:"127.0.0.1:8080"`
	PrivateListen string `env:"PRIVATE_LISTEN"`
	CAFile        string `env:"CA_FILE"`
	AlertWebhook  string `env:"ALERT_WEBHOOK"`
	HeartbeatURL  string `env:"HEARTBEAT_URL"`

	admins  []bot.Account
	editors *bot.Spot
	zone    *time.Location
	roots   *x509.CertPool // nil: the system's
}

// settingsError is everything that is wrong with the settings, at once.
type settingsError struct{ problems []string }

func (e *settingsError) Error() string {
	return "the settings cannot be used: " + strings.Join(e.problems, "; ")
}

// readConfig reads the settings. It names everything that is wrong.
func readConfig(environment map[string]string) (config, error) {
	var c config
	var wrong []string
	if err := env.ParseWithOptions(&c, env.Options{Environment: environment, Prefix: "PROCURABOT_"}); err != nil {
		var all env.AggregateError
		if errors.As(err, &all) {
			for _, e := range all.Errors {
				wrong = append(wrong, e.Error())
			}
		} else {
			wrong = append(wrong, err.Error())
		}
	}
	// A line's end comes along when a secret is copied into a file of its own.
	for _, secret := range []*string{&c.SlackBotToken, &c.SlackAppToken, &c.SlackSecret, &c.DiscordBotToken, &c.DiscordPublicKey} {
		*secret = strings.TrimSpace(*secret)
	}
	for _, a := range c.Admins {
		account, err := bot.ParseAccount(strings.TrimSpace(a))
		if err != nil {
			wrong = append(wrong, "PROCURABOT_ADMINS: "+err.Error())
			continue
		}
		c.admins = append(c.admins, account)
	}
	if c.EditorsChannel != "" {
		spot, err := bot.ParseAccount(c.EditorsChannel)
		if err != nil {
			wrong = append(wrong, "PROCURABOT_EDITORS_CHANNEL must look like slack:T1:C1 or discord:1:2")
		} else {
			c.editors = &bot.Spot{
				Platform: spot.Platform, Space: spot.Realm, Conversation: bot.ConversationID(spot.User),
				Language: bot.Language(c.EditorsLanguage),
			}
		}
	}
	if !bot.Language(c.EditorsLanguage).Known() {
		wrong = append(wrong, "PROCURABOT_EDITORS_LANGUAGE must be en, fr or de")
	}
	var err error
	if c.zone, err = time.LoadLocation(c.Zone); err != nil {
		wrong = append(wrong, fmt.Sprintf("PROCURABOT_ZONE: %q is no time zone such as Europe/Brussels", c.Zone))
	}
	if c.KeepQuestions <= 0 {
		wrong = append(wrong, "PROCURABOT_KEEP_QUESTIONS must be a time such as 2160h")
	}
	if c.CAFile != "" {
		if c.roots, err = readRoots(c.CAFile); err != nil {
			wrong = append(wrong, "PROCURABOT_CA_FILE: "+err.Error())
		}
	}
	wrong = append(wrong, checkProxies(environment)...)
	wrong = append(wrong, c.checkAddresses()...)
	if c.BackupEvery < time.Minute {
		wrong = append(wrong, "PROCURABOT_BACKUP_EVERY must be a time of a minute or more, such as 24h")
	}
	if c.BackupKeep < 1 {
		wrong = append(wrong, "PROCURABOT_BACKUP_KEEP must be a number of copies, 1 or more")
	}
	wrong = append(wrong, c.checkPlatforms()...)
	if len(wrong) > 0 {
		return config{}, &settingsError{wrong}
	}
	return c, nil
}

// discordKey is what the application's page shows.
var discordKey = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// checkProxies finds addresses that are none before anybody connects: the errors
// of connections would quote them, and with them a password.
func checkProxies(environment map[string]string) []string {
	var wrong []string
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		address := environment[name]
		if !strings.Contains(address, "://") {
			address = "http://" + address // it may be left out, as net/http does
		}
		if u, err := url.Parse(address); environment[name] != "" && (err != nil || u.Host == "") {
			wrong = append(wrong, name+" must be an address such as http://proxy.example.org:3128, or http://name:password@proxy.example.org:3128")
		}
	}
	return wrong
}

func (c config) checkAddresses() []string {
	var wrong []string
	for name, address := range map[string]string{"PROCURABOT_SLACK_API_URL": c.SlackAPIURL, "PROCURABOT_DISCORD_API_URL": c.DiscordAPIURL} {
		if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			wrong = append(wrong, name+" must be an address such as https://slack.com/api/")
		}
	}
	for name, address := range map[string]string{"PROCURABOT_ALERT_WEBHOOK": c.AlertWebhook, "PROCURABOT_HEARTBEAT_URL": c.HeartbeatURL} {
		if u, err := url.Parse(address); address != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
			wrong = append(wrong, name+" must be an address that begins with https://")
		}
	}
	if c.PublicAddress != "" {
		if u, err := url.Parse(c.PublicAddress); err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			wrong = append(wrong, "PROCURABOT_PUBLIC_ADDRESS must be an address such as https://bot.example.org")
		}
	}
	for name, address := range map[string]string{"PROCURABOT_PUBLIC_LISTEN": c.PublicListen, "PROCURABOT_PRIVATE_LISTEN": c.PrivateListen} {
		if _, port, err := net.SplitHostPort(address); address != "" && (err != nil || port == "") {
			wrong = append(wrong, name+" must be a host and a port, such as 127.0.0.1:8080")
		}
	}
	slices.Sort(wrong)
	return wrong
}

// public reports whether a platform delivers by HTTP.
func (c config) public() bool { return c.SlackSecret != "" || c.DiscordPublicKey != "" }

// secrets are what no log may hold.
func (c config) secrets() []string {
	return []string{c.SlackBotToken, c.SlackAppToken, c.SlackSecret, c.DiscordBotToken, c.AlertWebhook, c.HeartbeatURL}
}

func (c config) checkPlatforms() []string {
	var wrong []string
	slack, discord := c.SlackBotToken != "" || c.SlackAppToken != "" || c.SlackSecret != "", c.DiscordBotToken != "" || c.DiscordPublicKey != ""
	if !slack && !discord {
		wrong = append(wrong, "no platform is set: give PROCURABOT_SLACK_BOT_TOKEN and PROCURABOT_SLACK_APP_TOKEN, or PROCURABOT_DISCORD_BOT_TOKEN, or all three (or try it without: procurabot demo)")
	}
	if slack && !strings.HasPrefix(c.SlackBotToken, "xoxb-") {
		wrong = append(wrong, "PROCURABOT_SLACK_BOT_TOKEN must be the bot token, which begins with xoxb- (your app's page, OAuth & Permissions)")
	}
	if slack && c.SlackSecret == "" && !strings.HasPrefix(c.SlackAppToken, "xapp-") {
		wrong = append(wrong, "PROCURABOT_SLACK_APP_TOKEN must be the app-level token, which begins with xapp- (your app's page, Basic Information, App-Level Tokens), unless PROCURABOT_SLACK_SIGNING_SECRET is given to have Slack deliver by HTTP")
	}
	if strings.HasPrefix(c.SlackSecret, "xox") || strings.HasPrefix(c.SlackSecret, "xapp-") || strings.ContainsAny(c.SlackSecret, " \t\"'") {
		wrong = append(wrong, "PROCURABOT_SLACK_SIGNING_SECRET must be the signing secret, 32 digits and letters, and no token (your app's page, Basic Information, App Credentials)")
	}
	if discord && c.DiscordBotToken == "" {
		wrong = append(wrong, "PROCURABOT_DISCORD_BOT_TOKEN is missing (your application's page, Bot, Reset Token)")
	}
	if strings.ContainsFunc(c.DiscordBotToken, func(r rune) bool { return r <= ' ' || r == '"' || r == '\'' || r > '~' }) {
		wrong = append(wrong, `PROCURABOT_DISCORD_BOT_TOKEN must be the token alone, without "Bot " before it, quotation marks or spaces (your application's page, Bot, Reset Token)`)
	}
	if c.DiscordPublicKey != "" && !discordKey.MatchString(c.DiscordPublicKey) {
		wrong = append(wrong, "PROCURABOT_DISCORD_PUBLIC_KEY must be the application's public key, 64 hexadecimal digits (your application's page, General Information)")
	}
	configured := map[bot.Platform]bool{"slack": slack, "discord": discord}
	if c.editors != nil && !configured[c.editors.Platform] {
		wrong = append(wrong, fmt.Sprintf("PROCURABOT_EDITORS_CHANNEL is on %s, which is not set up", c.editors.Platform))
	}
	return wrong
}
