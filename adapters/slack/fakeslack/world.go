package fakeslack

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"
)

// User is a person of the workspace, or the bot.
type User struct {
	ID       string // made when empty
	Name     string
	RealName string // Name when empty
	Locale   string // "en-US" when empty
	TZ       string // IANA zone; "Europe/Paris" when empty
	Admin    bool
	Deleted  bool
	bot      bool
	updated  time.Time
}

// Channel is a conversation: a channel, a direct message or a group of direct messages.
type Channel struct {
	ID          string // made when empty
	Name        string
	Locale      string // "en-US" when empty
	Private     bool
	Archived    bool
	Members     []string // user ids
	BotIsMember bool
}

type channel struct {
	Channel
	kind     channelKind
	created  time.Time
	members  []string // the bot included, when it is one
	messages []*Message
}

type channelKind string

const (
	publicChannel  channelKind = "channel"
	privateChannel channelKind = "group"
	directMessage  channelKind = "im"
	groupMessage   channelKind = "mpim"
)

// Message is one message as it stands now.
type Message struct {
	Channel     string
	TS          string
	User        string // who wrote it; the bot's user id for the bot
	Text        string // the top-level text, as it was sent: the notification's and the screen reader's
	Blocks      []Block
	ThreadTS    string // of the thread's first message; empty outside a thread
	Metadata    *Metadata
	Files       []string // file ids
	Edited      bool     // was changed; Slack shows it as edited only where it has no blocks
	Deleted     bool
	EphemeralTo string   // the only user who sees it; empty for a message to all
	History     []string // the texts that it had before its edits
	// Alive are the mentions that came alive in it, in top-level text and blocks: "<@U1>", "<!channel>", "<#C1>",
	// and "@here" or "#general" where they were found by automatic parsing. What a bot writes from
	// what people wrote must leave nothing here that it did not mean.
	Alive []string
	// Links are the addresses that became links.
	Links []string

	byBot     bool
	reactions map[string][]string
	selected  map[string]map[string]any // state.values by block and action
	clientID  string
}

// Metadata is a message's metadata (https://docs.slack.dev/messaging/message-metadata).
type Metadata struct {
	EventType string         `json:"event_type"`
	Payload   map[string]any `json:"event_payload"`
}

// Block is one block of a message or a view, as it was sent, with its block_id made when it had none.
type Block map[string]any

// AddUser adds a person. The workspace's direct message with the bot is made when it is first used.
func (s *Server) AddUser(u User) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.ID == "" {
		u.ID = s.id("U")
	}
	if u.RealName == "" {
		u.RealName = u.Name
	}
	if u.Locale == "" {
		u.Locale = "en-US"
	}
	if u.TZ == "" {
		u.TZ = "Europe/Paris"
	}
	u.updated = s.o.Now()
	if s.users[u.ID] == nil {
		s.order = append(s.order, u.ID)
	}
	s.users[u.ID] = &u
	return u
}

// AddChannel adds a public or private channel.
func (s *Server) AddChannel(c Channel) Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ID == "" {
		c.ID = s.id("C")
	}
	if c.Locale == "" {
		c.Locale = "en-US"
	}
	kind := publicChannel
	if c.Private {
		kind = privateChannel
	}
	members := slices.Clone(c.Members)
	if c.BotIsMember && !slices.Contains(members, s.bot.ID) {
		members = append(members, s.bot.ID)
	}
	s.addChannel(&channel{Channel: c, kind: kind, created: s.o.Now(), members: members})
	return c
}

func (s *Server) addChannel(c *channel) {
	s.channels[c.ID] = c
	s.chOrder = append(s.chOrder, c.ID)
}

// Archive closes a channel to writing, or opens it again.
func (s *Server) Archive(channelID string, archived bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[channelID]
	if c == nil {
		return fmt.Errorf("archive: no channel %q", channelID)
	}
	c.Archived = archived
	return nil
}

// DM returns the direct message between the bot and a person, made when it is not there yet.
func (s *Server) DM(userID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, _ := s.open([]string{userID})
	return c.ID
}

