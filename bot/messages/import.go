package messages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
)

// importer is who an import is by, in the audit.
const importer bot.MemberID = "import"

// Import is what is asked of [Messages.Import].
type Import struct {
	Format        Format
	By            string // the name of who imports, kept in the history
	SkipConflicts bool   // save the rest where a text was changed on both sides
	DryRun        bool   // save nothing
}

// Report is what an import did, or would do.
type Report struct {
	Read      int       // texts in the file
	Problems  []Finding // with any of these nothing is saved
	Conflicts []Finding // changed in the file, and since the export in the database
	Remarks   []Finding // about texts that may stay so
	Changed   []string  // texts that are saved: "help.thanks (fr)"
	Review    []string  // translations that are to be reviewed now
	Match     []string  // translations that no longer are
	Refused   bool      // nothing is saved because of Problems or Conflicts
}

// errRehearsed takes a dry run back.
var errRehearsed = errors.New("this was only tried")

// Import saves the texts of a file that have been changed in it, all of them or
// none. A text that is in the file as it was exported is left as it is by now.
//
//	in the file   in the database   what happens
//	as exported   whatever          nothing
//	changed       as exported       saved, after the checks of the chat's form
//	changed       the same          nothing
//	changed       changed           a conflict
//
// A text that does not say what it was made from may only replace one that was
// never edited.
func (m *Messages) Import(ctx context.Context, db *database.DB, file io.Reader, o Import) (Report, error) {
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return Report{}, fmt.Errorf("import messages: %w", err)
	}
	if len(content) > maxFile {
		return Report{}, fmt.Errorf("import messages: the file is larger than %d MiB", maxFile>>20)
	}
	by := markup.Cut(strings.Join(strings.Fields(markup.Clean(o.By)), " "), 80, "…")
	if by == "" {
		return Report{}, errors.New("import messages: it must be said who imports")
	}
	texts, problems := readFile(content, o.Format)
	var report Report
	err = db.Update(ctx, func(tx *database.Tx) error {
		report = Report{Read: len(texts), Problems: slices.Clone(problems)}
		if err := checkTables(tx); err != nil {
			return err
		}
		if err := m.importTexts(tx, texts, author{Name: by}, o, &report); err != nil {
			return err
		}
		if o.DryRun {
			return errRehearsed
		}
		return nil
	})
	if err != nil && !errors.Is(err, errRehearsed) {
		return Report{}, fmt.Errorf("import messages: %w", err)
	}
	return report, nil
}

func (m *Messages) importTexts(tx *database.Tx, texts []given, by author, o Import, report *Report) error {
	before, err := m.at(tx)
	if err != nil {
		return err
	}
	judge, err := m.newJudge(before, report)
	if err != nil {
		return err
	}
	wanted := map[key]Forms{}
	for _, g := range texts {
		if text, changed := judge.text(g); changed {
			wanted[g.key] = text
		}
	}
	for _, list := range [][]Finding{report.Problems, report.Conflicts, report.Remarks} {
		slices.SortStableFunc(list, func(a, b Finding) int { return a.Place.Line - b.Place.Line })
	}
	report.Refused = len(report.Problems) > 0 || len(report.Conflicts) > 0 && !o.SkipConflicts
	if report.Refused || len(wanted) == 0 {
		return nil
	}
	// English comes before its translations, which are then held to say what it says.
	now := *before
	now.rows = slices.Clone(before.rows)
	for i, r := range before.rows {
		text, ok := wanted[r.key]
		if !ok {
			continue
		}
		if _, err := change(tx, &now, r, text, by, whyImported); err != nil {
			return err
		}
		now.rows[i].Text = text
		report.Changed = append(report.Changed, r.key.String())
		if err := m.people.Audit(tx, importer, "import message", r.key.String()); err != nil {
			return err
		}
	}
	if err := tx.Bump(); err != nil {
		return err
	}
	after, err := m.at(tx)
	if err != nil {
		return err
	}
	for _, r := range after.rows {
		if r.Language != bot.English {
			continue
		}
		review, match := moved(before, after, r.ID)
		for _, l := range review {
			report.Review = append(report.Review, key{r.ID, l}.String())
		}
		for _, l := range match {
			report.Match = append(report.Match, key{r.ID, l}.String())
		}
	}
	return nil
}

// judge finds what is to become of the texts of a file.
type judge struct {
	limits  Limits
	book    *book
	release *book             // for words to the operator, whatever has become of them in the database
	ids     map[string]string // by their letters and digits alone
	report  *Report
}

func (m *Messages) newJudge(b *book, report *Report) (*judge, error) {
	release, err := newBook(fromFiles, m.shipped.rows(), &m.fallbacks)
	if err != nil {
		return nil, err
	}
	j := &judge{m.limits, b, release, map[string]string{}, report}
	for _, r := range b.rows {
		j.ids[bare(r.ID)] = r.ID
	}
	return j, nil
}

// bare is an id without what is easily mistyped.
func bare(id string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(id))
}

// text gives what a text of the file is to become, and whether that is anything
// new and right. What is to be said about it goes into the report.
func (j *judge) text(g given) (Forms, bool) {
	say := func(list *[]Finding, form, says string) {
		*list = append(*list, Finding{g.at(form), g.key.String(), says})
	}
	r, ok := j.book.row(g.ID, g.Language)
	if !ok {
		says := "there is no text with this id. Put the id back as it was in the export, or take the text out"
		if nearest := j.ids[bare(g.ID)]; nearest != "" {
			says = "there is no text with this id: is it " + nearest + "?"
		}
		say(&j.report.Problems, "", says)
		return Forms{}, false
	}
	text := normal(g.key, g.Text)
	switch {
	case g.Made != "" && !isFingerprint(g.Made):
		say(&j.report.Problems, "", alteredMade)
		return Forms{}, false
	case text == normal(r.key, r.Text), g.Made == fingerprint(g.key, text):
		return Forms{}, false
	case g.Made == "" && r.Text != r.Shipped:
		say(&j.report.Conflicts, "", "the file does not say which text this was made from, and the text has been edited here. "+
			exportAgain(r))
		return Forms{}, false
	case g.Made != "" && g.Made != fingerprint(r.key, r.Text):
		say(&j.report.Conflicts, "", "this text has been changed in the file and, since the export, here too. "+exportAgain(r))
		return Forms{}, false
	}
	right := true
	for _, p := range j.limits.text(r.key, text, j.book.source(r.ID), j.book.command(r.ID)) {
		says := strings.Join(strings.Fields(markup.Plain(p.Phrase().Render(j.release, bot.English))), " ")
		if p.Form != "" && j.book.source(r.ID).plural() {
			says = p.Form + ": " + says
		}
		if p.Warning {
			say(&j.report.Remarks, p.Form, says)
			continue
		}
		right = false
		say(&j.report.Problems, p.Form, says)
	}
	return text, right
}

func exportAgain(r row) string {
	return "It now says “" + start(r.Text) + "”. Export again and change it there"
}
