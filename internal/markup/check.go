package markup

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Fault names what is wrong with an editor's text, as a caller may translate it.
type Fault string

const (
	Unclosed    Fault = "unclosed"     // a mark that opens and never closes on its line
	Doubled     Fault = "doubled"      // ** or __, which some know from elsewhere
	EmptyLink   Fault = "empty_link"   // no label or no address
	Scheme      Fault = "scheme"       // an address that is not http, https or mailto
	Backslash   Fault = "backslash"    // a backslash before something that is no mark
	EmptyBullet Fault = "empty_bullet" // a bullet or quote without text
)

// Problem is the first thing wrong in a text. Offset counts bytes from its start;
// Excerpt is at most 24 characters from there on.
type Problem struct {
	Kind    Fault
	Offset  int
	Excerpt string
}

// Error says what is wrong in plain English; it quotes the editor's own text and
// is meant for the editor, not for a log.
func (p *Problem) Error() string {
	what := map[Fault]string{
		Unclosed:    "this mark is opened but not closed on the same line",
		Doubled:     "marks are single: *bold* and _italic_",
		EmptyLink:   "a link needs a label and an address: [label](https://address)",
		Scheme:      "an address must start with https://, http:// or mailto:",
		Backslash:   "this backslash takes the meaning from nothing: write it twice to show one",
		EmptyBullet: "this bullet or quote has no text",
	}[p.Kind]
	return fmt.Sprintf("%s: at byte %d, %q", what, p.Offset, p.Excerpt)
}

// Check returns nil, or a *[Problem] for the first thing in t that an editor
// surely did not mean. An address that starts with a placeholder, "{", is
// accepted here and judged by [Parse] once it is filled in.
func Check(t Text) error {
	s := string(t)
	for _, r := range rows(s) {
		if r.kind != Paragraph && strings.Trim(r.text, " \t") == "" {
			return problem(s, EmptyBullet, r.at-2)
		}
		if kind, at := check(r.text); kind != "" {
			return problem(s, kind, r.at+at)
		}
	}
	return nil
}

func problem(s string, kind Fault, at int) *Problem {
	excerpt := strings.ToValidUTF8(s[at:min(len(s), at+24*utf8.UTFMax)], "\uFFFD")
	return &Problem{Kind: kind, Offset: at, Excerpt: Cut(excerpt, 24, "")}
}

func check(s string) (Fault, int) {
	tokens := scan(s)
	pair(s, tokens)
	bracket, label := -1, false
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch {
		case t.kind == '`' && t.pair > i:
			i = t.pair
		case t.doubled:
			return Doubled, t.at
		case t.kind == 0:
			skip := 0
			if t.at > 0 && s[t.at-1] == '\\' {
				skip = 1 // the text starts with an escaped character
			}
			if at := strings.IndexByte(t.text[skip:], '\\'); at >= 0 {
				return Backslash, t.at + skip + at
			}
		case t.kind == '[':
			bracket, label = i, true
		case t.kind == ']' && label && t.pair < 0:
			label = false
			if kind := checkLink(s, t); kind != "" {
				return kind, tokens[bracket].at
			}
		case t.open && t.pair < 0:
			return Unclosed, t.at
		}
	}
	return "", 0
}

// checkLink judges a bracket that was not made a link.
func checkLink(s string, t token) Fault {
	if !strings.HasPrefix(s[t.at+1:], "(") {
		return ""
	}
	raw, ok := target(s[t.at+1:])
	switch {
	case t.address != "" || ok && raw == "":
		return EmptyLink
	case !ok:
		return Unclosed
	case strings.HasPrefix(raw, "{"):
		return ""
	}
	return Scheme
}
