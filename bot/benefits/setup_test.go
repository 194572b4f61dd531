package benefits

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
	"procurabot/internal/outbox"
	"procurabot/internal/retrieval"
	"procurabot/internal/schedule"
)

// world is an engine with this feature alone, a database file and a chat.
type world struct {
	t        *testing.T
	db       *database.DB
	benefits *Benefits
	engine   *bot.Engine
	chat     *chat
	people   *people
	audit    *audit
	now      time.Time
	things   int
	did      []string // the actions that were run
}

var (
	editors = bot.Spot{Platform: "test", Space: "S", Conversation: "editors", Language: bot.German}
	// Friday afternoon in Brussels.
	start = time.Date(2026, 3, 6, 15, 0, 0, 0, time.UTC)
)

var fittedModels sync.Map // fingerprint -> *retrieval.Model

// learned is retrieval.Fit, once for the same knowledge.
func learned(ctx context.Context, entries []retrieval.Entry) (*retrieval.Model, error) {
	key := retrieval.Fingerprint(entries)
	if m, ok := fittedModels.Load(key); ok {
		return m.(*retrieval.Model), nil
	}
	m, err := retrieval.Fit(ctx, entries)
	if err == nil {
		fittedModels.Store(key, m)
	}
	return m, err
}

func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, chat: &chat{}, people: &people{}, audit: &audit{}, now: start}
	var err error
	w.db, err = database.Open(t.Context(), filepath.Join(t.TempDir(), "bot.db"), database.Options{
		Now: func() time.Time { return w.now }, Synchronous: "OFF",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if w.benefits != nil {
			w.benefits.Close()
		}
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, c := range []struct {
		name   string
		schema fs.FS
	}{{"outbox", outbox.Schema()}, {"schedule", schedule.Schema()}, {"bot", bot.Schema()}, {"benefits", Schema()}} {
		if err := w.db.Migrate(t.Context(), c.name, c.schema); err != nil {
			t.Fatal(err)
		}
	}
	book := readBook(t)
	o := Options{Phrasebook: book, Contact: "procura@example.org", Editors: &editors, Auditor: w.audit, Fit: learned}
	if change != nil {
		change(&o)
	}
	if w.benefits, err = New(os.DirFS("../../locales"), o); err != nil {
		t.Fatal(err)
	}
	w.benefits.SetActions([]string{"members.language", "help.hello"})
	if err := w.benefits.Load(t.Context(), w.db); err != nil {
		t.Fatal(err)
	}
	act := func(id string) bot.Action {
		return bot.Action{ID: id, Run: func(tn *bot.Turn) error { w.did = append(w.did, id); return nil }}
	}
	w.engine, err = bot.New(bot.Config{
		DB: w.db, Adapters: []bot.Adapter{w.chat}, Directory: w.people, Phrasebook: book, Log: slog.New(slog.DiscardHandler),
		Features: []bot.Feature{{Name: "others", Actions: []bot.Action{act("members.language"), act("help.hello")}}, w.benefits.Feature()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// receive hands a thing to the engine and sends what is due.
func (w *world) receive(person string, in bot.Incoming) bot.Immediate {
	w.t.Helper()
	w.things++
	in.ID = bot.IncomingID(fmt.Sprint("thing", w.things))
	in.From, in.Name = bot.Account{Platform: "test", Realm: "S", User: bot.UserID(person)}, strings.ToUpper(person[:1])+person[1:]
	in.Space = "S"
	shown, err := w.engine.Receive(w.t.Context(), in)
	if err != nil {
		w.t.Fatalf("receive: %v", err)
	}
	w.step()
	return shown
}

func (w *world) step() {
	w.t.Helper()
	if _, err := w.engine.Step(w.t.Context()); err != nil {
		w.t.Fatalf("step: %v", err)
	}
}

func (w *world) mention(person, text string) {
	w.t.Helper()
	w.receive(person, bot.Incoming{In: bot.Place{Conversation: "lobby", Locale: "en"}, What: bot.Said{Text: text, Message: "m1"}})
}

func (w *world) direct(person, text string) {
	w.t.Helper()
	w.receive(person, bot.Incoming{In: bot.Place{Conversation: bot.ConversationID("dm-" + person), Private: true}, What: bot.Said{Text: text, Message: "m1"}})
}

func (w *world) press(person, button, value string) bot.Immediate {
	w.t.Helper()
	return w.receive(person, bot.Incoming{
		In: bot.Place{Conversation: "lobby"}, Reply: w.handle(), What: bot.Pressed{Button: button, Value: value},
	})
}

func (w *world) submit(person string, form *bot.ShownForm, text string) {
	w.t.Helper()
	w.receive(person, bot.Incoming{
		In: bot.Place{Conversation: "lobby"}, Reply: w.handle(),
		What: bot.Submitted{Draft: form.Draft, Values: map[string]string{"text": text}},
	})
}

func (w *world) handle() *bot.ReplyHandle {
	return &bot.ReplyHandle{Token: fmt.Sprint("token", w.things), Expires: w.now.Add(15 * time.Minute)}
}

// heard gives what was sent since it was last asked.
func (w *world) heard() []bot.Envelope {
	w.chat.mu.Lock()
	defer w.chat.mu.Unlock()
	sent := w.chat.sent
	w.chat.sent = nil
	return sent
}

// one is heard where exactly one message is expected.
func (w *world) one() bot.Envelope {
	w.t.Helper()
	all := w.heard()
	if len(all) != 1 {
		w.t.Fatalf("%d messages were sent, want one: %+v", len(all), all)
	}
	return all[0]
}

func value(t *testing.T, e bot.Envelope, button string) string {
	t.Helper()
	for _, b := range e.Body.Buttons {
		if b.ID == button {
			return b.Value
		}
	}
	t.Fatalf("no button %s in %+v", button, e.Body)
	return ""
}

func (w *world) count(query string, args ...any) (n int) {
	w.t.Helper()
	err := w.db.View(w.t.Context(), func(tx *database.Tx) error { return tx.QueryRow(query, args...).Scan(&n) })
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func contains(t *testing.T, e bot.Envelope, wants ...string) {
	t.Helper()
	text := markup.Plain(e.Body.Text) + "\n" + markup.Plain(e.Body.Note)
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
}

// chat is a platform that takes everything.
type chat struct {
	mu   sync.Mutex
	sent []bot.Envelope
}

func (c *chat) Platform() bot.Platform { return "test" }

func (c *chat) Limits() bot.Limits {
	return bot.Limits{
		Text: 2000, Render: func(t markup.Text) string { return string(t) }, Label: 80, Buttons: 5, Title: 45, FieldLabel: 45,
		Hint: 100, Field: 4000, FieldErrors: true,
	}
}
func (c *chat) Run(ctx context.Context, _ bot.Receiver) error { <-ctx.Done(); return nil }
func (c *chat) Gate(bot.Target) string                        { return "test" }
func (c *chat) Find(context.Context, bot.Envelope) (bot.MessageID, error) {
	return "", outbox.ErrUnknowable
}

func (c *chat) Send(_ context.Context, e bot.Envelope) (bot.MessageID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, e)
	return bot.MessageID(e.ID), nil
}

// people knows everybody; whose name begins with "e" edits, and luc has chosen French.
type people struct{}

func (p *people) Resolve(_ *database.Tx, in *bot.Incoming) (bot.Member, error) {
	m := p.member(in.From)
	m.Name = in.Name
	return m, nil
}

func (p *people) Find(_ *database.Tx, a bot.Account) (bot.Member, error) { return p.member(a), nil }

func (p *people) Member(_ *database.Tx, id bot.MemberID) (bot.Member, error) {
	return p.member(bot.Account{Platform: "test", Realm: "S", User: bot.UserID(id)}), nil
}

func (p *people) member(a bot.Account) bot.Member {
	m := bot.Member{ID: bot.MemberID(a.User), Account: a, Name: string(a.User), Greeted: true}
	if strings.HasPrefix(string(a.User), "e") {
		m.Roles = []bot.Role{bot.Editor}
	}
	if a.User == "luc" {
		m.Language = bot.French
	}
	return m
}

type audit struct{ acts []string }

func (a *audit) Audit(_ *database.Tx, by bot.MemberID, act, _ string) error {
	a.acts = append(a.acts, string(by)+" "+act)
	return nil
}

// book says which message was chosen, in which language and with what, so that
// tests do not hang on the wording of the shipped messages. Phrases are theirs.
type book struct {
	t       testing.TB
	shipped map[bot.Language]map[string]any
}

func readBook(t testing.TB) book {
	t.Helper()
	b := book{t, map[bot.Language]map[string]any{}}
	for _, l := range bot.Languages() {
		var m map[string]any
		if _, err := toml.DecodeFile("../../locales/active."+string(l)+".toml", &m); err != nil {
			t.Fatal(err)
		}
		b.shipped[l] = m
	}
	return b
}

func (b book) At(*database.Tx) (bot.Book, error) { return b, nil }
func (b book) Committed() bot.Book               { return b }
func (b book) Has(id string) bool                { _, ok := b.shipped[bot.English][id]; return ok }

func (b book) Text(l bot.Language, id string, values map[string]markup.Text, _ *int) markup.Text {
	s, ok := b.shipped[l][id].(string)
	if !ok {
		b.t.Errorf("there is no message %q in %s", id, l)
	}
	if strings.HasSuffix(id, ".phrases") {
		return markup.Text(s)
	}
	said := string(l) + " " + id
	for _, name := range slices.Sorted(maps.Keys(values)) {
		said += "\n" + string(values[name])
		s = strings.ReplaceAll(s, "{{."+name+"}}", "")
	}
	if strings.Contains(s, "{{") {
		b.t.Errorf("nobody fills a placeholder of %s: %q", id, s)
	}
	return markup.Text(said)
}
