package main

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestSettingsAreDocumented: docs/operating.md lists every setting, and neither it
// nor what is deployed with names one that there is not.
func TestSettingsAreDocumented(t *testing.T) {
	known := append(settingNames(), "PROCURABOT_CONFIG")
	operating := readDocument(t, "docs/operating.md")
	for _, name := range known {
		if !strings.Contains(operating, "`"+name+"`") {
			t.Errorf("docs/operating.md says nothing about %s", name)
		}
		if short := strings.TrimPrefix(name, prefix); !strings.HasSuffix(name, "_API_URL") && name != "PROCURABOT_CONFIG" && !strings.Contains(runCommand{}.Help(), short) {
			t.Errorf("procurabot run --help says nothing about %s", short)
		}
	}
	for _, file := range []string{
		"docs/operating.md", "docs/slack.md", "docs/discord.md", "README.md",
		"deploy/Dockerfile", "deploy/compose.yaml", "deploy/procurabot.service",
	} {
		for _, name := range regexp.MustCompile(`PROCURABOT_[A-Z_]*[A-Z]`).FindAllString(readDocument(t, file), -1) {
			if !slices.Contains(known, name) {
				t.Errorf("%s names %s, which is no setting", file, name)
			}
		}
	}
}

// readDocument reads a file of the repository.
func readDocument(t *testing.T, path string) string {
	t.Helper()
	b, err := fs.ReadFile(os.DirFS("../.."), path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
