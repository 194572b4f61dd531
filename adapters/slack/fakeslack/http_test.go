package fakeslack_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"

	"procurabot/adapters/slack/fakeslack"
)

func TestSignedDelivery(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	var kinds []string
	app := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		verifier, err := slack.NewSecretsVerifier(r.Header, w.SigningSecret())
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = verifier.Write(body)
		if err := verifier.Ensure(); err != nil {
			t.Errorf("the signature does not hold: %v", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if r.Header.Get("Content-Type") == "application/json" {
			e, err := slackevents.ParseEvent(body, slackevents.OptionNoVerifyToken())
			if err != nil {
				t.Error(err)
			}
			kinds = append(kinds, e.Type+" "+e.InnerEvent.Type+" "+r.Header.Get("X-Slack-Retry-Num"))
			if challenge, ok := e.Data.(*slackevents.EventsAPIURLVerificationEvent); ok {
				_, _ = io.WriteString(rw, challenge.Challenge)
			}
			if len(kinds) == 2 {
				rw.WriteHeader(http.StatusInternalServerError)
			}
			return
		}
		if c, err := slack.InteractionCallbackParse(r); err == nil {
			kinds = append(kinds, string(c.Type))
			return
		}
		c, err := slack.SlashCommandParse(r)
		if err != nil || c.TriggerID == "" {
			t.Errorf("command: %+v, %v", c, err)
		}
		kinds = append(kinds, c.Command+" "+c.Text)
		_, _ = io.WriteString(rw, "in plain text")
	}))
	defer app.Close()
	w.DeliverHTTP(fakeslack.HTTPDelivery{Events: app.URL, Interactive: app.URL, Commands: app.URL, Client: app.Client()})
	if err := w.VerifyURL(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Say(t.Context(), w.ann.ID, w.general.ID, w.Mention(), ""); err == nil {
		t.Error("a 500 counts as an acknowledgement")
	}
	if n, err := w.Redeliver(t.Context()); n != 1 || err != nil {
		t.Errorf("redelivered %d: %v", n, err)
	}
	ack, err := w.Command(t.Context(), w.ann.ID, w.general.ID, "/procura", "help")
	if err != nil || ack.Message == nil || ack.Message.Text != "in plain text" {
		t.Errorf("command: %+v, %v", ack, err)
	}
	_, ts, err := w.api.PostMessageContext(t.Context(), w.general.ID, slack.MsgOptionBlocks(
		slack.NewActionBlock("", slack.NewButtonBlockElement("go", "", plain("Go")))))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Press(t.Context(), w.ann.ID, w.general.ID, ts, "go", ""); err != nil {
		t.Error(err)
	}
	want := []string{"url_verification  ", "event_callback app_mention ", "event_callback app_mention 1", "/procura help", "block_actions"}
	if len(kinds) != len(want) {
		t.Fatalf("got %q", kinds)
	}
	for i := range want {
		if kinds[i] != want[i] {
			t.Errorf("%d: got %q, want %q", i, kinds[i], want[i])
		}
	}
}

func TestAFalseSignatureIsFalse(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	verifier, err := slack.NewSecretsVerifier(w.Sign([]byte("one body")), w.SigningSecret())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = verifier.Write([]byte("another body"))
	if err := verifier.Ensure(); err == nil {
		t.Error("the signature of another body holds")
	}
}
