package playground

import (
	"time"

	"procurabot/bot"
	"procurabot/bot/bottest"
	"procurabot/internal/markup"
)

// message is what somebody said, or the bot.
type message struct {
	id        bot.MessageID
	number    int // in the order of saying
	said      time.Time
	at        place
	author    *person // nil: the bot
	to        *person // whom the bot answers
	only      *person // who alone can see it, in a channel
	answering bot.MessageID
	text      string // of a person, as they wrote it
	body      bot.Body
	edited    bool
	revision  int
}

// message finds one by its id, nil when there is none. It needs the lock.
func (r *Rooms) message(id bot.MessageID) *message {
	for i := len(r.messages) - 1; i >= 0; i-- {
		if r.messages[i].id == id {
			return r.messages[i]
		}
	}
	return nil
}

// add needs the lock.
func (r *Rooms) add(m message) *message {
	m.id, m.said = bot.MessageID(r.nextID()), r.now()
	m.number = r.last
	r.messages = append(r.messages, &m)
	if m.author != nil {
		m.author.read[m.at.top().id()] = m.number
	}
	r.touch()
	m.revision = r.revision
	return &m
}

func (m *message) visible(p *person) bool {
	if m.only != nil {
		return m.only == p
	}
	return m.at.with == nil || m.at.with == p
}

// show records what the bot said, for Seen. It needs the lock.
func (r *Rooms) show(m *message) {
	s := bottest.Seen{
		Place: m.at.name(), Private: m.only != nil || m.at.with != nil, Edited: m.edited,
		Text: markup.Plain(m.body.Text), Note: markup.Plain(m.body.Note),
	}
	switch {
	case m.at.with != nil:
		s.To = m.at.with.name
	case m.only != nil:
		s.To = m.only.name
	case m.to != nil:
		s.To = m.to.name
	}
	for _, b := range m.body.Buttons {
		s.Buttons = append(s.Buttons, b.Label)
	}
	r.seen = append(r.seen, s)
}
