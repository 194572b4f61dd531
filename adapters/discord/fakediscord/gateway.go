package fakediscord

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Intents is what a session asked to hear of.
// https://discord.com/developers/docs/events/gateway#gateway-intents
type Intents int

// The intents that the server looks at; the last three are privileged.
const (
	IntentGuilds         Intents = 1 << 0
	IntentGuildMessages  Intents = 1 << 9
	IntentDirectMessages Intents = 1 << 12
	IntentMembers        Intents = 1 << 1
	IntentPresences      Intents = 1 << 8
	IntentMessageContent Intents = 1 << 15

	privileged = IntentMembers | IntentPresences | IntentMessageContent
	// known are all bits that the documentation gives a name.
	known Intents = 1<<17 - 1 | 1<<20 | 1<<21 | 1<<24 | 1<<25
)

// Opcodes of the Gateway.
// https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-opcodes
const (
	opDispatch       = 0
	opHeartbeat      = 1
	opIdentify       = 2
	opPresence       = 3
	opVoice          = 4
	opResume         = 6
	opReconnect      = 7
	opMembers        = 8
	opInvalidSession = 9
	opHello          = 10
	opAck            = 11
)

// Close codes of the Gateway.
// https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
const (
	closeUnknownOpcode    = 4001
	closeDecode           = 4002
	closeNotAuthenticated = 4003
	closeAuthentication   = 4004
	closeAlready          = 4005
	closeInvalidIntents   = 4013
	closeDisallowed       = 4014
)

// session outlives its connections: what it missed is replayed when it resumes.
type session struct {
	id      string
	intents Intents
	shard   [2]uint64
	events  []event
	conn    *conn // nil while nobody listens
}

type event struct {
	seq  int
	data []byte
}

type conn struct {
	ws       *websocket.Conn
	session  *session
	compress bool
	queue    []frame
	wake     chan struct{}
	silent   bool // nothing is written any more
	beating  bool // a heartbeat came
	holding  bool // held waits until a later event has overtaken it
	held     []byte
}

type frame struct {
	data     []byte
	compress bool
	close    int  // a close frame with this code, when not 0
	reset    bool // the connection ends without a word
}

// Session is one client on the Gateway, as a test sees it.
type Session struct {
	ID        string
	Intents   Intents
	Connected bool
	// Beating tells whether a heartbeat came through the connection.
	Beating  bool
	Sequence int
}

// Sessions returns the sessions that are open or can be resumed.
func (s *Server) Sessions() []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Session
	for _, x := range s.sessions {
		all = append(all, Session{ID: x.id, Intents: x.intents, Connected: x.conn != nil, Beating: x.conn != nil && x.conn.beating, Sequence: len(x.events)})
	}
	return all
}

// Identified is how often a client has identified, of 1,000 allowed in a day.
// https://discord.com/developers/docs/events/gateway#session-start-limit-object
func (s *Server) Identified() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.identified
}

// WaitConnected returns when a session is open.
func (s *Server) WaitConnected(ctx context.Context) error {
	return s.Await(ctx, func() bool {
		for _, x := range s.Sessions() {
			if x.Connected {
				return true
			}
		}
		return false
	})
}

// Break is a way in which a connection to the Gateway ends or falters.
type Break struct {
	op        int
	resumable bool
	code      int
	reset     bool
}

// AskReconnect sends opcode 7: the client should connect again and resume.
func AskReconnect() Break { return Break{op: opReconnect} }

// InvalidSession sends opcode 9. When not resumable, the session is gone.
func InvalidSession(resumable bool) Break { return Break{op: opInvalidSession, resumable: resumable} }

// CloseCode closes with a code: 4000 may be resumed, 4004 and 4010 to 4014 are final.
func CloseCode(code int) Break { return Break{code: code} }

// ResetConnection ends the connection without a close frame.
func ResetConnection() Break { return Break{reset: true} }

// Disconnect does b to every open connection.
func (s *Server) Disconnect(b Break) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.silent || c.session == nil {
			continue
		}
		switch {
		case b.op == opReconnect:
			s.send(c, map[string]any{"op": opReconnect, "d": nil})
		case b.op == opInvalidSession:
			x := c.session
			c.session, x.conn = nil, nil
			if !b.resumable {
				delete(s.sessions, x.id)
			}
			s.send(c, map[string]any{"op": opInvalidSession, "d": b.resumable})
		default:
			x := c.session
			c.session, x.conn = nil, nil
			if !resumable(b.code) {
				delete(s.sessions, x.id)
			}
			s.push(c, frame{close: b.code, reset: b.reset})
		}
	}
	s.touch()
}

