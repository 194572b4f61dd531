package showcase_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/showcase"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
	"procurabot/bot/bottest"
)

// engine is a bot that does what a test says.
type engine struct {
	mu     sync.Mutex
	heard  []bot.Incoming
	answer func(bot.Incoming) (bot.Immediate, error)
}

func (e *engine) Receive(_ context.Context, in bot.Incoming) (bot.Immediate, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, in)
	if e.answer == nil {
		return bot.Immediate{}, nil
	}
	return e.answer(in)
}

func (e *engine) answers(f func(bot.Incoming) (bot.Immediate, error)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = f
}

// take gives what was heard since it was last asked.
func (e *engine) take() []bot.Incoming {
	e.mu.Lock()
	defer e.mu.Unlock()
	heard := e.heard
	e.heard = nil
	return heard
}

func (e *engine) Opens(bot.Incoming) bool { return true }
func (e *engine) Commands() []bot.CommandInfo {
	return []bot.CommandInfo{{Command: bot.Command{ID: "t.form", Path: []string{"procura", "form"}, Run: func(*bot.Turn) error { return nil }}}}
}
func (e *engine) Text(_ bot.Language, id string) string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(id)
}

// house is the page over both platforms, with a bot at work on them.
type house struct {
	*engine
	t        *testing.T
	server   *httptest.Server
	slack    *fakeslack.Stage
	discord  *fakediscord.Stage
	adapters map[bot.Platform]bot.Adapter
}

func open(t *testing.T) *house {
	t.Helper()
	h := &house{engine: &engine{}, t: t, adapters: map[bot.Platform]bot.Adapter{}}
	var err error
	h.slack, err = fakeslack.NewStage(fakeslack.Options{Commands: []string{"/procura"}})
	h.must(err)
	t.Cleanup(h.slack.Close)
	h.discord = fakediscord.NewStage(nil)
	t.Cleanup(h.discord.Close)
	s, err := showcase.New(t.Context(), showcase.Options{
		Slack: h.slack, Discord: h.discord,
		People: []showcase.Person{
			{Person: bottest.Person{Name: "Maja", Locale: "en"}}, {Person: bottest.Person{Name: "Luc", Locale: "fr"}},
		},
		Channels: []showcase.Channel{
			{Channel: bottest.Channel{Name: "lobby", Locale: "en"}},
			{Channel: bottest.Channel{Name: "editors", Locale: "de"}, Only: "slack"},
		},
	})
	h.must(err)
	page, err := s.Handler()
	h.must(err)
	h.server = httptest.NewServer(page)
	t.Cleanup(h.server.Close)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	for _, stage := range []bottest.Stage{h.slack, h.discord} {
		a, err := stage.Adapter(t.Context())
		h.must(err)
		h.adapters[a.Platform()] = a
		running.Go(func() {
			if err := a.Run(ctx, h.engine); err != nil {
				t.Errorf("%s ended: %v", a.Platform(), err)
			}
		})
	}
	t.Cleanup(func() { stop(); running.Wait() })
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) do(q *http.Request) (int, string) {
	h.t.Helper()
	r, err := http.DefaultClient.Do(q)
	h.must(err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	h.must(err)
	return r.StatusCode, string(b)
}

func (h *house) get(query string) string {
	h.t.Helper()
	q, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.server.URL+"/"+query, nil)
	h.must(err)
	_, text := h.do(q)
	return text
}

func (h *house) post(path string, pairs ...string) string {
	h.t.Helper()
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	q, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.server.URL+path, strings.NewReader(v.Encode()))
	h.must(err)
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, text := h.do(q)
	if status != http.StatusOK {
		h.t.Fatalf("%s: status %d", path, status)
	}
	return text
}

func (h *house) wants(page string, texts ...string) {
	h.t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			h.t.Errorf("the page lacks %q:\n%s", text, page)
		}
	}
}

// heardOn gives the platforms on which something was heard.
func (h *house) heardOn() map[bot.Platform]int {
	on := map[bot.Platform]int{}
	for _, in := range h.take() {
		on[in.From.Platform]++
	}
	return on
}

func TestSayingOnBothAndOnOne(t *testing.T) {
	h := open(t)
	h.wants(h.post("/say", "as", "Luc", "at", "lobby", "text", "@procurabot bonjour <b>"), `<span class="mention">@Procurabot</span> bonjour &lt;b&gt;`)
	if on := h.heardOn(); on["slack"] != 1 || on["discord"] != 1 {
		t.Errorf("heard on %v", on)
	}
	h.post("/say", "as", "Luc", "on", "discord", "text", "en privé")
	if on := h.heardOn(); on["slack"] != 0 || on["discord"] != 1 {
		t.Errorf("heard on %v", on)
	}
	h.wants(h.post("/say", "as", "Luc", "at", "lobby", "text", "bonjour"), `role="status">L’assistant n’a pas lu`)
	h.wants(h.post("/say", "as", "Luc", "text", " "), `role="alert">Le message est vide`)
	h.wants(h.post("/say", "as", "Luc", "text", strings.Repeat("x", 2001)), "2000 caractères au maximum")
	h.wants(h.post("/say", "as", "Maja", "at", "editors", "on", "discord", "text", "@Procurabot hi"), "This channel is not on Discord.")
	h.wants(h.post("/say", "as", "Maja", "text", "/nothing here"), "Slack, Discord does not offer")
	if on := h.heardOn(); len(on) != 0 {
		t.Errorf("heard on %v", on)
	}
	if page := h.get("?as=Maja"); strings.Contains(page, "en privé") {
		t.Error("Maja sees what is private to Luc")
	}
}

