// Package slack lets the bot talk on Slack: Socket Mode or signed HTTP in, the
// Web API out.
//
// # Words
//
//   - delivery: an event, a command or an interaction that Slack hands over. It
//     is acknowledged within three seconds; an event that is not comes again,
//     a command or an interaction does not.
//   - envelope: a delivery over a socket, acknowledged by its id. The other way
//     is a request, signed by Slack and acknowledged by the answer 200.
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
//	                the same message are one thing; "t:" and the trigger for commands, buttons and modals; "e:" and
//	                the event's id for a look at the home page
//	ReplyHandle     the response URL, and after a "#" the thread in which the answer is to be seen
//
// # Life of a delivery
//
//	sockets ── readers ──┐
//	                     ├── pool ── worker: decode, look up name and language, Receive
//	requests ─ Handler ──┘                      │ no error: acknowledge, then open a modal
//	           verify                           └ error: an event is left to come again; whoever acted is told to try later
//
// The readers do nothing but read: a socket that is not read from answers no
// ping, and is closed. What does not fit into the pool is not acknowledged, so
// that Slack delivers it again. Behind the pool nothing knows which way a
// delivery came.
//
// # Guarantees
//
//   - An event is acknowledged only when Receive returned without an error.
//     What cannot be parsed is acknowledged too: Slack counts what is
//     not, and in the end stops delivering
//     (https://docs.slack.dev/apis/events-api/#failure-limits).
//   - Nothing of a request is parsed before its signature has been verified.
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
	"procurabot/internal/ratelimit"
	"procurabot/internal/replay"
)

// Platform is the name under which accounts and settings know Slack.
const Platform bot.Platform = "slack"

// httpTimeout bounds one request. The library has no bound of its own.
const httpTimeout = 15 * time.Second

// Options are the settings of an [Adapter]. The bot token must be given, and
// the app token or the signing secret. With both of them Slack delivers by HTTP
// and no socket is opened.
type Options struct {
	BotToken      string               // "xoxb-...", for the Web API
	AppToken      string               // "xapp-...", with the scope connections:write, for Socket Mode
	SigningSecret string               // of the app, for signed HTTP: see Handler
	Sockets       int                  // that are kept open, 10 at most; 0 is Connections
	APIURL        string               // of the Web API with its path; "" is Slack's own
	HTTPClient    *http.Client         // nil is one of its own; one without a time limit gets one
	Dialer        *websocket.Dialer    // of the sockets; nil is one that goes the way of HTTPClient: its proxy, its certificates
	Log           *slog.Logger         // nil logs nothing
	Now           func() time.Time     // nil is time.Now
	Handled       func(bot.IncomingID) // called when all is done about a command, a button or a modal; may be nil
}

