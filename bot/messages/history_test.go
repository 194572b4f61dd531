package messages

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
)

// labels are the buttons of what was said last.
func labels(said []bot.Body) (all []string) {
	for _, b := range said[len(said)-1].Buttons {
		all = append(all, b.Label)
	}
	return all
}

// press presses the button with a label.
func (s *stage) press(user bot.UserID, said []bot.Body, label string) []bot.Body {
	s.Helper()
	for _, b := range said[len(said)-1].Buttons {
		if b.Label == label {
			_, said := s.receive(user, bot.Pressed{Button: b.ID, Value: b.Value})
			return said
		}
	}
	s.Fatalf("there is no button %q under %s", label, plain(said))
	return nil
}

func (s *stage) typed(user bot.UserID, text string) []bot.Body {
	s.Helper()
	_, said := s.receive(user, bot.Commanded{Path: []string{"procura-admin"}, Text: "messages " + text})
	return said
}

func TestHistory(t *testing.T) {
	s := newStage(t, textsToEdit)
	s.change("ada", "test.greeting", bot.German, "Servus {{.Name}}")
	s.change("bob", "test.greeting", bot.German, "Grüezi {{.Name}}")
	said := s.typed("ada", "history test.greeting de")
	text := plain(said)
	has(t, text, "test.greeting (German), newest version first:",
		"edited by Bob\n> Before: Servus {{.Name}}\n> After: Grüezi {{.Name}}\n",
		"edited by Ada\n> Before: Guten Tag *{{.Name}}*\n> After: Servus {{.Name}}\n",
		"as first shipped\n> Guten Tag *{{.Name}}*")
	if strings.Index(text, "Version 3") > strings.Index(text, "Version 1") || strings.Contains(text, "not shown here") {
		t.Error(text)
	}
	if got := labels(said); len(got) != 2 || got[0] != "See version 2" || got[1] != "See version 1" {
		t.Errorf("%q", got)
	}
	// An editor may look, and only an administrator go back.
	said = s.typed("vera", "history test.greeting de")
	has(t, plain(said), "die neueste Fassung zuerst", "bearbeitet von: Bob")
	if len(labels(said)) > 0 {
		t.Errorf("%q", labels(said))
	}
	for _, what := range []string{"history test.nothing de", "revert test.nothing de", "revert test.nothing de 1"} {
		has(t, s.command("ada", what), "no text with the id “test.nothing”")
	}
	for user, what := range map[bot.UserID]string{"vera": "revert test.greeting de", "luc": "history test.greeting de"} {
		if said := s.command(user, what); strings.Contains(said, "test.greeting") {
			t.Errorf("%s may %s: %s", user, what, said)
		}
	}
}

func TestHistoryOfMany(t *testing.T) {
	s := newStage(t, textsToEdit)
	for i := range 7 {
		s.change("ada", "test.greeting", bot.German, strings.Repeat("sehr ", 20+i)+"guten Tag {{.Name}}")
	}
	said := s.typed("ada", "history test.greeting de")
	has(t, plain(said), "Version 8", "Version 4", "> Before: …sehr", "3 older versions are not shown here")
	if got := strings.Count(plain(said), "Version "); got != maxShown {
		t.Errorf("%d versions:\n%s", got, plain(said))
	}
	if got := labels(said); len(got) != maxShown-1 {
		t.Errorf("%q", got)
	}
	has(t, s.command("ada", "revert test.greeting de 1"), "This is version 1 of test.greeting (German)", "Guten Tag ‹Name›")
}

