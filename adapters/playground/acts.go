package playground

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"procurabot/bot"
	"procurabot/bot/bottest"
)

// openForm is a form that a person has before them, with what they typed.
type openForm struct {
	bot.ShownForm
	at     place
	errors map[string]string
	number int // differs each time the form is shown
}

// redeliveries is how often an event comes again that was not acknowledged.
// Slack's three come after a moment, a minute and five; here none waits.
// https://docs.slack.dev/apis/events-api/#retries
const redeliveries = 3

// say is free text, and reaches the bot when it is addressed to it.
func (r *Rooms) say(ctx context.Context, p *person, at place, text string) (heard bool, err error) {
	spoken, mentioned := cutMention(text)
	r.mu.Lock()
	m := r.add(message{at: at, author: p, text: shownMention(text)})
	if at.with == nil && !mentioned {
		r.mu.Unlock()
		return false, nil
	}
	in := r.incoming(p, at, bot.Said{Text: spoken, Message: m.id})
	if r.likeDiscord() {
		// Discord sends a person's locale with interactions alone.
		in.Locale = ""
	}
	if at.channel != nil && !r.likeDiscord() {
		thread := at
		if thread.root == "" {
			thread.root = m.id
		}
		in.In.Replies = thread.id()
	}
	r.mu.Unlock()
	for range 1 + redeliveries {
		if _, err = r.receive(ctx, in); err == nil {
			return true, nil
		}
	}
	return true, fmt.Errorf("the bot did not acknowledge: %w", err)
}

// incoming needs the lock.
func (r *Rooms) incoming(p *person, at place, what bot.What) bot.Incoming {
	return bot.Incoming{
		ID: bot.IncomingID(r.nextID()), Space: r.space(at), From: r.account(p), Name: p.name, Locale: p.locale,
		In:   bot.Place{Conversation: at.id(), Private: at.with != nil, Locale: at.locale()},
		What: what,
	}
}

func (r *Rooms) receive(ctx context.Context, in bot.Incoming) (bot.Immediate, error) {
	l, err := r.connected(ctx)
	if err != nil {
		return bot.Immediate{}, err
	}
	defer l.acts.Done()
	if _, reading := in.What.(bot.Completing); !reading {
		r.mu.Lock()
		r.recent = &in
		r.mu.Unlock()
	}
	return l.bot.Receive(ctx, in)
}

// Redeliver hands the newest thing over once more, as platforms do now and
// then. Nobody is shown anything of it.
func (r *Rooms) Redeliver(ctx context.Context) (bot.Immediate, error) {
	r.mu.Lock()
	recent := r.recent
	r.mu.Unlock()
	if recent == nil {
		return bot.Immediate{}, errors.New("nothing has happened yet that could come again")
	}
	return r.receive(ctx, *recent)
}

// interact hands over what brings a reply handle, and shows what is to be
// shown at once.
func (r *Rooms) interact(ctx context.Context, p *person, at place, what bot.What) error {
	r.mu.Lock()
	in := r.incoming(p, at, what)
	in.Reply = &bot.ReplyHandle{Token: r.nextID(), Expires: r.now().Add(handleLife)}
	maps.DeleteFunc(r.handles, func(_ string, h handle) bool { return !r.now().Before(h.expires) })
	r.handles[in.Reply.Token] = handle{p, at, in.Reply.Expires}
	r.mu.Unlock()
	shown, err := r.receive(ctx, in)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && shown.Notice == "" {
		return fmt.Errorf("the bot did not respond: %w", err)
	}
	return r.display(p, at, what, shown)
}

// display shows what came with the acknowledgement. It needs the lock.
func (r *Rooms) display(p *person, at place, what bot.What, shown bot.Immediate) error {
	submitted, isForm := what.(bot.Submitted)
	switch {
	case shown.Notice != "":
		m := r.add(message{at: at, only: p, body: bot.Body{Text: shown.Notice}})
		r.show(m)
		return nil
	case shown.Errors != nil:
		if !isForm || p.form == nil || r.likeDiscord() {
			return errors.New("fields were refused where that cannot be shown")
		}
		p.form.fill(submitted.Values)
		p.form.errors = maps.Clone(shown.Errors)
		p.form.number = r.touched()
		r.seen = append(r.seen, bottest.Seen{Place: at.name(), To: p.name, Private: true, Errors: maps.Clone(shown.Errors)})
		return nil
	case shown.Form != nil:
		if isForm && r.likeDiscord() {
			// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-interaction-callback-type
			return errors.New("a form cannot follow a form")
		}
		if err := checkForm(shown.Form); err != nil {
			return err
		}
		p.form = &openForm{ShownForm: *shown.Form, at: at, number: r.touched()}
		p.form.Fields = append([]bot.ShownField(nil), shown.Form.Fields...)
		seen := &bottest.SeenForm{Title: shown.Form.Title}
		for _, f := range shown.Form.Fields {
			seen.Fields = append(seen.Fields, bottest.SeenField{Name: f.Name, Label: f.Label, Value: f.Value})
		}
		r.seen = append(r.seen, bottest.Seen{Place: at.name(), To: p.name, Private: true, Form: seen})
		return nil
	}
	if isForm {
		p.form = nil
		r.touch()
	}
	return nil
}

func (r *Rooms) touched() int { r.touch(); return r.revision }

func (f *openForm) fill(values map[string]string) {
	for i, field := range f.Fields {
		if v, ok := values[field.Name]; ok {
			f.Fields[i].Value = v
		}
	}
}

// press presses a button of a message that the person can see.
func (r *Rooms) press(ctx context.Context, p *person, m *message, b bot.Button) error {
	return r.interact(ctx, p, m.at, bot.Pressed{Button: b.ID, Value: b.Value})
}

// submit sends the form that the person has open. Fields that are not named
// keep what they were filled in with.
func (r *Rooms) submit(ctx context.Context, p *person, values map[string]string) error {
	r.mu.Lock()
	if p.form == nil {
		r.mu.Unlock()
		return fmt.Errorf("%s has no form open", p.name)
	}
	all, at, draft := map[string]string{}, p.form.at, p.form.Draft
	for _, f := range p.form.Fields {
		all[f.Name] = f.Value
	}
	for name, v := range values {
		if _, ok := all[name]; !ok {
			r.mu.Unlock()
			return fmt.Errorf("the form has no field %q", name)
		}
		all[name] = v
	}
	p.form.fill(all) // kept, should the bot not take it
	r.mu.Unlock()
	return r.interact(ctx, p, at, bot.Submitted{Draft: draft, Values: all})
}
