package showcase

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"procurabot/bot"
	"procurabot/internal/webpage"
)

// site is the page.
type site struct {
	*Showcase
	template *template.Template
}

// Handler is the page. It asks nobody who they are: serve it on the loopback
// address.
func (s *Showcase) Handler() (http.Handler, error) {
	page := &site{Showcase: s}
	var err error
	if page.template, err = template.New("page.html").Funcs(template.FuncMap{
		"list": func(values ...any) []any { return values },
	}).ParseFS(web, "web/page.html"); err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", page.page)
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, q *http.Request) { webpage.Stream(w, q, s.watch) })
	mux.HandleFunc("GET /live.js", webpage.Script)
	mux.HandleFunc("POST /say", page.act(page.say))
	mux.HandleFunc("POST /press", page.act(page.press))
	mux.HandleFunc("POST /form", page.act(page.form))
	for _, name := range []string{"page.css", "page.js", "icon.svg"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, q *http.Request) { http.ServeFileFS(w, q, web, "web/"+name) })
	}
	return webpage.Guard(mux), nil
}

// standing finds who acts where. The first person is whoever opens the page;
// no place is their private conversation with the bot.
func (s *Showcase) standing(q url.Values) (Person, string, error) {
	p := s.people[0]
	if as := q.Get("as"); as != "" {
		found := false
		for _, x := range s.people {
			if strings.EqualFold(x.Name, as) {
				p, found = x, true
			}
		}
		if !found {
			return Person{}, "", errors.New("nobody here is called that")
		}
	}
	at := q.Get("at")
	if at == "" {
		return p, "", nil
	}
	for _, c := range s.channels {
		if c.Name == at {
			return p, at, nil
		}
	}
	return Person{}, "", errors.New("there is no such channel")
}

func address(p Person, at string) string {
	q := url.Values{"as": {p.Name}}
	if at != "" {
		q.Set("at", at)
	}
	return "/?" + q.Encode()
}

func (s *site) page(w http.ResponseWriter, q *http.Request) {
	p, at, err := s.standing(q.URL.Query())
	if err != nil {
		s.lost(w)
		return
	}
	webpage.Render(w, http.StatusOK, s.template, "page", s.draw(p, at, readProblem(q.URL.Query())))
}

func (s *site) lost(w http.ResponseWriter) {
	var all []words
	for _, l := range bot.Languages() {
		all = append(all, words{s.words[string(l)]})
	}
	webpage.Render(w, http.StatusNotFound, s.template, "lost", all)
}
