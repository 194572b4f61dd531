package fakeslack

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// memoryHost is the host of a server that listens in memory. The top-level domain .invalid never resolves
// (https://www.rfc-editor.org/rfc/rfc2606), so that a client which does not use the fake's transport fails at once.
const memoryHost = "slack.invalid"

// Options says what kind of workspace to make. The zero value is a workspace that works.
type Options struct {
	Now    func() time.Time // the clock of timestamps and expiries; time.Now when nil
	Team   string           // the workspace's name; "Fake" when empty
	TeamID string           // "T0FAKE001" when empty

	// Scopes of the bot token; [DefaultScopes] when nil.
	Scopes []string
	// HistoryScope adds the scopes that reading channels needs: channels:history, groups:history, mpim:history.
	// With them come the message events of those channels, as on Slack.
	HistoryScope bool
	// Events are the subscribed bot events; when nil, every event that the scopes allow.
	Events []string

	// Echo delivers the bot's own messages back to it as message events, with its bot_id, as Slack does where the app is
	// subscribed to the channel's messages. Nobody waits for their acknowledgement.
	Echo bool

	// Commands are the registered slash commands, with their slash; when nil, any command exists.
	Commands []string

	Limits       *Limits       // rate limits; none when nil
	AckTimeout   time.Duration // how long a person waits for the bot; 3 s when zero
	PingInterval time.Duration // between WebSocket pings; 10 s when zero

	// SignedHTTP makes a [Stage] deliver to its adapters by signed HTTP instead of over sockets.
	SignedHTTP bool

	// BotApp is the id of the app whose bot token this is, when it is another than the app token's.
	BotApp string
	// PersonToken makes the token a person's, as auth.test tells by naming no bot.
	PersonToken bool
	// Rotates makes the bot token one that runs out within twelve hours (https://docs.slack.dev/authentication/using-token-rotation).
	Rotates bool

	// Specs check requests against published schemas, beside the checks that are always made; none when nil.
	Specs *Specs
}

// Server is one fake workspace. Make it with [New].
type Server struct {
	o Options

	mu       sync.Mutex
	serial   int
	lastTS   int64
	users    map[string]*User
	order    []string // user ids in order of arrival
	channels map[string]*channel
	chOrder  []string
	triggers map[string]*trigger
	hooks    map[string]*responseURL
	stacks   map[string][]*View // by user; the last is on top
	homes    map[string]*View
	files    map[string]*file
	revoked  map[string]string // token -> error code
	deaf     bool              // Socket Mode is switched off
	faults   []*Fault
	delivery Delivery
	finish   func(ctx context.Context, trigger string) // of a Stage; nil waits for nothing
	sockets  []*socket
	opened   int
	next     int // round robin over sockets
	tickets  map[string]bool
	pending  map[string]*envelope
	missed   []*payload
	requests []Request
	acks     []AckRecord
	onReq    []func(string, Phase)
	changed  chan struct{} // closed and replaced whenever sockets come or go
	usage    map[string][]time.Time
	via      HTTPDelivery // without an address: Socket Mode
	attempts []Attempt
	hosted   []*http.Server

	bot      User
	base     string
	listener net.Listener
	pipes    *pipeListener
	http     *http.Server
	life     context.Context // ends with Close
	end      context.CancelFunc
	done     <-chan struct{} // life's
	closed   sync.Once
	running  sync.WaitGroup
}

// New makes a workspace with its bot and no people. Call [Server.Start] or [Server.StartTCP] next.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Team == "" {
		o.Team = "Fake"
	}
	if o.TeamID == "" {
		o.TeamID = "T0FAKE001"
	}
	if o.Scopes == nil {
		o.Scopes = DefaultScopes()
	}
	if o.HistoryScope {
		o.Scopes = append(append([]string{}, o.Scopes...), "channels:history", "groups:history", "mpim:history")
	}
	if o.AckTimeout == 0 {
		o.AckTimeout = 3 * time.Second
	}
	if o.PingInterval == 0 {
		o.PingInterval = 10 * time.Second
	}
	s := &Server{
		o:        o,
		users:    map[string]*User{},
		channels: map[string]*channel{},
		triggers: map[string]*trigger{},
		hooks:    map[string]*responseURL{},
		stacks:   map[string][]*View{},
		homes:    map[string]*View{},
		files:    map[string]*file{},
		revoked:  map[string]string{},
		tickets:  map[string]bool{},
		pending:  map[string]*envelope{},
		changed:  make(chan struct{}),
		usage:    map[string][]time.Time{},
	}
	s.life, s.end = context.WithCancel(context.Background())
	s.done = s.life.Done()
	s.bot = s.AddUser(User{ID: "U0FAKEBOT", Name: "procurabot", RealName: "Procurabot", Locale: "en-US", TZ: "Etc/UTC", bot: true})
	return s
}

// Start listens in memory.
func (s *Server) Start() error {
	s.pipes = newPipeListener()
	s.base = "http://" + memoryHost
	return s.serve(s.pipes)
}

// StartTCP listens on a TCP address, such as "127.0.0.1:0".
func (s *Server) StartTCP(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen for the fake Slack: %w", err)
	}
	s.base = "http://" + l.Addr().String()
	return s.serve(l)
}

