package main

import (
	"fmt"
	"time"
)

type questionsCommand struct {
	Days int `help:"How far to look back." default:"30"`
}

func (questionsCommand) Help() string {
	return `What members asked and the bot could not answer by itself, like questions together, the most frequent first, each with the
topic that was nearest. Personal data in questions was never stored. The database is PROCURABOT_DATABASE; a running bot is
not disturbed.`
}

func (c questionsCommand) Run(p *program) error {
	path, err := existingDatabase(p)
	if err != nil {
		return err
	}
	return apart(p, path, parts{}, func(a *app) error { return c.list(p, a) })
}

func (c questionsCommand) list(p *program, a *app) error {
	all, err := a.benefits.Unanswered(p.ctx, a.db.Now().Add(-time.Duration(c.Days)*24*time.Hour))
	if err != nil {
		return err
	}
	if len(all) == 0 {
		fmt.Fprintf(p.out, "in the last %d days no question was left without an automatic answer\n", c.Days)
		return nil
	}
	for _, m := range all {
		near := "nothing was near"
		if m.Topic != "" {
			near = "nearest: " + m.Topic
		}
		fmt.Fprintf(p.out, "%d× (%s)\n", len(m.Questions), near)
		for _, q := range m.Questions {
			fmt.Fprintf(p.out, "    %s\n", q)
		}
	}
	return nil
}
