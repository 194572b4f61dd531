// Package faults keeps faults that somebody might well make, each as a small
// change of the source, and holds that the tests find every one of them.
//
// Each file of testdata names a package whose tests must fail (with what else
// to tell go test), a file, and the
// lines to be replaced. The plain test holds that they still fit the source;
// with -plant (make faults) each is planted, in a copy that only the compiler
// sees, and the package's tests are run.
package faults

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var plant = flag.Bool("plant", false, "plant each fault and run the tests that must find it")

// atLeast is how many faults there must be.
const atLeast = 12

const root = "../.."

type fault struct{ what, pkg, file, source string }

func read(t *testing.T, path string) fault {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	part := map[string]string{}
	for _, f := range archive.Files {
		part[f.Name] = strings.TrimSuffix(string(f.Data), "\n")
	}
	b, err := os.ReadFile(filepath.Join(root, part["file"]))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), part["old"]); n != 1 || part["old"] == "" {
		t.Fatalf("%s: the lines to be replaced stand %d times in %s: write the fault anew", path, n, part["file"])
	}
	return fault{
		what: strings.TrimSpace(string(archive.Comment)), pkg: part["package"], file: part["file"],
		source: strings.Replace(string(b), part["old"], part["new"], 1),
	}
}

func TestFaultsAreFound(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < atLeast {
		t.Fatalf("%d faults, there must be %d", len(paths), atLeast)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			f := read(t, path)
			if *plant {
				f.mustBeFound(t)
			}
		})
	}
}

// mustBeFound runs the tests with the fault in place.
func (f fault) mustBeFound(t *testing.T) {
	t.Helper()
	abs, err := filepath.Abs(filepath.Join(root, f.file))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, filepath.Base(f.file)), filepath.Join(dir, "overlay.json")
	b, err := json.Marshal(map[string]map[string]string{"Replace": {abs: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{changed: f.source, overlay: string(b)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := append([]string{"test", "-count=1", "-failfast", "-timeout=5m", "-overlay=" + overlay}, strings.Fields(f.pkg)...)
	test := exec.CommandContext(t.Context(), "go", args...)
	test.Dir = root
	out, err := test.CombinedOutput()
	switch {
	case err == nil:
		t.Errorf("%s The tests of %s do not find it.", f.what, f.pkg)
	case strings.Contains(string(out), "[build failed]"):
		t.Errorf("the fault does not compile:\n%s", out)
	default:
		t.Logf("%s Found: %s", f.what, firstFailure(string(out)))
	}
}

func firstFailure(out string) string {
	for line := range strings.Lines(out) {
		if l := strings.TrimSpace(line); strings.HasPrefix(l, "--- FAIL") || strings.HasPrefix(l, "panic:") {
			return l
		}
	}
	return "the tests failed"
}
