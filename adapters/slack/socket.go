package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	slackgo "github.com/slack-go/slack"

	"procurabot/bot"
)

// Connections is how many sockets an adapter keeps open unless it is told
// otherwise: what Slack sends while one of them ends must find another
// (https://docs.slack.dev/apis/events-api/using-socket-mode#connections).
const Connections = 2

const (
	mostSockets = 10               // that Slack opens for an app: the same page
	frameLimit  = 4 << 20          // bytes of one frame
	answerLimit = 20 << 10         // bytes from which on Slack drops an acknowledgement without a word
	silence     = 30 * time.Second // after which a socket is dead; Slack pings more often
	leaveTime   = 30 * time.Second // in which Slack ends a socket that it has asked to go; its warning comes ten ahead
	settled     = 10 * time.Second // a socket that lived for less has failed
	firstWait   = 200 * time.Millisecond
	longestWait = 5 * time.Minute
)

// listener receives over sockets. It does not use the library's client, which
// drops a socket as soon as it is asked to go, so that what is still sent on it
// is lost; which does not say why it was asked, so that a switched-off app is
// dialled for ever; and which reads what nobody takes only until a buffer is
// full, and then never again.
type listener struct {
	a       *Adapter
	r       bot.Receiver
	pool    *pool
	reading sync.WaitGroup

	mu   sync.Mutex
	open map[*socket]bool
}

// listen receives over all sockets until ctx ends. Then it takes nothing more,
// and closes them once the turns under way have been acknowledged.
func (a *Adapter) listen(ctx context.Context, r bot.Receiver) error {
	l := &listener{a: a, r: r, pool: newPool(), open: map[*socket]bool{}}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, a.sockets)
	for i := range a.sockets {
		go func() { ended <- l.keep(ctx, a.log.With("socket", i)) }()
	}
	var failed error
	for range a.sockets {
		if err := <-ended; err != nil && failed == nil {
			failed = err
			stop()
		}
	}
	l.pool.end()
	for _, s := range l.all() {
		_ = s.conn.Close()
	}
	l.reading.Wait()
	return failed
}

