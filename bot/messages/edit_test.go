package messages

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
)

var textsToEdit = texts{
	bot.English: `"test.greeting" = "Hello *{{.Name}}*"
"test.seats" = { one = "One seat", other = "{{.Count}} seats" }
"test.press.button" = "Press"
"test.word.name" = "word"
"test.word.description" = "A word"`,
	bot.French: `"test.greeting" = "Bonjour *{{.Name}}*"
"test.seats" = { one = "{{.Count}} place", many = "{{.Count}} de places", other = "{{.Count}} places" }
"test.press.button" = "Appuyer"
"test.word.name" = "mot"
"test.word.description" = "Un mot"`,
	bot.German: `"test.greeting" = "Guten Tag *{{.Name}}*"
"test.seats" = { one = "Ein Platz", other = "{{.Count}} Plätze" }
"test.press.button" = "Drücken"
"test.word.name" = "wort"
"test.word.description" = "Ein Wort"`,
}

func TestEdit(t *testing.T) {
	s := newStage(t, textsToEdit)
	form := s.edit("ada", "test.greeting", bot.German)
	if len(form.Fields) != 1 || form.Fields[0].Value != "Guten Tag *{{.Name}}*" || form.Title != "Edit a text" {
		t.Errorf("%+v", form)
	}
	_, said := s.submit("ada", form, map[string]string{other: "Grüß Gott, *{{.Name}}*"})
	has(t, plain(said), "Saved.", "Grüß Gott, ‹Name›")
	name := bot.Values{"Name": bot.Data("Ada")}
	if got := s.says(bot.German, "test.greeting", name); got != "Grüß Gott, Ada" {
		t.Errorf("said: %q", got)
	}
	if got := s.network.audits; !slices.Equal(got, []string{"m-ada edit message test.greeting (de)"}) {
		t.Errorf("audit: %q", got)
	}
	has(t, s.command("vera", "show test.greeting"), "bearbeitet", "von: Ada", "Grüß Gott, *{{.Name}}*", "{{.Name}}", "unverändert")

	s = s.upgrade(textsToEdit)
	if got := s.says(bot.German, "test.greeting", name); got != "Grüß Gott, Ada" {
		t.Errorf("said after a restart: %q", got)
	}
	if r := s.row("test.greeting", bot.German); r.State != Edited || r.Version != 2 {
		t.Errorf("%+v", r)
	}
}

