package discord

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/bwmarrin/discordgo"

	"procurabot/bot"
)

// people is what the adapter remembers of guilds, channels and persons, filled
// from what the Gateway says, so that no turn waits for a request.
type people struct {
	mu       sync.Mutex
	self     string            // the bot's user
	locales  map[string]string // guild -> preferred locale
	channels map[string]string // channel -> name
	direct   map[string]direct // by user
	spoke    uint64            // how often a direct channel was used
	heard    uint64            // the newest message that came by the Gateway; 0 before the first session
}

// direct is the channel of direct messages with one person.
type direct struct {
	channel string
	spoke   uint64 // grows with each use, so that it orders them
}

func newPeople() *people {
	return &people{locales: map[string]string{}, channels: map[string]string{}, direct: map[string]direct{}}
}

// hears remembers how far the bot has heard.
func (p *people) hears(message string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = max(p.heard, parseSnowflake(message))
}

// heardUntil gives how far the bot had heard when a session begins now, which
// hears all from then on; 0 when it is the first.
func (p *people) heardUntil(now uint64) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.heard
	if before == 0 {
		p.heard = now
	}
	return before
}

// directs gives the direct channels used last.
func (p *people) directs(most int) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := slices.SortedFunc(maps.Values(p.direct), func(x, y direct) int { return cmp.Compare(y.spoke, x.spoke) })
	var channels []string
	for _, d := range all[:min(len(all), most)] {
		channels = append(channels, d.channel)
	}
	return channels
}

func (p *people) isReady(self string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.self = self
}

func (p *people) bot() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.self
}

// guild remembers a guild. An update of one comes without its channels.
func (p *people) guild(g *discordgo.Guild) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.locales[g.ID] = g.PreferredLocale
	for _, c := range g.Channels {
		p.channels[c.ID] = c.Name
	}
	for _, c := range g.Threads {
		p.channels[c.ID] = c.Name
	}
}

func (p *people) channel(c *discordgo.Channel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.channels[c.ID] = c.Name
}

func (p *people) locale(guild string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.locales[guild]
}

func (p *people) channelName(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cmp.Or(p.channels[id], id)
}

func (p *people) knownDirect(user, channel string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spoke++
	p.direct[user] = direct{channel, p.spoke}
}

// direct gives the channel of direct messages with a person. Opening it again
// gives the same one, so that nothing is lost by forgetting.
// https://discord.com/developers/docs/resources/user#create-dm
func (a *Adapter) direct(ctx context.Context, to bot.Account) (string, error) {
	if to.User == "" {
		return "", &failure{status: 404, message: "nobody is named to write to"}
	}
	a.people.mu.Lock()
	known := a.people.direct[string(to.User)].channel
	a.people.mu.Unlock()
	if known != "" {
		a.people.knownDirect(string(to.User), known)
		return known, nil
	}
	var opened struct {
		ID string `json:"id"`
	}
	if err := a.request(ctx, "POST", "users/@me/channels", map[string]string{"recipient_id": string(to.User)}, &opened); err != nil {
		return "", fmt.Errorf("open direct messages: %w", err)
	}
	a.people.knownDirect(string(to.User), opened.ID)
	return opened.ID, nil
}

// shownName is what people call a person: their name in the guild, else their
// name everywhere, else the one they have for the platform.
// https://discord.com/developers/docs/resources/guild#guild-member-object
func shownName(names ...string) string { return cmp.Or(names...) }

func account(user string) bot.Account { return bot.Account{Platform: platform, User: bot.UserID(user)} }
