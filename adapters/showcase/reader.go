package showcase

import (
	"html/template"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"procurabot/internal/webpage"
)

// reader is what a platform's client knows when it draws a text.
type reader struct {
	user, channel func(id string) string // their names; "" is unknown
	alive         func(mention string) bool
	words         *webpage.Words
	zone          *time.Location
}

// mentioned draws a mention that the client recognises.
func mentioned(mark, name, id string) string {
	if name == "" {
		name = id
	}
	return `<span class="mention">` + escape(mark+name) + `</span>`
}

// moment draws a time that each reader sees in their own zone and words.
func (r reader) moment(t time.Time, shown string) string {
	return `<time datetime="` + t.UTC().Format(time.RFC3339) + `">` + escape(shown) + `</time>`
}

func (r reader) day(t time.Time) string  { return r.words.DateOf(t.In(r.zone)) }
func (r reader) hour(t time.Time) string { return r.words.HourOf(t.In(r.zone)) }

// directions turn the order of what follows, on the page as in a client. Here
// they would reach beyond what is shown.
var directions = regexp.MustCompile(`[\x{202A}-\x{202E}\x{2066}-\x{2069}]`)

func escape(text string) string {
	return template.HTMLEscapeString(directions.ReplaceAllString(text, ""))
}

// link draws an address with what is shown for it, which is HTML. Other than of
// the web and of mail, none is followed.
func link(address, shown string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "mailto" {
		return shown
	}
	return `<a href="` + escape(u.String()) + `" rel="noreferrer noopener nofollow" target="_blank">` + shown + `</a>`
}

// lines draws a text line by line. Read gives a line's class, or that of the
// block that it is in with others ("quote", "pre"), and its HTML.
func lines(text string, read func(line string) (class, html string)) template.HTML {
	var b strings.Builder
	open := ""
	shut := func(next string) {
		if open != next && open != "" {
			b.WriteString("</div>")
		}
		if open != next && next != "" {
			b.WriteString(`<div class="` + next + `">`)
		}
		open = next
	}
	for _, line := range strings.Split(text, "\n") {
		class, html := read(line)
		block := ""
		if class == "quote" || class == "pre" {
			block, class = class, ""
		}
		shut(block)
		if html == "" {
			class = "gap"
		}
		b.WriteString(`<p dir="auto"`)
		if class != "" {
			b.WriteString(` class="` + class + `"`)
		}
		b.WriteString(">" + html + "</p>")
	}
	shut("")
	return template.HTML(b.String()) //nolint:gosec // read escapes
}

func word(r rune) bool  { return unicode.In(r, unicode.L, unicode.N, unicode.M) }
func blank(r rune) bool { return r == ' ' || r == '\t' || r == utf8.RuneError }

// around gives what stands before and after s[i:j]; RuneError is nothing.
func around(s string, i, j int) (before, after rune) {
	before, _ = utf8.DecodeLastRuneInString(s[:i])
	after, _ = utf8.DecodeRuneInString(s[j:])
	return before, after
}
