package discord

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"procurabot/bot"
	"procurabot/internal/outbox"
)

// Codes of refusals. https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
const (
	unknownChannel  = 10003
	unknownMessage  = 10008
	unknownWebhook  = 10015
	unknownInter    = 10062
	alreadyAnswered = 40060
	openingTooFast  = 40003
	invalidToken    = 50027
	closedDirect    = 50007
	noSharedGuild   = 50278
	noAccess        = 50001
	noHistory       = 160002
)

// sent is what Discord says of a message that it took.
type sent struct {
	ID      string `json:"id"`
	Channel string `json:"channel_id"`
	Content string `json:"content"`
	Nonce   any    `json:"nonce"`
	Author  struct {
		ID string `json:"id"`
	} `json:"author"`
}

func (s sent) id() bot.MessageID { return messageID(s.Channel, s.ID) }

// Send makes one attempt at one message. An answer to an interaction goes by
// direct message when the interaction's token no longer works.
func (a *Adapter) Send(ctx context.Context, e bot.Envelope) (bot.MessageID, error) {
	gate := a.Gate(e.To)
	switch {
	case e.Replaces != "":
		return a.edit(ctx, e, gate)
	case a.replies(e.To.Reply):
		return a.reply(ctx, e, gate)
	case e.To.Reply == nil && e.To.Conversation != "":
		return a.post(ctx, string(e.To.Conversation), e, gate)
	}
	return a.toAccount(ctx, e, gate)
}

// replies tells whether the token of an interaction may still work.
func (a *Adapter) replies(h *bot.ReplyHandle) bool {
	return h != nil && a.now().Before(h.Expires) && !a.gone.holds(parseHandle(h.Token).token, a.now())
}

func (a *Adapter) edit(ctx context.Context, e bot.Envelope, gate string) (bot.MessageID, error) {
	channel, id := parseMessageID(e.Replaces)
	var s sent
	if err := a.request(ctx, http.MethodPatch, "channels/"+channel+"/messages/"+id, render(e.Body), &s); refusedWith(err, unknownMessage) {
		// Somebody deleted it: there is nothing left to correct, and nobody can mend that.
		a.log.Info("a message to edit is gone, its edit is let be", "row", e.ID)
		return e.Replaces, nil
	} else if err != nil {
		return "", classify("edit", err, gate)
	}
	return s.id(), nil
}

func (a *Adapter) post(ctx context.Context, channel string, e bot.Envelope, gate string) (bot.MessageID, error) {
	if !e.FirstAttempt.IsZero() && a.now().Sub(e.FirstAttempt) >= nonceLife {
		// A hold may have lasted longer than the nonce: an attempt that Find took for
		// harmless would now stand there twice.
		id, err := a.search(ctx, channel, e)
		switch {
		case err == nil:
			return id, nil
		case !errors.Is(err, outbox.ErrAbsent) && !errors.Is(err, outbox.ErrUnknowable):
			return "", unsent(err)
		}
	}
	var s sent
	err := a.request(ctx, http.MethodPost, "channels/"+channel+"/messages", renderNew(e), &s)
	if refusedWith(err, noHistory) {
		// A reply needs the permission to read the history, a message does not.
		e.To.Answering = ""
		err = a.request(ctx, http.MethodPost, "channels/"+channel+"/messages", renderNew(e), &s)
	}
	if err != nil {
		return "", classify("send", err, gate)
	}
	return s.id(), nil
}

func (a *Adapter) toAccount(ctx context.Context, e bot.Envelope, gate string) (bot.MessageID, error) {
	channel, err := a.direct(ctx, e.To.Account)
	if err != nil {
		return "", unsent(classify("send", err, gate))
	}
	e.To.Answering = "" // what is answered stands elsewhere
	return a.post(ctx, channel, e, gate)
}

