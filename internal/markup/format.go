package markup

import "strings"

// format writes blocks as marked text again: Parse(format(Parse(t))) equals
// Parse(t).
func format(blocks []Block) Text {
	var b strings.Builder
	for i, block := range blocks {
		if i > 0 {
			b.WriteByte('\n')
			if block.Apart {
				b.WriteByte('\n')
			}
		}
		switch block.Kind {
		case Bullet:
			b.WriteString("- ")
		case Quote:
			b.WriteString("> ")
		}
		for j, l := range block.Lines {
			if j > 0 {
				b.WriteString("\\\n")
			}
			formatLine(&b, l)
		}
	}
	return Text(b.String())
}

func formatLine(b *strings.Builder, line Line) {
	for _, run := range line.runs() {
		link := run[0].Link
		if link != "" {
			b.WriteByte('[')
		}
		weave(b, run, [2]string{"*", "*"}, [2]string{"_", "_"}, func(s Span) {
			if s.Code {
				b.WriteString("`" + escape(s.Text) + "`")
			} else {
				b.WriteString(escape(s.Text))
			}
		})
		if link != "" {
			b.WriteString("](" + escape(link) + ")")
		}
	}
}
