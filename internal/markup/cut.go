package markup

import (
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Length measures s in UTF-16 code units. Discord does not say whether it counts
// these or characters; this is the larger of the two.
func Length(s string) int {
	n := 0
	for _, r := range s {
		if n++; r > 0xFFFF {
			n++
		}
	}
	return n
}

// Cut returns s when it fits into max units of [Length], else its beginning with
// the ellipsis, together at most max. It cuts between graphemes, and between
// words where that keeps at least half. An ellipsis that does not fit is left out.
func Cut(s string, max int, ellipsis string) string {
	if len(s) <= max || Length(s) <= max {
		return s
	}
	room := max - Length(ellipsis)
	if room <= 0 {
		room, ellipsis = max, ""
	}
	solid, word, state := 0, 0, -1 // ends of the last grapheme and word that are no blank
	for rest := s; ; {
		var g string
		g, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		blank := strings.Trim(g, " \t\r\n") == ""
		if blank {
			word = solid
		}
		if room -= Length(g); room < 0 {
			break
		}
		if !blank {
			solid = len(s) - len(rest)
		}
	}
	if word > 0 && word >= solid/2 {
		return s[:word] + ellipsis
	}
	return s[:solid] + ellipsis
}

// prefix returns how many bytes of whole graphemes fit into room.
func prefix(s string, room int) int {
	end, state := 0, -1
	for rest := s; rest != ""; {
		var g string
		g, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if room -= Length(g); room < 0 {
			break
		}
		end += len(g)
	}
	return end
}

// prefixRunes is prefix for a grapheme that is larger than any room.
func prefixRunes(s string, room int) int {
	end := 0
	for end < len(s) {
		_, size := utf8.DecodeRuneInString(s[end:])
		if room -= Length(s[end : end+size]); room < 0 {
			break
		}
		end += size
	}
	return end
}
