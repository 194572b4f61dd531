package bottest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"procurabot/bot"
	"procurabot/internal/database"
)

// House is what a script gives to whoever builds an engine for it.
type House struct {
	Path       string           // of the database file; it is there already after a restart
	Now        func() time.Time // the script's clock
	Random     func() uint64    // nil: random ids
	Adapters   []bot.Adapter
	Editors    *bot.Spot                           // the editors' channel, nil when the script has none
	Directory  func(bot.Directory) bot.Directory   // wrap the engine's directory with this
	Phrasebook func(bot.Phrasebook) bot.Phrasebook // and its messages with this
}

// Tenant is an engine that was built for a script. Its outbox sends inline
// (no workers), so that the order of things is the script's own.
type Tenant struct {
	Engine *bot.Engine
	DB     *database.DB
	Grant  func(ctx context.Context, a bot.Account, r bot.Role) error
	Close  func() error
	// Settled returns when nothing goes on beside the engine; nil: nothing ever does.
	Settled func(ctx context.Context) error
}

// Build opens the database of a house, migrates it and makes the engine.
type Build func(ctx context.Context, h House) (*Tenant, error)

// Options of Play.
type Options struct {
	Build Build
	// Stage makes a platform; it is asked once for each name a script uses.
	Stage func(ctx context.Context, platform string, now func() time.Time) (Stage, error)
	// Delivery delivers what happens more than once and out of order; nil: once.
	Delivery *Delivery
	// Coverage collects which messages were said, in which language; may be nil.
	Coverage *Coverage
	// Dir is where the database file goes; empty is a temporary folder.
	Dir string
	// After is called with the engine still open, once the script has ended.
	After func(ctx context.Context, t *Tenant) error
}

// Result is what became of a script.
type Result struct {
	Name    string
	Differs []Difference
	Text    string // the script with what was seen in place of what was expected
}

// Difference is a place where something else was seen than the script states.
type Difference struct {
	Line         int
	Did          string
	Stated, Seen []string
}

func (d Difference) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "line %d: %s\n", d.Line, d.Did)
	for _, s := range d.Stated {
		fmt.Fprintf(&b, "  stated: %s\n", strings.ReplaceAll(s, "\n", "\n          "))
	}
	for _, s := range d.Seen {
		fmt.Fprintf(&b, "  seen:   %s\n", strings.ReplaceAll(s, "\n", "\n          "))
	}
	return b.String()
}

// start is when a script's clock begins where it does not say.
var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// Play plays one script against a fresh engine.
func Play(ctx context.Context, name, text string, o Options) (Result, error) {
	s, err := parse(name, text)
	if err != nil {
		return Result{}, err
	}
	dir := o.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "procurabot-script-"); err != nil {
			return Result{}, fmt.Errorf("play: %w", err)
		}
		defer os.RemoveAll(dir)
	}
	p := &player{
		o: o, clock: NewClock(start), stages: map[string]Stage{}, people: map[string]string{}, locales: map[string]string{},
		channels: map[string]bool{}, times: 1,
		path: filepath.Join(dir, "script.db"),
	}
	defer p.close()
	r := Result{Name: name}
	var out []string
	for _, st := range s.steps {
		out = append(out, st.text)
		var seen []string
		if st.act != nil {
			if seen, err = p.do(ctx, st); err != nil {
				return r, fmt.Errorf("%s:%d: %s: %w", name, st.line, st.text, err)
			}
		}
		stated := entries(st.expect)
		if st.only != "" && !p.plays(st) {
			seen = stated
		}
		kept, differ := compare(stated, seen)
		if differ {
			r.Differs = append(r.Differs, Difference{st.line, st.text, stated, seen})
		}
		for _, e := range kept {
			for _, l := range strings.Split(e, "\n") {
				out = append(out, strings.TrimRight("| "+l, " "))
			}
		}
	}
	if o.After != nil && p.tenant != nil {
		if err := o.After(ctx, p.tenant); err != nil {
			return r, err
		}
	}
	r.Text = strings.Join(out, "\n") + "\n"
	return r, nil
}

// compare gives what was seen, in the script's own words where those match.
func compare(stated, seen []string) (kept []string, differ bool) {
	differ = len(stated) != len(seen)
	for i, e := range seen {
		if i < len(stated) && matches(stated[i], e) {
			kept = append(kept, stated[i])
			continue
		}
		differ = true
		kept = append(kept, e)
	}
	return kept, differ
}

type player struct {
	o        Options
	path     string
	clock    *Clock
	stages   map[string]Stage
	order    []string          // platforms, as they came up
	people   map[string]string // person -> platform
	locales  map[string]string
	channels map[string]bool
	roles    []role
	editors  *bot.Spot
	faults   faults
	times    int

	tenant *Tenant
	hear   *hearing
	stop   context.CancelFunc
	ended  []chan error
}

