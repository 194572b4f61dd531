package retrieval

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestReadExamples(t *testing.T) {
	for _, c := range []struct{ name, file, problem string }{
		{"plain", "a\tone\nb\ttwo", ""},
		{"a mark at the start, lines of Windows, blank ones", "\ufeffa\tone\r\n\r\n \t \n b \t two \r\n", ""},
		{"nothing", "", "it is empty: write an example a line, as label, tab, text"},
		{"nothing but blank lines", "\n\r\n", "it is empty"},
		{"no tab", "a\tone\n\nb two\n", "line 3 has no tab: write the label, a tab, and the text"},
		{"no label", "a\tone\n\ttwo\n", "line 2 has no label: write one before the tab"},
		{"no text", "a\tone\nb\t\n", "line 2 has no text: write one after the tab, or take the line out"},
		{"several", "a one\nb\n\nc\t\nd\tfour", "line 1 has no tab: write the label, a tab, and the text (2 more lines are no examples)"},
		{"UTF-16", "\xff\xfea\x00\t\x00b\x00", "save the file as UTF-8"},
		{"binary", "\x00\x01\x02\xff\n", "line 1 has no tab"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadExamples(strings.NewReader(c.file))
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Errorf("got %v, %v; want %q", got, err, c.problem)
				}
				return
			}
			for i := range got {
				got[i].Line = 0
			}
			if diff := cmp.Diff([]Example{{Label: "a", Text: "one"}, {Label: "b", Text: "two"}}, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
	broken := errors.New("the disk is gone")
	if _, err := ReadExamples(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
	got, err := ReadExamples(strings.NewReader("a\tone\ttwo\n" + "b\t" + strings.Repeat("very long ", 1<<20)))
	if err != nil || len(got) != 2 || got[0].Text != "one\ttwo" || got[1].Line != 2 {
		t.Error(len(got), err)
	}
}

// finite reports whether all figures are parts of one.
func finite(e Evaluation) bool {
	all := []float64{e.Accuracy, e.InScopeAccuracy, e.OOSRecall}
	for _, p := range e.Curve {
		all = append(all, p.InScopeAccuracy, p.OOSRecall)
	}
	for _, v := range all {
		if math.IsNaN(v) || v < 0 || v > 1 {
			return false
		}
	}
	return true
}

func examples(t testing.TB, file string) []Example {
	t.Helper()
	all, err := ReadExamples(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDoubts gives files that are poor, each with what should be said of it.
func TestDoubts(t *testing.T) {
	const good = "price\twhat does it cost\nprice\thow much is the fee\nplace\twhere is the office\nplace\tin which street are you\n"
	for _, c := range []struct{ name, train, test, outside, warning string }{
		{"nothing", good, "price\twhat is to be paid\nplace\twhere are you", "-\twho won the match", ""},
		{"one label", "a\tone\na\ttwo\n", "a\tthree", "-\tfour", "train: there is one label only: everything is taken for it"},
		{"one text", "a\tone\n", "a\tone two", "-\tfour", `train: line 1 is the only one of "a"`},
		{"one text a label", "a\tone\nb\ttwo\nc\tthree\n", "a\tone one", "-\tfour", `train: line 3 is the only one of "c"`},
		{"two labels", good + "place\tWhat does it cost?\n", "price\tit costs what", "-\tfour", `train: lines 1 and 5 say the same under two labels, "price" and "place"`},
		{"one text for all", "a\tone\nb\tOne!\nc\tone?\n", "a\tone two", "-\tone", `train: lines 1 and 3 say the same under two labels, "a" and "c"`},
		{"marks alone", good + "place\t?!\n", "price\t...\nplace\twhich street", "-\t\U0001F600", "test: line 1 has no letter and no digit: it counts as wrong"},
		{"asked what was learned", good, "price\twhat does it cost", "", "test: 1 of the texts are in train too, the first on line 1 of test and line 1 of train"},
		{"another label", good, "time\twhen are you there", "", `test: line 1 has the label "time", which train does not have`},
		{"not outside", good, "price\tthe cost of it", "price\twho won", `oos: line 1 has the label "price", which is one of train's`},
		{"no UTF-8", good + "\xff\xfe\x00\t\xffone\x00two\n", "price\t\xff\xff\nplace\t\x00where", "-\t\xff", `the only one of "\xff\xfe\x00"`},
		{"a long label", good + strings.Repeat("ä", 1000) + "\tone\n", "price\tthe cost", "", `ää..."`},
		{"many", strings.Repeat("a\t?\n", 30) + good, "price\tthe cost", "", "(20 more like the last)"},
		{"a long text", good + "place\t" + strings.Repeat("where ", 1<<20), "price\t" + strings.Repeat("cost ", 1<<20), "-\t" + strings.Repeat("x", 1<<20), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var outside []Example
			if c.outside != "" {
				outside = examples(t, c.outside)
			}
			e, err := Evaluate(t.Context(), examples(t, c.train), examples(t, c.test), outside)
			if err != nil || !finite(e) || len(e.Curve) > 0 != (c.outside != "") {
				t.Errorf("%v, %+v", err, e)
			}
			said := strings.Join(e.Warnings, "\n")
			if c.warning == "" && said != "" || !strings.Contains(said, c.warning) {
				t.Errorf("said:\n%s\nwant %q", said, c.warning)
			}
		})
	}
}

func TestEvaluate(t *testing.T) {
	train := examples(t, "price\twhat does it cost\nprice\thow much is the fee\nprice\tis there a charge\nplace\twhere is the office\nplace\tin which street are you\nplace\tis it far from the station\n")
	test := examples(t, "price\tthe cost of it\nprice\twhat is the charge\nplace\tthe street of the office\nplace\tthe fee\n")
	e, err := Evaluate(t.Context(), train, test, examples(t, "-\twho won the match\n-\t?!\n"))
	if err != nil || e.Accuracy != 0.75 || e.Labels != 2 || e.Train != 6 || e.Test != 4 || e.Outside != 2 || len(e.Curve) != 7 {
		t.Errorf("%v, %+v", err, e)
	}
	for i, p := range e.Curve {
		if p.InScopeAccuracy > e.Accuracy || i > 0 && p.InScopeAccuracy > e.Curve[i-1].InScopeAccuracy {
			t.Errorf("more recall gives more accuracy: %+v", e.Curve)
		}
	}
	if e.FitSeconds <= 0 || e.CalibratedFitSeconds <= e.FitSeconds || e.AnswerMicroseconds <= 0 {
		t.Errorf("times: %+v", e)
	}
	if _, err := Evaluate(t.Context(), examples(t, "a\t?\nb\t!\n"), test, nil); err == nil {
		t.Error("nothing to learn from is no error")
	}
	if _, err := Evaluate(t.Context(), train, nil, nil); err == nil {
		t.Error("nothing to ask is no error")
	}
	var many []Example
	for i := range maxLabels + 1 {
		many = append(many, Example{Label: strconv.Itoa(i), Text: "one"})
	}
	if _, err := Evaluate(t.Context(), many, test, nil); err == nil || !strings.Contains(err.Error(), "1001 labels") {
		t.Error(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Evaluate(ctx, train, test, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func FuzzReadExamples(f *testing.F) {
	for _, s := range []string{"a\tone\nb\ttwo\n", "a\tone\na\tone", "\ufeffa\t\xff\r\n\tb", "a\t?\n", "\x00\t\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		all, err := ReadExamples(strings.NewReader(s))
		if err != nil {
			return
		}
		all = all[:min(len(all), 20)]
		if e, err := Evaluate(t.Context(), all, all, all); err == nil && !finite(e) {
			t.Errorf("%+v", e)
		}
	})
}

// public reads one of the files of shared/bench/intents, which lies beside the
// repository; nil where it does not.
func public(t testing.TB, name string) []Example {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "bench", "intents", name+".tsv"))
	if errors.Is(err, os.ErrNotExist) {
		t.Logf("%s is not measured: shared/bench/intents is not beside the repository", name)
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := ReadExamples(f)
	if err != nil {
		t.Fatal(name, err)
	}
	return all
}

// TestBanking77 holds the engine to what it reaches on public data with ten
// phrases a label. What it reaches with all of them takes a minute: make eval.
func TestBanking77(t *testing.T) {
	train, test := public(t, "banking77-10shot.train"), public(t, "banking77.test")
	if train == nil || test == nil {
		return
	}
	e, err := Evaluate(t.Context(), train, test, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("accuracy %.4f, fitted in %.1f s, answered in %.0f us", e.Accuracy, e.FitSeconds, e.AnswerMicroseconds)
	if e.Accuracy < 0.775 {
		t.Errorf("accuracy %.4f, want at least 0.775", e.Accuracy)
	}
}
