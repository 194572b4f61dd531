package showcase

import (
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"time"
	"unicode/utf8"

	"procurabot/bot"
	"procurabot/internal/markup"
	"procurabot/internal/webpage"
)

// view is all that the page shows to one person at one place.
type view struct {
	words
	Me, At  string
	People  []choice
	Places  []choice
	Shown   string // the platforms
	Title   string // of the place
	Label   string // of the field to write in
	Private bool
	Panes   []paneView
	Form    *formView
	Problem string // as it is said
	Alert   bool   // it is more than a remark
	Longest int
	Try     []string
	Empty   bool
}

// choice is a person or a place that the page can be turned to.
type choice struct {
	Name, About, Initial, URL string
	Hue                       int
	Current                   bool
}

type paneView struct {
	ID, Name string // "slack", "Slack"
	Where    string
	Absent   bool // the place is on the other platform alone
	Messages []messageView
}

type messageView struct {
	DOM      string // the id of its element
	ID       string
	Version  string
	Author   string
	Initial  string
	Hue      int
	Bot      bool
	ISO      string
	Hour     string
	Lang     string
	Only     bool
	Edited   bool
	Thinking bool
	Answers  *quoteView
	Pieces   []piece
	Replies  []messageView
}

// quoteView is the line above an answer that says what it answers.
type quoteView struct{ Author, Text string }

type formView struct {
	Pane    paneView
	ID      string
	Number  string
	Title   string
	Submit  string
	Cancel  string
	Refused bool
	Fields  []fieldView
}

type fieldView struct {
	field
	Error string
	Typed int
}

const (
	maxShown  = 300 // messages of a conversation: the newest
	maxQuoted = 80  // characters of what is answered
	hues      = 6   // colours that people have; the style sheet names them
)

func (s *site) draw(p Person, at string, what problem) view {
	w := s.in(p.Name)
	v := view{words: w, Me: p.Name, At: at, Private: at == "", Longest: s.longest()}
	v.Title, v.Label = w.Texts["dm"], w.Texts["write-dm"]
	if at != "" {
		v.Title, v.Label = "#"+at, fmt.Sprintf(w.Texts["write-channel"], "#"+at)
	}
	for i, x := range s.people {
		about := w.Texts["language-"+string(speaks(x))]
		if x.Role != "" {
			about += ", " + w.Texts["role-"+string(x.Role)]
		}
		v.People = append(v.People, choice{x.Name, about, initial(x.Name), address(x, at), i % hues, x.Name == p.Name})
	}
	v.Places = append(v.Places, choice{Name: w.Texts["dm"], URL: address(p, ""), Current: at == ""})
	for _, c := range s.channels {
		x := choice{Name: "#" + c.Name, URL: address(p, c.Name), Current: c.Name == at}
		if on := s.platform(string(c.Only)); on != nil && len(s.platforms) > 1 {
			x.About = on.name()
		}
		v.Places = append(v.Places, x)
	}
	v.Empty = true
	for _, on := range s.platforms {
		pane := paneView{ID: on.id(), Name: on.name(), Where: v.Title, Absent: !on.has(at)}
		if at == "" {
			pane.Where = BotName
		}
		if !pane.Absent {
			pane.Messages = s.drawMessages(on, p, at)
		}
		v.Empty = v.Empty && len(pane.Messages) == 0
		v.Panes = append(v.Panes, pane)
		if f := on.form(p.Name); f != nil && v.Form == nil {
			v.Form = s.drawForm(on, p, f)
			v.Form.Pane = pane
		}
	}
	names := make([]string, 0, len(v.Panes))
	for _, pane := range v.Panes {
		names = append(names, pane.Name)
	}
	v.Shown = strings.Join(names, " "+w.Texts["and"]+" ")
	v.Try = s.try(w, p, at)
	v.Problem = s.said(w, what)
	v.Alert = what.Key != "unheard"
	return v
}

