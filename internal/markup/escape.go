package markup

import "strings"

// escapable are the characters that lose their meaning after a backslash. Blanks
// and the newline are among them because they decide whether a mark counts.
const escapable = "\\*_`[]()->\n \t"

// Escape returns what a person wrote as text without marks, cleaned. Its result
// can stand at any place of a marked template: at the start of a line, inside a
// mark, a label or an address.
func Escape(s string) Text { return Text(escape(Clean(s))) }

func escape(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case strings.IndexByte("\\*_`[]()\n", c) >= 0,
			// At the edges these would meet the template's line start or mark.
			i == 0 && (c == '-' || c == '>'),
			(i == 0 || i == len(s)-1) && (c == ' ' || c == '\t'):
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// escapes reports whether s[i] is a backslash that takes the meaning from s[i+1].
func escapes(s string, i int) bool {
	return s[i] == '\\' && i+1 < len(s) && strings.IndexByte(escapable, s[i+1]) >= 0
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if escapes(s, i) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
