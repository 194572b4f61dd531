package messages

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
	"procurabot/locales"
)

// This guards the texts of all features.
func TestEmbeddedFiles(t *testing.T) {
	for _, p := range Check(locales.Files(), Tightest()) {
		if p.Warning {
			t.Log(p)
		} else {
			t.Error(p)
		}
	}
}

// What the feature needs is there: its commands, forms and buttons, and a sentence
// for each kind of problem.
func TestEmbeddedFilesHaveEverything(t *testing.T) {
	m, err := New(locales.Files(), Tightest(), nil)
	if err != nil {
		t.Fatal(err)
	}
	need := []string{}
	f := m.Feature()
	for _, c := range f.Commands {
		need = append(need, c.ID+".name", c.ID+".description")
		for _, o := range c.Options {
			need = append(need, c.ID+"."+o.Name+".name", c.ID+"."+o.Name+".description")
			for _, choice := range o.Choices {
				need = append(need, c.ID+"."+o.Name+"."+choice+".option")
			}
		}
	}
	for _, form := range f.Forms {
		need = append(need, form.ID+".title", form.ID+".button")
		for _, field := range form.Fields {
			need = append(need, field.Label.ID)
		}
	}
	for _, b := range f.Buttons {
		need = append(need, b.ID+".button")
	}
	for _, kind := range []Kind{Unreadable, Missing, Surplus, Empty, ExtraForm, Syntax, Lacks, Unknown, TooLong, Long, NotAName, Same, Spacing, Quotes, BlankPhrase} {
		need = append(need, Problem{Kind: kind}.Phrase().ID)
	}
	for _, fault := range []markup.Fault{markup.Unclosed, markup.Doubled, markup.EmptyLink, markup.Scheme, markup.Backslash, markup.EmptyBullet} {
		p := Problem{Kind: Marks, fault: fault}.Phrase()
		need = append(need, p.ID, p.Values["Reason"].(bot.Phrase).ID)
	}
	for _, s := range []State{Shipped, Edited, Review} {
		need = append(need, stateName(s).ID)
	}
	for _, id := range need {
		if !m.Committed().Has(id) {
			t.Errorf("there is no message %q", id)
		}
	}
}

