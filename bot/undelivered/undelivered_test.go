package undelivered_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"procurabot/bot"
	"procurabot/bot/members"
	"procurabot/bot/undelivered"
	"procurabot/internal/database"
	"procurabot/internal/markup"
	"procurabot/internal/outbox"
	"procurabot/internal/schedule"
)

// chat is a platform that refuses what is written to the people it is told of.
type chat struct {
	refuses map[bot.UserID]bool
	sent    []bot.Envelope
}

func (c *chat) Platform() bot.Platform                  { return "chat" }
func (c *chat) Run(context.Context, bot.Receiver) error { return nil }
func (c *chat) Gate(bot.Target) string                  { return "chat" }
func (c *chat) Limits() bot.Limits {
	return bot.Limits{Text: 2000, Render: markup.Discord, Label: 76, Buttons: 5}
}
func (c *chat) Find(context.Context, bot.Envelope) (bot.MessageID, error) {
	return "", outbox.ErrUnknowable
}

func (c *chat) Send(_ context.Context, e bot.Envelope) (bot.MessageID, error) {
	if e.To.Reply == nil && c.refuses[e.To.Account.User] {
		return "", &outbox.Permanent{Err: errors.New("chat.postMessage: cannot_dm_bot")}
	}
	c.sent = append(c.sent, e)
	return bot.MessageID(fmt.Sprint(len(c.sent))), nil
}

// ids says every message as its id and its values: what is tested here is not
// how it is worded.
type ids struct{}

func (ids) At(*database.Tx) (bot.Book, error) { return ids{}, nil }
func (ids) Committed() bot.Book               { return ids{} }
func (ids) Has(string) bool                   { return true }
func (ids) Text(_ bot.Language, id string, values map[string]markup.Text, count *int) markup.Text {
	text := markup.Escape(id)
	if count != nil {
		text += markup.Escape(fmt.Sprint(" ", *count))
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		text += " " + markup.Text(name) + "=" + values[name]
	}
	return text
}

// office is an engine with this feature, and one that writes to people.
type office struct {
	*testing.T
	db      *database.DB
	chat    *chat
	engine  *bot.Engine
	members *members.Members
	audits  []string
	last    int
}

func (o *office) Audit(_ *database.Tx, by bot.MemberID, act, object string) error {
	if by == "" || object == "" {
		o.Errorf("%q did %q to %q", by, act, object)
	}
	o.audits = append(o.audits, act)
	return nil
}

func open(t *testing.T) *office {
	t.Helper()
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), database.Options{Synchronous: "OFF"})
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
	}{{"outbox", outbox.Schema()}, {"schedule", schedule.Schema()}, {"bot", bot.Schema()}, {"members", members.Schema()}} {
		if err := db.Migrate(t.Context(), c.name, c.schema); err != nil {
			t.Fatal(err)
		}
	}
	o := &office{T: t, db: db, chat: &chat{refuses: map[bot.UserID]bool{}}, members: members.New()}
	writes := bot.Feature{Name: "writes", Commands: []bot.Command{{
		ID: "writes.to", Path: []string{"procura", "write"}, Options: []bot.Option{{Name: "to", Required: true}, {Name: "text"}},
		Run: func(t *bot.Turn) error {
			to := bot.Account{Platform: "chat", User: bot.UserID(t.Args["to"])}
			if _, err := t.SendAccount(to, bot.English, bot.Say{Phrase: bot.P("letter", bot.Values{"Text": bot.Data(t.Args["text"])})}); err != nil {
				return err
			}
			_, err := t.Reply(bot.Say{Phrase: bot.P("written", nil)})
			return err
		},
	}}}
	o.engine, err = bot.New(bot.Config{
		DB: db, Features: []bot.Feature{writes, undelivered.New(o).Feature()}, Adapters: []bot.Adapter{o.chat},
		Directory: o.members, Phrasebook: ids{}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(t.Context(), func(tx *database.Tx) error {
		return o.members.Appoint(tx, []bot.Account{{Platform: "chat", User: "ada"}})
	}); err != nil {
		t.Fatal(err)
	}
	return o
}

// hears hands in what somebody does and gives what they are answered.
func (o *office) hears(user bot.UserID, what bot.What) (said []bot.Body) {
	o.Helper()
	o.last++
	id := fmt.Sprint("in-", o.last)
	if _, err := o.engine.Receive(o.Context(), bot.Incoming{
		ID: bot.IncomingID(id), From: bot.Account{Platform: "chat", User: user}, Name: strings.ToUpper(string(user)), In: bot.Place{Conversation: "lobby"},
		Reply: &bot.ReplyHandle{Token: id, Expires: o.db.Now().Add(time.Hour)}, What: what,
	}); err != nil {
		o.Fatalf("%s: %v", user, err)
	}
	if _, err := o.engine.Step(o.Context()); err != nil {
		o.Fatal(err)
	}
	for _, e := range o.chat.sent {
		if e.To.Reply != nil && e.To.Reply.Token == id {
			said = append(said, e.Body)
		}
	}
	return said
}

func (o *office) types(user bot.UserID, path ...string) bot.Body {
	o.Helper()
	return o.one(o.hears(user, bot.Commanded{Path: path[:1], Text: strings.Join(path[1:], " ")}))
}

func (o *office) presses(user bot.UserID, b bot.Button) bot.Body {
	o.Helper()
	if len(b.Value) > 64 {
		o.Errorf("%s carries %d characters", b.ID, len(b.Value))
	}
	return o.one(o.hears(user, bot.Pressed{Button: b.ID, Value: b.Value}))
}

func (o *office) one(said []bot.Body) bot.Body {
	o.Helper()
	if len(said) != 1 {
		o.Fatalf("said were %d messages: %v", len(said), said)
	}
	return said[0]
}

func (o *office) button(b bot.Body, id string) bot.Button {
	o.Helper()
	for _, x := range b.Buttons {
		if x.ID == id {
			return x
		}
	}
	o.Fatalf("there is no button %s below %s", id, b.Text)
	return bot.Button{}
}

func says(t *testing.T, b bot.Body, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(markup.Plain(b.Text), p) {
			t.Errorf("%q is missing in %q", p, markup.Plain(b.Text))
		}
	}
}

