package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
)

// office is a platform that takes every message and remembers none.
type office struct {
	post
	name bot.Platform
}

func (o *office) Platform() bot.Platform { return o.name }

// ears notes which messages were said.
type ears struct {
	bot.Phrasebook
	mu   sync.Mutex
	said map[string]bool
}

func (e *ears) At(tx *database.Tx) (bot.Book, error) {
	b, err := e.Phrasebook.At(tx)
	return eavesdropped{b, e}, err
}

func (e *ears) Committed() bot.Book { return eavesdropped{e.Phrasebook.Committed(), e} }

// heard gives what was said since it was last asked.
func (e *ears) heard() map[string]bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	said := e.said
	e.said = map[string]bool{}
	return said
}

type eavesdropped struct {
	bot.Book
	e *ears
}

func (b eavesdropped) Text(l bot.Language, id string, values map[string]markup.Text, count *int) markup.Text {
	b.e.mu.Lock()
	b.e.said[id] = true
	b.e.mu.Unlock()
	return b.Book.Text(l, id, values, count)
}

// gatehouse is the whole program, before which people of every kind stand.
type gatehouse struct {
	*app
	t     *testing.T
	ears  *ears
	turns int
}

// spot is where somebody acts: an account there, and the way it is written.
type spot struct {
	name  string
	from  func(user string) bot.Account
	space bot.SpaceID
	place bot.Place
	own   bool // where roles are given
}

func spots() []spot {
	slack := func(team bot.SpaceID) func(string) bot.Account {
		return func(user string) bot.Account {
			return bot.Account{Platform: "slack", Realm: team, User: bot.UserID(user)}
		}
	}
	discord := func(user string) bot.Account { return bot.Account{Platform: "discord", User: bot.UserID(user)} }
	return []spot{
		{name: "own workspace", from: slack("T1"), space: "T1", place: bot.Place{Conversation: "C1"}, own: true},
		{name: "another workspace", from: slack("T2"), space: "T2", place: bot.Place{Conversation: "C2"}},
		{name: "guild", from: discord, space: "G1", place: bot.Place{Conversation: "1"}, own: true},
		// Users of Discord are the same everywhere, and so are their roles.
		{name: "another guild", from: discord, space: "G2", place: bot.Place{Conversation: "2"}, own: true},
		{name: "direct message of Discord", from: discord, place: bot.Place{Conversation: "3", Private: true}, own: true},
	}
}

func newGatehouse(t *testing.T) *gatehouse {
	g := &gatehouse{t: t, ears: &ears{said: map[string]bool{}}}
	editors := bot.Spot{Platform: "slack", Space: "T1", Conversation: "CE", Language: bot.English}
	g.app = testApp(t, parts{
		fit: little, editors: &editors,
		adapters:   []bot.Adapter{&office{name: "slack"}, &office{name: "discord"}},
		phrasebook: func(p bot.Phrasebook) bot.Phrasebook { g.ears.Phrasebook = p; return g.ears },
	})
	t.Cleanup(g.benefits.Close)
	for _, s := range spots() {
		if !s.own {
			continue
		}
		for _, r := range bot.Roles() {
			if err := g.grant(t.Context(), s.from(string(r)), r); err != nil {
				t.Fatal(err)
			}
		}
	}
	return g
}

// everybody are the people: one for each role, who is called like it, and one
// without any.
func everybody() []bot.Role { return append([]bot.Role{""}, bot.Roles()...) }

func (s spot) person(r bot.Role) bot.Account {
	if r == "" {
		return s.from("nobody")
	}
	return s.from(string(r))
}

// may reports whether somebody may do there what needs a role.
func (s spot) may(has, needs bot.Role) bool {
	return needs == "" || s.own && (has == needs || has == bot.Admin)
}

