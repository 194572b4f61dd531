package playground

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"procurabot/bot"
	"procurabot/internal/webpage"
)

func all(t *testing.T) map[string]*webpage.Words {
	t.Helper()
	w, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestEveryTextIsInThreeLanguages(t *testing.T) {
	w := all(t)
	verbs := regexp.MustCompile(`%[ds]|\{[a-z ]+\}`)
	for key, english := range w["en"].Texts {
		for _, l := range bot.Languages() {
			text := w[string(l)].Texts[key]
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %q is missing", l, key)
			}
			if !slices.Equal(verbs.FindAllString(text, -1), verbs.FindAllString(english, -1)) {
				t.Errorf("%s: %q has other placeholders: %q", l, key, text)
			}
		}
	}
	for _, l := range bot.Languages() {
		if got, want := len(w[string(l)].Texts), len(w["en"].Texts); got != want {
			t.Errorf("%s has %d texts, English has %d", l, got, want)
		}
	}
	// In French a space that does not break stands before these.
	for key, text := range w["fr"].Texts {
		if regexp.MustCompile(`[^\x{202f}\x{a0}][:;!?](\s|$)`).MatchString(text) {
			t.Errorf("fr: %q lacks its narrow space: %q", key, text)
		}
	}
}

func TestEveryTextIsUsed(t *testing.T) {
	w := all(t)["en"]
	var source strings.Builder
	for _, name := range []string{"web/page.html"} {
		b, err := web.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(b)
	}
	for _, m := range regexp.MustCompile(`T "([a-z0-9-]+)"`).FindAllStringSubmatch(source.String(), -1) {
		if w.Texts[m[1]] == "" {
			t.Errorf("the page asks for %q, which is no text", m[1])
		}
	}
	for _, s := range steps() {
		if w.Texts["clock-"+s.id] == "" {
			t.Errorf("the step %q has no text", s.id)
		}
	}
	for _, r := range bot.Roles() {
		if w.Texts["role-"+string(r)] == "" {
			t.Errorf("the role %q has no text", r)
		}
	}
}

// TestContrast holds the palette to WCAG 2.1: 4.5 for text (1.4.3), 3 for the
// edges of controls and for the focus (1.4.11).
func TestContrast(t *testing.T) {
	b, err := web.ReadFile("web/page.css")
	if err != nil {
		t.Fatal(err)
	}
	light, rest, ok := strings.Cut(string(b), "@media (prefers-color-scheme: dark)")
	dark, _, _ := strings.Cut(rest, "box-sizing")
	if !ok {
		t.Fatal("there is no dark scheme")
	}
	pairs := []struct {
		text, ground string
		least        float64
	}{
		{"ink", "paper", 4.5}, {"ink", "sheet", 4.5}, {"ink", "tint", 4.5}, {"ink", "ochre-tint", 4.5},
		{"soft", "paper", 4.5}, {"soft", "sheet", 4.5}, {"soft", "tint", 4.5}, {"soft", "ochre-tint", 4.5},
		{"deep", "paper", 4.5}, {"deep", "sheet", 4.5}, {"deep", "tint", 4.5}, {"deep", "ochre-tint", 4.5},
		{"deeper", "sheet", 4.5}, {"on-deep", "deep", 4.5}, {"on-deep", "deeper", 4.5},
		{"ochre", "ochre-tint", 4.5}, {"red", "sheet", 4.5},
		{"edge", "paper", 3}, {"edge", "sheet", 3}, {"edge", "tint", 3}, {"edge", "ochre-tint", 3},
		{"focus", "paper", 3}, {"focus", "sheet", 3}, {"focus", "tint", 3},
	}
	for scheme, css := range map[string]string{"light": light, "dark": dark} {
		for _, p := range pairs {
			if got := contrast(t, css, p.text, p.ground); got < p.least {
				t.Errorf("%s: %s on %s has %.2f, want %.1f", scheme, p.text, p.ground, got, p.least)
			}
		}
	}
	for i := range hues {
		m := regexp.MustCompile(fmt.Sprintf(`\.hue-%d \{ background: (#[0-9a-f]{6})`, i)).FindStringSubmatch(string(b))
		if m == nil {
			t.Fatalf("the colour %d of people is missing", i)
		}
		if got := 1.05 / (luminance(m[1]) + 0.05); got < 4.5 {
			t.Errorf("white on the colour %d of people has %.2f", i, got)
		}
	}
}

func contrast(t *testing.T, css, a, b string) float64 {
	t.Helper()
	value := func(name string) float64 {
		m := regexp.MustCompile(`--` + name + `: (#[0-9a-f]{6});`).FindStringSubmatch(css)
		if m == nil {
			t.Fatalf("there is no colour %q", name)
		}
		return luminance(m[1])
	}
	x, y := value(a), value(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(hex string) float64 {
	var l float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8) // the expression lets nothing else through
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		l += weight * c
	}
	return l
}
