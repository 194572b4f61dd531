package messages

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"procurabot/bot"
	"procurabot/internal/database"
)

func formats() []Format { return []Format{TOML, CSV} }

func (s *stage) export(f Format, languages ...bot.Language) string {
	s.Helper()
	if len(languages) == 0 {
		languages = bot.Languages()
	}
	var b bytes.Buffer
	if err := s.db.View(s.Context(), func(tx *database.Tx) error { return Export(tx, &b, f, languages) }); err != nil {
		s.Fatal(err)
	}
	return b.String()
}

func (s *stage) imports(file string, o Import) Report {
	s.Helper()
	if o.By == "" {
		o.By = "Ines"
	}
	report, err := s.messages.Import(s.Context(), s.db, strings.NewReader(file), o)
	if err != nil {
		s.Fatal(err)
	}
	return report
}

// revision is the token that everybody reads again after.
func (s *stage) revision() (r string) {
	s.Helper()
	if err := s.db.View(s.Context(), func(tx *database.Tx) (err error) { r, err = tx.Revision(); return }); err != nil {
		s.Fatal(err)
	}
	return r
}

// versions are a text's history, newest first: "3 edited m-ada Hello".
func (s *stage) versions(id string, l bot.Language) (all []string) {
	s.Helper()
	if err := s.db.View(s.Context(), func(tx *database.Tx) error {
		vs, err := readVersions(tx, key{id, l}, 1000, 1000)
		for _, v := range vs {
			all = append(all, fmt.Sprintf("%d %s %s%s %s", v.Number, v.Why, v.By.Member, v.By.Name, v.Text.Other))
		}
		return err
	}); err != nil {
		s.Fatal(err)
	}
	return all
}

func sayings(findings []Finding) string {
	var all []string
	for _, f := range findings {
		all = append(all, f.String())
	}
	return strings.Join(all, "\n")
}

func states(s *stage, id string) string {
	var all []string
	for _, l := range bot.Languages() {
		all = append(all, string(s.row(id, l).State))
	}
	return strings.Join(all, " ")
}

func TestImportOfAnUnchangedExport(t *testing.T) {
	s := newStage(t, textsToEdit)
	s.change("ada", "test.greeting", bot.French, "Salut « {{.Name}} » !")
	for _, f := range formats() {
		before := s.revision()
		r := s.imports(s.export(f), Import{Format: f})
		if r.Refused || len(r.Changed)+len(r.Problems)+len(r.Conflicts) > 0 || r.Read < 500 {
			t.Errorf("%s: %d read, changed %q\n%s", f, r.Read, r.Changed, sayings(r.Problems))
		}
		if s.revision() != before {
			t.Errorf("%s: everybody has to read again although nothing has changed", f)
		}
	}
}

// Whatever the texts are, a file of them reads as they are, and importing it
// changes nothing.
func TestExportReadsBack(t *testing.T) {
	text := rapid.OneOf(
		rapid.StringN(1, 40, -1),
		rapid.StringMatching(`['=+\-@\t\r\n]{0,3}[a-z"\\;,{}# \n\x{00a0}«»]{0,20}`),
		rapid.SampledFrom([]string{"'", "''=1", "=1+1", "'-x", "\"\"\"", "\\", "1e5", " x ", "[en]", "a\n\"test\" = \"b\"\n", "＝x"}),
	).Filter(func(s string) bool { return s != "" && !strings.ContainsRune(s, 0) })
	rapid.Check(t, func(t *rapid.T) {
		var rows []row
		english := map[string]Forms{}
		for i := range rapid.IntRange(1, 4).Draw(t, "n") {
			id := fmt.Sprintf("test.text-%d.button", i)
			plural := rapid.Bool().Draw(t, "plural")
			for _, l := range bot.Languages() {
				forms := Forms{Other: text.Draw(t, "other")}
				if plural {
					forms.One = text.Draw(t, "one")
					if l == bot.French {
						forms.Many = text.Draw(t, "many")
					}
				}
				if l == bot.English {
					english[id] = forms
				}
				state := rapid.SampledFrom([]State{Shipped, Edited, Review}).Draw(t, "state")
				rows = append(rows, row{key: key{id, l}, State: state, Text: forms, Shipped: forms})
			}
		}
		for _, f := range formats() {
			file := writeTOML(rows, english)
			if f == CSV {
				file = writeCSV(rows, english)
			}
			texts, findings := readFile(file, f)
			if len(findings) > 0 || len(texts) != len(rows) {
				t.Fatalf("%s: %d of %d texts: %s\n%s", f, len(texts), len(rows), sayings(findings), file)
			}
			for _, g := range texts {
				r := rows[slices.IndexFunc(rows, func(r row) bool { return r.key == g.key })]
				want := r.Text
				if f == CSV { // a spreadsheet ends lines in its own way
					lines := strings.NewReplacer("\r\n", "\n")
					want = Forms{lines.Replace(want.One), lines.Replace(want.Many), lines.Replace(want.Other)}
				}
				if g.Text != want {
					t.Errorf("%s: %s is %q, was %q\n%s", f, g.key, g.Text, want, file)
				}
				if g.Made != fingerprint(g.key, g.Text) {
					t.Errorf("%s: %s seems to have been changed", f, g.key)
				}
			}
		}
	})
}

