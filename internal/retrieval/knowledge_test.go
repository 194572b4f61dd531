package retrieval

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// knowledge reads the pages that ship.
func knowledge(t testing.TB) []Entry {
	t.Helper()
	pages, err := filepath.Glob("../../locales/benefits/*/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages in locales/benefits: %v", err)
	}
	var entries []Entry
	messages := map[string]map[string]any{}
	for _, l := range []string{"en", "fr", "de"} {
		m := map[string]any{}
		if _, err := toml.DecodeFile("../../locales/active."+l+".toml", &m); err != nil {
			t.Fatal(err)
		}
		messages[l] = m
	}
	for _, page := range pages {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(b), "+++\n")
		head, answer, _ := strings.Cut(rest, "+++\n")
		var matter struct {
			Title   string
			Phrases []string
		}
		if _, err := toml.Decode(head, &matter); err != nil {
			t.Fatal(err)
		}
		label, language := strings.TrimSuffix(filepath.Base(page), ".md"), filepath.Base(filepath.Dir(page))
		more, _ := messages[language]["benefits."+label+".phrases"].(string)
		for _, p := range slices.Concat(matter.Phrases, []string{matter.Title}, strings.Split(more, "\n")) {
			entries = append(entries, Entry{Label: label, Language: language, Text: p})
		}
		entries = append(entries, Entry{Label: label, Language: language, Text: answer, Answer: true})
	}
	return entries
}

func lines(t testing.TB, name string) []string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}