func TestGoBack(t *testing.T) {
	s := newStage(t, textsToEdit)
	has(t, s.command("ada", "revert test.greeting de"), "There is nothing to go back to: test.greeting (German)")
	s.change("ada", "test.greeting", bot.German, "Servus {{.Name}}")
	s.network.audits = nil

	said := s.typed("bob", "revert test.greeting de")
	has(t, plain(said), "This is version 1 of test.greeting (German)", "as first shipped", "Guten Tag ‹Name›",
		"It would replace the present text, version 2")
	if got := s.row("test.greeting", bot.German); got.Version != 2 {
		t.Errorf("a preview saved %+v", got)
	}
	said = s.press("bob", said, "Bring this text back")
	has(t, plain(said), "reads again as in version 1", "This is now version 3", "This is the text as shipped.")
	if r := s.row("test.greeting", bot.German); r.Text.Other != "Guten Tag *{{.Name}}*" || r.State != Shipped || r.Version != 3 {
		t.Errorf("%+v", r)
	}
	if len(s.network.audits) != 1 || s.network.audits[0] != "m-bob revert message test.greeting (de)" {
		t.Errorf("audit: %q", s.network.audits)
	}
	if got := s.says(bot.German, "test.greeting", bot.Values{"Name": bot.Data("Ada")}); got != "Guten Tag Ada" {
		t.Errorf("said: %q", got)
	}
	has(t, s.command("ada", "history test.greeting de"), "brought back by Bob\n> Before: Servus {{.Name}}\n> After: Guten Tag *{{.Name}}*")

	// And the undoing can be undone.
	said = s.press("bob", said, "Undo")
	has(t, plain(said), "This is version 2 of", "edited by Ada", "Servus ‹Name›")
	has(t, plain(s.press("bob", said, "Bring this text back")), "reads again as in version 2", "now version 4")
	if r := s.row("test.greeting", bot.German); r.Text.Other != "Servus {{.Name}}" || r.State != Edited {
		t.Errorf("%+v", r)
	}
	for typed, want := range map[string]string{
		"9": "has no version “9”", "0": "has no version “0”", "-1": "has no version “-1”", "99999999999999999999": "has no version “99999999999999999999”", "zwei": "has no version “zwei”",
		"4": "already reads as in version 4", "2": "already reads as in version 2",
	} {
		has(t, s.command("ada", "revert test.greeting de "+typed), want)
	}
}

func TestGoBackPlural(t *testing.T) {
	s := newStage(t, textsToEdit)
	s.submit("ada", s.edit("ada", "test.seats", bot.French), map[string]string{one: "{{.Count}} chaise", many: "{{.Count}} de chaises", other: "{{.Count}} chaises"})
	has(t, s.command("ada", "history test.seats fr"), "> Before: {{.Count}} place / {{.Count}} de places / {{.Count}} places\n> After: {{.Count}} chaise / ")
	has(t, s.command("ada", "revert test.seats fr 1"), "1 place\n2 places\n1000000 de places")
}

// What was shown as the present text must still be it.
func TestGoBackOvertaken(t *testing.T) {
	s := newStage(t, textsToEdit)
	s.change("ada", "test.greeting", bot.German, "Servus {{.Name}}")
	said := s.typed("bob", "revert test.greeting de 1")
	s.change("ada", "test.greeting", bot.German, "Moin {{.Name}}")
	has(t, plain(s.press("bob", said, "Bring this text back")), "Nothing has changed: Ada saved this text")
	if r := s.row("test.greeting", bot.German); r.Text.Other != "Moin {{.Name}}" {
		t.Errorf("%+v", r)
	}
	// Twice the same press goes back once.
	said = s.typed("bob", "revert test.greeting de 1")
	s.press("bob", said, "Bring this text back")
	has(t, plain(s.press("bob", said, "Bring this text back")), "Nothing has changed: Bob saved this text")
	if r := s.row("test.greeting", bot.German); r.Version != 4 {
		t.Errorf("%+v", r)
	}
}

func TestGoBackToWhatNoLongerFits(t *testing.T) {
	s := newStage(t, greeting("Hello {{.Name}}", "Bonjour {{.Name}}", "Guten Tag {{.Name}}"))
	s.change("ada", "test.greeting", bot.German, "Servus {{.Name}}")
	s = s.upgrade(greeting("Hello {{.Person}}", "Bonjour {{.Person}}", "Guten Tag {{.Person}}"))
	said := s.typed("ada", "revert test.greeting de 2")
	has(t, plain(said), "Version 2 cannot be brought back", "The placeholder {{.Person}} is missing.", "The placeholder {{.Name}} does not exist")
	if len(labels(said)) > 0 {
		t.Errorf("%q", labels(said))
	}
	has(t, s.command("ada", "history test.greeting de"), "replaced by a new release of the program, because the edited text no longer fitted")
	has(t, s.command("ada", "history test.greeting fr"), "changed by a new release of the program\n> Before: Bonjour {{.Name}}")
	s = s.upgrade(nil).upgrade(greeting("Hello", "Bonjour", "Guten Tag"))
	has(t, s.command("ada", "history test.greeting fr"), "withdrawn by a new release of the program\n> Bonjour {{.Person}}")
}

