package markup

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxMarks is how many combining marks may follow one character: more than any
// living orthography stacks, too few to climb over the lines above.
const maxMarks = 8

// Clean returns s as well-formed text: valid UTF-8 in NFC, lines ended by "\n",
// at most two newlines in a row, and no character that hides or reorders others:
// controls (but "\n" and "\t"), zero-width and bidirectional formatting, tags. A
// zero-width joiner stays inside an emoji sequence, a variation selector after
// an emoji. Clean(Clean(s)) == Clean(s).
func Clean(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD"))
	runes := []rune(s)
	var b strings.Builder
	b.Grow(len(s))
	prev, newlines, marks := rune(-1), 0, 0
	for i, r := range runes {
		switch {
		case r == '\r' && i+1 < len(runes) && runes[i+1] == '\n':
			continue
		case r == '\r', r == '\u2028', r == '\u2029':
			r = '\n'
		case r == '\u200D':
			if i+1 == len(runes) || !joins(prev) || !pictograph(runes[i+1]) {
				continue
			}
		case r == '\uFE0E' || r == '\uFE0F':
			if !selectable(prev) {
				continue
			}
		case r != '\n' && r != '\t' && hidden(r):
			continue
		}
		if r == '\n' {
			if newlines++; newlines > 2 {
				continue
			}
		} else {
			newlines = 0
		}
		if unicode.Is(unicode.M, r) {
			if marks++; marks > maxMarks {
				continue
			}
		} else {
			marks = 0
		}
		b.WriteRune(r)
		prev = r
	}
	// What was dropped may have kept a letter from its accent.
	return norm.NFC.String(b.String())
}

func hidden(r rune) bool {
	switch {
	case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r):
		return true
	case r == '\u034F', // combining grapheme joiner
		r >= 0xFE00 && r <= 0xFE0D, r >= 0xE0000 && r <= 0xE0FFF: // selectors and tags, both used to smuggle text
		return true
	}
	return false
}

// pictograph covers every character that occurs in a recommended joined emoji
// sequence: https://unicode.org/Public/emoji/latest/emoji-zwj-sequences.txt
func pictograph(r rune) bool {
	return r >= 0x2190 && r <= 0x2BFF || r >= 0x1F000 && r <= 0x1FAFF
}

func joins(r rune) bool { return pictograph(r) || r == '\uFE0F' }

func selectable(r rune) bool {
	return pictograph(r) || r >= '0' && r <= '9' || strings.ContainsRune("#*©®‼⁉™ℹ〰〽㊗㊙", r)
}
