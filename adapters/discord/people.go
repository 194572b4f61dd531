package discord

import (
	"cmp"
	"context"
	"fmt"
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
	direct   map[string]string // user -> the channel of direct messages
}

func newPeople() *people {
	return &people{locales: map[string]string{}, channels: map[string]string{}, direct: map[string]string{}}
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
	p.direct[user] = channel
}

// direct gives the channel of direct messages with a person. Opening it again
// gives the same one, so that nothing is lost by forgetting.
// https://discord.com/developers/docs/resources/user#create-dm
func (a *Adapter) direct(ctx context.Context, to bot.Account) (string, error) {
	if to.User == "" {
		return "", &failure{status: 404, message: "nobody is named to write to"}
	}
	a.people.mu.Lock()
	known := a.people.direct[string(to.User)]
	a.people.mu.Unlock()
	if known != "" {
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

// shownName is what people call a person: in the guild, else everywhere.
// https://discord.com/developers/docs/resources/guild#guild-member-object
func shownName(m *discordgo.Member, u *discordgo.User) string {
	nick := ""
	if m != nil {
		nick = m.Nick
	}
	return cmp.Or(nick, u.GlobalName, u.Username)
}

func account(user string) bot.Account { return bot.Account{Platform: platform, User: bot.UserID(user)} }
