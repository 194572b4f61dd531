package playground

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"procurabot/bot"
	"procurabot/internal/markup"
	"procurabot/internal/webpage"
)

const (
	maxSaid = 4000 // characters of one message, as Slack recommends
	actTime = 15 * time.Second
	// lull is how long a page without JavaScript waits for an answer before it is
	// shown: it has no other way to see one soon.
	lull = 1500 * time.Millisecond
)

// outcome of an act: what the page says of it, and whether the bot will answer.
type outcome struct {
	problem string
	answer  bool
}

// act does what a form of the page asks for and goes back to the page.
func (s *site) act(do func(context.Context, *person, place, url.Values) outcome) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		if !webpage.Posted(w, q) {
			return
		}
		p, at, err := s.standing(q.PostForm)
		if err != nil {
			s.lost(w)
			return
		}
		// What was said is said, though its speaker may close the page.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(q.Context()), actTime)
		defer cancel()
		before, _ := s.rooms.watch()
		o := do(ctx, p, at, q.PostForm)
		if o.answer && q.Header.Get("Sec-Fetch-Mode") != "cors" {
			s.await(q.Context(), before)
		}
		to := address(p, at)
		if o.problem != "" {
			to += "&problem=" + o.problem
		}
		http.Redirect(w, q, to+"#latest", http.StatusSeeOther)
	}
}

// await waits for the bot to say something, but not for long.
func (s *site) await(ctx context.Context, before int) {
	ctx, cancel := context.WithTimeout(ctx, lull)
	defer cancel()
	for {
		answered, changed := s.rooms.spokeSince(before)
		if answered {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (s *site) say(ctx context.Context, p *person, at place, q url.Values) outcome {
	text := strings.TrimSpace(strings.ReplaceAll(q.Get("text"), "\r\n", "\n"))
	switch {
	case text == "":
		return outcome{problem: "empty"}
	case markup.Length(text) > maxSaid:
		return outcome{problem: "long"}
	case strings.HasPrefix(text, "/"):
		return s.done(s.rooms.command(ctx, p, at, text))
	}
	heard, err := s.rooms.say(ctx, p, at, text)
	if !heard && at.channel.role == "" {
		return outcome{problem: "unheard"}
	}
	o := s.done(err)
	o.answer = o.answer && heard
	return o
}

func (s *site) done(err error) outcome {
	if err != nil {
		return outcome{problem: "unreachable"}
	}
	return outcome{answer: true}
}

func (s *site) press(ctx context.Context, p *person, _ place, q url.Values) outcome {
	number, err := strconv.Atoi(q.Get("button"))
	s.rooms.mu.Lock()
	m := s.rooms.message(bot.MessageID(q.Get("message")))
	if err != nil || m == nil || !m.visible(p) || number < 0 || number >= len(m.body.Buttons) || m.body.Buttons[number].Label != q.Get("label") {
		s.rooms.mu.Unlock()
		return outcome{problem: "gone"} // the message was edited meanwhile
	}
	b := m.body.Buttons[number]
	s.rooms.mu.Unlock()
	return s.done(s.rooms.press(ctx, p, m, b))
}

func (s *site) form(ctx context.Context, p *person, _ place, q url.Values) outcome {
	s.rooms.mu.Lock()
	if p.form == nil || p.form.Draft != q.Get("draft") {
		s.rooms.mu.Unlock()
		return outcome{problem: "gone"}
	}
	values := map[string]string{}
	for _, f := range p.form.Fields {
		values[f.Name] = strings.ReplaceAll(q.Get("field."+f.Name), "\r\n", "\n")
	}
	if q.Get("do") == "cancel" {
		p.form = nil
		s.rooms.touch()
		s.rooms.mu.Unlock()
		return outcome{}
	}
	s.rooms.mu.Unlock()
	o := s.done(s.rooms.submit(ctx, p, values))
	s.rooms.mu.Lock()
	defer s.rooms.mu.Unlock()
	o.answer = o.answer && p.form == nil
	if o.problem != "" && p.form != nil {
		p.form.number = s.rooms.touched() // drawn again, with the problem
	}
	return o
}

type step struct {
	id string
	d  time.Duration
}

func steps() []step {
	return []step{{"hour", time.Hour}, {"day", 24 * time.Hour}, {"days", 3 * 24 * time.Hour}, {"week", 7 * 24 * time.Hour}}
}

func (s *site) time(ctx context.Context, _ *person, _ place, q url.Values) outcome {
	for _, step := range steps() {
		if step.id != q.Get("step") {
			continue
		}
		if err := s.control.Advance(ctx, step.d); err != nil {
			return outcome{problem: "clock"}
		}
		s.rooms.mu.Lock()
		s.rooms.touch() // the pages of the others show the time too
		s.rooms.mu.Unlock()
		return outcome{}
	}
	return outcome{problem: "gone"}
}