// act does one thing, and gives what was said and shown.
func (g *gatehouse) act(s spot, from bot.Account, what bot.What) (said map[string]bool, shown bot.Immediate) {
	g.t.Helper()
	g.turns++
	g.ears.heard()
	shown, err := g.engine.Receive(g.t.Context(), bot.Incoming{
		ID: bot.IncomingID(fmt.Sprint("act", g.turns)), Space: s.space, From: from, Name: "Somebody", Locale: "en-GB", In: s.place,
		Reply: &bot.ReplyHandle{Token: "x", Expires: time.Now().Add(time.Minute)}, What: what,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return g.ears.heard(), shown
}

// kept is everything that is stored, but for marks, members who are seen for the
// first time, and messages on their way.
func (g *gatehouse) kept() string {
	g.t.Helper()
	var all []string
	if err := g.db.View(g.t.Context(), func(tx *database.Tx) error {
		tables, err := pairs(tx, `SELECT name, '' FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'outbox_%' AND name NOT LIKE 'sqlite_%'
			AND name NOT LIKE 'database_%' AND name NOT IN ('bot_seen', 'members_member', 'members_account', 'benefits_model')`)
		if err != nil {
			return err
		}
		for _, table := range slices.Sorted(maps.Keys(tables)) {
			rows, err := dump(tx, table)
			if err != nil {
				return err
			}
			all = append(all, table+"\n"+rows)
		}
		return nil
	}); err != nil {
		g.t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

// dump is a whole table as SQLite itself writes it: it is done for each act.
func dump(tx *database.Tx, table string) (string, error) {
	columns, err := pairs(tx, `SELECT name, '' FROM pragma_table_info('`+table+`')`)
	if err != nil {
		return "", err
	}
	var quoted []string
	for _, c := range slices.Sorted(maps.Keys(columns)) {
		quoted = append(quoted, "quote("+c+")")
	}
	var all string
	err = tx.QueryRow(`SELECT COALESCE(group_concat(` + strings.Join(quoted, ` || ' ' || `) + `, char(10)), '')
		FROM (SELECT * FROM ` + table + ` ORDER BY 1, 2)`).Scan(&all)
	return all, err
}

// forbidden holds that a thing was refused for want of a role, and had no effect.
func (g *gatehouse) forbidden(what string, said map[string]bool, shown bot.Immediate, needs bot.Role, before string) {
	g.t.Helper()
	if !said["bot.forbidden"] || !said["bot.role-"+string(needs)+".name"] {
		g.t.Errorf("%s: it needs the role %s, and what was said is %v", what, needs, slices.Sorted(maps.Keys(said)))
	}
	if shown.Form != nil || len(shown.Choices) > 0 || shown.Errors != nil {
		g.t.Errorf("%s: it needs the role %s, and %+v was shown", what, needs, shown)
	}
	if g.kept() != before {
		g.t.Errorf("%s: it needs the role %s, and something was stored:\n%s", what, needs, difference(before, g.kept()))
	}
}

// permitted holds that nothing was refused for want of a role, and that nothing
// went wrong.
func (g *gatehouse) permitted(what string, said map[string]bool) {
	g.t.Helper()
	for _, no := range []string{"bot.forbidden", "bot.fault", "bot.unknown-command", "bot.button-gone"} {
		if said[no] {
			g.t.Errorf("%s: said was %s", what, no)
		}
	}
}

// TestCommandsNeedTheirRole walks every command, by everybody, everywhere.
func TestCommandsNeedTheirRole(t *testing.T) {
	t.Parallel()
	g := newGatehouse(t)
	refused, walked := 0, 0
	for _, s := range spots() {
		for _, c := range g.engine.Commands() {
			for _, has := range everybody() {
				walked++
				what := fmt.Sprintf("/%s by %q in %s", strings.Join(c.Path, " "), has, s.name)
				options := map[string]string{}
				for _, o := range c.Options {
					switch {
					case len(o.Choices) > 0:
						options[o.Name] = o.Choices[0]
					case o.Member:
						options[o.Name] = s.from("somebody").String()
					case o.Required:
						options[o.Name] = "benefits.thanks-helpful"
					}
				}
				before := g.kept()
				said, shown := g.act(s, s.person(has), bot.Commanded{Path: c.Path, Options: options})
				if s.may(has, c.Role) {
					g.permitted(what, said)
				} else {
					refused++
					g.forbidden(what, said, shown, c.Role, before)
					// Arguments that are missing or wrong tell no more.
					said, shown = g.act(s, s.person(has), bot.Commanded{Path: c.Path, Text: "x y z"})
					g.forbidden(what+" with other words", said, shown, c.Role, before)
				}
				for _, o := range c.Options {
					_, shown := g.act(s, s.person(has), bot.Completing{Path: c.Path, Option: o.Name})
					if !s.may(has, c.Role) && len(shown.Choices) > 0 {
						t.Errorf("%s: %s is completed with %v", what, o.Name, shown.Choices)
					}
				}
			}
		}
	}
	if refused == 0 {
		t.Error("nothing needs a role")
	}
	t.Logf("%d of %d refused", refused, walked)
}

// TestButtonsAndFormsNeedTheirRole presses every button and submits every form,
// also those that were opened when their owner still had the role.
func TestButtonsAndFormsNeedTheirRole(t *testing.T) {
	t.Parallel()
	g := newGatehouse(t)
	walked := 0
	for _, s := range spots() {
		for _, f := range g.features {
			for _, b := range f.Buttons {
				for _, has := range everybody() {
					walked++
					what := fmt.Sprintf("%s by %q in %s", b.ID, has, s.name)
					before := g.kept()
					said, shown := g.act(s, s.person(has), bot.Pressed{Button: b.ID, Value: "0123456789abcdefghij"})
					if s.may(has, b.Role) {
						g.permitted(what, said)
					} else {
						g.forbidden(what, said, shown, b.Role, before)
					}
				}
			}
			for _, form := range f.Forms {
				for _, has := range everybody() {
					walked++
					what := fmt.Sprintf("%s by %q in %s", form.ID, has, s.name)
					draft := g.draft(form.ID, g.member(s.person(has)))
					before := g.kept()
					said, shown := g.act(s, s.person(has), bot.Submitted{Draft: draft, Values: filled(form)})
					if !s.may(has, form.Role) {
						g.forbidden(what, said, shown, form.Role, before)
					} else if said["bot.forbidden"] {
						t.Errorf("%s is refused", what)
					}
				}
			}
		}
	}
	t.Logf("%d presses and forms", walked)
}

// TestDraftsOfOthers: whoever knows the id of somebody else's form can neither
// send nor see it, whatever role they have.
func TestDraftsOfOthers(t *testing.T) {
	g := newGatehouse(t)
	owner := g.member(spots()[0].person(bot.Admin))
	for _, s := range spots() {
		for _, f := range g.features {
			for _, form := range f.Forms {
				draft := g.draft(form.ID, owner)
				before := g.kept()
				for _, has := range everybody() {
					if from := s.person(has); g.member(from) == owner {
						continue
					}
					what := fmt.Sprintf("%s of somebody else by %q in %s", form.ID, has, s.name)
					for way, act := range map[string]bot.What{
						"submitted": bot.Submitted{Draft: draft, Values: filled(form)}, "corrected": bot.Pressed{Button: "bot.correct", Value: draft},
					} {
						said, shown := g.act(s, s.person(has), act)
						if !said["bot.form-gone"] || shown.Form != nil {
							t.Errorf("%s, %s: said were %v, shown was %+v", what, way, slices.Sorted(maps.Keys(said)), shown)
						}
					}
				}
				if g.kept() != before {
					t.Errorf("%s of somebody else: something was stored:\n%s", form.ID, difference(before, g.kept()))
				}
			}
		}
	}
}

// TestQuestionsOfOthers: nobody else sends a question on to people, and an
// editor's answer that waits to be looked at is that editor's.
func TestQuestionsOfOthers(t *testing.T) {
	g := newGatehouse(t)
	s := spots()[0]
	asker := s.from("asker")
	g.act(s, asker, bot.Commanded{Path: []string{"procura", "ask"}, Options: map[string]string{"question": "Are we too small to join?"}})
	question := g.only(`SELECT id FROM benefits_question`)
	before := g.kept()
	for _, has := range everybody() {
		said, _ := g.act(s, s.person(has), bot.Pressed{Button: "benefits.person", Value: question})
		if !said["benefits.person-not-yours"] || g.kept() != before {
			t.Errorf("%q sends on a question of somebody else: %v", has, slices.Sorted(maps.Keys(said)))
		}
	}
	g.act(s, asker, bot.Pressed{Button: "benefits.person", Value: question})
	_, shown := g.act(s, s.person(bot.Editor), bot.Pressed{Button: "benefits.answer", Value: question})
	if shown.Form == nil {
		t.Fatal("an editor is shown no form")
	}
	g.act(s, s.person(bot.Editor), bot.Submitted{Draft: shown.Form.Draft, Values: map[string]string{"text": "You are not."}})
	reply := g.only(`SELECT id FROM benefits_reply`)
	before = g.kept()
	for _, button := range []string{"benefits.send", "benefits.change"} {
		for _, has := range everybody() {
			if has == bot.Editor {
				continue
			}
			said, shown := g.act(s, s.person(has), bot.Pressed{Button: button, Value: reply})
			if !said["bot.forbidden"] && !said["benefits.question-gone"] || shown.Form != nil || g.kept() != before {
				t.Errorf("%s of somebody else by %q: %v", button, has, slices.Sorted(maps.Keys(said)))
			}
		}
	}
}

// member is who an account belongs to; somebody new becomes a member.
func (g *gatehouse) member(a bot.Account) bot.MemberID {
	g.t.Helper()
	var id bot.MemberID
	if err := g.db.Update(g.t.Context(), func(tx *database.Tx) error {
		m, err := g.members.Resolve(tx, &bot.Incoming{From: a})
		id = m.ID
		return err
	}); err != nil {
		g.t.Fatal(err)
	}
	return id
}

// draft is a form that stands open before a member.
func (g *gatehouse) draft(form string, owner bot.MemberID) string {
	g.t.Helper()
	id, state := g.db.NewID(), ""
	if err := g.db.Update(context.Background(), func(tx *database.Tx) error {
		// A state that its form can read, and that leads nowhere.
		raw, err := json.Marshal(map[string]any{})
		if err != nil {
			return err
		}
		if state = string(raw); strings.HasPrefix(form, "benefits.") {
			state = "question:0"
		}
		_, err = tx.Exec(`INSERT INTO bot_draft (id, form, member, state, fields, at) VALUES (?, ?, ?, ?, '{}', ?)`,
			id, form, owner, state, database.Millis(tx.Now()))
		return err
	}); err != nil {
		g.t.Fatal(err)
	}
	return id
}

func filled(f bot.Form) map[string]string {
	values := map[string]string{}
	for _, field := range f.Fields {
		values[field.Name] = "Merrily noted"
	}
	return values
}

// only reads the one value there is.
func (g *gatehouse) only(query string) (value string) {
	g.t.Helper()
	if err := g.db.View(g.t.Context(), func(tx *database.Tx) error { return tx.QueryRow(query).Scan(&value) }); err != nil {
		g.t.Fatal(err)
	}
	return value
}
