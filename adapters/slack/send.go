package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	slackgo "github.com/slack-go/slack"

	"procurabot/bot"
	"procurabot/internal/outbox"
)

const (
	holdMethod    = 30 * time.Second // when Slack limits a rate and does not say for how long
	holdWorkspace = time.Minute      // when the token is not accepted: a person has to mend it
)

// metadataType marks the messages of the outbox; the payload holds the row's id
// (https://docs.slack.dev/messaging/message-metadata). All apps of the workspace
// can read it.
const metadataType = "procurabot_outbox"

// Gate names a target's method and workspace, as Slack's rates are counted
// (https://docs.slack.dev/apis/web-api/rate-limits). Direct messages have one
// below that of all messages: opening them has a rate of its own.
func (a *Adapter) Gate(to bot.Target) string {
	switch {
	case to.Reply != nil:
		return a.gate(to, "response_url")
	case to.Home:
		return a.gate(to, "views.publish")
	case to.Conversation != "":
		return a.gate(to, "chat.postMessage")
	default:
		return a.gate(to, "chat.postMessage") + "/im"
	}
}

func (a *Adapter) gate(to bot.Target, method string) string {
	team := or(string(to.Account.Realm), or(string(to.Space), a.me().team))
	if method == "" {
		return string(Platform) + "/" + team
	}
	return string(Platform) + "/" + team + "/" + method
}

// Send posts or updates one message, or publishes a home page. What goes through
// a response URL has no id: Slack does not say it. Nor has a home page.
func (a *Adapter) Send(ctx context.Context, e bot.Envelope) (bot.MessageID, error) {
	if e.To.Home {
		return "", a.publish(ctx, e)
	}
	if e.To.Reply != nil {
		usedUp, err := a.respond(ctx, e)
		if !usedUp {
			return "", err
		}
		// Five answers have been given, or the clocks differ. Nothing was said, and
		// the person can be written to.
		e.To.Reply, e.To.Conversation = nil, ""
	}
	if e.Replaces != "" {
		return a.update(ctx, e)
	}
	channel, threadTS, err := a.channel(ctx, e.To)
	if err != nil {
		return "", err
	}
	options := append(content(e.Body),
		slackgo.MsgOptionDisableLinkUnfurl(), slackgo.MsgOptionDisableMediaUnfurl(),
		slackgo.MsgOptionMetadata(slackgo.SlackMetadata{EventType: metadataType, EventPayload: map[string]any{"id": e.ID}}))
	if threadTS != "" {
		options = append(options, slackgo.MsgOptionTS(threadTS))
	}
	ctx, reach := watch(ctx)
	channel, ts, err := a.api.PostMessageContext(ctx, channel, options...)
	return a.sent(e.To, "chat.postMessage", channel, ts, reach, err)
}

func (a *Adapter) update(ctx context.Context, e bot.Envelope) (bot.MessageID, error) {
	channel, ts, ok := strings.Cut(string(e.Replaces), ":")
	if !ok {
		return "", &outbox.Permanent{Err: errors.New("chat.update: the message to replace has no id of Slack's")}
	}
	ctx, reach := watch(ctx)
	channel, ts, _, err := a.api.UpdateMessageContext(ctx, channel, ts, content(e.Body)...)
	if refusal(err) == "message_not_found" {
		// Somebody deleted it: there is nothing left to correct, and nobody can mend that.
		a.log.Info("a message to edit is gone, its edit is let be", "row", e.ID)
		return e.Replaces, nil
	}
	return a.sent(e.To, "chat.update", channel, ts, reach, err)
}

func (a *Adapter) sent(to bot.Target, method, channel, ts string, reach *reach, err error) (bot.MessageID, error) {
	if err == nil && (channel == "" || ts == "") {
		err = &outbox.Uncertain{Err: fmt.Errorf("%s: the answer does not name the message", method)}
	}
	if err != nil {
		return "", a.outcome(to, method, reach, err)
	}
	return messageID(channel, ts), nil
}

