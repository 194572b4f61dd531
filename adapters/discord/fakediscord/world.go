package fakediscord

import (
	"slices"
	"strconv"
	"time"
)

// Permissions is a set of what someone may do.
// https://discord.com/developers/docs/topics/permissions#permissions-bitwise-permission-flags
type Permissions uint64

// The permissions that the server looks at.
const (
	Administrator         Permissions = 1 << 3
	ManageGuild           Permissions = 1 << 5
	ViewChannel           Permissions = 1 << 10
	SendMessages          Permissions = 1 << 11
	ManageMessages        Permissions = 1 << 13
	EmbedLinks            Permissions = 1 << 14
	AttachFiles           Permissions = 1 << 15
	ReadMessageHistory    Permissions = 1 << 16
	MentionEveryone       Permissions = 1 << 17
	UseCommands           Permissions = 1 << 31
	ManageThreads         Permissions = 1 << 34
	CreatePublicThreads   Permissions = 1 << 35
	CreatePrivateThreads  Permissions = 1 << 36
	SendMessagesInThreads Permissions = 1 << 38

	// Usual is what a person or bot may do where nobody has said otherwise.
	Usual = ViewChannel | SendMessages | EmbedLinks | AttachFiles | ReadMessageHistory | UseCommands |
		CreatePublicThreads | CreatePrivateThreads | SendMessagesInThreads
	// Nothing is an explicit empty set, where zero would mean Usual.
	Nothing Permissions = 1 << 63
	// all are the bits that the documentation gives a name.
	all Permissions = 1<<53 - 1
)

func (p Permissions) has(q Permissions) bool { return p&Administrator != 0 || p&q == q }

func (p Permissions) String() string { return strconv.FormatUint(uint64(p&^Nothing), 10) }

// ChannelKind is the type of a channel.
// https://discord.com/developers/docs/resources/channel#channel-object-channel-types
type ChannelKind int

// The kinds of channel that the server knows.
const (
	Text          ChannelKind = 0
	DM            ChannelKind = 1
	Announcement  ChannelKind = 5
	PublicThread  ChannelKind = 11
	PrivateThread ChannelKind = 12
)

func (k ChannelKind) thread() bool { return k == PublicThread || k == PrivateThread }

// Guild is a server, as people call it. The bot is a member of every guild.
type Guild struct {
	ID, Name string
	// Locale is the guild's preferred locale, such as "fr" or "en-US".
	Locale string
	joined time.Time
}

// User is a person or a bot.
type User struct {
	ID, Name, GlobalName string
	// Locale is the language of the person's client, sent with interactions alone.
	Locale string
	Bot    bool
	// ClosedDMs refuses direct messages from members of the same guild.
	ClosedDMs bool
	// Permissions is what the person may do in the guilds joined by AddUser; zero is Usual.
	Permissions Permissions
	// Guilds are the ids of the guilds joined by AddUser; nil is all there are.
	Guilds []string
}

// Member is a user in a guild.
type Member struct {
	Guild, User, Nick string
	Roles             []string
	Permissions       Permissions
	joined            time.Time
}

// Channel is where messages stand: a guild's channel, a thread, or a DM.
type Channel struct {
	ID, Guild, Name string
	Kind            ChannelKind
	// Parent is the channel that a thread belongs to.
	Parent string
	// Recipient is the person of a DM.
	Recipient string
	// Members are who was added to a thread.
	Members []string
}

type channel struct {
	Channel
	permissions map[string]Permissions // by user, where they differ from the guild's
	messages    []*Message
	archived    bool
	archive     int // minutes
	invitable   bool
	created     time.Time
}

// AddGuild makes a guild with the bot in it.
func (s *Server) AddGuild(name, preferredLocale string) Guild {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &Guild{ID: s.snowflake(), Name: name, Locale: preferredLocale, joined: s.options.Now()}
	s.guilds[g.ID] = g
	s.members[[2]string{g.ID, s.app}] = &Member{Guild: g.ID, User: s.app, Permissions: Usual, joined: g.joined}
	s.dispatch("GUILD_CREATE", IntentGuilds, g.ID, func(Intents) any { return s.guildJSON(g, true) })
	s.touch()
	return *g
}

// AddUser makes a person (or another bot), a member of the guilds that u names.
func (s *Server) AddUser(u User) User {
	s.mu.Lock()
	u.ID = s.snowflake()
	if u.Locale == "" {
		u.Locale = "en-US"
	}
	if u.Guilds == nil {
		for id := range s.guilds {
			u.Guilds = append(u.Guilds, id)
		}
	}
	s.users[u.ID] = &u
	s.mu.Unlock()
	for _, g := range u.Guilds {
		s.Join(u.ID, g, u.Permissions)
	}
	return u
}

// Join makes the user a member of the guild; zero permissions are Usual.
func (s *Server) Join(user, guild string, p Permissions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p == 0 {
		p = Usual
	}
	m := &Member{Guild: guild, User: user, Permissions: p, joined: s.options.Now()}
	s.members[[2]string{guild, user}] = m
	s.dispatch("GUILD_MEMBER_ADD", IntentMembers, guild, func(Intents) any {
		j := s.memberJSON(m, true)
		j["guild_id"] = guild
		return j
	})
	s.touch()
}

