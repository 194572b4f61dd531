package markup

import (
	"strings"
	"unicode/utf8"
)

// weave writes one line: leaf writes the spans, and bold and italic (how each
// opens and closes) come around runs of them, properly nested.
func weave(b *strings.Builder, line Line, bold, italic [2]string, leaf func(Span)) {
	marks := [2][2]string{bold, italic}
	has := func(i, style int) bool {
		if i >= len(line) {
			return false
		}
		return style == 0 && line[i].Bold || style == 1 && line[i].Italic
	}
	// A seam is where the style changes inside a word, as in *b*_*a*_: there all marks
	// close and open again, in an order that lets none touch the word.
	seam := func(i int) bool {
		return i > 0 && i < len(line) && !line[i-1].Code && !line[i].Code &&
			(has(i, 0) != has(i-1, 0) || has(i, 1) != has(i-1, 1)) && lastIsWord(line[i-1].Text) && firstIsWord(line[i].Text)
	}
	var open []int
	for i := 0; i <= len(line); i++ {
		keep := 0
		for keep < len(open) && has(i, open[keep]) && !seam(i) {
			keep++
		}
		for len(open) > keep {
			b.WriteString(marks[open[len(open)-1]][1])
			open = open[:len(open)-1]
		}
		if i == len(line) {
			return
		}
		start := func(style int) {
			for _, o := range open {
				if o == style {
					return
				}
			}
			if has(i, style) {
				b.WriteString(marks[style][0])
				open = append(open, style)
			}
		}
		// Of two that open here the one that lasts longer is the outer one.
		j := i
		for len(open) == 0 && has(j, 0) && has(j, 1) {
			j++
		}
		italicFirst := has(j, 1)
		switch {
		case seam(i):
			italicFirst = has(i-1, 0)
		case seam(j):
			italicFirst = has(j, 0)
		}
		if italicFirst {
			start(1)
			start(0)
		} else {
			start(0)
			start(1)
		}
		leaf(line[i])
	}
}

func firstIsWord(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return word(r)
}

func lastIsWord(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return word(r)
}

// layout writes blocks as lines of text: breaks between them, and what starts a
// bullet and each line of a quote.
func layout(b *strings.Builder, blocks []Block, bullet, quote string, line func(Line)) {
	for i, block := range blocks {
		if i > 0 {
			b.WriteByte('\n')
			if block.Apart {
				b.WriteByte('\n')
			}
		}
		for j, l := range block.Lines {
			if j > 0 {
				b.WriteByte('\n')
			}
			switch {
			case block.Kind == Quote:
				b.WriteString(quote)
			case block.Kind == Bullet && j == 0:
				b.WriteString(bullet)
			}
			line(l)
		}
	}
}

// runs cuts a line where a link starts or ends. A link's label is one run, so that
// marks inside it stay inside: outside they might touch a word, and mark nothing.
func (l Line) runs() []Line {
	var runs []Line
	start := 0
	for i := range l {
		if i+1 == len(l) || l[i+1].Link != l[i].Link {
			runs = append(runs, l[start:i+1])
			start = i + 1
		}
	}
	return runs
}

func (l Line) text() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.Text)
	}
	return b.String()
}
