package fakediscord

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"procurabot/adapters/discord"
	"procurabot/bot"
	"procurabot/bot/bottest"
)

// Stage is a Discord for conversation scripts: a server with people on it, and
// the adapter that connects a bot to it. A guild has one language, so that
// there is a guild for each language of a channel, and everybody is in all.
type Stage struct {
	*Server

	mu       sync.Mutex
	people   map[string]string // name -> user
	names    map[string]string // user -> name
	channels map[string]string // name -> channel
	rooms    map[string]string // channel -> name
	towns    map[string]string // locale -> guild
	handled  map[bot.IncomingID]bool
	armed    *Fault
	shown    map[string]*showing // by message
	forms    map[string]string   // user -> the interaction whose form was seen
	seen     []bottest.Seen
	order    int
	byHTTP   bool // interactions come signed, by HTTP
}

// showing is a message as people saw it last.
type showing struct {
	order int // of its first being seen
	as    string
}

// NewStage starts a Discord with nobody on it. Close ends it.
func NewStage(now func() time.Time) *Stage { return NewStageOn(Options{Now: now}) }

// NewStageOn is NewStage on a Discord of one's choice.
func NewStageOn(o Options) *Stage {
	if o.ResponseDue == 0 {
		o.ResponseDue = 15 * time.Second // other work may share the machine: people here are patient
	}
	s := &Stage{
		Server: New(o),
		people: map[string]string{}, names: map[string]string{}, channels: map[string]string{}, rooms: map[string]string{},
		towns: map[string]string{}, handled: map[bot.IncomingID]bool{}, shown: map[string]*showing{}, forms: map[string]string{},
	}
	s.OnRequest(s.watch)
	s.Start()
	return s
}

// NewSignedStage is NewStage, but interactions come signed, by HTTP.
func NewSignedStage(now func() time.Time) *Stage {
	s := NewStage(now)
	s.byHTTP = true
	return s
}

var (
	_ bottest.Stage  = (*Stage)(nil)
	_ bottest.Faulty = (*Stage)(nil)
)

// fullLocale is the setting of a person's client for a language.
func fullLocale(l string) string {
	if l == "" || l == "en" {
		return "en-GB"
	}
	return l
}

// AddPerson makes a person who is in all guilds. Everybody is shown the admin
// commands: who may use them is for the bot to say.
// The first brings a guild: people without one in common with the bot cannot
// be written to.
func (s *Stage) AddPerson(_ context.Context, p bottest.Person) error {
	s.mu.Lock()
	first := len(s.towns) == 0
	s.mu.Unlock()
	if first {
		s.addChannel("general", fullLocale(p.Locale))
	}
	u := s.AddUser(User{Name: p.Name, GlobalName: p.Name, Locale: fullLocale(p.Locale), Permissions: Usual | ManageGuild})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[p.Name], s.names[u.ID] = u.ID, p.Name
	return nil
}

// AddChannel makes a channel, in the guild of its language.
func (s *Stage) AddChannel(_ context.Context, c bottest.Channel) error {
	s.addChannel(c.Name, fullLocale(c.Locale))
	return nil
}

func (s *Stage) addChannel(name, locale string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	town := s.towns[locale]
	if town == "" {
		town = s.AddGuild("Network "+locale, locale).ID
		s.towns[locale] = town
		for _, user := range s.people {
			s.Join(user, town, Usual|ManageGuild)
		}
	}
	c := s.Server.AddChannel(town, name, Text, 0)
	s.channels[name], s.rooms[c.ID] = c.ID, name
	return c.ID
}

func (s *Stage) person(name string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.people[name]
	if id == "" {
		return "", fmt.Errorf("nobody here is called %q", name)
	}
	return id, nil
}

// place is a channel, or the person's direct messages.
func (s *Stage) place(user, place string) (string, error) {
	place = strings.TrimPrefix(place, "#")
	if place == "" {
		return s.DM(user), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.channels[place]
	if id == "" {
		return "", fmt.Errorf("there is no channel #%s", place)
	}
	return id, nil
}

// somebody finds a person and a place, once the bot is there.
func (s *Stage) somebody(ctx context.Context, person, place string) (user, channel string, err error) {
	if user, err = s.person(person); err != nil {
		return "", "", err
	}
	if channel, err = s.place(user, place); err != nil {
		return "", "", err
	}
	return user, channel, s.WaitConnected(ctx)
}

// done waits until the bot has dealt with what it was handed.
func (s *Stage) done(ctx context.Context, id bot.IncomingID) error {
	return s.Await(ctx, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.handled[id]
	})
}

