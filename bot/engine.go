package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"procurabot/internal/database"
	"procurabot/internal/markup"
	"procurabot/internal/outbox"
	"procurabot/internal/schedule"
)

// MaxText is how much of one text the bot reads, in UTF-16 code units. The end
// of a longer one is left out, and its writer is told.
const MaxText = 1000

// Config is what an Engine is made of.
type Config struct {
	DB         *database.DB
	Features   []Feature // in the order in which they hear free text
	Adapters   []Adapter
	Directory  Directory
	Phrasebook Phrasebook
	Log        *slog.Logger
	Outbox     outbox.Options
	Observe    func(Observation) // nil: nobody counts; returns at once
}

// Engine receives what happens on the platforms and does what is due.
type Engine struct {
	db         *database.DB
	features   []Feature
	adapters   map[Platform]Adapter
	directory  Directory
	phrasebook Phrasebook
	log        *slog.Logger
	observe    func(Observation)
	outbox     *outbox.Outbox
	schedule   *schedule.Schedule

	commands commandTable
	buttons  map[string]ButtonHandler
	forms    map[string]Form
	actions  map[string]Action

	scrubDue atomic.Bool // something was forgotten since the file was scrubbed
}

// New makes an engine over a database that has been migrated. It fails when
// two features claim the same word.
func New(c Config) (*Engine, error) {
	e := &Engine{
		db: c.DB, features: c.Features, directory: c.Directory, phrasebook: c.Phrasebook, log: c.Log,
		observe: c.Observe, adapters: map[Platform]Adapter{},
		buttons: map[string]ButtonHandler{correctButton: {ID: correctButton, Opens: true, Run: correct}},
		forms:   map[string]Form{},
		actions: map[string]Action{},
	}
	if e.observe == nil {
		e.observe = func(Observation) {}
	}
	senders := map[string]outbox.Sender{}
	for _, a := range c.Adapters {
		if _, twice := e.adapters[a.Platform()]; twice {
			return nil, fmt.Errorf("two adapters for platform %q", a.Platform())
		}
		e.adapters[a.Platform()] = a
		senders[string(a.Platform())] = sender{a, c.DB.Now}
	}
	slots := []schedule.Slot{{Name: "bot.forget", Next: schedule.Every(24 * time.Hour), Run: e.forget}}
	works := map[string]schedule.Do{}
	for _, f := range c.Features {
		if err := e.register(f); err != nil {
			return nil, err
		}
		slots = append(slots, f.Slots...)
		for kind, do := range f.Works {
			if _, twice := works[kind]; twice {
				return nil, fmt.Errorf("feature %s: the work %q is claimed twice", f.Name, kind)
			}
			works[kind] = e.work(do)
		}
	}
	var err error
	if e.outbox, err = outbox.New(c.DB, senders, c.Outbox); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	if e.schedule, err = schedule.New(c.DB, slots, works, schedule.Options{Log: c.Log}); err != nil {
		return nil, fmt.Errorf("schedule: %w", err)
	}
	return e, nil
}

func (e *Engine) register(f Feature) error {
	for _, c := range f.Commands {
		if err := e.commands.add(f.Name, c); err != nil {
			return err
		}
	}
	for _, b := range f.Buttons {
		if _, twice := e.buttons[b.ID]; twice {
			return fmt.Errorf("feature %s: the button %q is claimed twice", f.Name, b.ID)
		}
		e.buttons[b.ID] = b
	}
	for _, form := range f.Forms {
		if _, twice := e.forms[form.ID]; twice {
			return fmt.Errorf("feature %s: the form %q is claimed twice", f.Name, form.ID)
		}
		if len(form.Fields) > 5 {
			return fmt.Errorf("feature %s: the form %q has more than five fields", f.Name, form.ID)
		}
		e.forms[form.ID] = form
	}
	for _, a := range f.Actions {
		if _, twice := e.actions[a.ID]; twice {
			return fmt.Errorf("feature %s: the action %q is claimed twice", f.Name, a.ID)
		}
		e.actions[a.ID] = a
	}
	return nil
}

// Commands lists all commands in the order of their features.
func (e *Engine) Commands() []CommandInfo { return e.commands.commands }

// Text gives a message without placeholders in plain words.
func (e *Engine) Text(l Language, id string) string {
	return markup.Plain(P(id, nil).Render(e.phrasebook.Committed(), l))
}

// Opens reports whether a thing will be answered by something that must be
// shown at once.
func (e *Engine) Opens(in Incoming) bool {
	switch what := in.What.(type) {
	case Commanded:
		c, _, err := e.commands.find(what, e.phrasebook.Committed())
		return err == nil && c.Opens
	case Pressed:
		return e.buttons[what.Button].Opens
	case Completing:
		return true
	}
	return false
}

