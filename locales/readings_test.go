package locales_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"procurabot/locales"
)

var update = flag.Bool("update", false, "write texts that are new or have changed to readings.tsv, as not read yet")

// The record has one line a text: language, id, the first twelve digits of the
// text's SHA-256, and the verdict of whoever read it in that language alone:
// "read", or "open: " and what is wrong.
const record = "readings.tsv"

// pages are those that say something themselves, outside the bot's texts.
var pages = []string{"playground", "showcase"}

// TestEveryTextWasRead: no French or German text is said that nobody has read a
// second time, as an official would.
func TestEveryTextWasRead(t *testing.T) {
	texts := readable(t)
	lines := map[string][]string{}
	b, err := os.ReadFile(record)
	if err != nil && !*update {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 4 {
			t.Fatalf("%s: %q has not four fields", record, line)
		}
		key := f[0] + "\t" + f[1]
		if lines[key] != nil { // else "read" could stand below "open"
			t.Fatalf("%s: %s %s has two lines", record, f[0], f[1])
		}
		lines[key] = f
	}
	if *update {
		var out strings.Builder
		for _, key := range slices.Sorted(maps.Keys(texts)) {
			verdict := "open: not read yet"
			if f := lines[key]; f != nil && f[2] == sum(texts[key]) {
				verdict = f[3]
			}
			fmt.Fprintf(&out, "%s\t%s\t%s\n", key, sum(texts[key]), verdict)
		}
		if err := os.WriteFile(record, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for key, text := range texts {
		name := strings.ReplaceAll(key, "\t", " ")
		switch f := lines[key]; {
		case f == nil:
			t.Errorf("%s was never read: read it, then add to %s:\n%s\t%s\tread", name, record, key, sum(text))
		case f[2] != sum(text):
			t.Errorf("%s has changed since it was read: read it again, then write in %s:\n%s\t%s\tread", name, record, key, sum(text))
		case f[3] != "read":
			t.Errorf("%s: %s", name, f[3])
		}
	}
	for key := range lines {
		if _, ok := texts[key]; !ok {
			t.Errorf("%s holds %s, which is no text any more", record, strings.ReplaceAll(key, "\t", " "))
		}
	}
}

func sum(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])[:12]
}

// readable are the French and German texts that people read, by language and id.
func readable(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	files := locales.Files()
	words := map[string]map[string]map[string]string{} // by page, language and id
	for _, page := range pages {
		b, err := os.ReadFile("../adapters/" + page + "/web/words.json")
		if err != nil {
			t.Fatal(err)
		}
		own := map[string]map[string]string{}
		if err := json.Unmarshal(b, &own); err != nil {
			t.Fatal(err)
		}
		words[page] = own
	}
	for _, language := range []string{"fr", "de"} {
		messages := map[string]any{}
		if _, err := toml.DecodeFS(files, "active."+language+".toml", &messages); err != nil {
			t.Fatal(err)
		}
		for id, text := range messages {
			if !strings.HasSuffix(id, ".phrases") { // what members write
				texts[language+"\t"+id] = fmt.Sprint(text)
			}
		}
		for page, own := range words {
			if len(own[language]) == 0 {
				t.Fatalf("the page of the %s says nothing in %s", page, language)
			}
			for id, text := range own[language] {
				texts[language+"\t"+page+"/"+id] = text
			}
		}
		pages, err := fs.Glob(files, "benefits/"+language+"/*.md")
		if err != nil || len(pages) == 0 {
			t.Fatalf("no pages: %v", err)
		}
		for _, page := range pages {
			b, err := fs.ReadFile(files, page)
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.SplitN(string(b), "+++\n", 3)
			if len(parts) != 3 {
				t.Fatalf("%s has no head", page)
			}
			var head struct{ Title string }
			if _, err := toml.Decode(parts[1], &head); err != nil {
				t.Fatal(err)
			}
			topic := "benefits/" + strings.TrimSuffix(path.Base(page), ".md")
			texts[language+"\t"+topic+" title"] = head.Title
			texts[language+"\t"+topic+" text"] = parts[2]
		}
	}
	if len(texts) < 400 {
		t.Fatalf("only %d texts", len(texts))
	}
	return texts
}
