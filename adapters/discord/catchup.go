package discord

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bwmarrin/discordgo"
)

// A session that is resumed is told what it missed. One that begins anew is not:
// what was said meanwhile is then read from the channels' histories, and goes the
// way of what is heard, so that the engine, which knows what it has seen, does
// each thing once. Read are the direct messages with people whom this process
// has spoken with, and every channel and thread of a server in which something
// new was said; no privileged intent is needed for either, since the text of a
// direct message and of a mention of the bot is always given.
// https://discord.com/developers/docs/events/gateway#message-content-intent
//
// Out of reach are
//
//   - the direct messages of people whom this process does not know: a bot cannot
//     list its direct channels,
//   - commands, buttons and forms: their three seconds are over, and their person
//     was told so,
//   - what was said while no process ran: only the run that heard the last message
//     knows which it was,
//   - channels that the bot may not read the history of, threads that have been
//     archived since, and what is beyond the bounds below.

const (
	// missedAge is how old a missed message may be: less than the week for which
	// the engine remembers what it has seen.
	missedAge = 72 * time.Hour
	// overlap is read again, for what was not delivered in the order of its ids.
	overlap = time.Minute
	// missedDirects is how many people's direct messages are read, those spoken
	// with last; missedPages how many pages of one channel.
	missedDirects = 500
	missedPages   = 10
	// readPause keeps reading far below the 50 requests a second of which sending
	// needs most. https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
	readPause    = 50 * time.Millisecond
	readAttempts = 5
)

// sessionBegins is called when a session begins, and catches up with what was said
// since the last message that was heard, unless this is the run's first.
func (a *Adapter) sessionBegins(now receiving, guilds []string) {
	at := a.now()
	heard := a.people.heardUntil(toSnowflake(at))
	if heard == 0 {
		return
	}
	since := max(heard-min(heard, uint64(overlap.Milliseconds())<<22), toSnowflake(at.Add(-missedAge)))
	now.turns.aside(func(ctx context.Context) {
		select {
		case a.catching <- struct{}{}:
		case <-ctx.Done():
			return
		}
		defer func() { <-a.catching }()
		a.catchUp(ctx, now, since, guilds)
	})
}

func (a *Adapter) catchUp(ctx context.Context, now receiving, since uint64, guilds []string) {
	defer a.guard("catching up")
	taken := 0
	for _, channel := range a.people.directs(missedDirects) {
		taken += a.readMissed(ctx, now, "", channel, since)
	}
	for _, guild := range guilds {
		for _, channel := range a.spokenIn(ctx, guild, since) {
			taken += a.readMissed(ctx, now, guild, channel, since)
		}
	}
	if ctx.Err() == nil {
		a.log.Info("caught up with what was said while there was no connection", "messages", taken)
	}
}

// spokenIn lists the channels and open threads of a guild in which something was
// said since.
func (a *Adapter) spokenIn(ctx context.Context, guild string, since uint64) []string {
	type place struct {
		ID   string `json:"id"`
		Last string `json:"last_message_id"`
	}
	var places []place
	var active struct {
		Threads []place `json:"threads"`
	}
	err := errors.Join(
		a.read(ctx, "guilds/"+guild+"/channels", &places),
		a.read(ctx, "guilds/"+guild+"/threads/active", &active),
	)
	if err != nil && ctx.Err() == nil {
		a.log.Warn("a server's channels could not be listed: what was said there meanwhile may stay unanswered", "guild", guild, "err", err)
	}
	var spoken []string
	for _, p := range append(places, active.Threads...) {
		if last, err := strconv.ParseUint(p.Last, 10, 64); err == nil && last > since {
			spoken = append(spoken, p.ID)
		}
	}
	return spoken
}

// readMissed takes the messages of a channel since, oldest first, and gives how
// many were for the bot.
func (a *Adapter) readMissed(ctx context.Context, now receiving, guild, channel string, since uint64) (taken int) {
	for range missedPages {
		var list []json.RawMessage
		err := a.read(ctx, "channels/"+channel+"/messages?limit="+strconv.Itoa(page)+"&after="+strconv.FormatUint(since, 10), &list)
		var f *failure
		switch {
		case ctx.Err() != nil:
			return taken
		case errors.As(err, &f) && (f.status == http.StatusForbidden || f.status == http.StatusNotFound):
			return taken // nothing could have been heard there either
		case err != nil:
			a.log.Warn("a channel could not be read: what was said there meanwhile may stay unanswered", "channel", channel, "err", err)
			return taken
		}
		for _, m := range missedMessages(list, guild) {
			since = max(since, parseSnowflake(m.ID))
			// One after the other: what somebody said last must not be answered first.
			if done := a.takeMessage(ctx, now, m); done != nil {
				<-done
				taken++
			}
		}
		if len(list) < page {
			return taken
		}
	}
	a.log.Warn("so much was said in a channel meanwhile that not all was read", "channel", channel)
	return taken
}

// missedMessages are a history's messages, oldest first. Of one that the library
// cannot decode only the id is left: a program wrote it, since people cannot
// write such.
func missedMessages(list []json.RawMessage, guild string) []*discordgo.Message {
	var all []*discordgo.Message
	for _, raw := range list {
		var m discordgo.Message
		if json.Unmarshal(raw, &m) != nil {
			var bare struct {
				ID string `json:"id"`
			}
			_ = json.Unmarshal(raw, &bare)
			m = discordgo.Message{ID: bare.ID}
		}
		m.GuildID = guild // a history does not say it
		all = append(all, &m)
	}
	slices.SortFunc(all, func(x, y *discordgo.Message) int { return cmp.Compare(parseSnowflake(x.ID), parseSnowflake(y.ID)) })
	return all
}

// read asks until there is an answer or no hope of one, and waits as long as it
// is told to. Unlike what is sent, what is read has no outbox to come again.
func (a *Adapter) read(ctx context.Context, path string, into any) error {
	var err error
	for attempt := 0; attempt < readAttempts; attempt++ {
		wait := readPause
		if attempt > 0 {
			wait = time.Second << (attempt - 1)
		}
		var f *failure
		if errors.As(err, &f) && f.status == http.StatusTooManyRequests {
			wait = max(wait, f.after)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		err = a.request(ctx, http.MethodGet, path, nil, into)
		switch {
		case err == nil:
			return nil
		case errors.As(err, &f) && f.status >= 400 && f.status < 500 && f.status != http.StatusTooManyRequests:
			return err
		}
	}
	return err
}

// Snowflakes are ids that grow with time.
// https://discord.com/developers/docs/reference#snowflakes

const snowflakeEpoch = 1420070400000 // the beginning of 2015, in milliseconds

// toSnowflake is the smallest id of a moment.
func toSnowflake(at time.Time) uint64 { return uint64(max(at.UnixMilli()-snowflakeEpoch, 0)) << 22 }

// parseSnowflake is 0 for what is none.
func parseSnowflake(id string) uint64 {
	n, _ := strconv.ParseUint(id, 10, 64)
	return n
}