// acted waits until the bot has dealt with an interaction, also where the person
// was told that it came too late.
func (s *Stage) acted(ctx context.Context, i Interaction, err error) error {
	if err != nil && !i.Late {
		return err
	}
	return errors.Join(err, s.done(ctx, bot.IncomingID("i:"+i.ID)))
}

// Say writes free text. "@bot" and "@" with a person's name are mentions.
func (s *Stage) Say(ctx context.Context, person, place, text string) error {
	user, channel, err := s.somebody(ctx, person, place)
	if err != nil {
		return err
	}
	text = regexp.MustCompile(`@[\p{L}\p{N}_-]+`).ReplaceAllStringFunc(text, func(word string) string {
		if word == "@bot" {
			return s.Mention()
		}
		if id, err := s.person(word[1:]); err == nil {
			return "<@" + id + ">"
		}
		return word
	})
	id, err := s.Server.Say(ctx, user, channel, text, "")
	if err != nil {
		return err
	}
	return s.done(ctx, bot.IncomingID("m:"+id))
}

// Command types a slash command, its words in any language.
func (s *Stage) Command(ctx context.Context, person, place, line string) error {
	user, channel, err := s.somebody(ctx, person, place)
	if err != nil {
		return err
	}
	c, err := s.typed(line)
	if err != nil {
		return err
	}
	if channel, err = s.usable(c.command, channel); err != nil {
		return err
	}
	values := map[string]any{}
	rest := c.rest
	for n, o := range c.options {
		var word string
		if word, rest = cut(rest, n == len(c.options)-1); word != "" {
			if values[o.Name], err = s.value(o, word); err != nil {
				return err
			}
		}
	}
	i, err := s.Server.Command(ctx, user, channel, c.path, values)
	return s.acted(ctx, i, err)
}

// Complete gives what is proposed for the option that is being typed.
func (s *Stage) Complete(ctx context.Context, person, place, line string) ([]string, error) {
	user, channel, err := s.somebody(ctx, person, place)
	if err != nil {
		return nil, err
	}
	c, err := s.typed(line)
	if err != nil {
		return nil, err
	}
	if channel, err = s.usable(c.command, channel); err != nil {
		return nil, err
	}
	values := map[string]any{}
	rest := c.rest
	for n, o := range c.options {
		last := n == len(c.options)-1
		if !last && strings.ContainsAny(rest, " ") {
			var word string
			word, rest = cut(rest, false)
			if values[o.Name], err = s.value(o, word); err != nil {
				return nil, err
			}
			continue
		}
		var names []string
		if !o.Autocomplete {
			for _, x := range o.Choices { // the client itself proposes these
				if name := cmp.Or(x.Names[s.localeOf(user)], x.Name); strings.HasPrefix(strings.ToLower(name), strings.ToLower(rest)) {
					names = append(names, name)
				}
			}
			return names, nil
		}
		choices, err := s.Server.Complete(ctx, user, channel, c.path, o.Name, rest, values)
		for _, x := range choices {
			names = append(names, x.Name)
		}
		return names, err
	}
	return nil, fmt.Errorf("%q has no option to complete", line)
}

func (s *Stage) localeOf(user string) string {
	s.Server.mu.Lock()
	defer s.Server.mu.Unlock()
	return s.users[user].Locale
}

// typedCommand is a command line, understood as far as its words go.
type typedCommand struct {
	command *command
	path    string
	options []*option
	rest    string
}

