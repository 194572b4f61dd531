package showcase

import (
	"html/template"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// mrkdwn is how Slack's client draws text:
// https://docs.slack.dev/messaging/formatting-message-text
type mrkdwn struct{ reader }

func (m mrkdwn) html(text string) template.HTML {
	fenced := false
	return lines(text, func(line string) (string, string) {
		if rest, ok := strings.CutPrefix(line, "```"); ok {
			line = rest
			fenced = !fenced
			if before, closed := strings.CutSuffix(line, "```"); closed && fenced {
				fenced = false
				return "pre", escape(entities.Replace(before))
			}
			if line == "" {
				return "pre", ""
			}
		}
		if fenced {
			before, closed := strings.CutSuffix(line, "```")
			fenced = !closed
			return "pre", escape(entities.Replace(before))
		}
		for _, mark := range []string{"> ", "&gt; ", ">", "&gt;"} {
			if rest, ok := strings.CutPrefix(line, mark); ok {
				return "quote", m.inline(rest)
			}
		}
		// Slack has no lists in mrkdwn: a bullet is a character like another.
		if strings.HasPrefix(line, "• ") {
			return "item", m.inline(line)
		}
		return "", m.inline(line)
	})
}

// entities are the three characters that Slack escapes.
var entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")

var slackMarks = map[byte]string{'*': "strong", '_': "em", '~': "s"}

func (m mrkdwn) inline(s string) string { return m.within(s, 0, len(s)) }

// within draws s[from:to]; what stands around it decides about its marks.
func (m mrkdwn) within(s string, from, to int) string {
	var b strings.Builder
	for i := from; i < to; {
		c := s[i]
		switch {
		case c == '<':
			if n := strings.IndexByte(s[i:to], '>'); n > 1 {
				b.WriteString(m.reference(s[i+1 : i+n]))
				i += n + 1
				continue
			}
		case c == '`' && opens(s, i):
			if n := strings.IndexByte(s[i+1:to], '`'); n > 0 {
				b.WriteString("<code>" + escape(entities.Replace(s[i+1:i+1+n])) + "</code>")
				i += n + 2
				continue
			}
		case slackMarks[c] != "" && opens(s, i):
			if end := closes(s, i, to); end > 0 {
				tag := slackMarks[c]
				b.WriteString("<" + tag + ">" + m.within(s, i+1, end) + "</" + tag + ">")
				i = end + 1
				continue
			}
		case c == '&':
			for _, entity := range []string{"&amp;", "&lt;", "&gt;"} {
				if strings.HasPrefix(s[i:to], entity) {
					b.WriteString(entity)
					i += len(entity)
					c = 0
					break
				}
			}
			if c == 0 {
				continue
			}
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		b.WriteString(escape(s[i : i+size]))
		i += size
	}
	return b.String()
}

// opens: a mark opens where a word may begin.
func opens(s string, i int) bool {
	before, after := around(s, i, i+1)
	return !word(before) && !blank(after) && after != rune(s[i])
}

// closes finds where the mark at i closes: where a word may end, and not in a
// reference or in code.
func closes(s string, i, to int) int {
	for j := i + 1; j < to; j++ {
		switch {
		case s[j] == '<':
			if n := strings.IndexByte(s[j:to], '>'); n > 0 {
				j += n
			}
		case s[j] == '`' && opens(s, j):
			if n := strings.IndexByte(s[j+1:to], '`'); n > 0 {
				j += n + 1
			}
		case s[j] == s[i] && j > i+1:
			before, after := around(s, j, j+1)
			if !blank(before) && !word(after) {
				return j
			}
		}
	}
	return 0
}

// reference is what stands in angle brackets.
func (m mrkdwn) reference(inner string) string {
	target, label, labelled := strings.Cut(inner, "|")
	label = entities.Replace(label)
	switch {
	case strings.HasPrefix(target, "@"):
		return mentioned("@", m.user(target[1:]), target[1:])
	case strings.HasPrefix(target, "#"):
		return mentioned("#", m.channel(target[1:]), target[1:])
	case strings.HasPrefix(target, "!date^"):
		return m.date(target, label)
	case strings.HasPrefix(target, "!subteam^"):
		return mentioned("@", strings.TrimPrefix(label, "@"), "group")
	case strings.HasPrefix(target, "!"):
		return mentioned("@", target[1:], "")
	}
	address := entities.Replace(target)
	if !labelled || label == "" {
		label = strings.TrimPrefix(address, "mailto:")
	}
	return link(address, escape(label))
}

// date draws a time in the reader's words:
// https://docs.slack.dev/messaging/formatting-message-text#date-formatting
func (m mrkdwn) date(target, fallback string) string {
	parts := strings.SplitN(target, "^", 4)
	seconds, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || len(parts) < 3 {
		return escape(fallback)
	}
	t := time.Unix(seconds, 0)
	day, hour := m.day(t), m.hour(t)
	shown := m.moment(t, strings.NewReplacer(
		"{date_num}", t.In(m.zone).Format(time.DateOnly), "{date}", day, "{date_long}", day, "{date_short}", day,
		"{date_pretty}", day, "{date_long_pretty}", day, "{date_short_pretty}", day, "{time}", hour, "{time_secs}", hour,
	).Replace(parts[2]))
	if len(parts) == 4 {
		return link(entities.Replace(parts[3]), shown)
	}
	return shown
}
