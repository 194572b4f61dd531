package main

import (
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"procurabot/bot"
	"procurabot/internal/database"
)

// testApp puts the program together over a new database.
func testApp(t *testing.T, p parts) *app {
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
	p.db, p.log = db, slog.New(slog.DiscardHandler)
	a, err := newApp(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// commandName is what Discord accepts
// (https://discord.com/developers/docs/interactions/application-commands#application-command-object-application-command-naming).
var commandName = regexp.MustCompile(`^[-_'\p{L}\p{N}]{1,32}$`)

// TestCommandTable: every command, group, option and choice has a name and a
// description in each language that the platforms accept, and no two that stand
// beside each other share a name.
func TestCommandTable(t *testing.T) {
	engine := testApp(t, parts{}).engine
	for _, l := range bot.Languages() {
		taken := map[string]string{} // what is said at a place -> which command says it
		claim := func(place, name, id string) {
			if other, twice := taken[place+" "+name]; twice && other != id {
				t.Errorf("%s: %s and %s are both called %q", l, id, other, name)
			}
			taken[place+" "+name] = id
			if !commandName.MatchString(name) || name != strings.ToLower(name) {
				t.Errorf("%s: %s is called %q, which Discord does not accept", l, id, name)
			}
		}
		describe := func(id string, max int) {
			text := engine.Text(l, id)
			if n := utf8.RuneCountInString(text); text == id || n == 0 || n > max {
				t.Errorf("%s: %s has %d characters of at most %d: %q", l, id, n, max, text)
			}
		}
		for _, c := range engine.Commands() {
			parent := strings.Join(c.Path[:len(c.Path)-1], " ")
			claim(parent, engine.Text(l, c.ID+".name"), c.ID)
			claim(parent, c.Path[len(c.Path)-1], c.ID)
			describe(c.ID+".description", 100)
			for i := 1; i < len(c.Path); i++ {
				describe("commands."+strings.Join(c.Path[:i], ".")+".description", 100)
			}
			for _, o := range c.Options {
				id := c.ID + "." + o.Name
				claim(c.ID, engine.Text(l, id+".name"), id)
				describe(id+".description", 100)
				for _, choice := range o.Choices {
					describe(id+"."+choice+".option", 75)
				}
			}
		}
	}
}
