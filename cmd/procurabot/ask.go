package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"

	"procurabot/bot"
)

type askCommand struct {
	Lang     string   `help:"Language of the answer where the question's own is not clear." enum:"en,fr,de" default:"en"`
	Question []string `arg:"" optional:"" help:"The question; without one, a question a line on standard input."`
}

func (askCommand) Help() string {
	return `One JSON object a line:
  {"outcome":"answer","topic":"travel-grants","topics":["travel-grants"],"language":"fr","confidence":0.93,"text":"..."}
outcome: answer, choices (near answers), unknown, or action (a greeting, thanks, help, or what a feature does when asked).
The knowledge is what ships with the program.`
}

func (c askCommand) Run(p *program) error {
	return apart(p, "", parts{contact: p.env["PROCURABOT_CONTACT"]}, func(a *app) error { return c.answer(p, a) })
}

func (c askCommand) answer(p *program, a *app) error {
	out := json.NewEncoder(p.out)
	out.SetEscapeHTML(false)
	one := func(question string) error {
		answer, err := a.benefits.Ask(p.ctx, question, bot.Language(c.Lang))
		if err != nil {
			return err
		}
		return out.Encode(answer)
	}
	if len(c.Question) > 0 {
		return one(strings.Join(c.Question, " "))
	}
	lines := bufio.NewScanner(p.in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := one(lines.Text()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read questions: %w", err)
	}
	return nil
}