func TestImportSavesWhatWasChanged(t *testing.T) {
	for _, f := range formats() {
		t.Run(string(f), func(t *testing.T) {
			s := newStage(t, textsToEdit)
			file := s.export(f)
			file = strings.Replace(file, "Guten Tag *{{.Name}}*", "Grüß Gott, *{{.Name}}*", 1)
			file = strings.Replace(file, "{{.Count}} de places", "{{.Count}} de sièges !", 1)
			before := s.revision()
			if r := s.imports(file, Import{Format: f, DryRun: true}); len(r.Changed) != 2 || s.revision() != before {
				t.Errorf("a dry run: %+v", r)
			}
			if got := s.row("test.greeting", bot.German); got.Version != 1 {
				t.Errorf("a dry run saved %+v", got)
			}
			s.network.audits = nil
			r := s.imports(file, Import{Format: f, By: "Ines"})
			if want := []string{"test.greeting (de)", "test.seats (fr)"}; !slices.Equal(r.Changed, want) || r.Refused {
				t.Errorf("changed %q, want %q: %s", r.Changed, want, sayings(r.Problems))
			}
			if got, want := s.versions("test.greeting", bot.German), []string{"2 imported Ines Grüß Gott, *{{.Name}}*", "1 shipped  Guten Tag *{{.Name}}*"}; !slices.Equal(got, want) {
				t.Errorf("history %q, want %q", got, want)
			}
			if got := s.row("test.seats", bot.French).Text.Many; got != "{{.Count}} de sièges\u00a0!" {
				t.Errorf("saved as %q", got)
			}
			if got := s.row("test.seats", bot.German); got.Version != 1 {
				t.Errorf("what was not changed is %+v", got)
			}
			if want := []string{"import import message test.greeting (de)", "import import message test.seats (fr)"}; !slices.Equal(s.network.audits, want) {
				t.Errorf("audit %q", s.network.audits)
			}
			if got := s.says(bot.German, "test.greeting", bot.Values{"Name": bot.Data("Ada")}); got != "Grüß Gott, Ada" {
				t.Errorf("said: %q", got)
			}
			has(t, s.command("vera", "show test.greeting"), "von: Ines (Import)")
			has(t, s.command("ada", "history test.greeting de"), "imported by Ines")
			if r := s.imports(file, Import{Format: f}); len(r.Changed)+len(r.Conflicts) > 0 {
				t.Errorf("the same file again: %+v", r)
			}
		})
	}
}

