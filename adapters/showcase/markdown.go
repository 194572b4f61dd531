package showcase

import (
	"html/template"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// markdown is how Discord's client draws content:
// https://support.discord.com/hc/en-us/articles/210298617
type markdown struct{ reader }

func (m markdown) html(text string) template.HTML {
	fenced := false
	return lines(text, func(line string) (string, string) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
			return "pre", escape(strings.TrimSuffix(line[3:], "```"))
		}
		if fenced {
			before, closed := strings.CutSuffix(line, "```")
			fenced = !closed
			return "pre", escape(before)
		}
		for _, x := range []struct{ mark, class, shown string }{
			{"-# ", "small", ""}, {"> ", "quote", ""}, {"- ", "item", "• "}, {"* ", "item", "• "},
			{"# ", "heading", ""}, {"## ", "heading", ""}, {"### ", "heading", ""},
		} {
			if rest, ok := strings.CutPrefix(line, x.mark); ok {
				return x.class, x.shown + m.inline(rest)
			}
		}
		return "", m.inline(line)
	})
}

var discordMarks = []struct{ mark, tag string }{
	{"**", "strong"}, {"__", "u"}, {"~~", "s"}, {"*", "em"}, {"_", "em"},
}

var (
	bare    = regexp.MustCompile(`^https?://[^\s<>*~` + "`" + `|\[\]\\]+`)
	pings   = regexp.MustCompile(`^<(@[!&]?|#)(\d+)>`)
	times   = regexp.MustCompile(`^<t:(-?\d{1,12})(?::([tTdDfFR]))?>`)
	inAngle = regexp.MustCompile(`^<(https?://[^\s<>]+)>`)
	masked  = regexp.MustCompile(`^\]\(<?((?:https?)://[^\s<>()]+)>?\)`)
)

func (m markdown) inline(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		rest := s[i:]
		if n, html := m.token(s, i); n > 0 {
			b.WriteString(html)
			i += n
			continue
		}
		_, size := utf8.DecodeRuneInString(rest)
		b.WriteString(escape(rest[:size]))
		i += size
	}
	return b.String()
}

// token draws what has a meaning at s[i:], and says how long it is.
func (m markdown) token(s string, i int) (int, string) {
	rest := s[i:]
	switch c := rest[0]; {
	case c == '\\' && len(rest) > 1 && strings.IndexByte("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", rest[1]) >= 0:
		return 2, escape(rest[1:2])
	case c == '`':
		if n := strings.IndexByte(rest[1:], '`'); n > 0 {
			return n + 2, "<code>" + escape(rest[1:1+n]) + "</code>"
		}
	case c == '[':
		if n := unescaped(rest, "]", 1); n > 1 {
			if found := masked.FindStringSubmatch(rest[n:]); found != nil {
				return n + len(found[0]), link(found[1], m.inline(rest[1:n]))
			}
		}
	case c == '<':
		return m.angle(rest)
	case c == '@':
		for _, all := range []string{"@everyone", "@here"} {
			if strings.HasPrefix(rest, all) && m.alive(all) {
				return len(all), mentioned("", all, "")
			}
		}
	case c == 'h':
		if before, _ := around(s, i, i); !word(before) {
			if found := strings.TrimRight(bare.FindString(rest), ".,:;\"')]_"); found != "" {
				return len(found), link(found, escape(found))
			}
		}
	}
	for _, x := range discordMarks {
		if !strings.HasPrefix(rest, x.mark) {
			continue
		}
		n := len(x.mark)
		before, after := around(s, i, i+n)
		if x.mark == "_" && word(before) || len(x.mark) == 1 && blank(after) {
			continue
		}
		if end := closing(rest, x.mark); end > n {
			return end + n, "<" + x.tag + ">" + m.inline(rest[n:end]) + "</" + x.tag + ">"
		}
	}
	return 0, ""
}

func (m markdown) angle(rest string) (int, string) {
	if found := inAngle.FindStringSubmatch(rest); found != nil {
		return len(found[0]), link(found[1], escape(found[1]))
	}
	if found := pings.FindStringSubmatch(rest); found != nil {
		if found[1] == "#" {
			return len(found[0]), mentioned("#", m.channel(found[2]), found[2])
		}
		return len(found[0]), mentioned("@", m.user(found[2]), found[2])
	}
	found := times.FindStringSubmatch(rest)
	if found == nil {
		return 0, ""
	}
	seconds, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		return 0, ""
	}
	t := time.Unix(seconds, 0)
	shown := m.day(t) + " " + m.hour(t)
	switch found[2] {
	case "t", "T":
		shown = m.hour(t)
	case "d", "D":
		shown = m.day(t)
	}
	return len(found[0]), m.moment(t, shown)
}

// unescaped finds a mark that no backslash stands before, from a place on.
func unescaped(s, mark string, from int) int {
	for j := from; j < len(s); j++ {
		switch {
		case s[j] == '\\':
			j++
		case strings.HasPrefix(s[j:], mark):
			return j
		}
	}
	return -1
}

// closing finds where the mark that s begins with closes.
func closing(s, mark string) int {
	for j := len(mark); j < len(s); j++ {
		switch {
		case s[j] == '\\':
			j++
		case s[j] == '`':
			if n := strings.IndexByte(s[j+1:], '`'); n >= 0 {
				j += n + 1
			}
		case s[j] == 'h' && bare.MatchString(s[j:]):
			j += len(strings.TrimRight(bare.FindString(s[j:]), ".,:;\"')]_")) - 1
		case !strings.HasPrefix(s[j:], mark):
		case len(mark) == 1 && strings.HasPrefix(s[j+1:], mark):
			j++ // ** inside of *
		default:
			before, after := around(s, j, j+len(mark))
			if mark == "_" && word(after) || len(mark) == 1 && blank(before) {
				continue
			}
			return j
		}
	}
	return -1
}
