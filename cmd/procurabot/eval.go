package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"procurabot/internal/retrieval"
)

type evalCommand struct {
	Train string `help:"The file to learn from." required:"" placeholder:"FILE"`
	Test  string `help:"The file of questions whose labels are to be found." required:"" placeholder:"FILE"`
	OOS   string `name:"oos" help:"A file of questions about other things (out of scope), which should not be answered." placeholder:"FILE"`
	JSON  bool   `name:"json" help:"Print one JSON object."`
}

func (evalCommand) Help() string {
	return `The files hold an example a line: label, tab, text. All figures but the times are parts of 1.
accuracy: of the test, whose likeliest label is right; there is no threshold and no other thing to choose.
in_scope_accuracy, oos_recall (with --oos): of the test, what is right and sure enough; of the questions about other things,
what is not sure enough. What is sure enough is decided on the file to learn from alone, as for choices in the chat.
fit_seconds: learning what gives accuracy; calibrated_fit_seconds: learning also what is sure enough.
answer_microseconds: one question, the median. Exit code 2 where a file cannot be used.`
}

// evaluated is what is printed, as JSON and by these names.
type evaluated struct {
	Accuracy             float64  `json:"accuracy"`
	InScopeAccuracy      *float64 `json:"in_scope_accuracy,omitempty"`
	OOSRecall            *float64 `json:"oos_recall,omitempty"`
	FitSeconds           float64  `json:"fit_seconds"`
	CalibratedFitSeconds *float64 `json:"calibrated_fit_seconds,omitempty"`
	AnswerMicroseconds   float64  `json:"answer_microseconds"`
	Counts               struct {
		Labels int `json:"labels"`
		Train  int `json:"train"`
		Test   int `json:"test"`
		OOS    int `json:"oos"`
	} `json:"counts"`
	Curve    []curvePoint `json:"curve,omitempty"`
	Warnings []string     `json:"warnings"`
}

type curvePoint struct {
	OOSRecall       float64 `json:"oos_recall"`
	InScopeAccuracy float64 `json:"in_scope_accuracy"`
}

func (c evalCommand) Run(p *program) error {
	var files [3][]retrieval.Example
	for i, path := range []string{c.Train, c.Test, c.OOS} {
		if path == "" && i == 2 {
			continue
		}
		var err error
		if files[i], err = readExamples(path); err != nil {
			return usageError{err}
		}
	}
	e, err := retrieval.Evaluate(p.ctx, files[0], files[1], files[2])
	switch {
	case p.ctx.Err() != nil:
		return p.ctx.Err()
	case err != nil:
		return usageError{fmt.Errorf("evaluate %s: %w", c.Train, err)}
	}
	out := evaluated{
		Accuracy: e.Accuracy, FitSeconds: e.FitSeconds, AnswerMicroseconds: e.AnswerMicroseconds,
		Warnings: append([]string{}, e.Warnings...),
	}
	out.Counts.Labels, out.Counts.Train, out.Counts.Test, out.Counts.OOS = e.Labels, e.Train, e.Test, e.Outside
	if c.OOS != "" {
		out.InScopeAccuracy, out.OOSRecall, out.CalibratedFitSeconds = &e.InScopeAccuracy, &e.OOSRecall, &e.CalibratedFitSeconds
		for _, point := range e.Curve {
			out.Curve = append(out.Curve, curvePoint(point))
		}
	}
	if c.JSON {
		return json.NewEncoder(p.out).Encode(out)
	}
	for _, w := range out.Warnings {
		fmt.Fprintln(p.err, "procurabot: warning:", w)
	}
	return out.print(p)
}

func (e evaluated) print(p *program) error {
	w := tabwriter.NewWriter(p.out, 0, 0, 1, ' ', 0)
	fmt.Fprintf(w, "accuracy\t%.4f\n", e.Accuracy)
	if e.OOSRecall != nil {
		fmt.Fprintf(w, "in_scope_accuracy\t%.4f\noos_recall\t%.4f\n", *e.InScopeAccuracy, *e.OOSRecall)
	}
	fmt.Fprintf(w, "fit_seconds\t%.2f\n", e.FitSeconds)
	if e.CalibratedFitSeconds != nil {
		fmt.Fprintf(w, "calibrated_fit_seconds\t%.2f\n", *e.CalibratedFitSeconds)
	}
	fmt.Fprintf(w, "answer_microseconds\t%.0f\n", e.AnswerMicroseconds)
	for _, point := range e.Curve {
		fmt.Fprintf(w, "in_scope_accuracy_at_oos_recall_%.0f\t%.4f\n", 100*point.OOSRecall, point.InScopeAccuracy)
	}
	return w.Flush()
}

func readExamples(path string) (_ []retrieval.Example, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	examples, err := retrieval.ReadExamples(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return examples, nil
}
