package main

import (
	"procurabot/adapters/slack"
)

type manifestCommand struct {
	Slack manifestSlack `cmd:"" help:"The manifest from which Slack makes or changes the app."`
}

type manifestSlack struct {
	Address string `help:"Public https address, to have Slack deliver by HTTP (also PROCURABOT_PUBLIC_ADDRESS with PROCURABOT_SLACK_SIGNING_SECRET); without one, Socket Mode." placeholder:"https://bot.example.org"`
	Name    string `help:"Of the app and of its user." default:"Procurabot"`
}

func (manifestSlack) Help() string {
	return `Paste it at https://api.slack.com/apps: Create New App, From a manifest, JSON; or, where the app exists, App Manifest.
It names the commands of this version and the permissions that the bot needs, each of which docs/slack.md explains.`
}

func (c manifestSlack) Run(p *program) error {
	if c.Address == "" && p.env[prefix+"SLACK_SIGNING_SECRET"] != "" {
		c.Address = p.env[prefix+"PUBLIC_ADDRESS"]
	}
	return apart(p, "", parts{fit: learnLittle}, func(a *app) error {
		m, err := slack.Manifest(a.engine, slack.ManifestOptions{Name: c.Name, Address: c.Address})
		if err != nil {
			return usageError{err}
		}
		_, err = p.out.Write(m)
		return err
	})
}