// resumable tells which close codes leave the session alive.
func resumable(code int) bool {
	switch code {
	case closeAuthentication, 4007, 4009, 4010, 4011, 4012, closeInvalidIntents, closeDisallowed:
		return false
	}
	return true
}

// FailResumes answers the next n attempts to resume with "invalid session".
func (s *Server) FailResumes(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failedResumes = n
}

// Refuse closes the connection of whoever identifies or resumes with this code,
// until it is told 0: with 4014, as when an intent was switched off in the portal.
func (s *Server) Refuse(code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = code
}

// sessionDay is how long a session counts, from the first of a day on.
const sessionDay = 24 * time.Hour

// startsLeft is how many sessions may yet begin, and when all may again.
// https://discord.com/developers/docs/events/gateway#session-start-limit-object
func (s *Server) startsLeft() (int, time.Duration) {
	if len(s.starts) > 0 && s.options.Now().Sub(s.starts[0]) >= sessionDay {
		s.starts = nil
	}
	reset := sessionDay
	if len(s.starts) > 0 {
		reset -= s.options.Now().Sub(s.starts[0])
	}
	return max(s.options.Sessions-len(s.starts), 0), reset
}

// begins counts a session that begins. At the limit "all active sessions for the
// app will be terminated, the bot token will be reset"; sooner than five seconds
// after the last it is an invalid session, where rate limits are on.
// https://discord.com/developers/docs/events/gateway#identifying
// https://discord.com/developers/docs/events/gateway#rate-limiting
func (s *Server) begins(c *conn) bool {
	left, _ := s.startsLeft()
	if n := len(s.starts); s.options.Limits > 0 && n > 0 && s.options.Now().Sub(s.starts[n-1]) < time.Duration(float64(5*time.Second)/s.options.Limits) {
		s.send(c, map[string]any{"op": opInvalidSession, "d": false})
		return false
	}
	s.identified++
	s.starts = append(s.starts, s.options.Now())
	if left > 1 {
		return true
	}
	s.revoked = true
	clear(s.sessions)
	for other := range s.conns {
		s.push(other, frame{close: closeAuthentication})
	}
	return false
}

// Deafen leaves heartbeats unanswered, as a connection does that is dead
// without knowing it.
func (s *Server) Deafen(deaf bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf = deaf
}

type delivery struct {
	times   int
	reorder bool
}

// Deliver makes every event arrive the given number of times. With reorder an
// event waits until the next one has gone out before it. Deliver(1, false)
// lets go what waits, and is the rule at the start.
func (s *Server) Deliver(times int, reorder bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !reorder {
		for c := range s.conns {
			s.release(c)
		}
	}
	s.deliver = delivery{times: max(times, 1), reorder: reorder}
}

func (s *Server) serveGateway(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := &conn{ws: ws, wake: make(chan struct{}, 1)}
	// A close frame is not echoed at once: discordgo holds its lock for a second
	// after it sent one, and an echo would park its reader on that lock. In a
	// bubble of testing/synctest that second then never ends.
	ws.SetCloseHandler(func(int, string) error { return nil })

	s.mu.Lock()
	select {
	case <-s.done:
		s.mu.Unlock()
		ws.Close()
		return
	default:
	}
	s.running.Add(1)
	s.conns[c] = struct{}{}
	s.send(c, map[string]any{"op": opHello, "d": map[string]any{"heartbeat_interval": s.options.Heartbeat.Milliseconds()}})
	s.mu.Unlock()
	defer s.running.Done()

	ended := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() { s.write(c, ended) })
	code := s.read(c)

	s.mu.Lock()
	byServer := c.silent
	c.silent = true
	if x := c.session; x != nil {
		x.conn = nil
		// Closing with 1000 or 1001 invalidates the session.
		// https://discord.com/developers/docs/events/gateway#initiating-a-disconnect
		if code == websocket.CloseNormalClosure || code == websocket.CloseGoingAway {
			delete(s.sessions, x.id)
		}
	}
	s.touch()
	s.mu.Unlock()

	close(ended)
	writer.Wait()
	if code != 0 {
		late := time.AfterFunc(2*time.Second, func() {
			if !byServer {
				_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
			}
			ws.Close()
		})
		_, _ = io.Copy(io.Discard, ws.NetConn())
		late.Stop()
	}
	ws.Close()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// write sends what is queued: on its own, since a pipe blocks until the other end reads.
