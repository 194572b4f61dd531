package messages

import (
	"slices"
	"testing"

	"procurabot/bot"
	"procurabot/internal/database"
)

func greeting(english, french, german string) texts {
	line := func(s string) string {
		if s == "" {
			return ""
		}
		if s[0] == '{' && s[1] == ' ' {
			return `"test.greeting" = ` + s
		}
		return `"test.greeting" = "` + s + `"`
	}
	return texts{bot.English: line(english), bot.French: line(french), bot.German: line(german)}
}

func TestLoadTwiceChangesNothing(t *testing.T) {
	more := greeting("Hello {{.Name}}", "Bonjour {{.Name}}", "Guten Tag {{.Name}}")
	s := newStage(t, more)
	if s.changes.New < 3 {
		t.Errorf("%d new texts", s.changes.New)
	}
	revision := func() (r string) {
		if err := s.db.View(t.Context(), func(tx *database.Tx) (err error) { r, err = tx.Revision(); return }); err != nil {
			t.Fatal(err)
		}
		return r
	}
	before := revision()
	changes, err := s.messages.Load(t.Context(), s.db)
	if err != nil || changes.New+changes.Updated+changes.Withdrawn+len(changes.Review)+len(changes.SetAside) > 0 {
		t.Errorf("%+v, %v", changes, err)
	}
	if revision() != before {
		t.Error("everybody has to read again although nothing has changed")
	}
}

func TestUpgrade(t *testing.T) {
	first := greeting("Hello {{.Name}}", "Bonjour {{.Name}}", "Guten Tag {{.Name}}")
	type edits map[bot.Language]string
	type want struct {
		text    string
		state   State
		version int
	}
	for _, c := range []struct {
		name                    string
		edits                   edits
		second                  texts
		english, french, german want
		review, setAside        []string
	}{
		{
			name: "all new", second: greeting("Hi {{.Name}}", "Salut {{.Name}}", "Hallo {{.Name}}"),
			english: want{"Hi {{.Name}}", Shipped, 2}, french: want{"Salut {{.Name}}", Shipped, 2}, german: want{"Hallo {{.Name}}", Shipped, 2},
		},
		{
			name: "English new, translations not", second: greeting("Hi {{.Name}}", "Bonjour {{.Name}}", "Guten Tag {{.Name}}"),
			english: want{"Hi {{.Name}}", Shipped, 2}, french: want{"Bonjour {{.Name}}", Review, 1}, german: want{"Guten Tag {{.Name}}", Review, 1},
			review: []string{"test.greeting (fr)", "test.greeting (de)"},
		},
		{
			name: "edited text stays", edits: edits{bot.German: "Servus {{.Name}}"}, second: first,
			english: want{"Hello {{.Name}}", Shipped, 1}, french: want{"Bonjour {{.Name}}", Shipped, 1}, german: want{"Servus {{.Name}}", Edited, 2},
		},
		{
			name: "edited text stays although the release has another", edits: edits{bot.German: "Servus {{.Name}}"},
			second:  greeting("Hello {{.Name}}", "Bonjour {{.Name}}", "Hallo {{.Name}}"),
			english: want{"Hello {{.Name}}", Shipped, 1}, french: want{"Bonjour {{.Name}}", Shipped, 1}, german: want{"Servus {{.Name}}", Review, 2},
			review: []string{"test.greeting (de)"},
		},
		{
			name: "edited translation of a new English text", edits: edits{bot.German: "Servus {{.Name}}"},
			second:  greeting("Hi {{.Name}}", "Salut {{.Name}}", "Guten Tag {{.Name}}"),
			english: want{"Hi {{.Name}}", Shipped, 2}, french: want{"Salut {{.Name}}", Shipped, 2}, german: want{"Servus {{.Name}}", Review, 2},
			review: []string{"test.greeting (de)"},
		},
		{
			name: "the release takes an edited text over", edits: edits{bot.German: "Servus {{.Name}}"},
			second:  greeting("Hello {{.Name}}", "Bonjour {{.Name}}", "Servus {{.Name}}"),
			english: want{"Hello {{.Name}}", Shipped, 1}, french: want{"Bonjour {{.Name}}", Shipped, 1}, german: want{"Servus {{.Name}}", Shipped, 2},
		},
		{
			name: "other placeholders", edits: edits{bot.German: "Servus {{.Name}}"},
			second:  greeting("Hello {{.Person}}", "Bonjour {{.Person}}", "Guten Tag {{.Person}}"),
			english: want{"Hello {{.Person}}", Shipped, 2}, french: want{"Bonjour {{.Person}}", Shipped, 2}, german: want{"Guten Tag {{.Person}}", Review, 3},
			setAside: []string{"test.greeting (de)"},
		},
		{
			name: "edited English with other placeholders", edits: edits{bot.English: "Dear {{.Name}}"},
			second:  greeting("Hello {{.Person}}", "Bonjour {{.Person}}", "Guten Tag {{.Person}}"),
			english: want{"Hello {{.Person}}", Review, 3}, french: want{"Bonjour {{.Person}}", Shipped, 2}, german: want{"Guten Tag {{.Person}}", Shipped, 2},
			setAside: []string{"test.greeting (en)"},
		},
		{
			name: "plural forms", edits: edits{bot.French: "Salut {{.Name}}"},
			second: greeting(`{ one = "Hello {{.Name}}", other = "Hello {{.Count}} {{.Name}}" }`,
				`{ one = "Bonjour {{.Name}}", many = "{{.Count}} de {{.Name}}", other = "Bonjour {{.Count}} {{.Name}}" }`,
				`{ one = "Guten Tag {{.Name}}", other = "Guten Tag {{.Count}} {{.Name}}" }`),
			english: want{"Hello {{.Count}} {{.Name}}", Shipped, 2}, french: want{"Bonjour {{.Count}} {{.Name}}", Review, 3}, german: want{"Guten Tag {{.Count}} {{.Name}}", Shipped, 2},
			setAside: []string{"test.greeting (fr)"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, first)
			for l, text := range c.edits {
				s.change("ada", "test.greeting", l, text)
			}
			if l := bot.English; c.edits[l] != "" {
				if got := s.row("test.greeting", bot.German).State; got != Review {
					t.Errorf("the English was edited and German is %s", got)
				}
			}
			s = s.upgrade(c.second)
			for l, w := range map[bot.Language]want{bot.English: c.english, bot.French: c.french, bot.German: c.german} {
				r := s.row("test.greeting", l)
				if got := (want{r.Text.Other, r.State, r.Version}); got != w {
					t.Errorf("%s: %v, want %v", l, got, w)
				}
			}
			if !slices.Equal(s.changes.Review, c.review) || !slices.Equal(s.changes.SetAside, c.setAside) {
				t.Errorf("review %q, set aside %q; want %q, %q", s.changes.Review, s.changes.SetAside, c.review, c.setAside)
			}
			if again := s.upgrade(c.second).changes; len(again.Review)+len(again.SetAside)+again.Updated > 0 {
				t.Errorf("the second start changes again: %+v", again)
			}
		})
	}
}

