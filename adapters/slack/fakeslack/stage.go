package fakeslack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"procurabot/adapters/slack"
	"procurabot/bot"
	"procurabot/bot/bottest"
)

// Stage is a workspace on which scripts play: the real adapter and the real
// client library stand between it and the engine.
type Stage struct {
	*Server

	mu       sync.Mutex
	people   map[string]string // name -> user id
	names    map[string]string // user id -> name
	rooms    map[string]string // name -> channel id
	sockets  int               // that had been opened when the adapter was handed out
	adapters int

	seen    []bottest.Seen
	shown   map[string]int    // messages of a channel that were looked at
	edits   map[string]int    // of a message, by channel and timestamp
	modals  map[string]string // user id -> hash of the modal that was looked at
	handled map[bot.IncomingID]chan struct{}
	armed   []*Fault // of which only the first to come counts
}

var (
	_ bottest.Stage  = (*Stage)(nil)
	_ bottest.Faulty = (*Stage)(nil)
)

// stageAck is longer than Slack's three seconds: a busy machine that runs many
// tests at once is not what scripts are about.
const stageAck = 10 * time.Second

// NewStage makes a workspace that listens in memory. As the documents
// recommend, the app may read the history, so that it can find what it sent,
// unless Scopes say otherwise, and is told only what is said to it.
func NewStage(o Options) (*Stage, error) {
	if o.AckTimeout == 0 {
		o.AckTimeout = stageAck
	}
	o.HistoryScope = o.HistoryScope || o.Scopes == nil
	if o.Events == nil {
		o.Events = []string{"app_mention", "message.im", "app_home_opened", "user_change", "app_uninstalled", "tokens_revoked"}
	}
	st := &Stage{
		Server: New(o), people: map[string]string{}, names: map[string]string{}, rooms: map[string]string{},
		shown: map[string]int{}, edits: map[string]int{}, modals: map[string]string{},
		handled: map[bot.IncomingID]chan struct{}{},
	}
	st.OnRequest(func(method string, phase Phase) {
		if phase == Before {
			st.disarm(method)
		} else {
			// At once, so that the order of what became visible is kept.
			st.look()
		}
	})
	if err := st.Start(); err != nil {
		return nil, err
	}
	return st, nil
}

// AddPerson adds a person to the workspace and to its channels.
func (st *Stage) AddPerson(_ context.Context, p bottest.Person) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.people[p.Name] != "" {
		return nil
	}
	u := st.AddUser(User{Name: p.Name, Locale: locale(p.Locale)})
	st.people[p.Name], st.names[u.ID] = u.ID, p.Name
	st.Server.mu.Lock()
	defer st.Server.mu.Unlock()
	for _, id := range st.rooms {
		// Not by Join: nobody has to hear of it.
		st.channels[id].members = append(st.channels[id].members, u.ID)
	}
	return nil
}

// AddChannel adds a channel with everybody in it, the bot too.
func (st *Stage) AddChannel(_ context.Context, c bottest.Channel) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.rooms[c.Name] == "" {
		members := slices.Sorted(maps.Values(st.people))
		st.rooms[c.Name] = st.Server.AddChannel(Channel{Name: c.Name, Locale: locale(c.Locale), Members: members, BotIsMember: true}).ID
	}
	return nil
}

// locale is a language in Slack's form
// (https://docs.slack.dev/reference/methods/users.info#arg_include_locale).
func locale(language string) string {
	if full, ok := map[string]string{"en": "en-US", "fr": "fr-FR", "de": "de-DE"}[language]; ok {
		return full
	}
	return language
}

// Say writes free text. When the bot does not acknowledge it, Slack delivers it
// again.
func (st *Stage) Say(ctx context.Context, person, place, text string) error {
	user, channel, err := st.at(ctx, person, place)
	if err != nil {
		return err
	}
	_, err = st.Server.Say(ctx, user, channel, st.typed(text, false), "")
	return st.again(ctx, err)
}

// again delivers what was not acknowledged, as often as Slack does.
func (st *Stage) again(ctx context.Context, err error) error {
	for range 3 {
		if !errors.Is(err, ErrNotAcknowledged) {
			break
		}
		_, err = st.Redeliver(ctx)
	}
	return err
}

