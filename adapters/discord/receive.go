package discord

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"

	"procurabot/bot"
	"procurabot/internal/markup"
)

// atOnce is how many turns are under way at the same time. More wait, and with
// them the connection.
const atOnce = 64

// turnTime ends a turn that hangs.
const turnTime = time.Minute

// turns are what has arrived and is not yet done. They go on when the run is
// stopped, and are waited for.
type turns struct {
	run      context.Context
	ctx      context.Context
	stopping <-chan struct{}
	slots    chan struct{}

	mu     sync.Mutex
	closed bool
	open   sync.WaitGroup
}

func newTurns(run context.Context) *turns {
	return &turns{run: run, ctx: context.WithoutCancel(run), stopping: run.Done(), slots: make(chan struct{}, atOnce)}
}

// start begins a turn as soon as there is room. It is false where the run stops,
// or ctx ends, before there is.
func (t *turns) start(ctx context.Context, f func(context.Context)) bool {
	select {
	case t.slots <- struct{}{}:
	case <-t.stopping:
		return false
	case <-ctx.Done():
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		<-t.slots
		return false
	}
	t.open.Go(func() {
		defer func() { <-t.slots }()
		ctx, cancel := context.WithTimeout(t.ctx, turnTime)
		defer cancel()
		f(ctx)
	})
	return true
}

// aside does something beside the turns, with a context that ends when the run
// is stopped.
func (t *turns) aside(f func(context.Context)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.open.Go(func() { f(t.run) })
	}
}

func (t *turns) wait() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.open.Wait()
}

// guard keeps a panic to the event that caused it: the library has no recover,
// and would take the process down.
func (a *Adapter) guard(what string) {
	if v := recover(); v != nil {
		a.panicked(what, v)
	}
}

