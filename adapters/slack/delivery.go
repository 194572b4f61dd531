package slack

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"runtime/debug"
	"slices"
	"time"

	slackgo "github.com/slack-go/slack"

	"procurabot/bot"
	"procurabot/internal/markup"
)

const (
	handleTime = 30 * time.Second // of one delivery, a stop included
	noticeTime = 2 * time.Second  // of the three that an acknowledgement has
)

// The kinds of delivery, as envelopes name them
// (https://docs.slack.dev/apis/events-api/using-socket-mode#events).
const (
	events       = "events_api"
	commands     = "slash_commands"
	interactions = "interactive"
)

// delivery is one thing that Slack hands over. An envelope and a request carry
// the same payload, so that what is behind them does not know which it was.
type delivery struct {
	kind    string
	payload json.RawMessage
	ack     func(answer any) error // at most once; nil is a bare acknowledgement
}

// handle takes one delivery, in a worker. A stop does not cut it short: what is
// committed but not acknowledged comes again and is known.
func (a *Adapter) handle(ctx context.Context, r bot.Receiver, d delivery) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handleTime)
	defer cancel()
	defer func() {
		if fault := recover(); fault != nil {
			a.log.Error("a delivery was not handled", "kind", d.kind, "fault", fault, "stack", string(debug.Stack()))
		}
	}()
	looking, stop := context.WithTimeout(ctx, lookUpTime)
	defer stop()
	x := exchange{
		a: a, r: r, ack: d.ack, decoder: decoder{self: a.me(), now: a.now(), name: a.people.names(looking)},
	}
	var err error
	switch d.kind {
	case events:
		err = x.event(ctx, d.payload)
	case commands:
		var c slackgo.SlashCommand
		if err = json.Unmarshal(d.payload, &c); err == nil {
			defer a.handled(gesture(c.TriggerID))
			in, ok := x.commanded(c)
			x.act(ctx, in, ok, c.TriggerID)
		}
	case interactions:
		var i slackgo.InteractionCallback
		if err = json.Unmarshal(d.payload, &i); err == nil {
			defer a.handled(gesture(i.TriggerID))
			x.interaction(ctx, i)
		}
	default:
		err = errUnknownKind
	}
	if err != nil {
		a.putAside(d)
	}
}

// gesture is the id of a command, a button or a modal.
func gesture(trigger string) bot.IncomingID { return bot.IncomingID("t:" + trigger) }

// putAside acknowledges what cannot be read. Slack counts what is not
// acknowledged, and would deliver the same again. The error is not logged: it
// may quote what somebody wrote.
func (a *Adapter) putAside(d delivery) {
	a.counts.unreadable.Add(1)
	var outer struct {
		Event struct {
			Type string `json:"type"`
		} `json:"event"`
		Type string `json:"type"`
	}
	// What does not fit leaves the names that do.
	_ = json.Unmarshal(d.payload, &outer)
	a.log.Warn("a delivery cannot be read and is put aside", "kind", name(d.kind), "type", name(outer.Type), "event", name(outer.Event.Type))
	_ = d.ack(nil)
}

var named = regexp.MustCompile(`^[a-z_.]{1,64}$`)

// name is a word of Slack's, and nothing that could be anybody's text.
func name(s string) string {
	if named.MatchString(s) {
		return s
	}
	return "?"
}

// exchange is one delivery and its acknowledgement, which waits for the engine
// and for nothing that is asked of Slack afterwards: over HTTP it is the answer.
type exchange struct {
	decoder
	a   *Adapter
	r   bot.Receiver
	ack func(payload any) error
}

// event takes what was said, a look at the home page, and what Slack tells of
// people and of the installation. Other kinds, which the manifest does not
// subscribe to, are acknowledged and no more.
//
// The library's parser is not used: it refuses a whole message for one block of
// a form that it does not know, and a question would go unanswered.
func (x exchange) event(ctx context.Context, payload []byte) error {
	var outer struct {
		Type  string          `json:"type"`
		ID    string          `json:"event_id"`
		Event json.RawMessage `json:"event"`
	}
	if err := json.Unmarshal(payload, &outer); err != nil {
		return err
	}
	switch outer.Type {
	case "event_callback":
	case "app_rate_limited": // https://docs.slack.dev/reference/events/app_rate_limited
		x.a.log.Error("Slack delivers no more events until the next minute: there were too many within an hour")
		x.ack(nil)
		return nil
	default:
		return errUnknownKind
	}
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(outer.Event, &kind); err != nil {
		return err
	}
	switch kind.Type {
	case "app_mention", "message":
		var m message
		if err := json.Unmarshal(outer.Event, &m); err != nil {
			return err
		}
		in, ok := x.said(m)
		x.hear(ctx, in, ok)
	case "app_home_opened":
		var o opening
		if err := json.Unmarshal(outer.Event, &o); err != nil {
			return err
		}
		in, ok := x.opened(outer.ID, o)
		x.hear(ctx, in, ok)
	case "user_change":
		var change struct {
			User slackgo.User `json:"user"`
		}
		if err := json.Unmarshal(outer.Event, &change); err != nil {
			return err
		}
		u := change.User
		x.a.people.keep(u.ID, or(u.Profile.DisplayName, or(u.RealName, u.Name)), u.Locale)
		x.ack(nil)
	case "app_uninstalled":
		x.ack(nil)
		x.a.revoked(kind.Type)
	case "tokens_revoked":
		var what struct {
			Tokens struct {
				Bot []string `json:"bot"`
			} `json:"tokens"`
		}
		if err := json.Unmarshal(outer.Event, &what); err != nil {
			return err
		}
		x.ack(nil)
		if slices.Contains(what.Tokens.Bot, x.self.user) {
			x.a.revoked(kind.Type)
		}
	default:
		x.ack(nil)
	}
	return nil
}

