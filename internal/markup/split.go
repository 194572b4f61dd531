package markup

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// minSplit is the least that a bullet's mark and one character need.
const minSplit = 16

// Split cuts t into pieces whose [Plain] is at most limit units of [Length] each
// (less than 16 counts as 16). It cuts between blocks, else between lines,
// sentences, words, graphemes, and inside a grapheme only when that alone is
// larger than limit. Marks are closed and opened again; a link is kept whole, and
// one larger than limit becomes text. Blanks and line breaks at a cut are dropped.
func Split(t Text, limit int) []Text {
	p := packer{max: max(limit, minSplit)}
	for i, block := range Parse(t) {
		var parts []part
		for j, l := range block.Lines {
			l = unlink(l, p.max)
			parts = append(parts, part{block: i, line: j, kind: block.Kind, apart: block.Apart, first: j == 0, spans: l, size: lineLength(l)})
		}
		p.put(parts, 0)
	}
	p.flush()
	return p.pieces
}

// part is a stretch of one line.
type part struct {
	block, line  int // where it is from
	kind         Kind
	apart, first bool // first: it starts its block
	spans        Line
	size         int
}

// packer fills one piece after the other.
type packer struct {
	max    int
	used   int
	parts  []part // of the piece that is being filled
	pieces []Text
}

// cost is what p adds to the length of a piece that ends in last, if in any.
func cost(last *part, p part) int {
	n := p.size
	if last != nil {
		switch {
		case last.block == p.block && last.line == p.line:
			return n
		case last.block != p.block && p.apart:
			n += 2
		default:
			n++
		}
	}
	if p.kind == Quote || p.kind == Bullet && p.first {
		n += 2
	}
	return n
}

func (p *packer) cost(last *part, parts []part) int {
	n := 0
	for i := range parts {
		n += cost(last, parts[i])
		last = &parts[i]
	}
	return n
}

func (p *packer) last() *part {
	if len(p.parts) == 0 {
		return nil
	}
	return &p.parts[len(p.parts)-1]
}

// put adds parts that should stay together; level says how finely they have been
// cut already: 0 a block, 1 a line, 2 a sentence, 3 a word.
func (p *packer) put(parts []part, level int) {
	n := p.cost(p.last(), parts)
	if p.used+n > p.max {
		if n = p.cost(nil, parts); n > p.max {
			p.putSmaller(parts, level)
			return
		}
		p.flush()
	}
	p.parts = append(p.parts, parts...)
	p.used += n
}

func (p *packer) putSmaller(parts []part, level int) {
	switch level {
	case 0:
		for i := range parts {
			p.put(parts[i:i+1], 1)
		}
	case 1:
		p.putCut(parts[0], sentenceEnd, 2)
	case 2:
		p.putCut(parts[0], wordEnd, 3)
	default:
		p.putGraphemes(parts[0])
	}
}

func (p *packer) putCut(whole part, end func(string) int, level int) {
	whole.spans = slices.Clone(whole.spans) // cutting shortens spans in place
	for rest := whole; len(rest.spans) > 0; {
		var head part
		head, rest = rest.cut(end)
		p.put([]part{head}, level)
	}
}

// putGraphemes fills pieces with a word that is larger than any of them.
func (p *packer) putGraphemes(word part) {
	for _, run := range word.spans.runs() {
		if run[0].Link != "" {
			p.put([]part{word.with(run)}, 4)
			word.first = false
			continue
		}
		for _, s := range run {
			p.putSpan(&word, s)
		}
	}
}

func (p *packer) putSpan(word *part, s Span) {
	for s.Text != "" {
		next := word.with(Line{s.styled("")})
		n := prefix(s.Text, p.max-p.used-p.cost(p.last(), []part{next}))
		if n == 0 {
			p.flush()
			room := p.max - p.cost(nil, []part{next})
			if n = prefix(s.Text, room); n == 0 {
				n = prefixRunes(s.Text, room)
			}
		}
		next = word.with(Line{s.styled(s.Text[:n])})
		p.used += p.cost(p.last(), []part{next})
		p.parts = append(p.parts, next)
		s.Text, word.first = s.Text[n:], false
	}
}

func (p part) with(spans Line) part {
	p.spans, p.size = spans, lineLength(spans)
	return p
}

