package undelivered

import (
	"testing"

	"procurabot/bot"
	"procurabot/internal/outbox"
)

// TestReasons: what the adapters and the outbox write into a reason becomes
// words for an office, with the platform's code beside it.
func TestReasons(t *testing.T) {
	for _, x := range []struct {
		state            outbox.State
		reason           string
		wantID, wantCode string
	}{
		{outbox.Dead, "permanent: the person takes no direct messages: post: HTTP 403, code 50007: Cannot send messages to this user", "closed", "50007"},
		{outbox.Dead, "permanent: the channel is gone: post: HTTP 404, code 10003: Unknown Channel", "gone", "10003"},
		{outbox.Dead, "permanent: the bot may not write there: answer: HTTP 403, code 50013: Missing Permissions", "forbidden", "50013"},
		{outbox.Dead, "permanent: post: HTTP 400, code 50035: Invalid Form Body (content: BASE_TYPE_MAX_LENGTH)", "unfit", "50035"},
		{outbox.Dead, "permanent: post: HTTP 403: Forbidden", "other", "HTTP 403"},
		{outbox.Dead, "permanent: chat.postMessage: channel_not_found", "gone", "channel_not_found"},
		{outbox.Dead, "permanent: chat.postMessage: missing_scope (needed: chat:write)", "forbidden", "missing_scope"},
		{outbox.Dead, "permanent: chat.postMessage: restricted_action_read_only_channel", "forbidden", "restricted_action_read_only_channel"},
		{outbox.Dead, "permanent: response_url: invalid_blocks", "unfit", "invalid_blocks"},
		{outbox.Dead, "permanent: response_url: the address cannot be used", "other", ""},
		{outbox.Dead, "permanent: conversations.open: user_disabled", "closed", "user_disabled"},
		{outbox.Dead, "retry: chat.postMessage: some_new_code", "tries", "some_new_code"},
		{outbox.Dead, "retry: response_url: EOF", "tries", ""},
		{outbox.Dead, "attempts used up: did not arrive", "tries", ""},
		{outbox.Held, "cannot be known", "unknown", ""},
		{outbox.Held, "cannot be known: find: HTTP 403, code 50001: Missing Access", "unknown", ""},
		{outbox.Held, "retry: find: no answer: EOF", "unknown", ""},
		{outbox.Held, "restored from a copy of 2026-03-02", "restored", ""},
	} {
		got := reason(bot.Letter{Letter: outbox.Letter{Status: outbox.Status{State: x.state, Reason: x.reason}}, Outgoing: bot.Outgoing{To: bot.Target{Platform: "slack"}}})
		code := ""
		if got.ID == "undelivered.reason-coded" {
			code = string(got.Values["Code"].(bot.Data))
			got = got.Values["Reason"].(bot.Phrase)
		}
		if got.ID != "undelivered.reason-"+x.wantID || code != x.wantCode {
			t.Errorf("%s\nbecomes %s with code %q, not %s with %q", x.reason, got.ID, code, x.wantID, x.wantCode)
		}
	}
}

func TestNumbersAreReadAsPeopleTypeThem(t *testing.T) {
	for given, want := range map[string]string{
		"12": "12", "No. 12": "12", "n° 12": "12", "Nr. 12": "12", "#12": "12", "12.": "12", "Nr.12": "12",
		"": "", "twelve": "", "1 2": "", "12a": "", "1234567890": "", "-": "",
	} {
		got := ""
		if m := numbered.FindStringSubmatch(given); m != nil {
			got = m[1]
		}
		if got != want {
			t.Errorf("%q names %q, not %q", given, got, want)
		}
	}
}
