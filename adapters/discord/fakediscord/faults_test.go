package fakediscord_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"

	"procurabot/adapters/discord/fakediscord"
)

const postRoute = "POST /channels/{channel}/messages"

// TestFaults says of every fault what the real client makes of it, and whether
// the message was posted.
func TestFaults(t *testing.T) {
	restStatus := func(status int) func(error) bool {
		return func(err error) bool {
			var e *discordgo.RESTError
			return errors.As(err, &e) && e.Response.StatusCode == status
		}
	}
	restCode := func(code int) func(error) bool {
		return func(err error) bool {
			var e *discordgo.RESTError
			return errors.As(err, &e) && e.Message != nil && e.Message.Code == code
		}
	}
	limited := func(after time.Duration) func(error) bool {
		return func(err error) bool {
			var e *discordgo.RateLimitError
			return errors.As(err, &e) && e.RetryAfter == after
		}
	}
	tests := map[string]struct {
		fault  fakediscord.Fault
		posted bool
		means  func(error) bool
	}{
		"429 of a route":    {fakediscord.RateLimited(1500*time.Millisecond, "user", false), false, limited(1500 * time.Millisecond)},
		"429 global":        {fakediscord.RateLimited(250*time.Millisecond, "global", true), false, limited(250 * time.Millisecond)},
		"500":               {fakediscord.Status(500), false, restStatus(500)},
		"502":               {fakediscord.Status(502), false, func(err error) bool { return strings.Contains(err.Error(), "Exceeded Max retries HTTP 502") }},
		"503":               {fakediscord.Status(503), false, restStatus(503)},
		"reset before":      {fakediscord.ResetBefore(), false, func(err error) bool { return errors.Is(err, io.EOF) }},
		"reset after":       {fakediscord.ResetAfter(), true, func(err error) bool { return errors.Is(err, io.EOF) }},
		"slow":              {fakediscord.Slow(10 * time.Second), true, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
		"a page with 429":   {fakediscord.HTMLBody(429), false, func(err error) bool { var e *json.SyntaxError; return errors.As(err, &e) }},
		"half of the JSON":  {fakediscord.TruncatedJSON(), true, func(err error) bool { return errors.Is(err, discordgo.ErrJSONUnmarshal) }},
		"closed DMs":        {fakediscord.Code(50007), false, restCode(50007)},
		"DMs too fast":      {fakediscord.Code(40003), false, restCode(40003)},
		"unknown channel":   {fakediscord.Code(10003), false, restCode(10003)},
		"no permission":     {fakediscord.Code(50013), false, restCode(50013)},
		"no mutual servers": {fakediscord.Code(50278), false, restCode(50278)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fakediscord.Options{})
			d := w.client(t)
			w.Fail(postRoute, 1, test.fault)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if name == "slow" {
				// The deadline falls when the message stands and the answer is held back.
				w.OnRequest(func(_ string, phase fakediscord.Phase) {
					if phase == fakediscord.After {
						cancel()
					}
				})
				test.means = func(err error) bool { return errors.Is(err, context.Canceled) }
			}
			defer cancel()
			_, err := d.ChannelMessageSend(w.channel.ID, "un", discordgo.WithContext(ctx))
			if err == nil || !test.means(err) {
				t.Errorf("the client returned %T: %v", err, err)
			}
			if got := len(w.Messages(w.channel.ID)) == 1; got != test.posted {
				t.Errorf("posted: %t, want %t", got, test.posted)
			}
			// A second client, since the first one waits as the header told it.
			if _, err := w.client(t).ChannelMessageSend(w.channel.ID, "deux"); err != nil {
				t.Errorf("the next request fails too: %v", err)
			}
			log := w.Requests()
			if len(log) != 2 || log[0].Outcome == "ok" || log[1].Outcome != "ok" || log[1].Route != postRoute || !strings.Contains(log[1].Body, "deux") {
				t.Errorf("the log is %+v", log)
			}
		})
	}
}

func TestHookSeesTheEffectBetweenItsPhases(t *testing.T) {
	w := newWorld(t, fakediscord.Options{})
	var seen []int
	w.OnRequest(func(route string, _ fakediscord.Phase) {
		if route == postRoute {
			seen = append(seen, len(w.Messages(w.channel.ID)))
		}
	})
	if _, err := w.client(t).ChannelMessageSend(w.channel.ID, "un"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, []int{0, 1}) {
		t.Errorf("messages before and after: %v, want [0 1]", seen)
	}
}