// Adapter connects the engine to one workspace of Slack.
type Adapter struct {
	api     *slackgo.Client // with the bot's token, and the app's for opening sockets
	http    *http.Client
	dialer  *websocket.Dialer
	sockets int
	log     *slog.Logger
	now     func() time.Time
	handled func(bot.IncomingID)
	people  *people
	dms     sync.Map // UserID -> the channel of the direct message with the bot
	self    atomic.Pointer[self]
	counts  counts
	end     atomic.Pointer[context.CancelCauseFunc] // of Run
	running atomic.Bool                             // Run knows who the bot is and is not asked to stop
	open    atomic.Int32                            // sockets that Slack has greeted
	app     atomic.Value                            // whose sockets they are, a string, as the last greeting says
	rotates bool                                    // the bot token runs out by itself

	secret string // "" is Socket Mode
	// Requests that are being handled or were answered. Slack sends 30,000 events an
	// hour at most (https://docs.slack.dev/apis/events-api/#rate-limiting).
	replays   *replay.Cache
	opened    sync.Once
	receiving chan struct{} // closed once reception is set
	reception *desk
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
	if o.SigningSecret == "" && !strings.HasPrefix(o.AppToken, "xapp-") {
		return nil, errAppToken
	}
	if o.Sockets == 0 {
		o.Sockets = Connections
	}
	if o.Sockets < 1 || o.Sockets > mostSockets {
		return nil, fmt.Errorf("slack: %d sockets: an app has from 1 to %d", o.Sockets, mostSockets)
	}
	client := http.Client{}
	if o.HTTPClient != nil {
		client = *o.HTTPClient
	}
	if client.Timeout == 0 {
		client.Timeout = httpTimeout
	}
	if o.Dialer == nil {
		o.Dialer = dialerLike(&client)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Handled == nil {
		o.Handled = func(bot.IncomingID) {}
	}
	client.Transport = &patience{next: client.Transport, now: o.Now, limits: ratelimit.New(o.Now)}
	a := &Adapter{
		http: &client, dialer: o.Dialer, sockets: o.Sockets, log: o.Log, now: o.Now, handled: o.Handled, secret: o.SigningSecret, receiving: make(chan struct{}), replays: replay.New(longAgo + ahead),
	}
	a.rotates = strings.HasPrefix(o.BotToken, "xoxe.")
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
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

// What only a person can mend: what to do about it is said in one sentence.
var (
	errBotToken = errors.New("PROCURABOT_SLACK_BOT_TOKEN is not a bot token that Slack accepts: " +
		`copy "Bot User OAuth Token" (xoxb-...) from "OAuth & Permissions" of the app at https://api.slack.com/apps, and install the app again if it says so`)
	errAppToken = errors.New("PROCURABOT_SLACK_APP_TOKEN is not an app-level token that Slack accepts: " +
		`make one (xapp-...) with the scope connections:write under "Basic Information", "App-Level Tokens" of the app at https://api.slack.com/apps, ` +
		`or give PROCURABOT_SLACK_SIGNING_SECRET to have Slack deliver by HTTP`)
	errSwitchedOff = errors.New(`the app has Socket Mode switched off: switch it on under "Socket Mode" of the app at https://api.slack.com/apps, ` +
		`or give PROCURABOT_SLACK_SIGNING_SECRET to have Slack deliver by HTTP`)
	errUnknownKind = errors.New("no such kind of delivery")
)

// Platform is "slack".
func (a *Adapter) Platform() bot.Platform { return Platform }

// Run asks Slack who the bot is and receives until ctx ends, which is no error.
// Turns under way are finished before it returns. It fails, with the workspace's
// name, when a token is refused or Socket Mode is switched off; whatever else
// goes wrong is tried again. It may be called once.
func (a *Adapter) Run(ctx context.Context, r bot.Receiver) error {
	if err := a.identify(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	a.end.Store(&end)
	a.running.Store(true)
	defer context.AfterFunc(ctx, func() { a.running.Store(false) })()
	receive := a.listen
	if a.secret != "" {
		a.log.Info("Slack delivers by signed HTTP; no socket is opened")
		receive = a.serve
	}
	err := receive(ctx, r)
	if cause := context.Cause(ctx); err == nil && errors.Is(cause, errBotToken) {
		err = cause
	}
	if err != nil {
		return fmt.Errorf("workspace %s: %w", a.me().team, err)
	}
	return nil
}

// Ready reports whether things are received now: over an open socket, or by
// HTTP while Run runs.
func (a *Adapter) Ready() bool {
	return a.running.Load() && (a.secret != "" || a.open.Load() > 0)
}

// identify asks until it knows who the bot is.
func (a *Adapter) identify(ctx context.Context) error {
	for wait := time.Second; ctx.Err() == nil; wait = min(2*wait, time.Minute) {
		test, err := a.api.AuthTestContext(ctx)
		if err == nil {
			a.self.Store(&self{team: test.TeamID, user: test.UserID})
			return nil
		}
		if code := refusal(err); deadToken(code) || code == "not_allowed_token_type" {
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
