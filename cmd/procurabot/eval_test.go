package main

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	evalTrain = "price\twhat does it cost\nprice\thow much is the fee\nplace\twhere is the office\nplace\tin which street are you\n"
	evalTest  = "price\tthe cost of it\nplace\tthe street of the office\n"
	evalOOS   = "-\twho won the match\n-\twill it rain\n"
)

// evaluates runs "procurabot eval" in this process.
func evaluates(t *testing.T, ctx context.Context, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(ctx, append([]string{"eval"}, args...), nil, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func TestEval(t *testing.T) {
	train, test, oos := written(t, "train.tsv", evalTrain), written(t, "test.tsv", evalTest), written(t, "oos.tsv", evalOOS)
	gone := filepath.Join(t.TempDir(), "gone.tsv")
	const times = `fit_seconds +\d+\.\d\d\n`
	for _, c := range []struct {
		name string
		args []string
		code int
		out  string // a pattern of all that is printed
		errs string
	}{
		{"in scope", []string{"--train", train, "--test", test}, 0, `accuracy +1\.0000\n` + times + `answer_microseconds +\d+\n`, ""},
		{"out of scope", []string{"--train", train, "--test", test, "--oos", oos}, 0,
			`accuracy +1\.0000\nin_scope_accuracy +[01]\.\d{4}\noos_recall +[01]\.\d{4}\n` + times + `calibrated_` + times +
				`answer_microseconds +\d+\n(in_scope_accuracy_at_oos_recall_[3-9]0 [01]\.\d{4}\n){7}`, ""},
		{"doubtful", []string{"--train", written(t, "twice.tsv", evalTrain+"place\tWhat does it cost?\n"), "--test", test}, 0, `accuracy[^:]*`,
			`warning: train: lines 1 and 5 say the same under two labels, "price" and "place"`},
		{"one label", []string{"--train", written(t, "one.tsv", "a\tone\n"), "--test", test, "--oos", oos}, 0, `accuracy +0\.0000\n[^:]*`, "one label only"},
		{"no file", []string{"--train", gone, "--test", test}, 2, "", "no such file"},
		{"a folder", []string{"--train", train, "--test", t.TempDir()}, 2, "", "is a directory"},
		{"empty", []string{"--train", written(t, "empty.tsv", "\n"), "--test", test}, 2, "", "empty.tsv: it is empty: write an example a line"},
		{"nothing to ask", []string{"--train", train, "--test", test, "--oos", written(t, "empty.tsv", "")}, 2, "", "empty.tsv: it is empty"},
		{"no tab", []string{"--train", written(t, "train.tsv", "a\tone\nb two\n"), "--test", test}, 2, "", "train.tsv: line 2 has no tab: write the label, a tab, and the text"},
		{"nothing to learn", []string{"--train", written(t, "marks.tsv", "a\t?\nb\t!\n"), "--test", test}, 2, "", "no text to learn from has a letter or a digit"},
		{"no test", []string{"--train", train}, 2, "", "--test"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errs := evaluates(t, t.Context(), c.args...)
			if code != c.code || !regexp.MustCompile("^("+c.out+")$").MatchString(out) || !strings.Contains(errs, c.errs) || c.errs == "" && errs != "" {
				t.Errorf("exit code %d:\n%s%s", code, out, errs)
			}
		})
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if code, _, errs := evaluates(t, stopped, "--train", train, "--test", test); code != 1 || !strings.Contains(errs, "canceled") {
		t.Errorf("stopped: exit code %d, %s", code, errs)
	}
}

func TestEvalJSON(t *testing.T) {
	train, test, oos := written(t, "train.tsv", evalTrain+"time\twhen\n"), written(t, "test.tsv", evalTest), written(t, "oos.tsv", evalOOS)
	for _, more := range [][]string{nil, {"--oos", oos}} {
		code, out, errs := evaluates(t, t.Context(), append([]string{"--train", train, "--test", test, "--json"}, more...)...)
		got := map[string]any{}
		if err := json.Unmarshal([]byte(out), &got); code != 0 || err != nil || errs != "" {
			t.Fatalf("exit code %d, %v: %s%s", code, err, out, errs)
		}
		for _, name := range []string{"accuracy", "fit_seconds", "answer_microseconds", "counts", "warnings"} {
			if got[name] == nil {
				t.Errorf("no %s: %s", name, out)
			}
		}
		for _, name := range []string{"in_scope_accuracy", "oos_recall", "calibrated_fit_seconds", "curve"} {
			if (got[name] != nil) != slices.Contains(more, "--oos") {
				t.Errorf("%s with %q: %s", name, more, out)
			}
		}
		if counts := got["counts"].(map[string]any); counts["labels"] != 3.0 || counts["train"] != 5.0 || counts["test"] != 2.0 {
			t.Errorf("counts: %s", out)
		}
		if warnings := got["warnings"].([]any); len(warnings) != 1 || !strings.Contains(warnings[0].(string), "line 5") {
			t.Errorf("warnings: %s", out)
		}
	}
}
