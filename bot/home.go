package bot

import (
	"fmt"

	"procurabot/internal/outbox"
)

// Sections are what the features show a member of themselves, in the order of
// the features: a home page, or the answer to a command where a platform has
// none.
func (t *Turn) Sections() ([]Say, error) {
	var all []Say
	for _, f := range t.engine.features {
		if f.Home == nil {
			continue
		}
		s, err := f.Home(t)
		if err != nil {
			return nil, fmt.Errorf("home of %s: %w", f.Name, err)
		}
		all = append(all, s)
	}
	return all, nil
}

// publishHome puts the member's home page in the place of what it showed. That
// may be done twice: it is the same page.
func (t *Turn) publishHome() error {
	sections, err := t.Sections()
	if err != nil {
		return err
	}
	to := Target{Platform: t.In.From.Platform, Space: t.In.Space, Account: t.In.From, Home: true}
	limits, err := t.limits(to.Platform)
	if err != nil {
		return fmt.Errorf("publish home: %w", err)
	}
	o := Outgoing{To: to}
	for _, s := range sections {
		o.Home = append(o.Home, fit(s.render(t.Book, t.Lang), limits)...)
	}
	t.replied++
	if _, err := t.enqueue(o, outbox.Interactive, ""); err != nil {
		return fmt.Errorf("publish home: %w", err)
	}
	return nil
}
