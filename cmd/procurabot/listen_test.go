package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"procurabot/adapters/playground"
	"procurabot/bot"
)

// still is a platform that is received from, or not.
type still struct {
	bot.Adapter
	ready bool
}

func (s *still) Ready() bool { return s.ready }

func (s *still) Counts() map[string]int64 { return map[string]int64{"reconnected": 3} }

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	b, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(b)
}

// TestPrivateListener: what whoever runs the bot can ask, while a platform is
// away and when all is well.
func TestPrivateListener(t *testing.T) {
	rooms := playground.New(playground.Options{})
	adapter, err := rooms.Adapter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	figures := newMetrics()
	a := testApp(t, parts{adapters: []bot.Adapter{adapter}, figures: figures})
	p := &still{Adapter: adapter}
	s := situation{engine: a.engine, now: a.db.Now, platforms: []platform{p}}
	figures.watch(s)
	h := privateHandler(s, figures)
	if code, body := get(t, h, "/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("healthy: %d %s", code, body)
	}
	if code, body := get(t, h, "/readyz"); code != http.StatusServiceUnavailable || body != "playground is not connected\n" {
		t.Errorf("a platform is away: %d %s", code, body)
	}
	p.ready = true
	if code, body := get(t, h, "/readyz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("ready: %d %s", code, body)
	}
	in := bot.Incoming{
		ID: "1", From: bot.Account{Platform: adapter.Platform(), User: "u"}, Locale: "fr", In: bot.Place{Conversation: "dm", Private: true},
		What: bot.Said{Text: "peut-on utiliser le logo ?"},
	}
	for range 2 {
		if _, err := a.engine.Receive(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	code, body := get(t, h, "/metrics")
	if code != http.StatusOK {
		t.Fatalf("metrics: %d", code)
	}
	for _, want := range []string{
		`procurabot_turn_seconds_count{kind="said",outcome="handled",platform="playground"} 1`,
		`procurabot_turn_seconds_count{kind="said",outcome="repeated",platform="playground"} 1`,
		`procurabot_questions_total{language="fr",outcome="answer"} 1`,
		`procurabot_platform_ready{platform="playground"} 1`,
		`procurabot_platform_events_total{event="reconnected",platform="playground"} 3`,
		`procurabot_outbox_messages{state="pending"} 2`,
		"procurabot_outbox_oldest_seconds", "go_goroutines",
	} {
		if !strings.Contains(body, want+"\n") && !strings.Contains(body, want+" ") {
			t.Errorf("the figures lack %s", want)
		}
	}
	if strings.Contains(body, "logo") {
		t.Error("the figures hold what somebody asked")
	}
}

// TestPublicListener has nothing but what platforms call, also below the path of
// the public address.
func TestPublicListener(t *testing.T) {
	c, err := readConfig(map[string]string{
		"PROCURABOT_SLACK_BOT_TOKEN": "xoxb-1", "PROCURABOT_SLACK_SIGNING_SECRET": strings.Repeat("a", 32),
		"PROCURABOT_DISCORD_BOT_TOKEN": "x", "PROCURABOT_DISCORD_PUBLIC_KEY": strings.Repeat("0", 64),
		"PROCURABOT_PUBLIC_ADDRESS": "https://city.example/chat/",
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := connect(c, newLog(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	h := publicHandler(c, p)
	for path, want := range map[string]int{
		"/slack/events": http.StatusUnauthorized, "/chat/slack/commands": http.StatusUnauthorized,
		"/discord/interactions": http.StatusUnauthorized, "/chat/discord/interactions": http.StatusUnauthorized,
		"/": http.StatusNotFound, "/metrics": http.StatusNotFound, "/healthz": http.StatusNotFound, "/chat/": http.StatusNotFound,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader("{}")))
		if w.Code != want {
			t.Errorf("%s answers %d, want %d", path, w.Code, want)
		}
	}
}
