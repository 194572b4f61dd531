package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"procurabot/bot"
	"procurabot/bot/members"
	"procurabot/bot/messages"
	"procurabot/internal/database"
	"procurabot/locales"
)

type messagesCommand struct {
	Check  messagesCheck  `cmd:"" help:"Checks all texts in all languages, those that ship and those in the database."`
	Export messagesExport `cmd:"" help:"Writes the texts of the database into a file."`
	Import messagesImport `cmd:"" help:"Saves the texts that have been changed in an exported file."`
}

// openTexts opens the database, which a bot must have made.
func openTexts(p *program) (*database.DB, error) {
	path, err := existingDatabase(p)
	if err != nil {
		return nil, err
	}
	db, err := database.Open(p.ctx, path, database.Options{})
	if err != nil {
		return nil, usageError{err}
	}
	return db, nil
}

// explainTables says what to do about tables of another version.
func explainTables(err error) error {
	if errors.Is(err, messages.ErrOtherTables) {
		return usageError{fmt.Errorf("%w: use the program that the bot runs, or start the bot anew with this one first", err)}
	}
	return err
}

type messagesCheck struct{}

func (messagesCheck) Help() string {
	return `For each text: is there one in every language, does it parse, has it the placeholders and plural forms it needs, are its
marks closed, is it short enough for the tightest platform, is it translated. The texts of the database (PROCURABOT_DATABASE)
are checked where the file exists; a running bot is not disturbed. Exit code 1 when something is wrong.`
}

func (messagesCheck) Run(p *program) error {
	found := messages.Check(locales.Files(), messages.Tightest())
	checked := "the texts that ship"
	path := databasePath(p)
	if _, err := os.Stat(path); err == nil {
		db, err := database.Open(p.ctx, path, database.Options{})
		if err != nil {
			return usageError{err}
		}
		err = db.View(p.ctx, func(tx *database.Tx) error {
			stored, err := messages.CheckStored(tx, messages.Tightest())
			found = append(found, stored...)
			return err
		})
		if err := errors.Join(err, db.Close()); err != nil {
			return fmt.Errorf("check the texts of %s: %w", path, err)
		}
		checked += " and those of " + path
	}
	wrong := 0
	for _, problem := range found {
		fmt.Fprintln(p.out, problem)
		if !problem.Warning {
			wrong++
		}
	}
	fmt.Fprintf(p.out, "checked %s: %d wrong, %d to look at\n", checked, wrong, len(found)-wrong)
	if wrong > 0 {
		return errDiffers
	}
	return nil
}

type messagesExport struct {
	Format   string `help:"toml or csv; as FILE ends, else toml." placeholder:"FORMAT" enum:"toml,csv," default:""`
	Language string `help:"Only this language: en, fr or de." placeholder:"LANGUAGE" enum:"en,fr,de," default:""`
	Out      string `help:"The file, instead of standard output." placeholder:"FILE" short:"o"`
}

func (messagesExport) Help() string {
	return `toml: a table for each language, its lines as in the files that ship, the English text above each as a remark.
csv: a row for each text, for a spreadsheet, with the English text beside it.
Both hold what "import" needs to see what was changed since. A running bot is not disturbed.`
}

func (c messagesExport) Run(p *program) error {
	format, err := formatOf(c.Format, c.Out)
	if err != nil && c.Out != "" {
		return err
	}
	languages := bot.Languages()
	if c.Language != "" {
		languages = []bot.Language{bot.Language(c.Language)}
	}
	db, err := openTexts(p)
	if err != nil {
		return err
	}
	write := func(w io.Writer) error {
		return db.View(p.ctx, func(tx *database.Tx) error { return messages.Export(tx, w, format, languages) })
	}
	if c.Out == "" {
		err = write(p.out)
	} else {
		err = writeFile(c.Out, write)
	}
	return explainTables(errors.Join(err, db.Close()))
}

// writeFile gives the file its name only when it is whole, so that a full disk
// leaves what was there.
func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return usageError{err}
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	// Unlike other temporary files, it is for others to read.
	if err := errors.Join(write(f), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

type messagesImport struct {
	File          string `arg:"" help:"An exported file; - is standard input."`
	Format        string `help:"toml or csv; as FILE ends." placeholder:"FORMAT" enum:"toml,csv," default:""`
	By            string `help:"Who imports, for the history; the user who is logged in." placeholder:"NAME"`
	SkipConflicts bool   `help:"Save the rest where a text was changed both in the file and here."`
	DryRun        bool   `help:"Save nothing, only say what would be saved." short:"n"`
}

func (messagesImport) Help() string {
	return `Texts that stand in the file as they were exported are left alone. Those that were changed are checked as in the chat and
saved, all or none; the running bot says them from its next message on. A text that was also changed here since the export
is a conflict. Exit code 1 when nothing is saved because of a problem or a conflict.`
}

func (c messagesImport) Run(p *program) error {
	format, err := formatOf(c.Format, c.File)
	if err != nil {
		return err
	}
	by := c.By
	if by == "" {
		if u, err := user.Current(); err == nil {
			by = u.Username
		}
	}
	if strings.TrimSpace(by) == "" {
		return usageError{errors.New("it is not known who imports: add --by NAME")}
	}
	file := p.in
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return usageError{err}
		}
		defer f.Close()
		file = f
	}
	texts, err := messages.New(locales.Files(), messages.Tightest(), members.New())
	if err != nil {
		return err
	}
	db, err := openTexts(p)
	if err != nil {
		return err
	}
	report, err := texts.Import(p.ctx, db, file, messages.Import{
		Format: format, By: by, SkipConflicts: c.SkipConflicts, DryRun: c.DryRun,
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return explainTables(err)
	}
	return c.tell(p.out, report)
}

// tell prints what an import did.
func (c messagesImport) tell(w io.Writer, r messages.Report) error {
	lines := func(before string, findings []messages.Finding) {
		for _, f := range findings {
			fmt.Fprintln(w, before+f.String())
		}
	}
	lines("wrong, ", r.Problems)
	lines("conflict, ", r.Conflicts)
	lines("to look at, ", r.Remarks)
	if r.Refused {
		fmt.Fprintf(w, "nothing is saved: %s, %s. Mend them and import the file again", count(len(r.Problems), "problem"), count(len(r.Conflicts), "conflict"))
		if len(r.Problems) == 0 {
			fmt.Fprint(w, ", or save the rest with --skip-conflicts")
		}
		fmt.Fprintln(w)
		return errDiffers
	}
	list := func(what string, texts []string) {
		if len(texts) > 0 {
			fmt.Fprintf(w, "%s: %s\n", what, strings.Join(texts, ", "))
		}
	}
	list("changed", r.Changed)
	list("to be reviewed now", r.Review)
	list("no longer to be reviewed", r.Match)
	saved := "saved"
	if c.DryRun {
		saved = "would be saved"
	}
	fmt.Fprintf(w, "%s read, %d %s, %s left out\n", count(r.Read, "text"), len(r.Changed), saved, count(len(r.Conflicts), "conflict"))
	return nil
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// formatOf is a file's format, as it was asked for or as its name ends.
func formatOf(asked, path string) (messages.Format, error) {
	switch ending := strings.ToLower(filepath.Ext(path)); {
	case asked != "":
		return messages.Format(asked), nil
	case ending == ".toml":
		return messages.TOML, nil
	case ending == ".csv":
		return messages.CSV, nil
	}
	return messages.TOML, usageError{fmt.Errorf("%s: say which format it has: --format toml or --format csv", path)}
}
