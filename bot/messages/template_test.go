package messages

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"procurabot/internal/markup"
)

func TestTemplate(t *testing.T) {
	values := map[string]markup.Text{"Name": "Ada", "Count": "3", "Odd": "{{.Name}}"}
	for _, c := range []struct{ src, want string }{
		{"", ""},
		{"no placeholder", "no placeholder"},
		{"{{.Name}}", "Ada"},
		{"a {{.Name}} b {{.Count}}{{.Name}}", "a Ada b 3Ada"},
		{"{ single } é {{.Name}}", "{ single } é Ada"},
		{"a value is no template: {{.Odd}}", "a value is no template: {{.Name}}"},
	} {
		p, err := parser{}.Parse(c.src, "", "")
		if err != nil {
			t.Errorf("%q: %v", c.src, err)
			continue
		}
		if got, err := p.Execute(values); err != nil || got != c.want {
			t.Errorf("%q: %q, %v; want %q", c.src, got, err, c.want)
		}
	}
}

func TestTemplateRefuses(t *testing.T) {
	for _, c := range []struct {
		src string
		at  int
	}{
		{"{{", 1},
		{"é {{.Name", 3},
		{"{{.name}}", 1},
		{"{{Name}}", 1},
		{"{{ .Name }}", 1},
		{"{{.Name.String}}", 1},
		{"{{range .Name}}x{{end}}", 1},
		{"{{.Name | printf}}", 1},
		{"{{.}}", 1},
		{"{{.Na\nme}}", 1},
		{"{{{.Name}}}", 1},
		{"{{.Name}}}}", 10},
		{"stray }} here", 7},
		{"{{." + strings.Repeat("N", 33) + "}}", 1},
	} {
		_, err := parser{}.Parse(c.src, "", "")
		wrong, ok := errors.AsType[*SyntaxError](err)
		if !ok || wrong.At != c.at {
			t.Errorf("%q: %v; want an error at character %d", c.src, err, c.at)
		}
	}
}

func TestTemplateFails(t *testing.T) {
	p, err := parseTemplate("{{.Name}}{{.Name}}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Execute(map[string]markup.Text{"Count": "1"}); err == nil || !strings.Contains(err.Error(), "Name") {
		t.Errorf("a missing value: %v", err)
	}
	if _, err := p.Execute(map[string]string{"Name": "unescaped"}); err == nil {
		t.Error("values that were not escaped were taken")
	}
	if _, err := p.Execute(map[string]markup.Text{"Name": markup.Text(strings.Repeat("x", maxOutput/2+1))}); !errors.Is(err, errTooLong) {
		t.Errorf("too much output: %v", err)
	}
}

// Filling each placeholder with itself gives the template again; what cannot be
// read is said to be wrong at a place that is there.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"", "{{.Name}}", "a{{.A}}b{{.B1}}", "{{", "}}", "{{.A}", "{{{.A}}}", "é{{.É}}", "{{.A}}\xff{{"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		p, err := parseTemplate(src)
		if wrong, ok := errors.AsType[*SyntaxError](err); ok {
			if n := utf8.RuneCountInString(src); wrong.At < 1 || wrong.At > n {
				t.Fatalf("%q: wrong at character %d of %d", src, wrong.At, n)
			}
			if wrong.Excerpt == "" || !strings.Contains(src, wrong.Excerpt) {
				t.Fatalf("%q: %q does not stand there", src, wrong.Excerpt)
			}
			return
		}
		values := map[string]markup.Text{}
		for _, name := range p.names() {
			values[name] = markup.Text("{{." + name + "}}")
		}
		got, err := p.Execute(values)
		if err != nil && !errors.Is(err, errTooLong) || err == nil && got != src {
			t.Fatalf("%q: %q, %v", src, got, err)
		}
	})
}
