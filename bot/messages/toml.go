package messages

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"procurabot/bot"
)

// madeTable holds, at the end of a file and away from what is edited, the
// fingerprints of the texts that it was made from.
const madeTable = "made-from"

// writeTOML writes a table for each language. Its lines are those of a release's
// file for the language, so that they can be copied over; what helps an editor is
// a comment above.
func writeTOML(rows []row, english map[string]Forms) []byte {
	var b bytes.Buffer
	b.WriteString("# Texts of Procurabot. Change what stands in quotation marks behind an id, then\n" +
		"# bring the file back: procurabot messages import FILE\n" +
		"# Lines that begin with # are remarks. Texts may be left out, ids may not be changed.\n")
	languages := bot.Languages()
	languages = slices.DeleteFunc(languages, func(l bot.Language) bool {
		return !slices.ContainsFunc(rows, func(r row) bool { return r.Language == l })
	})
	for _, l := range languages {
		fmt.Fprintf(&b, "\n[%s]\n", l)
		for _, r := range rows {
			if r.Language == l {
				writeRemarks(&b, r, english[r.ID])
				fmt.Fprintf(&b, "%s = %s\n", quoted(r.ID), tomlText(r.Text))
			}
		}
	}
	b.WriteString("\n# Which texts this file was made from. Please leave these lines as they are: they keep\n" +
		"# an import from overwriting what somebody has changed meanwhile.\n")
	for _, l := range languages {
		fmt.Fprintf(&b, "\n[%s.%s]\n", madeTable, l)
		for _, r := range rows {
			if r.Language == l {
				fmt.Fprintf(&b, "%s = %s\n", quoted(r.ID), quoted(fingerprint(r.key, r.Text)))
			}
		}
	}
	return b.Bytes()
}

func writeRemarks(b *bytes.Buffer, r row, english Forms) {
	switch r.State {
	case Review:
		b.WriteString("# to be reviewed: what it translates, or the release's own text, has changed\n")
	case Edited:
		b.WriteString("# edited here\n")
	}
	if r.Language == bot.English {
		return
	}
	for form, s := range english.all() {
		mark := "en"
		if english.plural() {
			mark += " " + form
		}
		for line := range strings.SplitSeq(s, "\n") {
			fmt.Fprintf(b, "# %s: %s\n", mark, strings.Map(noControl, line))
			mark = "  "
		}
	}
}

// noControl leaves out what a remark may not hold.
func noControl(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7f {
		return -1
	}
	return r
}

// tomlText writes a text of one line as a string, one of several as it reads, and
// plural forms as a table in a line.
func tomlText(f Forms) string {
	if !f.plural() {
		if strings.Contains(f.Other, "\n") {
			return "\"\"\"\n" + escaped(f.Other, true) + "\"\"\""
		}
		return quoted(f.Other)
	}
	var forms []string
	for form, s := range f.all() {
		forms = append(forms, form+" = "+quoted(s))
	}
	return "{ " + strings.Join(forms, ", ") + " }"
}

func quoted(s string) string { return `"` + escaped(s, false) + `"` }

// escaped writes what a string in quotation marks may not hold.
// https://toml.io/en/v1.0.0#string
func escaped(s string, lines bool) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' && lines, r == '\t':
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '"', r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// readTOML reads a table for each language.
func readTOML(content []byte) ([]given, []Finding) {
	f := tomlFile{seen: map[key]bool{}}
	var wrong *Finding
	if f.lines, wrong = tomlLines(content); wrong != nil {
		return nil, []Finding{*wrong}
	}
	var tables map[string]any
	if err := toml.Unmarshal(content, &tables); err != nil {
		if p, ok := errors.AsType[toml.ParseError](err); ok {
			return nil, []Finding{{Place: Place{Line: p.Position.Line}, Says: "the file cannot be read here: " + p.Message}}
		}
		return nil, []Finding{{Says: err.Error()}}
	}
	made, _ := tables[madeTable].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if name == madeTable {
			continue
		}
		l := bot.Language(name)
		table, isTable := tables[name].(map[string]any)
		switch {
		case !isTable:
			f.find("", name, fmt.Sprintf("%q stands in no language: write [en], [fr] or [de] on a line above", name))
		case !l.Known():
			f.find("", name, unknownLanguage(name))
		default:
			f.texts = nil
			f.read(l, "", table)
			f.made(made[name])
			f.all = append(f.all, f.texts...)
		}
	}
	slices.SortStableFunc(f.all, func(a, b given) int { return a.at("").Line - b.at("").Line })
	return f.all, f.findings
}

type tomlFile struct {
	lines    map[string]int
	all      []given
	texts    []given // of the present language
	seen     map[key]bool
	findings []Finding
}

func (f *tomlFile) find(text, path, says string) {
	f.findings = append(f.findings, Finding{f.place(path), text, says})
}