func TestEditPlural(t *testing.T) {
	s := newStage(t, textsToEdit)
	form := s.edit("ada", "test.seats", bot.French)
	var names []string
	for _, f := range form.Fields {
		names = append(names, f.Name+" "+f.Label+" "+f.Value)
	}
	if want := []string{"one Singular {{.Count}} place", "many With full millions (French) {{.Count}} de places", "other Plural {{.Count}} places"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	shown, _ := s.submit("ada", form, map[string]string{one: "{{.Count}} siège {{.Who}}", many: "de sièges", other: "{{.Count}} sièges"})
	has(t, shown.Errors[one], "{{.Who}}")
	has(t, shown.Errors[many], "{{.Count}}", "missing")
	if len(shown.Errors) != 2 {
		t.Errorf("%q", shown.Errors)
	}
	_, said := s.submit("ada", form, map[string]string{one: "{{.Count}} chaise", many: "{{.Count}} de chaises", other: "{{.Count}} chaises"})
	has(t, plain(said), "1 chaise", "2 chaises", "1000000 de chaises")
	if len(s.edit("ada", "test.seats", bot.German).Fields) != 2 {
		t.Error("German has one and other")
	}
}

func TestInvalidEdits(t *testing.T) {
	s := newStage(t, textsToEdit)
	for _, c := range []struct {
		id   string
		l    bot.Language
		text string
		why  string
	}{
		{"test.greeting", bot.German, "   ", "Please fill this in."},
		{"test.greeting", bot.German, "Guten Tag", "The placeholder {{.Name}} is missing."},
		{"test.greeting", bot.German, "Guten Tag {{.Name}} {{.Age}}", "The placeholder {{.Age}} does not exist"},
		{"test.greeting", bot.German, "Guten Tag é {{.Name", "at character 13: {{.Name"},
		{"test.greeting", bot.German, "Guten Tag {{range .Name}}{{end}}", "A placeholder is written {{.Name}}."},
		{"test.greeting", bot.German, "Guten *Tag {{.Name}}", "not closed on the same line"},
		{"test.greeting", bot.German, "Guten Tag \"{{.Name}}\"", "„…“"},
		{"test.greeting", bot.German, strings.Repeat("lang ", 300) + "{{.Name}}", "at most 1500"},
		{"test.greeting", bot.French, "Bonjour!{{.Name}} !!Non!", "A space is missing"},
		{"test.word.name", bot.German, "Ein Wort", "one word in lower case"},
		{"test.press.button", bot.German, strings.Repeat("x", 76), "at most 75"},
	} {
		before := s.row(c.id, c.l)
		shown, said := s.submit("ada", s.edit("ada", c.id, c.l), map[string]string{other: c.text})
		has(t, shown.Errors[other], c.why)
		if len(said) > 0 {
			t.Errorf("%q: said %q", c.text, plain(said))
		}
		if after := s.row(c.id, c.l); after != before {
			t.Errorf("%q: stored all the same: %+v", c.text, after)
		}
	}
	if len(s.network.audits) > 0 {
		t.Errorf("audit: %q", s.network.audits)
	}
}

// A platform that cannot show what is wrong beside a field says it, and the same
// form can be sent again.
func TestInvalidEditWithoutFieldErrors(t *testing.T) {
	s := newStage(t, textsToEdit)
	s.chat.inModal = false
	_, said := s.submit("ada", s.edit("ada", "test.greeting", bot.German), map[string]string{other: "Servus"})
	has(t, plain(said), "{{.Name}}", "missing")
	press := said[len(said)-1].Buttons[0]
	shown, _ := s.receive("ada", bot.Pressed{Button: press.ID, Value: press.Value})
	if shown.Form == nil || shown.Form.Fields[0].Value != "Servus" {
		t.Fatalf("%+v", shown)
	}
	_, said = s.submit("ada", shown.Form, map[string]string{other: "Servus {{.Name}}"})
	has(t, plain(said), "Saved.")
}

func TestTwoPeopleEditTheSameText(t *testing.T) {
	s := newStage(t, textsToEdit)
	ada, bob := s.edit("ada", "test.greeting", bot.German), s.edit("bob", "test.greeting", bot.German)
	s.submit("ada", ada, map[string]string{other: "Von Ada an {{.Name}}"})

	shown, said := s.submit("bob", bob, map[string]string{other: "Von Bob an {{.Name}}"})
	if shown.Errors != nil {
		t.Errorf("%q", shown.Errors)
	}
	has(t, plain(said), "has not been saved", "Ada saved", "> Von Ada an {{.Name}}")
	if got := s.row("test.greeting", bot.German); got.Text.Other != "Von Ada an {{.Name}}" {
		t.Errorf("%+v", got)
	}
	press := said[0].Buttons[0]
	if press.Label != "Open what I typed" || len(press.Value) > 64 {
		t.Errorf("%+v", press)
	}
	if shown, _ := s.receive("ada", bot.Pressed{Button: press.ID, Value: press.Value}); shown.Form != nil {
		t.Error("Ada can open what Bob typed")
	}
	shown, _ = s.receive("bob", bot.Pressed{Button: press.ID, Value: press.Value})
	if shown.Form == nil || shown.Form.Fields[0].Value != "Von Bob an {{.Name}}" {
		t.Fatalf("%+v", shown)
	}
	// Ada is faster once more: Bob has not seen that text.
	s.change("ada", "test.greeting", bot.German, "Noch einmal Ada an {{.Name}}")
	_, said = s.submit("bob", shown.Form, map[string]string{other: "Von Bob an {{.Name}}"})
	has(t, plain(said), "> Noch einmal Ada")
	press = said[0].Buttons[0]
	shown, _ = s.receive("bob", bot.Pressed{Button: press.ID, Value: press.Value})
	_, said = s.submit("bob", shown.Form, map[string]string{other: "Von beiden an {{.Name}}"})
	has(t, plain(said), "Saved.")
	if got := s.row("test.greeting", bot.German); got.Text.Other != "Von beiden an {{.Name}}" || got.Version != 4 {
		t.Errorf("%+v", got)
	}
}

func TestManySaveAtOnce(t *testing.T) {
	s := newStage(t, textsToEdit)
	const many = 16
	forms := make([]*bot.ShownForm, many)
	for i := range forms {
		forms[i] = s.edit("ada", "test.greeting", bot.German)
	}
	outcomes := make([]bool, many)
	var all sync.WaitGroup
	for i, form := range forms {
		all.Go(func() {
			_, err := s.engine.Receive(s.Context(), bot.Incoming{
				ID: bot.IncomingID(fmt.Sprint("at-once-", i)), From: bot.Account{Platform: "chat", User: "ada"},
				In:   bot.Place{Conversation: "dm", Private: true},
				What: bot.Submitted{Draft: form.Draft, Values: map[string]string{other: fmt.Sprintf("Text %d {{.Name}}", i)}},
			})
			outcomes[i] = err == nil
		})
	}
	all.Wait()
	if _, err := s.engine.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	won, lost := 0, 0
	for _, e := range s.chat.sent {
		switch text := markup.Plain(e.Body.Text); {
		case strings.HasPrefix(text, "Saved."):
			won++
		case strings.HasPrefix(text, "Your text has not been saved"):
			lost++
		}
	}
	if won != 1 || lost != many-1 || slices.Contains(outcomes, false) {
		t.Errorf("%d won and %d lost; received: %v", won, lost, outcomes)
	}
	if r := s.row("test.greeting", bot.German); r.Version != 2 {
		t.Errorf("%+v", r)
	}
}

func TestEnglishEditAsksForReview(t *testing.T) {
	s := newStage(t, textsToEdit)
	s.change("ada", "test.greeting", bot.German, "Servus {{.Name}}")
	_, said := s.submit("ada", s.edit("ada", "test.greeting", bot.English), map[string]string{other: "Dear {{.Name}}"})
	has(t, plain(said), "marked for review")
	for _, l := range []bot.Language{bot.French, bot.German} {
		if got := s.row("test.greeting", l).State; got != Review {
			t.Errorf("%s is %s", l, got)
		}
	}
	// Saving a text as it is says that it has been looked at.
	s.change("ada", "test.greeting", bot.German, "Servus {{.Name}}")
	if got := s.row("test.greeting", bot.German).State; got != Edited {
		t.Errorf("German is %s", got)
	}
	s.change("ada", "test.greeting", bot.French, "Bonjour *{{.Name}}*")
	if got := s.row("test.greeting", bot.French).State; got != Shipped {
		t.Errorf("French is %s", got)
	}
	_, said = s.submit("ada", s.edit("ada", "test.greeting", bot.French), map[string]string{other: "Bonjour *{{.Name}}*"})
	has(t, plain(said), "Nothing has changed")
}

func TestBackToTheShippedText(t *testing.T) {
	s := newStage(t, textsToEdit)
	s.change("ada", "test.greeting", bot.German, "Servus {{.Name}}")
	_, said := s.submit("ada", s.edit("ada", "test.greeting", bot.German), map[string]string{other: "Guten Tag *{{.Name}}*"})
	has(t, plain(said), "This is the text as shipped.")
	if r := s.row("test.greeting", bot.German); r.State != Shipped || r.Version != 3 {
		t.Errorf("%+v", r)
	}
}

// Nobody can type a no-break space in a chat.
func TestFrenchSpacesAreMade(t *testing.T) {
	s := newStage(t, textsToEdit)
	s.change("ada", "test.greeting", bot.French, "Bonjour « {{.Name}} » ! Ça va ?")
	if got := s.row("test.greeting", bot.French).Text.Other; got != "Bonjour «\u00a0{{.Name}}\u00a0»\u00a0! Ça va\u00a0?" {
		t.Errorf("%q", got)
	}
}

func TestWarningIsShownAndSaved(t *testing.T) {
	s := newStage(t, textsToEdit)
	_, said := s.submit("ada", s.edit("ada", "test.press.button", bot.German), map[string]string{other: strings.Repeat("Drücken", 5)})
	has(t, plain(said), "Saved.", "long for a button: 35")
}

func TestFind(t *testing.T) {
	s := newStage(t, textsToEdit)
	for _, c := range []struct{ words, want string }{
		{"test.seats", "3 texts found"},
		{"BONJOUR test.greet", "One text found:\n• test.greeting (French, as shipped): Bonjour *{{.Name}}*"},
		{"platze", "test.seats (German"}, // without the accent
		{"one seat", "test.seats (English, as shipped): {{.Count}} seats"},
		{"*nothing*", "No text contains “*nothing*”. Try"},
		{"e", "texts found. These are the first 10"},
	} {
		has(t, s.command("ada", "find "+c.words), c.want)
	}
	if n := strings.Count(s.command("ada", "find e"), "• "); n != 10 {
		t.Errorf("%d results", n)
	}
	has(t, s.command("vera", "find xyzzy"), "Kein Text enthält „xyzzy“")
}

func TestPreview(t *testing.T) {
	s := newStage(t, textsToEdit)
	has(t, s.command("ada", "preview test.greeting de"), "Guten Tag ‹Name›")
	has(t, s.command("ada", "preview test.seats fr"), "1 place\n2 places\n1000000 de places")
	has(t, s.command("ada", "preview test.nothing fr"), "no text with the id “test.nothing”")
	has(t, s.command("ada", "show test.nothing"), "no text with the id “test.nothing”")
	has(t, s.command("ada", "edit test.nothing fr"), "no text with the id “test.nothing”")
	has(t, s.command("ada", "show bot.field-required"), "Placeholders: none", "by the program as shipped, ", "version 1")
}

func TestRoles(t *testing.T) {
	s := newStage(t, textsToEdit)
	for _, c := range []struct {
		user bot.UserID
		what string
		let  bool
	}{
		{"vera", "find test.greeting", true}, {"vera", "show test.greeting", true},
		{"vera", "edit test.greeting de", false}, {"vera", "preview test.greeting de", false},
		{"luc", "find test.greeting", false}, {"luc", "show test.greeting", false},
		{"luc", "edit test.greeting fr", false}, {"luc", "preview test.greeting fr", false},
	} {
		said := s.command(c.user, c.what)
		if let := strings.Contains(said, "test.greeting"); let != c.let {
			t.Errorf("%s: %s: %q", c.user, c.what, said)
		}
	}
}

func TestComplete(t *testing.T) {
	s := newStage(t, textsToEdit)
	complete := func(user bot.UserID, option, prefix string) []bot.Completion {
		shown, err := s.engine.Receive(t.Context(), bot.Incoming{
			From: bot.Account{Platform: "chat", User: user},
			What: bot.Completing{Path: []string{"procura-admin", "messages", "edit"}, Option: option, Prefix: prefix},
		})
		if err != nil {
			t.Fatal(err)
		}
		return shown.Choices
	}
	if got, want := complete("ada", "id", "test.g"), []bot.Completion{{Label: "test.greeting – Hello *{{.Name}}*", Value: "test.greeting"}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	// What begins so comes first, what contains it after.
	all := complete("ada", "id", "he")
	first := slices.IndexFunc(all, func(c bot.Completion) bool { return !strings.HasPrefix(c.Value, "he") })
	if first < 1 || slices.ContainsFunc(all[first:], func(c bot.Completion) bool { return strings.HasPrefix(c.Value, "he") }) {
		t.Errorf("%v", all)
	}
	if got := complete("ada", "id", ""); len(got) != 25 {
		t.Errorf("%d proposals", len(got))
	}
	if got := complete("ada", "language", "ger"); len(got) != 0 {
		t.Errorf("%v: the choices are shown in their own language", got)
	}
	if got, want := complete("ada", "language", "deu"), []bot.Completion{{Label: "Deutsch", Value: "de"}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := complete("luc", "id", "test"); len(got) != 0 {
		t.Errorf("a member without role is shown %v", got)
	}
}

func TestUnsavedIsForgotten(t *testing.T) {
	s := newStage(t, textsToEdit)
	has(t, plain(func() []bot.Body {
		_, said := s.receive("bob", bot.Pressed{Button: againButton, Value: "gone"})
		return said
	}()), "no longer kept")
}

func TestOverAnotherVersion(t *testing.T) {
	s := newStage(t, textsToEdit)
	r := s.row("test.greeting", bot.German)
	r.Version = 7
	err := s.db.Update(t.Context(), func(tx *database.Tx) error {
		return replaceText(tx, 6, r, author{Member: "m-ada"}, whyEdited)
	})
	if !errors.Is(err, errOvertaken) {
		t.Errorf("%v", err)
	}
}
