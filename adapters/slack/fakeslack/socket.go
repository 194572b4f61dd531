package fakeslack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const (
	maxSockets = 10       // https://docs.slack.dev/apis/events-api/using-socket-mode#connections
	maxAck     = 20 << 10 // silently dropped from this size on (slack-go, socketmode.maxResponseSize)
)

// kind is the type of an envelope.
type kind string

const (
	events      kind = "events_api"
	interactive kind = "interactive"
	commands    kind = "slash_commands"
)

// payload is what is to be delivered, however often.
type payload struct {
	kind     kind
	body     map[string]any
	attempts int
	// Over HTTP alone:
	reason   string    // why the last attempt failed
	signed   time.Time // when the last attempt says it was signed
	retrying bool
}

type envelope struct {
	id     string
	p      *payload
	socket *socket
	answer chan json.RawMessage // holds one
	acked  bool
}

// AckRecord is one acknowledgement as it came over a socket, or as an answer to a request.
type AckRecord struct {
	EnvelopeID  string // empty over HTTP
	Payload     json.RawMessage
	At          time.Time
	Again       bool // the envelope had been acknowledged before
	Unknown     bool // no such envelope
	Dropped     bool // too large: Slack would have ignored it
	OtherSocket bool // it came over another connection than the envelope's
}

// Choice is how a socket is chosen for an envelope. Slack promises no more than that it may be any
// (https://docs.slack.dev/apis/events-api/using-socket-mode#connections).
type Choice int

const (
	// RoundRobin takes one after the other.
	RoundRobin Choice = iota
	// Newest takes the connection that was opened last.
	Newest
	// Oldest takes the connection that was opened first.
	Oldest
)

// Delivery says how payloads reach the bot.
type Delivery struct {
	// Times is how often each event is delivered, with one event id: 1 to 4, as Slack makes three retries at most
	// (https://docs.slack.dev/apis/events-api#retries). Once when zero.
	Times int
	// Interactions makes Times hold for slash commands and interactions too. Slack does not say that it retries them.
	Interactions bool
	Sockets      Choice
	// Delay is waited before anything is sent.
	Delay time.Duration
	// Reorder turns the order of the events of one gesture round, and of their copies.
	Reorder bool
	// Late is how many of the next payloads are acknowledged too late, in all their copies: the person is told that it
	// failed, and an event comes again by Redeliver.
	Late int
	// SameSecond signs the attempts of one payload with one timestamp, over HTTP: the first retry follows nearly at once
	// (https://docs.slack.dev/apis/events-api#retries), so that it may fall into the second of the attempt before it.
	SameSecond bool
}

// Deliver changes how payloads are delivered from now on.
func (s *Server) Deliver(d Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delivery = d
}

// ErrNotConnected is what a person's action returns when the bot has no socket open. Events are kept for [Server.Redeliver].
var ErrNotConnected = errors.New("the bot has no socket open")

// ErrNotAcknowledged is what a person's action returns when the bot did not acknowledge in time. Slack shows
// the person an error then, or delivers the event again.
var ErrNotAcknowledged = errors.New("the bot did not acknowledge in time")

type socket struct {
	conn *websocket.Conn
	out  chan []byte
	quit chan struct{}
	stop func()
}

func (c *socket) close() { c.stop() }

// send queues a frame; a socket that is closed drops it, as a network does.
func (c *socket) send(frame any) {
	raw, err := json.Marshal(frame)
	if err != nil {
		return
	}
	select {
	case c.out <- raw:
	case <-c.quit:
	}
}

func (s *Server) connectionsOpen(args) answer {
	s.serial++
	ticket := fmt.Sprintf("ticket-%d", s.serial)
	s.tickets[ticket] = true
	return answer{"url": strings.Replace(s.base, "http", "ws", 1) + "/link?ticket=" + ticket + "&app_id=" + s.AppID()}
}

func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	ticket := r.URL.Query().Get("ticket")
	good := s.tickets[ticket]
	// An address is for one connection.
	delete(s.tickets, ticket)
	s.mu.Unlock()
	if !good {
		http.Error(w, "invalid ticket", http.StatusNotFound)
		return
	}
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := &socket{conn: conn, out: make(chan []byte, 256), quit: make(chan struct{})}
	stopped := false
	c.stop = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if stopped {
			return
		}
		stopped = true
		close(c.quit)
		_ = conn.Close()
		s.sockets = slices.DeleteFunc(s.sockets, func(o *socket) bool { return o == c })
		s.announce()
	}
	s.mu.Lock()
	select {
	case <-s.done:
		s.mu.Unlock()
		_ = conn.Close()
		return
	default:
	}
	s.running.Add(1)
	refused := ""
	switch {
	case s.deaf:
		refused = "link_disabled"
	case len(s.sockets) >= maxSockets:
		refused = "too_many_websockets"
	}
	if refused == "" {
		s.opened++
		s.sockets = append(s.sockets, c)
	}
	count := len(s.sockets)
	// The greeting goes first, before anything can be delivered on the socket.
	if refused != "" {
		c.send(map[string]any{"type": "disconnect", "reason": refused, "debug_info": map[string]any{"host": "fake"}})
	} else {
		c.send(map[string]any{
			"type": "hello", "num_connections": count, "connection_info": map[string]any{"app_id": s.AppID()},
			"debug_info": map[string]any{"host": "fake", "build_number": 1, "approximate_connection_time": 18060},
		})
	}
	s.announce()
	s.mu.Unlock()
	defer s.running.Done()

	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write(s.o.PingInterval, refused != "")
	}()
	for {
		_, raw, err := conn.ReadMessage()
		if err != nil {
			break
		}
		s.acknowledge(c, raw)
	}
	c.close()
	<-written
}

