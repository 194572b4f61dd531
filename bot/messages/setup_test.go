package messages

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
	"procurabot/internal/outbox"
	"procurabot/internal/schedule"
	"procurabot/locales"
)

// texts are additional lines of a message file, by language.
type texts map[bot.Language]string

// filesWith gives the files that ship, with more texts at their end.
func filesWith(t testing.TB, more texts) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	for _, l := range bot.Languages() {
		name := "active." + string(l) + ".toml"
		shipped, err := fs.ReadFile(locales.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: []byte(string(shipped) + "\n" + more[l] + "\n")}
	}
	return files
}

// chat is a platform that keeps what it is told to send.
type chat struct {
	inModal bool // whether it shows field errors

	mu   sync.Mutex
	sent []bot.Envelope
}

func (c *chat) Platform() bot.Platform                  { return "chat" }
func (c *chat) Run(context.Context, bot.Receiver) error { return nil }
func (c *chat) Gate(bot.Target) string                  { return "chat" }
func (c *chat) Find(context.Context, bot.Envelope) (bot.MessageID, error) {
	return "", outbox.ErrUnknowable
}

func (c *chat) Limits() bot.Limits {
	return bot.Limits{
		Text: 2000, Render: markup.Discord, Label: 75, Buttons: 5, Title: 24, FieldLabel: 45,
		Hint: 100, Field: 3000, FieldErrors: c.inModal,
	}
}

func (c *chat) Send(_ context.Context, e bot.Envelope) (bot.MessageID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, e)
	return bot.MessageID(fmt.Sprint(len(c.sent))), nil
}

// network knows four people.
type network struct {
	mu     sync.Mutex
	audits []string
}

var members = map[bot.UserID]bot.Member{
	"ada":  {ID: "m-ada", Name: "Ada", Language: bot.English, Roles: []bot.Role{bot.Admin}},
	"bob":  {ID: "m-bob", Name: "Bob", Language: bot.English, Roles: []bot.Role{bot.Admin}},
	"vera": {ID: "m-vera", Name: "Vera", Language: bot.German, Roles: []bot.Role{bot.Editor}},
	"luc":  {ID: "m-luc", Name: "Luc", Language: bot.French},
}

func (n *network) Resolve(_ *database.Tx, in *bot.Incoming) (bot.Member, error) {
	return n.Find(nil, in.From)
}

func (*network) Find(_ *database.Tx, a bot.Account) (bot.Member, error) {
	m := members[a.User]
	m.Account, m.Greeted = a, true
	return m, nil
}

func (n *network) Member(_ *database.Tx, id bot.MemberID) (bot.Member, error) {
	for user, m := range members {
		if m.ID == id {
			return n.Find(nil, bot.Account{Platform: "chat", User: user})
		}
	}
	return bot.Member{}, fmt.Errorf("no member %s", id)
}

func (n *network) Audit(_ *database.Tx, by bot.MemberID, act, object string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.audits = append(n.audits, string(by)+" "+act+" "+object)
	return nil
}

// stage is an engine with this feature alone.
type stage struct {
	*testing.T
	path     string
	db       *database.DB
	messages *Messages
	changes  Changes
	engine   *bot.Engine
	chat     *chat
	network  *network

	mu   sync.Mutex
	last int
}

