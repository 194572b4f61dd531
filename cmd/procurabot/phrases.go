package main

import (
	"cmp"
	"fmt"

	"procurabot/internal/retrieval"
)

type phrasesCommand struct{}

func (phrasesCommand) Help() string {
	return `Which phrases contradict each other (the same under two topics), say the same in other words, would by all others be
another topic's, and which topics have too few in a language. The knowledge is that of PROCURABOT_DATABASE where the file
exists (a running bot is not disturbed), else what ships with the program. Exit code 1 where phrases contradict each other.`
}

func (phrasesCommand) Run(p *program) error {
	what := "what ships with the program"
	if path := databasePath(p); exists(path) {
		what = path
	}
	var found []retrieval.Finding
	err := apart(p, databasePath(p), parts{}, func(a *app) (err error) {
		found, err = a.benefits.Lint(p.ctx)
		return err
	})
	if err != nil {
		return err
	}
	wrong := 0
	for _, f := range found {
		fmt.Fprintln(p.out, explain(f))
		if f.Problem == retrieval.Contradiction {
			wrong++
		}
	}
	fmt.Fprintf(p.out, "looked through the phrases of %s: %d contradict each other, %d more to look at\n", what, wrong, len(found)-wrong)
	if wrong > 0 {
		return errDiffers
	}
	return nil
}

// explain says what is wrong and what to do.
func explain(f retrieval.Finding) string {
	where := fmt.Sprintf("%s (%s)", f.Label, cmp.Or(f.Language, "any language"))
	switch f.Problem {
	case retrieval.Contradiction:
		return fmt.Sprintf("%s: %q is also a phrase of %s (%q): neither is ever certain; keep it under one of them", where, f.Text, f.Other, f.Like)
	case retrieval.Alike:
		return fmt.Sprintf("%s: %q has the same words as %q of %s: say more in one of them", where, f.Text, f.Like, f.Other)
	case retrieval.Misplaced:
		return fmt.Sprintf("%s: %q would by all other phrases be asked of %s: is it under the right topic?", where, f.Text, f.Other)
	default:
		return where + ": fewer than ten phrases: write more, as people would ask"
	}
}