// A file is saved whole or not at all, and each thing that is wrong is told with
// its line.
func TestImportWithProblems(t *testing.T) {
	s := newStage(t, textsToEdit)
	before := s.revision()
	for _, c := range []struct {
		name, old, new string
		format         Format
		want           []string
	}{
		{"a placeholder less", "Guten Tag *{{.Name}}*", "Guten Tag", TOML, []string{"test.greeting (de): The placeholder {{.Name}} is missing."}},
		{"a mark that is not closed", "Guten Tag *{{.Name}}*", "Guten Tag *{{.Name}}", CSV, []string{"not closed on the same line"}},
		{"English quotation marks", "Guten Tag *{{.Name}}*", "Guten Tag «{{.Name}}»", TOML, []string{"„…“"}},
		{"too long", "Guten Tag *{{.Name}}*", "Guten Tag *{{.Name}}*" + strings.Repeat(" lang", 400), CSV, []string{"at most 1500"}},
		{"an empty form", `"Ein Platz"`, `""`, TOML, []string{"test.seats (de): one: Please fill this in."}},
		{"no word", `"wort"`, `"Zwei Wörter"`, TOML, []string{"test.word.name (de): People type this word"}},
		{"an id mistyped", `"test.press.button" = "Drücken"`, `"test.presss.button" = "Drücken"`, TOML, []string{"test.presss.button (de): there is no text with this id", "as it was in the export"}},
		{"an id in capitals", `"test.press.button","de"`, `"TEST.PRESS.BUTTON","de"`, CSV, []string{"is it test.press.button?"}},
		{"a language that is not known", `"test.press.button","de"`, `"test.press.button","it"`, CSV, []string{`test.press.button: the language "it" is not known: it is en, fr or de`}},
		{"a table that is no language", "\n[de]\n", "\n[nl]\n", TOML, []string{`the language "nl" is not known`}},
		{"a form that is not known", `"test.seats","de","one"`, `"test.seats","de","few"`, CSV, []string{`there is no plural form "few"`, "test.seats (de): one: Please fill this in."}},
		{"a fingerprint by hand", fingerprint(key{"test.press.button", bot.German}, Forms{Other: "Drücken"}), "v1", CSV, []string{"test.press.button (de): what says which text this was made from has been altered"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := s.export(c.format)
			if !strings.Contains(file, c.old) {
				t.Fatalf("the export holds no %q", c.old)
			}
			// Something right beside it is not saved either.
			file = strings.Replace(file, "Bonjour *{{.Name}}*", "Salut *{{.Name}}*", 1)
			r := s.imports(strings.Replace(file, c.old, c.new, 1), Import{Format: c.format, SkipConflicts: true})
			if !r.Refused || len(r.Changed) > 0 || s.revision() != before {
				t.Errorf("saved all the same: %+v", r.Changed)
			}
			has(t, sayings(r.Problems), append(c.want, "line ")...)
		})
	}
	if got := s.row("test.greeting", bot.French); got.Version != 1 {
		t.Errorf("%+v", got)
	}
}