// StartTLS is Start behind TLS: https and wss addresses of a host that only what dials the fake reaches.
func (s *Server) StartTLS(c *tls.Config) error {
	s.pipes = newPipeListener()
	s.base = "https://" + memoryHost
	return s.serve(tls.NewListener(s.pipes, c))
}

// Hostname is the name in the fake's addresses, which its certificate must have.
func (s *Server) Hostname() string { return memoryHost }

func (s *Server) serve(l net.Listener) error {
	if s.listener != nil {
		return errors.New("the fake Slack is already started")
	}
	s.listener = l
	s.http = &http.Server{Handler: s.routes()}
	s.running.Go(func() { _ = s.http.Serve(l) })
	return nil
}

// Close ends every connection and waits for the goroutines. It may be called twice.
func (s *Server) Close() {
	s.closed.Do(func() {
		s.end()
		if s.http != nil {
			_ = s.http.Close()
		}
		s.mu.Lock()
		sockets, hosted := append([]*socket{}, s.sockets...), s.hosted
		s.mu.Unlock()
		for _, h := range hosted {
			_ = h.Close()
		}
		for _, c := range sockets {
			c.close()
		}
		s.running.Wait()
	})
}

// URL is the Web API's address, with the slash at its end that the client library needs.
func (s *Server) URL() string { return s.base + "/api/" }

// BotToken is the token of the installed bot (https://docs.slack.dev/authentication/tokens).
func (s *Server) BotToken() string {
	if s.o.Rotates {
		return "xoxe.xoxb-fake-bot-token"
	}
	return "xoxb-fake-bot-token"
}

// AppToken is the app-level token for Socket Mode.
func (s *Server) AppToken() string { return "xapp-1-fake-app-token" }

// SigningSecret signs HTTP deliveries.
func (s *Server) SigningSecret() string { return "8f742231b10e8888abcd99yyyzzz85a5" }

// TeamID is the workspace's id.
func (s *Server) TeamID() string { return s.o.TeamID }

// AppID is the app's id.
func (s *Server) AppID() string { return "A0FAKEAPP" }

// BotUser is the bot's user id, BotID its bot id, as in auth.test.
func (s *Server) BotUser() string { return s.bot.ID }

// BotID is the id that the bot's messages carry as bot_id.
func (s *Server) BotID() string { return "B0FAKEBOT" }

// Mention is how a person's text names the bot.
func (s *Server) Mention() string { return "<@" + s.bot.ID + ">" }

// Revoke makes every later use of a token fail with a code, such as "token_revoked" or "account_inactive".
// An empty code makes the token good again.
func (s *Server) Revoke(token, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if code == "" {
		delete(s.revoked, token)
		return
	}
	s.revoked[token] = code
}

// SocketMode switches Socket Mode on or off, as the app's page does: sockets that are opened are told to go.
func (s *Server) SocketMode(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf = !on
}

// Dial makes a connection to the fake, whatever the address.
func (s *Server) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if s.pipes != nil {
		return s.pipes.dial(ctx)
	}
	if s.listener == nil {
		return nil, errors.New("the fake Slack is not started")
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", s.listener.Addr().String())
}

// HTTPClient reaches the fake whatever host is asked for, https included. It keeps no idle connections, so
// that a synctest bubble ends without closing it.
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: s.Dial,
		// The transport takes what this returns as a finished TLS connection, so that https addresses work in clear text.
		DialTLSContext:    s.Dial,
		DisableKeepAlives: true,
	}}
}

// Dialer is for the Socket Mode client's OptionDialer.
func (s *Server) Dialer() *websocket.Dialer {
	return &websocket.Dialer{
		NetDialContext:    s.Dial,
		NetDialTLSContext: s.Dial,
		HandshakeTimeout:  10 * time.Second,
		// A frame must hold the largest acknowledgement: Slack does not put continuation frames together
		// (https://github.com/slack-go/slack, socketmode.defaultWriteBufferSize).
		WriteBufferSize: 32 << 10,
	}
}

// id returns a new identifier of Slack's form. The caller holds s.mu.
func (s *Server) id(prefix string) string {
	s.serial++
	return fmt.Sprintf("%s0%08d", prefix, s.serial)
}

// ts returns the next message timestamp: seconds and six decimals, unique and increasing, since
// a message is named by it within its channel (https://docs.slack.dev/messaging/retrieving-messages).
// The caller holds s.mu.
func (s *Server) ts() string {
	now := s.o.Now().UnixMicro()
	if now <= s.lastTS {
		now = s.lastTS + 1
	}
	s.lastTS = now
	return fmt.Sprintf("%d.%06d", now/1e6, now%1e6)
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.serveAPI)
	mux.HandleFunc("/link", s.serveSocket)
	mux.HandleFunc("POST /commands/{team}/{hook}", s.serveResponseURL)
	mux.HandleFunc("POST /upload/{file}", s.serveUpload)
	return mux
}

// hangUp closes the connection under a request without an answer; over TCP with a reset.
func hangUp(w http.ResponseWriter) {
	h, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := h.Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// pipeListener accepts connections that are made in memory.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: l.Addr(), Err: errors.New("connection refused")}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return memoryHost }

func joined(list []string) string { return strings.Join(list, ",") }
