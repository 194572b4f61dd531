package slack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"procurabot/bot"
)

// table is a table of commands with a few words.
type table struct {
	commands []bot.CommandInfo
	words    map[string]string // language and id
}

func (t table) Commands() []bot.CommandInfo { return t.commands }

func (t table) Text(l bot.Language, id string) string {
	if w, ok := t.words[string(l)+" "+id]; ok {
		return w
	}
	return id
}

func someCommands() table {
	command := func(id string, path string, options ...bot.Option) bot.CommandInfo {
		return bot.CommandInfo{Command: bot.Command{ID: id, Path: strings.Fields(path), Options: options}}
	}
	return table{
		commands: []bot.CommandInfo{
			command("benefits.ask", "procura ask", bot.Option{Name: "question", Required: true}),
			command("members.language", "procura language", bot.Option{Name: "language"}),
			command("messages.show", "procura-admin messages show", bot.Option{Name: "id", Required: true}),
			command("messages.edit", "procura-admin messages edit", bot.Option{Name: "id", Required: true}),
			command("members.give", "procura-admin roles give"),
			command("help.help", "procura help"),
		},
		words: map[string]string{
			"en commands.procura.description": "Ask about Procura+ & more",
			"en benefits.ask.name":            "ask", "fr benefits.ask.name": "demander", "de benefits.ask.name": "fragen",
			"en benefits.ask.question.name": "question", "fr benefits.ask.question.name": "question", "de benefits.ask.question.name": "Frage",
			"fr members.language.name": "langue", "de members.language.name": "Sprache",
		},
	}
}

// manifestSchema is nil where the published schemas are not beside the repository.
func manifestSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "specs")
	if _, err := os.Stat(dir); err != nil {
		t.Logf("the manifest is not checked against the published schema: %v", err)
		return nil
	}
	c := jsonschema.NewCompiler()
	c.UseRegexpEngine(lenient)
	for address, file := range map[string]string{
		"https://schema.invalid/manifest.json": "slack_app_manifest.schema.json",
		"https://raw.githubusercontent.com/slackapi/manifest-schema/v0.5.0/schemas/manifest.schema.1.0.0.json": "slack_manifest_schemas/manifest.schema.1.0.0.json",
		"https://raw.githubusercontent.com/slackapi/manifest-schema/v0.5.0/schemas/manifest.schema.2.0.0.json": "slack_manifest_schemas/manifest.schema.2.0.0.json",
	} {
		raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		// Its own id would take the place of the address.
		delete(doc.(map[string]any), "$id")
		if err := c.AddResource(address, doc); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile("https://schema.invalid/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// lenient reads the patterns of the schemas. Those that look ahead, which are of
// parts that we do not use, match everything: Go's regular expressions do not.
func lenient(pattern string) (jsonschema.Regexp, error) {
	if strings.Contains(pattern, "(?!") {
		pattern = ""
	}
	return regexp.Compile(pattern)
}

func TestManifest(t *testing.T) {
	schema := manifestSchema(t)
	for name, o := range map[string]ManifestOptions{"socket": {}, "http": {Name: "Procura-Hilfe", Address: "https://bot.example.org/chat/"}} {
		t.Run(name, func(t *testing.T) {
			raw, err := Manifest(someCommands(), o)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "manifest", name+".golden"), raw)
			if schema == nil {
				return
			}
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(doc); err != nil {
				t.Error(err)
			}
			// The schema is one that can say no.
			doc.(map[string]any)["display_information"].(map[string]any)["name"] = ""
			if schema.Validate(doc) == nil {
				t.Error("the schema accepts an app without a name")
			}
		})
	}
}

func TestManifestRefuses(t *testing.T) {
	many := table{}
	for i := range 51 {
		many.commands = append(many.commands, bot.CommandInfo{Command: bot.Command{Path: []string{fmt.Sprint("w", i), "x"}}})
	}
	long := table{commands: []bot.CommandInfo{{Command: bot.Command{Path: []string{strings.Repeat("w", 32), "x"}}}}}
	for name, test := range map[string]struct {
		c Commands
		o ManifestOptions
	}{
		"an address without TLS":  {table{}, ManifestOptions{Address: "http://bot.example.org"}},
		"an address with a query": {table{}, ManifestOptions{Address: "https://bot.example.org?x=1"}},
		"no address":              {table{}, ManifestOptions{Address: "bot.example.org"}},
		"a long name":             {table{}, ManifestOptions{Name: strings.Repeat("n", 36)}},
		"51 commands":             {many, ManifestOptions{}},
		"a long command":          {long, ManifestOptions{}},
	} {
		if _, err := Manifest(test.c, test.o); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

// However long the words are, Slack takes them.
func TestManifestOfLongWords(t *testing.T) {
	c := someCommands()
	for i := range 100 {
		c.commands = append(c.commands, bot.CommandInfo{Command: bot.Command{ID: "x", Path: []string{"procura", fmt.Sprintf("%060d", i)}}})
	}
	c.words["en commands.procura.description"] = strings.Repeat("ä", 3000)
	raw, err := Manifest(c, ManifestOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	for _, command := range m.Features.Commands {
		if n := len([]rune(command.Usage)); n > maxUsage {
			t.Errorf("%s has a hint of %d characters", command.Command, n)
		}
		if n := len([]rune(command.Description)); n > maxDescription {
			t.Errorf("%s has a description of %d characters", command.Command, n)
		}
	}
}

// docs/slack.md says of each scope what it is for, and names no other.
func TestScopesAreExplained(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "slack.md"))
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, s := range Scopes() {
		without := "does not run"
		if s.Without != "" {
			without = s.Without
		}
		want = append(want, "| `"+s.Name+"` | "+s.Why+" | "+without+" |")
	}
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "| `") && strings.Count(line, "|") == 4 {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/slack.md has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