// unsent is the failure of a request before that which says something: whatever
// became of it, nothing was said.
func unsent(err error) error {
	var u *outbox.Uncertain
	if errors.As(err, &u) {
		return &outbox.Retry{Err: u.Err}
	}
	return err
}

// reply writes to the person of an interaction: the first answer takes the
// place of "is thinking", what follows are messages of their own.
// https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages
func (a *Adapter) reply(ctx context.Context, e bot.Envelope, gate string) (bot.MessageID, error) {
	h := parseHandle(e.To.Reply.Token)
	webhook := "webhooks/" + h.application + "/" + h.token
	var s sent
	var err error
	if !e.To.FollowUp {
		err = a.request(ctx, http.MethodPatch, webhook+"/messages/@original", render(e.Body), &s)
	}
	// Where a form was the first response, or the person dismissed the first
	// answer, there is no @original to edit.
	if e.To.FollowUp || refusedWith(err, unknownMessage) {
		m := render(e.Body)
		m.Flags |= ephemeral
		err = a.request(ctx, http.MethodPost, webhook, m, &s)
	}
	switch {
	case err == nil:
		return s.id(), nil
	case refusedWith(err, unknownWebhook, unknownInter) && a.now().Sub(received(e.To.Reply)) < firstResponse:
		// The outbox may be faster than the deferral, before which the token
		// leads nowhere.
		return "", &outbox.Retry{After: time.Second, Err: fmt.Errorf("answer before the deferral: %w", err)}
	case refusedWith(err, unknownWebhook, unknownInter, invalidToken):
		return a.toAccount(ctx, e, gate)
	}
	return "", classify("answer", err, gate)
}

// firstResponse is how long an interaction waits to be answered at all.
const firstResponse = 3 * time.Second

func received(h *bot.ReplyHandle) time.Time { return h.Expires.Add(tokenMargin - tokenLife) }

func refusedWith(err error, codes ...int) bool {
	var f *failure
	if !errors.As(err, &f) {
		return false
	}
	for _, code := range codes {
		if f.code == code {
			return true
		}
	}
	return false
}

// classify says what a failed request means for its message. Reasons are
// stored and read by operators.
func classify(what string, err error, gate string) error {
	err = fmt.Errorf("%s: %w", what, err)
	var f *failure
	if !errors.As(err, &f) {
		return &outbox.Uncertain{Err: err}
	}
	switch {
	case f.status == 0 && !f.wrote:
		return &outbox.Retry{Err: err}
	case f.status < 400, f.status >= 500, f.status == http.StatusRequestTimeout:
		return &outbox.Uncertain{Err: err}
	case f.html && (f.status == http.StatusTooManyRequests || f.status == http.StatusForbidden):
		// Cloudflare bans an address after 10,000 refused requests in ten minutes.
		// https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
		return &outbox.Retry{After: max(f.after, banned), Gate: allGates, Err: err}
	case f.status == http.StatusTooManyRequests:
		if f.global {
			gate = allGates
		}
		return &outbox.Retry{After: max(f.after, 100*time.Millisecond), Gate: gate, Err: err}
	case f.code == openingTooFast:
		return &outbox.Retry{After: time.Minute, Gate: userGates, Err: err}
	case f.status == http.StatusUnauthorized:
		// Nothing is lost until somebody sets a new token.
		return &outbox.Retry{After: time.Minute, Gate: allGates, Err: err}
	}
	return &outbox.Permanent{Err: explain(f, err)}
}

// banned is the least that is waited after a page of Cloudflare's.
const banned = time.Minute

// explain says in plain words what an operator can do something about.
func explain(f *failure, err error) error {
	switch f.code {
	case closedDirect:
		return fmt.Errorf("the person takes no direct messages: %w", err)
	case noSharedGuild:
		return fmt.Errorf("the person shares no server with the bot: %w", err)
	case unknownChannel:
		return fmt.Errorf("the channel is gone: %w", err)
	case unknownMessage:
		return fmt.Errorf("the message was deleted: %w", err)
	case 10004:
		return fmt.Errorf("the bot is no longer on that server: %w", err)
	case noAccess, 50013:
		return fmt.Errorf("the bot may not write there: %w", err)
	}
	return err
}

