package playground_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"procurabot/adapters/playground"
	"procurabot/bot"
	"procurabot/bot/bottest"
	"procurabot/internal/markup"
	"procurabot/internal/webpage"
)

// control moves a scene's clock.
type control struct {
	*bottest.Clock
	err error
}

func (c *control) Advance(_ context.Context, d time.Duration) error {
	c.Set(c.Now().Add(d))
	return c.err
}

// site is a scene with its page.
type site struct {
	*scene
	server  *httptest.Server
	control *control
}

func open(t *testing.T) *site {
	t.Helper()
	s := &site{scene: start(t, "playground")}
	s.control = &control{Clock: s.clock}
	h, err := playground.Handler(s.Rooms, s.control)
	s.must(err)
	s.server = httptest.NewServer(h)
	t.Cleanup(s.server.Close)
	return s
}

// got is an answer of the page.
type got struct {
	*http.Response
	text string
}

func (s *site) do(q *http.Request) got {
	s.t.Helper()
	r, err := http.DefaultClient.Do(q)
	s.must(err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	s.must(err)
	return got{r, string(b)}
}

func (s *site) get(path string) got {
	s.t.Helper()
	q, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.server.URL+path, nil)
	s.must(err)
	return s.do(q)
}

// post acts as the page's script does, whose fetch names its mode.
func (s *site) post(path string, v url.Values) got {
	s.t.Helper()
	q, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.server.URL+path, strings.NewReader(v.Encode()))
	s.must(err)
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("Sec-Fetch-Mode", "cors")
	return s.do(q)
}

func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func (s *site) wants(g got, status int, texts ...string) {
	s.t.Helper()
	if g.StatusCode != status {
		s.t.Errorf("status %d, want %d", g.StatusCode, status)
	}
	for _, text := range texts {
		if !strings.Contains(g.text, text) {
			s.t.Errorf("the page lacks %q:\n%s", text, g.text)
		}
	}
}

func (s *site) lacks(g got, texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		if strings.Contains(g.text, text) {
			s.t.Errorf("the page has %q", text)
		}
	}
}

// inline is what the policy forbids: a page that had any would not work.
var inline = regexp.MustCompile(`(?i)<style|<script>|<script [^>]*>[^<]|\sstyle=|\son[a-z]+=|javascript:|https?://[^"]*"\s*>?\s*</?(script|link|img)`)

func TestThePageOfEverybody(t *testing.T) {
	s := open(t)
	for who, texts := range map[string][]string{
		"maja": {`<html lang="en">`, "Ask your first question", "There is no sign-in", "Monday 2 March 2026, 09:00", "t help description in en"},
		"luc":  {`<html lang="fr">`, "Posez votre première question", "Sans connexion", "lundi 2 mars 2026, 9\u00a0h\u00a000"},
		"vera": {`<html lang="de">`, "Stellen Sie Ihre erste Frage", "Ohne Anmeldung", "Montag, 2. März 2026, 09:00\u00a0Uhr", "Redaktion"},
	} {
		g := s.get("/?as=" + who)
		s.wants(g, http.StatusOK, texts...)
		if found := inline.FindString(g.text); found != "" {
			t.Errorf("the page of %s has something inline: %q", who, found)
		}
	}
	g := s.get("/")
	s.wants(g, http.StatusOK, "Maja <span") // the first person
	policy := g.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("the policy is %q", policy)
	}
	for _, path := range []string{"/page.css", "/page.js", "/live.js", "/icon.svg"} {
		g := s.get(path)
		s.wants(g, http.StatusOK)
		if g.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be taken for something else", path)
		}
	}
	s.wants(s.get("/?as=vera&at=editors"), http.StatusOK, "Es warten keine Fragen")
}

func TestWhatIsNotThere(t *testing.T) {
	s := open(t)
	for _, path := range []string{"/?as=nobody", "/?as=luc&at=attic", "/?as=vera&at=dm:luc", "/?as=luc&at=lobby/x"} {
		s.wants(s.get(path), http.StatusNotFound, "Diese Seite gibt es nicht", "This page does not exist")
	}
	s.wants(s.get("/words.json"), http.StatusNotFound)
	s.wants(s.post("/say", values("as", "vera", "at", "dm:luc", "text", "hello")), http.StatusNotFound)
	if all := s.all(); len(all) != 0 {
		t.Errorf("the bot heard %v", all)
	}
}

