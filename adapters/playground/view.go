package playground

import (
	"html/template"
	"net/url"
	"slices"
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
	Me, At   string // as the page's address has them
	Person   personView
	People   []personView
	Places   []placeView
	Title    string
	About    string
	Label    string // of the field to write in
	Back     *placeView
	Private  bool
	Messages []messageView
	Empty    *emptyView
	Form     *formView
	Problem  string
	Date     string
	Hour     string
	Steps    []stepView
	Commands []proposal
	Longest  int
}

type personView struct {
	ID, Name, Initial, About, URL string
	Hue                           int
	Current                       bool
	New                           int
}

type placeView struct {
	ID, Name, URL string
	Current       bool
	New           int
}

type messageView struct {
	ID              string
	Version         int
	Day             string // where another day begins
	Author, Initial string
	Hue             int
	Bot, Mine       bool
	ISO, Hour       string
	Lang            string
	Text, Note      template.HTML
	Written         string // by a person
	Only, Edited    bool
	To              string
	Buttons         []buttonView
	Thread          string // its address, "" where there is none
	Replies         []messageView
}

type buttonView struct {
	Number       int
	Label, Style string
}

type emptyView struct {
	Title, Text string
	Suggestions []string
}

type formView struct {
	bot.ShownForm
	Number  int
	Refused bool
	Fields  []fieldView
}

type fieldView struct {
	bot.ShownField
	Error string
	Typed int
}

type stepView struct{ ID, Label string }

// maxShown is how many messages of a conversation the page shows: the newest.
const maxShown = 300

func address(p *person, at place) string {
	q := url.Values{"as": {string(p.id)}}
	if at.with == nil {
		q.Set("at", string(at.id()))
	}
	return "/?" + q.Encode()
}

