package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"procurabot/adapters/playground"
	"procurabot/bot"
	"procurabot/internal/database"
)

// texts runs "procurabot messages" in this process, over connections of its own,
// and gives the exit code and what it printed.
func texts(t *testing.T, path, in string, args ...string) (code int, out string) {
	t.Helper()
	var b bytes.Buffer
	code = run(t.Context(), append([]string{"messages"}, args...), map[string]string{"PROCURABOT_DATABASE": path}, strings.NewReader(in), &b, &b)
	return code, b.String()
}

// written puts a file into a new folder.
func written(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A bot that is running says what another process has imported, and knows it even
// before anything is asked of it.
func TestImportBesideARunningBot(t *testing.T) {
	platform := playground.New(playground.Options{})
	adapter, err := platform.Adapter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a := testApp(t, parts{adapters: []bot.Adapter{adapter}})
	noticed := make(chan struct{}, 10)
	a.db.Follow(func(context.Context) { noticed <- struct{}{} })
	working, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- a.engine.Run(working) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	settings := map[string]string{"PROCURABOT_DATABASE": a.db.Path()}
	file := filepath.Join(t.TempDir(), "texts.csv")
	ctx := limit(t, time.Minute)
	for _, step := range []struct {
		args []string
		edit func(string) string
	}{
		{args: []string{"messages", "export", "--out", file}},
		{args: []string{"messages", "import", file, "--by", "Ines"}, edit: func(s string) string {
			return strings.Replace(s, `"help.help.name","fr","","aide"`, `"help.help.name","fr","","secours"`, 1)
		}},
	} {
		if step.edit != nil {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			edited := step.edit(string(content))
			if edited == string(content) {
				t.Fatalf("the export is not as it was thought to be: %.500s", edited)
			}
			if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p := start(t, settings, step.args...)
		select {
		case <-p.ended:
		case <-ctx.Done():
			t.Fatal("it does not end")
		}
		if code := p.cmd.ProcessState.ExitCode(); code != 0 {
			t.Fatalf("%q: exit code %d: %s", step.args, code, p.log.String())
		}
	}
	for a.engine.Text(bot.French, "help.help.name") != "secours" {
		select {
		case <-noticed:
		case <-ctx.Done():
			t.Fatalf("still %q", a.engine.Text(bot.French, "help.help.name"))
		}
	}
}

func TestTextsInBulk(t *testing.T) {
	path := testApp(t, parts{}).db.Path()
	code, toml := texts(t, path, "", "export")
	if code != 0 || !strings.Contains(toml, "\n[de]\n") || !strings.Contains(toml, "\n[en]\n") {
		t.Fatalf("exit code %d: %.300s", code, toml)
	}
	_, csv := texts(t, path, "", "export", "--format", "csv", "--language", "fr")
	for _, c := range []struct {
		name string
		in   string
		args []string
		code int
		want string
	}{
		{"as it was", toml, []string{"import", "-", "--format", "toml"}, 0, "texts read, 0 saved, 0 conflicts left out\n"},
		{"something wrong", strings.Replace(toml, "Gern geschehen.", "*Gern geschehen.", 1), []string{"import", "-", "--format", "toml"}, 1,
			"help.thanks (de): Please correct this, at character 1: *Gern geschehen."},
		{"nothing is saved then", strings.Replace(toml, "Gern geschehen.", "*Gern geschehen.", 1), []string{"import", "-", "--format", "toml"}, 1,
			"nothing is saved: 1 problem, 0 conflicts. Mend them and import the file again\n"},
		{"only tried", strings.Replace(toml, "Gern geschehen.", "Sehr gern.", 1), []string{"import", "-", "--format", "toml", "--dry-run"}, 0,
			"changed: help.thanks (de)\n"},
		{"saved", strings.Replace(toml, "Gern geschehen.", "Sehr gern.", 1), []string{"import", "-", "--format", "toml", "--by", "Ines"}, 0, " 1 saved, "},
		{"a conflict", strings.Replace(toml, "Gern geschehen.", "Herzlich gern.", 1), []string{"import", "-", "--format", "toml"}, 1,
			"nothing is saved: 0 problems, 1 conflict. Mend them and import the file again, or save the rest with --skip-conflicts\n"},
		{"a conflict left out", strings.Replace(toml, "Gern geschehen.", "Herzlich gern.", 1), []string{"import", "-", "--format", "toml", "--skip-conflicts"}, 0,
			" 0 saved, 1 conflict left out\n"},
		{"English", strings.Replace(toml, "\"help.thanks\" = \"You are welcome.", "\"help.thanks\" = \"With pleasure.", 1), []string{"import", "-", "--format", "toml"}, 0,
			"changed: help.thanks (en)\nto be reviewed now: help.thanks (fr), help.thanks (de)\n"},
		{"the ending says it", csv, []string{"import", written(t, "texts.CSV", csv)}, 0, " 0 saved"},
		{"no format", csv, []string{"import", "-"}, 2, "say which format it has: --format toml or --format csv"},
		{"no ending", csv, []string{"import", written(t, "texts", csv)}, 2, "say which format it has"},
		{"no ending to write", "", []string{"export", "--out", filepath.Join(t.TempDir(), "texts.xlsx")}, 2, "say which format it has"},
		{"no file", "", []string{"import", filepath.Join(t.TempDir(), "gone.csv")}, 2, "no such file"},
		{"no folder", "", []string{"export", "--out", filepath.Join(t.TempDir(), "gone", "texts.csv")}, 2, "no such file"},
		{"no name", csv, []string{"import", "-", "--format", "csv", "--by", " "}, 2, "it is not known who imports"},
		{"no language", "", []string{"export", "--language", "it"}, 2, "must be one of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out := texts(t, path, c.in, c.args...)
			if code != c.code || !strings.Contains(out, c.want) {
				t.Errorf("exit code %d, want %d with %q:\n%.600s", code, c.code, c.want, out)
			}
		})
	}
	_, english := texts(t, path, "", "export", "--language", "en")
	english = strings.Replace(english, "With pleasure.", "You are welcome.", 1)
	if code, out := texts(t, path, english, "import", "-", "--format", "toml"); code != 0 || !strings.Contains(out, "no longer to be reviewed: help.thanks (fr), help.thanks (de)\n") {
		t.Errorf("exit code %d:\n%.600s", code, out)
	}
}

// A file is there when it is whole, and a database only when a bot has made it.
func TestExportToAFile(t *testing.T) {
	path := testApp(t, parts{}).db.Path()
	file := written(t, "texts.csv", "an older export")
	if code, out := texts(t, path, "", "export", "--out", file); code != 0 || out != "" {
		t.Fatal(code, out)
	}
	content, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(content), "\ufeff\"id\"") {
		t.Errorf("%.100q, %v", content, err)
	}
	if files, err := os.ReadDir(filepath.Dir(file)); err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
	gone := filepath.Join(t.TempDir(), "gone.db")
	if code, out := texts(t, gone, "", "export"); code != 2 || !strings.Contains(out, "PROCURABOT_DATABASE") {
		t.Error(code, out)
	}
	if _, err := os.Stat(gone); err == nil {
		t.Error("the export made a database")
	}
	// A database that no bot of this version has started on.
	empty := filepath.Join(t.TempDir(), "empty.db")
	db, err := database.Open(t.Context(), empty, database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if code, out := texts(t, empty, "", "export"); code != 2 || !strings.Contains(out, "start the bot anew with this one first") {
		t.Error(code, out)
	}
}

// What a release did to edited texts is told to the operator.
func TestTextsOfARelease(t *testing.T) {
	a := testApp(t, parts{})
	if err := a.db.Update(t.Context(), func(tx *database.Tx) error {
		for language, text := range map[string]string{"de": "Gern, {{.Gone}}", "fr": "Avec plaisir."} {
			if _, err := tx.Exec(`UPDATE messages_text SET text = json_object('other', ?), shipped = json_object('other', 'Of an older release'), state = 'edited'
				WHERE id = 'help.thanks' AND language = ?`, text, language); err != nil {
				return err
			}
		}
		return tx.Bump()
	}); err != nil {
		t.Fatal(err)
	}
	var log logbook
	again := func() {
		t.Helper()
		if _, err := newApp(t.Context(), parts{db: a.db, log: slog.New(slog.NewJSONHandler(&log, nil))}); err != nil {
			t.Fatal(err)
		}
	}
	again()
	told := map[string][]any{}
	for _, m := range []string{
		"edited texts no longer fit this release and were set aside: look at them with /procura-admin messages show",
		"texts are to be reviewed, because what they translate or what ships has changed",
	} {
		for _, e := range log.entries(m) {
			told[m[:5]] = e["texts"].([]any)
		}
	}
	if !slices.Equal(told["edite"], []any{"help.thanks (de)"}) || !slices.Equal(told["texts"], []any{"help.thanks (fr)"}) {
		t.Errorf("%v\n%s", told, log.String())
	}
	before := log.String()
	again()
	if log.String() != before {
		t.Errorf("told at every start:\n%s", log.String())
	}
}