func openStage(t *testing.T, path string, files fs.FS) *stage {
	t.Helper()
	ctx := t.Context()
	db, err := database.Open(ctx, path, database.Options{Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, c := range []struct {
		name   string
		schema fs.FS
	}{{"outbox", outbox.Schema()}, {"schedule", schedule.Schema()}, {"bot", bot.Schema()}, {"messages", Schema()}} {
		if err := db.Migrate(ctx, c.name, c.schema); err != nil {
			t.Fatal(err)
		}
	}
	s := &stage{T: t, path: path, db: db, chat: &chat{inModal: true}, network: &network{}}
	if s.messages, err = New(files, Tightest(), s.network); err != nil {
		t.Fatal(err)
	}
	if s.changes, err = s.messages.Load(ctx, db); err != nil {
		t.Fatal(err)
	}
	s.engine, err = bot.New(bot.Config{
		DB: db, Features: []bot.Feature{s.messages.Feature()}, Adapters: []bot.Adapter{s.chat},
		Directory: s.network, Phrasebook: s.messages, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newStage(t *testing.T, more texts) *stage {
	t.Helper()
	return openStage(t, filepath.Join(t.TempDir(), "bot.db"), filesWith(t, more))
}

// upgrade closes the stage and opens another release over its file.
func (s *stage) upgrade(more texts) *stage {
	s.Helper()
	if err := s.db.Close(); err != nil {
		s.Fatal(err)
	}
	next := openStage(s.T, s.path, filesWith(s, more))
	next.last = s.last // a platform does not use an id again
	return next
}

// receive hands in one thing and gives what was shown at once and what was said.
func (s *stage) receive(user bot.UserID, what bot.What) (bot.Immediate, []bot.Body) {
	s.Helper()
	s.mu.Lock()
	s.last++
	id := fmt.Sprint("in-", s.last)
	s.mu.Unlock()
	shown, err := s.engine.Receive(s.Context(), bot.Incoming{
		ID: bot.IncomingID(id), From: bot.Account{Platform: "chat", User: user},
		In:    bot.Place{Conversation: "lobby"},
		Reply: &bot.ReplyHandle{Token: id, Expires: s.db.Now().Add(time.Hour)},
		What:  what,
	})
	if err != nil {
		s.Fatalf("%s: %v", user, err)
	}
	if _, err := s.engine.Step(s.Context()); err != nil {
		s.Fatal(err)
	}
	s.chat.mu.Lock()
	defer s.chat.mu.Unlock()
	var said []bot.Body
	for _, e := range s.chat.sent {
		if e.To.Reply != nil && e.To.Reply.Token == id {
			said = append(said, e.Body)
		}
	}
	return shown, said
}

// command types "messages <text>" and gives what was said, in plain words.
func (s *stage) command(user bot.UserID, text string) string {
	s.Helper()
	_, said := s.receive(user, bot.Commanded{Path: []string{"procura-admin"}, Text: "messages " + text})
	return plain(said)
}

func plain(said []bot.Body) string {
	var all []string
	for _, b := range said {
		all = append(all, markup.Plain(b.Text))
		if b.Note != "" {
			all = append(all, markup.Plain(b.Note))
		}
	}
	return strings.Join(all, "\n")
}

// edit opens the form for a text.
func (s *stage) edit(user bot.UserID, id string, l bot.Language) *bot.ShownForm {
	s.Helper()
	shown, said := s.receive(user, bot.Commanded{Path: []string{"procura-admin"}, Text: "messages edit " + id + " " + string(l)})
	if shown.Form == nil {
		s.Fatalf("no form was opened: %s", plain(said))
	}
	return shown.Form
}

// submit fills a form in; a text without plural has the field "other".
func (s *stage) submit(user bot.UserID, form *bot.ShownForm, values map[string]string) (bot.Immediate, []bot.Body) {
	s.Helper()
	return s.receive(user, bot.Submitted{Draft: form.Draft, Values: values})
}

// change edits a text and fails unless it is saved.
func (s *stage) change(user bot.UserID, id string, l bot.Language, text string) {
	s.Helper()
	shown, said := s.submit(user, s.edit(user, id, l), map[string]string{other: text})
	if shown.Errors != nil || !strings.Contains(plain(said), "Saved.") {
		s.Fatalf("not saved: %v %s", shown.Errors, plain(said))
	}
}

// says gives a text as the next message would say it.
func (s *stage) says(l bot.Language, id string, values bot.Values) string {
	s.Helper()
	var text markup.Text
	err := s.db.View(s.Context(), func(tx *database.Tx) error {
		b, err := s.messages.At(tx)
		if err == nil {
			text = bot.P(id, values).Render(b, l)
		}
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return markup.Plain(text)
}

// row reads one text as it is stored.
func (s *stage) row(id string, l bot.Language) row {
	s.Helper()
	var found row
	err := s.db.View(s.Context(), func(tx *database.Tx) error {
		rows, err := readTexts(tx)
		for _, r := range rows {
			if r.key == (key{id, l}) {
				found = r
			}
		}
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return found
}

func has(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is missing in:\n%s", p, text)
		}
	}
}
