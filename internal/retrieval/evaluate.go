package retrieval

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Example is a text whose label is known.
type Example struct {
	Label, Text string
	Line        int // where it was read, from 1; 0: nowhere
}

// ReadExamples reads one example a line, label<TAB>text. A byte order mark, blank
// lines and lines that end as on Windows are fine; what stands after a second tab
// belongs to the text. An error names the first line that is not an example and
// says what to do.
func ReadExamples(r io.Reader) (examples []Example, err error) {
	lines := bufio.NewReader(r)
	var wrong error
	more := 0
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("read line %d: %w", n, err)
		}
		if n == 1 {
			if bytes.HasPrefix(line, []byte("\xff\xfe")) || bytes.HasPrefix(line, []byte("\xfe\xff")) {
				return nil, errors.New("line 1 begins as UTF-16 does: save the file as UTF-8")
			}
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if len(bytes.TrimSpace(line)) > 0 {
			label, text, tab := strings.Cut(string(line), "\t")
			label, text = strings.TrimSpace(label), strings.TrimSpace(text)
			problem := ""
			switch {
			case !tab:
				problem = "has no tab: write the label, a tab, and the text"
			case label == "":
				problem = "has no label: write one before the tab"
			case text == "":
				problem = "has no text: write one after the tab, or take the line out"
			}
			switch {
			case problem == "":
				examples = append(examples, Example{label, text, n})
			case wrong == nil:
				wrong = fmt.Errorf("line %d %s", n, problem)
			default:
				more++
			}
		}
		if err == io.EOF {
			break
		}
	}
	switch {
	case more > 0:
		return nil, fmt.Errorf("%w (%d more lines are no examples)", wrong, more)
	case wrong != nil:
		return nil, wrong
	case len(examples) == 0:
		return nil, errors.New("it is empty: write an example a line, as label, tab, text")
	}
	return examples, nil
}

// Evaluation is how well a model does that learned from some examples, with others.
type Evaluation struct {
	Labels, Train, Test, Outside int // how many there were

	// Accuracy is the part of the test whose likeliest label is right: no
	// threshold, and nothing else to choose from than the labels.
	Accuracy float64

	// With questions about other things: at the confidence from which on a [Model]
	// offers choices, which it takes from the training data alone (it is the one
	// that best divides what can be found from what cannot). InScopeAccuracy is the
	// part of the test that is right and at least as sure, OOSRecall the part of
	// what is outside that is less sure. Curve is what other thresholds would give.
	InScopeAccuracy, OOSRecall float64
	Curve                      []Point

	FitSeconds           float64 // of the model that gives Accuracy
	CalibratedFitSeconds float64 // with confidence and threshold; 0 where nothing is outside
	AnswerMicroseconds   float64 // from a text to its label, the median
	Warnings             []string
}

// Point is the accuracy that can be had where at least so much of what is outside
// is not answered.
type Point struct{ OOSRecall, InScopeAccuracy float64 }

// Evaluate learns from train alone and asks for test, and, where there are any,
// for questions about other things, whose labels do not matter. What is doubtful
// about the examples is among the warnings. Errors: nothing to learn from or too
// many labels, nothing to ask, or the context's.
func Evaluate(ctx context.Context, train, test, outside []Example) (Evaluation, error) {
	e := Evaluation{Train: len(train), Test: len(test), Outside: len(outside), Warnings: doubts(train, test, outside)}
	entries := make([]Entry, len(train))
	for i, x := range train {
		entries[i] = Entry{Label: x.Label, Text: x.Text}
	}
	texts, labels := known(entries)
	e.Labels = len(labels)
	switch {
	case len(texts) == 0:
		return e, errors.New("no text to learn from has a letter or a digit")
	case len(labels) > maxLabels:
		return e, fmt.Errorf("%d labels are too many to learn at once: at most %d, is the label before the tab?", len(labels), maxLabels)
	case len(test) == 0:
		return e, errors.New("there is nothing to test with")
	}
	began := time.Now()
	p := fitPart(texts, labels, runs)
	e.FitSeconds = time.Since(began).Seconds()
	found := make([]finding, len(test))
	took := make([]time.Duration, len(test))
	var right []evidence
	for i, x := range test {
		asked := time.Now()
		found[i] = p.ask(x.Text)
		took[i] = time.Since(asked)
		if label, ok := slices.BinarySearch(labels, x.Label); ok && len(found[i].order) > 0 && found[i].order[0] == label {
			right = append(right, found[i].evidence)
		}
	}
	slices.Sort(took)
	e.AnswerMicroseconds = float64(took[len(took)/2].Nanoseconds()) / 1000
	e.Accuracy = float64(len(right)) / float64(len(test))
	if len(outside) == 0 || ctx.Err() != nil {
		return e, ctx.Err()
	}

	began = time.Now()
	all, err := judge(ctx, texts, labels)
	if err != nil {
		return e, err
	}
	c := learn(all)
	threshold := choose(all, c).Choices
	e.CalibratedFitSeconds = e.FitSeconds + time.Since(began).Seconds()
	sure := make([]float64, len(outside)) // how sure what is outside is
	for i, x := range outside {
		if f := p.ask(x.Text); len(f.order) > 0 {
			sure[i] = c.of(f.evidence)
		}
	}
	slices.Sort(sure)
	accuracy := func(threshold float64) float64 {
		n := 0
		for _, x := range right {
			if c.of(x) >= threshold {
				n++
			}
		}
		return float64(n) / float64(len(test))
	}
	answered, _ := slices.BinarySearch(sure, threshold)
	e.OOSRecall, e.InScopeAccuracy = float64(answered)/float64(len(outside)), accuracy(threshold)
	for percent := 30; percent <= 90; percent += 10 {
		last := sure[(percent*len(sure)+99)/100-1] // that must not be answered
		e.Curve = append(e.Curve, Point{float64(percent) / 100, accuracy(math.Nextafter(last, 2))})
	}
	return e, ctx.Err()
}