func TestForeignPagesCannotAct(t *testing.T) {
	s := open(t)
	for name, header := range map[string][2]string{
		"another site":   {"Sec-Fetch-Site", "cross-site"},
		"another port":   {"Sec-Fetch-Site", "same-site"},
		"another origin": {"Origin", "http://evil.example"},
	} {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL+"/say", strings.NewReader("as=luc&text=hello"))
		s.must(err)
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q.Header.Set(header[0], header[1])
		if g := s.do(q); g.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", name, g.StatusCode)
		}
	}
	for host, status := range map[string]int{
		"evil.example": 421, "127.0.0.1.evil.example": 421, "localhost.evil.example:80": 421, "": 200,
		"localhost:8080": 200, "127.0.0.1": 200, "[::1]:8080": 200, "192.168.1.5:8080": 200,
	} {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+"/", nil)
		s.must(err)
		q.Host = host
		if g := s.do(q); g.StatusCode != status {
			t.Errorf("host %q: %d, want %d", host, g.StatusCode, status)
		}
	}
	s.wants(s.post("/say", values("as", "luc", "text", strings.Repeat("x", 300<<10))), http.StatusRequestEntityTooLarge)
	if all := s.all(); len(all) != 0 {
		t.Errorf("the bot heard %v", all)
	}
}

func TestTalking(t *testing.T) {
	s := open(t)
	s.wants(s.post("/say", values("as", "luc", "at", "lobby", "text", "quelqu'un déjeune ?")), http.StatusOK, `role="status">L’assistant n’a pas entendu`, "quelqu&#39;un déjeune ?")
	s.wants(s.post("/say", values("as", "luc", "text", "  ")), http.StatusOK, `role="alert">Il n’y avait encore rien`)
	s.wants(s.post("/say", values("as", "luc", "text", strings.Repeat("x", 4001))), http.StatusOK, "4000 caractères au plus")
	if all := s.all(); len(all) != 0 {
		t.Fatalf("the bot heard %v", all)
	}
	s.wants(s.post("/say", values("as", "luc", "at", "lobby", "text", "@procurabot one\r\ntwo")), http.StatusOK, "@Procurabot one\ntwo")
	in := s.last(t)
	if in.What.(bot.Said).Text != "one\ntwo" {
		t.Errorf("heard %q", in.What)
	}
	_, err := s.send(bot.Target{Conversation: in.In.Replies, Answering: in.What.(bot.Said).Message}, bot.Body{
		Text: "*Non*, vous pouvez [participer](https://example.org) avec nous.", Note: "Réponse automatique", Buttons: []bot.Button{{ID: "b", Label: "Utile", Value: "v"}},
	})
	s.must(err)
	g := s.get("/?as=luc&at=lobby")
	s.wants(g, http.StatusOK, "<strong>Non</strong>", `href="https://example.org"`, "Réponse automatique", ">Utile</button>", `<div class="text" lang="fr">`)
	thread := s.get("/?as=luc&at=" + url.QueryEscape(string(in.In.Replies)))
	s.wants(thread, http.StatusOK, "<strong>Non</strong>", "Retour à #lobby")
	s.lacks(thread, "déjeune")

	press := values("as", "luc", "at", "lobby", "message", match(t, g.text, `name="message" value="([^"]+)"`), "button", "0", "label", "Utile")
	s.wants(s.post("/press", press), http.StatusOK)
	pressed := s.last(t)
	if p, ok := pressed.What.(bot.Pressed); !ok || p.Value != "v" || pressed.From != s.Account("Luc") {
		t.Fatalf("heard %+v", pressed)
	}
	for key, v := range map[string]string{"label": "Inutile", "button": "7", "message": "x"} {
		wrong := values("as", "luc", "at", "lobby", "message", press.Get("message"), "button", "0", "label", "Utile")
		wrong.Set(key, v)
		s.wants(s.post("/press", wrong), http.StatusOK, "n’est plus disponible")
	}
	_, err = s.send(bot.Target{Reply: pressed.Reply}, bot.Body{Text: "Merci"})
	s.must(err)
	s.wants(s.get("/?as=luc&at=lobby"), http.StatusOK, "Visible par vous seul", "Merci")
	s.lacks(s.get("/?as=vera&at=lobby"), "Merci")

	e := s.envelope(s.lobby(), bot.Body{Text: "Corrigé"})
	e.Replaces = bot.MessageID(press.Get("message"))
	_, err = s.adapt.Send(t.Context(), e)
	s.must(err)
	s.wants(s.get("/?as=luc&at=lobby"), http.StatusOK, "Corrigé", `<span class="edited">modifié</span>`)

	s.wants(s.post("/say", values("as", "luc", "text", "/procura help")), http.StatusOK)
	if c, ok := s.last(t).What.(bot.Commanded); !ok || c.Text != "help" {
		t.Errorf("heard %+v", s.last(t))
	}
	s.answers(func(bot.Incoming) (bot.Immediate, error) { return bot.Immediate{}, errors.New("broken") })
	s.wants(s.post("/say", values("as", "luc", "text", "hello")), http.StatusOK, "L’assistant n’a pas répondu")
}

