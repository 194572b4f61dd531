package discord

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"
)

// The library connects again by itself, but it does so for ever where Discord
// has said that it will not help (https://github.com/bwmarrin/discordgo/issues/1544),
// and can lock itself up on the way (https://github.com/bwmarrin/discordgo/issues/513).
// So that is off, and is done here.

// stayConnected holds a link until ctx ends, and replaces it when it is worn.
func (a *Adapter) stayConnected(ctx context.Context, now receiving) error {
	var p pauses
	var l *link
	for n := 0; ; n++ {
		if err := a.mayStart(ctx); err != nil || ctx.Err() != nil {
			if l != nil {
				l.cut()
			}
			return err
		}
		if l == nil {
			var err error
			if l, err = a.newLink(now); err != nil {
				return err
			}
			a.link.Store(l)
		}
		if n > 0 {
			a.counts.reconnects.Add(1)
		}
		err := l.hold(ctx)
		if ctx.Err() != nil {
			l.leave()
			return nil
		}
		if final := finally(err); final != nil {
			l.cut()
			if errors.Is(final, errToken) {
				a.tokenRefused()
			}
			return final
		}
		c := l.course()
		pause := p.next(c)
		if c.connected {
			a.absence.begins(a.log, l.why(err))
		} else {
			pause = max(pause, patience(err))
			a.log.Warn("Discord cannot be reached, trying again", "err", plainly(err), "in", pause.Round(time.Second))
		}
		if err != nil && c.reached {
			// What was missed could only be replayed to the old session; one that
			// cannot be resumed is of no more use.
			l.cut()
			l = nil
		}
		sleep(ctx, pause)
	}
}

// sleep is false where ctx ended it.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// sparedStarts is how many sessions of a day are never begun: at the last one
// Discord ends all of them and resets the token.
// https://discord.com/developers/docs/events/gateway#identifying
const sparedStarts = 5

// mayStart waits until a session may begin, and for as long as Discord asks to be
// left alone. It is asked before each connection, also one that is to resume a
// session, since the library begins a new one where that fails. An error ends the
// run. Without an answer the pauses alone keep the count.
// https://discord.com/developers/docs/events/gateway#session-start-limit-object
func (a *Adapter) mayStart(ctx context.Context) error {
	for {
		var answer struct {
			Limit struct {
				Remaining *int  `json:"remaining"`
				Reset     int64 `json:"reset_after"` // in milliseconds
			} `json:"session_start_limit"`
		}
		err := a.request(ctx, http.MethodGet, "gateway/bot", nil, &answer)
		if wait := patience(err); wait > 0 && !a.refused.Load() {
			a.log.Warn("no connection to Discord for now", "why", plainly(err))
			if !sleep(ctx, wait) {
				return nil
			}
			continue
		}
		switch left := answer.Limit.Remaining; {
		case a.refused.Load():
			return errToken
		case err != nil || left == nil || *left > sparedStarts:
			return nil
		}
		wait := max(time.Duration(answer.Limit.Reset)*time.Millisecond, time.Minute)
		a.log.Error("Discord allows no more connections for now: something ends them again and again", "wait", wait.Round(time.Second))
		if !sleep(ctx, wait) {
			return nil
		}
	}
}

// finally tells what ends a run: the close codes after which Discord asks not
// to connect again.
// https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
func finally(err error) error {
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		return nil
	}
	const newer = "install a newer version of the program"
	why := ""
	switch closed.Code {
	case 4004:
		return errToken
	case 4010:
		why = "it does not take the connection for the bot's only one: " + newer
	case 4011:
		why = "the bot is on more servers than one connection may carry: remove it from those that do not need it (Server Settings, Integrations)"
	case 4012:
		why = "it no longer serves this version of the Gateway: " + newer
	case 4013:
		why = "it knows nothing of what the bot asks to hear: " + newer
	case 4014:
		why = "the bot asks to hear what is not switched on for it: see Privileged Gateway Intents on the Bot page of https://discord.com/developers/applications"
	default:
		return nil
	}
	return fmt.Errorf("discord refuses the connection for good (close code %d): %s", closed.Code, why)
}

// link is one session on the Gateway, through however many connections.
type link struct {
	a       *Adapter
	session *discordgo.Session
	lost    chan struct{} // the library has given a connection up

	mu    sync.Mutex
	conn  *watched
	dead  bool
	ready bool // READY or RESUMED came through this connection
	deaf  bool // Discord acknowledges no heartbeats through it
	now   course
}

// course is what became of an attempt to connect.
type course struct {
	reached   bool      // there was a connection
	connected bool      // READY or RESUMED came through it
	began     time.Time // of the attempt, or of the session that began by it
	fresh     bool      // a session began; else one was resumed
}

func (a *Adapter) newLink(now receiving) (*link, error) {
	s, err := a.newSession()
	if err != nil {
		return nil, err
	}
	s.Client = &http.Client{Transport: gatewayAddress{a}, Timeout: requestTimeout}
	l := &link{a: a, session: s, lost: make(chan struct{}, 1)}
	d := *a.dialer
	d.HandshakeTimeout = requestTimeout
	plain := d.NetDialContext
	if plain == nil {
		plain = (&net.Dialer{}).DialContext
	}
	d.NetDialContext = l.watching(plain)
	if d.NetDialTLSContext != nil {
		d.NetDialTLSContext = l.watching(d.NetDialTLSContext)
	}
	s.Dialer = &d
	s.AddHandler(func(*discordgo.Session, *discordgo.Disconnect) {
		select {
		case l.lost <- struct{}{}:
		default:
		}
	})
	s.AddHandler(func(_ *discordgo.Session, e *discordgo.Ready) {
		defer a.guard("ready")
		l.isReady(true)
		if e.User != nil {
			a.people.isReady(e.User.ID)
		}
		var guilds []string
		for _, g := range e.Guilds {
			if g != nil {
				guilds = append(guilds, g.ID)
			}
		}
		a.sessionBegins(now, guilds)
	})
	s.AddHandler(func(*discordgo.Session, *discordgo.Resumed) { l.isReady(false) })
	a.listen(s, now)
	return l, nil
}