// nonceLife is how long a nonce is relied on; it is documented as "the past few
// minutes". https://discord.com/developers/docs/resources/message#create-message
const nonceLife = 2 * time.Minute

// Find says whether a message arrived of which the attempt said nothing. "Absent"
// means "send it again": within the life of its nonce a second one gives the
// message that is there, and an edit is the same however often it is made.
func (a *Adapter) Find(ctx context.Context, e bot.Envelope) (bot.MessageID, error) {
	byReply := a.replies(e.To.Reply)
	switch {
	case e.Replaces != "":
		return "", outbox.ErrAbsent
	case byReply && e.To.FollowUp:
		return "", outbox.ErrUnknowable // nonces are not honoured here
	case byReply:
		return "", outbox.ErrAbsent
	case e.FirstAttempt.IsZero(), a.now().Sub(e.FirstAttempt) < nonceLife:
		return "", outbox.ErrAbsent
	case e.To.Reply != nil && e.To.FollowUp:
		return "", outbox.ErrUnknowable // it may have gone by the reply while that was open
	case e.To.Reply == nil && e.To.Conversation != "":
		return a.search(ctx, string(e.To.Conversation), e)
	}
	channel, err := a.direct(ctx, e.To.Account)
	if err != nil {
		return "", unfound(err, a.Gate(e.To))
	}
	return a.search(ctx, channel, e)
}

// page is the most messages that one request gives.
// https://discord.com/developers/docs/resources/message#get-channel-messages
const page = 100

// search looks through what was said since the first attempt. Without the
// permission to read the history Discord answers with nothing, which is not the
// same as that nothing was said.
func (a *Adapter) search(ctx context.Context, channel string, e bot.Envelope) (bot.MessageID, error) {
	var all []sent
	query := "?limit=" + strconv.Itoa(page) + "&after=" + strconv.FormatUint(toSnowflake(e.FirstAttempt.Add(-clockSkew)), 10)
	if err := a.request(ctx, http.MethodGet, "channels/"+channel+"/messages"+query, nil, &all); err != nil {
		return "", unfound(err, a.Gate(e.To))
	}
	self, err := a.self(ctx)
	if err != nil {
		return "", unfound(err, a.Gate(e.To))
	}
	content, nonces := render(e.Body).Content, false
	for _, m := range all {
		if m.Author.ID != self {
			continue
		}
		if nonce, _ := m.Nonce.(string); nonce != "" {
			nonces = true
			if nonce == e.ID {
				return m.id(), nil
			}
			continue
		}
		// It is not documented that a message read later still has its nonce.
		if m.Content == content {
			return m.id(), nil
		}
	}
	if len(all) == page || !nonces {
		return "", outbox.ErrUnknowable
	}
	return "", outbox.ErrAbsent
}

// self is the bot's own user, asked for where the Gateway has not said it yet: a
// restart searches for what it is unsure of before it is connected.
func (a *Adapter) self(ctx context.Context) (string, error) {
	if id := a.people.bot(); id != "" {
		return id, nil
	}
	var me struct {
		ID string `json:"id"`
	}
	if err := a.request(ctx, http.MethodGet, "users/@me", nil, &me); err != nil {
		return "", err
	}
	a.people.isReady(me.ID)
	return me.ID, nil
}

// clockSkew is how far our clock and Discord's may be apart.
const clockSkew = 5 * time.Second

// unfound is a search that failed: refused for good, nobody can tell.
func unfound(err error, gate string) error {
	err = classify("find", err, gate)
	var p *outbox.Permanent
	if errors.As(err, &p) {
		return fmt.Errorf("%w: %w", outbox.ErrUnknowable, err)
	}
	return err
}
