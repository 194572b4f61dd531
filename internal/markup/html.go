package markup

import (
	"html/template"
	"strings"
)

// HTML returns t as a fragment of paragraphs, lists and quotes.
func HTML(t Text) template.HTML {
	var b strings.Builder
	blocks := Parse(t)
	for i, block := range blocks {
		item := func(j int) bool { return j >= 0 && j < len(blocks) && blocks[j].Kind == Bullet }
		switch {
		case block.Kind == Quote:
			b.WriteString("<blockquote>")
			htmlParagraphs(&b, block.Lines)
			b.WriteString("</blockquote>\n")
		case block.Kind == Paragraph:
			htmlParagraphs(&b, block.Lines)
			b.WriteByte('\n')
		default:
			if !item(i - 1) {
				b.WriteString("<ul>")
			}
			b.WriteString("<li>")
			htmlLines(&b, block.Lines)
			b.WriteString("</li>")
			if !item(i + 1) {
				b.WriteString("</ul>\n")
			}
		}
	}
	return template.HTML(b.String()) //nolint:gosec // every leaf is escaped below
}

// htmlParagraphs makes paragraphs of what the empty lines of data separate.
func htmlParagraphs(b *strings.Builder, lines []Line) {
	for len(lines) > 0 {
		n := 0
		for n < len(lines) && len(lines[n]) > 0 {
			n++
		}
		if n > 0 {
			b.WriteString("<p>")
			htmlLines(b, lines[:n])
			b.WriteString("</p>")
		}
		lines = lines[min(n+1, len(lines)):]
	}
}

func htmlLines(b *strings.Builder, lines []Line) {
	for i, l := range lines {
		if i > 0 {
			b.WriteString("<br>")
		}
		for _, run := range l.runs() {
			link := run[0].Link
			if link != "" {
				b.WriteString(`<a href="` + template.HTMLEscapeString(link) + `" rel="noopener noreferrer">`)
			}
			weave(b, run, [2]string{"<strong>", "</strong>"}, [2]string{"<em>", "</em>"}, func(s Span) {
				text := template.HTMLEscapeString(s.Text)
				if s.Code {
					text = "<code>" + text + "</code>"
				}
				b.WriteString(text)
			})
			if link != "" {
				b.WriteString("</a>")
			}
		}
	}
}