// Receive handles one incoming thing in one transaction. When it returns no
// error the effect is stored and the thing may be acknowledged; the same thing
// again has no further effect and is shown the same. With an error nothing is
// stored: an event is then not acknowledged, so that it comes again, and an
// interaction, which does not, is shown the Immediate's Notice.
func (e *Engine) Receive(ctx context.Context, in Incoming) (Immediate, error) {
	began := time.Now()
	shown, outcome, err := e.receive(ctx, in)
	e.observe(Observation{in.From.Platform, kind(in.What), outcome, time.Since(began)})
	return shown, err
}

func (e *Engine) receive(ctx context.Context, in Incoming) (Immediate, Outcome, error) {
	if what, ok := in.What.(Completing); ok {
		shown, err := e.complete(ctx, in, what)
		if err != nil {
			return shown, Failed, err
		}
		return shown, Handled, nil
	}
	cut := tidy(&in)
	r := e.route(in)
	if r.run == nil {
		return Immediate{}, Ignored, nil
	}
	var shown Immediate
	var outcome Outcome
	err := e.db.Update(ctx, func(tx *database.Tx) error {
		fresh, before, err := markSeen(tx, &in)
		if err != nil || !fresh {
			shown, outcome = before, Repeated
			return err
		}
		t, err := e.turn(tx, in, r.asked)
		if err != nil {
			return err
		}
		t.Args, t.Prepared, t.Cut = r.args, r.prepared, cut
		if outcome, err = e.handle(t, r); err != nil {
			return err
		}
		if shown = t.immediate; shown.isZero() {
			return nil
		}
		return keepShown(tx, &in, shown)
	})
	switch {
	case err == nil:
		return shown, outcome, nil
	case errors.Is(err, database.ErrUnwritable):
		e.log.Error("the database cannot be written", "platform", in.From.Platform, "err", err)
		return e.tryLater(in), Unwritable, err
	case ctx.Err() != nil:
		return e.tryLater(in), Unwritable, err
	}
	shown, err = e.apologise(ctx, in, err)
	return shown, Failed, err
}

// tidy cleans what was typed and cuts what is too long.
func tidy(in *Incoming) (cut bool) {
	short := func(s string) string {
		s = strings.TrimSpace(markup.Clean(s))
		if markup.Length(s) <= MaxText {
			return s
		}
		cut = true
		return markup.Cut(s, MaxText, "…")
	}
	in.Name = markup.Cut(strings.TrimSpace(markup.Clean(in.Name)), 80, "…")
	switch what := in.What.(type) {
	case Said:
		what.Text = short(what.Text)
		in.What = what
	case Commanded:
		what.Text = short(what.Text)
		options := make(map[string]string, len(what.Options))
		for k, v := range what.Options {
			options[k] = short(v)
		}
		what.Options = options
		in.What = what
	}
	return cut
}

// route is what will be done about an incoming thing.
type route struct {
	run      func(*Turn) error
	args     Args
	prepared any
	asked    Language // the language that the text is clearly in
}

// route finds who handles a thing and lets them prepare, outside the writer.
func (e *Engine) route(in Incoming) route {
	switch what := in.What.(type) {
	case Said:
		for _, f := range e.features {
			if f.Listener == nil {
				continue
			}
			if prepared, asked, mine := f.Listener.Prepare(in, what.Text); mine {
				return route{run: f.Listener.Run, prepared: prepared, asked: asked}
			}
		}
	case Commanded:
		return e.routeCommand(in, what)
	case Pressed:
		b, ok := e.buttons[what.Button]
		if !ok {
			return route{run: func(*Turn) error { return Refuse("bot.button-gone", nil) }}
		}
		return route{run: func(t *Turn) error {
			if err := t.permit(b.Role); err != nil {
				return err
			}
			t.Value = what.Value
			return b.Run(t)
		}}
	case Submitted:
		return route{run: func(t *Turn) error { return e.submit(t, what) }}
	case HomeOpened:
		return route{run: (*Turn).publishHome}
	}
	return route{}
}

