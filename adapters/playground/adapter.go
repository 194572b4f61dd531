package playground

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"procurabot/bot"
	"procurabot/internal/outbox"
)

// adapter is one connection of the bot to the rooms, which outlive it.
type adapter struct{ rooms *Rooms }

// link is a bot that receives.
type link struct {
	bot  bot.Receiver
	acts sync.WaitGroup // under way; added to under the lock of the rooms
}

// Adapter connects the bot. One can receive at a time.
func (r *Rooms) Adapter(context.Context) (bot.Adapter, error) { return adapter{r}, nil }

func (a adapter) Platform() bot.Platform { return a.rooms.platform }
func (a adapter) Limits() bot.Limits     { return a.rooms.limits() }

// Gate is one for all: nothing here has a rate of its own.
func (a adapter) Gate(bot.Target) string { return string(a.rooms.platform) }

// Run receives until ctx ends, and returns when the acts under way are done.
func (a adapter) Run(ctx context.Context, to bot.Receiver) error {
	r, l := a.rooms, &link{bot: to}
	r.mu.Lock()
	if r.link != nil {
		r.mu.Unlock()
		return fmt.Errorf("a bot is connected to the %s rooms already", r.platform)
	}
	r.link = l
	r.touch()
	r.mu.Unlock()

	<-ctx.Done()
	r.mu.Lock()
	r.link = nil
	r.touch()
	r.mu.Unlock()
	l.acts.Wait()
	return nil
}

// connected waits for a bot that receives. Whoever is done with it says so to
// its acts.
func (r *Rooms) connected(ctx context.Context) (*link, error) {
	for {
		r.mu.Lock()
		l, changed := r.link, r.changed
		if l != nil {
			l.acts.Add(1)
		}
		r.mu.Unlock()
		if l != nil {
			return l, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("no bot is connected: %w", ctx.Err())
		}
	}
}

// rateHold is how long the rooms ask to wait when they are told to.
const rateHold = 30 * time.Second

// refusals are in Slack's words, so that what they mean is said to people as on
// the platforms.
var refusals = map[string]string{
	"closed": "cannot_dm_bot", "gone": "channel_not_found", "forbidden": "not_in_channel", "unfit": "invalid_blocks",
	"refuse": "external_channel_migrating",
}

// Send shows a message, once for each envelope.
func (a adapter) Send(ctx context.Context, e bot.Envelope) (bot.MessageID, error) {
	r := a.rooms
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return "", &outbox.Retry{Err: err}
	}
	if id, ok := r.arrived[e.ID]; ok {
		return id, nil
	}
	fault := r.fault
	r.fault = ""
	switch fault {
	case "429":
		return "", &outbox.Retry{After: rateHold, Gate: a.Gate(e.To), Err: errors.New("too many messages")}
	case "500":
		return "", &outbox.Uncertain{Err: errors.New("the rooms failed before they took the message")}
	case "closed", "gone", "forbidden", "unfit", "refuse":
		return "", &outbox.Permanent{Err: fmt.Errorf("the rooms refuse it: %s", refusals[fault])}
	}
	m, err := r.put(e)
	if err != nil {
		return "", &outbox.Permanent{Err: err}
	}
	r.arrived[e.ID] = m.id
	r.show(m)
	if fault == "reset" {
		return "", &outbox.Uncertain{Err: errors.New("the answer was cut off")}
	}
	return m.id, nil
}

// Find says whether an envelope has been shown. Send holds the lock while it
// shows, so that what is absent cannot arrive from an earlier call.
func (a adapter) Find(_ context.Context, e bot.Envelope) (bot.MessageID, error) {
	a.rooms.mu.Lock()
	defer a.rooms.mu.Unlock()
	if id, ok := a.rooms.arrived[e.ID]; ok {
		return id, nil
	}
	return "", outbox.ErrAbsent
}

// put needs the lock.
func (r *Rooms) put(e bot.Envelope) (*message, error) {
	if err := checkBody(e.Body); err != nil {
		return nil, err
	}
	if e.Replaces != "" {
		m := r.message(e.Replaces)
		if m == nil || m.author != nil {
			return nil, errors.New("there is no message of the bot to edit")
		}
		m.body, m.edited = e.Body, true
		r.touch()
		m.revision = r.revision
		return m, nil
	}
	m, err := r.address(e.To)
	if err != nil {
		return nil, err
	}
	m.body = e.Body
	return r.add(m), nil
}

// address finds where a message goes and who reads it. It needs the lock.
func (r *Rooms) address(to bot.Target) (message, error) {
	switch {
	case to.Platform != r.platform:
		return message{}, fmt.Errorf("the message is for platform %q, these rooms are %q", to.Platform, r.platform)
	case to.Reply != nil:
		h, ok := r.handles[to.Reply.Token]
		if !ok || !r.now().Before(h.expires) {
			return message{}, errors.New("the reply handle is unknown or has expired")
		}
		return message{at: h.at, only: h.person}, nil
	case to.Conversation == "":
		p, err := r.person(string(to.Account.User))
		return message{at: place{with: p}}, err
	}
	at, err := r.find(to.Conversation)
	if err != nil {
		return message{}, err
	}
	m := message{at: at, answering: to.Answering}
	for _, id := range []bot.MessageID{to.Answering, at.root} {
		if answered := r.message(id); answered != nil && m.to == nil {
			m.to = answered.author
		}
	}
	return m, nil
}
