package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/internal/database"
)

// moment is where the process is killed, seen from the messages that it sends.
type moment string

const (
	arrived moment = "the request has arrived and done nothing"
	acted   moment = "the platform has acted and not answered"
	ended   moment = "it has settled"
)

func moments() []moment { return []moment{arrived, acted, ended} }

// sending is a row of docs/delivery.md, "What is done when the outcome is unknown".
type sending struct {
	name              string
	platform, request string // of the message
	twice             bool   // it may arrive twice
	prepare           func(*killed) instance
}

// instance is somebody's message that is sent this way.
type instance struct {
	act  func() error // returns when the platform has heard of the turn
	seen func() int   // how often its reader sees the message
}

// trap holds the request that it waits for until the process is dead: before it
// has an effect, or after that and before its answer.
type trap struct {
	mu      sync.Mutex
	armed   *sending
	before  bool
	reached chan struct{}
	dead    chan struct{}
}

func (x *trap) arm(s *sending, before bool) (reached <-chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.armed, x.before, x.reached = s, before, make(chan struct{})
	return x.reached
}

func (x *trap) at(platform, request string, before bool) {
	x.mu.Lock()
	if x.armed == nil || x.armed.platform != platform || x.armed.request != request || x.before != before {
		x.mu.Unlock()
		return
	}
	x.armed = nil
	close(x.reached)
	dead := x.dead
	x.mu.Unlock()
	<-dead
	if before {
		panic(http.ErrAbortHandler)
	}
}

// killed is the real process, which is killed again and again, and who talks to it.
type killed struct {
	*platforms
	t       *testing.T
	ctx     context.Context
	trap    *trap
	editor  string // on the platform of the editors' channel, its administrator
	people  int
	program map[string]string // settings
}

const joining = "Are we too small to join?"

// must ends the test where somebody cannot do what they want.
func (k *killed) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

func (k *killed) name() string {
	k.people++
	return "somebody" + string(rune('a'+k.people/26)) + string(rune('a'+k.people%26))
}

// onSlack is somebody new in a channel of their own.
func (k *killed) onSlack() (user, channel string) {
	name := k.name()
	user = k.slack.AddUser(fakeslack.User{Name: name}).ID
	return user, k.slack.AddChannel(fakeslack.Channel{Name: name, Members: []string{user}, BotIsMember: true}).ID
}

func (k *killed) onDiscord() (user, channel string) {
	name := k.name()
	user = k.discord.AddUser(fakediscord.User{Name: name}).ID
	return user, k.discord.AddChannel(k.guild, name, fakediscord.Text, 0).ID
}

// askPrivately asks on Slack and gives the answer, after which its reader has
// been welcomed too.
func (k *killed) askPrivately(user, channel, question string) fakeslack.Message {
	k.t.Helper()
	answer := k.privately(k.t, k.ctx, user, channel, "", func() error {
		_, err := k.slack.Command(k.ctx, user, channel, "/procura", "ask "+question)
		return err
	})
	k.settle()
	return answer
}

func (k *killed) slackMention() instance {
	user, channel := k.onSlack()
	var ts string
	return instance{
		act: func() (err error) {
			ts, err = k.slack.Say(k.ctx, user, channel, k.slack.Mention()+" "+joining, "")
			return err
		},
		seen: func() int { return len(k.slack.Thread(channel, ts)) - 1 },
	}
}

func (k *killed) slackDirect() instance {
	user, _ := k.onSlack()
	direct := k.slack.DM(user)
	say := func() error {
		_, err := k.slack.Say(k.ctx, user, direct, joining, "")
		return err
	}
	k.must(say())
	k.settle()
	before := len(k.slack.FromBot(direct))
	return instance{act: say, seen: func() int { return len(k.slack.FromBot(direct)) - before }}
}

