package markup

import (
	"strings"
	"unicode/utf8"
)

// Slack returns t as mrkdwn, for a text object with verbatim set or a message's
// own text: https://docs.slack.dev/messaging/formatting-message-text
//
// The three control characters are escaped, which alone makes <!channel> and
// <@U1> harmless. mrkdwn has no escape for its marks. A zero-width character is
// no way out: it is not a blank, so a mark before it still opens, and before a
// mark it serves as the very boundary that lets it open inside a word. So a
// literal mark where it could open or close becomes its mathematical or
// typographic twin (∗ ˍ ∼ ˋ ›); inside a word and between blanks, where it is
// inert, it stays. Behind the @ and # of a name stands a word joiner (U+2060):
// there it does help, since Slack's own parsing (link_names, or verbatim left
// out by mistake) wants the name at once.
func Slack(t Text) string {
	var b strings.Builder
	layout(&b, Parse(t), "• ", "> ", func(l Line) {
		start := true
		weave(&b, l, [2]string{"*", "*"}, [2]string{"_", "_"}, func(s Span) {
			if s.Link != "" {
				b.WriteString("<" + slackEscaper.Replace(s.Link) + "|")
			}
			switch {
			case s.Code:
				b.WriteByte('`')
				slackText(&b, s.Text, true, false)
				b.WriteByte('`')
			default:
				slackText(&b, s.Text, false, start)
			}
			if s.Link != "" {
				b.WriteByte('>')
			}
			start = false
		})
	})
	return b.String()
}

var slackEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

var slackTwins = map[rune]string{'*': "∗", '_': "ˍ", '~': "∼", '`': "ˋ"}

func slackText(b *strings.Builder, s string, code, start bool) {
	prev := rune(' ')
	for i, r := range s {
		rest := s[i+utf8.RuneLen(r):]
		if r == utf8.RuneError {
			_, size := utf8.DecodeRuneInString(s[i:])
			rest = s[i+size:]
		}
		next, size := utf8.DecodeRuneInString(rest)
		blank := func(r rune) bool { return r == ' ' || r == '\t' }
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>' && start && strings.TrimSpace(s[:i]) == "":
			b.WriteString("›") // Slack takes an escaped > at a line's start for a quote
		case r == '>':
			b.WriteString("&gt;")
		case r == '`' && code:
			b.WriteString(slackTwins[r])
		case code && r != '@' && r != '#':
			b.WriteRune(r)
		case slackTwins[r] != "" && !(word(prev) && size > 0 && word(next)) && !(i > 0 && blank(prev) && size > 0 && blank(next)):
			b.WriteString(slackTwins[r])
		case r == ':' && shortcode(rest) && !(prev >= '0' && prev <= '9'):
			b.WriteString("∶")
		case (r == '@' || r == '#') && !word(prev) && size > 0 && !blank(next):
			b.WriteRune(r)
			b.WriteRune('\u2060')
		default:
			b.WriteRune(r)
		}
		prev = r
	}
}

// shortcode reports whether an emoji's name and its closing colon come next.
func shortcode(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ':':
			return i > 0
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '+', c == '-', c == '\'':
		default:
			return false
		}
	}
	return false
}
