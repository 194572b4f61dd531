//go:build sqlite_fts5

package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"procurabot/internal/retrieval"
)

// intents reads one of the files of shared/bench/intents.
func intents(t *testing.T, name string) []retrieval.Example {
	t.Helper()
	all, err := readExamples(filepath.Join("..", "..", "..", "shared", "bench", "intents", name+".tsv"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// bm25 is the part of the test whose nearest phrase, as SQLite's FTS5 ranks them,
// has the right label, and the median time of a question. Any word may match.
// https://sqlite.org/fts5.html#the_bm25_function
func bm25(t *testing.T, tokenizer string, train, test []retrieval.Example) (accuracy float64, took time.Duration) {
	t.Helper()
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE VIRTUAL TABLE phrase USING fts5 (text, label UNINDEXED, tokenize = '` + tokenizer + `')`); err != nil {
		t.Fatal(err)
	}
	for _, x := range train {
		if _, err := db.Exec(`INSERT INTO phrase (text, label) VALUES (?, ?)`, retrieval.Fold(x.Text), x.Label); err != nil {
			t.Fatal(err)
		}
	}
	find, err := db.Prepare(`SELECT label FROM phrase WHERE phrase MATCH ? ORDER BY rank, rowid LIMIT 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer find.Close()
	var right part
	var times []time.Duration
	for _, x := range test {
		began := time.Now()
		var label string
		if folded := retrieval.Fold(x.Text); folded != "" {
			err = find.QueryRow(`"` + strings.Join(strings.Fields(folded), `" OR "`) + `"`).Scan(&label)
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			t.Fatal(err)
		}
		times = append(times, time.Since(began))
		right.count(label == x.Label)
	}
	slices.Sort(times)
	return right.percent(), times[len(times)/2]
}

// TestPublicTables prints how the engine does on public data, and holds it to what
// it reaches.
func TestPublicTables(t *testing.T) {
	sets := []struct {
		name, train, test string
		least             float64 // in percent
	}{
		{"BANKING77, 10 a label", "banking77-10shot.train", "banking77.test", 77.5},
		{"BANKING77, full", "banking77-full.train", "banking77.test", 92},
		{"robo-en", "robo-10shot.train", "robo-en.test", 0},
		{"robo-de", "robo-10shot.train", "robo-de.test", 0},
		{"nlpjs-en", "nlpjs-en.train", "nlpjs-en.test", 0},
		{"nlpjs-fr", "nlpjs-fr.train", "nlpjs-fr.test", 0},
	}
	if intents(t, sets[0].train) == nil {
		fmt.Println("public data is not measured: shared/bench/intents is not beside the repository")
		return
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nright, %\tlearned\tasked\tengine\tbm25 porter\tbm25 unicode61\tfit\tanswer\tof porter\tof unicode61")
	for _, s := range sets {
		train, test := intents(t, s.train), intents(t, s.test)
		e, err := retrieval.Evaluate(t.Context(), train, test, nil)
		if err != nil {
			t.Fatal(err)
		}
		if 100*e.Accuracy < s.least {
			t.Errorf("%s: %.2f %% are right, want at least %.1f", s.name, 100*e.Accuracy, s.least)
		}
		porter, porterTook := bm25(t, "porter unicode61", train, test)
		plain, plainTook := bm25(t, "unicode61", train, test)
		fmt.Fprintf(w, "%s\t%d\t%d\t%.1f\t%.1f\t%.1f\t%.1f s\t%.0f us\t%d us\t%d us\n", s.name, e.Train, e.Test, 100*e.Accuracy, porter, plain,
			e.FitSeconds, e.AnswerMicroseconds, porterTook.Microseconds(), plainTook.Microseconds())
	}
	fmt.Fprintln(w, "\nevery fourth label left out and asked for, %\trecall 30\t40\t50\t60\t70\t80\t90\tchosen: recall\tright in scope\tright, no threshold\tfit and threshold")
	for _, s := range sets[:2] {
		train, test := intents(t, s.train), intents(t, s.test)
		left := everyFourth(train)
		outside := func(x retrieval.Example) bool { return left[x.Label] }
		inside := func(x retrieval.Example) bool { return !left[x.Label] }
		e, err := retrieval.Evaluate(t.Context(), slices.DeleteFunc(train, outside), slices.DeleteFunc(slices.Clone(test), outside), slices.DeleteFunc(slices.Clone(test), inside))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, s.name)
		for _, p := range e.Curve {
			fmt.Fprintf(w, "\t%.1f", 100*p.InScopeAccuracy)
		}
		fmt.Fprintf(w, "\t%.1f\t%.1f\t%.1f\t%.1f s\n", 100*e.OOSRecall, 100*e.InScopeAccuracy, 100*e.Accuracy, e.CalibratedFitSeconds)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// everyFourth label, in the order of letters.
func everyFourth(all []retrieval.Example) map[string]bool {
	var labels []string
	for _, x := range all {
		labels = append(labels, x.Label)
	}
	slices.Sort(labels)
	left := map[string]bool{}
	for i, label := range slices.Compact(labels) {
		left[label] = i%4 == 3
	}
	return left
}
