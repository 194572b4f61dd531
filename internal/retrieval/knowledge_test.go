package retrieval

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/BurntSushi/toml"
)

// knowledge is what ships.
func knowledge(t testing.TB) []Entry {
	t.Helper()
	return slices.Clone(shippedEntries())
}

// shippedEntries reads the pages and phrases that ship.
var shippedEntries = sync.OnceValue(func() []Entry {
	pages, err := filepath.Glob("../../locales/benefits/*/*.md")
	if err != nil || len(pages) == 0 {
		panic(fmt.Sprintf("no pages in locales/benefits: %v", err))
	}
	var entries []Entry
	messages := map[string]map[string]any{}
	for _, l := range []string{"en", "fr", "de"} {
		m := map[string]any{}
		if _, err := toml.DecodeFile("../../locales/active."+l+".toml", &m); err != nil {
			panic(err)
		}
		messages[l] = m
	}
	for _, page := range pages {
		b, err := os.ReadFile(page)
		if err != nil {
			panic(err)
		}
		_, rest, _ := strings.Cut(string(b), "+++\n")
		head, answer, _ := strings.Cut(rest, "+++\n")
		var matter struct {
			Title   string
			Phrases []string
		}
		if _, err := toml.Decode(head, &matter); err != nil {
			panic(err)
		}
		label, language := strings.TrimSuffix(filepath.Base(page), ".md"), filepath.Base(filepath.Dir(page))
		more, _ := messages[language]["benefits."+label+".phrases"].(string)
		for _, p := range slices.Concat(matter.Phrases, []string{matter.Title}, strings.Split(more, "\n")) {
			entries = append(entries, Entry{Label: label, Language: language, Text: p})
		}
		entries = append(entries, Entry{Label: label, Language: language, Text: answer, Answer: true})
	}
	for language, m := range messages {
		for _, id := range []string{"help.what", "help.hello", "help.thanks", "members.language"} {
			for phrase := range strings.Lines(m[id+".phrases"].(string)) {
				entries = append(entries, Entry{Label: "action:" + id, Language: language, Text: strings.TrimSpace(phrase)})
			}
		}
	}
	return entries
})

func lines(t testing.TB, name string) []string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}
