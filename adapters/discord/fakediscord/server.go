// Package fakediscord is a stateful imitation of Discord for tests: guilds,
// people and channels, the Gateway, the REST API and interactions, written
// from Discord's published documentation. The real client library talks to it
// and cannot tell the difference; a test says what people do and looks at what
// they see.
//
// # Vocabulary
//
// A guild is what people call a server. The application and its bot user share
// one id. An interaction is a command, a button press, a selection or a
// submitted modal; its first response (the callback) is due within three
// seconds, and its token lives fifteen minutes. A session is one client on the
// Gateway: it survives a broken connection and can be resumed.
//
// # Lifecycle
//
// New makes a server without a listener. Start serves in memory, over net.Pipe,
// so that a testing/synctest bubble can drive client and server through days;
// StartTCP serves on an address of the machine, for a program in a process of
// its own. Close ends both, with every connection. Each test makes its own
// Server: nothing is shared between two.
//
// # Guarantees
//
// All methods are safe for concurrent use. What a person does returns an error
// when the person could not do it (an unknown command, a button that is not
// there), and ErrNoResponse when the program did not answer in time. A request
// that breaks a documented limit is refused as Discord refuses it, with its
// status and code. Times are taken from Options.Now alone, but for the real
// timers that end a wait.
package fakediscord

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Options is what a test may choose. The zero value is a Discord of today with
// no privileged intents and no rate limits.
type Options struct {
	// Now is the time of everything stored and of every deadline; time.Now when nil.
	Now func() time.Time
	// Privileged are the privileged intents switched on for the application:
	// any of IntentMembers, IntentPresences, IntentMessageContent.
	Privileged Intents
	// Heartbeat is the interval that HELLO asks for; 41.25 s when zero.
	Heartbeat time.Duration
	// NonceWindow is how long an enforced nonce is remembered; 3 minutes when
	// zero, since the documentation says "a few minutes".
	NonceWindow time.Duration
	// ResponseDue is how long a person waits for the first response; 3 s when
	// zero, which is Discord's. A test on a busy machine may be more patient.
	ResponseDue time.Duration
	// Limits scales the rate limits: 0 is none, 1 is Discord's, 10 is ten times as many.
	Limits float64
	// Invalid is how many answers of 401, 403 and 429 in ten minutes are borne
	// before every request meets Cloudflare; 10,000 when zero.
	Invalid int
	// Sessions is how many sessions may begin in a day; 1,000 when zero.
	Sessions int
	// Check refuses a request with its JSON, of a multipart request its
	// payload_json, when not nil: apischema's Check compares it with the
	// description that Discord publishes.
	Check func(*http.Request, []byte) error
}

// ErrNoResponse is returned to a person whose interaction was not answered
// within three seconds: "The application did not respond".
var ErrNoResponse = errors.New("the application did not respond")

// Server is one Discord.
type Server struct {
	options Options
	key     ed25519.PrivateKey
	token   string
	app     string

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced at every change; see Await
	sequence uint64
	revoked  bool
	hooks    []func(route string, phase Phase)
	faults   []*fault
	requests []Request
	buckets  map[string]*bucket
	invalid  []time.Time
	endpoint *endpoint
	spoilt   []SignedFault   // of the next interactions by HTTP
	late     int             // of the next interactions: answered too late
	signed   []SignedRequest // to the endpoint
	programs []func()        // end what Reach has begun

	guilds       map[string]*Guild
	users        map[string]*User
	members      map[[2]string]*Member // guild, user
	channels     map[string]*channel
	dms          map[string]*channel // by user
	messages     map[string]*Message
	nonces       map[string]nonce
	commands     map[string][]*command // by guild; "" is global
	created      []time.Time           // of new guild commands
	interactions map[string]*interaction
	modals       map[string]*Modal // by user

	sessions      map[string]*session
	conns         map[*conn]struct{}
	identified    int
	starts        []time.Time // of sessions, in the day that began with the first of them
	refused       int         // the close code for whoever wants a session, when not 0
	deliver       delivery
	failedResumes int
	codeGrant     bool // an invitation needs a code grant
	deaf          bool // heartbeats are not acknowledged

	mux       *http.ServeMux
	done      chan struct{}
	running   sync.WaitGroup
	pipes     *pipeListener
	tcp       net.Listener
	secure    bool // tcp speaks TLS
	http      *http.Server
	transport *http.Transport
}

// New returns a Discord with an application, its bot user, and nothing else.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 41250 * time.Millisecond
	}
	if o.NonceWindow == 0 {
		o.NonceWindow = 3 * time.Minute
	}
	if o.ResponseDue == 0 {
		o.ResponseDue = responseDue
	}
	if o.Invalid == 0 {
		o.Invalid = 10000
	}
	if o.Sessions == 0 {
		o.Sessions = 1000
	}
	seed := sha256.Sum256([]byte("fakediscord"))
	s := &Server{
		options:      o,
		key:          ed25519.NewKeyFromSeed(seed[:]),
		changed:      make(chan struct{}),
		buckets:      map[string]*bucket{},
		guilds:       map[string]*Guild{},
		users:        map[string]*User{},
		members:      map[[2]string]*Member{},
		channels:     map[string]*channel{},
		dms:          map[string]*channel{},
		messages:     map[string]*Message{},
		nonces:       map[string]nonce{},
		commands:     map[string][]*command{},
		interactions: map[string]*interaction{},
		modals:       map[string]*Modal{},
		sessions:     map[string]*session{},
		conns:        map[*conn]struct{}{},
		deliver:      delivery{times: 1},
		done:         make(chan struct{}),
		pipes:        newPipeListener(),
	}
	s.app = s.snowflake()
	s.token = "MTA0." + s.app + ".fake-bot-token"
	s.users[s.app] = &User{ID: s.app, Name: "procurabot", Bot: true}
	s.mux = s.routes()
	s.http = &http.Server{Handler: s.mux, ErrorLog: log.New(io.Discard, "", 0)}
	s.transport = &http.Transport{DialContext: s.dial, DialTLSContext: s.dial, MaxIdleConnsPerHost: 16}
	return s
}