// Leave ends the user's membership. When it is the bot's, the guild is gone for it.
func (s *Server) Leave(user, guild string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.members, [2]string{guild, user})
	if user == s.app {
		s.dispatch("GUILD_DELETE", IntentGuilds, guild, func(Intents) any { return map[string]any{"id": guild} })
	} else {
		s.dispatch("GUILD_MEMBER_REMOVE", IntentMembers, guild, func(Intents) any {
			return map[string]any{"guild_id": guild, "user": s.userJSON(s.users[user])}
		})
	}
	s.touch()
}

// AddChannel makes a channel in which the bot has the given permissions; zero is Usual.
func (s *Server) AddChannel(guild, name string, kind ChannelKind, bot Permissions) Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bot == 0 {
		bot = Usual
	}
	c := &channel{
		Channel:     Channel{ID: s.snowflake(), Guild: guild, Name: name, Kind: kind},
		permissions: map[string]Permissions{s.app: bot}, created: s.options.Now(),
	}
	s.channels[c.ID] = c
	s.dispatch("CHANNEL_CREATE", IntentGuilds, guild, func(Intents) any { return s.channelJSON(c) })
	s.touch()
	return c.Channel
}

// AddThread makes a public thread of a channel, in which all may do what they may
// do there.
func (s *Server) AddThread(parent, name string) Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &channel{
		Channel:     Channel{ID: s.snowflake(), Guild: s.channels[parent].Guild, Name: name, Kind: PublicThread, Parent: parent},
		permissions: map[string]Permissions{}, created: s.options.Now(),
	}
	s.channels[c.ID] = c
	s.dispatch("THREAD_CREATE", IntentGuilds, c.Guild, func(Intents) any { return s.channelJSON(c) })
	s.touch()
	return c.Channel
}

// Permit sets what a user (or the bot) may do in a channel.
func (s *Server) Permit(channel, user string, p Permissions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[channel]; c != nil {
		c.permissions[user] = p
	}
}

// CloseDMs says whether the user refuses direct messages from now on.
func (s *Server) CloseDMs(user string, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[user].ClosedDMs = closed
}

// DeleteChannel removes a channel with its messages.
func (s *Server) DeleteChannel(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[id]
	if c == nil {
		return
	}
	delete(s.channels, id)
	delete(s.dms, c.Recipient)
	for _, m := range c.messages {
		m.Deleted = true
	}
	s.dispatch("CHANNEL_DELETE", IntentGuilds, c.Guild, func(Intents) any { return s.channelJSON(c) })
	s.touch()
}

// DM returns the id of the direct channel between the user and the bot,
// opening it as the user would.
func (s *Server) DM(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dm(user).ID
}

// dm finds or makes the one direct channel. The caller holds mu.
func (s *Server) dm(user string) *channel {
	if c := s.dms[user]; c != nil {
		return c
	}
	c := &channel{Channel: Channel{ID: s.snowflake(), Kind: DM, Recipient: user}, permissions: map[string]Permissions{}, created: s.options.Now()}
	s.channels[c.ID], s.dms[user] = c, c
	return c
}

// Channels returns the guild's channels and threads, oldest first.
func (s *Server) Channels(guild string) []Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Channel
	for _, c := range s.channels {
		if c.Guild == guild {
			k := c.Channel
			k.Members = slices.Clone(k.Members)
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(a, b Channel) int {
		if before(a.ID, b.ID) {
			return -1
		}
		return 1
	})
	return all
}

// permissions is what the user may do in the channel. The caller holds mu.
func (s *Server) permissions(c *channel, user string) Permissions {
	if c.Kind == DM {
		if user == s.app || user == c.Recipient {
			return Usual
		}
		return 0
	}
	m := s.members[[2]string{c.Guild, user}]
	if m == nil {
		return 0
	}
	place := c
	if c.Kind.thread() {
		// A thread inherits its parent's permissions.
		// https://discord.com/developers/docs/topics/threads#permissions
		if parent := s.channels[c.Parent]; parent != nil {
			place = parent
		}
	}
	p, ok := place.permissions[user]
	if !ok {
		p = m.Permissions
	}
	if m.Permissions.has(Administrator) {
		p |= Administrator
	}
	if c.Kind == PrivateThread && !slices.Contains(c.Members, user) && !p.has(ManageThreads) {
		return 0
	}
	return p
}