func match(t *testing.T, text, expression string) string {
	t.Helper()
	m := regexp.MustCompile(expression).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("nothing matches %s in:\n%s", expression, text)
	}
	return m[1]
}

func TestNewsIsCounted(t *testing.T) {
	s := open(t)
	for range 2 {
		_, err := s.send(bot.Target{Conversation: "editors"}, bot.Body{Text: "Eine Frage"})
		s.must(err)
	}
	_, err := s.send(bot.Target{Account: s.Account("Luc")}, bot.Body{Text: "Bonjour"})
	s.must(err)
	g := s.get("/?as=maja&at=lobby")
	for name, want := range map[string]string{"as-vera": "2 new", "as-luc": "1 new", "at-editors": "2 new"} {
		if m := regexp.MustCompile(`(?s)id="` + name + `".*?</a>`).FindString(g.text); !strings.Contains(m, want) {
			t.Errorf("%s: %q lacks %q", name, m, want)
		}
	}
	s.get("/?as=vera&at=editors")
	if m := regexp.MustCompile(`(?s)id="as-vera".*?</a>`).FindString(s.get("/?as=maja").text); strings.Contains(m, "new") {
		t.Errorf("Vera has read it: %q", m)
	}
}

func TestWithoutScriptTheAnswerIsAwaited(t *testing.T) {
	s := open(t)
	s.answers(func(in bot.Incoming) (bot.Immediate, error) {
		e := s.envelope(bot.Target{Conversation: in.In.Conversation}, bot.Body{Text: "Here I am"})
		go s.adapt.Send(context.Background(), e) //nolint:errcheck // the page says whether it arrived
		return bot.Immediate{}, nil
	})
	r, err := http.PostForm(s.server.URL+"/say", values("as", "maja", "text", "are you there?"))
	s.must(err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	s.must(err)
	if !strings.Contains(string(b), "Here I am") {
		t.Error("the answer is not on the page that follows")
	}
}

func TestAFormOnThePage(t *testing.T) {
	s := open(t)
	s.answers(func(bot.Incoming) (bot.Immediate, error) {
		return bot.Immediate{Form: &bot.ShownForm{Draft: "d1", Title: "Answer", Submit: "Send it", Cancel: "Leave it", Fields: []bot.ShownField{
			{Name: "text", Kind: bot.Paragraph, Label: "Your answer", Hint: "In French", Value: "\nBegun", Required: true, Max: 1500},
			{Name: "source", Kind: bot.Line, Label: "Source", Max: 100},
		}}}, nil
	})
	open := values("as", "vera", "at", "editors", "text", "/procura help")
	s.wants(s.post("/say", open), http.StatusOK, `<dialog id="form"`, `<label for="field-text">Your answer`, "(Pflichtfeld)", "6 von 1500 Zeichen",
		`aria-describedby="hint-text counter-text"`, "\n\nBegun</textarea>", "Leave it")
	s.lacks(s.get("/?as=luc"), "<dialog")

	s.answers(func(bot.Incoming) (bot.Immediate, error) {
		return bot.Immediate{Errors: map[string]string{"text": "Too short"}}, nil
	})
	send := values("as", "vera", "at", "editors", "draft", "d1", "do", "submit", "field.text", "a\r\n\"b\"", "field.source", "s")
	s.wants(s.post("/form", send), http.StatusOK, `<p class="error" id="error-text">Too short</p>`, `aria-invalid="true"`, "a\n&#34;b&#34;</textarea>", `value="s"`)
	if v := s.last(t).What.(bot.Submitted); v.Values["text"] != "a\n\"b\"" || v.Draft != "d1" {
		t.Errorf("heard %+v", v)
	}
	s.answers(func(bot.Incoming) (bot.Immediate, error) { return bot.Immediate{}, errors.New("broken") })
	g := s.post("/form", send)
	_, dialog, _ := strings.Cut(g.text, "<dialog")
	if !strings.Contains(dialog, "Der Assistent hat nicht geantwortet") || !strings.Contains(dialog, "&#34;b&#34;</textarea>") {
		t.Errorf("a form that failed neither says so nor keeps what was typed: %s", dialog)
	}
	s.answers(nil)
	stale := values("as", "vera", "draft", "d0", "do", "submit", "field.text", "x")
	n := len(s.all())
	s.wants(s.post("/form", stale), http.StatusOK, "nicht mehr vorhanden")
	s.lacks(s.post("/form", values("as", "vera", "draft", "d1", "do", "cancel")), "<dialog")
	if len(s.all()) != n {
		t.Error("the bot heard of a form that was not sent")
	}
}

func TestHostileTextIsInert(t *testing.T) {
	s := open(t)
	const hostile = `<script>alert(1)</script><img src=x onerror=alert(1)>"><a href="javascript:alert(1)">x</a>`
	s.must(s.AddPerson(t.Context(), bottest.Person{Name: `"><script>alert(2)</script>`, Locale: `"><script>`}))
	s.answers(func(bot.Incoming) (bot.Immediate, error) {
		return bot.Immediate{Form: &bot.ShownForm{Draft: `"><script>`, Title: "<script>", Submit: `"><script>`, Cancel: `<script>`, Fields: []bot.ShownField{
			{Name: "text", Kind: bot.Paragraph, Label: `"><script>`, Hint: `<script>alert(1)</script>`, Value: `</textarea><script>alert(3)</script>`},
			{Name: "line", Kind: bot.Line, Label: "L", Value: `"><script>alert(4)</script>`},
		}}}, nil
	})
	s.wants(s.post("/say", values("as", "luc", "at", "lobby", "text", "/procura help")), http.StatusOK)
	s.answers(nil)
	s.wants(s.post("/say", values("as", "luc", "at", "lobby", "text", hostile)), http.StatusOK)
	_, err := s.send(s.lobby(), bot.Body{
		Text: markup.Escape(hostile) + "[x](javascript:alert(1)) [y](data:text/html,x)", Note: markup.Escape(hostile),
		Buttons: []bot.Button{{ID: "b", Label: `"><script>alert(5)</script>`, Value: `"><script>`}},
	})
	s.must(err)
	g := s.get("/?as=luc&at=lobby")
	s.wants(g, http.StatusOK, "&lt;script&gt;alert(1)&lt;/script&gt;")
	s.lacks(g, "<script>", "<img src=x", `href="javascript:`, `href="data:`, "</textarea><script")
	if n := strings.Count(g.text, "<script"); n != 2 {
		t.Errorf("the page has %d scripts, its own two alone are wanted", n)
	}
}

func TestTimeMovesOn(t *testing.T) {
	s := open(t)
	s.wants(s.post("/time", values("as", "maja", "step", "days")), http.StatusOK, "Thursday 5 March 2026, 09:00")
	s.wants(s.post("/time", values("as", "luc", "step", "hour")), http.StatusOK, "jeudi 5 mars 2026, 10\u00a0h\u00a000")
	s.wants(s.post("/time", values("as", "maja", "step", "year")), http.StatusOK, "no longer here", "Thursday 5 March 2026, 10:00")
	s.control.err = errors.New("the database is locked")
	s.wants(s.post("/time", values("as", "maja", "step", "week")), http.StatusOK, "Time could not be moved on")
}

func TestProposals(t *testing.T) {
	s := open(t)
	s.answers(func(bot.Incoming) (bot.Immediate, error) {
		return bot.Immediate{Choices: []bot.Completion{{Label: "Logo", Value: "logo"}}}, nil
	})
	for line, want := range map[string]string{
		"/procura a":              "/procura ask ",
		"/procura ask lo":         "/procura ask logo",
		"/procura-admin":          "/procura-admin roles give ",
		"/procura-admin roles gi": "/procura-admin roles give ",
	} {
		g := s.get("/propose?as=luc&line=" + url.QueryEscape(line))
		var all []struct{ Line, Label, About string }
		if err := json.Unmarshal([]byte(g.text), &all); err != nil || len(all) != 1 || all[0].Line != want {
			t.Errorf("%q: proposed %s (%v)", line, g.text, err)
		}
	}
	s.wants(s.get("/propose?as=luc&line=hello"), http.StatusBadRequest)
	s.wants(s.get("/propose?as=nobody&line=/"), http.StatusBadRequest)
}

func TestThePageIsTold(t *testing.T) {
	s := open(t)
	r, err := http.Get(s.server.URL + "/live?as=luc")
	s.must(err)
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	next := func() string {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return data
			}
		}
		t.Fatal("the stream ended")
		return ""
	}
	first := next()
	_, err = s.send(s.lobby(), bot.Body{Text: "news"})
	s.must(err)
	if second := next(); second == first {
		t.Errorf("told of revision %s twice", first)
	}
}

func TestServeStops(t *testing.T) {
	s := open(t)
	h, err := playground.Handler(s.Rooms, s.control)
	s.must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- webpage.Serve(ctx, l, h) }()
	r, err := http.Get("http://" + l.Addr().String() + "/live?as=luc")
	s.must(err)
	defer r.Body.Close()
	if _, err := bufio.NewReader(r.Body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	stop() // though a page is listening
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