func TestProblemsHaveTheirLine(t *testing.T) {
	for _, c := range []struct {
		name   string
		format Format
		file   string
		want   []string
	}{
		{"csv", CSV, "id;language;text;plural form\nx.a;fr;\"two\nlines\";\n;fr;no id;\n\n;;;\nx.b;fr;again;\nx.b;fr;twice;\nx.c;FR;a;one\nx.c; fr ;b;one\n", []string{
			"line 4 (row 3): there is no id. Fill it in as in the export, or take the row out",
			"line 8 (row 6): x.b (fr): this text is in line 7 (row 5) already: take one of the two out",
			"line 10 (row 8): x.c (fr): this text is in line 9 (row 7) already: take one of the two out",
		}},
		{"csv without columns", CSV, "id,words\na,b\n", []string{
			"line 1: there is no column \"language\". The first row names the columns, as in an export",
			"line 1: there is no column \"text\". The first row names the columns, as in an export",
		}},
		{"csv with a quotation mark too many", CSV, "id,language,text\na,fr,\"b\"c\"\nd,fr,e\n", []string{
			"line 2: the quotation marks do not match, in the row that begins at line 2. Save the file from a spreadsheet again",
		}},
		{"nothing", CSV, "", []string{"the file: the file is empty"}},
		{"a table twice in one file", TOML, "[fr]\n\"a.b\" = \"x\"\n\"a.b\" = \"y\"\n", []string{
			"line 3: the file cannot be read here: Key 'fr.\"a.b\"' has already been defined.",
		}},
		{"the same id in two ways", TOML, "[fr]\n\n\"a.b\" = \"\"\"\n[de]\nx\"\"\"\na.b = \"y\"\n[fr.a.c]\nother = \"z\"\nd = 1\n", []string{
			"line 9: a.c.d (fr): a text stands in quotation marks",
			"line 3: a.b (fr): this text is in the file twice: take one of the two out",
		}},
		{"a release's own file", TOML, "\n\"help.thanks\" = \"x\"\n", []string{
			"line 2: \"help.thanks\" stands in no language: write [en], [fr] or [de] on a line above",
		}},
		{"no toml", TOML, "[fr]\n\"a\" = \"b\n", []string{"line 2: the file cannot be read here: strings cannot contain newlines"}},
		{"another encoding", CSV, "id,language,text\na,fr,caf\xe9\n", []string{
			"line 2: this is not text in UTF-8. Save the file as UTF-8; a spreadsheet calls it \"CSV UTF-8\"",
		}},
		{"sixteen bits", TOML, "\xff\xfe[\x00", []string{"line 1: this is not text in UTF-8. Save the file as UTF-8; a spreadsheet calls it \"CSV UTF-8\""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, findings := readFile([]byte(c.file), c.format)
			if got := strings.Split(sayings(findings), "\n"); !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestConflicts(t *testing.T) {
	for _, f := range formats() {
		t.Run(string(f), func(t *testing.T) {
			s := newStage(t, textsToEdit)
			file := s.export(f)
			s.change("ada", "test.greeting", bot.German, "Von Ada an {{.Name}}") // changed on both sides
			s.change("ada", "test.press.button", bot.German, "Taste")            // only here
			s.change("ada", "test.word.description", bot.German, "Das Wort")     // the same on both sides
			file = strings.Replace(file, "Guten Tag *{{.Name}}*", "Aus der Datei an {{.Name}}", 1)
			file = strings.Replace(file, "Ein Wort", "Das Wort", 1)
			file = strings.Replace(file, `"Ein Platz"`, `"Genau ein Platz"`, 1)

			r := s.imports(file, Import{Format: f})
			has(t, sayings(r.Conflicts), "test.greeting (de): this text has been changed in the file and, since the export, here too",
				"It now says “Von Ada an {{.Name}}”")
			if !r.Refused || len(r.Conflicts) != 1 || len(r.Problems) > 0 || len(r.Changed) > 0 {
				t.Errorf("%+v", r)
			}
			if got := s.row("test.seats", bot.German); got.Version != 1 {
				t.Errorf("saved beside a conflict: %+v", got)
			}
			r = s.imports(file, Import{Format: f, SkipConflicts: true})
			if r.Refused || len(r.Conflicts) != 1 || !slices.Equal(r.Changed, []string{"test.seats (de)"}) {
				t.Errorf("%+v", r)
			}
			for id, want := range map[string]string{"test.greeting": "Von Ada an {{.Name}}", "test.press.button": "Taste", "test.word.description": "Das Wort"} {
				if got := s.row(id, bot.German); got.Text.Other != want || got.Version != 2 {
					t.Errorf("%s: %+v", id, got)
				}
			}
			// A text that went away and came back is no conflict.
			s.change("ada", "test.greeting", bot.German, "Guten Tag *{{.Name}}*")
			if r = s.imports(file, Import{Format: f}); !slices.Equal(r.Changed, []string{"test.greeting (de)"}) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// Without knowing what a text was made from, only what ships may be replaced.
func TestImportByHand(t *testing.T) {
	s := newStage(t, textsToEdit)
	s.change("ada", "test.press.button", bot.German, "Taste")
	r := s.imports("[de]\n\"test.word.name\" = \"begriff\"\n\"test.press.button\" = \"Knopf\"\n", Import{Format: TOML, SkipConflicts: true})
	has(t, sayings(r.Conflicts), "line 3: test.press.button (de): the file does not say which text this was made from", "It now says “Taste”")
	if !slices.Equal(r.Changed, []string{"test.word.name (de)"}) {
		t.Errorf("%+v", r)
	}
	r = s.imports("id,language,text,remarks\ntest.word.description,de,Begriff,so?\n,,,\n", Import{Format: CSV})
	if !slices.Equal(r.Changed, []string{"test.word.description (de)"}) {
		t.Errorf("%+v\n%s", r, sayings(r.Problems))
	}
}

func TestImportOfEnglishAsksForReview(t *testing.T) {
	for _, f := range formats() {
		s := newStage(t, textsToEdit)
		original := s.export(f)
		file := strings.Replace(original, "Bonjour *{{.Name}}*", "Chère {{.Name}}", 1)
		switch f {
		case CSV: // there it stands beside the others too
			file = strings.Replace(file, `"en","","Hello *{{.Name}}*"`, `"en","","Dear {{.Name}}"`, 1)
		case TOML:
			file = strings.Replace(file, `"test.greeting" = "Hello *{{.Name}}*"`, `"test.greeting" = "Dear {{.Name}}"`, 1)
		}
		r := s.imports(file, Import{Format: f})
		if !slices.Equal(r.Changed, []string{"test.greeting (en)", "test.greeting (fr)"}) || !slices.Equal(r.Review, []string{"test.greeting (de)"}) {
			t.Errorf("%s: %+v", f, r)
		}
		if got := states(s, "test.greeting"); got != "edited edited review" {
			t.Errorf("%s: %s", f, got)
		}
		if got := s.says(bot.German, "test.greeting", bot.Values{"Name": bot.Data("Ada")}); got != "Guten Tag Ada" {
			t.Errorf("what is to be reviewed is not said: %q", got)
		}
		// The English as it ships: the German, which ships too, fits it; the French was made for another.
		has(t, s.english("Hello *{{.Name}}*"), "No longer marked for review: German.", "Now marked for review: French.")
		if got := states(s, "test.greeting"); got != "shipped review shipped" {
			t.Errorf("%s: %s", f, got)
		}
		// And the English that the French was made for.
		has(t, s.english("Dear {{.Name}}"), "No longer marked for review: French.", "Now marked for review: German.")
		if got := states(s, "test.greeting"); got != "edited edited review" {
			t.Errorf("%s: %s", f, got)
		}
	}
}

// english saves another English greeting in the chat.
func (s *stage) english(text string) string {
	s.Helper()
	_, said := s.submit("ada", s.edit("ada", "test.greeting", bot.English), map[string]string{other: text})
	return plain(said)
}

func TestReviewEndsWithTheEnglishThatWas(t *testing.T) {
	s := newStage(t, textsToEdit)
	has(t, s.english("Dear {{.Name}}"), "Now marked for review: French, German.")
	has(t, s.english("Good day {{.Name}}"), "Saved.")
	// Looked at and left as it is: it fits this English text too.
	s.change("ada", "test.greeting", bot.German, "Guten Tag *{{.Name}}*")
	has(t, s.english("Hello *{{.Name}}*"), "This is the text as shipped.", "No longer marked for review: French.")
	if got := states(s, "test.greeting"); got != "shipped shipped shipped" {
		t.Error(got)
	}
	has(t, s.english("Good day {{.Name}}"), "Now marked for review: French.")
	if got := states(s, "test.greeting"); got != "edited review shipped" {
		t.Error(got)
	}
}

// A release that changes the English alone leaves its translations to be
// reviewed, whatever is done to the English later, until it is what it was.
func TestReviewOfARelease(t *testing.T) {
	s := newStage(t, greeting("Hello {{.Name}}", "Bonjour {{.Name}}", "Guten Tag {{.Name}}"))
	s = s.upgrade(greeting("Hi {{.Name}}", "Bonjour {{.Name}}", "Hallo {{.Name}}"))
	if got := states(s, "test.greeting"); got != "shipped review shipped" {
		t.Fatal(got)
	}
	s.english("Dear {{.Name}}")
	if got := states(s, "test.greeting"); got != "edited review review" {
		t.Error(got)
	}
	has(t, s.english("Hi {{.Name}}"), "No longer marked for review: German.")
	if got := states(s, "test.greeting"); got != "shipped review shipped" {
		t.Error(got)
	}
	s.english("Hello {{.Name}}")
	if got := states(s, "test.greeting"); got != "edited shipped review" {
		t.Error(got)
	}
}

// An edited text that the release has another translation for is reviewed for
// that reason, which going to and fro with the English does not take away.
func TestReviewOfAnotherTranslation(t *testing.T) {
	s := newStage(t, greeting("Hello {{.Name}}", "Bonjour {{.Name}}", "Guten Tag {{.Name}}"))
	s.change("ada", "test.greeting", bot.German, "Servus {{.Name}}")
	s = s.upgrade(greeting("Hello {{.Name}}", "Bonjour {{.Name}}", "Hallo {{.Name}}"))
	s.english("Dear {{.Name}}")
	s.english("Hello {{.Name}}")
	if got := states(s, "test.greeting"); got != "shipped shipped review" {
		t.Error(got)
	}
}

func TestWarningsOfAnImport(t *testing.T) {
	s := newStage(t, textsToEdit)
	r := s.imports("[de]\n\"test.press.button\" = \""+strings.Repeat("Drücken", 5)+"\"\n", Import{Format: TOML})
	has(t, sayings(r.Remarks), "line 2: test.press.button (de): This is long for a button: 35")
	if len(r.Changed) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestCSVIsForASpreadsheet(t *testing.T) {
	s := newStage(t, textsToEdit)
	s.change("ada", "test.greeting", bot.German, "- „Liste“ für {{.Name}}, zum Beispiel\n- noch eine")
	s.change("ada", "test.press.button", bot.German, "=HYPERLINK(1)")
	file := s.export(CSV, bot.German, bot.French)
	if !strings.HasPrefix(file, "\ufeff\"id\",\"language\",\"plural form\",\"text\",\"English\",\"state\",\"made from\"\r\n") {
		t.Errorf("%q", file[:100])
	}
	has(t, file, `"test.greeting","de","","'- „Liste“ für {{.Name}}, zum Beispiel`+"\n- noch eine\",\"Hello *{{.Name}}*\",\"edited\",\"v",
		`"test.press.button","de","","'=HYPERLINK(1)","Press","edited"`,
		`"test.seats","fr","many","{{.Count}} de places","{{.Count}} seats","shipped"`)
	lines := strings.Count(file, "\r\n")
	records, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file, "\ufeff"))).ReadAll()
	if err != nil || len(records) != lines {
		t.Errorf("%d records in %d lines: %v", len(records), lines, err)
	}
	for _, cells := range records {
		for _, cell := range cells {
			if strings.ContainsAny(first(cell), formulas) {
				t.Errorf("a spreadsheet would run %q", cell)
			}
		}
		if cells[1] == "en" {
			t.Error("English was not asked for")
		}
	}
	// As a spreadsheet set to German saves it, with a text typed as it is meant.
	var saved strings.Builder
	w := csv.NewWriter(&saved)
	w.Comma, w.UseCRLF = ';', true
	for _, cells := range records {
		if cells[0] == "test.word.name" && cells[1] == "de" {
			cells[3] = "-begriff"
		}
		if err := w.Write(cells); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	r := s.imports("\ufeff"+saved.String(), Import{Format: CSV})
	if !slices.Equal(r.Changed, []string{"test.word.name (de)"}) {
		t.Errorf("%+v\n%s", r, sayings(r.Problems))
	}
	if got := s.row("test.word.name", bot.German).Text.Other; got != "-begriff" {
		t.Errorf("%q", got)
	}
}

func TestTOMLIsForAnEditor(t *testing.T) {
	s := newStage(t, textsToEdit)
	s.change("ada", "test.greeting", bot.English, "Hello\n*{{.Name}}*")
	file := s.export(TOML, bot.German)
	has(t, file, "\n[de]\n", `
# to be reviewed: what it translates, or the release's own text, has changed
# en: Hello
#   : *{{.Name}}*
"test.greeting" = "Guten Tag *{{.Name}}*"
`, `
# en one: One seat
# en other: {{.Count}} seats
"test.seats" = { one = "Ein Platz", other = "{{.Count}} Plätze" }
`, "\n[made-from.de]\n", "\"help.thanks.phrases\" = \"\"\"\ndanke\n")
	if strings.Contains(file, "[en]") || strings.Contains(file, "[fr]") {
		t.Error("only German was asked for")
	}
}

func TestUnguardUndoesGuard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`'{0,3}[=+\-@\tx]?.{0,3}`)).Draw(t, "cell")
		if got := unguard(guard(s)); got != s {
			t.Errorf("%q became %q", s, got)
		}
		if strings.ContainsAny(first(guard(s)), formulas) {
			t.Errorf("a spreadsheet would run %q", guard(s))
		}
	})
}

// Somebody edits in the chat while another process imports: each version that was
// saved is in the history once, and nobody's is lost.
func TestImportBesideEdits(t *testing.T) {
	s := newStage(t, textsToEdit)
	elsewhere, err := database.Open(t.Context(), s.path, database.Options{Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	m, err := New(filesWith(t, textsToEdit), Tightest(), &network{})
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 10
	imported := 0
	var both sync.WaitGroup
	both.Go(func() {
		for i := range rounds {
			var b bytes.Buffer
			if err := elsewhere.View(t.Context(), func(tx *database.Tx) error { return Export(tx, &b, CSV, []bot.Language{bot.German}) }); err != nil {
				t.Error(err)
				return
			}
			texts, _ := readFile(b.Bytes(), CSV)
			at := slices.IndexFunc(texts, func(g given) bool { return g.ID == "test.press.button" })
			file := fmt.Sprintf("id,language,text,made from\ntest.press.button,de,Importiert %d,%s\n", i, texts[at].Made)
			r, err := m.Import(t.Context(), elsewhere, strings.NewReader(file), Import{Format: CSV, By: "Ines", SkipConflicts: true})
			if err != nil || len(r.Problems) > 0 || len(r.Changed)+len(r.Conflicts) != 1 {
				t.Errorf("%+v, %v", r, err)
				return
			}
			imported += len(r.Changed)
		}
	})
	edited := 0
	for i := range rounds {
		_, said := s.submit("ada", s.edit("ada", "test.press.button", bot.German), map[string]string{other: fmt.Sprintf("Getippt %d", i)})
		if strings.Contains(plain(said), "Saved.") {
			edited++
		} else {
			has(t, plain(said), "Ines (import) saved this text in the meantime")
		}
	}
	both.Wait()
	seen := map[string]bool{}
	all := s.versions("test.press.button", bot.German)
	for _, v := range all {
		_, text, _ := strings.Cut(v, " ")
		if seen[text] {
			t.Errorf("%s: twice", text)
		}
		seen[text] = true
	}
	if len(all) != 1+imported+edited || imported+edited == 0 {
		t.Errorf("%d versions after %d imports and %d edits: %q", len(all), imported, edited, all)
	}
}

// A database of before there were imports: what it knew of its translations is
// kept.
func TestMigration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	first, err := fs.ReadFile(Schema(), "schema/0001_messages.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(t.Context(), path, database.Options{Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context(), "messages", fstest.MapFS{"0001_messages.sql": &fstest.MapFile{Data: first}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(t.Context(), func(tx *database.Tx) error {
		for _, query := range []string{
			`INSERT INTO messages_text VALUES
				('test.greeting', 'en', 2, 'edited', '{"other":"Dear {{.Name}}"}', '{"other":"Hello *{{.Name}}*"}'),
				('test.greeting', 'fr', 1, 'review', '{"other":"Bonjour *{{.Name}}*"}', '{"other":"Bonjour *{{.Name}}*"}'),
				('test.greeting', 'de', 2, 'edited', '{"other":"Liebe {{.Name}}"}', '{"other":"Guten Tag *{{.Name}}*"}')`,
			`INSERT INTO messages_history VALUES
				('test.greeting', 'en', 1, '', 1000, 'shipped', '{"other":"Hello *{{.Name}}*"}'),
				('test.greeting', 'en', 2, 'm-ada', 2000, 'edited', '{"other":"Dear {{.Name}}"}'),
				('test.greeting', 'fr', 1, '', 1000, 'shipped', '{"other":"Bonjour *{{.Name}}*"}'),
				('test.greeting', 'de', 1, '', 1000, 'shipped', '{"other":"Guten Tag *{{.Name}}*"}'),
				('test.greeting', 'de', 2, 'm-ada', 3000, 'edited', '{"other":"Liebe {{.Name}}"}')`,
		} {
			if _, err := tx.Exec(query); err != nil {
				return err
			}
		}
		return tx.Bump()
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := openStage(t, path, filesWith(t, textsToEdit))
	if got, want := s.versions("test.greeting", bot.German), []string{"2 edited m-ada Liebe {{.Name}}", "1 shipped  Guten Tag *{{.Name}}*"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := states(s, "test.greeting"); got != "edited review edited" {
		t.Error(got)
	}
	has(t, s.english("Hello *{{.Name}}*"), "No longer marked for review: French.", "Now marked for review: German.")
	has(t, s.english("Dear {{.Name}}"), "No longer marked for review: German.", "Now marked for review: French.")
}

// What the tables of another program hold is left alone.
func TestOtherTables(t *testing.T) {
	s := newStage(t, nil)
	file := s.export(CSV)
	setTablesVersion(t, s.db, 1)
	if err := s.db.View(t.Context(), func(tx *database.Tx) error { return Export(tx, &bytes.Buffer{}, CSV, bot.Languages()) }); !errors.Is(err, ErrOtherTables) {
		t.Errorf("export: %v", err)
	}
	if _, err := s.messages.Import(t.Context(), s.db, strings.NewReader(file), Import{Format: CSV, By: "Ines"}); !errors.Is(err, ErrOtherTables) {
		t.Errorf("import: %v", err)
	}
}

func setTablesVersion(t *testing.T, db *database.DB, version int) {
	t.Helper()
	if err := db.Update(t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec("UPDATE database_version SET version = ? WHERE component = 'messages'", version)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestHugeFiles(t *testing.T) {
	s := newStage(t, nil)
	var b strings.Builder
	b.WriteString("id,language,text\n")
	for i := range 100_000 {
		fmt.Fprintf(&b, "no.text-%d,fr,Bonjour\n", i)
	}
	r := s.imports(b.String(), Import{Format: CSV})
	if len(r.Problems) != 100_000 || !strings.HasPrefix(r.Problems[99_999].String(), "line 100001: no.text-99999 (fr): ") {
		t.Errorf("%d problems", len(r.Problems))
	}
	for name, file := range map[string]string{
		"deep": "a = " + strings.Repeat("[", 1<<20), "deep tables": "a = " + strings.Repeat("{a=", 1<<20),
		"a long key": strings.Repeat("a.", 1<<20) + "a = 1", "a long table": "[" + strings.Repeat("a.", 1<<20) + "a]",
	} {
		if _, findings := readFile([]byte(file), TOML); len(findings) != 1 || !strings.Contains(findings[0].String(), "no line of a message file") {
			t.Errorf("%s: %s", name, sayings(findings))
		}
	}
	if _, err := s.messages.Import(t.Context(), s.db, endless{}, Import{Format: CSV, By: "Ines"}); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("an endless file: %v", err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func FuzzReadCSV(f *testing.F) { fuzzRead(f, CSV) }

func FuzzReadTOML(f *testing.F) { fuzzRead(f, TOML) }

// What can be read is well-formed, and what cannot is told with its place.
func fuzzRead(f *testing.F, format Format) {
	for _, seed := range []string{
		"", "id,language,text\na,fr,b\n", "\ufeffid;text;language;plural form;made from\r\n\"a\";\"'=b\";fr;one;v0123456789ab\r\n",
		"[fr]\n\"a.b\" = \"c\"\na.c = { one = \"x\", other = '''y\nz''' }\n[made-from.fr]\n\"a.b\" = \"v0123456789ab\"\n",
		"[[fr]]\n[fr.a]\nb = [1, {c = \"d\"}]\n", "\xff\xfe", "fr = \"\"\"\"\"\"\"", "[fr]\n'a' = \"\"\"\\\n  b\"\"\"\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		texts, findings := readFile(content, format)
		seen := map[key]bool{}
		for _, g := range texts {
			if !g.Language.Known() || seen[g.key] || len(g.where) == 0 {
				t.Errorf("%+v", g)
			}
			seen[g.key] = true
		}
		for _, finding := range findings {
			if finding.Says == "" {
				t.Errorf("%+v", finding)
			}
		}
	})
}
