package fakeslack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"procurabot/adapters/slack/fakeslack"
)

// call posts a form, past the client library, which would not send most of these.
func (w *world) call(ctx context.Context, method string, values map[string]string) (code string, messages []string, err error) {
	form := url.Values{"token": {w.BotToken()}}
	for k, v := range values {
		form.Set(k, v)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL()+method, strings.NewReader(form.Encode()))
	if err != nil {
		return "", nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := w.HTTPClient().Do(r)
	if err != nil {
		return "", nil, err
	}
	defer answer.Body.Close()
	var got struct {
		Error    string
		Metadata struct{ Messages []string } `json:"response_metadata"`
	}
	err = json.NewDecoder(answer.Body).Decode(&got)
	return got.Error, got.Metadata.Messages, err
}

func text(n int) string { return strings.Repeat("ü", n) }

func times(n int, format string) string {
	var list []string
	for i := range n {
		if strings.Contains(format, "%d") {
			list = append(list, strings.ReplaceAll(format, "%d", fmt.Sprint(i)))
			continue
		}
		list = append(list, format)
	}
	return strings.Join(list, ",")
}

// Each limit at its edge and one beyond.
func TestBlockLimits(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	plain := func(n int) string { return `{"type":"plain_text","text":"` + text(n) + `"}` }
	section := func(rest string) string { return `{"type":"section",` + rest + `}` }
	button := func(label int, rest string) string {
		return `{"type":"button","action_id":"b%d","text":` + plain(label) + rest + `}`
	}
	actions := func(elements string) string { return `{"type":"actions","elements":[` + elements + `]}` }
	option := func(label, value int) string {
		return `{"text":` + plain(label) + `,"value":"%d` + text(value-1) + `"}`
	}
	menu := func(options string) string {
		return actions(`{"type":"static_select","action_id":"s","placeholder":` + plain(5) + `,"options":[` + options + `]}`)
	}
	confirm := func(title, body, yes int) string {
		return actions(times(1, button(5, `,"confirm":{"title":`+plain(title)+`,"text":`+plain(body)+`,"confirm":`+plain(yes)+`,"deny":`+plain(yes)+`}`)))
	}
	tests := []struct{ name, good, bad string }{
		{"50 blocks", times(50, `{"type":"divider"}`), times(51, `{"type":"divider"}`)},
		{"section text", section(`"text":` + plain(3000)), section(`"text":` + plain(3001))},
		{"section without text", section(`"text":` + plain(1)), `{"type":"section"}`},
		{"empty text", section(`"text":` + plain(1)), section(`"text":` + plain(0))},
		{"10 fields", section(`"fields":[` + times(10, plain(5)) + `]`), section(`"fields":[` + times(11, plain(5)) + `]`)},
		{"field text", section(`"fields":[` + plain(2000) + `]`), section(`"fields":[` + plain(2001) + `]`)},
		{"header", `{"type":"header","text":` + plain(150) + `}`, `{"type":"header","text":` + plain(151) + `}`},
		{"header in mrkdwn", `{"type":"header","text":` + plain(5) + `}`, `{"type":"header","text":{"type":"mrkdwn","text":"x"}}`},
		{"10 in a context", `{"type":"context","elements":[` + times(10, plain(5)) + `]}`, `{"type":"context","elements":[` + times(11, plain(5)) + `]}`},
		{"25 actions", actions(times(25, button(5, ""))), actions(times(26, button(5, "")))},
		{"an action", actions(times(1, button(5, ""))), actions("")},
		{"button text", actions(times(1, button(75, ""))), actions(times(1, button(76, "")))},
		{"button value", actions(times(1, button(5, `,"value":"`+text(2000)+`"`))), actions(times(1, button(5, `,"value":"`+text(2001)+`"`)))},
		{"button address", actions(times(1, button(5, `,"url":"`+text(3000)+`"`))), actions(times(1, button(5, `,"url":"`+text(3001)+`"`)))},
		{"button style", actions(times(1, button(5, `,"style":"danger"`))), actions(times(1, button(5, `,"style":"default"`)))},
		{"action ids of a block", actions(times(2, button(5, ""))), actions(strings.ReplaceAll(times(2, button(5, "")), "b1", "b0"))},
		{"action id", actions(strings.ReplaceAll(times(1, button(5, "")), "b0", text(255))), actions(strings.ReplaceAll(times(1, button(5, "")), "b0", text(256)))},
		{"block id", `{"type":"divider","block_id":"` + text(255) + `"}`, `{"type":"divider","block_id":"` + text(256) + `"}`},
		{"block ids", times(2, `{"type":"divider","block_id":"b%d"}`), times(2, `{"type":"divider","block_id":"b"}`)},
		{"100 options", menu(times(100, option(5, 5))), menu(times(101, option(5, 5)))},
		{"an option", menu(times(1, option(5, 5))), menu("")},
		{"option text", menu(times(1, option(75, 5))), menu(times(1, option(76, 5)))},
		{"option value", menu(times(1, option(5, 150))), menu(times(1, option(5, 151)))},
		{"option values", menu(times(2, option(5, 5))), menu(times(2, strings.ReplaceAll(option(5, 5), "%d", "0")))},
		{"placeholder", strings.Replace(menu(times(1, option(5, 5))), plain(5), plain(150), 1), strings.Replace(menu(times(1, option(5, 5))), plain(5), plain(151), 1)},
		{"radio buttons", actions(`{"type":"radio_buttons","action_id":"r","options":[` + times(10, option(5, 5)) + `]}`),
			actions(`{"type":"radio_buttons","action_id":"r","options":[` + times(11, option(5, 5)) + `]}`)},
		{"overflow", actions(`{"type":"overflow","action_id":"o","options":[` + times(5, option(5, 5)) + `]}`),
			actions(`{"type":"overflow","action_id":"o","options":[` + times(6, option(5, 5)) + `]}`)},
		{"confirm title", confirm(100, 5, 5), confirm(101, 5, 5)},
		{"confirm text", confirm(5, 300, 5), confirm(5, 301, 5)},
		{"confirm buttons", confirm(5, 5, 30), confirm(5, 5, 31)},
		{"markdown", `{"type":"markdown","text":"` + text(12000) + `"}`, `{"type":"markdown","text":"` + text(12001) + `"}`},
		{"image", `{"type":"image","image_url":"https://example.org/a.png","alt_text":"a"}`, `{"type":"image","image_url":"https://example.org/a.png"}`},
		{"text inputs stand in inputs", times(1, `{"type":"divider"}`), actions(`{"type":"plain_text_input","action_id":"p"}`)},
		{"type", `{"type":"divider"}`, `{"type":"dividing"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := func(blocks string) map[string]string {
				return map[string]string{"channel": w.general.ID, "text": "x", "blocks": "[" + blocks + "]"}
			}
			if code, messages, err := w.call(t.Context(), "chat.postMessage", args(tt.good)); code != "" || err != nil {
				t.Errorf("at the limit: %q %v, %v", code, messages, err)
			}
			code, messages, err := w.call(t.Context(), "chat.postMessage", args(tt.bad))
			if code != "invalid_blocks" || len(messages) == 0 || err != nil {
				t.Errorf("beyond the limit: %q %v, %v", code, messages, err)
			}
		})
	}
	long := times(5, section(`"text":`+plain(2700)))
	if code, _, err := w.call(t.Context(), "chat.postMessage", map[string]string{"channel": w.general.ID, "blocks": "[" + long + "]"}); code != "msg_blocks_too_long" || err != nil {
		t.Errorf("13,500 characters of blocks: %q, %v", code, err)
	}
}

func TestViewLimits(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	plain := func(n int) string { return `{"type":"plain_text","text":"` + text(n) + `"}` }
	view := func(title, submit int, metadata int, blocks string) string {
		return `{"type":"home","private_metadata":"` + text(metadata) + `","blocks":[` + blocks + `]}`
	}
	modal := func(title, submit int, metadata int, blocks string) string {
		return `{"type":"modal","title":` + plain(title) + `,"submit":` + plain(submit) + `,"close":` + plain(submit) +
			`,"private_metadata":"` + text(metadata) + `","blocks":[` + blocks + `]}`
	}
	input := func(label, hint int) string {
		return `{"type":"input","label":` + plain(label) + `,"hint":` + plain(hint) + `,"element":{"type":"plain_text_input","action_id":"a","max_length":3000}}`
	}
	tests := []struct{ name, good, bad string }{
		{"title", modal(24, 5, 5, ""), modal(25, 5, 5, "")},
		{"submit and close", modal(5, 24, 5, ""), modal(5, 25, 5, "")},
		{"private metadata", modal(5, 5, 3000, ""), modal(5, 5, 3001, "")},
		{"100 blocks", modal(5, 5, 5, times(100, `{"type":"divider"}`)), modal(5, 5, 5, times(101, `{"type":"divider"}`))},
		{"input label", modal(5, 5, 5, input(2000, 5)), modal(5, 5, 5, input(2001, 5))},
		{"input hint", modal(5, 5, 5, input(5, 2000)), modal(5, 5, 5, input(5, 2001))},
		{"input length", modal(5, 5, 5, input(5, 5)), modal(5, 5, 5, strings.ReplaceAll(input(5, 5), "3000", "3001"))},
		{"submit with inputs", modal(5, 5, 5, input(5, 5)), `{"type":"modal","title":` + plain(5) + `,"blocks":[` + input(5, 5) + `]}`},
		{"blocks", modal(5, 5, 5, ""), `{"type":"modal","title":` + plain(5) + `}`},
		{"type", modal(5, 5, 5, ""), view(5, 5, 5, "")},
		{"no markdown block", modal(5, 5, 5, `{"type":"divider"}`), modal(5, 5, 5, `{"type":"markdown","text":"x"}`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// The view is read before the trigger, so that a good view gets as far as the trigger.
			args := map[string]string{"trigger_id": "none", "view": tt.good}
			if code, messages, err := w.call(t.Context(), "views.open", args); code != "invalid_trigger_id" || err != nil {
				t.Errorf("at the limit: %q %v, %v", code, messages, err)
			}
			args["view"] = tt.bad
			if code, _, err := w.call(t.Context(), "views.open", args); code != "invalid_arguments" || err != nil {
				t.Errorf("beyond the limit: %q, %v", code, err)
			}
		})
	}
	large := modal(5, 5, 5, times(90, `{"type":"section","text":`+plain(2999)+`}`))
	if code, _, err := w.call(t.Context(), "views.open", map[string]string{"trigger_id": "none", "view": large}); code != "view_too_large" || err != nil {
		t.Errorf("above 250 kB: %q, %v", code, err)
	}
}

// A home page is checked as it is published (https://docs.slack.dev/reference/methods/views.publish).
func TestHomeLimits(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	home := func(blocks string) string { return `{"type":"home","blocks":[` + blocks + `]}` }
	divider := `{"type":"divider"}`
	for name, tt := range map[string]struct{ user, view, want string }{
		"an empty page":   {w.ann.ID, home(""), ""},
		"100 blocks":      {w.ann.ID, home(times(100, divider)), ""},
		"101 blocks":      {w.ann.ID, home(times(101, divider)), "invalid_arguments"},
		"no blocks":       {w.ann.ID, `{"type":"home"}`, "invalid_arguments"},
		"a modal":         {w.ann.ID, `{"type":"modal","title":{"type":"plain_text","text":"x"},"blocks":[]}`, "invalid_arguments"},
		"a long section":  {w.ann.ID, home(`{"type":"section","text":{"type":"mrkdwn","text":"` + text(3001) + `"}}`), "invalid_arguments"},
		"a large page":    {w.ann.ID, home(times(90, `{"type":"section","text":{"type":"mrkdwn","text":"`+text(2999)+`"}}`)), "view_too_large"},
		"nobody":          {"", home(""), "invalid_arguments"},
		"somebody absent": {"U0NOBODY", home(""), "user_not_found"},
		"no view":         {w.ann.ID, "", "invalid_arguments"},
	} {
		t.Run(name, func(t *testing.T) {
			if code, messages, err := w.call(t.Context(), "views.publish", map[string]string{"user_id": tt.user, "view": tt.view}); code != tt.want || err != nil {
				t.Errorf("answered %q %v, %v, want %q", code, messages, err, tt.want)
			}
		})
	}
}

// With Socket Mode switched off a socket is told to go before it hears anything.
func TestSocketModeIsSwitchedOff(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	w.SocketMode(false)
	address := w.address(t)
	conn, _, err := w.Dialer().DialContext(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var first struct{ Type, Reason string }
	if err := conn.ReadJSON(&first); err != nil || first.Type != "disconnect" || first.Reason != "link_disabled" {
		t.Errorf("it was greeted with %+v, %v", first, err)
	}
	if n := w.Opened(); n != 0 {
		t.Errorf("%d sockets count as opened", n)
	}
}

func (w *world) address(t *testing.T) string {
	t.Helper()
	_, address, err := w.client().StartSocketModeContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return address
}