// open finds or makes the one conversation of the bot and these people. The caller holds s.mu.
func (s *Server) open(users []string) (c *channel, made bool) {
	want := append(slices.Clone(users), s.bot.ID)
	slices.Sort(want)
	want = slices.Compact(want)
	for _, id := range s.chOrder {
		c := s.channels[id]
		if c.kind != directMessage && c.kind != groupMessage {
			continue
		}
		have := slices.Sorted(slices.Values(c.members))
		if slices.Equal(have, want) {
			return c, false
		}
	}
	c = &channel{created: s.o.Now(), members: want}
	if len(want) <= 2 {
		c.kind, c.ID = directMessage, s.id("D")
	} else {
		names := []string{}
		for _, u := range want {
			names = append(names, s.users[u].Name)
		}
		c.kind, c.ID, c.Name = groupMessage, s.id("C"), "mpdm-"+strings.Join(names, "--")+"-1"
	}
	c.Locale = "en-US"
	s.addChannel(c)
	return c, true
}

// Members lists a conversation's members, the bot included.
func (s *Server) Members(channelID string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[channelID]; c != nil {
		return slices.Clone(c.members)
	}
	return nil
}

// Messages are what a channel holds, threads included, in order, deleted ones too (marked), ephemeral ones not.
func (s *Server) Messages(channelID string) []Message {
	return s.list(channelID, func(m *Message) bool { return m.EphemeralTo == "" })
}

// Ephemerals are what only one person sees in a channel.
func (s *Server) Ephemerals(userID, channelID string) []Message {
	return s.list(channelID, func(m *Message) bool { return m.EphemeralTo == userID })
}

// Thread is a thread's first message and its replies, without deleted ones.
func (s *Server) Thread(channelID, ts string) []Message {
	return s.list(channelID, func(m *Message) bool {
		return m.EphemeralTo == "" && !m.Deleted && (m.TS == ts || m.ThreadTS == ts)
	})
}

// FromBot are the bot's messages that stand in a channel, ephemeral and deleted ones not.
func (s *Server) FromBot(channelID string) []Message {
	return s.list(channelID, func(m *Message) bool { return m.byBot && m.EphemeralTo == "" && !m.Deleted })
}

func (s *Server) list(channelID string, keep func(*Message) bool) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[channelID]
	if c == nil {
		return nil
	}
	var list []Message
	for _, m := range c.messages {
		if keep(m) {
			list = append(list, m.copy())
		}
	}
	return list
}

func (m *Message) copy() Message {
	c := *m
	c.Blocks = cloneBlocks(m.Blocks)
	c.History = slices.Clone(m.History)
	c.Alive = slices.Clone(m.Alive)
	c.Links = slices.Clone(m.Links)
	c.Files = slices.Clone(m.Files)
	c.reactions = maps.Clone(m.reactions)
	if m.Metadata != nil {
		meta := *m.Metadata
		c.Metadata = &meta
	}
	return c
}

// Reactions are the emoji on a message, with who put them.
func (m Message) Reactions() map[string][]string { return m.reactions }

// FromBot says whether the bot wrote the message.
func (m Message) FromBot() bool { return m.byBot }

// Shown is what a person reads: the blocks' texts, one a line, or the text where there are no blocks, with Slack's three
// entities turned back (https://docs.slack.dev/messaging/formatting-message-text#escaping).
func (m Message) Shown() string {
	if len(m.Blocks) == 0 {
		return unescape(m.Text)
	}
	return shown(m.Blocks)
}

// Elements are the interactive elements of the message, in order.
func (m Message) Elements() []Element { return elements(m.Blocks) }

// find returns the standing message of a channel. The caller holds s.mu.
func (c *channel) find(ts string) *Message {
	i := sort.Search(len(c.messages), func(i int) bool { return !before(c.messages[i].TS, ts) })
	if i < len(c.messages) && c.messages[i].TS == ts && !c.messages[i].Deleted {
		return c.messages[i]
	}
	return nil
}

func cloneBlocks(blocks []Block) []Block {
	if blocks == nil {
		return nil
	}
	var out []Block
	raw, err := json.Marshal(blocks)
	if err != nil {
		return nil
	}
	if json.Unmarshal(raw, &out) != nil {
		return nil
	}
	return out
}

// before compares timestamps, which have six decimals but not always as many digits before them.
func before(a, b string) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}

// Forget drops what has been said and asked so far, with the records of it, for a test that goes on for long. People,
// channels, open views, sockets and what was not acknowledged stay.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.channels {
		c.messages = nil
	}
	maps.DeleteFunc(s.pending, func(_ string, e *envelope) bool { return e.acked || !slices.Contains(s.sockets, e.socket) })
	clear(s.hooks)
	clear(s.triggers)
	clear(s.usage)
	s.requests, s.acks, s.attempts = nil, nil, nil
}