func (k *killed) slackCommand() instance {
	user, channel := k.onSlack()
	k.askPrivately(user, channel, joining)
	before := len(k.slack.Ephemerals(user, channel))
	return instance{
		act: func() error {
			_, err := k.slack.Command(k.ctx, user, channel, "/procura", "ask "+joining)
			return err
		},
		seen: func() int { return len(k.slack.Ephemerals(user, channel)) - before },
	}
}

func (k *killed) slackButton() instance {
	user, channel := k.onSlack()
	answer := k.askPrivately(user, channel, joining)
	before := len(k.slack.Ephemerals(user, channel))
	return instance{
		act:  func() error { return k.press(k.ctx, user, answer, "benefits.helpful") },
		seen: func() int { return len(k.slack.Ephemerals(user, channel)) - before },
	}
}

// slackEdit has an editor answer a question by a form: what the editors' channel
// says of the question is edited.
func (k *killed) slackEdit() instance {
	user, channel := k.onSlack()
	written := "We answer " + k.name() + " gladly."
	answer := k.askPrivately(user, channel, joining)
	before := len(k.slack.Messages(k.editors))
	k.privately(k.t, k.ctx, user, channel, "", func() error { return k.press(k.ctx, user, answer, "benefits.person") })
	post := k.saidOnSlack(k.t, k.ctx, "", func() []fakeslack.Message { return k.slack.Messages(k.editors)[before:] })
	k.must(k.press(k.ctx, k.editor, post, "benefits.answer"))
	preview := k.privately(k.t, k.ctx, k.editor, k.editors, written, func() error {
		_, err := k.submit(k.ctx, k.editor, map[string]string{"text": written})
		return err
	})
	return instance{
		act: func() error {
			told := len(k.slack.Ephemerals(k.editor, k.editors))
			if err := k.press(k.ctx, k.editor, preview, "benefits.send"); err != nil {
				return err
			}
			// What else this sends is not what is asked here.
			return k.await(k.ctx, func() bool {
				return len(k.slack.Ephemerals(k.editor, k.editors)) > told && len(k.slack.FromBot(k.slack.DM(user))) > 0
			})
		},
		seen: func() (n int) {
			for _, m := range k.slack.Messages(k.editors) {
				if strings.Contains(m.Shown(), written) {
					n++
				}
			}
			return n
		},
	}
}

func (k *killed) slackHome() instance {
	user, _ := k.onSlack()
	return instance{
		act: func() error { return k.slack.OpenHome(k.ctx, user) },
		seen: func() int {
			if k.slack.Home(user) == nil {
				return 0
			}
			return 1 // however often it is published
		},
	}
}

func (k *killed) discordMention() instance {
	user, channel := k.onDiscord()
	var id string
	return instance{
		act: func() (err error) {
			id, err = k.discord.Say(k.ctx, user, channel, k.discord.Mention()+" "+joining, "")
			return err
		},
		seen: func() (n int) {
			for _, m := range k.discord.Messages(channel) {
				if m.Reference == id {
					n++
				}
			}
			return n
		},
	}
}

func (k *killed) discordDirect() instance {
	user, _ := k.onDiscord()
	direct := k.discord.DM(user)
	said := func() (n int) {
		for _, m := range k.discord.Messages(direct) {
			if m.Author != user {
				n++
			}
		}
		return n
	}
	say := func() error {
		_, err := k.discord.Say(k.ctx, user, direct, joining, "")
		return err
	}
	k.must(say())
	k.must(k.await(k.ctx, func() bool { return said() > 0 }))
	k.settle()
	before := said()
	return instance{act: say, seen: func() int { return said() - before }}
}

// alone is what somebody alone reads, without "thinking".
func (k *killed) alone(user string) (n int) {
	for _, m := range k.discord.Ephemerals(user) {
		if !m.Loading() {
			n++
		}
	}
	return n
}

func (k *killed) askDiscord(user, channel string) (fakediscord.Interaction, error) {
	return k.discord.Command(k.ctx, user, channel, "procura ask", map[string]any{"question": joining})
}