// draw is what a person sees at a place; it counts as read then.
func (s *site) draw(p *person, at place, problem string) view {
	r, w := s.rooms, s.in(speaks(p))
	now := s.control.Now()
	v := view{words: w, Me: string(p.id), Date: w.DateOf(now), Hour: w.HourOf(now), Private: at.with != nil, Longest: maxSaid}
	if at.with == nil {
		v.At = string(at.id())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p.read[at.top().id()] = r.last
	v.People, v.Person = s.drawPeople(p, at)
	v.Places = s.drawPlaces(p, at)
	d := drawing{site: s, me: p, at: at, zone: now.Location(), replies: map[bot.MessageID][]*message{}}
	v.Messages = d.messages()
	s.describe(&v, p, at)
	if len(v.Messages) == 0 {
		v.Empty = drawEmpty(w, at)
	}
	if p.form != nil {
		v.Form = drawForm(p.form)
	}
	for _, step := range steps() {
		v.Steps = append(v.Steps, stepView{step.id, w.Texts["clock-"+step.id]})
	}
	if problem != "" && w.Texts["problem-"+problem] != "" {
		v.Problem = problem
	}
	if r.link != nil {
		for _, c := range r.link.bot.Commands() {
			v.Commands = append(v.Commands, describeCommand(r.link.bot, speaks(p), c))
		}
	}
	return v
}

func initial(name string) string {
	c, _ := utf8.DecodeRuneInString(name)
	return strings.ToUpper(string(c))
}

// hues is how many colours people have; the style sheet names them.
const hues = 6

func (r *Rooms) hue(p *person) int { return slices.Index(r.people, p) % hues }

func (s *site) drawPeople(me *person, at place) (all []personView, current personView) {
	w := s.in(speaks(me))
	for _, p := range s.rooms.people {
		about := []string{}
		if l := bot.ParseLocale(p.locale); l != "" {
			about = append(about, w.Texts["language-"+string(l)])
		}
		if p.role != "" {
			about = append(about, w.Texts["role-"+string(p.role)])
		}
		to := at.top()
		if at.with != nil {
			to = place{with: p}
		}
		v := personView{
			ID: string(p.id), Name: p.name, Initial: initial(p.name), About: strings.Join(about, ", "),
			URL: address(p, to), Hue: s.rooms.hue(p), Current: p == me,
		}
		if p == me {
			current = v
		} else {
			v.New = s.rooms.unread(p, nil)
		}
		all = append(all, v)
	}
	return all, current
}

// unread counts what the bot said to a person, or in a channel where it was not
// they who spoke. Without a place it counts what waits for them alone.
func (r *Rooms) unread(p *person, at *place) int {
	n := 0
	for _, m := range r.messages {
		if m.author == p || !m.visible(p) || m.number <= p.read[m.at.top().id()] {
			continue
		}
		mine := m.at.with == p || m.only == p || m.at.channel != nil && m.at.channel.role != "" && m.at.channel.role == p.role
		if at == nil && mine || at != nil && m.at.top() == *at {
			n++
		}
	}
	return n
}

func (s *site) drawPlaces(p *person, at place) []placeView {
	all := []place{{with: p}}
	for _, c := range s.rooms.channels {
		all = append(all, place{channel: c})
	}
	var views []placeView
	for _, to := range all {
		v := placeView{ID: string(to.id()), Name: to.name(), URL: address(p, to), Current: to == at.top(), New: s.rooms.unread(p, &to)}
		if to.with != nil {
			v.ID, v.Name = "dm", s.in(speaks(p)).Texts["dm"]
		}
		views = append(views, v)
	}
	return views
}

func (s *site) describe(v *view, p *person, at place) {
	t := func(key string, values ...any) string {
		text, _ := v.T(key, values...) // a test has every key
		return text
	}
	switch {
	case at.with != nil:
		v.Title, v.About, v.Label = t("dm"), t("dm-about"), t("write-dm")
	case at.root != "":
		v.Title, v.About, v.Label = t("thread", at.name()), t("thread-about"), t("write-thread")
		v.Back = &placeView{Name: t("back", at.name()), URL: address(p, at.top()) + "#m-" + url.PathEscape(string(at.root))}
	case at.channel.role != "":
		v.Title, v.About, v.Label = at.name(), t("editor-about"), t("write-channel", at.name())
	default:
		v.Title, v.About, v.Label = at.name(), t("channel-about"), t("write-channel", at.name())
	}
}

func drawEmpty(w words, at place) *emptyView {
	kind, prefix := "dm", ""
	switch {
	case at.with == nil && at.channel.role != "":
		return &emptyView{Title: w.Texts["empty-editor"], Text: w.Texts["empty-editor-text"]}
	case at.with == nil:
		kind, prefix = "channel", "@"+BotName+" "
	}
	e := &emptyView{Title: w.Texts["empty-"+kind], Text: w.Texts["empty-"+kind+"-text"]}
	for _, key := range []string{"ask-1", "ask-2", "ask-3"} {
		e.Suggestions = append(e.Suggestions, prefix+w.Texts[key])
	}
	return e
}

func drawForm(f *openForm) *formView {
	v := &formView{ShownForm: f.ShownForm, Number: f.number, Refused: len(f.errors) > 0}
	for _, field := range f.Fields {
		v.Fields = append(v.Fields, fieldView{ShownField: field, Error: f.errors[field.Name], Typed: markup.Length(field.Value)})
	}
	return v
}

// drawing draws the messages of one place for one person.
type drawing struct {
	site    *site
	me      *person
	at      place
	zone    *time.Location
	replies map[bot.MessageID][]*message
	day     string
}

func (d *drawing) messages() []messageView {
	var roots []*message
	for _, m := range d.site.rooms.messages {
		switch {
		case !m.visible(d.me) || m.at.top() != d.at.top():
		case m.at.root != "":
			d.replies[m.at.root] = append(d.replies[m.at.root], m)
		case d.at.root == "" || m.id == d.at.root:
			roots = append(roots, m)
		}
	}
	roots = roots[max(0, len(roots)-maxShown):]
	var views []messageView
	for _, m := range roots {
		views = append(views, d.message(m))
	}
	return views
}

func (d *drawing) message(m *message) messageView {
	w, said := d.site.in(speaks(d.me)), m.said.In(d.zone)
	v := messageView{
		ID: string(m.id), Version: m.revision, ISO: said.Format(time.RFC3339), Hour: w.HourOf(said),
		Only: m.only != nil && m.at.with == nil, Edited: m.edited,
	}
	if day := w.DateOf(said); day != d.day {
		v.Day, d.day = day, day
	}
	if m.author != nil {
		v.Author, v.Initial, v.Hue, v.Mine = m.author.name, initial(m.author.name), d.site.rooms.hue(m.author), m.author == d.me
		v.Written, v.Lang = m.text, webpage.Recognise(d.site.words, m.text)
	} else {
		v.Author, v.Bot = BotName, true
		v.Text, v.Note = markup.HTML(m.body.Text), markup.HTML(m.body.Note)
		v.Lang = webpage.Recognise(d.site.words, markup.Plain(m.body.Text))
		for i, b := range m.body.Buttons {
			style := "plain"
			if b.Style == bot.Primary || b.Style == bot.Danger {
				style = string(b.Style)
			}
			v.Buttons = append(v.Buttons, buttonView{i, b.Label, style})
		}
		if m.to != nil && m.at.root == "" && m.at.with == nil {
			v.To = m.to.name
		}
	}
	if m.at.channel != nil && m.at.root == "" && m.only == nil && !d.site.rooms.likeDiscord() && d.at.root == "" {
		v.Thread = address(d.me, place{channel: m.at.channel, root: m.id})
	}
	for _, reply := range d.replies[m.id] {
		v.Replies = append(v.Replies, d.message(reply))
	}
	return v
}
