package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"runtime/debug"
	"sync"
	"time"

	slackgo "github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"procurabot/bot"
	"procurabot/internal/markup"
)

// Connections is how many sockets an adapter keeps open. When Slack refreshes
// one, the library drops it before it dials anew: what is sent in between must
// find another (https://docs.slack.dev/apis/events-api/using-socket-mode#connections).
const Connections = 2

const (
	workers    = 32               // turns at once; the database groups them into one commit
	queue      = 256              // envelopes that wait for a worker
	handleTime = 30 * time.Second // of one envelope, a stop included
	noticeTime = 2 * time.Second  // of the three that an acknowledgement has
	readLimit  = 4 << 20          // of one frame
)

// listen receives over all connections until ctx ends, then lets the turns
// under way finish.
func (a *Adapter) listen(ctx context.Context, r bot.Receiver) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	jobs := make(chan func(), queue)
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			for job := range jobs {
				job()
			}
		})
	}
	ended := make(chan error, Connections)
	for i := range Connections {
		go func() { ended <- a.read(ctx, i, r, jobs) }()
	}
	var failed error
	for range Connections {
		if err := <-ended; err != nil && failed == nil {
			failed = err
			stop()
		}
	}
	close(jobs)
	working.Wait()
	return failed
}

// read runs one connection and queues what comes over it.
func (a *Adapter) read(ctx context.Context, number int, r bot.Receiver, jobs chan<- func()) error {
	options := []socketmode.Option{socketmode.OptionReadLimit(readLimit), socketmode.OptionLog(log.New(io.Discard, "", 0))}
	if a.dialer != nil {
		options = append(options, socketmode.OptionDialer(a.dialer))
	}
	client := socketmode.New(a.api, options...)
	ended := make(chan error, 1)
	go func() { ended <- client.RunContext(ctx) }()
	log := a.log.With("connection", number)
	for {
		select {
		case err := <-ended:
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("%w (%w)", errAppToken, bare("apps.connections.open", err))
		case e := <-client.Events:
			job := func() { a.take(ctx, client, r, e) }
			switch what := e.Data.(type) {
			case *slackgo.ConnectionErrorEvent:
				if code := refusal(what.ErrorObj); code == scopeNeeded || code == "not_allowed_token_type" {
					return fmt.Errorf("%w (%s)", errAppToken, code)
				}
				log.Warn("Slack cannot be connected to, trying again", "attempt", what.Attempt, "in", what.Backoff, "err", bare("socket", what.ErrorObj))
				continue
			case *socketmode.ErrorWriteFailed:
				log.Warn("an acknowledgement did not leave", "err", what.Cause)
				continue
			case *socketmode.ConnectedEvent:
				log.Info("connected to Slack")
				continue
			case *socketmode.ErrorBadMessage, slackevents.EventsAPIEvent, slackgo.SlashCommand, slackgo.InteractionCallback:
			default:
				continue
			}
			select {
			case jobs <- job:
			default:
				log.Warn("too much at once: an envelope is left for Slack to deliver again", "kind", e.Type)
			}
		}
	}
}

