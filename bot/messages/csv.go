package messages

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"procurabot/bot"
)

// The columns of a spreadsheet. The order is free and more may be added; the first
// three must be there.
const (
	columnID       = "id"
	columnLanguage = "language"
	columnText     = "text"
	columnForm     = "plural form"
	columnEnglish  = "English"
	columnState    = "state"
	columnMade     = "made from"
)

// writeCSV writes a row for each plural form of each text, with the byte order
// mark and line ends by which a spreadsheet knows UTF-8 and
// https://www.rfc-editor.org/rfc/rfc4180. Package csv would end the lines within a
// text the same way, which a spreadsheet shows as a stray character.
func writeCSV(rows []row, english map[string]Forms) []byte {
	var b bytes.Buffer
	b.WriteString(byteOrderMark)
	line := func(cells ...string) {
		for i, cell := range cells {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteByte('"')
			b.WriteString(strings.ReplaceAll(guard(cell), `"`, `""`))
			b.WriteByte('"')
		}
		b.WriteString("\r\n")
	}
	line(columnID, columnLanguage, columnForm, columnText, columnEnglish, columnState, columnMade)
	for _, r := range rows {
		forms := formsOf(r.Language, r.Text.plural())
		for _, form := range forms {
			beside := ""
			if r.Language != bot.English {
				if beside = english[r.ID].get(form); beside == "" {
					beside = english[r.ID].Other // English has no form for full millions
				}
			}
			named := form
			if len(forms) == 1 {
				named = ""
			}
			line(r.ID, string(r.Language), named, r.Text.get(form), beside, string(r.State), fingerprint(r.key, r.Text))
		}
	}
	return b.Bytes()
}

// formulas are the signs with which a spreadsheet lets a formula begin, some in
// their wide forms too, and the characters that it skips before one.
// https://owasp.org/www-community/attacks/CSV_Injection
const formulas = "=+-@\t\r\n＝＋－＠"

// guard puts an apostrophe before what a spreadsheet would run as a formula, and
// before what looks as if it had one.
func guard(cell string) string {
	if s := strings.TrimLeft(cell, "'"); s != "" && strings.ContainsAny(first(s), formulas) {
		return "'" + cell
	}
	return cell
}

// unguard takes the apostrophe away: unguard(guard(s)) is s.
func unguard(cell string) string {
	if s := strings.TrimLeft(cell, "'"); s != cell && s != "" && strings.ContainsAny(first(s), formulas) {
		return cell[1:]
	}
	return cell
}

func first(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

// readCSV reads what a spreadsheet has saved, with commas, semicolons (as where
// the comma is in numbers) or tabs.
func readCSV(content []byte) ([]given, []Finding) {
	r := csv.NewReader(bytes.NewReader(content))
	r.FieldsPerRecord = -1
	r.Comma = separator(content)
	sheet := sheet{index: map[key]int{}}
	for row := 1; ; row++ {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
			// What follows would be read wrongly: where a quotation mark is missing, all of it is one cell.
			sheet.find(Place{wrong.Line, row}, "", fmt.Sprintf("the quotation marks do not match, in the row that begins at line %d. "+
				"Save the file from a spreadsheet again", wrong.StartLine))
			break
		}
		if err != nil {
			sheet.find(Place{}, "", err.Error())
			break
		}
		line, _ := r.FieldPos(0)
		if row == 1 {
			if !sheet.head(cells) {
				break
			}
			continue
		}
		sheet.row(Place{line, row}, cells)
	}
	if sheet.columns == nil && len(sheet.findings) == 0 {
		sheet.find(Place{}, "", "the file is empty")
	}
	return sheet.texts, sheet.findings
}

// separator is what stands between the columns' names.
func separator(content []byte) rune {
	head, _, _ := bytes.Cut(content, []byte("\n"))
	best, most := ',', 0
	for _, r := range ",;\t" {
		if n := bytes.Count(head, []byte(string(r))); n > most {
			best, most = r, n
		}
	}
	return best
}

// sheet is a spreadsheet as far as it has been read.
type sheet struct {
	columns  map[string]int
	texts    []given
	index    map[key]int
	findings []Finding
}

func (s *sheet) find(at Place, text, says string) {
	s.findings = append(s.findings, Finding{at, text, says})
}

// head reads the columns' names.
func (s *sheet) head(cells []string) bool {
	s.columns = map[string]int{}
	for i, cell := range cells {
		name := strings.ToLower(strings.TrimSpace(unguard(cell)))
		if _, twice := s.columns[name]; twice && slices.Contains([]string{columnID, columnLanguage, columnText, columnForm, columnMade}, name) {
			s.find(Place{1, 1}, "", fmt.Sprintf("the column %q is there twice: take one out", name))
		}
		s.columns[name] = i
	}
	for _, name := range []string{columnID, columnLanguage, columnText} {
		if _, ok := s.columns[name]; !ok {
			s.find(Place{1, 1}, "", fmt.Sprintf("there is no column %q. The first row names the columns, as in an export", name))
		}
	}
	return len(s.findings) == 0
}

// row reads one plural form of one text.
func (s *sheet) row(at Place, cells []string) {
	if !slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" }) {
		return
	}
	cell := func(name string) string {
		if i, ok := s.columns[name]; ok && i < len(cells) {
			return unguard(cells[i])
		}
		return ""
	}
	word := func(name string) string { return strings.ToLower(strings.TrimSpace(cell(name))) }
	k := key{strings.TrimSpace(cell(columnID)), bot.Language(word(columnLanguage))}
	if k.ID == "" {
		s.find(at, "", "there is no id. Fill it in as in the export, or take the row out")
		return
	}
	if !k.Language.Known() {
		s.find(at, k.ID, unknownLanguage(string(k.Language)))
		return
	}
	form := word(columnForm)
	if form == "" {
		form = other
	}
	if !slices.Contains([]string{one, many, other}, form) {
		s.find(at, k.String(), fmt.Sprintf("there is no plural form %q: it is one, many or other", form))
		return
	}
	i, known := s.index[k]
	if !known {
		i = len(s.texts)
		s.index[k] = i
		s.texts = append(s.texts, given{key: k, where: map[string]Place{}})
	}
	g := &s.texts[i]
	if before, twice := g.where[form]; twice {
		s.find(at, k.String(), fmt.Sprintf("this text is in %s already: take one of the two out", before))
		return
	}
	g.where[form] = at
	switch form {
	case one:
		g.Text.One = cell(columnText)
	case many:
		g.Text.Many = cell(columnText)
	default:
		g.Text.Other = cell(columnText)
	}
	if made := word(columnMade); made != "" {
		if g.Made != "" && g.Made != made {
			s.find(at, k.String(), alteredMade)
		}
		g.Made = made
	}
}

const alteredMade = "what says which text this was made from has been altered. Export again and copy the text over"

func unknownLanguage(l string) string {
	return fmt.Sprintf("the language %q is not known: it is en, fr or de", l)
}