func content(b bot.Body) []slackgo.MsgOption {
	return []slackgo.MsgOption{slackgo.MsgOptionText(fallback(b), false), slackgo.MsgOptionBlocks(blocks(b)...)}
}

// respond answers privately through a response URL. UsedUp says that the URL
// takes nothing any more, so that certainly nothing was said.
func (a *Adapter) respond(ctx context.Context, e bot.Envelope) (usedUp bool, err error) {
	if e.To.Reply.Token == "" {
		return true, nil
	}
	address, threadTS, _ := strings.Cut(e.To.Reply.Token, "#")
	no := false
	body, err := json.Marshal(slackgo.WebhookMessage{
		ResponseType: slackgo.ResponseTypeEphemeral, ThreadTimestamp: threadTS, Text: fallback(e.Body),
		Blocks: &slackgo.Blocks{BlockSet: blocks(e.Body)}, UnfurlLinks: &no, UnfurlMedia: &no,
	})
	if err != nil {
		return false, &outbox.Permanent{Err: fmt.Errorf("response_url: %w", err)}
	}
	ctx, reach := watch(ctx)
	err = a.postJSON(ctx, address, body)
	if code := refusal(err); code == "used_url" || code == "expired_url" {
		return true, nil
	}
	return false, a.outcome(e.To, "response_url", reach, err)
}

// postJSON posts to a response URL. The library's own way does not read what
// Slack answers.
func (a *Adapter) postJSON(ctx context.Context, address string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("the address cannot be used")
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	response, err := a.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if seconds, bad := strconv.Atoi(response.Header.Get("Retry-After")); response.StatusCode == http.StatusTooManyRequests && bad == nil {
		return &slackgo.RateLimitedError{RetryAfter: time.Duration(seconds) * time.Second}
	}
	var answer slackgo.SlackResponse
	if json.Unmarshal(raw, &answer) == nil && answer.Error != "" && response.StatusCode < http.StatusInternalServerError {
		return slackgo.SlackErrorResponse{Err: answer.Error}
	}
	switch {
	case response.StatusCode == http.StatusNotFound:
		return slackgo.SlackErrorResponse{Err: "expired_url"} // without a body, or with a page
	case response.StatusCode != http.StatusOK:
		return slackgo.StatusCodeError{Code: response.StatusCode, Status: response.Status}
	case err == nil && bytes.HasPrefix(bytes.TrimSpace(raw), []byte("<")):
		return errors.New("a page came for an answer") // of a proxy: Slack says "ok", or the same as JSON
	}
	return err
}

// channel is where a message goes: a channel, perhaps a thread in it, or the
// direct message with an account, which is opened where it must be.
func (a *Adapter) channel(ctx context.Context, to bot.Target) (channel, threadTS string, err error) {
	if to.Conversation != "" {
		channel, threadTS, _ = strings.Cut(string(to.Conversation), "/")
		return channel, threadTS, nil
	}
	if to.Account.User == "" {
		return "", "", &outbox.Permanent{Err: errors.New("the message has no addressee")}
	}
	if id, ok := a.dms.Load(to.Account.User); ok {
		return id.(string), "", nil
	}
	ctx, reach := watch(ctx)
	dm, _, _, err := a.api.OpenConversationContext(ctx, &slackgo.OpenConversationParameters{Users: []string{string(to.Account.User)}})
	if err != nil {
		err = a.outcome(to, "conversations.open", reach, err)
		var uncertain *outbox.Uncertain
		if errors.As(err, &uncertain) {
			// Opened or not, nothing has been said.
			err = &outbox.Retry{Err: uncertain.Err}
		}
		return "", "", err
	}
	a.dms.Store(to.Account.User, dm.ID)
	return dm.ID, "", nil
}

// How far back Find looks. The clocks of two machines differ, and a search has an end.
const (
	clockSkew = mostSkew
	pageSize  = 200
	mostPages = 10
)