// Going back in English asks for review as an edit does, and ends it.
func TestGoBackInEnglish(t *testing.T) {
	s := newStage(t, textsToEdit)
	s.change("ada", "test.greeting", bot.English, "Dear {{.Name}}")
	said := s.press("ada", s.typed("ada", "revert test.greeting en"), "Bring this text back")
	has(t, plain(said), "No longer marked for review: French, German.")
	if got := states(s, "test.greeting"); got != "shipped shipped shipped" {
		t.Error(got)
	}
	said = s.press("ada", s.press("ada", said, "Undo"), "Bring this text back")
	has(t, plain(said), "Now marked for review: French, German.")
}

func TestButtonsOfAnotherTime(t *testing.T) {
	s := newStage(t, textsToEdit)
	for _, value := range []string{"", "1", "x 1 de test.greeting", "1 x de test.greeting", "1 1 xx test.greeting", "1 1 de gone"} {
		for _, button := range []string{backButton, confirmButton} {
			_, said := s.receive("ada", bot.Pressed{Button: button, Value: value})
			has(t, plain(said), "There is no text with the id")
		}
	}
}

// Every id leaves room for the numbers in a button's value.
func TestButtonValuesFit(t *testing.T) {
	s := newStage(t, nil)
	for _, r := range s.messages.Committed().(*book).rows {
		g := goingBack{r.ID, r.Language, 12345, 12346}
		if n := utf8.RuneCountInString(g.value()); n > 64 {
			t.Errorf("%s: %d characters", r.key, n)
		}
		if got, ok := parseGoingBack(g.value()); !ok || got != g {
			t.Errorf("%+v became %+v", g, got)
		}
	}
}

// Excerpts fit, and show the difference.
func TestExcerpts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-zé🙂]{1,12}[ \n]`)
		same := strings.Join(rapid.SliceOfN(word, 0, 60).Draw(t, "same"), "")
		x := Forms{Other: same + "x" + strings.Join(rapid.SliceOfN(word, 0, 60).Draw(t, "x"), "")}
		y := Forms{Other: same + "y" + strings.Join(rapid.SliceOfN(word, 0, 60).Draw(t, "y"), "")}
		before, after := excerpts(x, y)
		if before == after {
			t.Errorf("both are %q", before)
		}
		for _, s := range []string{before, after} {
			if markup.Length(s) > maxExcerpt || strings.Contains(s, "\n") || !utf8.ValidString(s) {
				t.Errorf("%q", s)
			}
		}
	})
}

// What somebody typed while another was faster is kept for a week, and then gone:
// it is not shown, and not kept either.
func TestUnsavedIsKeptForAWeek(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "bot.db"), database.Options{Synchronous: "OFF", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context(), "messages", Schema()); err != nil {
		t.Fatal(err)
	}
	m, err := New(filesWith(t, nil), Tightest(), nil)
	if err != nil {
		t.Fatal(err)
	}
	forget := m.Feature().Slots[0].Run
	var token string
	update := func(do func(tx *database.Tx) error) {
		t.Helper()
		if err := db.Update(t.Context(), do); err != nil {
			t.Fatal(err)
		}
	}
	found := func() (ok bool) {
		update(func(tx *database.Tx) (err error) {
			_, ok, err = findUnsaved(tx, token, "m-bob")
			return err
		})
		return ok
	}
	update(func(tx *database.Tx) (err error) {
		token, err = insertUnsaved(tx, unsaved{key{"help.thanks", bot.German}, 2, Forms{Other: "Gern"}}, "m-bob")
		return err
	})
	start := now
	now = start.Add(keepUnsaved)
	update(func(tx *database.Tx) error { return forget(tx, now) })
	if !found() {
		t.Error("it is gone within the week")
	}
	now = start.Add(keepUnsaved + time.Millisecond)
	if found() {
		t.Error("it is shown after a week")
	}
	update(func(tx *database.Tx) error { return forget(tx, now) })
	now = start
	if found() {
		t.Error("it is kept after a week")
	}
}
