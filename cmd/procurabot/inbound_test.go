package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
	"procurabot/internal/database"
)

var weathers = flag.Int("weathers", 2, "how many ways of delivering badly the real adapters are put through")

// TestDeliveredBadlyByThePlatforms: each thing comes one to four times, out of
// order, over connections that break, and has the effect of one; nothing is lost
// that the platform delivers again.
func TestDeliveredBadlyByThePlatforms(t *testing.T) {
	for way, signed := range ways() {
		for seed := range *weathers {
			t.Run(fmt.Sprintf("%s/seed %d", way, seed), func(t *testing.T) { deliverBadly(t, signed, uint64(seed)) })
		}
	}
}

// weather is how badly both platforms deliver at the moment.
type weather struct {
	*theatre
	signed bool
	random *rand.Rand
	cuts   int
	copies int
	late   int // acts whose acknowledgement came too late
}

func deliverBadly(t *testing.T, signed bool, seed uint64) {
	o := fakeslack.Options{
		// Each mention then is two events, with ids of their own.
		HistoryScope: true, Events: []string{"app_mention", "message.channels", "message.im"}, SignedHTTP: signed,
	}
	w := &weather{
		theatre: newTheatre(t, o, "slack", map[string]string{"maja": "slack", "luc": "discord", "aoife": "slack"}),
		signed:  signed, random: rand.New(rand.NewPCG(seed, 3)),
	}
	ctx := t.Context()
	w.must(w.tenant.Grant(ctx, w.slack.Account("aoife"), bot.Editor))
	asked, persons, forms := 0, 0, 0
	for round := range 2 {
		w.cut((seed+uint64(round))%2 == 0)
		for platform, who := range map[string]string{"slack": "maja", "discord": "luc"} {
			s := w.stage(platform)
			for i, ask := range []func(question string) error{
				func(q string) error { return s.Say(ctx, who, "lobby", "@bot "+q) },
				func(q string) error { return s.Say(ctx, who, "", q) },
				func(q string) error { return s.Command(ctx, who, "lobby", "/procura ask "+q) },
			} {
				late := (i+round+int(seed))%3 == 0 // each of the three somewhere
				w.change(late)
				w.inTime(ask(fmt.Sprintf("Is our town too small to join? It is number %d of its country", asked)))
				asked++
				w.change(late)
				w.inTime(w.tryPress(platform, who, "benefits.person"))
				persons++
			}
			w.changes()
			w.press("slack", "aoife", "benefits.answer")
			w.changes()
			w.must(w.slack.Submit(ctx, "aoife", map[string]string{"text": fmt.Sprint("No, it is not, ", round)}))
			w.on()
			w.changes()
			w.press("slack", "aoife", "benefits.send")
			forms++
		}
		asked += w.together(round)
	}
	w.judge(asked, persons, forms)
	if w.late < 4 {
		t.Errorf("%d acts were acknowledged too late: that was not tried", w.late)
	}
}

// changes makes other weather.
func (w *weather) changes() { w.change(false) }

// change makes weather in which the next act may be acknowledged when its
// platform has told the person already that it failed.
func (w *weather) change(late bool) {
	w.clock.Set(w.clock.Now().Add(7 * time.Second))
	times := 1 + w.random.IntN(4)
	w.copies += times - 1
	d := fakeslack.Delivery{
		Times: times, Interactions: true, Reorder: w.random.IntN(2) == 0,
		Sockets: []fakeslack.Choice{fakeslack.RoundRobin, fakeslack.Newest, fakeslack.Oldest}[w.random.IntN(3)],
	}
	if late {
		d.Late = 1
	}
	w.slack.Deliver(d)
	w.discord.Deliver(1+w.random.IntN(4), false)
	w.discord.AnswerLate(d.Late)
	if w.signed {
		w.discord.FailEndpoint(1, []fakediscord.SignedFault{
			fakediscord.WrongSignature, fakediscord.OldTimestamp, fakediscord.Replayed, fakediscord.SignedAgain,
		}[w.random.IntN(4)])
	}
}

// inTime sees to what an act leads to, also when the person was told that it failed.
func (w *weather) inTime(err error) {
	w.t.Helper()
	if errors.Is(err, fakeslack.ErrNotAcknowledged) || errors.Is(err, fakediscord.ErrNoResponse) {
		w.late++
		w.on()
		w.clock.Set(w.clock.Now().Add(4 * time.Second)) // until Discord's token is known to lead nowhere
	} else {
		w.must(err)
	}
	w.on()
}

// cut breaks all connections. To connect again takes real time, the longer the
// more often it breaks.
func (w *weather) cut(resumable bool) {
	w.cuts++
	if !w.signed {
		before := w.slack.Opened()
		w.slack.Disconnect([]string{"reset", "refresh_requested"}[w.random.IntN(2)])
		w.must(w.slack.WaitOpened(w.t.Context(), before+2))
	}
	if !resumable {
		w.discord.FailResumes(1) // op 9, and a new session
	}
	w.discord.Disconnect(fakediscord.ResetConnection())
}