// Command types a slash command. Who is named in it arrives as Slack's client
// sends it when the command asks for escaped names.
func (st *Stage) Command(ctx context.Context, person, place, line string) error {
	user, channel, err := st.at(ctx, person, place)
	if err != nil {
		return err
	}
	name, text, _ := strings.Cut(line, " ")
	_, err = st.Server.Command(ctx, user, channel, name, st.typed(text, true))
	st.look()
	return err
}

// Complete is not offered by Slack.
func (st *Stage) Complete(context.Context, string, string, string) ([]string, error) {
	return nil, fmt.Errorf("propose: %w", errors.ErrUnsupported)
}

// Press presses the newest button with that label that the person can see.
func (st *Stage) Press(ctx context.Context, person, label string) error {
	user, _, err := st.at(ctx, person, "")
	if err != nil {
		return err
	}
	channel, ts, action := st.button(user, label)
	if action == "" {
		return fmt.Errorf("%s sees no button %q", person, label)
	}
	err = st.Server.Press(ctx, user, channel, ts, action, "")
	st.look()
	return err
}

func (st *Stage) button(user, label string) (channel, ts, action string) {
	st.Server.mu.Lock()
	defer st.Server.mu.Unlock()
	for id, c := range st.channels {
		if !slices.Contains(c.members, user) {
			continue
		}
		for _, m := range slices.Backward(c.messages) {
			if before(m.TS, ts) {
				break
			}
			i := slices.IndexFunc(elements(m.Blocks), func(e Element) bool { return e.Type == "button" && e.Text == label })
			if i < 0 || m.Deleted || m.EphemeralTo != "" && m.EphemeralTo != user {
				continue
			}
			channel, ts, action = id, m.TS, elements(m.Blocks)[i].ActionID
			break
		}
	}
	return channel, ts, action
}

// OpenHome looks at the bot's home page. When the bot does not acknowledge it,
// Slack delivers it again.
func (st *Stage) OpenHome(ctx context.Context, person string) error {
	user, _, err := st.at(ctx, person, "")
	if err != nil {
		return err
	}
	return st.again(ctx, st.Server.OpenHome(ctx, user))
}

// Home is what the person's home page shows, or nil.
func (st *Stage) Home(person string) *View {
	return st.Server.Home(string(st.Account(person).User))
}

// PressHome presses the first button with that label on the person's home page.
func (st *Stage) PressHome(ctx context.Context, person, label string) error {
	user, _, err := st.at(ctx, person, "")
	if err != nil {
		return err
	}
	if v := st.Server.Home(user); v != nil {
		for _, e := range v.Elements() {
			if e.Type == "button" && e.Text == label {
				err := st.PressView(ctx, user, e.ActionID, e.Value)
				st.look()
				return err
			}
		}
	}
	return fmt.Errorf("%s sees no button %q on the home page", person, label)
}