// write sends frames and pings until the socket closes. The client counts a connection dead after
// 30 s without a ping (slack-go, socketmode.defaultMaxPingInterval).
func (c *socket) write(every time.Duration, once bool) {
	defer c.close()
	ping := time.NewTicker(every)
	defer ping.Stop()
	for {
		select {
		case raw := <-c.out:
			_ = c.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
			if raw == nil {
				_ = c.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
				return
			}
			if c.conn.WriteMessage(websocket.TextMessage, raw) != nil || once {
				return
			}
		case <-ping.C:
			if c.conn.WriteControl(websocket.PingMessage, []byte("Ping from fake"), time.Now().Add(10*time.Second)) != nil {
				return
			}
		case <-c.quit:
			return
		}
	}
}

// announce wakes those who wait for connections to come or go. The caller holds s.mu.
func (s *Server) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Connections is the number of open sockets.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets)
}

// WaitConnected waits until exactly n sockets are open.
func (s *Server) WaitConnected(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		have, changed := len(s.sockets), s.changed
		s.mu.Unlock()
		if have == n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d sockets, there are %d: %w", n, have, ctx.Err())
		}
	}
}

// Opened is how many sockets have ever been opened.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// WaitOpened waits until n sockets have been opened since the start, closed ones included.
func (s *Server) WaitOpened(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		have, changed := s.opened, s.changed
		s.mu.Unlock()
		if have >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d sockets to have been opened, there were %d: %w", n, have, ctx.Err())
		}
	}
}

// warningTime is how far ahead Slack announces that it closes a socket
// (https://docs.slack.dev/apis/events-api/using-socket-mode#disconnect).
const warningTime = 10 * time.Second

// Disconnect tells every socket to go. "warning" announces it, about ten seconds ahead, and the socket works until then;
// "refresh_requested" and "link_disabled" close after the notice
// (https://docs.slack.dev/apis/events-api/using-socket-mode#disconnect); "reset" breaks the connection without a word.
func (s *Server) Disconnect(reason string) {
	s.mu.Lock()
	sockets := slices.Clone(s.sockets)
	s.mu.Unlock()
	for _, c := range sockets {
		if reason == "reset" {
			c.close()
			continue
		}
		c.send(map[string]any{"type": "disconnect", "reason": reason, "debug_info": map[string]any{"host": "fake"}})
		if reason == "warning" {
			_ = time.AfterFunc(warningTime, c.close)
		} else {
			select {
			case c.out <- nil:
			case <-c.quit:
			}
		}
	}
}

// Acks is the log of acknowledgements.
func (s *Server) Acks() []AckRecord {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.acks)
}

func (s *Server) acknowledge(c *socket, raw []byte) {
	var got struct {
		EnvelopeID string          `json:"envelope_id"`
		Payload    json.RawMessage `json:"payload"`
	}
	if json.Unmarshal(raw, &got) != nil || got.EnvelopeID == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.pending[got.EnvelopeID]
	record := AckRecord{
		EnvelopeID: got.EnvelopeID, Payload: got.Payload, At: s.o.Now(), Unknown: e == nil, Again: e != nil && e.acked,
		Dropped: len(raw) >= maxAck, OtherSocket: e != nil && e.socket != c,
	}
	s.acks = append(s.acks, record)
	if record.Unknown || record.Again || record.Dropped {
		return
	}
	e.acked = true
	e.answer <- got.Payload
}

// Frame sends a frame as it is over a socket, such as one of no known form. With an id of an envelope it waits for the acknowledgement.
func (s *Server) Frame(ctx context.Context, id, raw string) error {
	s.mu.Lock()
	c := s.pick(s.delivery.Sockets)
	if c == nil {
		s.mu.Unlock()
		return fmt.Errorf("send a frame: %w", ErrNotConnected)
	}
	e := &envelope{id: id, p: &payload{}, socket: c, answer: make(chan json.RawMessage, 1)}
	if id != "" {
		s.pending[id] = e
	}
	s.mu.Unlock()
	select {
	case c.out <- []byte(raw):
	case <-c.quit:
		return fmt.Errorf("send a frame: %w", ErrNotConnected)
	}
	if id == "" {
		return nil
	}
	select {
	case <-e.answer:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("send a frame: %w", ErrNotAcknowledged)
	}
}