type dial func(ctx context.Context, network, address string) (net.Conn, error)

// watching keeps hold of the connection, so that it can be cut when the library
// no longer answers.
func (l *link) watching(next dial) dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := next(ctx, network, address)
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.dead {
			c.Close()
			return nil, net.ErrClosed
		}
		l.conn = &watched{Conn: c, farewell: make(chan struct{})}
		return l.conn, nil
	}
}

// watched tells when something was written after it was asked to, and when the
// other end is gone.
type watched struct {
	net.Conn
	farewell chan struct{}

	mu      sync.Mutex
	leaving bool
	broke   error // why nothing more can be read, unless it was closed here
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
		w.mu.Lock()
		w.broke = err
		w.mu.Unlock()
	}
	return n, err
}

func (w *watched) cutBy() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broke
}

func (w *watched) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.leaving {
		w.leaving = false
		close(w.farewell)
	}
	return n, err
}

func (l *link) isReady(fresh bool) {
	l.mu.Lock()
	if l.dead {
		l.mu.Unlock()
		return
	}
	l.ready, l.now.connected = true, true
	if fresh {
		l.now.fresh, l.now.began = true, time.Now()
	}
	l.mu.Unlock()
	l.a.absence.ends(l.a.log)
}

// Ready reports whether the adapter receives now: whether there is a connection
// to the Gateway, through which messages come, and interactions where they do not
// come by HTTP.
func (a *Adapter) Ready() bool {
	l := a.link.Load()
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ready
}

func (l *link) course() course {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now.reached = l.conn != nil
	return l.now
}

// why says how a connection ended. The library keeps to itself with which code
// Discord closed one, and whether it asked for another by opcode 7.
func (l *link) why(err error) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		return plainly(err)
	case l.deaf:
		return "Discord acknowledges no heartbeats"
	case l.conn != nil && l.conn.cutBy() != nil:
		return "the line was cut: " + l.conn.cutBy().Error()
	}
	return "Discord closed it, or asked for another"
}

// errWorn is a session that was refused, or has locked itself up.
var errWorn = errors.New("the session is of no more use")

// hold opens a connection and returns when it is lost: with nil when its
// session can be resumed.
func (l *link) hold(ctx context.Context) error {
	l.mu.Lock()
	l.conn, l.deaf, l.now = nil, false, course{began: time.Now()}
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ready = false
	}()
	if err := l.open(ctx); err != nil && !errors.Is(err, discordgo.ErrWSAlreadyOpen) {
		return err
	}
	if err := l.watch(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ready {
		// The library takes "invalid session" for a good beginning, and hides with
		// which code the connection then ended: a new session will tell.
		return errWorn
	}
	return nil
}

// stuck is how long the library may take for what takes a moment.
const stuck = time.Minute

func (l *link) open(ctx context.Context) error {
	opened := make(chan error, 1)
	go func() { opened <- l.session.Open() }()
	select {
	case err := <-opened:
		return err
	case <-time.After(stuck):
		return errWorn
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Discord asks for a heartbeat every 41 s. One that is not acknowledged a minute
// after it was due means that nobody is there; the library takes over three.
const (
	look      = 15 * time.Second
	deadAfter = 100 * time.Second
)

// watch returns when the connection was lost, or is beyond help.
func (l *link) watch(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	answered := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.lost:
			return nil
		case <-tick.C:
		}
		// The library may hold its lock for ever, so that it is not waited for.
		if !l.session.TryRLock() {
			if time.Since(answered) > stuck {
				return errWorn
			}
			continue
		}
		acknowledged := l.session.LastHeartbeatAck
		l.session.RUnlock()
		answered = time.Now()
		if answered.Sub(acknowledged) > deadAfter {
			l.mu.Lock()
			l.deaf = true
			l.mu.Unlock()
			// Cut without a word, since a close frame would end the session. The
			// library notices and says that it is lost.
			l.hangUp()
		}
	}
}

func (l *link) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		l.conn.Close()
	}
}

// cut ends a link that nobody will use again.
func (l *link) cut() {
	l.mu.Lock()
	l.dead, l.ready = true, false
	l.mu.Unlock()
	l.hangUp()
}

// leave says goodbye, so that the bot is shown as gone at once. The library
// sleeps for a second after its close frame, with its lock held; nobody waits
// for that.
func (l *link) leave() {
	l.mu.Lock()
	l.dead, l.ready = true, false
	c := l.conn
	l.mu.Unlock()
	if c == nil {
		return
	}
	c.mu.Lock()
	c.leaving = true
	c.mu.Unlock()
	go func() {
		_ = l.session.Close()
		l.hangUp()
	}()
	select {
	case <-c.farewell:
	case <-time.After(time.Second):
		l.hangUp()
	}
}
