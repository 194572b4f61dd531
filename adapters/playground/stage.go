package playground

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"procurabot/bot"
	"procurabot/bot/bottest"
)

var (
	_ bottest.Stage  = (*Rooms)(nil)
	_ bottest.Faulty = (*Rooms)(nil)
)

// AddPerson lets somebody in. Their account's name is theirs in lower case.
func (r *Rooms) AddPerson(_ context.Context, p bottest.Person) error {
	id := strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) || c == ':' || c == '/' {
			return '-'
		}
		return unicode.ToLower(c)
	}, p.Name)
	if id == "" {
		return errors.New("a person needs a name")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, other := range r.people {
		if string(other.id) == id {
			return fmt.Errorf("somebody here is called %q already", other.name)
		}
	}
	r.people = append(r.people, &person{id: bot.UserID(id), name: p.Name, locale: p.Locale, read: map[bot.ConversationID]int{}})
	r.touch()
	return nil
}

// Present says beside a person's name what they may do. It gives them no right:
// the bot's own members hold those.
func (r *Rooms) Present(person string, role bot.Role) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.person(person)
	if err != nil {
		return err
	}
	p.role = role
	r.touch()
	return nil
}

// PresentChannel says whose work arrives in a channel, such as the editors'.
func (r *Rooms) PresentChannel(name string, role bot.Role) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, err := r.find(bot.ConversationID(strings.TrimPrefix(name, "#")))
	if err != nil || at.channel == nil {
		return fmt.Errorf("there is no channel %q", name)
	}
	at.channel.role = role
	r.touch()
	return nil
}

// AddChannel makes a channel that everybody is in.
func (r *Rooms) AddChannel(_ context.Context, c bottest.Channel) error {
	if c.Name == "" || strings.ContainsAny(c.Name, "/: #") {
		return fmt.Errorf("%q cannot be the name of a channel", c.Name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, other := range r.channels {
		if string(other.id) == c.Name {
			return fmt.Errorf("there is a channel #%s already", c.Name)
		}
	}
	r.channels = append(r.channels, &channel{id: bot.ConversationID(c.Name), locale: c.Locale})
	r.touch()
	return nil
}

// Say writes free text.
func (r *Rooms) Say(ctx context.Context, person, place, text string) error {
	p, at, err := r.standing(person, place)
	if err != nil {
		return err
	}
	_, err = r.say(ctx, p, at, text)
	return err
}

// Command types a slash command.
func (r *Rooms) Command(ctx context.Context, person, place, line string) error {
	p, at, err := r.standing(person, place)
	if err != nil {
		return err
	}
	return r.command(ctx, p, at, line)
}

// Complete gives what is proposed; Slack proposes nothing.
func (r *Rooms) Complete(ctx context.Context, person, place, line string) ([]string, error) {
	if r.likeSlack() {
		return nil, fmt.Errorf("complete: %w", errors.ErrUnsupported)
	}
	p, at, err := r.standing(person, place)
	if err != nil {
		return nil, err
	}
	proposed, err := r.propose(ctx, p, at, line)
	var labels []string
	for _, c := range proposed {
		labels = append(labels, c.Label)
	}
	return labels, err
}

// Press presses the newest button of that label.
func (r *Rooms) Press(ctx context.Context, person, label string) error {
	r.mu.Lock()
	p, err := r.person(person)
	if err != nil {
		r.mu.Unlock()
		return err
	}
	for i := len(r.messages) - 1; i >= 0; i-- {
		m := r.messages[i]
		if !m.visible(p) {
			continue
		}
		for _, b := range m.body.Buttons {
			if b.Label == label {
				r.mu.Unlock()
				return r.press(ctx, p, m, b)
			}
		}
	}
	r.mu.Unlock()
	return fmt.Errorf("%s sees no button %q", person, label)
}

// Submit sends the open form.
func (r *Rooms) Submit(ctx context.Context, person string, values map[string]string) error {
	r.mu.Lock()
	p, err := r.person(person)
	r.mu.Unlock()
	if err != nil {
		return err
	}
	return r.submit(ctx, p, values)
}

// Account names a person as settings do: "playground::maja".
func (r *Rooms) Account(person string) bot.Account {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.person(person)
	if err != nil {
		return bot.Account{}
	}
	return r.account(p)
}

func (r *Rooms) account(p *person) bot.Account {
	return bot.Account{Platform: r.platform, Realm: r.realm(), User: p.id}
}

// Spot names a channel as settings do.
func (r *Rooms) Spot(name string) bot.Spot {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, err := r.find(bot.ConversationID(strings.TrimPrefix(name, "#")))
	if err != nil {
		return bot.Spot{}
	}
	return bot.Spot{Platform: r.platform, Space: r.space(at), Conversation: at.id(), Language: bot.ParseLocale(at.locale())}
}

// Seen gives what the bot has shown since it was last asked.
func (r *Rooms) Seen() []bottest.Seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

// Lenient says that the rooms let people send any form: what a form's fields
// allow is checked by the page, and by the bot.
func (r *Rooms) Lenient() bool { return true }

// Fault makes the next Send fail: "429" asks to wait, "500" fails before the
// message is taken, "reset" after it; the others refuse the message for good.
func (r *Rooms) Fault(kind string) error {
	switch kind {
	case "429", "500", "reset", "closed", "gone", "forbidden", "unfit", "refuse":
		r.mu.Lock()
		defer r.mu.Unlock()
		r.fault = kind
		return nil
	}
	return fmt.Errorf("the rooms know no fault %q", kind)
}

// standing finds a person and the place they are in.
func (r *Rooms) standing(person, name string) (*person, place, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.person(person)
	if err != nil {
		return nil, place{}, err
	}
	if name == "" {
		return p, place{with: p}, nil
	}
	at, err := r.find(bot.ConversationID(strings.TrimPrefix(name, "#")))
	return p, at, err
}