func (s *Server) write(c *conn, ended <-chan struct{}) {
	d := &deflater{}
	for {
		s.mu.Lock()
		queue := c.queue
		c.queue = nil
		s.mu.Unlock()
		for _, f := range queue {
			if f.reset {
				c.ws.NetConn().Close()
				return
			}
			if f.close != 0 {
				_ = c.ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(f.close, closeText(f.close)))
				return
			}
			kind, data := websocket.TextMessage, f.data
			if f.compress {
				kind, data = websocket.BinaryMessage, d.deflate(data)
			}
			if c.ws.WriteMessage(kind, data) != nil {
				return
			}
		}
		select {
		case <-c.wake:
		case <-ended:
			return
		}
	}
}

func closeText(code int) string {
	switch code {
	case closeAuthentication:
		return "Authentication failed."
	case closeDisallowed:
		return "Disallowed intent(s)."
	case closeInvalidIntents:
		return "Invalid intent(s)."
	}
	return ""
}

// deflater compresses frame by frame; it is one for a connection, since a new
// one costs more than all it ever compresses.
type deflater struct {
	buffer bytes.Buffer
	writer *zlib.Writer
}

func (d *deflater) deflate(data []byte) []byte {
	d.buffer.Reset()
	if d.writer == nil {
		d.writer = zlib.NewWriter(&d.buffer)
	} else {
		d.writer.Reset(&d.buffer)
	}
	_, _ = d.writer.Write(data)
	_ = d.writer.Close()
	return d.buffer.Bytes()
}

// push queues a frame. The caller holds mu.
func (s *Server) push(c *conn, f frame) {
	if c.silent {
		return
	}
	f.compress = c.compress
	c.queue = append(c.queue, f)
	if f.close != 0 || f.reset {
		c.silent = true
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (s *Server) send(c *conn, v any) { s.push(c, frame{data: encode(v)}) }

func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps and strings of our own always encode
	}
	return data
}

// read handles what the client sends and returns the code that it closed with,
// or 0 when the connection just ended.
func (s *Server) read(c *conn) int {
	for {
		_, data, err := c.ws.ReadMessage()
		if err != nil {
			if closed, ok := err.(*websocket.CloseError); ok && closed.Code != websocket.CloseAbnormalClosure {
				return closed.Code
			}
			return 0
		}
		var p struct {
			Op int             `json:"op"`
			D  json.RawMessage `json:"d"`
		}
		if len(data) > 4096 {
			s.closeConn(c, closeDecode)
			continue
		}
		if json.Unmarshal(data, &p) != nil {
			s.closeConn(c, closeDecode)
			continue
		}
		switch p.Op {
		case opHeartbeat:
			s.mu.Lock()
			c.beating = true
			s.touch()
			if !s.deaf {
				s.send(c, map[string]any{"op": opAck})
			}
			s.mu.Unlock()
		case opIdentify:
			s.identify(c, p.D)
		case opResume:
			s.resume(c, p.D)
		case opPresence, opVoice, opMembers:
			s.mu.Lock()
			if c.session == nil {
				s.push(c, frame{close: closeNotAuthenticated})
			}
			s.mu.Unlock()
		default:
			s.closeConn(c, closeUnknownOpcode)
		}
	}
}

func (s *Server) closeConn(c *conn, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.push(c, frame{close: code})
}

func (s *Server) valid(token string) bool {
	return !s.revoked && strings.TrimPrefix(token, "Bot ") == s.token
}

func (s *Server) identify(c *conn, d []byte) {
	var p struct {
		Token    string     `json:"token"`
		Intents  *Intents   `json:"intents"`
		Compress bool       `json:"compress"`
		Shard    *[2]uint64 `json:"shard"`
	}
	err := json.Unmarshal(d, &p)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		s.push(c, frame{close: closeDecode})
		return
	case c.session != nil:
		s.push(c, frame{close: closeAlready})
		return
	case !s.valid(p.Token):
		s.push(c, frame{close: closeAuthentication})
		return
	case p.Intents == nil || *p.Intents&^known != 0:
		s.push(c, frame{close: closeInvalidIntents})
		return
	case *p.Intents&privileged&^s.options.Privileged != 0:
		s.push(c, frame{close: closeDisallowed})
		return
	case p.Shard != nil && (p.Shard[1] == 0 || p.Shard[0] >= p.Shard[1]):
		s.push(c, frame{close: 4010})
		return
	case s.refused != 0:
		s.push(c, frame{close: s.refused})
		return
	}
	if !s.begins(c) {
		return
	}
	id := s.snowflake()
	sum := sha256.Sum256([]byte(id))
	x := &session{id: hex.EncodeToString(sum[:16]), intents: *p.Intents, conn: c}
	if p.Shard != nil {
		x.shard = *p.Shard
	}
	c.session, c.compress = x, p.Compress
	s.sessions[x.id] = x
	guilds := []any{}
	for _, g := range s.guilds {
		if s.members[[2]string{g.ID, s.app}] != nil {
			guilds = append(guilds, map[string]any{"id": g.ID, "unavailable": true})
		}
	}
	ready := map[string]any{
		"v": 9, "user": s.userJSON(s.users[s.app]), "guilds": guilds, "session_id": x.id,
		"resume_gateway_url": s.gateway(), "application": map[string]any{"id": s.app, "flags": 0}, "private_channels": []any{},
	}
	if p.Shard != nil {
		ready["shard"] = *p.Shard
	}
	s.emit(x, "READY", ready)
	if x.intents&IntentGuilds != 0 {
		for _, g := range s.guilds {
			if s.members[[2]string{g.ID, s.app}] != nil && s.shardOf(x, g.ID) {
				s.emit(x, "GUILD_CREATE", s.guildJSON(g, true))
			}
		}
	}
	s.touch()
}