// keep sees to it that one socket is open until ctx ends. One that is asked to
// go is still read from while its successor is dialled.
func (l *listener) keep(ctx context.Context, log *slog.Logger) error {
	opened := 0
	for failures := 0; ; {
		began := time.Now()
		s, err := l.dial(ctx, log)
		if err == nil {
			if opened++; opened > 1 {
				l.a.counts.reconnects.Add(1)
			}
			select {
			case err = <-s.leaving:
			case <-ctx.Done():
			}
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case hopeless(err) != nil:
			return hopeless(err)
		case s != nil && time.Since(began) >= settled:
			failures = 0
			log.Info("a socket to Slack is replaced", "why", err)
			continue
		}
		wait := min(firstWait<<min(failures, 16), longestWait)
		wait += rand.N(wait / 2)
		failures++
		var limited *slackgo.RateLimitedError
		if errors.As(err, &limited) {
			wait = max(wait, limited.RetryAfter)
		}
		log.Warn("Slack cannot be connected to, trying again", "attempt", failures, "in", wait, "err", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// hopeless is what only a person can mend; trying again would go on for ever.
func hopeless(err error) error {
	var status slackgo.StatusCodeError
	var asked disconnect
	code := refusal(err)
	switch {
	case errors.As(err, &asked) && asked == "link_disabled":
		return errSwitchedOff
	case errors.As(err, &status) && status.Code == http.StatusNotFound:
		return fmt.Errorf("%w (%w)", errAppToken, err)
	case deadToken(code), code == scopeNeeded, code == "not_allowed_token_type", code == "forbidden_team":
		return fmt.Errorf("%w (%s)", errAppToken, code)
	}
	return nil
}

// dialerLike makes a dialer that reaches Slack as an HTTP client does.
func dialerLike(client *http.Client) *websocket.Dialer {
	d := &websocket.Dialer{
		Proxy: http.ProxyFromEnvironment, HandshakeTimeout: httpTimeout,
		WriteBufferSize: 32 << 10, // holds the largest acknowledgement: Slack does not put continuation frames together
	}
	if t, ok := client.Transport.(*http.Transport); ok {
		d.Proxy, d.NetDialContext, d.NetDialTLSContext = t.Proxy, t.DialContext, t.DialTLSContext
		if t.TLSClientConfig != nil {
			d.TLSClientConfig = t.TLSClientConfig.Clone()
			d.TLSClientConfig.NextProtos = nil // the transport offers HTTP/2 there, over which no socket is opened
		}
	}
	return d
}

// dial opens a socket and reads from it until it ends.
func (l *listener) dial(ctx context.Context, log *slog.Logger) (*socket, error) {
	_, address, err := l.a.api.StartSocketModeContext(ctx)
	if err != nil {
		return nil, bare("apps.connections.open", err)
	}
	conn, _, err := l.a.dialer.DialContext(ctx, address, nil)
	if err != nil {
		return nil, bare("dial", err) // the address holds a ticket
	}
	s := &socket{conn: conn, a: l.a, leaving: make(chan error, 1), log: log}
	l.mu.Lock()
	l.open[s] = true
	l.mu.Unlock()
	l.reading.Go(func() {
		defer l.forget(s)
		s.read(l.take)
	})
	return s, nil
}

func (l *listener) forget(s *socket) {
	_ = s.conn.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, s)
}

func (l *listener) all() []*socket {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []*socket
	for s := range l.open {
		all = append(all, s)
	}
	return all
}

// take queues one envelope. The reader never waits for a worker: a socket that
// is not read from answers no ping.
func (l *listener) take(s *socket, f frame) {
	d := delivery{kind: f.Type, payload: f.Payload, ack: func(answer any) error { return l.acknowledge(s, f, answer) }}
	if !l.pool.put(func() { l.a.handle(context.Background(), l.r, d) }) {
		l.a.counts.overflow.Add(1)
		s.log.Warn("an envelope is not taken: there is too much at once, or a stop", "kind", name(f.Type))
	}
}

// acknowledge answers on the envelope's own socket or, when that has ended
// meanwhile, on another. Slack does not say whether it takes that; the official
// libraries do the same.
func (l *listener) acknowledge(s *socket, f frame, answer any) error {
	raw, err := json.Marshal(acknowledgement{f.EnvelopeID, answer})
	if err == nil && len(raw) >= answerLimit {
		err = errLargeAnswer
	}
	if err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	if err = s.write(raw); err == nil {
		return nil
	}
	for _, other := range l.all() {
		if other != s && other.write(raw) == nil {
			return nil
		}
	}
	s.log.Warn("an envelope was not acknowledged", "kind", name(f.Type), "err", err)
	return err
}

var errLargeAnswer = errors.New("the answer is larger than Slack takes over a socket")

// frame is what comes over a socket
// (https://docs.slack.dev/apis/events-api/using-socket-mode#events).
type frame struct {
	EnvelopeID string          `json:"envelope_id"`
	Type       string          `json:"type"`
	Reason     string          `json:"reason"`
	Info       connectionInfo  `json:"connection_info"`
	Payload    json.RawMessage `json:"payload"`
}

// connectionInfo comes with the greeting.
type connectionInfo struct {
	App string `json:"app_id"`
}

type acknowledgement struct {
	EnvelopeID string `json:"envelope_id"`
	Payload    any    `json:"payload,omitempty"`
}

// disconnect is why Slack asks a socket to go
// (https://docs.slack.dev/apis/events-api/using-socket-mode#disconnect).
type disconnect string

func (d disconnect) Error() string { return "Slack asks the socket to go: " + name(string(d)) }

// socket is one connection.
type socket struct {
	conn    *websocket.Conn
	a       *Adapter // counts the sockets that have been greeted, and knows whose app they are
	writing sync.Mutex
	leaving chan error // says once why a successor is wanted
	log     *slog.Logger
}

func (s *socket) leave(why error) {
	select {
	case s.leaving <- why:
	default:
	}
}

// read takes frames until the socket ends, also those that come after it was
// asked to go.
func (s *socket) read(take func(*socket, frame)) {
	s.conn.SetReadLimit(frameLimit)
	alive := func() { _ = s.conn.SetReadDeadline(time.Now().Add(silence)) }
	s.conn.SetPingHandler(func(data string) error {
		alive()
		// A pong that cannot be written is seen by the next read or write.
		_ = s.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(noticeTime))
		return nil
	})
	for {
		alive()
		_, raw, err := s.conn.ReadMessage()
		if err != nil {
			s.leave(err)
			return
		}
		var f frame
		// What does not fit the form leaves the fields that do: an envelope whose
		// id can be read is acknowledged.
		_ = json.Unmarshal(raw, &f)
		switch {
		case f.EnvelopeID != "":
			take(s, f)
		case f.Type == "hello":
			s.log.Info("connected to Slack")
			s.a.app.Store(f.Info.App)
			s.a.open.Add(1)
			defer s.a.open.Add(-1)
		case f.Type == "disconnect":
			s.leave(disconnect(f.Reason))
			_ = time.AfterFunc(leaveTime, func() { _ = s.conn.Close() })
		default:
			s.log.Warn("a frame cannot be read", "kind", name(f.Type))
		}
	}
}

func (s *socket) write(raw []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.conn.SetWriteDeadline(time.Now().Add(noticeTime)); err != nil {
		return err
	}
	return s.conn.WriteMessage(websocket.TextMessage, raw)
}