// shared reports whether the user and the bot are in a guild together.
func (s *Server) shared(user string) bool {
	for g := range s.guilds {
		if s.members[[2]string{g, user}] != nil && s.members[[2]string{g, s.app}] != nil {
			return true
		}
	}
	return false
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000+00:00") }

func nullable(v string) any {
	if v == "" {
		return nil
	}
	return v
}

// userJSON leaves the locale out: it is sent with interactions alone.
// https://discord.com/developers/docs/resources/user#user-object
func (s *Server) userJSON(u *User) map[string]any {
	if u == nil {
		return map[string]any{"id": "0", "username": "deleted_user", "discriminator": "0", "avatar": nil, "global_name": nil}
	}
	j := map[string]any{
		"id": u.ID, "username": u.Name, "global_name": nullable(u.GlobalName),
		"discriminator": "0", "avatar": nil, "public_flags": 0,
	}
	if u.Bot {
		j["bot"] = true
	}
	return j
}

func (s *Server) memberJSON(m *Member, withUser bool) map[string]any {
	roles := append([]string{}, m.Roles...)
	if m.User == s.app {
		roles = append(roles, s.app)
	}
	j := map[string]any{
		"nick": nullable(m.Nick), "roles": roles, "joined_at": stamp(m.joined),
		"deaf": false, "mute": false, "pending": false, "flags": 0, "avatar": nil, "premium_since": nil,
		"communication_disabled_until": nil,
	}
	if withUser {
		j["user"] = s.userJSON(s.users[m.User])
	}
	return j
}

func (s *Server) channelJSON(c *channel) map[string]any {
	j := map[string]any{"id": c.ID, "type": int(c.Kind), "flags": 0, "last_message_id": nil}
	if n := len(c.messages); n > 0 {
		j["last_message_id"] = c.messages[n-1].ID
	}
	if c.Kind == DM {
		j["recipients"] = []any{s.userJSON(s.users[c.Recipient])}
		return j
	}
	j["guild_id"], j["name"], j["parent_id"], j["nsfw"] = c.Guild, c.Name, nullable(c.Parent), false
	if c.Kind.thread() {
		j["owner_id"] = s.app
		j["message_count"], j["member_count"] = len(c.messages), len(c.Members)
		j["thread_metadata"] = map[string]any{
			"archived": c.archived, "auto_archive_duration": c.archive, "archive_timestamp": stamp(c.created),
			"locked": false, "invitable": c.invitable, "create_timestamp": stamp(c.created),
		}
	} else {
		j["position"], j["topic"], j["rate_limit_per_user"] = 0, nil, 0
		overwrites := []any{}
		for user, p := range c.permissions {
			overwrites = append(overwrites, map[string]any{"id": user, "type": 1, "allow": p.String(), "deny": (all &^ p).String()})
		}
		j["permission_overwrites"] = overwrites
	}
	return j
}

// roleJSON is a role. What the bot may do in a guild is that of a role of its
// own, which it brought along; what it may do in a channel is an overwrite.
// https://discord.com/developers/docs/topics/permissions#role-object
func roleJSON(id, name string, p Permissions, managed bool) map[string]any {
	return map[string]any{
		"id": id, "name": name, "permissions": p.String(), "position": 0,
		"color": 0, "hoist": false, "managed": managed, "mentionable": false, "flags": 0,
	}
}

// guildJSON is the guild; whole adds what GUILD_CREATE has and the REST answer has not.
func (s *Server) guildJSON(g *Guild, whole bool) map[string]any {
	own := Permissions(0)
	if m := s.members[[2]string{g.ID, s.app}]; m != nil {
		own = m.Permissions
	}
	j := map[string]any{
		"id": g.ID, "name": g.Name, "preferred_locale": g.Locale, "owner_id": "1", "features": []any{},
		"roles":  []any{roleJSON(g.ID, "@everyone", UseCommands, false), roleJSON(s.app, "procurabot", own, true)},
		"emojis": []any{}, "stickers": []any{}, "icon": nil, "afk_channel_id": nil, "afk_timeout": 300,
		"verification_level": 0, "default_message_notifications": 0, "explicit_content_filter": 0, "mfa_level": 0,
		"premium_tier": 0, "nsfw_level": 0, "system_channel_id": nil, "system_channel_flags": 0, "rules_channel_id": nil,
	}
	if !whole {
		return j
	}
	channels, threads, members := []any{}, []any{}, []any{}
	for _, c := range s.channels {
		if c.Guild == g.ID && s.permissions(c, s.app).has(ViewChannel) {
			if c.Kind.thread() {
				threads = append(threads, s.channelJSON(c))
			} else {
				channels = append(channels, s.channelJSON(c))
			}
		}
	}
	count := 0
	for key, m := range s.members {
		if key[0] == g.ID {
			count++
			if key[1] == s.app {
				members = append(members, s.memberJSON(m, true))
			}
		}
	}
	j["joined_at"], j["large"], j["unavailable"], j["member_count"] = stamp(g.joined), false, false, count
	j["channels"], j["threads"], j["members"] = channels, threads, members
	j["voice_states"], j["presences"], j["stage_instances"], j["guild_scheduled_events"] = []any{}, []any{}, []any{}, []any{}
	return j
}

// Forget drops what has been said and asked so far, with the records of it, for
// a test that goes on for long. People, channels and open sessions stay; what
// their clients have not heard of is no longer replayed to them.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.channels {
		c.messages = nil
	}
	for id, x := range s.sessions {
		if x.conn == nil {
			delete(s.sessions, id)
			continue
		}
		for i := range x.events {
			x.events[i].data = nil
		}
	}
	clear(s.messages)
	clear(s.nonces)
	clear(s.interactions)
	s.requests, s.signed = nil, nil
}