func (s *Stage) typed(line string) (typedCommand, error) {
	word, rest := cut(strings.TrimPrefix(line, "/"), false)
	s.Server.mu.Lock()
	defer s.Server.mu.Unlock()
	at := slices.IndexFunc(s.commands[""], func(c *command) bool { return called(word, c.Name, c.Names) })
	if at < 0 {
		return typedCommand{}, fmt.Errorf("no command /%s is registered", word)
	}
	c := typedCommand{command: s.commands[""][at]}
	c.path, c.options, c.rest = c.command.Name, c.command.Options, rest
	for len(c.options) > 0 && c.options[0].Type <= optionGroup {
		word, rest := cut(c.rest, false)
		at := slices.IndexFunc(c.options, func(o *option) bool { return called(word, o.Name, o.Names) })
		if at < 0 {
			return typedCommand{}, fmt.Errorf("/%s has no sub-command %q", c.path, word)
		}
		c.path, c.options, c.rest = c.path+" "+c.options[at].Name, c.options[at].Options, rest
	}
	return c, nil
}

func called(word, name string, names map[string]string) bool {
	if strings.EqualFold(word, name) {
		return true
	}
	for _, n := range names {
		if strings.EqualFold(word, n) {
			return true
		}
	}
	return false
}

// cut takes the next word, or all that is left.
func cut(line string, all bool) (word, rest string) {
	line = strings.TrimLeft(line, " ")
	if all {
		return strings.TrimSpace(line), ""
	}
	word, rest, _ = strings.Cut(line, " ")
	return word, rest
}

// value is what the client sends for a typed word: ids of people, values of
// choices.
func (s *Stage) value(o *option, word string) (any, error) {
	if o.Type == optionUser {
		return s.person(strings.TrimPrefix(word, "@"))
	}
	for _, c := range o.Choices {
		if called(word, c.Name, c.Names) || strings.EqualFold(word, fmt.Sprint(c.Value)) {
			return c.Value, nil
		}
	}
	return word, nil
}

// usable is the place where a command can be typed: what is kept out of direct
// messages is typed in some channel.
func (s *Stage) usable(c *command, channel string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, public := s.rooms[channel]; public || c.Contexts == nil || slices.Contains(*c.Contexts, 1) {
		return channel, nil
	}
	oldest := ""
	for id := range s.rooms {
		if oldest == "" || before(id, oldest) {
			oldest = id
		}
	}
	if oldest == "" {
		return "", fmt.Errorf("/%s cannot be typed in direct messages, and there is no channel", c.Name)
	}
	return oldest, nil
}

// Offered tells whether the client offers a person the command of a line in a
// place.
func (s *Stage) Offered(person, place, line string) bool {
	user, err := s.person(person)
	if err != nil {
		return false
	}
	channel, err := s.place(user, place)
	if err != nil {
		return false
	}
	c, err := s.typed(line)
	if err != nil {
		return false
	}
	where, err := s.usable(c.command, channel)
	return err == nil && where == channel
}

// Press presses the button on the message that came last of those that the
// person sees and that have it.
func (s *Stage) Press(ctx context.Context, person, label string) error {
	user, _, err := s.somebody(ctx, person, "")
	if err != nil {
		return err
	}
	var on *Message
	var id string
	s.mu.Lock()
	s.Server.mu.Lock()
	for _, m := range s.messages {
		if m.Deleted || m.Ephemeral() && m.For != user || s.Server.channels[m.Channel] == nil || !s.permissions(s.Server.channels[m.Channel], user).has(ViewChannel) {
			continue
		}
		known := s.shown[m.ID]
		if known == nil || on != nil && known.order < s.shown[on.ID].order {
			continue
		}
		walk(m.Components, func(c map[string]any) {
			if number(c, "type") == typeButton && text(c, "label") == label {
				on, id = m, text(c, "custom_id")
			}
		})
	}
	s.Server.mu.Unlock()
	s.mu.Unlock()
	if on == nil {
		return fmt.Errorf("%s sees no button %q", person, label)
	}
	i, err := s.Server.Press(ctx, user, on.Channel, on.ID, id)
	return s.acted(ctx, i, err)
}

// Submit sends the open form.
func (s *Stage) Submit(ctx context.Context, person string, values map[string]string) error {
	user, _, err := s.somebody(ctx, person, "")
	if err != nil {
		return err
	}
	i, err := s.Server.Submit(ctx, user, values)
	return s.acted(ctx, i, err)
}

