package showcase

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"procurabot/bot"
)

func TestEveryTextIsInThreeLanguages(t *testing.T) {
	w, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	verbs := regexp.MustCompile(`%[ds]`)
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
	w, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	page, err := web.ReadFile("web/page.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`T "([a-z0-9-]+)"`).FindAllSubmatch(page, -1) {
		if w["en"].Texts[string(m[1])] == "" {
			t.Errorf("the page asks for %q, which is no text", m[1])
		}
	}
	for _, r := range bot.Roles() {
		if w["en"].Texts["role-"+string(r)] == "" {
			t.Errorf("the role %q has no text", r)
		}
	}
}
