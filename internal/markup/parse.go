package markup

import "strings"

// Parse returns the blocks of t. Empty lines at both ends, and all but one
// between two blocks, are dropped; everything else that is written is kept.
func Parse(t Text) []Block {
	var blocks []Block
	apart := false
	for _, row := range rows(string(t)) {
		if row.blank() {
			apart = len(blocks) > 0
			continue
		}
		lines := inline(row.text)
		last := len(blocks) - 1
		if last >= 0 && !apart && row.kind != Bullet && blocks[last].Kind == row.kind {
			blocks[last].Lines = append(blocks[last].Lines, lines...)
		} else {
			blocks = append(blocks, Block{Kind: row.kind, Apart: apart, Lines: lines})
		}
		apart = false
	}
	return blocks
}

// row is a line of the source, which an escaped newline does not end.
type row struct {
	kind Kind
	text string // without the line's own mark
	at   int    // offset of text in the source, in bytes
}

func (r row) blank() bool { return r.kind == Paragraph && strings.Trim(r.text, " \t") == "" }

func rows(s string) []row {
	var rows []row
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '\n' {
			if escapes(s, i) {
				i++
			}
			continue
		}
		r := row{text: strings.TrimSuffix(s[start:i], "\r"), at: start}
		switch {
		case strings.HasPrefix(r.text, "- "):
			r.kind = Bullet
		case strings.HasPrefix(r.text, "> "):
			r.kind = Quote
		}
		if r.kind != Paragraph {
			r.text, r.at = r.text[2:], r.at+2
		}
		rows = append(rows, r)
		start = i + 1
	}
	return rows
}

// inline returns the lines of one row: one more than it has escaped newlines.
func inline(s string) []Line {
	tokens := scan(s)
	pair(s, tokens)
	var lines []Line
	var line lineBuilder
	var style Span
	end := -1 // where the code span ends that we are in
	for i, t := range tokens {
		switch {
		case t.kind == '\n':
			lines = append(lines, loosen(line.done()))
		case i == end:
			style.Code, end = false, -1
		case end >= 0 || t.pair < 0:
			line.add(style.styled(t.text))
		case t.kind == '*':
			style.Bold = t.pair > i
		case t.kind == '_':
			style.Italic = t.pair > i
		case t.kind == '`':
			style.Code, end = true, t.pair
		case t.kind == '[':
			style.Link = tokens[t.pair].address
		case t.kind == ']':
			style.Link = ""
		}
	}
	return append(lines, loosen(line.done()))
}

// loosen moves blanks at the edges of bold and italic out of them: no platform
// shows the difference, and Slack takes "* a*" for no mark at all.
func loosen(line Line) Line {
	for _, field := range []func(*Span) *bool{
		func(s *Span) *bool { return &s.Bold },
		func(s *Span) *bool { return &s.Italic },
	} {
		var out lineBuilder
		for i, s := range line {
			if !*field(&s) || s.Code {
				out.add(s)
				continue
			}
			bare := s
			*field(&bare) = false
			body, tail := s.Text, ""
			if i == 0 || !*field(&line[i-1]) {
				rest := strings.TrimLeft(body, " \t")
				out.add(bare.styled(body[:len(body)-len(rest)]))
				body = rest
			}
			if i == len(line)-1 || !*field(&line[i+1]) {
				rest := strings.TrimRight(body, " \t")
				body, tail = rest, body[len(rest):]
			}
			out.add(s.styled(body))
			out.add(bare.styled(tail))
		}
		line = out.done()
	}
	return line
}

// lineBuilder joins neighbours of one style.
type lineBuilder struct {
	line  Line
	style Span
	text  strings.Builder
}

func (b *lineBuilder) add(s Span) {
	if s.Text == "" {
		return
	}
	if style := s.styled(""); style != b.style {
		b.flush()
		b.style = style
	}
	b.text.WriteString(s.Text)
}

func (b *lineBuilder) flush() {
	if b.text.Len() > 0 {
		b.line = append(b.line, b.style.styled(b.text.String()))
		b.text.Reset()
	}
}

func (b *lineBuilder) done() Line {
	b.flush()
	line := b.line
	*b = lineBuilder{}
	return line
}