// Start serves in memory.
func (s *Server) Start() {
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		_ = s.http.Serve(s.pipes)
	}()
}

// StartTCP serves on addr too, such as "127.0.0.1:0".
func (s *Server) StartTCP(addr string) error { return s.startTCP(addr, nil) }

// StartTLS is StartTCP, but https and wss alone are spoken there, with the
// certificates of c.
func (s *Server) StartTLS(addr string, c *tls.Config) error { return s.startTCP(addr, c) }

func (s *Server) startTCP(addr string, c *tls.Config) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("start fake discord: %w", err)
	}
	if c != nil {
		l = tls.NewListener(l, c)
	}
	s.mu.Lock()
	s.tcp, s.secure = l, c != nil
	s.mu.Unlock()
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		_ = s.http.Serve(l)
	}()
	return nil
}

// Close ends every connection and waits for what the server started.
func (s *Server) Close() {
	s.mu.Lock()
	select {
	case <-s.done:
	default:
		close(s.done)
	}
	for c := range s.conns {
		c.ws.NetConn().Close()
	}
	programs := s.programs
	s.mu.Unlock()
	for _, end := range programs {
		end()
	}
	s.transport.CloseIdleConnections()
	_ = s.http.Close()
	_ = s.pipes.Close()
	s.running.Wait()
}

// URL is the scheme and host of the API, without a path. In memory the host
// exists for Transport and Dialer alone.
func (s *Server) URL() string {
	s.mu.Lock()
	secure := s.secure
	s.mu.Unlock()
	if secure {
		return "https://" + s.host()
	}
	return "http://" + s.host()
}

func (s *Server) host() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tcp != nil {
		return s.tcp.Addr().String()
	}
	return "discord.invalid"
}

// Token is the bot's token, without the "Bot " that the header wants before it.
func (s *Server) Token() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// ApplicationID is the id of the application and of its bot user.
func (s *Server) ApplicationID() string { return s.app }

// PublicKey is the hex form of the key that signs interactions over HTTP.
func (s *Server) PublicKey() string {
	return hex.EncodeToString(s.key.Public().(ed25519.PublicKey))
}

// Mention is what a person writes to mention the bot.
func (s *Server) Mention() string { return "<@" + s.app + ">" }

// Revoke makes the token invalid, as a reset in the developer portal does.
// Connections that are open stay so.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = true
}

// RequireCodeGrant switches on what in the portal keeps a bot from being invited.
func (s *Server) RequireCodeGrant() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codeGrant = true
}

// Renew gives the application a new token, as a reset in the developer portal
// does: Token returns it, and the old one is no longer valid.
func (s *Server) Renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token, s.revoked = s.token+"-renewed", false
}

// HTTPClient reaches this server in memory, whatever host a request names.
func (s *Server) HTTPClient() *http.Client { return &http.Client{Transport: s.Transport()} }

// Transport reaches this server in memory, whatever scheme and host a request names.
func (s *Server) Transport() http.RoundTripper { return plain{s.transport} }

// plain lets requests for https through without TLS.
type plain struct{ next http.RoundTripper }

func (p plain) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "https" {
		r = r.Clone(r.Context())
		r.URL.Scheme = "http"
	}
	return p.next.RoundTrip(r)
}

// Dialer opens the Gateway in memory, whatever address it is given.
func (s *Server) Dialer() *websocket.Dialer {
	return &websocket.Dialer{NetDialContext: s.dial, NetDialTLSContext: s.dial}
}

func (s *Server) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return s.pipes.dial(ctx)
}

// Await returns when condition holds; it is asked again after every change of
// the server's state. It returns the context's error when that ends first.
func (s *Server) Await(ctx context.Context, condition func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if condition() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("await a state of fake discord: %w", ctx.Err())
		}
	}
}

// touch wakes whoever waits in Await. The caller holds mu.
func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// epoch is the first moment of 2015, from which snowflakes count milliseconds.
// https://discord.com/developers/docs/reference#snowflakes
const epoch = 1420070400000

// snowflake returns the next id: its order is the order of creation, also when
// the clock stands still. The caller holds mu, or has the server to itself.
func (s *Server) snowflake() string {
	id := uint64(max(s.options.Now().UnixMilli()-epoch, 0)) << 22
	if id <= s.sequence {
		id = s.sequence + 1
	}
	s.sequence = id
	return strconv.FormatUint(id, 10)
}

// before orders two snowflakes by age.
func before(a, b string) bool {
	x, _ := strconv.ParseUint(a, 10, 64)
	y, _ := strconv.ParseUint(b, 10, 64)
	return x < y
}
