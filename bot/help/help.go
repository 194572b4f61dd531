// Package help answers "what can you do?", greetings and thanks. What it lists
// comes from the features themselves, so that it cannot be out of date.
package help

import "procurabot/bot"

// Feature is the help.
func Feature() bot.Feature {
	return bot.Feature{
		Name: "help",
		Commands: []bot.Command{
			{ID: "help.help", Path: []string{"procura", "help"}, Run: help},
			{ID: "help.home", Path: []string{"procura", "home"}, Run: home},
		},
		Actions: []bot.Action{
			{ID: "help.what", Run: help},
			{ID: "help.hello", Run: reply("help.hello")},
			{ID: "help.thanks", Run: reply("help.thanks")},
		},
		Home: func(t *bot.Turn) (bot.Say, error) {
			return bot.Say{Phrase: bot.P("help.home", bot.Values{"Commands": commands(t)})}, nil
		},
	}
}

func reply(id string) func(*bot.Turn) error {
	return func(t *bot.Turn) error {
		_, err := t.Reply(bot.Say{Phrase: bot.P(id, nil)})
		return err
	}
}

func help(t *bot.Turn) error {
	_, err := t.Reply(bot.Say{Phrase: bot.P("help.text", bot.Values{"Commands": commands(t)})})
	return err
}

// commands are those that the member may use, what is for everybody first.
func commands(t *bot.Turn) bot.Lines {
	var all, special bot.Lines
	for _, c := range t.Commands() {
		if !t.Member.Has(c.Role) {
			continue
		}
		line := bot.P("help.command", bot.Values{"Command": c.Usage(), "Description": bot.P(c.ID+".description", nil)})
		if c.Role == "" {
			all = append(all, line)
		} else {
			special = append(special, line)
		}
	}
	return append(all, special...)
}

// home answers with what a home page shows, a message a section.
func home(t *bot.Turn) error {
	sections, err := t.Sections()
	if err != nil {
		return err
	}
	for _, s := range sections {
		if _, err := t.Reply(s); err != nil {
			return err
		}
	}
	return nil
}
