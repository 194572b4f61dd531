package markup

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a stretch of literal text (kind 0), an escaped newline, or a
// character that may be a mark.
type token struct {
	kind        byte // 0 \n * _ ` [ ]
	text        string
	at          int
	open, close bool // whether it may, by what stands beside it
	doubled     bool
	pair        int // index of its partner, -1 when literal
	address     string
}

func scan(s string) []token {
	var tokens []token
	add := func(t token) {
		t.pair = -1
		tokens = append(tokens, t)
	}
	start := 0
	flush := func(end int) {
		if start < end {
			add(token{text: s[start:end], at: start})
		}
	}
	prev, tight := rune(' '), false // the character before, and whether a closing mark may follow it
	for i := 0; i < len(s); {
		size := 1
		switch c := s[i]; {
		case escapes(s, i):
			flush(i)
			size = 2
			prev, tight = rune(s[i+1]), true
			if prev != '\n' {
				start = i + 1 // literal text starts with what was escaped
				i += size
				continue
			}
			add(token{kind: '\n', text: "\n", at: i})
		case c == '*' || c == '_' || c == '`':
			flush(i)
			for i+size < len(s) && s[i+size] == c {
				size++
			}
			next, _ := utf8.DecodeRuneInString(s[i+size:])
			more := i+size < len(s)
			t := token{kind: c, text: s[i : i+size], at: i}
			t.open = !word(prev) && more && (c == '`' || next != ' ' && next != '\t')
			t.close = i > 0 && (c == '`' || tight) && !(more && word(next))
			if size > 1 {
				t.doubled, t.kind = size == 2 && t.open, 0
			}
			add(t)
			prev, tight = rune(c), true
		case c == '[':
			flush(i)
			add(token{kind: c, text: "[", at: i})
			prev, tight = '[', true
		case c == ']':
			flush(i)
			t := token{kind: c, text: "]", at: i}
			if raw, ok := target(s[i+1:]); ok {
				if a, ok := address(raw); ok {
					size += len(raw) + 2
					t.address, t.text = a, "]("+unescape(raw)+")"
				}
			}
			add(t)
			prev, tight = ')', true
		default:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			prev, tight = r, r != ' ' && r != '\t'
			i += size
			continue
		}
		i += size
		start = i
	}
	flush(len(s))
	return tokens
}

func word(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.M) }

// target returns the still escaped address of "(address)...". Parentheses may
// pair inside it. A bracket ends the search, so that the searches of one line
// together are linear.
func target(s string) (string, bool) {
	if !strings.HasPrefix(s, "(") {
		return "", false
	}
	depth := 0
	for i := 0; i < len(s); i++ {
		if escapes(s, i) {
			i++
			continue
		}
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return s[1:i], true
			}
		case ' ', '\t', '\n', '[', ']':
			return "", false
		}
	}
	return "", false
}

// address makes an address fit for every renderer, or refuses it.
func address(raw string) (string, bool) {
	a := unescape(raw)
	scheme, rest, _ := strings.Cut(a, ":")
	switch strings.ToLower(scheme) {
	case "http", "https":
		rest, _ = strings.CutPrefix(rest, "//")
		if rest == "" || strings.HasPrefix(rest, "/") || !strings.HasPrefix(a[len(scheme)+1:], "//") {
			return "", false
		}
	case "mailto":
		if rest == "" {
			return "", false
		}
	default:
		return "", false
	}
	var b strings.Builder
	b.WriteString(strings.ToLower(scheme))
	for _, r := range a[len(scheme):] {
		switch {
		case unicode.IsSpace(r), unicode.In(r, unicode.Cc, unicode.Cf), r == utf8.RuneError:
			return "", false
		case strings.ContainsRune("<>|\"'`\\^{}", r):
			const hex = "0123456789ABCDEF"
			b.WriteByte('%')
			b.WriteByte(hex[r>>4])
			b.WriteByte(hex[r&15])
		default:
			b.WriteRune(r)
		}
	}
	return b.String(), true
}

// pair joins opening and closing marks in one pass. A mark that closes makes
// literal whatever was opened after its partner and is open still; of two open
// marks of one kind the later counts.
func pair(s string, tokens []token) {
	ticks := make([]int, len(tokens)) // the next backtick that may close
	for i, next := len(tokens)-1, -1; i >= 0; i-- {
		ticks[i] = next
		if tokens[i].kind == '`' && tokens[i].close {
			next = i
		}
	}
	open := map[byte]int{'*': -1, '_': -1, '[': -1}
	join := func(kind byte, j int) {
		i := open[kind]
		tokens[i].pair, tokens[j].pair = j, i
		for k, at := range open {
			if at >= i {
				open[k] = -1
			}
		}
	}
	for i := 0; i < len(tokens); i++ {
		switch t := tokens[i]; t.kind {
		case '`':
			if j := ticks[i]; t.open && j > 0 {
				tokens[i].pair, tokens[j].pair = j, i
				i = j
			}
		case '*', '_':
			if t.close && open[t.kind] >= 0 {
				join(t.kind, i)
			} else if t.open {
				open[t.kind] = i
			}
		case '[':
			open['['] = i
		case ']':
			if at := open['[']; at >= 0 && t.address != "" && strings.Trim(s[tokens[at].at+1:t.at], " \t") != "" {
				join('[', i)
			} else {
				open['['] = -1
			}
		}
	}
}
