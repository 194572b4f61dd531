package fakeslack_test

import (
	"context"
	"errors"
	"io"
	"log"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"procurabot/adapters/slack/fakeslack"
)

// specs are read once for the package: under the race detector that takes a second.
var specs = sync.OnceValues(fakeslack.LoadSpecs)

// world is a workspace with two people and two channels.
type world struct {
	*fakeslack.Server
	ann, bob         fakeslack.User
	general, private fakeslack.Channel
	api              *slack.Client
}

func newWorld(t *testing.T, o fakeslack.Options) *world {
	t.Helper()
	return startWorld(t, o, (*fakeslack.Server).Start)
}

func startWorld(t *testing.T, o fakeslack.Options, start func(*fakeslack.Server) error) *world {
	t.Helper()
	if o.Specs == nil {
		specs, err := specs()
		if err != nil {
			t.Logf("without the published schemas: %v", err)
		}
		o.Specs = specs
	}
	w := &world{Server: fakeslack.New(o)}
	if err := start(w.Server); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	w.people()
	return w
}

func (w *world) people() {
	w.ann = w.AddUser(fakeslack.User{Name: "ann", RealName: "Ann", Locale: "fr-FR", TZ: "Europe/Paris", Admin: true})
	w.bob = w.AddUser(fakeslack.User{Name: "bob", Locale: "de-DE"})
	w.general = w.AddChannel(fakeslack.Channel{Name: "general", Locale: "de-DE", Members: []string{w.ann.ID, w.bob.ID}, BotIsMember: true})
	w.private = w.AddChannel(fakeslack.Channel{Name: "secret", Private: true, Members: []string{w.ann.ID}})
	w.api = w.client()
}

func (w *world) client() *slack.Client {
	return slack.New(w.BotToken(), slack.OptionAPIURL(w.URL()), slack.OptionHTTPClient(w.HTTPClient()),
		slack.OptionAppLevelToken(w.AppToken()))
}

// listen runs a Socket Mode client that acknowledges everything with what answer returns.
func (w *world) listen(t *testing.T, answer func(socketmode.Event) any) {
	t.Helper()
	client := socketmode.New(w.client(), socketmode.OptionDialer(w.Dialer()), socketmode.OptionLog(log.New(io.Discard, "", 0)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = client.RunContext(ctx)
	}()
	handled := make(chan struct{})
	go func() {
		defer close(handled)
		for {
			select {
			case e := <-client.Events:
				if e.Request == nil || e.Request.EnvelopeID == "" {
					continue
				}
				if payload := answer(e); payload == silence {
					continue
				} else if err := client.AckCtx(ctx, e.Request.EnvelopeID, payload); err != nil {
					t.Errorf("acknowledge: %v", err)
				}
			case <-done:
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		// The client leaves its reader behind, which ends with the connection.
		w.Disconnect("reset")
		<-done
		<-handled
	})
}

// silence is the answer that is no acknowledgement.
const silence = "silence"

func (w *world) connected(t *testing.T, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := w.WaitConnected(ctx, n); err != nil {
		t.Fatal(err)
	}
}

// code is Slack's error code in an error of the client library.
func code(err error) string {
	var refused slack.SlackErrorResponse
	if errors.As(err, &refused) {
		return refused.Err
	}
	if err != nil {
		return "not Slack's: " + err.Error()
	}
	return ""
}

func plain(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
}

func mrkdwn(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, text, false, true)
}

func modal(title string) slack.ModalViewRequest {
	input := slack.NewInputBlock("name", plain("Name"), plain("As in your passport"), slack.NewPlainTextInputBlockElement(plain("Ann"), "name_text"))
	choice := slack.NewInputBlock("language", plain("Language"), nil, slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, plain("Choose"), "language_choice",
		slack.NewOptionBlockObject("fr", plain("Français"), nil), slack.NewOptionBlockObject("de", plain("Deutsch"), nil)))
	choice.Optional = true
	return slack.ModalViewRequest{
		Type: slack.VTModal, Title: plain(title), Submit: plain("Save"), Close: plain("Cancel"), CallbackID: "register",
		PrivateMetadata: "draft-1", NotifyOnClose: true,
		Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewSectionBlock(mrkdwn("Welcome &amp; *hello*"), nil, nil), input, choice}},
	}
}