func (k *killed) discordFirst() instance {
	user, channel := k.onDiscord()
	x, err := k.askDiscord(user, channel)
	k.answered(k.t, k.ctx, "", x, err)
	k.settle()
	before := k.alone(user)
	return instance{
		act: func() error {
			_, err := k.askDiscord(user, channel)
			return err
		},
		seen: func() int { return k.alone(user) - before },
	}
}

// discordFollowUp is somebody new, who is welcomed after the answer.
func (k *killed) discordFollowUp() instance {
	user, channel := k.onDiscord()
	return instance{
		act: func() error {
			_, err := k.askDiscord(user, channel)
			return err
		},
		seen: func() int { return k.alone(user) - 1 },
	}
}

func (k *killed) discordEdit() instance {
	user, channel := k.onDiscord()
	written := "We answer " + k.name() + " gladly."
	x, err := k.askDiscord(user, channel)
	answer := k.answered(k.t, k.ctx, "", x, err)
	before := len(k.discord.Messages(k.editors))
	x, err = k.discord.Press(k.ctx, user, channel, answer.ID, customID(answer, "benefits.person"))
	k.answered(k.t, k.ctx, "", x, err)
	k.must(k.await(k.ctx, func() bool { return len(k.discord.Messages(k.editors)) > before }))
	post := k.discord.Messages(k.editors)[before]
	_, err = k.discord.Press(k.ctx, k.editor, k.editors, post.ID, customID(post, "benefits.answer"))
	k.must(err)
	x, err = k.discord.Submit(k.ctx, k.editor, map[string]string{"text": written})
	preview := k.answered(k.t, k.ctx, written, x, err)
	return instance{
		act: func() error {
			x, err := k.discord.Press(k.ctx, k.editor, k.editors, preview.ID, customID(preview, "benefits.send"))
			if err != nil {
				return err
			}
			// What else this sends is not what is asked here.
			return k.await(k.ctx, func() bool {
				m, _ := k.discord.Message(x.Message.ID)
				return !m.Loading() && len(k.discord.Messages(k.discord.DM(user))) > 0
			})
		},
		seen: func() (n int) {
			for _, m := range k.discord.Messages(k.editors) {
				if strings.Contains(m.Content, written) {
					n++
				}
			}
			return n
		},
	}
}

func (k *killed) settle() {
	k.t.Helper()
	k.idle(k.t, k.ctx)
}

func (k *killed) start() *process {
	k.t.Helper()
	p := start(k.t, k.program, "run")
	if err := errors.Join(p.log.await(k.ctx, p.log.has("running")), k.connected(k.ctx)); err != nil {
		k.t.Fatalf("%v\n%s", err, p.log.tail())
	}
	return p
}

// kill has each way of sending come to the moment, and kills the process where
// all of them are there.
func (k *killed) kill(p *process, ways []sending, at moment) (all []instance) {
	k.t.Helper()
	for _, w := range ways {
		all = append(all, w.prepare(k))
	}
	k.settle()
	k.trap.dead = make(chan struct{})
	defer close(k.trap.dead)
	for i, w := range ways {
		if at == ended {
			k.must(all[i].act())
			continue
		}
		reached := k.trap.arm(&w, at == arrived)
		k.must(all[i].act())
		select {
		case <-reached:
		case <-k.ctx.Done():
			k.t.Fatalf("%s: %s was never asked for:\n%s", w.name, w.request, p.log.tail())
		}
	}
	if at == ended {
		k.must(k.await(k.ctx, func() bool {
			for _, x := range all {
				if x.seen() < 1 {
					return false
				}
			}
			return true
		}))
		k.settle()
	}
	p.kill()
	return all
}