// hear hands over an event. Without an acknowledgement Slack delivers it again,
// about at once, after a minute and after five.
func (x exchange) hear(ctx context.Context, in bot.Incoming, ok bool) {
	if !ok {
		x.ack(nil)
		return
	}
	x.a.people.complete(ctx, &in)
	if _, err := x.r.Receive(ctx, in); err == nil {
		x.ack(nil)
	}
}

// revoked ends Run, because of an event or of the answer to a request. Over HTTP
// nothing else tells that Slack will send nothing more
// (https://docs.slack.dev/reference/events/tokens_revoked).
func (a *Adapter) revoked(why string) {
	if end := a.end.Load(); end != nil {
		(*end)(fmt.Errorf("%w (%s)", errBotToken, name(why)))
	}
}

// interaction hands over what was pressed or filled in.
func (x exchange) interaction(ctx context.Context, i slackgo.InteractionCallback) {
	switch i.Type {
	case slackgo.InteractionTypeBlockActions:
		in, ok := x.pressed(i)
		x.act(ctx, in, ok, i.TriggerID)
	case slackgo.InteractionTypeViewSubmission:
		x.submit(ctx, i)
	default:
		x.ack(nil)
	}
}

// act hands over a command or a pressed button. Both are acknowledged in any
// case: they do not come again.
func (x exchange) act(ctx context.Context, in bot.Incoming, ok bool, trigger string) {
	if !ok {
		x.ack(nil)
		return
	}
	x.a.people.complete(ctx, &in)
	shown, _ := x.r.Receive(ctx, in) // the engine has logged an error, and its Notice is for the person
	x.ack(nil)                       // before anything that Slack may be slow to answer
	switch {
	case shown.Form != nil:
		x.open(ctx, in, *shown.Form, trigger)
	case shown.Notice != "":
		x.notice(ctx, in, shown.Notice)
	}
}

// open shows a form. The trigger works for three seconds and once.
func (x exchange) open(ctx context.Context, in bot.Incoming, form bot.ShownForm, trigger string) {
	view, err := modal(form, originOf(in, form.Draft))
	if err == nil {
		_, err = x.a.api.OpenViewContext(ctx, trigger, view)
	}
	if err == nil || refusal(err) == "exchanged_trigger_id" { // an earlier delivery has opened it
		return
	}
	x.a.log.Error("a form was not opened", "incoming", in.ID, "err", bare("views.open", err))
	// What the engine stored stays so, and the form may be there all the same: the answer alone may be lost.
	l := cmp.Or(bot.ParseLocale(in.Locale), bot.ParseLocale(in.In.Locale))
	x.notice(ctx, in, markup.Escape(x.r.Text(l, "bot.form-not-opened")))
}

// notice says something privately and at once, outside the outbox: by direct
// message where there is no response URL, as on the home page.
func (x exchange) notice(ctx context.Context, in bot.Incoming, text markup.Text) {
	ctx, cancel := context.WithTimeout(ctx, noticeTime)
	defer cancel()
	to := bot.Target{Platform: Platform, Space: in.Space, Account: in.From, Reply: in.Reply}
	if _, err := x.a.Send(ctx, bot.Envelope{Outgoing: bot.Outgoing{To: to, Body: bot.Body{Text: text}}}); err != nil {
		x.a.log.Warn("somebody could not be told to try later", "err", err)
	}
}

// submit hands over a filled-in modal. The acknowledgement closes it, or says
// what is wrong with it, and then it stays with all that was typed
// (https://docs.slack.dev/surfaces/modals#handling_submissions).
func (x exchange) submit(ctx context.Context, i slackgo.InteractionCallback) {
	in, ok := x.submitted(i)
	if !ok {
		x.ack(nil)
		return
	}
	x.a.people.complete(ctx, &in)
	shown, err := x.r.Receive(ctx, in)
	first := firstField(i.View)
	switch {
	case shown.Errors != nil:
		x.ack(slackgo.NewErrorsViewSubmissionResponse(shown.Errors))
	case shown.Form != nil:
		x.next(in, *shown.Form)
	case shown.Notice != "" && first != "":
		// Nothing was stored: with the modal gone, what was typed would be lost.
		x.ack(slackgo.NewErrorsViewSubmissionResponse(map[string]string{first: markup.Plain(shown.Notice)}))
	case err != nil && shown.Notice != "":
		x.ack(nil)
		x.notice(ctx, in, shown.Notice)
	default:
		x.ack(slackgo.NewClearViewSubmissionResponse())
	}
}

// next shows another form in the place of the one that was accepted. A large
// one is dropped by Slack without a word; the library refuses it.
func (x exchange) next(in bot.Incoming, form bot.ShownForm) {
	view, err := modal(form, originOf(in, form.Draft))
	if err == nil {
		err = x.ack(slackgo.NewUpdateViewSubmissionResponse(&view))
	}
	if err != nil {
		x.ack(slackgo.NewClearViewSubmissionResponse())
	}
}