// Account names a person.
func (s *Stage) Account(person string) bot.Account {
	id, _ := s.person(person)
	return bot.Account{Platform: "discord", User: bot.UserID(id)}
}

// Spot names a channel.
func (s *Stage) Spot(name string) bot.Spot {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.channels[strings.TrimPrefix(name, "#")]
	s.Server.mu.Lock()
	defer s.Server.mu.Unlock()
	spot := bot.Spot{Platform: "discord", Conversation: bot.ConversationID(id)}
	if c := s.Server.channels[id]; c != nil {
		spot.Space = bot.SpaceID(c.Guild)
		spot.Language = bot.ParseLocale(s.guilds[c.Guild].Locale)
	}
	return spot
}

// Adapter makes an adapter that reaches this Discord.
func (s *Stage) Adapter(ctx context.Context) (bot.Adapter, error) {
	key := ""
	if s.byHTTP {
		key = s.PublicKey()
	}
	a, err := discord.New(discord.Options{
		PublicKey: key, BotToken: s.Token(), APIURL: s.URL(), HTTPClient: s.HTTPClient(), Dialer: s.Dialer(), Now: s.options.Now,
		Handled: func(id bot.IncomingID) {
			s.mu.Lock()
			s.handled[id] = true
			s.mu.Unlock()
			s.Server.mu.Lock()
			defer s.Server.mu.Unlock()
			s.touch()
		},
	})
	if err != nil {
		return nil, err
	}
	if s.byHTTP {
		if err := s.SetEndpoint(ctx, "http://program.invalid/discord", s.Reach(a.Handler())); err != nil {
			return nil, err
		}
	}
	return staged{a, s}, nil
}

// staged is an adapter whose end the server has noticed when its Run returns,
// so that what is done next is done to the one that follows.
type staged struct {
	*discord.Adapter
	stage *Stage
}

func (a staged) Run(ctx context.Context, r bot.Receiver) error {
	err := a.Adapter.Run(ctx, r)
	gone, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, a.stage.Await(gone, func() bool {
		return !slices.ContainsFunc(a.stage.Sessions(), func(x Session) bool { return x.Connected })
	}))
}

// Close ends the server.
func (s *Stage) Close() { s.Server.Close() }