func (e *Engine) routeCommand(in Incoming, what Commanded) route {
	book := e.phrasebook.Committed()
	c, args, err := e.commands.find(what, book)
	if err != nil {
		return route{run: func(*Turn) error {
			var u *unknownCommand
			if !errors.As(err, &u) {
				return err
			}
			return Refuse("bot.unknown-command", Values{"Typed": Data(u.typed), "Nearest": list(u.nearest)})
		}}
	}
	if err := c.check(args, book); err != nil {
		return route{run: func(t *Turn) error {
			if forbidden := t.permit(c.Role); forbidden != nil {
				return forbidden
			}
			return err
		}}
	}
	r := route{args: args, run: func(t *Turn) error {
		if err := t.permit(c.Role); err != nil {
			return err
		}
		return c.Run(t)
	}}
	if c.Prepare != nil {
		r.prepared, r.asked = c.Prepare(in, args)
	}
	return r
}

// turn opens a turn for whoever an incoming thing is from.
func (e *Engine) turn(tx *database.Tx, in Incoming, asked Language) (*Turn, error) {
	book, err := e.phrasebook.At(tx)
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	m, err := e.directory.Resolve(tx, &in)
	if err != nil {
		return nil, fmt.Errorf("resolve member: %w", err)
	}
	t := &Turn{
		Tx: tx, In: in, Member: m, Book: book, engine: e,
		key: "in:" + string(in.From.Platform) + ":" + string(in.ID),
	}
	// What others read too is in the channel's language: it must not show what
	// language its asker reads in private.
	if t.Public() {
		t.Lang = firstKnown(asked, ParseLocale(in.In.Locale))
	} else {
		t.Lang = firstKnown(asked, m.Language, ParseLocale(in.Locale), m.Locale, ParseLocale(in.In.Locale))
	}
	return t, nil
}

// handle runs the handler in a savepoint of its own: a refusal undoes what it
// did, and only that.
func (e *Engine) handle(t *Turn, r route) (Outcome, error) {
	outcome := Handled
	err := t.Tx.Savepoint(func() error {
		if err := r.run(t); err != nil {
			return err
		}
		return e.welcome(t)
	})
	var refusal *Refusal
	if errors.As(err, &refusal) {
		t.rewind()
		outcome = Refused
		_, err = t.Reply(refusal.Say)
	}
	if _, pressed := t.In.What.(Pressed); pressed && t.In.In.Home && err == nil {
		err = t.publishHome() // it may show what has just changed
	}
	if err != nil {
		return outcome, err
	}
	if _, said := t.In.What.(Said); !said && t.replied == 0 && t.immediate.isZero() {
		return outcome, errSilent
	}
	return outcome, nil
}

// welcome lets the features add to a member's first private conversation.
func (e *Engine) welcome(t *Turn) error {
	switch t.In.What.(type) {
	case Said, Commanded:
	default:
		return nil
	}
	if t.Member.Greeted || t.Public() || !t.immediate.isZero() {
		return nil
	}
	for _, f := range e.features {
		if f.Welcome == nil {
			continue
		}
		if err := f.Welcome(t); err != nil {
			return err
		}
	}
	return nil
}

// permit refuses who may not act in a role. It is asked where the act happens,
// whatever the platform let the person see.
func (t *Turn) permit(r Role) error {
	if t.Member.Has(r) {
		return nil
	}
	return Refuse("bot.forbidden", Values{"Role": P("bot.role-"+string(r)+".name", nil)})
}

// apologise answers a fault: a second transaction writes the mark and the
// apology, because an interaction is not delivered again.
func (e *Engine) apologise(ctx context.Context, in Incoming, fault error) (Immediate, error) {
	reference := strings.ToUpper(e.db.NewID()[14:])
	attrs := []any{"reference", reference, "platform", in.From.Platform, "incoming", in.ID, "err", fault}
	var p *database.PanicError
	if errors.As(fault, &p) {
		attrs = append(attrs, "stack", string(p.Stack))
	}
	e.log.Error("a turn failed", attrs...)
	err := e.db.Update(ctx, func(tx *database.Tx) error {
		fresh, _, err := markSeen(tx, &in)
		if err != nil || !fresh {
			return err
		}
		t, err := e.turn(tx, in, "")
		if err != nil {
			return err
		}
		_, err = t.Reply(Say{Phrase: P("bot.fault", Values{"Reference": Data(reference)})})
		return err
	})
	if err != nil {
		e.log.Error("the apology failed too", "reference", reference, "err", err)
		return e.tryLater(in), err
	}
	return Immediate{}, nil
}

func (e *Engine) tryLater(in Incoming) Immediate {
	l := firstKnown(ParseLocale(in.Locale), ParseLocale(in.In.Locale))
	return Immediate{Notice: P("bot.try-later", nil).Render(e.phrasebook.Committed(), l)}
}