func (a *Adapter) panicked(what string, v any) {
	a.log.Error("an event made the adapter panic", "event", what, "panic", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
}

// listen adds all handlers; the library wants them before it opens. It calls
// them one after the other, so that nothing here may wait for anything but a
// free slot.
func (a *Adapter) listen(s *discordgo.Session, now receiving) {
	s.AddHandler(func(_ *discordgo.Session, e *discordgo.GuildCreate) {
		defer a.guard("guild")
		if e.Guild != nil {
			a.people.guild(e.Guild)
		}
	})
	s.AddHandler(func(_ *discordgo.Session, e *discordgo.GuildUpdate) {
		defer a.guard("guild")
		if e.Guild != nil {
			a.people.guild(e.Guild)
		}
	})
	channel := func(c *discordgo.Channel) {
		defer a.guard("channel")
		if c != nil {
			a.people.channel(c)
		}
	}
	s.AddHandler(func(_ *discordgo.Session, e *discordgo.ChannelCreate) { channel(e.Channel) })
	s.AddHandler(func(_ *discordgo.Session, e *discordgo.ChannelUpdate) { channel(e.Channel) })
	s.AddHandler(func(_ *discordgo.Session, e *discordgo.ThreadCreate) { channel(e.Channel) })
	s.AddHandler(func(_ *discordgo.Session, e *discordgo.MessageCreate) {
		defer a.guard("message")
		if e.Message == nil || e.ID == "" || e.Author == nil {
			// The library hands over an empty message when it could not decode one.
			// https://github.com/bwmarrin/discordgo/issues/1654
			a.counts.unreadable.Add(1)
			a.log.Warn("a message could not be read, and is left out: its form is new, or broken")
			return
		}
		a.people.hears(e.ID)
		a.takeMessage(now.turns.ctx, now, e.Message)
	})
	s.AddHandler(func(_ *discordgo.Session, e *discordgo.Event) {
		defer a.guard("interaction")
		if e.Type != "INTERACTION_CREATE" {
			return
		}
		i, err := decodeInteraction(e.RawData)
		if err != nil {
			a.counts.unreadable.Add(1)
			a.log.Warn("an interaction could not be read", "err", err)
			return
		}
		a.take(now.turns.ctx, now, i)
	})
}

// receiving is where what arrives goes, for as long as a run lasts.
type receiving struct {
	to    bot.Receiver
	turns *turns
}

// take begins the turn of an interaction, whichever way it came. It is false
// where no turn could begin before ctx ended.
func (a *Adapter) take(ctx context.Context, now receiving, i *interaction) bool {
	in, ok := a.acted(i)
	if !ok {
		a.counts.unreadable.Add(1)
		a.log.Warn("an interaction is none that the bot knows", "incoming", i.incoming(), "type", i.Type)
		a.handled(i.incoming())
		return true
	}
	return now.turns.start(ctx, func(ctx context.Context) {
		defer a.handled(in.ID)
		defer a.guard("interaction")
		a.interact(ctx, now.to, i, in)
	})
}

// takeMessage begins the turn of a message, and gives what is closed at its end;
// nil for a message that is not for the bot, or where the run stops.
func (a *Adapter) takeMessage(ctx context.Context, now receiving, m *discordgo.Message) <-chan struct{} {
	in, ok := a.said(m)
	if !ok {
		a.handled(bot.IncomingID("m:" + m.ID))
		return nil
	}
	done := make(chan struct{})
	if !now.turns.start(ctx, func(ctx context.Context) {
		defer close(done)
		defer a.handled(in.ID)
		defer a.guard("message")
		a.hear(ctx, now.turns, now.to, in)
	}) {
		return nil
	}
	return done
}

// hear hands a message to the engine. Discord delivers it once and wants no
// acknowledgement, so that what could not be stored is kept here and tried
// again, for as long as a person would wait.
func (a *Adapter) hear(ctx context.Context, t *turns, r bot.Receiver, in bot.Incoming) {
	for _, pause := range []time.Duration{time.Second, 4 * time.Second, 15 * time.Second, 0} {
		shown, err := r.Receive(ctx, in)
		if err == nil {
			return
		}
		a.log.Error("a message could not be taken", "incoming", in.ID, "err", err)
		last := pause == 0
		if !last {
			select {
			case <-time.After(pause):
			case <-t.stopping:
				last = true
			}
		}
		if last {
			a.notifyDirectly(ctx, in, shown.Notice)
			return
		}
	}
}

// notifyDirectly tells a person that nothing was stored: the one thing said
// without the outbox.
func (a *Adapter) notifyDirectly(ctx context.Context, in bot.Incoming, notice markup.Text) {
	if notice == "" {
		return
	}
	channel, err := a.direct(ctx, in.From)
	if err == nil {
		err = a.request(ctx, "POST", "channels/"+channel+"/messages", render(bot.Body{Text: notice}), nil)
	}
	if err != nil {
		a.log.Error("a notice could not be shown", "incoming", in.ID, "err", err)
	}
}

// response is the first response to an interaction.
// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object
type response struct {
	Type discordgo.InteractionResponseType `json:"type"`
	Data any                               `json:"data,omitempty"`
}

func deferral() response {
	// Whether only one person reads the answer is decided here, for good.
	return response{discordgo.InteractionResponseDeferredChannelMessageWithSource, map[string]int{"flags": ephemeral}}
}

// interact hands an interaction to the engine. Three seconds are too short for
// a busy moment, so that the deferral, which says nothing, goes first; unless a
// form is to open, which cannot follow a deferral.
func (a *Adapter) interact(ctx context.Context, r bot.Receiver, i *interaction, in bot.Incoming) {
	if _, ok := in.What.(bot.Completing); ok {
		a.respond(ctx, i, a.completions(ctx, r, in))
		return
	}
	opens := r.Opens(in)
	if !opens {
		// Where it fails the turn is held all the same: it will be answered by
		// direct message.
		a.respond(ctx, i, deferral())
	}
	shown, err := r.Receive(ctx, in)
	if err != nil {
		a.log.Error("an interaction could not be taken", "incoming", in.ID, "err", err)
	}
	var notice message
	if shown.Notice != "" {
		notice = render(bot.Body{Text: shown.Notice})
	}
	switch {
	case shown.Notice != "" && opens:
		notice.Flags |= ephemeral
		a.respond(ctx, i, response{discordgo.InteractionResponseChannelMessageWithSource, notice})
	case shown.Notice != "" && a.gone.holds(i.Token, a.now()):
		a.notifyDirectly(ctx, in, shown.Notice)
	case shown.Notice != "":
		if err := a.request(ctx, "PATCH", "webhooks/"+i.Application+"/"+i.Token+"/messages/@original", notice, nil); err != nil {
			a.log.Error("a notice could not be shown", "incoming", in.ID, "err", err)
		}
	case opens && shown.Form != nil:
		a.respond(ctx, i, response{discordgo.InteractionResponseModal, renderForm(*shown.Form)})
	case opens:
		a.respond(ctx, i, deferral()) // the outbox has the answer
	case shown.Form != nil:
		a.log.Error("a form came where none can open: the command or button must declare it", "incoming", in.ID)
	}
}

// completions are always given, if none: else the person reads of a failure
// while typing.
func (a *Adapter) completions(ctx context.Context, r bot.Receiver, in bot.Incoming) response {
	shown, err := r.Receive(ctx, in)
	if err != nil {
		a.log.Error("completions could not be found", "incoming", in.ID, "err", err)
	}
	choices := []choice{}
	for _, c := range shown.Choices[:min(len(shown.Choices), maxChoices)] {
		if markup.Length(c.Value) <= maxText {
			choices = append(choices, choice{Name: markup.Cut(c.Label, maxText, "…"), Value: c.Value})
		}
	}
	return response{discordgo.InteractionApplicationCommandAutocompleteResult, map[string]any{"choices": choices}}
}

// respond makes the first response. It must come within three seconds, which
// the outbox's ways are too slow for; a second one is refused and changes
// nothing, so that it may be tried twice.
func (a *Adapter) respond(ctx context.Context, i *interaction, to response) {
	ctx, cancel := context.WithTimeout(ctx, firstResponse)
	defer cancel()
	path := "interactions/" + i.ID + "/" + i.Token + "/callback"
	err := a.request(ctx, "POST", path, to, nil)
	if f, ok := err.(*failure); ok && again(ctx, f) {
		err = a.request(ctx, "POST", path, to, nil)
	}
	if refusedWith(err, unknownInter) {
		a.gone.add(i.Token, a.now())
	}
	if err != nil && !refusedWith(err, alreadyAnswered) {
		a.log.Warn("an interaction could not be answered in time", "incoming", i.incoming(), "err", err)
	}
}

// again tells whether a first response is to be tried once more, and waits until
// then: not where the three seconds end before Discord wants to hear of it.
func again(ctx context.Context, f *failure) bool {
	if f.status == http.StatusTooManyRequests {
		due, _ := ctx.Deadline()
		return !f.html && f.after > 0 && time.Until(due) > f.after && sleep(ctx, f.after)
	}
	return (f.status < 400 || f.status >= 500) && ctx.Err() == nil
}
