package markup

import "strings"

// Plain returns t without marks, for screen readers and notifications. Bullets
// start with "• ", lines of a quote with "> "; a link is "label (address)", or
// the address alone when that is its label.
func Plain(t Text) string {
	var b strings.Builder
	layout(&b, Parse(t), plainBullet, plainQuote, func(l Line) { plainLine(&b, l) })
	return b.String()
}

const plainBullet, plainQuote = "• ", "> "

func plainLine(b *strings.Builder, line Line) {
	for _, run := range line.runs() {
		label, link := run.text(), run[0].Link
		b.WriteString(label)
		if link != "" && link != label && link != "mailto:"+label {
			b.WriteString(" (" + link + ")")
		}
	}
}
