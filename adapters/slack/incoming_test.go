package slack

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	slackgo "github.com/slack-go/slack"

	"procurabot/bot"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var someNames = map[string]string{"U2": "greta", "C2": "lobby"}

func someDecoder() decoder {
	return decoder{
		self: self{team: "T1", user: "U0BOT"}, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		name: func(id string) string { return someNames[id] },
	}
}

// decode does what a worker does with an envelope of a kind.
func decode(d decoder, kind string, payload []byte) (in bot.Incoming, ok bool, err error) {
	switch kind {
	case "events_api":
		var e struct {
			ID    string          `json:"event_id"`
			Event json.RawMessage `json:"event"`
		}
		if err := json.Unmarshal(payload, &e); err != nil {
			return in, false, err
		}
		var m message
		var o opening
		if err := errors.Join(json.Unmarshal(e.Event, &m), json.Unmarshal(e.Event, &o)); err != nil {
			return in, false, err
		}
		if m.Type == "app_home_opened" {
			in, ok = d.opened(e.ID, o)
		} else {
			in, ok = d.said(m)
		}
	case "slash_commands":
		var c slackgo.SlashCommand
		if err := json.Unmarshal(payload, &c); err != nil {
			return in, false, err
		}
		in, ok = d.commanded(c)
	case "interactive":
		var i slackgo.InteractionCallback
		if err := json.Unmarshal(payload, &i); err != nil {
			return in, false, err
		}
		if i.Type == slackgo.InteractionTypeViewSubmission {
			in, ok = d.submitted(i)
		} else {
			in, ok = d.pressed(i)
		}
	default:
		return in, false, fmt.Errorf("no envelope is of kind %q", kind)
	}
	return in, ok, nil
}

func TestIncoming(t *testing.T) {
	files, err := filepath.Glob("testdata/incoming/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("payloads: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var envelope struct {
				Type    string          `json:"type"`
				Payload json.RawMessage `json:"payload"`
			}
			if err := json.Unmarshal(raw, &envelope); err != nil {
				t.Fatal(err)
			}
			in, ok, err := decode(someDecoder(), envelope.Type, envelope.Payload)
			if err != nil {
				t.Fatal(err)
			}
			got := []byte("not heard\n")
			if ok {
				var b bytes.Buffer
				e := json.NewEncoder(&b)
				e.SetEscapeHTML(false)
				e.SetIndent("", "  ")
				if err := e.Encode(map[string]any{"kind": fmt.Sprintf("%T", in.What), "incoming": in}); err != nil {
					t.Fatal(err)
				}
				got = b.Bytes()
			}
			golden(t, strings.TrimSuffix(file, ".json")+".golden", got)
		})
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs:\n%s\nwant:\n%s", file, got, want)
	}
}

func TestWritten(t *testing.T) {
	for slack, want := range map[string]string{
		"5 &lt; 6 &amp; 7 &gt; 2":                         "5 < 6 & 7 > 2",
		"&amp;lt; is how &lt; is written":                 "&lt; is how < is written",
		"ask <@U2> or <@U9>":                              "ask @greta or @U9",
		"ask <@U2|gretchen>":                              "ask @gretchen",
		"in <#C2> and <#C3|rest>":                         "in #lobby and #rest",
		"<!here> <!channel> <!subteam^S1|@board>":         "@here @channel @board",
		"<!subteam^S1>":                                   "@S1",
		"<!date^1392734382^{date}|in February>":           "in February",
		"<https://example.org>":                           "https://example.org",
		"<http://example.org|example.org>":                "example.org",
		"<mailto:a@example.org|a@example.org>":            "a@example.org",
		"<https://example.org/a?b=1&amp;c=2|the page>":    "the page (https://example.org/a?b=1&c=2)",
		"nothing <> at all":                               "nothing <> at all",
		"an end that is open <https://example.org|exampl": "an end that is open <https://example.org|exampl",
	} {
		if got := written(slack, func(id string) string { return someNames[id] }); got != want {
			t.Errorf("%q was read as %q, want %q", slack, got, want)
		}
	}
}