// place finds a key, or the table that it is in.
func (f *tomlFile) place(path string) Place {
	for {
		if line, ok := f.lines[path]; ok {
			return Place{Line: line}
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			return Place{}
		}
		path = path[:i]
	}
}

// read reads a table. As in a release's file an id may be one key, or a table in
// a table.
func (f *tomlFile) read(l bot.Language, above string, table map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(table)) {
		k := key{above + name, l}
		path := string(l) + "." + k.ID
		var text Forms
		switch value := table[name].(type) {
		case string:
			text.Other = value
		case map[string]any:
			forms, ok := pluralForms(value)
			if !ok {
				f.read(l, k.ID+".", value)
				continue
			}
			text = forms
		default:
			f.find(k.String(), path, "a text stands in quotation marks")
			continue
		}
		if f.seen[k] {
			f.find(k.String(), path, "this text is in the file twice: take one of the two out")
			continue
		}
		f.seen[k] = true
		f.texts = append(f.texts, given{key: k, Text: text, where: map[string]Place{"": f.place(path)}})
	}
}

// pluralForms reads a table whose keys are plural forms.
func pluralForms(table map[string]any) (Forms, bool) {
	var text Forms
	for name, value := range table {
		s, ok := value.(string)
		switch {
		case ok && name == one:
			text.One = s
		case ok && name == many:
			text.Many = s
		case ok && name == other:
			text.Other = s
		default:
			return Forms{}, false
		}
	}
	return text, len(table) > 0
}

// made brings the fingerprints to the texts of a language.
func (f *tomlFile) made(table any) {
	prints, _ := table.(map[string]any)
	for i := range f.texts {
		if value, ok := prints[f.texts[i].ID]; ok {
			// What is no string is no fingerprint, and said to be altered.
			f.texts[i].Made = fmt.Sprint(value)
		}
	}
}

// maxDepth bounds tables in tables, which the library reads by recursion.
const maxDepth = 16

// maxKey is far longer than any id.
const maxKey = 500

// tomlLines finds the line of each key, by its whole path, because the library
// does not tell. It also refuses what would cost the library a deep stack or much
// time.
func tomlLines(content []byte) (map[string]int, *Finding) {
	lines := map[string]int{}
	s := string(content)
	table, depth, line := "", 0, 1
	tooMuch := func() (map[string]int, *Finding) {
		return nil, &Finding{Place: Place{Line: line}, Says: "this is no line of a message file. Export again and copy the texts over"}
	}
	begins := true // a line, outside everything
	for i := 0; i < len(s); {
		if begins && depth == 0 {
			begins = false
			end := strings.IndexByte(s[i:], '\n')
			if end < 0 {
				end = len(s) - i
			}
			head := strings.TrimSpace(s[i : i+end])
			if strings.HasPrefix(head, "[") {
				path, _ := keyPath(strings.TrimLeft(head, "["), ']')
				if len(path) > maxKey {
					return tooMuch()
				}
				table = path + "."
				lines[path] = line
				i += end
				continue
			}
			if path, ok := keyPath(head, '='); ok {
				if len(path) > maxKey {
					return tooMuch()
				}
				if _, twice := lines[table+path]; !twice {
					lines[table+path] = line
				}
			}
		}
		switch c := s[i]; {
		case c == '\n':
			line++
			i++
			begins = true
		case c == '#':
			if end := strings.IndexByte(s[i:], '\n'); end >= 0 {
				i += end
			} else {
				i = len(s)
			}
		case c == '"' || c == '\'':
			size, newlines := stringLength(s[i:])
			i += size
			line += newlines
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return tooMuch()
			}
			i++
		case c == ']' || c == '}':
			depth = max(0, depth-1)
			i++
		default:
			i++
		}
	}
	return lines, nil
}

// keyPath reads a key up to a sign: "a.b" as a.b, a."b.c" as a.b.c.
func keyPath(s string, end byte) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == end:
			return b.String(), b.Len() > 0
		case c == '"' || c == '\'':
			size, _ := stringLength(s[i:])
			b.WriteString(strings.Trim(s[i:i+size], string(c)))
			i += size
		case c == ' ' || c == '\t':
			i++
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String(), false
}

// stringLength measures the string at the beginning of s, to the end of the line
// or the file where it is not closed.
func stringLength(s string) (size, newlines int) {
	mark, long := s[:1], false
	if t := strings.Repeat(mark, 3); strings.HasPrefix(s, t) {
		mark, long = t, true
	}
	for i := len(mark); i < len(s); i++ {
		switch {
		case s[i] == '\\' && mark[0] == '"':
			if i+1 < len(s) && s[i+1] != '\n' {
				i++
			}
		case s[i] == '\n' && !long:
			return i, 0
		case s[i] == '\n':
			newlines++
		case strings.HasPrefix(s[i:], mark):
			// Two more quotation marks may stand right before the end.
			size = i + len(mark)
			for long && size < len(s) && s[size] == mark[0] {
				size++
			}
			return size, newlines
		}
	}
	return len(s), newlines
}