// TestKilledAtEachWayOfSending holds the table of docs/delivery.md: the real
// process is killed at each moment of each way of sending, and what people see
// after the next start is counted.
func TestKilledAtEachWayOfSending(t *testing.T) {
	const original, posted = "PATCH /webhooks/{application}/{token}/messages/{message}", "POST /channels/{channel}/messages"
	for name, c := range map[string]struct {
		history bool // of Slack's channels may be read
		discord bool // the editors are there
		ways    []sending
	}{
		"editors on Slack": {history: true, ways: []sending{
			{name: "chat.postMessage, history readable", platform: "slack", request: "chat.postMessage", prepare: (*killed).slackMention},
			{name: "chat.postMessage, direct message", platform: "slack", request: "chat.postMessage", prepare: (*killed).slackDirect},
			{name: "response URL of a command", platform: "slack", request: "response_url", twice: true, prepare: (*killed).slackCommand},
			{name: "response URL of a button", platform: "slack", request: "response_url", twice: true, prepare: (*killed).slackButton},
			{name: "chat.update", platform: "slack", request: "chat.update", prepare: (*killed).slackEdit},
			{name: "views.publish", platform: "slack", request: "views.publish", prepare: (*killed).slackHome},
		}},
		"editors on Discord": {discord: true, ways: []sending{
			{name: "chat.postMessage, no history scope", platform: "slack", request: "chat.postMessage", twice: true, prepare: (*killed).slackMention},
			{name: "message in a channel", platform: "discord", request: posted, prepare: (*killed).discordMention},
			{name: "direct message", platform: "discord", request: posted, prepare: (*killed).discordDirect},
			{name: "follow-up", platform: "discord", request: "POST /webhooks/{application}/{token}", twice: true, prepare: (*killed).discordFollowUp},
			{name: "edit", platform: "discord", request: "PATCH /channels/{channel}/messages/{message}", prepare: (*killed).discordEdit},
			{name: "first answer", platform: "discord", request: original, prepare: (*killed).discordFirst},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			p := openPlatforms(t, func(o *fakeslack.Options) { o.HistoryScope = c.history })
			k := &killed{platforms: p, t: t, ctx: limit(t, 2*time.Minute), trap: &trap{}}
			k.onRequest(k.trap.at)
			var editor string
			if c.discord {
				k.editor = p.discord.AddUser(fakediscord.User{Name: "vera"}).ID
				k.editors = p.discord.AddChannel(p.guild, "editors", fakediscord.Text, 0).ID
				editor = "discord::" + k.editor
			} else {
				k.editor = p.slack.AddUser(fakeslack.User{Name: "vera"}).ID
				k.must(p.slack.Join(k.ctx, k.editor, p.editors))
				editor = "slack:" + p.team + ":" + k.editor
			}
			k.program = p.settings()
			if c.discord {
				k.program["PROCURABOT_EDITORS_CHANNEL"] = "discord:" + p.guild + ":" + k.editors
			}
			k.program["PROCURABOT_ADMINS"] = editor

			twice := 0
			for _, at := range moments() {
				running := k.start()
				all := k.kill(running, c.ways, at)
				k.must(k.gone(k.ctx))
				again := k.start()
				k.settle()
				if code, err := again.stop(k.ctx); err != nil || code != 0 {
					t.Fatalf("stopped with exit code %d, %v:\n%s", code, err, again.log.tail())
				}
				k.must(k.gone(k.ctx))
				cutOff := cutOffIn(&again.log)
				if at == ended && cutOff != 0 || at != ended && cutOff < len(c.ways) {
					t.Errorf("killed when %s: %d of %d sends were cut off", at, cutOff, len(c.ways))
				}
				for i, w := range c.ways {
					n, most := all[i].seen(), 1
					if w.twice && at == acted {
						most = 2
					}
					switch {
					case n < 1 || n > most:
						t.Errorf("%s, killed when %s: it is there %d times, at most %d may be", w.name, at, n, most)
					case n > 1:
						twice++
						t.Logf("%s, killed when %s: it is there %d times, as it may", w.name, at, n)
					}
				}
			}
			t.Logf("%d ways at %d moments in %s: %d arrived twice", len(c.ways), len(moments()), time.Since(began).Round(time.Millisecond), twice)
			inside(t, p.database(), func(tx *database.Tx) error {
				wrong, err := whole(tx)
				if wrong != "" {
					t.Error(wrong)
				}
				return err
			})
		})
	}
}