// Find looks into the conversation for the message that carries the row's id.
// Where the history may not be read it is [outbox.ErrUnknowable].
func (a *Adapter) Find(ctx context.Context, e bot.Envelope) (bot.MessageID, error) {
	switch {
	case e.To.Home, e.Replaces != "":
		return "", outbox.ErrAbsent // to publish or replace it again makes no second one
	case e.To.Reply != nil:
		return "", outbox.ErrUnknowable
	}
	channel, threadTS, err := a.channel(ctx, e.To)
	if err != nil {
		return "", err
	}
	oldest := ""
	if !e.FirstAttempt.IsZero() {
		at := e.FirstAttempt.Add(-clockSkew).UnixMicro()
		oldest = fmt.Sprintf("%d.%06d", at/1e6, at%1e6)
	}
	ctx, reach := watch(ctx)
	cursor := ""
	for range mostPages {
		messages, next, method, err := a.page(ctx, channel, threadTS, oldest, cursor)
		if refusal(err) == "thread_not_found" {
			// A reply to a message that is gone stands in the channel itself
			// (PostMessageWithResponse of the library says so).
			threadTS, cursor = "", ""
			continue
		}
		if err != nil {
			return "", a.unanswered(e.To, method, reach, err)
		}
		for _, m := range messages {
			if m.Metadata.EventType == metadataType && m.Metadata.EventPayload["id"] == e.ID {
				return messageID(channel, m.Timestamp), nil
			}
		}
		if cursor = next; cursor == "" {
			return "", outbox.ErrAbsent
		}
	}
	return "", outbox.ErrUnknowable
}

func (a *Adapter) page(ctx context.Context, channel, threadTS, oldest, cursor string) (list []slackgo.Message, next, method string, err error) {
	if threadTS != "" {
		list, _, next, err = a.api.GetConversationRepliesContext(ctx, &slackgo.GetConversationRepliesParameters{
			ChannelID: channel, Timestamp: threadTS, Oldest: oldest, Cursor: cursor, Limit: pageSize, IncludeAllMetadata: true,
		})
		return list, next, "conversations.replies", err
	}
	page, err := a.api.GetConversationHistoryContext(ctx, &slackgo.GetConversationHistoryParameters{
		ChannelID: channel, Oldest: oldest, Cursor: cursor, Limit: pageSize, IncludeAllMetadata: true,
	})
	if err != nil {
		return nil, "", "conversations.history", err
	}
	return page.Messages, page.ResponseMetaData.NextCursor, "conversations.history", nil
}

// unanswered is what became of a question: the scope is missing or the bot is
// no longer there, or it is to be asked again.
func (a *Adapter) unanswered(to bot.Target, method string, reach *reach, err error) error {
	err = a.outcome(to, method, reach, err)
	var permanent *outbox.Permanent
	var uncertain *outbox.Uncertain
	switch {
	case errors.As(err, &permanent):
		return fmt.Errorf("%w: %w", outbox.ErrUnknowable, permanent.Err)
	case errors.As(err, &uncertain):
		return &outbox.Retry{Err: uncertain.Err}
	}
	return err
}

// outcome says what became of a request that failed.
func (a *Adapter) outcome(to bot.Target, method string, reach *reach, err error) error {
	if err == nil {
		return nil
	}
	gate := a.gate(to, method)
	switch method {
	case "conversations.open":
		gate = a.gate(to, "chat.postMessage") + "/im"
	case "chat.update":
		// Rows of corrections wait where those of messages do: see Gate.
		gate = a.gate(to, "chat.postMessage")
	}
	var limited *slackgo.RateLimitedError
	var status slackgo.StatusCodeError
	cause := bare(method, err)
	switch {
	case errors.As(err, &limited):
		return &outbox.Retry{After: limited.RetryAfter, Gate: gate, Err: cause}
	case errors.As(err, &status):
		switch {
		case status.Code == http.StatusTooManyRequests:
			return &outbox.Retry{After: holdMethod, Gate: gate, Err: cause}
		case status.Code >= http.StatusInternalServerError, status.Code == http.StatusRequestTimeout:
			return &outbox.Uncertain{Err: cause}
		}
		// The Web API answers 200 whatever it thinks of a request: something else answered.
		return &outbox.Retry{After: holdWorkspace, Gate: a.gate(to, ""), Err: cause}
	}
	if code := refusal(err); code != "" {
		switch {
		case code == rateLimited, code == "rate_limited":
			return &outbox.Retry{After: holdMethod, Gate: gate, Err: cause}
		case deadToken(code):
			a.revoked(code) // no event need have told it
			return &outbox.Retry{After: holdWorkspace, Gate: a.gate(to, ""), Err: cause}
		case suspended(code):
			return &outbox.Retry{After: holdWorkspace, Gate: a.gate(to, ""), Err: cause}
		case code == "internal_error", code == "fatal_error", code == "service_unavailable":
			// "Some aspect of the operation may have succeeded":
			// https://docs.slack.dev/reference/methods/chat.postMessage#errors
			return &outbox.Uncertain{Err: cause}
		case permanent(code):
			return &outbox.Permanent{Err: cause}
		}
		// Slack has not done it, and it is not known whether it ever will: the
		// outbox gives up after its number of attempts.
		return &outbox.Retry{Err: cause}
	}
	if reach.never() {
		return &outbox.Retry{Err: cause}
	}
	return &outbox.Uncertain{Err: cause}
}

