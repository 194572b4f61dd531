// Package importtest holds the architecture: which folder may import which.
// docs/architecture.md draws it; this table is what is enforced.
package importtest

import (
	"go/build"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "procurabot"

// rules say what a folder may import of ours; the first pattern that matches a
// folder holds. Imports only ever point down:
//
//	cmd -> adapters -> bot/<feature> -> bot -> internal -> (nothing of ours)
var rules = []struct {
	folder string // a path.Match pattern
	may    []string
}{
	{"cmd/*", []string{"adapters/*", "adapters/*/*", "bot", "bot/*", "internal/*", "locales"}},
	{"adapters/adaptertest", []string{"bot", "bot/bottest", "internal/*"}},
	{"adapters/*/fake*", []string{"bot", "bot/bottest", "internal/*", "adapters/*"}},        // a fake is a stage for scripts, and hands out its adapter
	{"adapters/playground", []string{"bot", "bot/bottest", "internal/*"}},                   // it is a stage itself
	{"adapters/showcase", []string{"bot", "bot/bottest", "internal/*", "adapters/*/fake*"}}, // it draws what the fakes hold
	{"adapters/*", []string{"bot", "internal/*"}},
	{"adapters/*/fake*/*", nil},
	{"bot", []string{"internal/*"}},
	{"bot/bottest", []string{"bot", "internal/*"}},
	{"bot/members", []string{"bot", "internal/*"}},
	{"bot/*", []string{"bot", "bot/members", "internal/*"}},
	{"internal/outbox", []string{"internal/database"}},
	{"internal/schedule", []string{"internal/database"}},
	{"internal/*", nil},
	{"locales", nil},
}

// owners are the only folders that may import a library.
var owners = map[string][]string{
	"github.com/slack-go/slack":        {"adapters/slack", "adapters/slack/fakeslack"},
	"github.com/bwmarrin/discordgo":    {"adapters/discord", "adapters/discord/fakediscord"},
	"github.com/mattn/go-sqlite3":      {"internal/database"},
	"github.com/nicksnyder/go-i18n/v2": {"bot/messages"},
	"github.com/chromedp/chromedp":     {},
}

// forbidden folder names say nothing about what is in them.
var forbidden = []string{"util", "utils", "common", "helpers", "helper", "types", "models", "misc", "shared"}

func TestImportsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		rule := slices.IndexFunc(rules, func(r struct {
			folder string
			may    []string
		}) bool {
			return match(r.folder, p.folder)
		})
		if rule < 0 {
			t.Errorf("%s: no rule says what this folder may import: name it in the table", p.folder)
			continue
		}
		for _, imported := range p.imports {
			if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
				if !slices.ContainsFunc(rules[rule].may, func(m string) bool { return match(m, ours) }) {
					t.Errorf("%s must not import %s", p.folder, ours)
				}
				continue
			}
			for library, who := range owners {
				if (imported == library || strings.HasPrefix(imported, library+"/")) && !slices.Contains(who, p.folder) {
					t.Errorf("%s must not import %s: only %v may", p.folder, imported, who)
				}
			}
		}
	}
}

func TestFolderNamesMeanSomething(t *testing.T) {
	for _, p := range packages(t) {
		for _, word := range strings.Split(p.folder, "/") {
			if slices.Contains(forbidden, word) {
				t.Errorf("%s: %q says nothing about what is in it", p.folder, word)
			}
		}
	}
}

// sql recognises a statement by its first words; prose does not begin so.
var sql = regexp.MustCompile("[\"`]\\s*(SELECT|INSERT INTO|UPDATE \\w+ SET|DELETE FROM|CREATE (TABLE|INDEX)|PRAGMA|WITH \\w+ AS)\\b")

func TestOnlyStoresHoldSQL(t *testing.T) {
	for _, p := range packages(t) {
		if p.folder == "internal/database" {
			continue
		}
		for _, file := range p.files {
			if filepath.Base(file) == "store.go" {
				continue
			}
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if found := sql.Find(b); found != nil {
				t.Errorf("%s holds SQL (%s): it belongs in store.go", file, found)
			}
		}
	}
}

func TestOnlyCmdReadsTheEnvironment(t *testing.T) {
	environment := regexp.MustCompile(`\bos\.(Getenv|LookupEnv|Environ|ExpandEnv)\(`)
	for _, p := range packages(t) {
		if strings.HasPrefix(p.folder, "cmd/") {
			continue
		}
		for _, file := range p.files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if environment.Match(b) {
				t.Errorf("%s reads the environment: settings are cmd's", file)
			}
		}
	}
}

type pkg struct {
	folder  string
	imports []string
	files   []string
}

// packages lists the program's own packages, without tests.
func packages(t *testing.T) []pkg {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []pkg
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); p != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "tools") {
			return filepath.SkipDir
		}
		b, err := build.ImportDir(p, 0)
		if _, none := err.(*build.NoGoError); none {
			return nil
		}
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if len(b.GoFiles) == 0 {
			return nil
		}
		one := pkg{folder: filepath.ToSlash(folder), imports: b.Imports}
		for _, f := range b.GoFiles {
			one.files = append(one.files, filepath.Join(p, f))
		}
		all = append(all, one)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 5 {
		t.Fatalf("only %d packages found: the test looks in the wrong place", len(all))
	}
	return all
}

func match(pattern, folder string) bool {
	ok, err := path.Match(pattern, folder)
	return err == nil && ok
}
