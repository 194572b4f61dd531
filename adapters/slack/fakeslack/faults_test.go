package fakeslack_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"procurabot/adapters/slack/fakeslack"
)

// What the client library makes of each fault, and whether the message is there all the same.
func TestEveryFaultAsTheClientSeesIt(t *testing.T) {
	status := func(want int) func(error) bool {
		return func(err error) bool {
			var got slack.StatusCodeError
			return errors.As(err, &got) && got.Code == want
		}
	}
	refused := func(want string) func(error) bool { return func(err error) bool { return code(err) == want } }
	broken := func(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) }
	tests := []struct {
		name   string
		fault  fakeslack.Fault
		is     func(error) bool
		posted bool
	}{
		{"429", fakeslack.Fault{Kind: fakeslack.RateLimited, RetryAfter: 30}, func(err error) bool {
			var limited *slack.RateLimitedError
			return errors.As(err, &limited) && limited.RetryAfter == 30*time.Second
		}, false},
		{"429 without Retry-After", fakeslack.Fault{Kind: fakeslack.RateLimitedBare}, status(429), false},
		{"200 ratelimited", fakeslack.Fault{Kind: fakeslack.RateLimitedBody}, refused("ratelimited"), false},
		{"500", fakeslack.Fault{Kind: fakeslack.Status}, status(500), false},
		{"502", fakeslack.Fault{Kind: fakeslack.Status, Status: 502}, status(502), false},
		{"503 after it was posted", fakeslack.Fault{Kind: fakeslack.Status, Status: 503, Accept: true}, status(503), true},
		{"a code", fakeslack.Fault{Kind: fakeslack.Code, Code: "restricted_action"}, refused("restricted_action"), false},
		{"a code after it was posted", fakeslack.Fault{Kind: fakeslack.Code, Code: "fatal_error", Accept: true}, refused("fatal_error"), true},
		{"closed before", fakeslack.Fault{Kind: fakeslack.ResetBefore}, broken, false},
		{"closed after", fakeslack.Fault{Kind: fakeslack.ResetAfter}, broken, true},
		{"HTML", fakeslack.Fault{Kind: fakeslack.HTMLBody}, func(err error) bool {
			var syntax *json.SyntaxError
			return errors.As(err, &syntax)
		}, true},
		{"half an answer", fakeslack.Fault{Kind: fakeslack.TruncatedJSON}, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }, true},
		{"slow to accept", fakeslack.Fault{Kind: fakeslack.Slow, Wait: time.Hour}, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }, false},
		{"slow to answer", fakeslack.Fault{Kind: fakeslack.SlowAnswer, Wait: time.Hour}, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }, true},
	}
	starts := map[string]func(*fakeslack.Server) error{
		"in memory": (*fakeslack.Server).Start,
		"over TCP":  func(s *fakeslack.Server) error { return s.StartTCP("127.0.0.1:0") },
	}
	for network, start := range starts {
		for _, tt := range tests {
			t.Run(network+"/"+tt.name, func(t *testing.T) {
				w := startWorld(t, fakeslack.Options{}, start)
				tt.fault.Method = "chat.postMessage"
				w.Fault(tt.fault)
				patience := 10 * time.Second
				if tt.fault.Wait > 0 {
					patience = 200 * time.Millisecond
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				_, _, err := w.api.PostMessageContext(ctx, w.general.ID, slack.MsgOptionText("x", false))
				if !tt.is(err) {
					t.Errorf("error: %T %v", err, err)
				}
				if got := len(w.Messages(w.general.ID)) == 1; got != tt.posted {
					t.Errorf("posted: %v", got)
				}
				w.ClearFaults()
				if _, _, err = w.api.PostMessageContext(t.Context(), w.general.ID, slack.MsgOptionText("x", false)); err != nil {
					t.Errorf("the next one: %v", err)
				}
				log := w.Calls("chat.postMessage")
				if len(log) != 2 || log[0].Fault != tt.fault.Kind || log[1].Outcome != "ok" || log[1].Args["text"] != "x" || log[1].Args["token"] != nil {
					t.Errorf("log: %+v", log)
				}
			})
		}
	}
}

func TestHooksStandBeforeAndAfterTheEffect(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	var at []string
	w.OnRequest(func(method string, phase fakeslack.Phase) {
		at = append(at, method+" "+string(phase))
		if want := map[fakeslack.Phase]int{fakeslack.Before: 0, fakeslack.After: 1}[phase]; len(w.Messages(w.general.ID)) != want {
			t.Errorf("%s: %d messages", phase, len(w.Messages(w.general.ID)))
		}
	})
	if _, _, err := w.api.PostMessageContext(t.Context(), w.general.ID, slack.MsgOptionText("x", false)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(at, []string{"chat.postMessage before", "chat.postMessage after"}) {
		t.Errorf("hooks: %v", at)
	}
}

func TestRateLimits(t *testing.T) {
	at := time.Unix(1_790_000_000, 0)
	w := newWorld(t, fakeslack.Options{Now: func() time.Time { return at }, Limits: &fakeslack.Limits{}})
	post := func(channel string) error {
		_, _, err := w.api.PostMessageContext(t.Context(), channel, slack.MsgOptionText("x", false))
		return err
	}
	if err := post(w.general.ID); err != nil {
		t.Fatal(err)
	}
	var limited *slack.RateLimitedError
	if err := post(w.general.ID); !errors.As(err, &limited) || limited.RetryAfter != time.Second {
		t.Errorf("two in a second: %v", err)
	}
	if err := post(w.DM(w.ann.ID)); err != nil {
		t.Errorf("another channel: %v", err)
	}
	at = at.Add(time.Second)
	if err := post(w.general.ID); err != nil {
		t.Errorf("a second later: %v", err)
	}
	list := func() error { _, err := w.api.GetUsersContext(t.Context()); return err }
	for range 20 {
		if err := list(); err != nil {
			t.Fatal(err)
		}
	}
	users := func() error {
		_, _, err := w.api.GetConversationsContext(t.Context(), &slack.GetConversationsParameters{})
		return err
	}
	if err := users(); err != nil {
		t.Errorf("methods have windows of their own: %v", err)
	}
	client := slack.New(w.BotToken(), slack.OptionAPIURL(w.URL()), slack.OptionHTTPClient(w.HTTPClient()))
	_, err := client.GetUsersPaginated().Next(t.Context())
	if !errors.As(err, &limited) || limited.RetryAfter != time.Minute {
		t.Errorf("twenty-one in a minute: %v", err)
	}
	w.SetLimits(&fakeslack.Limits{Scale: 2})
	for range 2 {
		if err := post(w.general.ID); err != nil {
			t.Errorf("at twice the rate: %v", err)
		}
	}
}

func TestSocketModeNeedsItsOwnToken(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL()+"apps.connections.open", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.BotToken())
	answer, err := w.HTTPClient().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var got struct{ Error string }
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || got.Error != "not_allowed_token_type" {
		t.Errorf("%+v, %v", got, err)
	}
}