// together says several things at once, which arrive in another order than
// they were said in, while the connections break. What was not acknowledged
// comes again up to five minutes later.
func (w *weather) together(round int) (said int) {
	w.t.Helper()
	ctx := w.t.Context()
	w.must(w.discord.WaitConnected(ctx))
	w.discord.Deliver(2, true)
	channel := string(w.discord.Spot("lobby").Conversation)
	user := string(w.discord.Account("luc").User)
	for i := range 2 {
		_, err := w.discord.Server.Say(ctx, user, channel, fmt.Sprintf("%s Is it free to join, for number %d-%d?", w.discord.Mention(), round, i), "")
		w.must(err)
		said++
	}
	w.discord.Deliver(1, false)
	w.slack.Deliver(fakeslack.Delivery{Times: 2, Reorder: true})
	room, maja := string(w.slack.Spot("lobby").Conversation), string(w.slack.Account("maja").User)
	var talking sync.WaitGroup
	for i := range 3 {
		talking.Go(func() {
			_, err := w.slack.Server.Say(ctx, maja, room, fmt.Sprintf("%s Is it free to join, for town %d-%d?", w.slack.Mention(), round, i), "")
			if err != nil && !errors.Is(err, fakeslack.ErrNotAcknowledged) && !errors.Is(err, fakeslack.ErrNotConnected) {
				w.t.Error(err)
			}
		})
		said++
	}
	talking.Wait()
	for _, wait := range []time.Duration{0, time.Minute, 5 * time.Minute} {
		w.clock.Set(w.clock.Now().Add(wait))
		if n, err := w.slack.Redeliver(ctx); n == 0 && err == nil {
			break
		}
	}
	w.must(w.discord.Await(ctx, func() bool {
		return w.count(`SELECT COUNT(*) FROM benefits_question WHERE text LIKE '%free%' AND user = '`+user+`'`) == 2*(round+1)
	}))
	w.on()
	return said
}

func (w *weather) count(query string) (n int) {
	w.t.Helper()
	w.must(w.tenant.DB.View(w.t.Context(), func(tx *database.Tx) error { return tx.QueryRow(query).Scan(&n) }))
	return n
}

func (w *weather) judge(asked, persons, forms int) {
	t := w.t
	for what, want := range map[string]int{
		`SELECT COUNT(*) FROM benefits_question`:                                                asked,
		`SELECT COUNT(DISTINCT text) FROM benefits_question`:                                    asked,
		`SELECT COUNT(*) FROM benefits_question WHERE state = 'answered'`:                       forms,
		`SELECT COUNT(*) FROM benefits_question WHERE state <> 'open'`:                          persons,
		`SELECT COUNT(*) FROM benefits_reply`:                                                   forms,
		`SELECT COUNT(*) FROM outbox_messages WHERE state <> 'sent'`:                            0,
		`SELECT COUNT(*) FROM (SELECT 1 FROM outbox_messages GROUP BY key HAVING COUNT(*) > 1)`: 0,
	} {
		if n := w.count(what); n != want {
			t.Errorf("%s: %d, want %d", what, n, want)
		}
	}
	w.must(w.tenant.DB.View(t.Context(), func(tx *database.Tx) error {
		wrong, err := whole(tx)
		if wrong != "" {
			t.Error(wrong)
		}
		return err
	}))
	// Each row is one message, and each message one row: an edit aside.
	rows := w.count(`SELECT COUNT(*) FROM outbox_messages WHERE replaces = ''`)
	if shown := w.shown(); shown != rows {
		t.Errorf("%d messages of the bot stand on the platforms, of %d rows", shown, rows)
	}
	t.Logf("%d questions, %d to people, %d answered by them; %d copies, %d acknowledged too late, connections cut %d times",
		asked, persons, forms, w.copies, w.late, w.cuts)
}

// shown counts what the bot has said.
func (w *weather) shown() (n int) {
	for _, channel := range []string{"lobby", "editors"} {
		id := string(w.slack.Spot(channel).Conversation)
		n += len(w.slack.FromBot(id)) + w.private(id)
		for _, m := range w.discord.Messages(string(w.discord.Spot(channel).Conversation)) {
			if m.Author == w.discord.ApplicationID() {
				n++
			}
		}
	}
	for _, who := range []string{"maja", "aoife"} {
		dm := w.slack.DM(string(w.slack.Account(who).User))
		n += len(w.slack.FromBot(dm)) + w.private(dm)
	}
	luc := string(w.discord.Account("luc").User)
	for _, m := range w.discord.Messages(w.discord.DM(luc)) {
		if m.Author == w.discord.ApplicationID() {
			n++
		}
	}
	for _, m := range w.discord.Ephemerals(luc) {
		if m.Content != "" {
			n++
		}
	}
	return n
}

// private counts what only one person sees in a channel of Slack.
func (w *weather) private(channel string) (n int) {
	for _, u := range w.slack.Members(channel) {
		n += len(w.slack.Ephemerals(u, channel))
	}
	return n
}