// TestOnlyAdministratorsDecide: whoever presses a button is asked for the role
// again, also who had it when they were shown the button.
func TestOnlyAdministratorsDecide(t *testing.T) {
	o := open(t)
	o.chat.refuses["tom"] = true
	o.types("luc", "procura", "write", "tom", "a secret")
	shown := o.types("ada", "procura-admin", "outbox", "show", "1")
	says(t, shown, "undelivered.shown", "a secret", "undelivered.reason-closed")
	asked := o.presses("ada", o.button(shown, "undelivered.discard"))

	before := len(o.audits)
	for _, b := range slices.Concat(shown.Buttons, asked.Buttons, []bot.Button{
		{ID: "undelivered.more"}, {ID: "undelivered.show", Value: shown.Buttons[0].Value}, {ID: "undelivered.resend-sure", Value: shown.Buttons[0].Value},
		{ID: "undelivered.resend-all", Value: "99999999999999"}, {ID: "undelivered.discard-all", Value: "99999999999999"},
	}) {
		if said := o.presses("luc", b); !strings.HasPrefix(string(said.Text), "bot.forbidden") {
			t.Errorf("%s: luc is told %s", b.ID, said.Text)
		}
	}
	for _, word := range []string{"list", "show 1", "resend 1", "discard 1", "resend all", "discard all", "show"} {
		if said := o.types("luc", "procura-admin", "outbox", word); !strings.HasPrefix(string(said.Text), "bot.forbidden") {
			t.Errorf("%s: luc is told %s", word, said.Text)
		}
	}
	if len(o.audits) != before {
		t.Errorf("something was done: %v", o.audits[before:])
	}
	says(t, o.types("ada", "procura-admin", "outbox", "list"), "Dead=1")
}

// TestAuditSaysWhoReadAndDecided: a row for each that happened, and none for
// what was only asked or came too late.
func TestAuditSaysWhoReadAndDecided(t *testing.T) {
	o := open(t)
	o.chat.refuses["tom"] = true
	o.types("luc", "procura", "write", "tom", "one")
	o.types("luc", "procura", "write", "tom", "two")
	o.types("ada", "procura-admin", "outbox", "list")
	o.types("ada", "procura-admin", "outbox", "show", "1")
	asked := o.types("ada", "procura-admin", "outbox", "discard", "1")
	o.presses("ada", o.button(asked, "undelivered.keep"))
	o.presses("ada", o.button(asked, "undelivered.discard-sure"))
	says(t, o.presses("ada", o.button(asked, "undelivered.discard-sure")), "undelivered.settled-discarded")
	o.chat.refuses["tom"] = false
	says(t, o.types("ada", "procura-admin", "outbox", "resend", "2"), "undelivered.resent")
	says(t, o.types("ada", "procura-admin", "outbox", "resend", "2"), "undelivered.settled-sent")
	want := []string{"read undelivered message", "discard message", "resend message"}
	if !slices.Equal(o.audits, want) {
		t.Errorf("the audit has %v, not %v", o.audits, want)
	}
}

// TestReaders: who is known is named, who is not is "a member".
func TestReaders(t *testing.T) {
	o := open(t)
	o.chat.refuses["tom"], o.chat.refuses["stranger"] = true, true
	o.types("tom", "procura", "write", "tom", "x")
	o.types("tom", "procura", "write", "stranger", "x")
	says(t, o.types("ada", "procura-admin", "outbox", "list"), "Person=TOM Platform=Chat", "Person=undelivered.somebody.name Platform=Chat")
}

// TestWhatNobodyCanRead: a message that is dead because it cannot be read is
// listed and can be discarded.
func TestWhatNobodyCanRead(t *testing.T) {
	o := open(t)
	box, err := outbox.New(o.db, nil, outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.db.Update(t.Context(), func(tx *database.Tx) error {
		_, _, err := box.Put(tx, outbox.Message{Key: "k", Route: "chat", Lane: "l", Class: outbox.Personal, Payload: []byte("{")})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.engine.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	says(t, o.types("ada", "procura-admin", "outbox", "list"), "Dead=1", "Number=1")
	o.types("ada", "procura-admin", "outbox", "show", "1")
	asked := o.types("ada", "procura-admin", "outbox", "discard", "1")
	says(t, o.presses("ada", o.button(asked, "undelivered.discard-sure")), "undelivered.discarded")
}

// TestStrangeValues: what no message of ours carries is answered all the same.
func TestStrangeValues(t *testing.T) {
	o := open(t)
	for _, id := range []string{
		"undelivered.more", "undelivered.show", "undelivered.resend", "undelivered.discard", "undelivered.resend-sure",
		"undelivered.discard-sure", "undelivered.resend-all", "undelivered.discard-all", "undelivered.keep",
	} {
		for _, value := range []string{"", "x", "1", "1 x", "-1 -1", "9223372036854775807 99999999999999999999", " "} {
			if said := o.presses("ada", bot.Button{ID: id, Value: value}); !strings.HasPrefix(string(said.Text), "undelivered.") {
				t.Errorf("%s %q: %s", id, value, said.Text)
			}
		}
	}
}
