// Package discord connects the bot to Discord: the Gateway brings in what
// happens, or signed HTTP does where it is an interaction, and the REST API
// takes out what is said.
//
// # Vocabulary
//
// A guild is what people call a server; it is the bot's space. Direct messages
// have none, and users are global, so that an account has no realm. An
// interaction is a command, a press or a filled-in form. It wants a first
// response within three seconds, the callback, and has a token that lets the
// bot write to its person for fifteen minutes. A deferral is the first response
// that says nothing: the person reads "is thinking" until @original, the message
// that the deferral stands for, is edited.
//
// # Lifecycle
//
// Run registers the commands, connects, and stays connected: it resumes a
// session that broke and replaces one that is beyond that. Each thing that
// arrives (socket.go, http.go) is decoded (decode.go, incoming.go), handed to
// the engine, and shown what the engine wants shown at once (receive.go,
// form.go). What the outbox sends is rendered (outgoing.go) and sent by one
// request, whose failure is classified (send.go). What the client library lacks
// or does wrongly is in raw.go.
//
// # Guarantees
//
//   - Nothing here sleeps over a send or tries it again, and the library's own
//     attempts to do so are off: the outbox is the one owner of retries.
//   - A message with the same id is one message for as long as Discord honours
//     its nonce; docs/delivery.md says what holds afterwards.
//   - Nobody is mentioned by a text: allowed_mentions is always empty.
//   - The bot's token and the tokens of interactions are in no error and no log.
package discord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"

	"procurabot/bot"
	"procurabot/internal/ratelimit"
	"procurabot/internal/replay"
)

const platform bot.Platform = "discord"

// Options says how to reach Discord.
type Options struct {
	BotToken  string // without the "Bot " before it
	PublicKey string // of the application, in hexadecimal; not empty, interactions are taken by HTTP too: see Handler
	APIURL    string // scheme and host, without a path; https://discord.com when empty
	// HTTPClient makes the REST requests by its Transport, which knows of proxies and
	// of certificates; http.DefaultTransport when nil. How long a request may take
	// is the adapter's own, whatever the client's Timeout.
	HTTPClient *http.Client
	// Dialer makes the connection to the Gateway; websocket.DefaultDialer when nil.
	// It needs the same proxy and certificates: see its Proxy and TLSClientConfig.
	Dialer  *websocket.Dialer
	Log     *slog.Logger         // nothing is logged when nil
	Now     func() time.Time     // time.Now when nil
	Handled func(bot.IncomingID) // called when all is done about something that arrived; may be nil
}

// Adapter is Discord as the engine sees it. Make one with [New].
type Adapter struct {
	token     string
	transport elsewhere
	dialer    *websocket.Dialer
	log       *slog.Logger
	now       func() time.Time
	handled   func(bot.IncomingID)
	counts    counts
	pace      pace

	rest     *discordgo.Session // for requests alone; it is never opened
	people   *people
	endpoint *endpoint                               // nil without a public key
	running  atomic.Pointer[receiving]               // nil but during Run
	link     atomic.Pointer[link]                    // to the Gateway; nil before Run
	absence  absence                                 // of the connection to the Gateway
	gone     gone                                    // interactions that cannot be answered
	catching chan struct{}                           // held while histories are read
	refused  atomic.Bool                             // Discord does not take the token: nothing is asked any more
	end      atomic.Pointer[context.CancelCauseFunc] // of Run
}

// New makes an adapter. It connects when it is Run.
func New(o Options) (*Adapter, error) {
	if o.BotToken == "" {
		return nil, errors.New("discord: the bot's token is missing")
	}
	if o.APIURL == "" {
		o.APIURL = "https://discord.com"
	}
	api, err := url.Parse(o.APIURL)
	if err != nil || api.Host == "" || api.Scheme != "https" && api.Scheme != "http" || api.Path != "" && api.Path != "/" {
		return nil, fmt.Errorf("discord: the address of the API must be a scheme and a host, such as https://discord.com, and not %q", o.APIURL)
	}
	transport := http.DefaultTransport
	if o.HTTPClient != nil && o.HTTPClient.Transport != nil {
		transport = o.HTTPClient.Transport
	}
	if o.Dialer == nil {
		o.Dialer = websocket.DefaultDialer
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Handled == nil {
		o.Handled = func(bot.IncomingID) {}
	}
	a := &Adapter{
		token: o.BotToken, transport: elsewhere{api, transport}, dialer: o.Dialer,
		log: o.Log.With("platform", string(platform)), now: o.Now, handled: o.Handled,
		people: newPeople(), catching: make(chan struct{}, 1), pace: pace{limits: ratelimit.New(o.Now)},
	}
	if o.PublicKey != "" {
		key, err := parsePublicKey(o.PublicKey)
		if err != nil {
			return nil, err
		}
		// A request may come as early as maxAge before its own time, and stay fresh until
		// maxAge after it.
		a.endpoint = &endpoint{a: a, key: key, seen: replay.New(2 * maxAge)}
	}
	if a.rest, err = a.newSession(); err != nil {
		return nil, err
	}
	return a, nil
}

// newSession makes a client of the library that tries nothing again by itself.
func (a *Adapter) newSession() (*discordgo.Session, error) {
	s, err := discordgo.New("Bot " + a.token)
	if err != nil {
		return nil, errors.New("discord: the client library refuses the bot's token")
	}
	s.Client = &http.Client{Transport: a.transport, Timeout: requestTimeout}
	s.StateEnabled = false // its state keeps every member of every guild
	s.MaxRestRetries = 0
	s.ShouldRetryOnRateLimit = false
	s.ShouldReconnectOnError = false // socket.go does it, and can see why a connection ended
	s.SyncEvents = true              // a guild's language must be known before what is said in it
	s.LogLevel = -1                  // the library logs what people write
	s.Identify.Intents = discordgo.IntentsGuilds | discordgo.IntentsGuildMessages | discordgo.IntentsDirectMessages
	return s, nil
}

// Platform is "discord".
func (a *Adapter) Platform() bot.Platform { return platform }

// Gate names what a rate limit holds: a channel, or what one person is told in
// private. "discord" holds all.
func (a *Adapter) Gate(to bot.Target) string {
	switch {
	case to.Reply != nil:
		return allGates + "/interactions/" + string(to.Account.User)
	case to.Conversation != "":
		return allGates + "/channels/" + string(to.Conversation)
	}
	return userGates + "/" + string(to.Account.User)
}

const (
	allGates  = "discord"
	userGates = allGates + "/users"
)

// Run receives until ctx ends; then it lets the turns under way finish and
// returns nil. It returns an error only where coming back would not help: the
// token is wrong, or what the bot may hear of is not switched on. After a wrong
// token nothing is asked of Discord any more, and what is to be sent waits in the
// outbox.
func (a *Adapter) Run(ctx context.Context, r bot.Receiver) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	a.end.Store(&end)
	err := a.run(ctx, r)
	if a.refused.Load() {
		return errToken
	}
	return err
}

func (a *Adapter) run(ctx context.Context, r bot.Receiver) error {
	t := newTurns(ctx)
	defer t.wait()
	now := receiving{r, t}
	a.running.Store(&now)
	defer a.running.Store(nil)
	table := a.commandTable(r)
	registered, err := a.register(ctx, table)
	if err != nil {
		return err
	}
	if !registered {
		// The bot can be talked to without its commands; they are tried again.
		stop := a.registerLater(ctx, table)
		defer stop()
	}
	return a.stayConnected(ctx, now)
}
