package bot

import (
	"errors"
	"strings"
	"testing"

	"procurabot/internal/markup"
)

// words is a Book whose texts are given; what is missing is its own id.
type words map[Language]map[string]string

func (w words) Has(id string) bool { _, ok := w[English][id]; return ok }

func (w words) Text(l Language, id string, values map[string]markup.Text, _ *int) markup.Text {
	text, ok := w[l][id]
	if !ok {
		text = id
	}
	for name, v := range values {
		text = strings.ReplaceAll(text, "{{."+name+"}}", string(v))
	}
	return markup.Text(text)
}

var someWords = words{
	English: {"b.ask.name": "ask", "m.language.name": "language", "h.help.name": "help", "m.language.language.de.option": "Deutsch"},
	French:  {"b.ask.name": "demander", "m.language.name": "langue", "h.help.name": "aide", "m.language.language.de.option": "Allemand"},
	German:  {"b.ask.name": "fragen", "m.language.name": "sprache", "h.help.name": "hilfe", "m.language.language.de.option": "Deutsch"},
}

func someCommands(t testing.TB) *commandTable {
	var table commandTable
	for _, c := range []Command{
		{ID: "b.ask", Path: []string{"procura", "ask"}, Options: []Option{{Name: "question", Required: true}}},
		{ID: "m.language", Path: []string{"procura", "language"}, Options: []Option{{Name: "language", Choices: []string{"en", "fr", "de"}}}},
		{ID: "h.help", Path: []string{"procura", "help"}},
		{ID: "t.edit", Path: []string{"procura-admin", "messages", "edit"}, Options: []Option{{Name: "id", Required: true}, {Name: "language", Choices: []string{"en", "fr", "de"}}}},
		{ID: "t.find", Path: []string{"procura-admin", "messages", "find"}, Options: []Option{{Name: "words", Required: true}}},
	} {
		if err := table.add("test", c); err != nil {
			t.Fatal(err)
		}
	}
	return &table
}

func TestFindCommand(t *testing.T) {
	table := someCommands(t)
	for _, tt := range []struct {
		path []string
		text string
		want string
		args string
	}{
		{[]string{"procura"}, "ask are we too small?", "b.ask", "question=are we too small?"},
		{[]string{"procura"}, "  Fragen   sind wir\nzu klein?", "b.ask", "question=sind wir\nzu klein?"},
		{[]string{"procura"}, "DEMANDER x", "b.ask", "question=x"},
		{[]string{"procura"}, "langue", "m.language", ""},
		{[]string{"procura"}, "language de", "m.language", "language=de"},
		{[]string{"procura"}, "", "h.help", ""},
		{[]string{"procura"}, "aide", "h.help", ""},
		{[]string{"procura-admin"}, "messages edit bot.fault fr", "t.edit", "id=bot.fault language=fr"},
		{[]string{"procura-admin"}, "messages edit", "t.edit", ""},
		{[]string{"procura-admin", "messages", "find"}, "", "t.find", ""},
	} {
		c, args, err := table.find(Commanded{Path: tt.path, Text: tt.text}, someWords)
		if err != nil {
			t.Errorf("%v %q: %v", tt.path, tt.text, err)
			continue
		}
		var got []string
		for _, o := range c.Options {
			if v, ok := args[o.Name]; ok {
				got = append(got, o.Name+"="+v)
			}
		}
		if c.ID != tt.want || strings.Join(got, " ") != tt.args {
			t.Errorf("%v %q: %s %v, want %s %s", tt.path, tt.text, c.ID, got, tt.want, tt.args)
		}
	}
	typed := Commanded{Path: []string{"procura", "ask"}, Options: map[string]string{"question": " why? "}}
	if c, args, err := table.find(typed, someWords); err != nil || c.ID != "b.ask" || args["question"] != "why?" {
		t.Errorf("typed options: %v %v", args, err)
	}
}

func TestUnknownCommandNamesTheNearest(t *testing.T) {
	table := someCommands(t)
	for text, want := range map[string]string{
		"languge de":              "/procura language",
		"hlep":                    "/procura help",
		"aks why":                 "/procura ask",
		"sprach de":               "/procura language",
		"hilfee":                  "/procura help",
		strings.Repeat("x", 5000): "/procura",
	} {
		_, _, err := table.find(Commanded{Path: []string{"procura"}, Text: text}, someWords)
		var u *unknownCommand
		if !errors.As(err, &u) || len(u.nearest) == 0 || !strings.HasPrefix(u.nearest[0], want) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	_, _, err := table.find(Commanded{Path: []string{"procura-admin"}, Text: "messages edti x"}, someWords)
	var u *unknownCommand
	if !errors.As(err, &u) || u.nearest[0] != "/procura-admin messages edit" {
		t.Errorf("admin: %v", err)
	}
}

func TestTwoFeaturesMayNotClaimAWord(t *testing.T) {
	table := someCommands(t)
	for _, path := range [][]string{{"procura", "ask"}, {"procura", "ask", "now"}, {"procura-admin", "messages"}, {"procura"}, {"a", "b", "c", "d"}} {
		if err := table.add("other", Command{ID: "x", Path: path}); err == nil {
			t.Errorf("%v was accepted", path)
		}
	}
	if err := table.add("other", Command{ID: "x", Path: []string{"procura", "events"}}); err != nil {
		t.Error(err)
	}
}

func TestChoicesAreBroughtIntoTheirOwnForm(t *testing.T) {
	language := someCommands(t).commands[1].Command
	for given, want := range map[string]string{"de": "de", "DEUTSCH": "de", "allemand": "de"} {
		args := Args{"language": given}
		if err := language.check(args, someWords); err != nil || args["language"] != want {
			t.Errorf("%q: %v %v", given, args, err)
		}
	}
	var refusal *Refusal
	if err := language.check(Args{"language": "Latin"}, someWords); !errors.As(err, &refusal) || refusal.Say.ID != "bot.argument-choice" {
		t.Errorf("Latin: %v", err)
	}
	ask := someCommands(t).commands[0].Command
	if err := ask.check(Args{}, someWords); !errors.As(err, &refusal) || refusal.Say.ID != "bot.argument-missing" {
		t.Errorf("nothing asked: %v", err)
	}
}

// FuzzFindCommand: whatever is typed, a command is found whose own words were
// typed, or the nearest are named; nothing typed is lost.
func FuzzFindCommand(f *testing.F) {
	for _, s := range []string{"ask why", "", "langue fr", "\u00a0ask\u00a0x", "messages edit a b", "ASK", "\xff\xfe", "ask \n\n"} {
		f.Add("procura", s)
		f.Add("procura-admin", s)
	}
	table := someCommands(f)
	f.Fuzz(func(t *testing.T, root, text string) {
		c, args, err := table.find(Commanded{Path: []string{root}, Text: text}, someWords)
		var u *unknownCommand
		if errors.As(err, &u) {
			if !strings.HasPrefix(u.typed, "/") {
				t.Errorf("typed %q", u.typed)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if c.Path[0] != strings.ToLower(root) {
			t.Errorf("%q found /%s", root, strings.Join(c.Path, " "))
		}
		for name, v := range args {
			if v == "" || !strings.Contains(text, v) {
				t.Errorf("argument %s is %q, typed was %q", name, v, text)
			}
		}
	})
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"ask", "ask", 0}, {"aks", "ask", 2}, {"", "help", 4}, {"langue", "language", 2}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
