package markup

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Discord returns t as Discord's markdown: https://docs.discord.com/developers/reference#message-formatting
//
// Literal marks get a backslash. That hides a mention from the reader only: the
// server looks for @everyone, @here and <@id> in the raw content, so there a
// zero-width space stands behind the @, as discord.py's escape_mentions does it.
// The sender still sets allowed_mentions to none.
func Discord(t Text) string {
	var b strings.Builder
	layout(&b, Parse(t), "- ", "> ", func(l Line) {
		for i, run := range l.runs() {
			discordRun(&b, run, i == 0)
		}
	})
	return b.String()
}

func discordRun(b *strings.Builder, run Line, start bool) {
	label, link := run.text(), run[0].Link
	before, after := "", ""
	switch {
	case link == "":
	case strings.HasPrefix(link, "mailto:"):
		// Discord makes no link of this scheme.
		if label != link && "mailto:"+label != link {
			after = " (" + discordEscape(link) + ")"
		}
	case label == link:
		b.WriteString("<" + discordAddress(link) + ">")
		return
	case strings.Contains(label, "://"):
		// Nor of a label that is an address itself.
		after = " (<" + discordAddress(link) + ">)"
	default:
		before, after = "[", "](<"+discordAddress(link)+">)"
	}
	b.WriteString(before)
	weave(b, run, [2]string{"**", "**"}, [2]string{"_", "_"}, func(s Span) {
		if s.Code {
			// Inside code nothing is escaped, and a second backtick would end it.
			b.WriteString("`" + discordPings(strings.ReplaceAll(s.Text, "`", "ˋ")) + "`")
		} else {
			discordText(b, discordPings(s.Text), start)
		}
		start = false
	})
	b.WriteString(after)
}

func discordEscape(s string) string {
	var b strings.Builder
	discordText(&b, discordPings(s), false)
	return b.String()
}

// discordAddress keeps @everyone out of the raw content.
func discordAddress(a string) string { return strings.ReplaceAll(a, "@", "%40") }

func discordPings(s string) string {
	if !strings.Contains(s, "@") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		b.WriteByte(s[i])
		if s[i] == '@' && (i > 0 && s[i-1] == '<' || foldPrefix(s[i+1:], "everyone") || foldPrefix(s[i+1:], "here")) {
			b.WriteString("\u200B")
		}
	}
	return b.String()
}

func foldPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func discordText(b *strings.Builder, s string, start bool) {
	url := 0 // up to here a bare address runs, which a backslash would break
	digits := start
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		rest := s[i+size:]
		if i >= url && r == 'h' && (i == 0 || s[i-1] == ' ' || s[i-1] == '\t') {
			url = i + bareAddress(s[i:])
		}
		switch {
		case strings.ContainsRune("\\*~`|<[]", r),
			r == '_' && i >= url,
			r == ':' && i >= url && shortcode(rest),
			start && strings.ContainsRune("#>-+", r),
			digits && i > 0 && (r == '.' || r == ')'):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		// A heading, list or quote may be indented; a list may be numbered.
		start = start && unicode.IsSpace(r)
		digits = digits && (unicode.IsSpace(r) || r >= '0' && r <= '9')
		i += size
	}
}

// bareAddress returns how many bytes at the start of s Discord makes a link of:
// https?://[^\s<]+ with at least one character that makes a host.
func bareAddress(s string) int {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		if rest, ok = strings.CutPrefix(s, "http://"); !ok {
			return 0
		}
	}
	if r, _ := utf8.DecodeRuneInString(rest); !word(r) {
		return 0
	}
	n := strings.IndexAny(rest, " \t<>*~`|[]\\")
	if n < 0 {
		n = len(rest)
	}
	// Trailing punctuation is not part of the address.
	return len(s) - len(rest) + len(strings.TrimRight(rest[:n], ".,:;\"')]_"))
}
