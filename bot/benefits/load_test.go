package benefits

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"procurabot/bot"
	"procurabot/internal/database"
)

const pageText = `+++
title = "Parking"
owner = "secretariat"
review = 2027-05-31
source = "Leaflet"
phrases = ["where do I park", "bicycle stands"]
+++
Park *behind* the house. Ask {{.Contact}}.
`

func TestParsePage(t *testing.T) {
	p, err := parsePage(strings.ReplaceAll(pageText, "\n", "\r\n"))
	if err != nil || p.Title != "Parking" || p.review != "2027-05-31" || len(p.Phrases) != 2 || p.Answer != "Park *behind* the house. Ask {{.Contact}}." {
		t.Errorf("page %+v, %v", p, err)
	}
	for _, c := range []struct{ from, to, says string }{
		{"+++\ntitle", "title", "two lines"},
		{`title = "Parking"`, "", "a title"},
		{"review = 2027-05-31", "", "a review date"},
		{"review = 2027-05-31", "review = soon", "front matter"},
		{`source = "Leaflet"`, `origin = "Leaflet"`, "nobody reads"},
		{"Park *behind* the house. Ask {{.Contact}}.", "", "no answer"},
		{"*behind*", "*behind", "answer"},
	} {
		if _, err := parsePage(strings.Replace(pageText, c.from, c.to, 1)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("with %q: %v, want something with %q", c.to, err, c.says)
		}
	}
}

func TestShippedPages(t *testing.T) {
	all, err := readPages(os.DirFS("../../locales"))
	if err != nil {
		t.Fatal(err)
	}
	languages := map[string]int{}
	for _, p := range all {
		languages[p.Topic]++
		if n := len(p.Phrases); n < 20 || n > 40 { // fewer cost right answers, more bring little
			t.Errorf("%s %s has %d phrases", p.Topic, p.Language, len(p.Phrases))
		}
	}
	for topic, n := range languages {
		if n != 3 {
			t.Errorf("%s is there in %d languages", topic, n)
		}
	}
}

func TestLoadKeepsEdits(t *testing.T) {
	w := newWorld(t, nil)
	revision := func() (r string) {
		w.t.Helper()
		err := w.db.View(t.Context(), func(tx *database.Tx) (err error) { r, err = tx.Revision(); return err })
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	before := revision()
	if err := w.benefits.Load(t.Context(), w.db); err != nil {
		t.Fatal(err)
	}
	if after := revision(); after != before {
		t.Error("loading the same pages again changes the revision")
	}

	err := w.db.Update(t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(`UPDATE benefits_text SET answer = 'Edited.', state = 'edited' WHERE topic = 'logo' AND language = 'en'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"benefits/en/parking.md": {Data: []byte(pageText)}}
	shipped, err := fs.ReadFile(os.DirFS("../../locales"), "benefits/en/logo.md")
	if err != nil {
		t.Fatal(err)
	}
	files["benefits/en/logo.md"] = &fstest.MapFile{Data: []byte(strings.Replace(string(shipped), "As a participant", "Now", 1))}
	w.benefits.files = files
	if err := w.benefits.Load(t.Context(), w.db); err != nil {
		t.Fatal(err)
	}
	if revision() == before {
		t.Error("new pages do not change the revision")
	}
	for question, want := range map[string]string{
		"Logo": "Edited.", "where do I park": "Park behind the house. Ask procura@example.org.",
	} {
		got, err := w.benefits.Ask(t.Context(), question, bot.German) // there is no German text: English it is
		if err != nil || got.Text != want {
			t.Errorf("Ask(%q) = %+v, %v", question, got, err)
		}
	}
	if n := w.count(`SELECT count(*) FROM benefits_topic`); n != 2 {
		t.Errorf("%d topics", n)
	}

	delete(files, "benefits/en/logo.md")
	files["benefits/en/parking.md"].Data = []byte(strings.Replace(pageText, "behind", "before", 1))
	if err := w.benefits.Load(t.Context(), w.db); err != nil {
		t.Fatal(err)
	}
	if n := w.count(`SELECT count(*) FROM benefits_text WHERE topic = 'logo' AND answer = 'Edited.'`); n != 1 {
		t.Error("an edited text is gone")
	}
	if n := w.count(`SELECT version FROM benefits_text WHERE topic = 'parking'`); n != 2 {
		t.Errorf("version %d", n)
	}
}

func TestLibraryFollowsRevision(t *testing.T) {
	w := newWorld(t, nil)
	w.direct("ana", "where is the zebra enclosure")
	contains(t, w.one(), "en benefits.unknown")
	err := w.db.Update(t.Context(), func(tx *database.Tx) error {
		if _, err := tx.Exec(`INSERT INTO benefits_phrase (topic, language, text) VALUES ('logo', 'en', 'where is the zebra enclosure')`); err != nil {
			return err
		}
		return tx.Bump()
	})
	if err != nil {
		t.Fatal(err)
	}
	w.direct("ana", "where is the zebra enclosure")
	contains(t, w.one(), "Procura+ logo")
}

// TestTopicGoneInTheTurn: what Prepare found may have been deleted since.
func TestTopicGoneInTheTurn(t *testing.T) {
	w := newWorld(t, nil)
	prepared, asked := w.benefits.prepare("may we use the logo")
	if prepared.Outcome != "answer" || asked != bot.English {
		t.Fatalf("prepared %+v", prepared)
	}
	err := w.db.Update(t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(`DELETE FROM benefits_topic WHERE id = 'logo'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.direct("ana", "may we use the logo")
	contains(t, w.one(), "en benefits.unknown")
}