// deadToken are the codes after which no call succeeds until a person has
// mended the installation: what waits for the workspace waits for them.
func deadToken(code string) bool {
	switch code {
	case "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "team_access_not_granted":
		return true
	}
	return false
}

// suspended are the codes of a workspace that takes nothing for now: it is being
// moved into an organisation, or its administrators have withdrawn its keys
// (https://docs.slack.dev/reference/methods/auth.test#errors).
func suspended(code string) bool {
	switch code {
	case "team_added_to_org", "org_login_required", "ekm_access_denied":
		return true
	}
	return false
}

// permanent are the codes that another attempt does not change
// (https://docs.slack.dev/reference/methods/chat.postMessage#errors,
// .../chat.update#errors, .../conversations.open#errors, .../views.publish#errors).
func permanent(code string) bool {
	switch code {
	case "channel_not_found", "not_in_channel", "is_archived", "is_inactive", "user_not_found", "users_not_found", "user_disabled", "user_not_visible",
		"user_not_in_channel", "cannot_dm_bot", "invalid_user_combination", "messages_tab_disabled", "no_permission", "missing_scope",
		"not_allowed_token_type", "method_not_supported_for_channel_type", "access_denied", "external_channel_migrating",
		"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text", "invalid_arguments", "invalid_arg_name",
		"invalid_metadata_format", "invalid_metadata_schema", "metadata_must_be_sent_from_app", "metadata_too_large", "markdown_text_conflict",
		"message_not_found", "cant_update_message", "edit_window_closed", "update_failed", "cannot_reply_to_message", "thread_not_found",
		"thread_locked", "block_mismatch", "invalid_payload", "invalid_response_type", "not_enabled", "view_too_large":
		return true
	}
	return strings.HasPrefix(code, "restricted_action")
}

// refusal is Slack's code in an error, or "".
func refusal(err error) string {
	var refused slackgo.SlackErrorResponse
	if errors.As(err, &refused) {
		return refused.Err
	}
	return ""
}

// bare names the method and keeps the address out, which for a response URL is
// as good as a password.
func bare(method string, err error) error {
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err
	}
	var refused slackgo.SlackErrorResponse
	if errors.As(err, &refused) && refused.Needed != "" {
		return fmt.Errorf("%s: %w (needed: %s)", method, err, refused.Needed)
	}
	return fmt.Errorf("%s: %w", method, err)
}

// reach is how far a request got. What never had a connection was never sent,
// whatever the error: a name that is not found, a refused connection, a
// certificate, a time limit.
type reach struct {
	ended             bool // before it began
	wanted, connected atomic.Bool
}

func watch(ctx context.Context) (context.Context, *reach) {
	r := &reach{ended: ctx.Err() != nil}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { r.wanted.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { r.connected.Store(true) },
	}), r
}

// never reports that no connection was had. A transport that reports nothing
// may have had one.
func (r *reach) never() bool { return r.ended || r.wanted.Load() && !r.connected.Load() }