// pressed finds a button on a page.
var pressed = regexp.MustCompile(`name="on" value="(\w+)"><input type="hidden" name="message" value="([^"]+)"><input type="hidden" name="button" value="([^"]+)"><input type="hidden" name="label" value="([^"]+)"`)

func TestPressingAndFillingIn(t *testing.T) {
	h := open(t)
	form := &bot.ShownForm{Draft: "d1", Title: "<Title>", Submit: "Send it", Cancel: "Leave", Fields: []bot.ShownField{
		{Name: "text", Kind: bot.Paragraph, Label: "Text", Value: "</textarea><script>", Required: true, Max: 100},
	}}
	for _, platform := range []bot.Platform{"slack", "discord"} {
		stage := map[bot.Platform]bottest.Stage{"slack": h.slack, "discord": h.discord}[platform]
		h.must(h.slack.Ready(t.Context()))
		h.must(h.discord.WaitConnected(t.Context()))
		_, err := h.adapters[platform].Send(t.Context(), bot.Envelope{
			ID: "01aaaaaaaaaaaaaaaaaa", Outgoing: bot.Outgoing{
				To:   bot.Target{Platform: platform, Space: stage.Spot("lobby").Space, Conversation: stage.Spot("lobby").Conversation},
				Body: bot.Body{Text: "*Hello* \\*you\\*", Note: "small", Buttons: []bot.Button{{ID: "t.b", Label: "Press <me>", Value: "v", Style: bot.Primary}}},
			},
		})
		h.must(err)
	}
	page := h.get("?as=Maja&at=lobby")
	h.wants(page, `class="primary">Press &lt;me&gt;</button>`, "<strong>Hello</strong> ∗you∗", "<strong>Hello</strong> *you*")
	buttons := pressed.FindAllStringSubmatch(page, -1)
	if len(buttons) != 2 {
		t.Fatalf("there are %d buttons", len(buttons))
	}
	for _, b := range buttons {
		h.answers(func(in bot.Incoming) (bot.Immediate, error) {
			if _, sent := in.What.(bot.Submitted); !sent {
				return bot.Immediate{Form: form}, nil
			}
			if b[1] == "slack" && in.What.(bot.Submitted).Values["text"] == "wrong" {
				return bot.Immediate{Errors: map[string]string{"text": "not so"}}, nil
			}
			return bot.Immediate{}, nil
		})
		here := []string{"as", "Maja", "at", "lobby", "on", b[1]}
		page := h.post("/press", append(here, "message", b[2], "button", b[3], "label", "Press <me>")...)
		h.wants(page, "&lt;Title&gt;", "&lt;/textarea&gt;&lt;script&gt;", `<dialog id="form" class="`+b[1]+`"`)
		if on := h.heardOn(); len(on) != 1 || on[bot.Platform(b[1])] != 1 {
			t.Errorf("a press on %s was heard on %v", b[1], on)
		}
		open := regexp.MustCompile(`name="form" value="([^"]+)"`).FindStringSubmatch(page)
		here = append(here, "form", open[1])
		h.wants(h.post("/form", append(here, "field.text", "", "do", "submit")...), "Please fill in this field.", `aria-invalid="true"`)
		if on := h.heardOn(); len(on) != 0 {
			t.Error("an empty field was sent")
		}
		if b[1] == "slack" {
			h.wants(h.post("/form", append(here, "field.text", "wrong", "do", "submit")...), "not so", ">\nwrong</textarea>")
		}
		if page := h.post("/form", append(here, "field.text", "right", "do", "submit")...); strings.Contains(page, "<dialog") {
			t.Errorf("the form stays open on %s", b[1])
		}
		heard := h.take()
		if last, ok := heard[len(heard)-1].What.(bot.Submitted); !ok || last.Values["text"] != "right" || last.Draft != "d1" {
			t.Errorf("heard %v", heard)
		}
		h.wants(h.post("/form", append(here, "field.text", "late", "do", "submit")...), "This is no longer here.")
		h.wants(h.post("/press", append(here, "message", b[2], "button", b[3], "label", "Other")...), "This is no longer here.")
		// A form that is left is gone, and nothing of it was heard.
		page = h.post("/press", append(here, "message", b[2], "button", b[3], "label", "Press <me>")...)
		open = regexp.MustCompile(`name="form" value="([^"]+)"`).FindStringSubmatch(page)
		h.take()
		if page := h.post("/form", "as", "Maja", "at", "lobby", "on", b[1], "form", open[1], "do", "cancel"); strings.Contains(page, "<dialog") || len(h.take()) != 0 {
			t.Errorf("the form could not be left on %s", b[1])
		}
	}
}

func TestOnlyThePageItselfActs(t *testing.T) {
	h := open(t)
	for name, header := range map[string][2]string{
		"another site": {"Sec-Fetch-Site", "cross-site"}, "another origin": {"Origin", "http://evil.example"},
	} {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.server.URL+"/say", strings.NewReader("as=Luc&text=hello"))
		h.must(err)
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q.Header.Set(header[0], header[1])
		if status, _ := h.do(q); status != http.StatusForbidden {
			t.Errorf("%s: %d", name, status)
		}
	}
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.server.URL+"/", nil)
	h.must(err)
	q.Host = "evil.example"
	if status, _ := h.do(q); status != http.StatusMisdirectedRequest {
		t.Errorf("a foreign name: %d", status)
	}
	for _, path := range []string{"?as=Nobody", "?as=Luc&at=attic"} {
		h.wants(h.get(path), "Cette page n’existe pas", "This page does not exist")
	}
	if heard := h.take(); len(heard) != 0 {
		t.Errorf("heard %v", heard)
	}
}