// Fault makes the next message of the bot fail: "429", "500", "reset", which
// takes the message and cuts the answer off, or one of those that refuse it.
func (s *Stage) Fault(kind string) error {
	faults := map[string]Fault{
		"429": RateLimited(2*time.Second, "user", false), "500": Status(500), "reset": ResetAfter(),
		"closed": Code(50007), "gone": Code(10003), "forbidden": Code(50013), "unfit": Code(50035), "refuse": Code(50024),
	}
	f, ok := faults[kind]
	if !ok {
		return fmt.Errorf("there is no fault %q", kind)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = &f
	return nil
}

// watch sees each request: before it, a fault that waits for a message is set
// off; after it, what has become visible is noted, in order.
func (s *Stage) watch(route string, phase Phase) {
	if phase == After {
		s.look()
		return
	}
	switch route {
	case "POST /channels/{channel}/messages", "PATCH /channels/{channel}/messages/{message}",
		"POST /webhooks/{application}/{token}", "PATCH /webhooks/{application}/{token}/messages/{message}":
		s.mu.Lock()
		f := s.armed
		s.armed = nil
		s.mu.Unlock()
		if f != nil {
			s.Fail(route, 1, *f)
		}
	}
}

// Seen gives what has become visible.
func (s *Stage) Seen() []bottest.Seen {
	s.look()
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

// look compares what people can see with what they saw.
func (s *Stage) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Server.mu.Lock()
	defer s.Server.mu.Unlock()
	var fresh []*Message
	for _, m := range s.messages {
		if m.Author == s.app && !m.Deleted && !m.Loading() {
			if known := s.shown[m.ID]; known == nil || known.as != m.fingerprint() {
				fresh = append(fresh, m)
			}
		}
	}
	slices.SortFunc(fresh, func(x, y *Message) int {
		if before(x.ID, y.ID) {
			return -1
		}
		return 1
	})
	for _, m := range fresh {
		known := s.shown[m.ID]
		seen := s.reading(m)
		seen.Edited = known != nil
		if known == nil {
			s.order++
			known = &showing{order: s.order}
			s.shown[m.ID] = known
		}
		known.as = m.fingerprint()
		s.seen = append(s.seen, seen)
	}
	for user, form := range s.modals {
		if s.forms[user] != form.from.id {
			s.forms[user] = form.from.id
			s.seen = append(s.seen, s.readingForm(user, form))
		}
	}
}

func (m *Message) fingerprint() string { return m.Content + "\n" + string(encode(m.Components)) }

// reading is a message as a person reads it.
func (s *Stage) reading(m *Message) bottest.Seen {
	seen := bottest.Seen{}
	if name := s.rooms[m.Channel]; name != "" {
		seen.Place = "#" + name
	}
	c := s.Server.channels[m.Channel]
	switch {
	case m.Ephemeral():
		seen.Private, seen.To = true, s.names[m.For]
	case c != nil && c.Kind == DM:
		seen.Private, seen.To = true, s.names[c.Recipient]
	case s.messages[m.Reference] != nil:
		seen.To = s.names[s.messages[m.Reference].Author]
	}
	seen.Text, seen.Note = read(m.Content)
	walk(m.Components, func(c map[string]any) {
		if number(c, "type") == typeButton {
			seen.Buttons = append(seen.Buttons, text(c, "label"))
		}
	})
	return seen
}

func (s *Stage) readingForm(user string, m *Modal) bottest.Seen {
	form := &bottest.SeenForm{Title: m.Title}
	for _, f := range m.Fields {
		form.Fields = append(form.Fields, bottest.SeenField{Name: f.CustomID, Label: f.Label, Value: f.Value})
	}
	return bottest.Seen{Private: true, To: s.names[user], Form: form}
}

// read is content as it looks: marks are shown as what they do, "-#" lines are
// the small print.
// https://support.discord.com/hc/en-us/articles/210298617
func read(content string) (body, note string) {
	var bodies, notes []string
	for _, line := range strings.Split(content, "\n") {
		if small, ok := strings.CutPrefix(line, "-# "); ok {
			notes = append(notes, readLine(small))
			continue
		}
		bodies = append(bodies, readLine(line))
	}
	return strings.Join(bodies, "\n"), strings.Join(notes, "\n")
}

func readLine(line string) string {
	var b strings.Builder
	switch {
	case strings.HasPrefix(line, "- "):
		b.WriteString("• ")
		line = line[2:]
	case strings.HasPrefix(line, "> "):
		b.WriteString("> ")
		line = line[2:]
	}
	for line != "" {
		n := len(bareAddress(line))
		switch {
		case n > 0:
			b.WriteString(line[:n])
		case line[0] == '\\' && len(line) > 1:
			b.WriteByte(line[1])
			n = 2
		case line[0] == '`' && strings.IndexByte(line[1:], '`') >= 0:
			n = 2 + strings.IndexByte(line[1:], '`')
			b.WriteString(line[1 : n-1])
		case strings.HasPrefix(line, "**"):
			n = 2
		case line[0] == '*', line[0] == '_', line[0] == '[':
			n = 1
		case strings.HasPrefix(line, "](<") && strings.Contains(line, ">)"):
			n = strings.Index(line, ">)") + 2
			b.WriteString(" (" + address(line[3:n-2]) + ")")
		case strings.HasPrefix(line, "<http") && strings.Contains(line, ">"):
			n = strings.IndexByte(line, '>') + 1
			b.WriteString(address(line[1 : n-1]))
		default:
			n = 1
			b.WriteByte(line[0])
		}
		line = line[n:]
	}
	// A zero-width space keeps "@everyone" from being one.
	return strings.ReplaceAll(b.String(), "\u200B", "")
}

func address(s string) string { return strings.ReplaceAll(s, "%40", "@") }

// bareAddress is the address that begins here, in which marks mean nothing.
func bareAddress(s string) string {
	if !strings.HasPrefix(s, "http") { // asked at every character
		return ""
	}
	return strings.TrimRight(regexp.MustCompile("^https?://[\\p{L}\\p{N}][^\\s<>*~`|\\[\\]\\\\]*").FindString(s), ".,:;\"')]_")
}