func (s *Server) resume(c *conn, d []byte) {
	var p struct {
		Token   string `json:"token"`
		Session string `json:"session_id"`
		Seq     int    `json:"seq"`
	}
	err := json.Unmarshal(d, &p)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		s.push(c, frame{close: closeDecode})
		return
	case c.session != nil:
		s.push(c, frame{close: closeAlready})
		return
	case !s.valid(p.Token):
		s.push(c, frame{close: closeAuthentication})
		return
	}
	if s.refused != 0 {
		s.push(c, frame{close: s.refused})
		return
	}
	x := s.sessions[p.Session]
	if s.failedResumes > 0 && x != nil {
		s.failedResumes--
		delete(s.sessions, x.id)
		x = nil
	}
	if x == nil || p.Seq > len(x.events) {
		s.send(c, map[string]any{"op": opInvalidSession, "d": false})
		return
	}
	if old := x.conn; old != nil {
		old.session = nil
		s.push(old, frame{close: 4000})
	}
	x.conn, c.session = c, x
	// Missed events are replayed in order, then comes RESUMED.
	// https://discord.com/developers/docs/events/gateway#resuming
	for _, e := range x.events[p.Seq:] {
		if e.data != nil { // not forgotten
			s.push(c, frame{data: e.data})
		}
	}
	s.emit(x, "RESUMED", map[string]any{})
	s.touch()
}

// emit records an event of the session and sends it if someone listens. The caller holds mu.
func (s *Server) emit(x *session, name string, d any) {
	e := event{seq: len(x.events) + 1}
	e.data = encode(map[string]any{"op": opDispatch, "t": name, "s": e.seq, "d": d})
	x.events = append(x.events, e)
	if x.conn == nil {
		return
	}
	held := name == "READY" || name == "RESUMED" || name == "GUILD_CREATE"
	if held {
		s.push(x.conn, frame{data: e.data})
		return
	}
	if s.deliver.reorder && !x.conn.holding {
		x.conn.holding, x.conn.held = true, e.data
		return
	}
	for range s.deliver.times {
		s.push(x.conn, frame{data: e.data})
	}
	s.release(x.conn)
}

// release sends the event that waits for a later one to overtake it.
func (s *Server) release(c *conn) {
	if !c.holding {
		return
	}
	data := c.held
	c.holding, c.held = false, nil
	for range s.deliver.times {
		s.push(c, frame{data: data})
	}
}

// dispatch sends an event to every session with the intent (0: to all) whose
// shard has the guild. The caller holds mu.
func (s *Server) dispatch(name string, intent Intents, guild string, d func(Intents) any) {
	for _, x := range s.sessions {
		if x.intents&intent == intent && s.shardOf(x, guild) {
			s.emit(x, name, d(x.intents))
		}
	}
}

// shardOf tells whether the session's shard hears of the guild; shard 0 has the DMs.
// https://discord.com/developers/docs/events/gateway#sharding
func (s *Server) shardOf(x *session, guild string) bool {
	if x.shard[1] < 2 {
		return true
	}
	id, _ := strconv.ParseUint(guild, 10, 64)
	return (id>>22)%x.shard[1] == x.shard[0]
}

// gateway is the address of the Gateway. The caller holds mu.
func (s *Server) gateway() string {
	if s.tcp != nil && s.secure {
		return "wss://" + s.tcp.Addr().String() + "/gateway"
	}
	if s.tcp != nil {
		return "ws://" + s.tcp.Addr().String() + "/gateway"
	}
	return "ws://gateway.discord.invalid/gateway"
}
