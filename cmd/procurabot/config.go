package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"procurabot/bot"
)

// config is all settings of run, read from the environment. Every name begins
// with PROCURABOT_.
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
	SlackAPIURL   string `env:"SLACK_API_URL" envDefault:"https://slack.com/api/"`

	DiscordBotToken string `env:"DISCORD_BOT_TOKEN"`
	DiscordAPIURL   string `env:"DISCORD_API_URL" envDefault:"https://discord.com"`

	admins  []bot.Account
	editors *bot.Spot
	zone    *time.Location
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

func (c config) checkPlatforms() []string {
	var wrong []string
	slack, discord := c.SlackBotToken != "" || c.SlackAppToken != "", c.DiscordBotToken != ""
	if !slack && !discord {
		wrong = append(wrong, "no platform is set: give PROCURABOT_SLACK_BOT_TOKEN and PROCURABOT_SLACK_APP_TOKEN, or PROCURABOT_DISCORD_BOT_TOKEN, or both (or try it without: procurabot demo)")
	}
	if slack && !strings.HasPrefix(c.SlackBotToken, "xoxb-") {
		wrong = append(wrong, "PROCURABOT_SLACK_BOT_TOKEN must be the bot token, which begins with xoxb- (your app's page, OAuth & Permissions)")
	}
	if slack && !strings.HasPrefix(c.SlackAppToken, "xapp-") {
		wrong = append(wrong, "PROCURABOT_SLACK_APP_TOKEN must be the app-level token, which begins with xapp- (your app's page, Basic Information, App-Level Tokens)")
	}
	for name, address := range map[string]string{"PROCURABOT_SLACK_API_URL": c.SlackAPIURL, "PROCURABOT_DISCORD_API_URL": c.DiscordAPIURL} {
		if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			wrong = append(wrong, name+" must be an address such as https://slack.com/api/")
		}
	}
	configured := map[bot.Platform]bool{"slack": slack, "discord": discord}
	if c.editors != nil && !configured[c.editors.Platform] {
		wrong = append(wrong, fmt.Sprintf("PROCURABOT_EDITORS_CHANNEL is on %s, which is not set up", c.editors.Platform))
	}
	return wrong
}
