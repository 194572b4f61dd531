package playground

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"procurabot/bot"
	"procurabot/bot/bottest"
)

// BotName is how the bot is shown and mentioned; "@bot" mentions it too.
const BotName = "Procurabot"

// Options of [New].
type Options struct {
	Platform bot.Platform     // "slack" and "discord" behave like these; empty is "playground"
	Now      func() time.Time // nil: time.Now
}

// Rooms are the platform. All methods may be called by several goroutines.
type Rooms struct {
	platform bot.Platform
	now      func() time.Time
	epoch    string

	mu       sync.Mutex
	last     int // number of the last id
	people   []*person
	channels []*channel
	messages []*message
	handles  map[string]handle
	arrived  map[string]bot.MessageID // by envelope
	recent   *bot.Incoming            // for Redeliver
	seen     []bottest.Seen
	fault    string
	link     *link // to the bot, nil while none is connected
	revision int
	changed  chan struct{} // closed at every change, and made anew
}

type person struct {
	id           bot.UserID
	name, locale string
	role         bot.Role // only said beside the name
	form         *openForm
	read         map[bot.ConversationID]int
}

type channel struct {
	id     bot.ConversationID
	locale string
	role   bot.Role // whose work arrives here, for the page
}

// handle is a way to answer one interaction privately.
type handle struct {
	person  *person
	at      place
	expires time.Time
}

// handleLife is Discord's, the shorter of the two:
// https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages
const handleLife = 15 * time.Minute

// New makes rooms with nobody in them.
func New(o Options) *Rooms {
	if o.Platform == "" {
		o.Platform = "playground"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Rooms{
		platform: o.Platform, now: o.Now,
		epoch:   strconv.FormatInt(o.Now().UnixMilli(), 36),
		handles: map[string]handle{}, arrived: map[string]bot.MessageID{},
		changed: make(chan struct{}),
	}
}

func (r *Rooms) likeSlack() bool   { return r.platform == "slack" }
func (r *Rooms) likeDiscord() bool { return r.platform == "discord" }

// realm is where accounts belong: on Slack a workspace, elsewhere users are
// global.
func (r *Rooms) realm() bot.SpaceID {
	if r.likeSlack() {
		return "T1"
	}
	return ""
}

// space is what a place belongs to; Discord's direct messages belong to none.
func (r *Rooms) space(at place) bot.SpaceID {
	if r.likeDiscord() && at.channel != nil {
		return "G1"
	}
	return r.realm()
}

// nextID needs the lock.
func (r *Rooms) nextID() string {
	r.last++
	return r.epoch + "." + strconv.Itoa(r.last)
}

// touch tells whoever watches that something changed. It needs the lock.
func (r *Rooms) touch() {
	r.revision++
	close(r.changed)
	r.changed = make(chan struct{})
}

// watch gives the present state's number and what is closed when it is no
// longer the present one.
func (r *Rooms) watch() (int, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.revision, r.changed
}

// spokeSince reports whether the bot has said anything since a revision, and
// gives what is closed at the next change.
func (r *Rooms) spokeSince(revision int) (bool, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.messages {
		if m.author == nil && m.revision > revision {
			return true, r.changed
		}
	}
	return false, r.changed
}

// person finds somebody by name or id. It needs the lock.
func (r *Rooms) person(name string) (*person, error) {
	for _, p := range r.people {
		if p.name == name || string(p.id) == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("nobody here is called %q", name)
}

// place is a channel, a thread in one, or a direct message with the bot.
type place struct {
	channel *channel
	root    bot.MessageID // of the thread
	with    *person
}

func (p place) id() bot.ConversationID {
	switch {
	case p.with != nil:
		return bot.ConversationID("dm:" + p.with.id)
	case p.root != "":
		return p.channel.id + "/" + bot.ConversationID(p.root)
	}
	return p.channel.id
}

// top is the place without its thread.
func (p place) top() place { p.root = ""; return p }

func (p place) locale() string {
	if p.channel == nil {
		return ""
	}
	return p.channel.locale
}

// name is how scripts call the place.
func (p place) name() string {
	if p.channel == nil {
		return ""
	}
	return "#" + string(p.channel.id)
}

// find finds a conversation by its id. It needs the lock.
func (r *Rooms) find(id bot.ConversationID) (place, error) {
	if user, ok := strings.CutPrefix(string(id), "dm:"); ok {
		p, err := r.person(user)
		return place{with: p}, err
	}
	name, root, _ := strings.Cut(string(id), "/")
	for _, c := range r.channels {
		if c.id != bot.ConversationID(name) {
			continue
		}
		at := place{channel: c, root: bot.MessageID(root)}
		if m := r.message(at.root); root != "" && (m == nil || m.at != at.top()) {
			return place{}, fmt.Errorf("there is no such thread in #%s", name)
		}
		return at, nil
	}
	return place{}, fmt.Errorf("there is no conversation %q", id)
}