// complete proposes values while a command is typed. It only reads.
func (e *Engine) complete(ctx context.Context, in Incoming, what Completing) (Immediate, error) {
	book := e.phrasebook.Committed()
	c, _, err := e.commands.find(Commanded{Path: what.Path}, book)
	if err != nil {
		return Immediate{}, nil
	}
	var shown Immediate
	err = e.db.View(ctx, func(tx *database.Tx) error {
		m, err := e.directory.Find(tx, in.From)
		if err != nil {
			return err
		}
		if !m.Has(c.Role) {
			return nil
		}
		l := firstKnown(m.Language, ParseLocale(in.Locale), m.Locale)
		for _, o := range c.Options {
			if o.Name != what.Option {
				continue
			}
			shown.Choices, err = c.completions(tx, o, book, l, what.Prefix)
		}
		return err
	})
	if err != nil {
		return Immediate{}, fmt.Errorf("complete: %w", err)
	}
	return shown, nil
}

// maxCompletions is Discord's limit
// (https://discord.com/developers/docs/interactions/application-commands#autocomplete).
const maxCompletions = 25

func (c CommandInfo) completions(tx *database.Tx, o Option, b Book, l Language, prefix string) ([]Completion, error) {
	var all []Completion
	if o.Complete != nil {
		var err error
		if all, err = o.Complete(tx, l, prefix); err != nil {
			return nil, err
		}
	}
	for _, choice := range o.Choices {
		label := markup.Plain(P(c.ID+"."+o.Name+"."+choice+".option", nil).Render(b, l))
		if strings.HasPrefix(strings.ToLower(label), strings.ToLower(prefix)) {
			all = append(all, Completion{Label: label, Value: choice})
		}
	}
	return all[:min(len(all), maxCompletions)], nil
}

// work makes due work a turn without anybody who acted.
func (e *Engine) work(do func(*Turn, schedule.Work) error) schedule.Do {
	return func(tx *database.Tx, w schedule.Work) error {
		book, err := e.phrasebook.At(tx)
		if err != nil {
			return fmt.Errorf("read messages: %w", err)
		}
		return do(&Turn{Tx: tx, Book: book, engine: e, key: "work:" + w.Key}, w)
	}
}

// How long things are kept. Slack redelivers an event for about five minutes,
// Discord on a resume; what was sent is kept for questions about delivery.
const (
	keepSeen   = 7 * 24 * time.Hour
	keepDrafts = 7 * 24 * time.Hour
	keepSent   = 30 * 24 * time.Hour
)

func (e *Engine) forget(tx *database.Tx, at time.Time) error {
	if err := forget(tx, at.Add(-keepSeen), at.Add(-keepDrafts)); err != nil {
		return err
	}
	// Step scrubs: that takes the writer for itself, which is still inside this transaction.
	tx.AfterCommit(func() { e.scrubDue.Store(true) })
	_, err := e.outbox.Forget(tx, at.Add(-keepSent))
	return err
}

// scrub rids the file of what was forgotten, once after each time. What was
// sent is blanked at once, yet a copy of it, with the token that answers an
// interaction, may stay in the file until then.
func (e *Engine) scrub(ctx context.Context) {
	if !e.scrubDue.Swap(false) {
		return
	}
	if err := e.db.Scrub(ctx); err != nil && ctx.Err() == nil {
		e.log.Error("what was deleted may be left in the file until tomorrow", "err", err)
	}
}

// Later has a feature's work done that is not caused by a turn. The same key
// twice is once.
func (e *Engine) Later(tx *database.Tx, w schedule.Work) error {
	if _, err := e.schedule.Later(tx, w); err != nil {
		return fmt.Errorf("put off %s: %w", w.Kind, err)
	}
	return nil
}

// Backlog counts the messages of the outbox, by state.
func (e *Engine) Backlog(ctx context.Context) (counts map[outbox.State]outbox.Count, err error) {
	err = e.db.View(ctx, func(tx *database.Tx) error {
		counts, err = e.outbox.Counts(tx)
		return err
	})
	return counts, err
}

// Step does all that is due now and says when to come again; a zero time is
// "when something happens".
func (e *Engine) Step(ctx context.Context) (time.Time, error) {
	next, err := e.schedule.Step(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("schedule: %w", err)
	}
	sent, err := e.outbox.Step(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("outbox: %w", err)
	}
	e.scrub(ctx)
	if next.IsZero() || !sent.IsZero() && sent.Before(next) {
		next = sent
	}
	return next, nil
}

func (i Immediate) isZero() bool {
	return i.Form == nil && i.Errors == nil && i.Choices == nil && i.Notice == ""
}

// list gives the things one beside the other.
func list(things []string) Formatted {
	return func(Language) string { return strings.Join(things, ", ") }
}

func number(n int) Formatted { return func(Language) string { return strconv.Itoa(n) } }