type role struct {
	account bot.Account
	role    bot.Role
}

// plays reports whether a step with an "only" before it is played here.
func (p *player) plays(st step) bool {
	if st.only == "lenient" {
		l, ok := p.stages[p.platformOf(st.act)].(Lenient)
		return ok && l.Lenient()
	}
	_, there := p.stages[st.only]
	return there && p.platformOf(st.act) == st.only
}

func (p *player) platformOf(a act) string {
	switch a := a.(type) {
	case say:
		return p.people[a.person]
	case press:
		return p.people[a.person]
	case submit:
		return p.people[a.person]
	case complete:
		return p.people[a.person]
	}
	return ""
}

// do plays one step and gives what people saw of it.
func (p *player) do(ctx context.Context, st step) ([]string, error) {
	if st.only != "" && !p.plays(st) {
		return nil, nil
	}
	switch a := st.act.(type) {
	case setTime:
		p.clock.Set(a.at)
	case addPerson:
		return nil, p.addPerson(ctx, a)
	case addChannel:
		return nil, p.addChannel(ctx, a)
	case deliver:
		p.times = a.times
	case fault:
		return nil, p.fault(a.kind)
	case giveUp:
		if p.tenant == nil {
			return nil, fmt.Errorf("nothing waits to be sent yet")
		}
		return nil, p.tenant.DB.Update(ctx, func(tx *database.Tx) error { return giveUpWaiting(tx, a.why) })
	case restart:
		return nil, p.restart(ctx, a.kill)
	case pass:
		return p.pass(ctx, a.d)
	case say, press, submit, complete:
		return p.perform(ctx, a)
	}
	return nil, nil
}

func (p *player) stage(ctx context.Context, platform string) (Stage, error) {
	if s, ok := p.stages[platform]; ok {
		return s, nil
	}
	if p.tenant != nil {
		return nil, fmt.Errorf("name all people and channels before anything is said: the platform %s comes too late", platform)
	}
	s, err := p.o.Stage(ctx, platform, p.clock.Now)
	if err != nil {
		return nil, fmt.Errorf("platform %s: %w", platform, err)
	}
	p.stages[platform] = s
	p.order = append(p.order, platform)
	return s, nil
}