func TestNonce(t *testing.T) {
	c := newClock()
	w := newWorld(t, fakediscord.Options{Now: c.Now})
	d := w.client(t)
	message := must[*discordgo.Message](t)
	one := message(send(d, w.channel.ID, "un", "o1"))
	two := message(send(d, w.channel.ID, "autre chose", "o1"))
	if one.ID != two.ID || two.Content != "un" || len(w.Messages(w.channel.ID)) != 1 {
		t.Errorf("one nonce made %s %q and %s %q", one.ID, one.Content, two.ID, two.Content)
	}
	c.Add(2 * time.Minute)
	if m := message(send(d, w.channel.ID, "un", "o1")); m.ID != one.ID {
		t.Error("the nonce was forgotten after two minutes")
	}
	c.Add(10 * time.Minute)
	three := message(send(d, w.channel.ID, "un", "o1"))
	if three.ID == one.ID {
		t.Error("the nonce was kept for ten minutes")
	}
	if err := d.ChannelMessageDelete(w.channel.ID, three.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := send(d, w.channel.ID, "un", "o1"); code(err) != discordgo.ErrCodeUnknownMessage {
		t.Errorf("the nonce of a deleted message gives %v", err)
	}
	if _, err := send(d, w.channel.ID, "un", strings.Repeat("x", 26)); code(err) != discordgo.ErrCodeInvalidFormBody {
		t.Errorf("a nonce of 26 characters gives %v", err)
	}
}

// code is the API's error code, 0 without one.
func code(err error) int {
	var e *discordgo.RESTError
	if errors.As(err, &e) && e.Message != nil {
		return e.Message.Code
	}
	return 0
}

func TestPermissions(t *testing.T) {
	w := newWorld(t, fakediscord.Options{})
	d := w.client(t)
	hidden := w.AddChannel(w.guild.ID, "hidden", fakediscord.Text, fakediscord.Nothing)
	silent := w.AddChannel(w.guild.ID, "silent", fakediscord.Text, fakediscord.ViewChannel)
	shy := w.AddUser(fakediscord.User{Name: "shy", ClosedDMs: true})
	gone := w.AddUser(fakediscord.User{Name: "gone", Guilds: []string{}})
	for name, test := range map[string]struct {
		channel string
		code    int
	}{
		"hidden":  {hidden.ID, discordgo.ErrCodeMissingAccess},
		"silent":  {silent.ID, discordgo.ErrCodeMissingPermissions},
		"unknown": {"1", discordgo.ErrCodeUnknownChannel},
		"shy":     {w.DM(shy.ID), discordgo.ErrCodeCannotSendMessagesToThisUser},
		"gone":    {w.DM(gone.ID), 50278},
	} {
		if _, err := d.ChannelMessageSend(test.channel, "x"); code(err) != test.code {
			t.Errorf("%s: %v, want code %d", name, err, test.code)
		}
	}
	if got := w.Invalid(); got != 4 {
		t.Errorf("%d invalid requests are counted, want the four of status 403", got)
	}
	d.Token = "Bot wrong"
	if _, err := d.User("@me"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("a wrong token gives %v", err)
	}
}

func TestRateLimits(t *testing.T) {
	c := newClock()
	w := newWorld(t, fakediscord.Options{Now: c.Now, Limits: 1, Invalid: 3})
	post := func(path string) *http.Response {
		r := must[*http.Request](t)(http.NewRequest("POST", w.URL()+"/api/v10"+path, strings.NewReader(`{"content":"x"}`)))
		r.Header.Set("Authorization", "Bot "+w.Token())
		resp := must[*http.Response](t)(w.HTTPClient().Do(r))
		_ = resp.Body.Close()
		return resp
	}
	path := "/channels/" + w.channel.ID + "/messages"
	for n, want := range []string{"4", "3", "2", "1", "0"} {
		if r := post(path); r.StatusCode != 200 || r.Header.Get("X-RateLimit-Remaining") != want {
			t.Fatalf("request %d: status %d, %q remain, want %s", n, r.StatusCode, r.Header.Get("X-RateLimit-Remaining"), want)
		}
	}
	r := post(path)
	if r.StatusCode != 429 || r.Header.Get("Retry-After") != "5" || r.Header.Get("X-RateLimit-Scope") != "user" {
		t.Errorf("the sixth: %d %v", r.StatusCode, r.Header)
	}
	c.Add(5 * time.Second)
	if r := post(path); r.StatusCode != 200 {
		t.Errorf("after the reset: %d", r.StatusCode)
	}
	c.Add(time.Second)
	for n := range 50 {
		other := w.AddChannel(w.guild.ID, "x", fakediscord.Text, 0)
		if r := post("/channels/" + other.ID + "/messages"); r.StatusCode != 200 {
			t.Fatalf("request %d of a second: %d", n, r.StatusCode)
		}
	}
	if r := post(path); r.StatusCode != 429 || r.Header.Get("X-RateLimit-Global") != "true" {
		t.Errorf("request 51 of a second: %d %v", r.StatusCode, r.Header)
	}
	post(path)
	if r := post(path); r.StatusCode != 429 || r.Header.Get("Content-Type") == "application/json" {
		t.Errorf("after three invalid requests: %d %s, want the page of Cloudflare", r.StatusCode, r.Header.Get("Content-Type"))
	}
}
