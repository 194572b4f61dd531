package showcase

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/internal/markup"
	"procurabot/internal/webpage"
)

const actTime = 20 * time.Second // the fakes' people wait longer than the platforms' would

// problem is what an act came to, and on which platforms.
type problem struct {
	Key string   // of the page's words; "" is none
	On  []string // names
}

func readProblem(q url.Values) problem {
	p := problem{Key: q.Get("problem")}
	for _, name := range []string{"Slack", "Discord"} {
		if strings.Contains(q.Get("on"), strings.ToLower(name)) {
			p.On = append(p.On, name)
		}
	}
	return p
}

func (p problem) query() string {
	if p.Key == "" {
		return ""
	}
	return "&problem=" + p.Key + "&on=" + strings.ToLower(strings.Join(p.On, ","))
}

// act does what a form of the page asks for and goes back to the page.
func (s *site) act(do func(context.Context, Person, string, url.Values) problem) http.HandlerFunc {
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
		result := do(ctx, p, at, q.PostForm)
		s.touch()
		http.Redirect(w, q, address(p, at)+result.query(), http.StatusSeeOther)
	}
}

// mention is the bot's name as a word of its own; the stages know it as "@bot".
var mention = regexp.MustCompile(`(?i)(^|[^\pL\pN_.@])@` + BotName + `($|[^\pL\pN_])`)

func (s *site) say(ctx context.Context, p Person, at string, q url.Values) problem {
	text := strings.TrimSpace(strings.ReplaceAll(q.Get("text"), "\r\n", "\n"))
	to := s.platforms
	if one := s.platform(q.Get("on")); one != nil {
		to = []platform{one}
	}
	text = mention.ReplaceAllString(text, "${1}@bot${2}")
	switch {
	case text == "":
		return problem{Key: "empty"}
	case markup.Length(text) > s.longest():
		return problem{Key: "long"}
	}
	var mu sync.Mutex
	failed := map[string][]string{}
	var acts sync.WaitGroup
	for _, x := range to {
		note := func(key string) {
			mu.Lock()
			defer mu.Unlock()
			failed[key] = append(failed[key], x.name())
		}
		switch {
		case !x.has(at):
			if len(to) == 1 {
				note("absent")
			}
		case !x.says(p.Name, at, text):
			note("command")
		default:
			acts.Go(func() {
				if err := x.say(ctx, p.Name, at, text); err != nil {
					note(reason(err, text))
				}
			})
		}
	}
	acts.Wait()
	for _, key := range []string{"unreachable", "command", "absent"} {
		if names := failed[key]; names != nil {
			return problem{key, names}
		}
	}
	if at != "" && !strings.HasPrefix(text, "/") && !strings.Contains(text, "@bot") {
		return problem{Key: "unheard"}
	}
	return problem{}
}

func (s *Showcase) longest() int {
	n := s.platforms[0].longest()
	for _, p := range s.platforms {
		n = min(n, p.longest())
	}
	return n
}

// reason tells a bot that does not answer from a client that refuses.
func reason(err error, text string) string {
	late := errors.Is(err, fakeslack.ErrNotAcknowledged) || errors.Is(err, fakediscord.ErrNoResponse) ||
		errors.Is(err, context.DeadlineExceeded)
	if !late && strings.HasPrefix(text, "/") {
		return "command"
	}
	return "unreachable"
}

func (s *site) press(ctx context.Context, p Person, at string, q url.Values) problem {
	on := s.platform(q.Get("on"))
	if on == nil || !on.has(at) || !pressable(on.messages(p.Name, at), q.Get("message"), q.Get("button"), q.Get("label")) {
		return problem{Key: "gone"} // the message was edited meanwhile
	}
	if err := on.press(ctx, p.Name, at, q.Get("message"), q.Get("button")); err != nil {
		return problem{"unreachable", []string{on.name()}}
	}
	return problem{}
}

func pressable(all []message, id, pressed, label string) bool {
	for _, m := range all {
		for _, piece := range m.pieces {
			for _, b := range piece.Buttons {
				if m.id == id && b.ID == pressed && b.Label == label {
					return true
				}
			}
		}
	}
	return false
}

func (s *site) form(ctx context.Context, p Person, _ string, q url.Values) problem {
	on := s.platform(q.Get("on"))
	if on == nil {
		return problem{Key: "gone"}
	}
	f := on.form(p.Name)
	if f == nil || f.id != q.Get("form") {
		return problem{Key: "gone"}
	}
	key := on.id() + " " + p.Name
	if q.Get("do") == "cancel" {
		s.refuse(key, nil)
		if err := on.dismiss(ctx, p.Name); err != nil {
			return problem{"unreachable", []string{on.name()}}
		}
		return problem{}
	}
	values, missing := map[string]string{}, map[string]string{}
	for _, x := range f.fields {
		values[x.Name] = strings.ReplaceAll(q.Get("field."+x.Name), "\r\n", "\n")
		if x.Required && values[x.Name] == "" {
			missing[x.Name] = s.in(p.Name).Texts["field-empty"] // neither client sends it
		}
	}
	refused, err := missing, error(nil)
	if len(missing) == 0 {
		refused, err = on.submit(ctx, p.Name, values)
	}
	switch {
	case err != nil:
		s.refuse(key, &refusal{form: f.id, values: values})
		return problem{"unreachable", []string{on.name()}}
	case len(refused) > 0:
		s.refuse(key, &refusal{form: f.id, values: values, errors: refused})
	default:
		s.refuse(key, nil)
	}
	return problem{}
}

// refuse keeps what was typed in a form that stays open; nil forgets it.
func (s *Showcase) refuse(key string, r *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r == nil {
		delete(s.refused, key)
		return
	}
	r.number = 1
	if last := s.refused[key]; last != nil {
		r.number += last.number
	}
	s.refused[key] = r
}
