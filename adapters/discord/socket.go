package discord

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"

	"procurabot/bot"
)

// The library connects again by itself, but it does so for ever where Discord
// has said that it will not help (https://github.com/bwmarrin/discordgo/issues/1544),
// and can lock itself up on the way (https://github.com/bwmarrin/discordgo/issues/513).
// So that is off, and is done here.

// Pauses between attempts to connect. At most 720 in a day, of the 1,000 after
// which Discord resets the token:
// https://discord.com/developers/docs/events/gateway#session-start-limit-object
const (
	firstPause = time.Second
	lastPause  = 2 * time.Minute
	steady     = time.Minute // a connection that lasted so long starts afresh
)

// stayConnected holds a link until ctx ends, and replaces it when it is worn.
func (a *Adapter) stayConnected(ctx context.Context, r bot.Receiver, t *turns) error {
	pause := firstPause
	var l *link
	for {
		if l == nil {
			var err error
			if l, err = a.newLink(r, t); err != nil {
				return err
			}
		}
		began := time.Now()
		err := l.hold(ctx)
		if ctx.Err() != nil {
			l.leave()
			return nil
		}
		if final := finally(err); final != nil {
			l.cut()
			return final
		}
		if err != nil {
			a.log.Warn("the connection to Discord failed, connecting again", "err", cause(err))
			if l.reached() {
				// What was missed could only be replayed to the old session; one that
				// cannot be resumed is of no more use.
				l.cut()
				l = nil
			}
		}
		if time.Since(began) > steady {
			pause = firstPause
			if err == nil {
				continue
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
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
	switch closed.Code {
	case 4004:
		return errToken
	case 4013, 4014:
		return errors.New("discord does not let the bot hear what it asks for: see Privileged Gateway Intents on the Bot page of https://discord.com/developers/applications")
	case 4010, 4011, 4012:
		return fmt.Errorf("discord refuses the connection for good, with the close code %d", closed.Code)
	}
	return nil
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
}

func (a *Adapter) newLink(r bot.Receiver, t *turns) (*link, error) {
	s, err := a.newSession()
	if err != nil {
		return nil, err
	}
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
		l.isReady()
		if e.User != nil {
			a.people.isReady(e.User.ID)
		}
	})
	s.AddHandler(func(*discordgo.Session, *discordgo.Resumed) { l.isReady() })
	a.listen(s, r, t)
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

// watched tells when something was written after it was asked to.
type watched struct {
	net.Conn
	farewell chan struct{}

	mu      sync.Mutex
	leaving bool
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

func (l *link) isReady() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ready = true
}

// reached tells whether the last attempt got as far as a connection.
func (l *link) reached() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn != nil
}

// errWorn is a session that was refused, or has locked itself up.
var errWorn = errors.New("the session is of no more use")

// hold opens a connection and returns when it is lost: with nil when its
// session can be resumed.
func (l *link) hold(ctx context.Context) error {
	l.mu.Lock()
	l.conn, l.ready = nil, false
	l.mu.Unlock()
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
			l.a.log.Warn("Discord acknowledges no heartbeats, connecting again")
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
	l.dead = true
	l.mu.Unlock()
	l.hangUp()
}

// leave says goodbye, so that the bot is shown as gone at once. The library
// sleeps for a second after its close frame, with its lock held; nobody waits
// for that.
func (l *link) leave() {
	l.mu.Lock()
	l.dead = true
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