// Submit sends the modal that the person has open.
func (st *Stage) Submit(ctx context.Context, person string, values map[string]string) error {
	user, _, err := st.at(ctx, person, "")
	if err != nil {
		return err
	}
	before := len(st.Acks())
	result, err := st.Server.Submit(ctx, user, values)
	st.look()
	if err != nil || len(result.Errors) == 0 {
		return err
	}
	if len(st.Acks()) == before {
		return fmt.Errorf("the form is refused by Slack's own client: %v", result.Errors)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.seen = append(st.seen, bottest.Seen{To: person, Private: true, Errors: result.Errors})
	return nil
}

// Account names a person as settings do.
func (st *Stage) Account(person string) bot.Account {
	st.mu.Lock()
	defer st.mu.Unlock()
	return bot.Account{Platform: slack.Platform, Realm: bot.SpaceID(st.TeamID()), User: bot.UserID(st.people[person])}
}

// Spot names a channel as settings do.
func (st *Stage) Spot(channel string) bot.Spot {
	st.mu.Lock()
	defer st.mu.Unlock()
	id := st.rooms[strings.TrimPrefix(channel, "#")]
	return bot.Spot{Platform: slack.Platform, Space: bot.SpaceID(st.TeamID()), Conversation: bot.ConversationID(id)}
}

// Adapter makes a new adapter. Acts wait until it is connected.
func (st *Stage) Adapter(context.Context) (bot.Adapter, error) {
	o := slack.Options{
		BotToken: st.BotToken(), AppToken: st.AppToken(), APIURL: st.URL(), HTTPClient: st.HTTPClient(), Dialer: st.Dialer(), Now: st.o.Now, Handled: st.Handled(),
	}
	if st.o.SignedHTTP {
		o.AppToken, o.SigningSecret = "", st.SigningSecret()
	}
	a, err := slack.New(o)
	if err != nil {
		return nil, err
	}
	if st.o.SignedHTTP {
		st.Serve(a)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.sockets, st.adapters = st.Opened(), st.adapters+1
	return a, nil
}

// Handled is for [slack.Options]: from now on whoever acts waits until all is
// done about it, because a form is opened after the acknowledgement.
func (st *Stage) Handled() func(bot.IncomingID) {
	st.Server.mu.Lock()
	defer st.Server.mu.Unlock()
	st.Server.finish = st.settle
	return func(id bot.IncomingID) {
		st.mu.Lock()
		defer st.mu.Unlock()
		select {
		case <-st.gesture(id):
		default:
			close(st.gesture(id))
		}
	}
}

// OnAcknowledged calls a function when the next gesture has been acknowledged.
func (st *Stage) OnAcknowledged(f func()) {
	st.Server.mu.Lock()
	defer st.Server.mu.Unlock()
	next := st.Server.finish
	st.Server.finish = func(ctx context.Context, trigger string) {
		f()
		next(ctx, trigger)
	}
}

// gesture is closed once all is done about it. The caller holds st.mu.
func (st *Stage) gesture(id bot.IncomingID) chan struct{} {
	if st.handled[id] == nil {
		st.handled[id] = make(chan struct{})
	}
	return st.handled[id]
}

// settle waits until all is done about what was acknowledged.
func (st *Stage) settle(ctx context.Context, trigger string) {
	st.mu.Lock()
	done := st.gesture(bot.IncomingID("t:" + trigger))
	st.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
	case <-st.done:
	}
}

// Serve delivers to an adapter by signed HTTP from now on. What it does not
// acknowledge comes again when somebody asks for it: see [Server.Redeliver].
func (st *Stage) Serve(a *slack.Adapter) { st.serveBy(a, false) }

// Retries is Serve, and Slack tries again by itself: see [HTTPDelivery].
func (st *Stage) Retries(a *slack.Adapter) { st.serveBy(a, true) }

func (st *Stage) serveBy(a *slack.Adapter, retries bool) {
	const base = "http://bot.invalid"
	st.DeliverHTTP(HTTPDelivery{
		Events: base + slack.EventsPath, Interactive: base + slack.InteractivePath, Commands: base + slack.CommandsPath,
		Client: st.Host(a.Handler()), Retries: retries,
	})
}

// Seen gives what has become visible since it was last asked.
func (st *Stage) Seen() []bottest.Seen {
	st.look()
	st.mu.Lock()
	defer st.mu.Unlock()
	seen := st.seen
	st.seen = nil
	return seen
}

// Fault makes the next message of the bot fail: "429" is not taken, "500" is
// not taken and the bot cannot know, "reset" is taken where the bot can ask
// afterwards, and the others refuse it for good. A response URL cannot be asked,
// so that a message through it that was taken would be seen twice on this
// platform alone.
func (st *Stage) Fault(kind string) error {
	var f Fault
	switch kind {
	case "429":
		f = Fault{Kind: RateLimited, RetryAfter: 30}
	case "500":
		f = Fault{Kind: Status, Status: 500}
	case "reset":
		f = Fault{Kind: ResetAfter}
	case "closed":
		f = Fault{Kind: Code, Code: "cannot_dm_bot"}
	case "gone":
		f = Fault{Kind: Code, Code: "channel_not_found"}
	case "forbidden":
		f = Fault{Kind: Code, Code: "not_in_channel"}
	case "unfit":
		f = Fault{Kind: Code, Code: "invalid_blocks"}
	case "refuse":
		f = Fault{Kind: Code, Code: "external_channel_migrating"}
	default:
		return fmt.Errorf("no fault of Slack is called %q", kind)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.Server.mu.Lock()
	defer st.Server.mu.Unlock()
	for _, method := range []string{"chat.postMessage", "chat.update", "response_url"} {
		one := f
		one.Method, one.Times = method, 1
		if kind == "reset" && method == "response_url" {
			one.Kind = ResetBefore
		}
		st.faults = append(st.faults, &one)
		st.armed = append(st.armed, &one)
	}
	return nil
}

// disarm takes back the faults that were meant for the other methods.
func (st *Stage) disarm(method string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.Server.mu.Lock()
	defer st.Server.mu.Unlock()
	if slices.ContainsFunc(st.armed, func(f *Fault) bool { return f.Method == method }) {
		for _, f := range st.armed {
			f.Times = 0
		}
		st.armed = nil
	}
}

// at finds who acts where, once the bot is there to hear of it.
func (st *Stage) at(ctx context.Context, person, place string) (user, channel string, err error) {
	st.mu.Lock()
	user, channel = st.people[person], st.rooms[strings.TrimPrefix(place, "#")]
	st.mu.Unlock()
	switch {
	case user == "":
		return "", "", fmt.Errorf("there is no %s on Slack", person)
	case place == "":
		channel = st.DM(user)
	case channel == "":
		return "", "", fmt.Errorf("there is no channel #%s on Slack", place)
	}
	if err := st.Ready(ctx); err != nil {
		return "", "", err
	}
	return user, channel, nil
}

// Ready returns when the newest adapter hears what happens.
func (st *Stage) Ready(ctx context.Context) error {
	st.mu.Lock()
	sockets, adapters := st.sockets, st.adapters
	st.mu.Unlock()
	if adapters == 0 || st.o.SignedHTTP {
		return nil // the bot runs somewhere else, or lets requests wait until it is there
	}
	if err := st.WaitOpened(ctx, sockets+slack.Connections); err != nil {
		return err
	}
	// Those of an adapter that has ended go in their own time.
	return st.WaitConnected(ctx, slack.Connections)
}

// names in what a person types.
var atName = regexp.MustCompile(`@([\pL\pN_]+)`)

// typed is a text as Slack's client sends it
// (https://docs.slack.dev/messaging/formatting-message-text#escaping).
func (st *Stage) typed(text string, labelled bool) string {
	st.mu.Lock()
	defer st.mu.Unlock()
	text = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
	return atName.ReplaceAllStringFunc(text, func(found string) string {
		id := st.people[found[1:]]
		switch {
		case found == "@bot":
			return st.Mention()
		case id == "":
			return found
		case labelled:
			return "<@" + id + "|" + found[1:] + ">"
		}
		return "<@" + id + ">"
	})
}

// look notes what has become visible.
func (st *Stage) look() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.Server.mu.Lock()
	defer st.Server.mu.Unlock()
	var fresh []*Message
	for _, id := range st.chOrder {
		c := st.channels[id]
		for i, m := range c.messages {
			key := id + ":" + m.TS
			if i >= st.shown[id] {
				fresh = append(fresh, m)
			} else if st.edits[key] != len(m.History) {
				st.note(c, m, true)
			}
			st.edits[key] = len(m.History)
		}
		st.shown[id] = len(c.messages)
	}
	slices.SortFunc(fresh, func(a, b *Message) int { return strings.Compare(a.TS, b.TS) })
	for _, m := range fresh {
		st.note(st.channels[m.Channel], m, false)
	}
	for _, user := range st.order {
		v := st.top(user)
		if v == nil {
			delete(st.modals, user)
		} else if st.modals[user] != v.Hash {
			st.modals[user] = v.Hash
			st.seen = append(st.seen, bottest.Seen{To: st.names[user], Private: true, Form: formOf(v)})
		}
	}
}

func (st *Stage) note(c *channel, m *Message, edited bool) {
	if !m.byBot || m.Deleted {
		return
	}
	s := bottest.Seen{Edited: edited}
	if c.kind != directMessage {
		s.Place = "#" + c.Name
	}
	switch {
	case m.EphemeralTo != "":
		s.To, s.Private = st.names[m.EphemeralTo], true
	case c.kind == directMessage:
		s.Private = true
		for _, member := range c.members {
			if member != st.bot.ID {
				s.To = st.names[member]
			}
		}
	default:
		s.To = st.answered(c, m)
	}
	s.Text = unescape(m.Text)
	if len(m.Blocks) > 0 {
		s.Text = ""
	}
	for _, b := range m.Blocks {
		switch b["type"] {
		case "section":
			s.Text = read(textOf(b["text"]))
		case "context":
			inside, _ := b["elements"].([]any)
			for _, x := range inside {
				s.Note += read(textOf(x))
			}
		}
	}
	for _, e := range elements(m.Blocks) {
		s.Buttons = append(s.Buttons, e.Text)
	}
	st.seen = append(st.seen, s)
}

// answered is whom a reply in a thread is for: who last spoke to the bot there,
// else who began it.
func (st *Stage) answered(c *channel, m *Message) string {
	if m.ThreadTS == "" {
		return ""
	}
	to := ""
	for _, other := range c.messages {
		inside := other.TS == m.ThreadTS || other.ThreadTS == m.ThreadTS
		if !inside || other.byBot || !before(other.TS, m.TS) {
			continue
		}
		if to == "" || strings.Contains(other.Text, st.Mention()) {
			to = st.names[other.User]
		}
	}
	return to
}

func formOf(v *View) *bottest.SeenForm {
	f := &bottest.SeenForm{Title: v.Title}
	for _, e := range elements(v.Blocks) {
		f.Fields = append(f.Fields, bottest.SeenField{Name: e.BlockID, Label: e.Label, Value: e.Initial})
	}
	return f
}

// read gives mrkdwn as a person reads it: marks, entities and invisible
// characters are gone, links are written out, and the twins that stand for
// characters without a meaning look like those.
func read(mrkdwn string) string {
	lines := strings.Split(mrkdwn, "\n")
	for i, l := range lines {
		lines[i] = readLine(l)
	}
	return strings.Join(lines, "\n")
}

// run is text with one address behind it, or none.
type run struct{ text, link string }

func readLine(line string) string {
	var runs []run
	code, link := false, ""
	put := func(s string) {
		if len(runs) == 0 || runs[len(runs)-1].link != link {
			runs = append(runs, run{link: link})
		}
		runs[len(runs)-1].text += s
	}
	start := true // nothing but blanks and the line's own mark so far
	for _, mark := range []string{"• ", "> "} {
		if rest, ok := strings.CutPrefix(line, mark); ok {
			put(mark)
			line = rest
			break
		}
	}
	prev := rune(-1)
	for line != "" {
		r, size := utf8.DecodeRuneInString(line)
		rest := line[size:]
		next, _ := utf8.DecodeRuneInString(rest)
		if rest == "" {
			next = -1
		}
		inert := word(prev) && word(next) || blank(prev) && blank(next)
		text := string(r)
		switch {
		case r == '<':
			target, label, ok := strings.Cut(rest, "|")
			if ok && !strings.ContainsAny(target, "<>") {
				link, rest, text = unescape(target), label, ""
			}
		case r == '>' && link != "":
			link, text = "", ""
		case r == '&':
			for _, entity := range []string{"amp;", "lt;", "gt;"} {
				if after, ok := strings.CutPrefix(rest, entity); ok {
					text, rest = unescape("&"+entity), after
				}
			}
		case r == '\u2060':
			text = ""
		case r == 'ˋ':
			text = "`"
		case r == '`' && (code || !inert):
			code, text = !code, ""
		case code:
		case (r == '*' || r == '_') && !inert:
			text = ""
		case r == '∗':
			text = "*"
		case r == 'ˍ':
			text = "_"
		case r == '∼':
			text = "~"
		case r == '∶':
			text = ":"
		case r == '›' && start:
			text = ">"
		}
		if text != "" {
			put(text)
			start = start && blank(r)
		}
		prev, line = r, rest
	}
	var b strings.Builder
	for _, r := range runs {
		b.WriteString(r.text)
		if r.link != "" && r.link != r.text && r.link != "mailto:"+r.text {
			b.WriteString(" (" + r.link + ")")
		}
	}
	return b.String()
}

func word(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.M) }

func blank(r rune) bool { return r == ' ' || r == '\t' }