// What was set aside is shown to whoever looks, with its writer.
func TestSetAsideIsShown(t *testing.T) {
	s := newStage(t, greeting("Hello {{.Name}}", "Bonjour {{.Name}}", "Guten Tag {{.Name}}"))
	s.change("ada", "test.greeting", bot.German, "Servus {{.Name}}")
	s = s.upgrade(greeting("Hello {{.Person}}", "Bonjour {{.Person}}", "Guten Tag {{.Person}}"))
	has(t, s.command("ada", "show test.greeting"), "no longer fits", "Servus {{.Name}}", "to be reviewed", "Guten Tag {{.Person}}")
	if got := s.says(bot.German, "test.greeting", bot.Values{"Person": bot.Data("Ada")}); got != "Guten Tag Ada" {
		t.Errorf("said: %q", got)
	}
}

func TestWithdrawnAndBackAgain(t *testing.T) {
	first := greeting("Hello", "Bonjour", "Guten Tag")
	s := newStage(t, first)
	s.change("ada", "test.greeting", bot.German, "Servus")
	s = s.upgrade(nil)
	if s.changes.Withdrawn != 3 || s.messages.Committed().Has("test.greeting") {
		t.Errorf("%+v", s.changes)
	}
	s = s.upgrade(first)
	if r := s.row("test.greeting", bot.German); r.Text.Other != "Guten Tag" || r.Version != 4 || r.State != Shipped {
		t.Errorf("back again: %+v", r)
	}
	err := s.db.View(t.Context(), func(tx *database.Tx) error {
		v, ok, err := findVersion(tx, key{"test.greeting", bot.German}, 2)
		if !ok || v.Text.Other != "Servus" || v.By.Member != "m-ada" {
			t.Errorf("the edited text is not kept: %+v", v)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
