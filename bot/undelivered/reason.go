package undelivered

import (
	"regexp"
	"slices"
	"strings"

	"procurabot/bot"
	"procurabot/internal/outbox"
)

// kinds are the platforms' codes by what an office can do about them. Discord's
// are numbers (https://discord.com/developers/docs/topics/opcodes-and-status-codes#json),
// Slack's are words (https://docs.slack.dev/reference/methods/chat.postMessage#errors).
var kinds = []struct {
	reason string
	codes  []string
}{
	{"closed", []string{"50007", "50278", "50033", "10013", "cannot_dm_bot", "user_disabled", "user_not_found", "users_not_found", "user_not_visible", "messages_tab_disabled"}},
	{"gone", []string{"10003", "10004", "10008", "channel_not_found", "is_archived", "is_inactive", "message_not_found", "thread_not_found", "thread_locked"}},
	{"forbidden", []string{"50001", "50013", "not_in_channel", "missing_scope", "no_permission", "access_denied", "not_allowed_token_type"}},
	{"unfit", []string{"50035", "50006", "invalid_blocks", "invalid_blocks_format", "invalid_arguments", "msg_too_long", "msg_blocks_too_long", "no_text"}},
}

// reason says in plain words why a letter was given up, with the platform's
// code for whoever looks it up.
func reason(l bot.Letter) bot.Phrase {
	if l.State == outbox.Held {
		if strings.Contains(l.Reason, "restore") {
			return bot.P("undelivered.reason-restored", nil)
		}
		return bot.P("undelivered.reason-unknown", nil)
	}
	code := code(l.Reason)
	why := bot.P("undelivered.reason-"+kind(l.Reason, code), nil)
	if code == "" {
		return why
	}
	return bot.P("undelivered.reason-coded", bot.Values{"Reason": why, "Platform": l.To.Platform.Title(), "Code": bot.Data(code)})
}

func kind(reason, code string) string {
	for _, k := range kinds {
		if slices.Contains(k.codes, code) {
			return k.reason
		}
	}
	switch {
	case strings.HasPrefix(code, "restricted_action"):
		return "forbidden"
	case strings.HasPrefix(reason, "retry:"), strings.HasPrefix(reason, "attempts used up"):
		return "tries"
	}
	return "other"
}

var (
	numbers = regexp.MustCompile(`\bcode (\d+)`)
	words   = regexp.MustCompile(`(?:^|: )([a-z]+(?:_[a-z]+)+)(?:$|[ :])`)
	status  = regexp.MustCompile(`\bHTTP \d{3}\b`)
)

// code is the platform's own word for a reason, as its adapter writes it into
// errors; "" where it gave none.
func code(reason string) string {
	if m := numbers.FindStringSubmatch(reason); m != nil {
		return m[1]
	}
	// Slack's word is the last; before it stands the method.
	rest, last := strings.ReplaceAll(reason, "response_url: ", ""), ""
	for _, m := range words.FindAllStringSubmatch(rest, -1) {
		last = m[1]
	}
	if last != "" {
		return last
	}
	return status.FindString(reason)
}
