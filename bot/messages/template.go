package messages

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/nicksnyder/go-i18n/v2/i18n/template"

	"procurabot/internal/markup"
)

// maxOutput is how long a filled text may be, in bytes: several messages of any
// platform.
const maxOutput = 64 << 10

// maxName is how long a placeholder's name may be.
const maxName = 32

var errTooLong = errors.New("the filled text is too long")

// SyntaxError says where a template cannot be read.
type SyntaxError struct {
	At      int    // the character, counted from 1
	Excerpt string // what stands there
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("a placeholder looks like {{.Name}}: at character %d, %q", e.At, e.Excerpt)
}

// parser reads templates for go-i18n. The first parser that reads a message stays
// with it, so that there must be no other.
type parser struct{}

func (parser) Cacheable() bool { return true }

func (parser) Parse(src, _, _ string) (template.ParsedTemplate, error) {
	t, err := parseTemplate(src)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// filling is a template that has been read: text and placeholders in turn.
type filling struct {
	parts []part
	size  int // of all literal text
}

// part is literal text, or a placeholder when it has a name.
type part struct{ literal, name string }

func parseTemplate(src string) (*filling, error) {
	t := &filling{}
	for rest := src; rest != ""; {
		at := strings.Index(rest, "{{")
		stray := strings.Index(rest, "}}")
		if stray >= 0 && (at < 0 || stray < at) {
			return nil, syntaxError(src, len(src)-len(rest)+stray)
		}
		if at < 0 {
			t.literal(rest)
			break
		}
		t.literal(rest[:at])
		name := rest[at+2:]
		end := strings.Index(name, "}}")
		if end < 0 || !strings.HasPrefix(name, ".") || !validName(name[1:end]) {
			return nil, syntaxError(src, len(src)-len(rest)+at)
		}
		t.parts = append(t.parts, part{name: name[1:end]})
		rest = name[end+2:]
	}
	return t, nil
}

func (t *filling) literal(s string) {
	if s != "" {
		t.parts = append(t.parts, part{literal: s})
		t.size += len(s)
	}
}

func syntaxError(src string, at int) *SyntaxError {
	return &SyntaxError{At: utf8.RuneCountInString(src[:at]) + 1, Excerpt: markup.Cut(src[at:], 24, "")}
}

func validName(s string) bool {
	if s == "" || len(s) > maxName || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

// Execute puts the values in as they are.
func (t *filling) Execute(data any) (string, error) {
	values, ok := data.(map[string]markup.Text)
	if !ok {
		return "", fmt.Errorf("values are %T, not marked texts by name", data)
	}
	if len(t.parts) == 1 && t.parts[0].name == "" {
		return t.parts[0].literal, nil
	}
	size := t.size
	for _, p := range t.parts {
		if p.name == "" {
			continue
		}
		v, ok := values[p.name]
		if !ok {
			return "", fmt.Errorf("the value %s is missing", p.name)
		}
		if size += len(v); size > maxOutput {
			return "", errTooLong
		}
	}
	var b strings.Builder
	b.Grow(size)
	for _, p := range t.parts {
		if p.name == "" {
			b.WriteString(p.literal)
		} else {
			b.WriteString(string(values[p.name]))
		}
	}
	return b.String(), nil
}

// names lists the placeholders in order of appearance, each once.
func (t *filling) names() []string {
	var names []string
	seen := map[string]bool{}
	for _, p := range t.parts {
		if p.name != "" && !seen[p.name] {
			seen[p.name] = true
			names = append(names, p.name)
		}
	}
	return names
}
