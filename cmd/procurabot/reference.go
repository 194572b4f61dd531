package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"procurabot/bot"
)

type referenceCommand struct{}

func (referenceCommand) Help() string {
	return `In Markdown, in the three languages, from the same table that Slack, Discord and /procura help are given.
docs/commands.md is what it prints.`
}

func (referenceCommand) Run(p *program) error {
	return apart(p, "", parts{fit: learnLittle}, func(a *app) error { return writeReference(p.out, a.engine) })
}

const referenceHead = `# Commands

What can be typed in chat, on both platforms. On Slack the words after a command may be typed in any of the three languages; Discord
proposes them in the reader's. Made by ` + "`procurabot reference`" + `; a test fails where it is out of date.

In plain words, without a command: ask a question in a direct message or mention the bot in a channel.
`

// writeReference writes the commands of each role.
func writeReference(w io.Writer, e *bot.Engine) error {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, r := range append([]bot.Role{""}, bot.Roles()...) {
		for i, c := range commandsOf(e, r) {
			if i == 0 {
				fmt.Fprintf(&b, "\n## %s\n", audience(e, r))
			}
			writeCommand(&b, e, c)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func audience(e *bot.Engine, r bot.Role) string {
	if r == "" {
		return "For everybody"
	}
	return "For people with the role " + e.Text(bot.English, "bot.role-"+string(r)+".name")
}

func commandsOf(e *bot.Engine, r bot.Role) []bot.CommandInfo {
	var all []bot.CommandInfo
	for _, c := range e.Commands() {
		if c.Role == r {
			all = append(all, c)
		}
	}
	return all
}

func writeCommand(b *strings.Builder, e *bot.Engine, c bot.CommandInfo) {
	usage := "/" + strings.Join(c.Path, " ")
	for _, o := range c.Options {
		if o.Required {
			usage += " <" + o.Name + ">"
		} else {
			usage += " [" + o.Name + "]"
		}
	}
	fmt.Fprintf(b, "\n### `%s`\n\n| | also | what it does |\n|---|---|---|\n", usage)
	for _, l := range bot.Languages() {
		fmt.Fprintf(b, "| %s | `%s` | %s |\n", l, e.Text(l, c.ID+".name"), cell(e.Text(l, c.ID+".description")))
	}
	for i, o := range c.Options {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(b, "- `%s`%s: %s\n", o.Name, choices(e, c, o), e.Text(bot.English, c.ID+"."+o.Name+".description"))
	}
}

// choices are the only values of an option, each with how people may call it.
func choices(e *bot.Engine, c bot.CommandInfo, o bot.Option) string {
	var all []string
	for _, choice := range o.Choices {
		var names []string
		for _, l := range bot.Languages() {
			if n := e.Text(l, c.ID+"."+o.Name+"."+choice+".option"); !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
		all = append(all, "`"+choice+"` ("+strings.Join(names, ", ")+")")
	}
	switch {
	case len(all) > 0:
		return ", one of " + strings.Join(all, "; ")
	case o.Member:
		return ", a person named with @"
	}
	return ""
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