// cut takes off the front of p up to where end says, but no part of a link.
func (p part) cut(end func(string) int) (head, rest part) {
	for i, s := range p.spans {
		if s.Link != "" {
			last := i+1 == len(p.spans) || p.spans[i+1].Link != s.Link
			if last && endsUnit(s.Text, end) {
				return p.at(i+1, 0)
			}
			continue
		}
		if n := end(s.Text); n > 0 {
			return p.at(i, n)
		}
	}
	return p.with(p.spans), part{}
}

func endsUnit(s string, end func(string) int) bool { return end(s+" ") > len(s) }

// at cuts p after n bytes of span i.
func (p part) at(i, n int) (head, rest part) {
	front := slices.Clone(p.spans[:i])
	rest = p
	rest.spans, rest.first = p.spans[i:], false
	if n > 0 {
		front = append(front, p.spans[i].styled(p.spans[i].Text[:n]))
		if rest.spans[0].Text = rest.spans[0].Text[n:]; rest.spans[0].Text == "" {
			rest.spans = rest.spans[1:]
		}
	}
	return p.with(front), rest
}

// sentenceEnd and wordEnd return where the first sentence or word of s ends, with
// the blanks after it, or 0.
func sentenceEnd(s string) int {
	for from := 0; ; {
		n := wordEnd(s[from:])
		if n == 0 {
			return 0
		}
		word := strings.TrimRight(s[from:from+n], " \t\"')]»”’")
		from += n
		if last, _ := utf8.DecodeLastRuneInString(word); strings.ContainsRune(".!?…", last) {
			return from
		}
	}
}

func wordEnd(s string) int {
	n := strings.IndexAny(s, " \t")
	for n >= 0 && n < len(s) && (s[n] == ' ' || s[n] == '\t') {
		n++
	}
	return max(n, 0)
}

// flush ends the piece that is being filled.
func (p *packer) flush() {
	parts := p.parts
	p.parts, p.used = nil, 0
	for len(parts) > 0 && len(parts[0].spans) == 0 {
		parts = parts[1:]
	}
	for len(parts) > 0 && len(parts[len(parts)-1].spans) == 0 {
		parts = parts[:len(parts)-1]
	}
	var blocks []Block
	var line lineBuilder
	for i, q := range parts {
		if i == 0 || parts[i-1].block != q.block {
			if q.kind == Bullet && !q.first {
				q.kind = Paragraph // the rest of a bullet whose mark is in the piece before
			}
			blocks = append(blocks, Block{Kind: q.kind, Apart: i > 0 && q.apart})
		}
		for _, s := range q.spans {
			line.add(s)
		}
		if i+1 == len(parts) || parts[i+1].block != q.block || parts[i+1].line != q.line {
			b := &blocks[len(blocks)-1]
			b.Lines = append(b.Lines, line.done())
		}
	}
	if len(blocks) == 0 {
		return
	}
	trimEdge(&blocks[0].Lines[0], 0, strings.TrimLeft)
	last := blocks[len(blocks)-1].Lines
	trimEdge(&last[len(last)-1], -1, strings.TrimRight)
	for _, b := range blocks {
		for _, l := range b.Lines {
			if strings.Trim(l.text(), " \t") != "" {
				p.pieces = append(p.pieces, format(blocks))
				return
			}
		}
	}
}

func trimEdge(line *Line, at int, trim func(string, string) string) {
	if len(*line) == 0 {
		return
	}
	if at < 0 {
		at = len(*line) - 1
	}
	s := &(*line)[at]
	if s.Code || s.Link != "" {
		return
	}
	if s.Text = trim(s.Text, " \t"); s.Text == "" {
		*line = slices.Delete(*line, at, at+1)
	}
}

// unlink makes text of links that fit into no piece. Such a line loses its other
// marks too: without the link's brackets between, they might touch a word.
func unlink(line Line, limit int) Line {
	var out lineBuilder
	runs := line.runs()
	long := func(run Line) bool { return run[0].Link != "" && lineLength(run) > limit-2 }
	bare := slices.ContainsFunc(runs, long)
	for _, run := range runs {
		link, tooLong := run[0].Link, long(run)
		for _, s := range run {
			if bare {
				s = Span{Text: s.Text, Link: link}
			}
			if tooLong {
				s.Link = ""
			}
			out.add(s)
		}
		if tooLong && run.text() != link {
			out.add(Span{Text: " (" + link + ")"})
		}
	}
	return out.done()
}

func lineLength(line Line) int {
	var b strings.Builder
	plainLine(&b, line)
	return Length(b.String())
}
