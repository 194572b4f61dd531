package slack

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	slackgo "github.com/slack-go/slack"

	"procurabot/bot"
)

const (
	keepKnown   = time.Hour
	keepFailed  = time.Minute     // when Slack could not be asked
	lookUpTime  = time.Second     // of the three that an acknowledgement has
	mostKnown   = 20_000          // then all is forgotten: it is only a cache
	scopeNeeded = "missing_scope" // then asking again is of no use for keepKnown
)

// people remembers the names and locales of users and channels, whose ids never
// meet. What cannot be found out is empty; nobody waits longer than lookUpTime.
type people struct {
	api *slackgo.Client
	log *slog.Logger
	now func() time.Time

	mu    sync.Mutex
	known map[string]known
}

type known struct {
	name, locale string
	until        time.Time
}

func newPeople(api *slackgo.Client, log *slog.Logger, now func() time.Time) *people {
	return &people{api: api, log: log, now: now, known: map[string]known{}}
}

// complete fills in the person's name and locale, and the channel's locale.
func (p *people) complete(ctx context.Context, in *bot.Incoming) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	var person, channel known
	var both sync.WaitGroup
	both.Go(func() { person = p.find(ctx, string(in.From.User)) })
	if id, _, _ := strings.Cut(string(in.In.Conversation), "/"); !in.In.Private {
		both.Go(func() { channel = p.find(ctx, id) })
	}
	both.Wait()
	in.Name, in.Locale, in.In.Locale = person.name, person.locale, channel.locale
}

// names gives how users and channels are called.
func (p *people) names(ctx context.Context) func(id string) string {
	return func(id string) string { return p.find(ctx, id).name }
}

// keep remembers what a user_change event says.
func (p *people) keep(id, name, locale string) {
	if id != "" {
		p.put(id, known{name, locale, p.now().Add(keepKnown)})
	}
}

func (p *people) put(id string, k known) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) >= mostKnown {
		clear(p.known)
	}
	p.known[id] = k
}

func (p *people) find(ctx context.Context, id string) known {
	p.mu.Lock()
	k, ok := p.known[id]
	p.mu.Unlock()
	if ok && p.now().Before(k.until) {
		return k
	}
	fresh, method, err := p.ask(ctx, id)
	if err != nil {
		// What was known before is better than nothing.
		k.until = p.now().Add(keepFailed)
		if refusal(err) == scopeNeeded {
			k.until = p.now().Add(keepKnown)
		}
		p.log.Info("a name or a language is not known", "id", id, "err", bare(method, err))
		p.put(id, k)
		return k
	}
	fresh.until = p.now().Add(keepKnown)
	p.put(id, fresh)
	return fresh
}

func (p *people) ask(ctx context.Context, id string) (k known, method string, err error) {
	switch {
	case strings.HasPrefix(id, "U"), strings.HasPrefix(id, "W"):
		u, err := p.api.GetUserInfoContext(ctx, id)
		if err != nil {
			return known{}, "users.info", err
		}
		return known{name: or(u.Profile.DisplayName, or(u.RealName, u.Name)), locale: u.Locale}, "", nil
	case strings.HasPrefix(id, "C"), strings.HasPrefix(id, "G"):
		c, err := p.api.GetConversationInfoContext(ctx, &slackgo.GetConversationInfoInput{ChannelID: id, IncludeLocale: true})
		if err != nil {
			return known{}, "conversations.info", err
		}
		return known{name: c.Name, locale: c.Locale}, "", nil
	}
	return known{}, "", nil // a direct message has neither
}
