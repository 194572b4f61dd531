package bottest

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// lines writes what was seen as a script states it: a first line that says who
// reads it where, and indented lines with the rest.
func (s Seen) lines() []string {
	var head string
	switch {
	case s.Form != nil:
		var names []string
		for _, f := range s.Form.Fields {
			names = append(names, f.Name)
		}
		out := []string{"form " + s.Form.Title + ": " + strings.Join(names, ", ")}
		for _, f := range s.Form.Fields {
			out = append(out, "  "+f.Label)
			if f.Value != "" {
				out = append(out, indent("= "+f.Value)...)
			}
		}
		return out
	case s.Errors != nil:
		out := []string{"refused for " + s.To + ":"}
		for _, name := range slices.Sorted(maps.Keys(s.Errors)) {
			out = append(out, indent(name+": "+s.Errors[name])...)
		}
		return out
	case s.Private:
		head = "bot to " + s.To + " privately"
	case s.To != "":
		head = "bot in " + s.Place + ", to " + s.To
	default:
		head = "bot in " + s.Place
	}
	if s.Edited {
		head += ", edited"
	}
	text := indent(s.Text)
	out := append([]string{head + ": " + strings.TrimPrefix(text[0], "  ")}, text[1:]...)
	if s.Note != "" {
		out = append(out, indent("("+s.Note+")")...)
	}
	if len(s.Buttons) > 0 {
		out = append(out, "  ["+strings.Join(s.Buttons, "] [")+"]")
	}
	return out
}

func indent(text string) []string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight("  "+lines[i], " ")
	}
	return lines
}

// entries cuts what a script states, or what was seen, into the things seen:
// each begins with a line that is not indented.
func entries(lines []string) []string {
	var out []string
	for _, l := range lines {
		if len(out) > 0 && (strings.HasPrefix(l, "  ") || l == "") {
			out[len(out)-1] += "\n" + l
			continue
		}
		out = append(out, l)
	}
	return out
}

// matches compares one stated thing with one seen; "..." stands for any text.
func matches(stated, seen string) bool {
	if stated == seen {
		return true
	}
	if !strings.Contains(stated, "...") {
		return false
	}
	parts := strings.Split(stated, "...")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`^(?s:` + strings.Join(parts, `.*`) + `)$`).MatchString(seen)
}