// take handles one envelope, in a worker. A stop does not cut it short: what is
// committed but not acknowledged comes again and is known.
func (a *Adapter) take(ctx context.Context, client *socketmode.Client, r bot.Receiver, e socketmode.Event) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handleTime)
	defer cancel()
	defer func() {
		if fault := recover(); fault != nil {
			a.log.Error("an envelope was not handled", "kind", e.Type, "fault", fault, "stack", string(debug.Stack()))
		}
	}()
	acknowledge := func(id string, payload any) error {
		ctx, cancel := context.WithTimeout(ctx, noticeTime)
		defer cancel()
		err := client.AckCtx(ctx, id, payload)
		if err != nil {
			a.log.Warn("an envelope was not acknowledged", "kind", e.Type, "err", err)
		}
		return err
	}
	if bad, ok := e.Data.(*socketmode.ErrorBadMessage); ok {
		if id := a.unreadable(bad.Message); id != "" {
			acknowledge(id, nil)
		}
		return
	}
	if e.Request == nil || e.Request.EnvelopeID == "" {
		return
	}
	looking, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	x := exchange{
		a: a, r: r, decoder: decoder{self: a.me(), now: a.now(), name: a.people.names(looking)},
		ack: func(payload any) error { return acknowledge(e.Request.EnvelopeID, payload) },
	}
	switch data := e.Data.(type) {
	case slackevents.EventsAPIEvent:
		x.event(ctx, data)
	case slackgo.SlashCommand:
		in, ok := x.commanded(data)
		x.act(ctx, in, ok, data.TriggerID)
	case slackgo.InteractionCallback:
		switch data.Type {
		case slackgo.InteractionTypeBlockActions:
			in, ok := x.pressed(data)
			x.act(ctx, in, ok, data.TriggerID)
		case slackgo.InteractionTypeViewSubmission:
			x.submit(ctx, data)
		default:
			x.ack(nil)
		}
	}
}

// unreadable finds the id of an envelope that the library cannot parse: a kind
// of event that it does not know, or a block of a new form.
func (a *Adapter) unreadable(raw json.RawMessage) (envelope string) {
	var outer struct {
		ID      string `json:"envelope_id"`
		Type    string `json:"type"`
		Payload struct {
			Event struct {
				Type string `json:"type"`
			} `json:"event"`
		} `json:"payload"`
	}
	// What does not fit the payload's form leaves the id all the same.
	_ = json.Unmarshal(raw, &outer)
	a.log.Warn("an envelope cannot be read and is put aside", "kind", outer.Type, "event", outer.Payload.Event.Type)
	return outer.ID
}

// exchange is one envelope and its acknowledgement.
type exchange struct {
	decoder
	a   *Adapter
	r   bot.Receiver
	ack func(payload any) error
}

// event hands over what was said. Without an acknowledgement Slack delivers it
// again, about at once, after a minute and after five.
func (x exchange) event(ctx context.Context, e slackevents.EventsAPIEvent) {
	if changed, ok := e.InnerEvent.Data.(*slackevents.UserChangeEvent); ok {
		u := changed.User
		x.a.people.keep(u.ID, or(u.Profile.DisplayName, or(u.RealName, u.Name)), u.Locale)
		x.ack(nil)
		return
	}
	in, ok := x.said(e)
	if !ok {
		x.ack(nil)
		return
	}
	x.a.people.complete(ctx, &in)
	if _, err := x.r.Receive(ctx, in); err == nil {
		x.ack(nil)
	}
}

// act hands over a command or a pressed button. Both are acknowledged in any
// case: they do not come again.
func (x exchange) act(ctx context.Context, in bot.Incoming, ok bool, trigger string) {
	if ok {
		x.a.people.complete(ctx, &in)
		shown, _ := x.r.Receive(ctx, in) // the engine has logged an error, and its Notice is for the person
		switch {
		case shown.Form != nil:
			x.open(ctx, in, *shown.Form, trigger)
		case shown.Notice != "":
			x.notice(ctx, in, shown.Notice)
		}
	}
	x.ack(nil)
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
	x.a.log.Error("a form was not opened", "err", bare("views.open", err))
	x.notice(ctx, in, markup.Escape(x.r.Text(bot.ParseLocale(in.Locale), "bot.try-later")))
}

// notice says something privately and at once, outside the outbox.
func (x exchange) notice(ctx context.Context, in bot.Incoming, text markup.Text) {
	ctx, cancel := context.WithTimeout(ctx, noticeTime)
	defer cancel()
	to := bot.Target{Platform: Platform, Space: in.Space, Account: in.From, Reply: in.Reply}
	if _, err := x.a.respond(ctx, bot.Envelope{Outgoing: bot.Outgoing{To: to, Body: bot.Body{Text: text}}}); err != nil {
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
		x.notice(ctx, in, shown.Notice)
		x.ack(nil)
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