// pick chooses a socket. The caller holds s.mu.
func (s *Server) pick(choice Choice) *socket {
	switch n := len(s.sockets); {
	case n == 0:
		return nil
	case choice == Newest:
		return s.sockets[n-1]
	case choice == Oldest:
		return s.sockets[0]
	default:
		s.next++
		return s.sockets[s.next%n]
	}
}

// deliver sends payloads and waits until every copy has been acknowledged. The answer is the first one to the first payload.
func (s *Server) deliver(ctx context.Context, list ...*payload) (json.RawMessage, error) {
	raw, err := s.acknowledged(ctx, list...)
	s.mu.Lock()
	finish := s.finish
	s.mu.Unlock()
	for _, p := range list {
		if trigger, _ := p.body["trigger_id"].(string); err == nil && finish != nil && trigger != "" {
			finish(ctx, trigger)
		}
	}
	return raw, err
}

func (s *Server) acknowledged(ctx context.Context, list ...*payload) (json.RawMessage, error) {
	s.mu.Lock()
	d, via := s.delivery, s.via
	late := len(list) > 0 && d.Late > 0
	if late {
		s.delivery.Late--
	}
	s.mu.Unlock()
	if len(list) == 0 {
		return nil, nil
	}
	first := list[0]
	if d.Delay > 0 {
		timer := time.NewTimer(d.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.AckTimeout)
	defer cancel()
	var sends []*payload
	for _, p := range list {
		times := 1
		if p.kind == events || d.Interactions {
			times = max(1, min(d.Times, 4))
		}
		for range times {
			sends = append(sends, p)
		}
	}
	if d.Reorder {
		slices.Reverse(sends)
	}
	if via.Events != "" {
		return s.deliverHTTP(ctx, first, sends, late)
	}
	var sent []*envelope
	var problems []error
	for _, p := range sends {
		e, err := s.transmit(p, d.Sockets)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		sent = append(sent, e)
	}
	var result json.RawMessage
	for _, e := range sent {
		select {
		case got := <-e.answer:
			if late {
				problems = append(problems, s.tooLate(e.p))
			} else if e.p == first && result == nil {
				result = got
			}
		case <-ctx.Done():
			if err := s.miss(e); err != nil {
				problems = append(problems, err)
			} else if got := <-e.answer; e.p == first && result == nil {
				// It came at the last moment.
				result = got
			}
		}
	}
	return result, errors.Join(problems...)
}

// transmit sends one copy of a payload in an envelope of its own.
func (s *Server) transmit(p *payload, choice Choice) (*envelope, error) {
	s.mu.Lock()
	c := s.pick(choice)
	if c == nil {
		defer s.mu.Unlock()
		s.remember(p)
		return nil, fmt.Errorf("deliver %s: %w", p.kind, ErrNotConnected)
	}
	s.serial++
	e := &envelope{id: fmt.Sprintf("envelope-%d", s.serial), p: p, socket: c, answer: make(chan json.RawMessage, 1)}
	s.pending[e.id] = e
	frame := map[string]any{
		"envelope_id": e.id, "type": string(p.kind), "payload": p.body,
		// Events take no answer (https://docs.slack.dev/apis/events-api/using-socket-mode#acknowledge).
		"accepts_response_payload": p.kind != events,
	}
	if p.kind == events {
		frame["retry_attempt"], frame["retry_reason"] = p.attempts, ""
		if p.attempts > 0 {
			frame["retry_reason"] = "timeout"
		}
	}
	p.attempts++
	raw, err := json.Marshal(frame)
	s.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("encode an envelope: %w", err)
	}
	c.send(json.RawMessage(raw))
	return e, nil
}

// miss keeps an unacknowledged event for Redeliver.
func (s *Server) miss(e *envelope) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.acked {
		return nil
	}
	s.remember(e.p)
	return fmt.Errorf("deliver %s: %w", e.p.kind, ErrNotAcknowledged)
}

// tooLate is what a person is told when the acknowledgement comes after Slack has given up.
func (s *Server) tooLate(p *payload) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remember(p)
	return fmt.Errorf("deliver %s: too late: %w", p.kind, ErrNotAcknowledged)
}

func (s *Server) remember(p *payload) {
	if p.kind == events && !slices.Contains(s.missed, p) {
		s.missed = append(s.missed, p)
	}
}

// Redeliver sends the events again that were not acknowledged, with their event ids and the next retry number, and waits as
// a person does. Slack does it almost at once, after one minute and after five (https://docs.slack.dev/apis/events-api#retries).
// It returns how many it sent.
func (s *Server) Redeliver(ctx context.Context) (int, error) {
	s.mu.Lock()
	missed := s.missed
	s.missed = nil
	for _, p := range missed {
		// What could not be sent at all counts as the first attempt.
		p.attempts = max(p.attempts, 1)
	}
	s.mu.Unlock()
	_, err := s.deliver(ctx, missed...)
	return len(missed), err
}