// said is a problem in words; what the address names and nobody knows is none.
func (s *site) said(w words, p problem) string {
	text := w.Texts["problem-"+p.Key]
	switch {
	case p.Key == "long":
		return fmt.Sprintf(text, s.longest())
	case strings.Contains(text, "%s"):
		return fmt.Sprintf(text, strings.Join(p.On, ", "))
	}
	return text
}

// try proposes what to say.
func (s *site) try(w words, p Person, at string) []string {
	prefix := ""
	if at != "" {
		prefix = "@" + BotName + " "
	}
	all := []string{prefix + w.Texts["ask-1"], prefix + w.Texts["ask-2"], prefix + w.Texts["ask-3"], w.Texts["try-ask"], w.Texts["try-language"]}
	if p.Role == bot.Admin {
		all = append(all, w.Texts["try-edit"])
	}
	return all
}

func initial(name string) string {
	c, _ := utf8.DecodeRuneInString(name)
	return strings.ToUpper(string(c))
}

func (s *site) drawMessages(on platform, p Person, at string) []messageView {
	all := on.messages(p.Name, at)
	byID := map[string]message{}
	replies := map[string][]message{}
	var roots []message
	for _, m := range all {
		byID[m.id] = m
		if m.thread == "" || m.thread == m.id {
			roots = append(roots, m)
		} else {
			replies[m.thread] = append(replies[m.thread], m)
		}
	}
	var views []messageView
	for _, m := range roots[max(0, len(roots)-maxShown):] {
		v := s.drawMessage(on, p, m, byID)
		for _, r := range replies[m.id] {
			v.Replies = append(v.Replies, s.drawMessage(on, p, r, byID))
		}
		views = append(views, v)
	}
	return views
}

func (s *site) drawMessage(on platform, p Person, m message, byID map[string]message) messageView {
	said := m.at.In(s.now().Location())
	v := messageView{
		DOM: on.id() + "-" + m.id, ID: m.id, Author: m.author, Bot: m.author == "", ISO: said.Format(time.RFC3339),
		Hour: s.in(p.Name).HourOf(said), Only: m.only, Edited: m.edited, Thinking: m.thinking, Pieces: m.pieces,
		Lang: webpage.Recognise(s.words, m.raw),
	}
	if v.Bot {
		v.Author = BotName
	}
	v.Initial = initial(v.Author)
	for i, x := range s.people {
		if x.Name == m.author {
			v.Hue = i % hues
		}
	}
	if answered, ok := byID[m.answers]; ok {
		author := answered.author
		if author == "" {
			author = BotName
		}
		v.Answers = &quoteView{author, markup.Cut(excerpt(answered), maxQuoted, "…")}
	}
	drawn, _ := json.Marshal(v) // it is made of texts
	v.Version = version(string(drawn))
	return v
}

// excerpt is a message without its marks.
func excerpt(m message) string {
	var b strings.Builder
	for _, p := range m.pieces {
		inside := false
		for _, r := range string(p.HTML) {
			switch {
			case r == '<':
				inside = true
			case r == '>':
				inside = false
				b.WriteByte(' ')
			case !inside:
				b.WriteRune(r)
			}
		}
	}
	return strings.Join(strings.Fields(html.UnescapeString(b.String())), " ")
}

func (s *site) drawForm(on platform, p Person, f *form) *formView {
	w := s.in(p.Name)
	v := &formView{ID: f.id, Title: f.title, Submit: f.submit, Cancel: f.cancel}
	if v.Submit == "" {
		v.Submit = w.Texts["submit"]
	}
	if v.Cancel == "" {
		v.Cancel = w.Texts["cancel"]
	}
	s.mu.Lock()
	r := s.refused[on.id()+" "+p.Name]
	s.mu.Unlock()
	if r == nil || r.form != f.id {
		r = &refusal{}
	}
	v.Refused = len(r.errors) > 0
	for _, x := range f.fields {
		if typed, ok := r.values[x.Name]; ok {
			x.Value = typed
		}
		v.Fields = append(v.Fields, fieldView{field: x, Error: r.errors[x.Name], Typed: markup.Length(x.Value)})
	}
	v.Number = version(fmt.Sprint(on.id(), f.id, r.number, r.errors))
	return v
}
