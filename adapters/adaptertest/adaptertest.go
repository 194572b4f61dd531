// Package adaptertest is the contract of adapters as a test suite: what the
// engine relies on, whatever the platform. Every adapter passes it on a
// platform that people can act on, its [bottest.Stage].
//
//	func TestContract(t *testing.T) {
//		adaptertest.Run(t, func(t *testing.T) bottest.Stage { ... })
//	}
package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"procurabot/bot"
	"procurabot/bot/bottest"
	"procurabot/internal/database"
	"procurabot/internal/markup"
	"procurabot/internal/outbox"
)

// limit is how long a test waits for what never comes.
const limit = 20 * time.Second

// Run runs the suite. Stage makes a platform with nobody on it; each test gets
// its own.
func Run(t *testing.T, stage func(t *testing.T) bottest.Stage) {
	tests := map[string]func(*testing.T, *scene){
		"limits are given":                            limits,
		"a mention is heard without the mention":      mention,
		"a direct message is heard in private":        directMessage,
		"chatter is not heard":                        chatter,
		"what is cleaned is heard as it was written":  hostileIncoming,
		"a command is heard with its words":           command,
		"a person in a command is an account":         commandPerson,
		"a button brings back its id and value":       button,
		"a form opens, and comes back filled in":      form,
		"a refused field is shown or said":            refusedField,
		"a notice is shown though nothing was stored": notice,
		"completions are proposed":                    completion,
		"a public answer goes where it was asked":     publicAnswer,
		"a private answer is read by one person":      privateAnswer,
		"follow-ups come after the first answer":      followUp,
		"a direct message reaches an account":         toAccount,
		"an expired handle is not needed":             expiredHandle,
		"an edit replaces":                            edit,
		"marks are shown, data stays data":            hostileOutgoing,
		"the longest message arrives whole":           longest,
		"a rate limit is a retry with its time":       rateLimit,
		"a broken answer is uncertain":                uncertain,
		"an unknown conversation is permanent":        permanent,
		"ids differ, and stay the same on redelivery": ids,
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		t.Run(name, func(t *testing.T) { tests[name](t, newScene(t, stage(t))) })
	}
}

// scene is a stage with a few people, the adapter under test, and an engine
// that does what the test says.
type scene struct {
	t       *testing.T
	ctx     context.Context
	stage   bottest.Stage
	adapter bot.Adapter
	n       int

	mu     sync.Mutex
	heard  []bot.Incoming
	signal chan struct{}
	answer func(bot.Incoming) (bot.Immediate, error)
	opens  bool
}

func newScene(t *testing.T, stage bottest.Stage) *scene {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	s := &scene{t: t, ctx: ctx, stage: stage, signal: make(chan struct{}, 1000)}
	s.must(stage.AddPerson(ctx, bottest.Person{Name: "luc", Locale: "fr"}))
	s.must(stage.AddPerson(ctx, bottest.Person{Name: "greta", Locale: "de"}))
	s.must(stage.AddChannel(ctx, bottest.Channel{Name: "lobby", Locale: "en"}))
	var err error
	s.adapter, err = stage.Adapter(ctx)
	s.must(err)
	ended := make(chan error, 1)
	go func() { ended <- s.adapter.Run(ctx, s) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v: a stop is not a failure", err)
		}
	})
	return s
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// Receive, Opens, Commands and Text make the scene the adapter's engine.
func (s *scene) Receive(_ context.Context, in bot.Incoming) (bot.Immediate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, in)
	s.signal <- struct{}{}
	if s.answer == nil {
		return bot.Immediate{}, nil
	}
	return s.answer(in)
}

func (s *scene) Opens(bot.Incoming) bool { return s.opens }

