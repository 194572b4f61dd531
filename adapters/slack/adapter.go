// Package slack lets the bot talk on Slack: Socket Mode in, the Web API out.
//
// # Words
//
//   - envelope: one delivery over a Socket Mode connection. It is acknowledged
//     by its id, within three seconds; an event that is not comes again, a
//     command or an interaction does not.
//   - trigger: what a command or a pressed button brings to open a modal with,
//     once, within three seconds.
//   - response URL: what a command or a pressed button brings to answer
//     privately, five times within thirty minutes, without a token.
//
// # Identifiers
//
// They are stored by the engine, so their form is a promise:
//
//	SpaceID         "T1", the workspace of the bot's token
//	UserID          "U1"
//	ConversationID  "C1", or "C1/1700000000.000100" for the thread of that message
//	MessageID       "C1:1700000000.000100"
//	IncomingID      "m:C1:1700000000.000100" for what was said, so that an app_mention and the message event of
//	                the same message are one thing; "t:" and the trigger for commands, buttons and modals
//	ReplyHandle     the response URL, and after a "#" the thread in which the answer is to be seen
//
// # Life of an envelope
//
//	socket ── reader ── queue ── worker: decode, look up name and language, Receive
//	                                      │ no error: open or refuse a modal, then acknowledge
//	                                      └ error: an event is left to come again; whoever acted is told to try later
//
// The readers do nothing but read: a client of the library that is not read
// from loses its connection for ever. What does not fit into the queue is not
// acknowledged, so that Slack delivers it again.
//
// # Guarantees
//
//   - An event is acknowledged only when Receive returned without an error.
//     What the library cannot parse is acknowledged too: Slack counts what is
//     not, and in the end stops delivering
//     (https://docs.slack.dev/apis/events-api/#failure-limits).
//   - Send and Find ask Slack once and say what became of it; the library's own
//     retries are off.
//   - Neither tokens nor response URLs nor what people wrote get into an error
//     or a log.
package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	slackgo "github.com/slack-go/slack"

	"procurabot/bot"
)

// Platform is the name under which accounts and settings know Slack.
const Platform bot.Platform = "slack"

// httpTimeout bounds one request. The library has no bound of its own.
const httpTimeout = 15 * time.Second

// Options are the settings of an [Adapter]. The tokens must be given.
type Options struct {
	BotToken   string            // "xoxb-...", for the Web API
	AppToken   string            // "xapp-...", with the scope connections:write, for Socket Mode
	APIURL     string            // of the Web API with its path; "" is Slack's own
	HTTPClient *http.Client      // nil is one of its own; one without a time limit gets one
	Dialer     *websocket.Dialer // of the sockets; nil is the library's
	Log        *slog.Logger      // nil logs nothing
	Now        func() time.Time  // nil is time.Now
}

// Adapter connects the engine to one workspace of Slack.
type Adapter struct {
	api    *slackgo.Client // with the bot's token, and the app's for opening sockets
	http   *http.Client
	dialer *websocket.Dialer
	log    *slog.Logger
	now    func() time.Time
	people *people
	dms    sync.Map // UserID -> the channel of the direct message with the bot
	self   atomic.Pointer[self]
}

// self is who the bot is, as the token says.
type self struct{ team, user string }

var _ bot.Adapter = (*Adapter)(nil)

// New makes an adapter without asking Slack anything. It fails when a token
// cannot be what it should be.
func New(o Options) (*Adapter, error) {
	if !strings.HasPrefix(o.BotToken, "xoxb-") && !strings.HasPrefix(o.BotToken, "xoxe.xoxb-") {
		return nil, errBotToken
	}
	if !strings.HasPrefix(o.AppToken, "xapp-") {
		return nil, errAppToken
	}
	client := http.Client{}
	if o.HTTPClient != nil {
		client = *o.HTTPClient
	}
	if client.Timeout == 0 {
		client.Timeout = httpTimeout
	}
	a := &Adapter{http: &client, dialer: o.Dialer, log: o.Log, now: o.Now}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.now == nil {
		a.now = time.Now
	}
	options := []slackgo.Option{
		slackgo.OptionHTTPClient(a.http), slackgo.OptionAppLevelToken(o.AppToken), slackgo.OptionLog(log.New(io.Discard, "", 0)),
	}
	if o.APIURL != "" {
		// The library puts the method's name right behind it.
		options = append(options, slackgo.OptionAPIURL(strings.TrimSuffix(o.APIURL, "/")+"/"))
	}
	a.api = slackgo.New(o.BotToken, options...)
	a.people = newPeople(a.api, a.log, a.now)
	return a, nil
}

// The two settings that only a person can mend: what to do about them is said
// in one sentence.
var (
	errBotToken = errors.New("PROCURABOT_SLACK_BOT_TOKEN is not a bot token that Slack accepts: " +
		`copy "Bot User OAuth Token" (xoxb-...) from "OAuth & Permissions" of the app at https://api.slack.com/apps, and install the app again if it says so`)
	errAppToken = errors.New("PROCURABOT_SLACK_APP_TOKEN is not an app-level token that Slack accepts: " +
		`make one (xapp-...) with the scope connections:write under "Basic Information", "App-Level Tokens" of the app at https://api.slack.com/apps`)
)

// Platform is "slack".
func (a *Adapter) Platform() bot.Platform { return Platform }

// Run asks Slack who the bot is and receives until ctx ends, which is no error.
// Turns under way are finished before it returns. It fails when a token is
// refused; whatever else goes wrong is tried again.
func (a *Adapter) Run(ctx context.Context, r bot.Receiver) error {
	if err := a.identify(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	return a.listen(ctx, r)
}

// identify asks until it knows who the bot is.
func (a *Adapter) identify(ctx context.Context) error {
	for wait := time.Second; ctx.Err() == nil; wait = min(2*wait, time.Minute) {
		test, err := a.api.AuthTestContext(ctx)
		if err == nil {
			a.self.Store(&self{team: test.TeamID, user: test.UserID})
			return nil
		}
		if code := refusal(err); stopsWorkspace(code) || code == "not_allowed_token_type" {
			return fmt.Errorf("%w (%s)", errBotToken, code)
		}
		a.log.Warn("Slack did not say who the bot is, asking again", "in", wait, "err", bare("auth.test", err))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return nil
}

// me is who the bot is; nothing before Run has asked.
func (a *Adapter) me() self {
	if s := a.self.Load(); s != nil {
		return *s
	}
	return self{}
}
