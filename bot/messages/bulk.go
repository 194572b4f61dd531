package messages

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
)

// Format is how many texts are written into one file.
type Format string

// The formats. TOML is for who keeps texts in files, with a table a language, so
// that its lines are those of the release's files. CSV is for a spreadsheet, with
// the English text beside each.
const (
	TOML Format = "toml"
	CSV  Format = "csv"
)

// maxFile is how large a file to be imported may be: a hundred times all texts.
const maxFile = 64 << 20

// ErrOtherTables says that the database was last used by another version of the
// program: the bot that starts next brings it up to date.
var ErrOtherTables = errors.New("the texts in the database are kept as another version of the program keeps them")

// checkTables keeps an export or an import away from tables that it does not know:
// it must not change them under a running bot.
func checkTables(tx *database.Tx) error {
	stored, err := storedVersion(tx)
	if err != nil {
		return err
	}
	known, err := fs.Glob(schemaFiles, "schema/*.sql")
	if err == nil && stored != len(known) {
		err = ErrOtherTables
	}
	return err
}

// Export writes the texts in use, in some languages, with what [Messages.Import]
// needs to see what has been changed since.
func Export(tx *database.Tx, w io.Writer, f Format, languages []bot.Language) error {
	if err := checkTables(tx); err != nil {
		return fmt.Errorf("export messages: %w", err)
	}
	rows, err := readTexts(tx)
	if err != nil {
		return fmt.Errorf("export messages: %w", err)
	}
	slices.SortFunc(rows, func(a, b row) int { return compareKeys(a.key, b.key) })
	english := map[string]Forms{}
	for _, r := range rows {
		if r.Language == bot.English {
			english[r.ID] = r.Text
		}
	}
	rows = slices.DeleteFunc(rows, func(r row) bool { return !slices.Contains(languages, r.Language) })
	var file []byte
	switch f {
	case TOML:
		file = writeTOML(rows, english)
	case CSV:
		file = writeCSV(rows, english)
	default:
		return fmt.Errorf("export messages: there is no format %q", f)
	}
	if _, err := w.Write(file); err != nil {
		return fmt.Errorf("export messages: %w", err)
	}
	return nil
}

// given is one text as a file has it.
type given struct {
	key
	Text  Forms
	Made  string // the fingerprint of the text that the file was made from; "" is unknown
	where map[string]Place
}

// Place is where something stands in a file.
type Place struct {
	Line int // from 1; 0 is unknown
	Row  int // of a spreadsheet, where a text of several lines is one row
}

func (p Place) String() string {
	switch {
	case p.Line == 0:
		return "the file"
	case p.Row != 0 && p.Row != p.Line:
		return fmt.Sprintf("line %d (row %d)", p.Line, p.Row)
	}
	return fmt.Sprintf("line %d", p.Line)
}

// at is where a plural form stands, or the text as a whole.
func (g given) at(form string) Place {
	if p, ok := g.where[form]; ok {
		return p
	}
	first := Place{}
	for _, p := range g.where {
		if first.Line == 0 || p.Line < first.Line {
			first = p
		}
	}
	return first
}

// Finding is something to be said about a file, in English: it is for the
// operator.
type Finding struct {
	Place Place
	Text  string // "help.thanks (fr)"; "" is the file
	Says  string // what is wrong and what to do
}

func (f Finding) String() string {
	if f.Text == "" {
		return f.Place.String() + ": " + f.Says
	}
	return f.Place.String() + ": " + f.Text + ": " + f.Says
}

// readFile reads a file of either format. Texts with problems are left out.
func readFile(content []byte, f Format) ([]given, []Finding) {
	if at, ok := badText(content); ok {
		return nil, []Finding{{Place: at, Says: "this is not text in UTF-8. " +
			"Save the file as UTF-8; a spreadsheet calls it \"CSV UTF-8\""}}
	}
	content = bytes.TrimPrefix(content, []byte(byteOrderMark))
	if f == CSV {
		return readCSV(content)
	}
	return readTOML(content)
}

const byteOrderMark = "\ufeff"

// badText finds what no text file holds: bytes that are no UTF-8, and zeros, as
// UTF-16 is full of.
func badText(content []byte) (Place, bool) {
	line := 1
	for rest := content; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r == 0 || r == utf8.RuneError && size == 1 {
			return Place{Line: line}, true
		}
		if r == '\n' {
			line++
		}
		rest = rest[size:]
	}
	return Place{}, false
}

// fingerprint tells whether a text is another: the beginning of a digest. A
// spreadsheet would take 1234567e89 for a number, so that it begins with a letter
// that no number has.
func fingerprint(k key, f Forms) string {
	h := sha256.New()
	for _, form := range []string{one, many, other} {
		s := normal(k, f).get(form)
		fmt.Fprintf(h, "%d %s", len(s), s)
	}
	return "v" + hex.EncodeToString(h.Sum(nil)[:6])
}

func isFingerprint(s string) bool {
	return len(s) == 13 && s[0] == 'v' && strings.Trim(s[1:], "0123456789abcdef") == ""
}

// normal is a text as the chat's form would take it.
func normal(k key, f Forms) Forms {
	clean := func(s string) string { return strings.TrimSpace(markup.Clean(s)) }
	return typedForms(k, map[string]string{one: clean(f.One), many: clean(f.Many), other: clean(f.Other)})
}