func (p *player) addPerson(ctx context.Context, a addPerson) error {
	s, err := p.stage(ctx, a.platform)
	if err != nil {
		return err
	}
	p.people[a.name], p.locales[a.name] = a.platform, a.locale
	if err := s.AddPerson(ctx, Person{Name: a.name, Locale: a.locale}); err != nil {
		return err
	}
	for _, r := range a.roles {
		p.roles = append(p.roles, role{s.Account(a.name), bot.Role(r)})
		if bot.Role(r) == bot.Editor && p.editors == nil {
			// An editor sits somewhere: without a channel of their own the script
			// gets one, named in their language.
			names := map[string]string{"en": "editors", "fr": "rédaction", "de": "redaktion"}
			if err := p.addChannel(ctx, addChannel{names[a.locale], a.platform, a.locale, true}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *player) addChannel(ctx context.Context, a addChannel) error {
	s, err := p.stage(ctx, a.platform)
	if err != nil {
		return err
	}
	if !p.channels[a.platform+"#"+a.name] {
		p.channels[a.platform+"#"+a.name] = true
		if err := s.AddChannel(ctx, Channel{Name: a.name, Locale: a.locale}); err != nil {
			return err
		}
	}
	if a.editors {
		spot := s.Spot(a.name)
		spot.Language = bot.Language(a.locale)
		p.editors = &spot
	}
	return nil
}

// open builds the engine and connects it to the platforms.
func (p *player) open(ctx context.Context) error {
	if p.tenant != nil {
		return nil
	}
	h := House{
		Path: p.path, Now: p.clock.Now, Editors: p.editors,
		Directory:  p.faults.wrap,
		Phrasebook: p.o.Coverage.Phrasebook,
	}
	for _, platform := range p.order {
		a, err := p.stages[platform].Adapter(ctx)
		if err != nil {
			return fmt.Errorf("connect to %s: %w", platform, err)
		}
		h.Adapters = append(h.Adapters, a)
	}
	t, err := p.o.Build(ctx, h)
	if err != nil {
		return err
	}
	for _, r := range p.roles {
		if err := t.Grant(ctx, r.account, r.role); err != nil {
			return err
		}
	}
	p.tenant = t
	p.hear = newHearing(t.Engine, p.o.Delivery, p.clock.Now)
	run, stop := context.WithCancel(ctx)
	p.stop, p.ended = stop, nil
	for _, a := range h.Adapters {
		end := make(chan error, 1)
		p.ended = append(p.ended, end)
		go func() { end <- a.Run(run, p.hear) }()
	}
	return p.settle(ctx)
}

func (p *player) close() {
	if p.tenant == nil {
		return
	}
	p.stop()
	for _, end := range p.ended {
		<-end
	}
	p.tenant.Close()
	p.tenant = nil
}

// restart stops the bot and starts it again on the same file. A kill lets it
// end without doing what was due.
func (p *player) restart(ctx context.Context, kill bool) error {
	if p.tenant == nil {
		return nil
	}
	if !kill {
		if err := p.settle(ctx); err != nil {
			return err
		}
	}
	p.close()
	return p.open(ctx)
}

func (p *player) fault(kind string) error {
	switch kind {
	case "turn", "disk":
		p.faults.arm(kind)
		return nil
	}
	for _, platform := range p.order {
		f, ok := p.stages[platform].(Faulty)
		if !ok {
			return fmt.Errorf("the stage of %s cannot misbehave", platform)
		}
		if err := f.Fault(kind); err != nil {
			return err
		}
	}
	return nil
}

// perform lets a person act, waits until the bot has heard it, lets the bot do
// what is due, and gives what people saw.
func (p *player) perform(ctx context.Context, a act) ([]string, error) {
	platform := p.platformOf(a)
	s, ok := p.stages[platform]
	if !ok {
		return nil, fmt.Errorf("nobody of that name has been introduced with a line \"person NAME PLATFORM LANGUAGE\"")
	}
	if a, ok := a.(say); ok && a.place != "" && !p.channels[platform+"#"+a.place] {
		if err := p.addChannel(ctx, addChannel{a.place, platform, p.locales[a.person], false}); err != nil {
			return nil, err
		}
	}
	if err := p.open(ctx); err != nil {
		return nil, err
	}
	if a, ok := a.(complete); ok {
		proposed, err := s.Complete(ctx, a.person, a.place, a.line)
		if err != nil {
			return nil, err
		}
		return []string{"proposed to " + a.person + ": " + strings.Join(proposed, " | ")}, nil
	}
	p.hear.times(p.times)
	heard := p.hear.mark()
	if err := enact(ctx, s, a); err != nil {
		return nil, err
	}
	if addressed(a) {
		if err := p.hear.wait(ctx, heard); err != nil {
			return nil, err
		}
	}
	if err := p.settle(ctx); err != nil {
		return nil, err
	}
	return p.seen(platform), nil
}

func enact(ctx context.Context, s Stage, a act) error {
	switch a := a.(type) {
	case say:
		if strings.HasPrefix(a.text, "/") {
			return s.Command(ctx, a.person, a.place, a.text)
		}
		return s.Say(ctx, a.person, a.place, a.text)
	case press:
		return s.Press(ctx, a.person, a.label)
	case submit:
		return s.Submit(ctx, a.person, a.values)
	}
	return nil
}

// addressed reports whether the bot will hear of an act at all.
func addressed(a act) bool {
	said, ok := a.(say)
	return !ok || said.place == "" || strings.HasPrefix(said.text, "/") || strings.Contains(said.text, "@bot")
}

// seen gives what came into sight, first on the platform where somebody acted.
func (p *player) seen(first string) []string {
	var lines []string
	order := slices.Clone(p.order)
	slices.SortStableFunc(order, func(a, b string) int {
		switch {
		case a == first && b != first:
			return -1
		case b == first && a != first:
			return 1
		}
		return 0
	})
	for _, platform := range order {
		for _, s := range p.stages[platform].Seen() {
			lines = append(lines, s.lines()...)
		}
	}
	return entries(lines)
}

// settle lets the bot do all that is due at this time of the clock, and what goes
// on beside it.
func (p *player) settle(ctx context.Context) error {
	for {
		next, err := p.tenant.Engine.Step(ctx)
		if err != nil {
			return fmt.Errorf("do what is due: %w", err)
		}
		if next.IsZero() || next.After(p.clock.Now()) {
			break
		}
	}
	if p.tenant.Settled == nil {
		return nil
	}
	return p.tenant.Settled(ctx)
}

// pass moves time on, stopping wherever something is due on the way.
func (p *player) pass(ctx context.Context, d time.Duration) ([]string, error) {
	end := p.clock.Now().Add(d)
	if p.tenant == nil {
		p.clock.Set(end)
		return nil, nil
	}
	for {
		next, err := p.tenant.Engine.Step(ctx)
		if err != nil {
			return nil, fmt.Errorf("do what is due: %w", err)
		}
		if next.IsZero() || next.After(end) {
			break
		}
		p.clock.Set(next)
	}
	p.clock.Set(end)
	if err := p.settle(ctx); err != nil {
		return nil, err
	}
	return p.seen(""), nil
}
