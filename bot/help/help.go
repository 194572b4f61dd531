// Package help answers "what can you do?", greetings and thanks. What it lists
// comes from the features themselves, so that it cannot be out of date.
package help

import "procurabot/bot"

// Feature is the help.
func Feature() bot.Feature {
	return bot.Feature{
		Name:     "help",
		Commands: []bot.Command{{ID: "help.help", Path: []string{"procura", "help"}, Run: help}},
		Actions: []bot.Action{
			{ID: "help.what", Run: help},
			{ID: "help.hello", Run: reply("help.hello")},
			{ID: "help.thanks", Run: reply("help.thanks")},
		},
	}
}

func reply(id string) func(*bot.Turn) error {
	return func(t *bot.Turn) error {
		_, err := t.Reply(bot.Say{Phrase: bot.P(id, nil)})
		return err
	}
}

// help lists the commands that the member may use.
func help(t *bot.Turn) error {
	var commands bot.Lines
	for _, c := range t.Commands() {
		if !t.Member.Has(c.Role) {
			continue
		}
		commands = append(commands, bot.P("help.command", bot.Values{
			"Command":     c.Usage(),
			"Description": bot.P(c.ID+".description", nil),
		}))
	}
	_, err := t.Reply(bot.Say{Phrase: bot.P("help.text", bot.Values{"Commands": commands})})
	return err
}
