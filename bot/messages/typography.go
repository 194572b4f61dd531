package messages

import (
	"strings"
	"unicode"

	"procurabot/bot"
	"procurabot/internal/markup"
)

const (
	noBreak     = '\u00a0'
	thinNoBreak = '\u202f'
)

// typography finds what an official's typesetter would mark. Code and addresses
// are left alone.
func typography(l bot.Language, t markup.Text) []Problem {
	if l == bot.English {
		return nil
	}
	for _, block := range markup.Parse(t) {
		for _, line := range block.Lines {
			var b strings.Builder
			for _, span := range line {
				if !span.Code {
					b.WriteString(span.Text)
				} else {
					b.WriteString("x")
				}
			}
			if p, wrong := typeset(l, b.String()); wrong {
				return []Problem{p}
			}
		}
	}
	return nil
}

// quotes shows a language's quotation marks.
func quotes(l bot.Language) string {
	switch l {
	case bot.French:
		return "« … »"
	case bot.German:
		return "„…“"
	}
	return "“…”"
}

func typeset(l bot.Language, line string) (Problem, bool) {
	runes := []rune(line)
	around := func(i int) string { return string(runes[max(0, i-8):min(len(runes), i+8)]) }
	open := 0
	for i, r := range runes {
		before, after := ' ', ' '
		if i > 0 {
			before = runes[i-1]
		}
		if i+1 < len(runes) {
			after = runes[i+1]
		}
		switch {
		case r == '"':
			return Problem{Kind: Quotes, Detail: around(i)}, true
		case l == bot.French && spaced(r, before, after) && before != noBreak && before != thinNoBreak,
			l == bot.French && r == '«' && after != noBreak && after != thinNoBreak:
			return Problem{Kind: Spacing, Detail: around(i)}, true
		case l == bot.German && strings.ContainsRune("”«»", r):
			return Problem{Kind: Quotes, Detail: around(i)}, true
		case l == bot.German && r == '„':
			open++
		case l == bot.German && r == '“':
			if open--; open < 0 {
				return Problem{Kind: Quotes, Detail: around(i)}, true
			}
		}
	}
	if open > 0 {
		return Problem{Kind: Quotes, Detail: "„"}, true
	}
	return Problem{}, false
}

// spaced reports whether French sets a no-break space before a sign. Inside a
// word, as in an address or "14:30", it is no punctuation; nor is it again in "?!".
func spaced(r, before, after rune) bool {
	switch r {
	case '»':
		return true
	case ':', ';', '!', '?':
		ends := unicode.IsSpace(after) || strings.ContainsRune("!?.,…)»", after)
		return ends && before != '!' && before != '?'
	}
	return false
}

// tidy makes the spaces that nobody can type in a chat: French ones that stand
// where a no-break space belongs.
func tidy(l bot.Language, slot, s string) string {
	if l != bot.French || slot == "phrases" {
		return s
	}
	runes := []rune(s)
	for i, r := range runes {
		if r != ' ' {
			continue
		}
		before, after := ' ', ' '
		if i > 0 {
			before = runes[i-1]
		}
		if i+1 < len(runes) {
			after = runes[i+1]
		}
		if before == '«' || strings.ContainsRune(":;!?»", after) {
			runes[i] = noBreak
		}
	}
	return string(runes)
}