// maxLabels bounds the memory: there is a weight for each feature and label.
const maxLabels = 1000

// ask finds labels for a text; none where it has no words.
func (p *part) ask(text string) finding {
	ws := words(text)
	if len(ws) == 0 {
		return finding{}
	}
	return p.rank(ws[:min(len(ws), maxWords)], none)
}

// maxDoubts is how many lines with the same doubt are named.
const maxDoubts = 10

// doubts are what makes figures mean less than they seem to.
func doubts(train, test, outside []Example) (all []string) {
	labels := map[string][]int{} // lines, by label
	said := map[string]Example{} // the first that says it, by folded text
	var empty, twice, unknown, inside list
	var seen [][2]int // lines of test and train
	for _, x := range train {
		labels[x.Label] = append(labels[x.Label], x.Line)
		folded := Fold(x.Text)
		first, ok := said[folded]
		switch {
		case folded == "":
			empty.add("train: line %d has no letter and no digit: nothing is learned from it", x.Line)
		case !ok:
			said[folded] = x
		case first.Label != x.Label:
			twice.add("train: lines %d and %d say the same under two labels, %s and %s", first.Line, x.Line, short(first.Label), short(x.Label))
		}
	}
	var single list
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if lines := labels[label]; len(lines) == 1 {
			single.add("train: line %d is the only one of %s: it cannot be found by others of its kind", lines[0], short(label))
		}
	}
	if len(labels) == 1 {
		all = append(all, "train: there is one label only: everything is taken for it")
	}
	for _, x := range test {
		folded := Fold(x.Text)
		if folded == "" {
			empty.add("test: line %d has no letter and no digit: it counts as wrong", x.Line)
		}
		if first, ok := said[folded]; ok {
			seen = append(seen, [2]int{x.Line, first.Line})
		}
		if labels[x.Label] == nil {
			unknown.add("test: line %d has the label %s, which train does not have: it counts as wrong", x.Line, short(x.Label))
		}
	}
	for _, x := range outside {
		if labels[x.Label] != nil {
			inside.add("oos: line %d has the label %s, which is one of train's: it counts as outside", x.Line, short(x.Label))
		}
	}
	if len(seen) > 0 {
		all = append(all, fmt.Sprintf("test: %d of the texts are in train too, the first on line %d of test and line %d of train: finding them shows little", len(seen), seen[0][0], seen[0][1]))
	}
	for _, l := range []list{empty, twice, single, unknown, inside} {
		all = append(all, l.lines...)
		if l.more > 0 {
			all = append(all, fmt.Sprintf("(%d more like the last)", l.more))
		}
	}
	return all
}

// list holds the first lines, and how many more there were.
type list struct {
	lines []string
	more  int
}

func (l *list) add(format string, args ...any) {
	if len(l.lines) == maxDoubts {
		l.more++
		return
	}
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

// short quotes a label so that it fits on a line.
func short(label string) string {
	const most = 60
	if len(label) > most {
		label = strings.ToValidUTF8(label[:most], "") + "..."
	}
	return fmt.Sprintf("%q", label)
}
