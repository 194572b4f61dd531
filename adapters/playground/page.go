package playground

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"procurabot/bot"
	"procurabot/internal/webpage"
)

// Control is time, for the page's "move time on".
type Control interface {
	Now() time.Time
	// Advance moves time on and does all that becomes due on the way.
	Advance(ctx context.Context, d time.Duration) error
}

// site is the page.
type site struct {
	rooms    *Rooms
	control  Control
	words    map[string]*webpage.Words
	template *template.Template
}

// Handler is the page on which people play with the rooms. It asks nobody who
// they are: serve it on the loopback address.
func Handler(world *Rooms, control Control) (http.Handler, error) {
	s := &site{rooms: world, control: control}
	var err error
	if s.words, err = readWords(); err != nil {
		return nil, err
	}
	if s.template, err = template.New("page.html").Funcs(template.FuncMap{
		"list": func(values ...any) []any { return values },
	}).ParseFS(web, "web/page.html"); err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, q *http.Request) { webpage.Stream(w, q, world.watch) })
	mux.HandleFunc("GET /live.js", webpage.Script)
	mux.HandleFunc("GET /propose", s.propose)
	mux.HandleFunc("POST /say", s.act(s.say))
	mux.HandleFunc("POST /press", s.act(s.press))
	mux.HandleFunc("POST /form", s.act(s.form))
	mux.HandleFunc("POST /time", s.act(s.time))
	for _, name := range []string{"page.css", "page.js", "icon.svg"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, q *http.Request) { http.ServeFileFS(w, q, web, "web/"+name) })
	}
	return webpage.Guard(mux), nil
}

// in gives the page's words in a language.
func (s *site) in(l bot.Language) words { return words{s.words[string(l)]} }

// standing finds who acts where. The first person is whoever opens the page.
func (s *site) standing(q url.Values) (*person, place, error) {
	r := s.rooms
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.people) == 0 {
		return nil, place{}, errors.New("nobody is here")
	}
	p := r.people[0]
	if as := q.Get("as"); as != "" {
		var err error
		if p, err = r.person(as); err != nil {
			return nil, place{}, err
		}
	}
	at := place{with: p}
	if id := q.Get("at"); id != "" {
		var err error
		if at, err = r.find(bot.ConversationID(id)); err != nil {
			return nil, place{}, err
		}
	}
	if at.with != nil && at.with != p {
		return nil, place{}, errors.New("that is a private conversation of somebody else")
	}
	if m := r.message(at.root); m != nil && !m.visible(p) {
		return nil, place{}, errors.New("that thread is not for them")
	}
	return p, at, nil
}

func (s *site) page(w http.ResponseWriter, q *http.Request) {
	p, at, err := s.standing(q.URL.Query())
	if err != nil {
		s.lost(w)
		return
	}
	webpage.Render(w, http.StatusOK, s.template, "page", s.draw(p, at, q.URL.Query().Get("problem")))
}

func (s *site) lost(w http.ResponseWriter) {
	var all []words
	for _, l := range bot.Languages() {
		all = append(all, s.in(l))
	}
	webpage.Render(w, http.StatusNotFound, s.template, "lost", all)
}

// propose answers what the field to write in asks while a command is typed.
func (s *site) propose(w http.ResponseWriter, q *http.Request) {
	p, at, err := s.standing(q.URL.Query())
	line := q.URL.Query().Get("line")
	if err != nil || !strings.HasPrefix(line, "/") || len(line) > maxSaid {
		http.Error(w, "nothing can be proposed", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(q.Context(), actTime)
	defer cancel()
	proposed, err := s.rooms.propose(ctx, p, at, line)
	if err != nil {
		http.Error(w, "the bot did not answer", http.StatusBadGateway)
		return
	}
	b, err := json.Marshal(append([]proposal{}, proposed...))
	if err != nil {
		http.Error(w, "nothing can be proposed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(b) //nolint:errcheck // whoever asked has gone
}
