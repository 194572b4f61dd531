package discord_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"procurabot/bot"
)

// registered is a command, or a part of one, as it was written to Discord.
type registered struct {
	Name         string            `json:"name"`
	Names        map[string]string `json:"name_localizations"`
	Description  string            `json:"description"`
	Descriptions map[string]string `json:"description_localizations"`
	Options      []registered      `json:"options"`
	Choices      []registered      `json:"choices"`
}

// written gives the tables that were written so far.
func (s *scene) written() (tables [][]registered) {
	s.t.Helper()
	for _, r := range s.Requests() {
		if r.Method != http.MethodPut {
			continue
		}
		var table []registered
		s.must(json.Unmarshal([]byte(r.Body), &table))
		tables = append(tables, table)
	}
	return tables
}

// comesAndGoes is one run of a program that remembers nothing of the last.
func (s *scene) comesAndGoes() {
	s.t.Helper()
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	a, err := s.Adapter(ctx)
	s.must(err)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, s.engine) }()
	s.must(s.WaitConnected(ctx))
	stop()
	s.must(<-ended)
}

func TestCommandsAreWrittenOnlyWhenTheyChanged(t *testing.T) {
	s := newScene(t)
	for _, test := range []struct {
		name   string
		change func()
		want   int
	}{
		{"the first start", func() {}, 1},
		{"a restart", func() {}, 1},
		{"a text in one language", func() { s.engine.texts["fr benefits.ask.description"] = "Pose une question" }, 2},
		{"a restart after it", func() {}, 2},
		{"space around a text, which Discord takes away", func() { s.engine.texts["de benefits.ask.description"] = " Fragt \n" }, 3},
		{"a restart after that", func() {}, 3},
		{"a command less", func() { s.engine.commands = s.engine.commands[:3] }, 4},
		{"a command that others took away", func() { s.engine.commands = someCommands() }, 5},
		{"a last restart", func() {}, 5},
	} {
		test.change()
		s.comesAndGoes()
		if n := len(s.written()); n != test.want {
			t.Errorf("%s: the commands were written %d times, want %d", test.name, n, test.want)
		}
	}
}

// everyText has a text for every message in every language.
type everyText struct{ *engine }

func (everyText) Text(l bot.Language, id string) string {
	parts := strings.Split(id, ".")
	if last := parts[len(parts)-1]; last == "name" {
		return parts[len(parts)-2] + "-" + string(l)
	}
	return strings.Join(parts, " ") + " " + string(l)
}

func TestAllIsWordedInFourLocales(t *testing.T) {
	s := newScene(t)
	s.engine.commands = append(s.engine.commands, bot.CommandInfo{Command: bot.Command{ID: "x.y", Path: []string{"procura", "y"}}})
	a := s.bare()
	ctx, stop := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, everyText{s.engine}) }()
	s.must(s.WaitConnected(ctx))
	stop()
	s.must(<-ended)

	check := func(path, what string, texts map[string]string) {
		if got := slices.Sorted(maps.Keys(texts)); !slices.Equal(got, []string{"de", "en-GB", "en-US", "fr"}) {
			t.Errorf("%s: the %s is worded in %v", path, what, got)
			return
		}
		if texts["en-GB"] != texts["en-US"] || texts["fr"] == texts["de"] || !strings.HasSuffix(texts["de"], "de") || !strings.HasSuffix(texts["fr"], "fr") {
			t.Errorf("%s: the %s is worded %v", path, what, texts)
		}
	}
	parts := 0
	var walk func(path string, list []registered)
	walk = func(path string, list []registered) {
		for _, x := range list {
			parts++
			check(path+" "+x.Name, "name", x.Names)
			check(path+" "+x.Name, "description", x.Descriptions)
			for _, c := range x.Choices {
				check(path+" "+x.Name+" "+c.Name, "choice", c.Names)
			}
			walk(path+" "+x.Name, x.Options)
		}
	}
	table := s.written()[0]
	for _, x := range table {
		check("/"+x.Name, "description", x.Descriptions)
		if x.Names != nil {
			t.Errorf("/%s is called %v: what the program is called is no word", x.Name, x.Names)
		}
		walk("/"+x.Name, x.Options)
	}
	if parts < 10 {
		t.Errorf("only %d parts of commands were looked at", parts)
	}
}