func TestCheckText(t *testing.T) {
	plural := Forms{One: "{{.Count}} seat for {{.Name}}", Other: "{{.Count}} seats for {{.Name}}"}
	for _, c := range []struct {
		name   string
		id     string
		l      bot.Language
		text   Forms
		source Forms
		want   []Kind
	}{
		{"right", "a.b", bot.German, Forms{Other: "Guten Tag, {{.Name}}"}, Forms{Other: "Hello {{.Name}}"}, nil},
		{"placeholder missing", "a.b", bot.German, Forms{Other: "Guten Tag"}, Forms{Other: "Hello {{.Name}}"}, []Kind{Lacks}},
		{"placeholder unknown", "a.b", bot.German, Forms{Other: "Guten Tag, {{.Name}} {{.Age}}"}, Forms{Other: "Hello {{.Name}}"}, []Kind{Unknown}},
		{"placeholder renamed", "a.b", bot.German, Forms{Other: "Guten Tag, {{.Nom}}"}, Forms{Other: "Hello {{.Name}}"}, []Kind{Unknown, Lacks}},
		{"no template", "a.b", bot.German, Forms{Other: "Guten Tag, {{.Name"}, Forms{Other: "Hello {{.Name}}"}, []Kind{Syntax}},
		{"blank", "a.b", bot.German, Forms{Other: " \n"}, Forms{Other: "Hello"}, []Kind{Empty}},
		{"plural right", "a.b", bot.French, Forms{One: "{{.Count}} place pour {{.Name}}", Many: "{{.Count}} de places pour {{.Name}}", Other: "{{.Count}} places pour {{.Name}}"}, plural, nil},
		{"one without its number", "a.b", bot.German, Forms{One: "Ein Platz für {{.Name}}", Other: "{{.Count}} Plätze für {{.Name}}"}, plural, nil},
		{"one without its name", "a.b", bot.German, Forms{One: "Ein Platz", Other: "{{.Count}} Plätze für {{.Name}}"}, plural, []Kind{Lacks}},
		{"other without its number", "a.b", bot.German, Forms{One: "Ein Platz für {{.Name}}", Other: "Plätze für {{.Name}}"}, plural, []Kind{Lacks}},
		{"French without many", "a.b", bot.French, Forms{One: "{{.Count}} place pour {{.Name}}", Other: "{{.Count}} places pour {{.Name}}"}, plural, []Kind{Empty}},
		{"German with many", "a.b", bot.German, Forms{One: "{{.Count}} Platz für {{.Name}}", Many: "{{.Count}} {{.Name}}", Other: "{{.Count}} Plätze für {{.Name}}"}, plural, []Kind{ExtraForm}},
		{"plural where English has none", "a.b", bot.German, Forms{One: "Platz", Other: "Plätze"}, Forms{Other: "Seats"}, []Kind{ExtraForm}},
		{"English without one", "a.b", bot.English, Forms{Many: "x", Other: "x"}, Forms{Many: "x", Other: "x"}, []Kind{ExtraForm, Empty}},
		{"mark not closed", "a.b", bot.German, Forms{Other: "Das ist *wichtig"}, Forms{Other: "This"}, []Kind{Marks}},
		{"link to nowhere", "a.b", bot.German, Forms{Other: "[hier](ftp://x)"}, Forms{Other: "This"}, []Kind{Marks}},
		{"title too long", "a.title", bot.German, Forms{Other: strings.Repeat("x", 25)}, Forms{Other: "This"}, []Kind{TooLong}},
		{"title just fits", "a.title", bot.German, Forms{Other: strings.Repeat("x", 24)}, Forms{Other: "This"}, nil},
		{"emoji count twice", "a.title", bot.German, Forms{Other: strings.Repeat("😀", 13)}, Forms{Other: "This"}, []Kind{TooLong}},
		{"marks do not count in a title", "a.title", bot.German, Forms{Other: "*" + strings.Repeat("x", 24) + "*"}, Forms{Other: "This"}, nil},
		{"too long once filled", "a.label", bot.German, Forms{Other: "Name: {{.Name}}"}, Forms{Other: "Name {{.Name}}"}, []Kind{TooLong}},
		{"button hard to read", "a.button", bot.German, Forms{Other: strings.Repeat("x", 31)}, Forms{Other: "This"}, []Kind{Long}},
		{"button too long", "a.button", bot.German, Forms{Other: strings.Repeat("x", 76)}, Forms{Other: "This"}, []Kind{TooLong}},
		{"text too long", "a.b", bot.German, Forms{Other: strings.Repeat("x", 1501)}, Forms{Other: "This"}, []Kind{TooLong}},
		{"escapes count", "a.b", bot.German, Forms{Other: strings.Repeat("&", 400)}, Forms{Other: "This"}, []Kind{TooLong}},
		{"two words for a command", "cmd.name", bot.German, Forms{Other: "zwei worte"}, Forms{Other: "word"}, []Kind{NotAName}},
		{"capitals for a command", "cmd.name", bot.German, Forms{Other: "Wort"}, Forms{Other: "word"}, []Kind{NotAName}},
		{"a name of something else", "a.name", bot.German, Forms{Other: "Zwei Worte"}, Forms{Other: "word"}, nil},
		{"phrases as people type", "a.phrases", bot.French, Forms{Other: "c'est quoi ?\n_hein"}, Forms{Other: "what"}, nil},
		{"an empty phrase", "a.phrases", bot.French, Forms{Other: "quoi\n\nhein"}, Forms{Other: "what"}, []Kind{BlankPhrase}},
		{"a long phrase", "a.phrases", bot.French, Forms{Other: "quoi\n" + strings.Repeat("x", 201)}, Forms{Other: "what"}, []Kind{TooLong}},
		{"not translated", "a.b", bot.German, Forms{Other: "This was forgotten"}, Forms{Other: "This was forgotten"}, []Kind{Same}},
		{"too many phrases", "a.phrases", bot.French, Forms{Other: strings.Repeat("comment faire\n", 300) + "x"}, Forms{Other: "what"}, []Kind{TooLong}},
		{"a proper name", "a.b", bot.German, Forms{Other: "Procura+ European Sustainable Procurement Network"}, Forms{Other: "Procura+ European Sustainable Procurement Network"}, nil},
		{"a frame", "a.b", bot.German, Forms{Other: "- {{.Longer}}: {{.Placeholder}}"}, Forms{Other: "- {{.Longer}}: {{.Placeholder}}"}, nil},
		{"a word", "a.b", bot.German, Forms{Other: "Dokumentation"}, Forms{Other: "Dokumentation"}, nil},
		{"French without space", "a.b", bot.French, Forms{Other: "Bonjour!"}, Forms{Other: "Hi"}, []Kind{Spacing}},
		{"French with a space that breaks", "a.b", bot.French, Forms{Other: "Bonjour !"}, Forms{Other: "Hi"}, []Kind{Spacing}},
		{"French after a placeholder", "a.b", bot.French, Forms{Other: "{{.Name}}: oui"}, Forms{Other: "{{.Name}}"}, []Kind{Spacing}},
		{"French quotes", "a.b", bot.French, Forms{Other: "«oui\u00a0»"}, Forms{Other: "Hi"}, []Kind{Spacing}},
		{"French as it should be", "a.b", bot.French, Forms{Other: "Quoi\u202f?! «\u00a0Oui\u00a0»\u00a0: voir https://x.eu/a;b?c ou `a:b` ou [ici](https://x.eu/?q) à 14:30"}, Forms{Other: "Hi"}, nil},
		{"French inside brackets", "a.b", bot.French, Forms{Other: "Oui (vraiment?) ou non"}, Forms{Other: "Hi"}, []Kind{Spacing}},
		{"French addresses", "a.b", bot.French, Forms{Other: "Voir https://x.eu ou `a:b` ou [ici](https://x.eu/?q) à 14:30"}, Forms{Other: "Hi"}, nil},
		{"typewriter quotes", "a.b", bot.French, Forms{Other: `Le "mot"`}, Forms{Other: "Hi"}, []Kind{Quotes}},
		{"German quotes", "a.b", bot.German, Forms{Other: "Das „Wort“ und `\"code\"`"}, Forms{Other: "Hi"}, nil},
		{"English quotes in German", "a.b", bot.German, Forms{Other: "Das “Wort”"}, Forms{Other: "Hi"}, []Kind{Quotes}},
		{"German quotes left open", "a.b", bot.German, Forms{Other: "Das „Wort"}, Forms{Other: "Hi"}, []Kind{Quotes}},
		{"French quotes in German", "a.b", bot.German, Forms{Other: "Das »Wort«"}, Forms{Other: "Hi"}, []Kind{Quotes}},
		{"English is free", "a.b", bot.English, Forms{Other: `So "what"!`}, Forms{Other: "Hi"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []Kind
			for _, p := range Tightest().text(key{c.id, c.l}, c.text, c.source, strings.HasPrefix(c.id, "cmd.")) {
				got = append(got, p.Kind)
				if p.ID != c.id || p.Language != c.l {
					t.Errorf("the problem is of %s (%s)", p.ID, p.Language)
				}
				if p.Warning != (p.Kind == Long) {
					t.Errorf("%s: warning is %v", p.Kind, p.Warning)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestCheckFiles(t *testing.T) {
	files := filesWith(t, texts{
		bot.English: `"test.only-english" = "Hello"`,
		bot.French:  `"test.only-french" = "Bonjour"`,
		bot.German:  `"bot.try" = "{{.Wrong}}"`,
	})
	var got []string
	for _, p := range Check(files, Tightest()) {
		if !p.Warning {
			got = append(got, p.String())
		}
	}
	want := []string{
		"bot.try (de): surplus",
		"test.only-english (fr): missing", "test.only-english (de): missing",
		"test.only-french (fr): surplus",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCheckUnreadableFiles(t *testing.T) {
	files := filesWith(t, texts{bot.German: `"broken`}).(fstest.MapFS)
	delete(files, "active.fr.toml")
	var got []string
	for _, p := range Check(files, Tightest()) {
		got = append(got, p.ID+" "+string(p.Kind))
	}
	if want := []string{"active.fr.toml unreadable", "active.de.toml unreadable"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if _, err := New(files, Tightest(), nil); err == nil {
		t.Error("New took files that cannot be read")
	}
	var few fs.FS = filesWith(t, texts{bot.German: `"a.b" = { few = "x", other = "y" }`})
	if _, err := New(few, Tightest(), nil); err == nil || !strings.Contains(err.Error(), "a.b") {
		t.Errorf("a plural form that no language has: %v", err)
	}
}

func TestCheckStored(t *testing.T) {
	s := newStage(t, texts{
		bot.English: `"test.greeting" = "Good morning, {{.Name}}"`,
		bot.French:  `"test.greeting" = "Bonjour, {{.Nom}}"`,
		bot.German:  `"test.greeting" = "Guten Tag, {{.Name}}"`,
	})
	var got []string
	err := s.db.View(t.Context(), func(tx *database.Tx) error {
		problems, err := CheckStored(tx, Tightest())
		for _, p := range problems {
			if !p.Warning {
				got = append(got, p.String())
			}
		}
		return err
	})
	want := []string{`test.greeting (fr): unknown "{{.Nom}}"`, `test.greeting (fr): lacks "{{.Name}}"`}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}