func TestTheMentionIsTakenAway(t *testing.T) {
	for text, want := range map[string]string{
		"<@U0BOT> hello":             "hello",
		"<@U0BOT>: hello":            "hello",
		"<@U0BOT|procurabot> hello":  "hello",
		"hello <@U0BOT> there":       "hello there",
		"and you, <@U0BOT>?":         "and you,?",
		"et toi <@U0BOT> ?":          "et toi ?",
		"one <@U0BOT>\ntwo":          "one\ntwo",
		"<@U0BOT>":                   "",
		"<@U0BOT> <@U0BOT> twice":    "twice",
		"hello <@U2>, not <@U0BOTS>": "",
	} {
		rest, found := unmentioned(text, "U0BOT")
		if want != "" && (!found || rest != want) {
			t.Errorf("%q became %q (%v), want %q", text, rest, found, want)
		}
		if strings.Contains(text, "U0BOTS") && found {
			t.Errorf("%q names somebody else", text)
		}
	}
}

func FuzzWritten(f *testing.F) {
	f.Add("<@U0BOT> a &lt; <http://x|y> <!here>")
	f.Fuzz(func(t *testing.T, text string) {
		rest, _ := unmentioned(text, "U0BOT")
		// What a person writes is sent with its three characters escaped, and read back whole.
		if plain := written(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text), someDecoder().name); plain != text {
			t.Errorf("%q came back as %q", text, plain)
		}
		written(accounts(rest, "T1"), someDecoder().name)
	})
}

func TestAButtonsIdIsFoundAgain(t *testing.T) {
	for i, id := range []string{"benefits.helpful", "a:b", "x"} {
		if got, ok := buttonID(actionID(i, id)); !ok || got != id {
			t.Errorf("%q came back as %q (%v)", id, got, ok)
		}
	}
	for _, foreign := range []string{"", "elsewhere", "0:"} {
		if _, ok := buttonID(foreign); ok {
			t.Errorf("%q is no button of ours", foreign)
		}
	}
}

// The recorded payloads have every field that Slack is known to send, and no
// content: a few words are put into them.
func TestRecordedInteractions(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "specs", "slack_samples", "app-backend")
	if _, err := os.Stat(dir); err != nil {
		t.Logf("without the recorded payloads, there is nothing to check: %v", err)
		return
	}
	filled := func(file string, change func(payload map[string]any)) []byte {
		raw, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		var payload map[string]any
		if err := json.Unmarshal(raw, &payload); err != nil {
			t.Fatal(err)
		}
		payload["trigger_id"] = "1.2.x"
		change(payload)
		if raw, err = json.Marshal(payload); err != nil {
			t.Fatal(err)
		}
		return raw
	}
	user := func(p map[string]any) { p["user"].(map[string]any)["id"] = "U1" }
	for _, test := range []struct {
		kind, file string
		change     func(map[string]any)
		want       bot.What
	}{
		{"slash_commands", "slash-commands/SlashCommandPayload.json", func(p map[string]any) {
			p["user_id"], p["command"], p["text"] = "U1", "/procura", "ask why?"
		}, bot.Commanded{Path: []string{"procura"}, Text: "ask why?"}},
		{"interactive", "interactive-components/BlockActionPayload.json", func(p map[string]any) {
			user(p)
			delete(p, "message") // has a "" where Slack sends a number
			p["actions"] = []any{map[string]any{"type": "button", "block_id": "b", "action_id": "1:x.helpful", "value": "v"}}
		}, bot.Pressed{Button: "x.helpful", Value: "v"}},
		{"interactive", "views/ViewSubmissionPayload.json", func(p map[string]any) {
			user(p)
			view := p["view"].(map[string]any)
			view["private_metadata"] = `{"draft":"d1"}`
			view["state"] = map[string]any{"values": map[string]any{"text": map[string]any{typedID: map[string]any{"type": "plain_text_input", "value": "typed"}}}}
		}, bot.Submitted{Draft: "d1", Values: map[string]string{"text": "typed"}}},
	} {
		in, ok, err := decode(someDecoder(), test.kind, filled(test.file, test.change))
		if err != nil || !ok {
			t.Errorf("%s: not heard: %v", test.file, err)
			continue
		}
		if got, want := fmt.Sprintf("%#v", in.What), fmt.Sprintf("%#v", test.want); got != want {
			t.Errorf("%s: heard %s, want %s", test.file, got, want)
		}
		if in.ID != "t:1.2.x" || in.From.String() != "slack:T1:U1" || in.Reply == nil {
			t.Errorf("%s: heard %+v", test.file, in)
		}
	}
}