func (s *scene) Commands() []bot.CommandInfo {
	return []bot.CommandInfo{
		{Feature: "test", Command: bot.Command{ID: "test.ask", Path: []string{"procura", "ask"}, Options: []bot.Option{{Name: "question", Required: true}}}},
		{Feature: "test", Command: bot.Command{ID: "test.open", Path: []string{"procura", "open"}, Opens: true}},
		{Feature: "test", Command: bot.Command{ID: "test.pick", Path: []string{"procura", "pick"}, Options: []bot.Option{{Name: "thing", Complete: completeNothing}}}},
		{Feature: "test", Command: bot.Command{ID: "test.give", Path: []string{"procura-admin", "roles", "give"}, Role: bot.Admin, Options: []bot.Option{
			{Name: "person", Required: true, Member: true}, {Name: "role", Required: true, Choices: []string{"editor"}}}}},
	}
}

// Text gives the last words of an id, which differ by language as real ones do.
func (s *scene) Text(l bot.Language, id string) string {
	parts := strings.Split(id, ".")
	if parts[len(parts)-1] == "name" {
		return parts[len(parts)-2] + "-" + string(l)
	}
	return strings.Join(parts, " ") + " " + string(l)
}

// hears waits for the next thing the engine is handed.
func (s *scene) hears() bot.Incoming {
	s.t.Helper()
	select {
	case <-s.signal:
	case <-s.ctx.Done():
		s.t.Fatal("the engine heard nothing")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.heard[s.n]
	s.n++
	return in
}

// says lets luc speak and gives what the engine heard.
func (s *scene) says(place, text string) bot.Incoming {
	s.t.Helper()
	s.must(s.stage.Say(s.ctx, "luc", place, text))
	return s.hears()
}

func (s *scene) commands(line string) bot.Incoming {
	s.t.Helper()
	s.must(s.stage.Command(s.ctx, "luc", "lobby", line))
	return s.hears()
}

// sends delivers one message as the outbox does.
func (s *scene) sends(to bot.Target, body bot.Body) (bot.MessageID, error) {
	s.t.Helper()
	return s.adapter.Send(s.ctx, bot.Envelope{Outgoing: bot.Outgoing{To: to, Body: body}, ID: s.id()})
}

var counter struct {
	sync.Mutex
	n int
}

func (s *scene) id() string {
	counter.Lock()
	defer counter.Unlock()
	counter.n++
	return fmt.Sprintf("0aaaaaaaaaaaaaaa%04d", counter.n)
}

// sees gives the next thing that people see.
func (s *scene) sees() bottest.Seen {
	s.t.Helper()
	seen := s.stage.Seen()
	if len(seen) != 1 {
		s.t.Fatalf("people see %d things, want one: %+v", len(seen), seen)
	}
	return seen[0]
}

func completeNothing(*database.Tx, bot.Language, string) ([]bot.Completion, error) { return nil, nil }

func limits(t *testing.T, s *scene) {
	l := s.adapter.Limits()
	for name, n := range map[string]int{"Text": l.Text, "Label": l.Label, "Buttons": l.Buttons, "Title": l.Title, "FieldLabel": l.FieldLabel, "Hint": l.Hint, "Field": l.Field} {
		if n <= 0 {
			t.Errorf("Limits.%s is %d", name, n)
		}
	}
	if l.Render == nil || l.Render(markup.Escape("plain")) != "plain" {
		t.Error("Limits.Render does not write plain text as it is")
	}
	if s.adapter.Platform() == "" {
		t.Error("the platform has no name")
	}
}

func mention(t *testing.T, s *scene) {
	in := s.says("lobby", "@bot are we too small?")
	said, ok := in.What.(bot.Said)
	if !ok || said.Text != "are we too small?" {
		t.Errorf("heard %#v", in.What)
	}
	if in.In.Private || in.Reply != nil {
		t.Error("a channel is not private")
	}
	if in.From != s.stage.Account("luc") {
		t.Errorf("from %v, want %v", in.From, s.stage.Account("luc"))
	}
	if in.ID == "" || in.In.Conversation == "" {
		t.Errorf("no id or no conversation: %+v", in)
	}
}

func directMessage(t *testing.T, s *scene) {
	in := s.says("", "sommes-nous trop petits ?")
	said, ok := in.What.(bot.Said)
	if !ok || said.Text != "sommes-nous trop petits ?" || !in.In.Private {
		t.Errorf("heard %#v in %+v", in.What, in.In)
	}
}

func chatter(t *testing.T, s *scene) {
	s.must(s.stage.Say(s.ctx, "luc", "lobby", "is anybody having lunch?"))
	s.must(s.stage.Say(s.ctx, "greta", "lobby", "yes, at twelve, without the bot"))
	if said, _ := s.says("lobby", "@bot hello").What.(bot.Said); said.Text != "hello" {
		t.Errorf("the engine heard what nobody said to the bot: %q", said.Text)
	}
}

func hostileIncoming(t *testing.T, s *scene) {
	for _, text := range []string{"5 < 6 & 7 > 2", "*bold* _it_ `code`", "a <b> c", "{{.}} '; DROP TABLE x; --"} {
		if said, _ := s.says("", text).What.(bot.Said); said.Text != text {
			t.Errorf("written %q, heard %q", text, said.Text)
		}
	}
}

func command(t *testing.T, s *scene) {
	in := s.commands("/procura ask are we too small?")
	c, ok := in.What.(bot.Commanded)
	if !ok {
		t.Fatalf("heard %#v", in.What)
	}
	words := append(slices.Clone(c.Path), strings.Fields(c.Text)...)
	if q := c.Options["question"]; q != "" {
		words = append(words, strings.Fields(q)...)
	}
	if got := strings.Join(words, " "); got != "procura ask are we too small?" {
		t.Errorf("heard %q", got)
	}
	if in.Reply == nil || in.Reply.Token == "" || in.Reply.Expires.IsZero() {
		t.Error("a command must bring a way to answer privately")
	}
}

func commandPerson(t *testing.T, s *scene) {
	c, _ := s.commands("/procura-admin roles give @greta editor").What.(bot.Commanded)
	all := strings.Join(c.Path, " ") + " " + c.Text
	for _, v := range c.Options {
		all += " " + v
	}
	if want := s.stage.Account("greta").String(); !slices.Contains(strings.Fields(all), want) {
		t.Errorf("heard %q, want the account %s in it", all, want)
	}
}

func withButton() bot.Body {
	return bot.Body{Text: "Choose", Buttons: []bot.Button{{ID: "test.one", Value: strings.Repeat("v", 64), Label: "One"}, {ID: "test.two", Value: "", Label: "Two", Style: bot.Primary}}}
}

func button(t *testing.T, s *scene) {
	in := s.says("lobby", "@bot choose")
	_, err := s.sends(s.here(in), withButton())
	s.must(err)
	if seen := s.sees(); !slices.Equal(seen.Buttons, []string{"One", "Two"}) {
		t.Errorf("people see the buttons %v", seen.Buttons)
	}
	s.must(s.stage.Press(s.ctx, "greta", "One"))
	pressed := s.hears()
	if p, _ := pressed.What.(bot.Pressed); p.Button != "test.one" || p.Value != strings.Repeat("v", 64) {
		t.Errorf("heard %#v", pressed.What)
	}
	if pressed.Reply == nil || pressed.From != s.stage.Account("greta") {
		t.Errorf("heard %+v", pressed)
	}
}

func theForm() *bot.ShownForm {
	return &bot.ShownForm{Draft: "0draftdraftdraftdraf", Title: "Answer", Submit: "Send", Cancel: "Cancel", Fields: []bot.ShownField{
		{Name: "text", Kind: bot.Paragraph, Label: "Your answer", Hint: "In the asker's language", Value: "Already typed", Required: true, Max: 1500},
		{Name: "source", Kind: bot.Line, Label: "Source"},
	}}
}

// opened lets luc open the form.
func (s *scene) opened() bottest.Seen {
	s.t.Helper()
	s.opens = true
	s.answer = func(bot.Incoming) (bot.Immediate, error) { return bot.Immediate{Form: theForm()}, nil }
	s.commands("/procura open")
	return s.sees()
}

func form(t *testing.T, s *scene) {
	seen := s.opened()
	if seen.Form == nil || seen.Form.Title != "Answer" || len(seen.Form.Fields) != 2 || seen.Form.Fields[0].Value != "Already typed" {
		t.Fatalf("people see %+v", seen)
	}
	s.opens, s.answer = false, nil
	s.must(s.stage.Submit(s.ctx, "luc", map[string]string{"text": "Bonjour,\nvous êtes < 900 & bienvenus.", "source": ""}))
	in := s.hears()
	sub, ok := in.What.(bot.Submitted)
	if !ok || sub.Draft != theForm().Draft || sub.Values["text"] != "Bonjour,\nvous êtes < 900 & bienvenus." {
		t.Errorf("heard %#v", in.What)
	}
	if in.Reply == nil {
		t.Error("a form must bring a way to answer privately")
	}
}

func refusedField(t *testing.T, s *scene) {
	s.opened()
	if !s.adapter.Limits().FieldErrors {
		return // the engine says it in a message: see privateAnswer
	}
	s.opens = false
	s.answer = func(bot.Incoming) (bot.Immediate, error) {
		return bot.Immediate{Errors: map[string]string{"text": "Please write more."}}, nil
	}
	s.must(s.stage.Submit(s.ctx, "luc", map[string]string{"text": "x"}))
	first := s.hears()
	if seen := s.sees(); seen.Errors["text"] != "Please write more." {
		t.Errorf("people see %+v", seen)
	}
	s.answer = nil
	s.must(s.stage.Submit(s.ctx, "luc", map[string]string{"text": "much more"}))
	if second := s.hears(); second.ID == first.ID {
		t.Error("the corrected form has the id of the refused one: it would be taken for a second delivery")
	}
}

func notice(t *testing.T, s *scene) {
	s.answer = func(bot.Incoming) (bot.Immediate, error) {
		return bot.Immediate{Notice: "Please try later."}, errors.New("nothing was stored")
	}
	s.must(s.stage.Command(s.ctx, "luc", "lobby", "/procura ask anything"))
	s.hears()
	if seen := s.sees(); seen.Text != "Please try later." || !seen.Private || seen.To != "luc" {
		t.Errorf("people see %+v", seen)
	}
}

func completion(t *testing.T, s *scene) {
	s.answer = func(in bot.Incoming) (bot.Immediate, error) {
		if c, ok := in.What.(bot.Completing); !ok || c.Option != "thing" || c.Prefix != "ap" {
			t.Errorf("heard %#v", in.What)
		}
		return bot.Immediate{Choices: []bot.Completion{{Label: "Apple", Value: "apple"}}}, nil
	}
	proposed, err := s.stage.Complete(s.ctx, "luc", "lobby", "/procura pick ap")
	if errors.Is(err, errors.ErrUnsupported) {
		return // Slack proposes nothing while a command is typed
	}
	s.must(err)
	if !slices.Equal(proposed, []string{"Apple"}) {
		t.Errorf("proposed %v", proposed)
	}
}

// here is where the engine answers something said in public.
func (s *scene) here(in bot.Incoming) bot.Target {
	to := bot.Target{Platform: in.From.Platform, Space: in.Space, Account: in.From, Conversation: in.In.Conversation}
	if in.In.Replies != "" {
		to.Conversation = in.In.Replies
	}
	if said, ok := in.What.(bot.Said); ok {
		to.Answering = said.Message
	}
	return to
}

// privately is how the engine answers whoever acted.
func privately(in bot.Incoming) bot.Target {
	return bot.Target{Platform: in.From.Platform, Space: in.Space, Account: in.From, Reply: in.Reply}
}

func publicAnswer(t *testing.T, s *scene) {
	in := s.says("lobby", "@bot hello")
	id, err := s.sends(s.here(in), bot.Body{Text: "*Hello* there", Note: "Automatic answer"})
	s.must(err)
	seen := s.sees()
	if id == "" || seen.Private || seen.Place != "#lobby" || seen.To != "luc" || seen.Text != "Hello there" || seen.Note != "Automatic answer" {
		t.Errorf("people see %+v (id %q)", seen, id)
	}
}

func privateAnswer(t *testing.T, s *scene) {
	in := s.commands("/procura ask something")
	_, err := s.sends(privately(in), withButton())
	s.must(err)
	if seen := s.sees(); !seen.Private || seen.To != "luc" || seen.Text != "Choose" || len(seen.Buttons) != 2 {
		t.Errorf("people see %+v", seen)
	}
	s.must(s.stage.Press(s.ctx, "luc", "Two"))
	if p, _ := s.hears().What.(bot.Pressed); p.Button != "test.two" || p.Value != "" {
		t.Errorf("heard %#v", p)
	}
}

func followUp(t *testing.T, s *scene) {
	in := s.commands("/procura ask something")
	_, err := s.sends(privately(in), bot.Body{Text: "first"})
	s.must(err)
	second := privately(in)
	second.FollowUp = true
	_, err = s.sends(second, bot.Body{Text: "second"})
	s.must(err)
	seen := s.stage.Seen()
	if len(seen) != 2 || seen[0].Text != "first" || seen[1].Text != "second" || !seen[1].Private || seen[1].Edited {
		t.Errorf("people see %+v", seen)
	}
}

func toAccount(t *testing.T, s *scene) {
	a := s.stage.Account("greta")
	_, err := s.sends(bot.Target{Platform: a.Platform, Space: a.Realm, Account: a}, bot.Body{Text: "Guten Tag"})
	s.must(err)
	if seen := s.sees(); !seen.Private || seen.To != "greta" || seen.Text != "Guten Tag" {
		t.Errorf("people see %+v", seen)
	}
}

func expiredHandle(t *testing.T, s *scene) {
	in := s.commands("/procura ask something")
	to := privately(in)
	to.Reply = nil // what the engine does once the handle has expired
	_, err := s.sends(to, bot.Body{Text: "later"})
	s.must(err)
	if seen := s.sees(); !seen.Private || seen.To != "luc" || seen.Text != "later" {
		t.Errorf("people see %+v", seen)
	}
}

func edit(t *testing.T, s *scene) {
	to := s.stage.Spot("lobby")
	target := bot.Target{Platform: to.Platform, Space: to.Space, Conversation: to.Conversation}
	id, err := s.sends(target, withButton())
	s.must(err)
	s.sees()
	_, err = s.adapter.Send(s.ctx, bot.Envelope{Outgoing: bot.Outgoing{To: target, Body: bot.Body{Text: "Chosen"}}, ID: s.id(), Replaces: id})
	s.must(err)
	if seen := s.sees(); !seen.Edited || seen.Text != "Chosen" || len(seen.Buttons) != 0 || seen.Place != "#lobby" {
		t.Errorf("people see %+v", seen)
	}
}

func hostileOutgoing(t *testing.T, s *scene) {
	to := s.stage.Spot("lobby")
	target := bot.Target{Platform: to.Platform, Space: to.Space, Conversation: to.Conversation}
	for _, data := range []string{"<!channel> hi", "@everyone", "@here now", "<@U1>", "*not bold* _x_ `y`", "<https://evil.example|bank>", "[bank](https://evil.example)", "a\n> b\n- c", "5 < 6 & 7"} {
		_, err := s.sends(target, bot.Body{Text: "You wrote: " + markup.Escape(data)})
		s.must(err)
		want := markup.Plain("You wrote: " + markup.Escape(data))
		if seen := s.sees(); seen.Text != want {
			t.Errorf("people see %q, want %q", seen.Text, want)
		}
	}
}

func longest(t *testing.T, s *scene) {
	to := s.stage.Spot("lobby")
	target := bot.Target{Platform: to.Platform, Space: to.Space, Conversation: to.Conversation}
	l := s.adapter.Limits()
	body := bot.Body{Text: markup.Text(strings.Repeat("ü", l.Text-8)), Note: "Source"}
	for i := range l.Buttons {
		body.Buttons = append(body.Buttons, bot.Button{ID: "test.one", Value: fmt.Sprint(i), Label: strings.Repeat("W", l.Label-2) + fmt.Sprintf("%02d", i)})
	}
	_, err := s.sends(target, body)
	s.must(err)
	if seen := s.sees(); seen.Text != string(body.Text) || len(seen.Buttons) != l.Buttons {
		t.Errorf("people see %d characters and %d buttons", len(seen.Text), len(seen.Buttons))
	}
}

func (s *scene) fault(kind string) {
	s.t.Helper()
	f, ok := s.stage.(bottest.Faulty)
	if !ok {
		s.t.Fatal("the stage cannot misbehave: it must be a bottest.Faulty")
	}
	s.must(f.Fault(kind))
}

func rateLimit(t *testing.T, s *scene) {
	to := s.stage.Spot("lobby")
	target := bot.Target{Platform: to.Platform, Space: to.Space, Conversation: to.Conversation}
	s.fault("429")
	_, err := s.sends(target, bot.Body{Text: "hello"})
	var retry *outbox.Retry
	if !errors.As(err, &retry) || retry.After <= 0 || retry.Gate == "" {
		t.Fatalf("a rate limit became %#v", err)
	}
	if gate := s.adapter.Gate(target); gate != retry.Gate && !strings.HasPrefix(gate, retry.Gate+"/") {
		t.Errorf("the gate %q holds nothing of %q", retry.Gate, gate)
	}
	// An adapter may remember, and not ask the platform again so early.
	if _, err = s.sends(target, bot.Body{Text: "hello"}); !errors.As(err, &retry) {
		s.must(err)
	}
}

func uncertain(t *testing.T, s *scene) {
	to := s.stage.Spot("lobby")
	target := bot.Target{Platform: to.Platform, Space: to.Space, Conversation: to.Conversation}
	s.fault("reset")
	e := bot.Envelope{Outgoing: bot.Outgoing{To: target, Body: bot.Body{Text: "once"}}, ID: s.id()}
	_, err := s.adapter.Send(s.ctx, e)
	var permanent *outbox.Permanent
	var retry *outbox.Retry
	if err == nil || errors.As(err, &permanent) || errors.As(err, &retry) {
		t.Fatalf("an answer that was cut off became %#v", err)
	}
	e.Unsure = true
	switch _, err := s.adapter.Find(s.ctx, e); {
	case err == nil:
	case errors.Is(err, outbox.ErrAbsent), errors.Is(err, outbox.ErrUnknowable):
		_, err := s.adapter.Send(s.ctx, e)
		s.must(err)
	default:
		t.Fatal(err)
	}
	if seen := s.sees(); seen.Text != "once" {
		t.Errorf("people see %+v", seen)
	}
}

func permanent(t *testing.T, s *scene) {
	to := s.stage.Spot("lobby")
	_, err := s.sends(bot.Target{Platform: to.Platform, Space: to.Space, Conversation: "999999999999999999"}, bot.Body{Text: "hello"})
	var p *outbox.Permanent
	if !errors.As(err, &p) {
		t.Errorf("a conversation that does not exist became %#v", err)
	}
}

func ids(t *testing.T, s *scene) {
	seen := map[bot.IncomingID]bool{}
	for _, text := range []string{"one", "two", "one"} {
		in := s.says("", text)
		if seen[in.ID] {
			t.Errorf("the id %q came twice for different things", in.ID)
		}
		seen[in.ID] = true
	}
	for range 2 {
		in := s.commands("/procura ask one")
		if seen[in.ID] {
			t.Errorf("the id %q came twice for different things", in.ID)
		}
		seen[in.ID] = true
	}
}
