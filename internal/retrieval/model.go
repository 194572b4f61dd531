package retrieval

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// Model is what was learned from entries. It does not change and may be used by
// many goroutines at once.
type Model struct {
	labels     []string // in order
	vocabulary *vocabulary
	classifier *classifier
	confidence confidence
	thresholds thresholds
	report     Report
	last       atomic.Pointer[indexed]
}

// Report says how a model did on its own phrases, each found by others.
type Report struct {
	Phrases                  int     // that it learned from, without those about other things
	First                    float64 // part of them whose own label came first
	Answered, Wrong, Outside float64 // parts of them that were answered rightly and wrongly, and of what is about other things
}

// Report tells how the model did in cross-validation.
func (m *Model) Report() Report { return m.report }

// version changes with everything that makes another model of the same entries.
const version = 3

// Fingerprint names what a model is made of: the entries, in any order, and this
// package's way of learning.
func Fingerprint(entries []Entry) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %q %q", version, elsewhere, foreign)
	for _, e := range sorted(entries) {
		fmt.Fprintf(h, " %q %q %q %t", e.Label, e.Language, e.Text, e.Answer)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func sorted(entries []Entry) []Entry {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Language, b.Language), cmp.Compare(a.Text, b.Text))
	})
	return entries
}

// Fit learns from entries. It takes about a second for a thousand of them, and
// seven times the memory of the model; the error is the context's. The order of
// the entries does not matter, and the same entries give the same model.
func Fit(ctx context.Context, entries []Entry) (*Model, error) {
	texts, labels := known(entries)
	for line := range strings.Lines(elsewhere) {
		texts = append(texts, text{notOurs, words(line)})
	}
	return fit(ctx, texts, labels)
}

func fit(ctx context.Context, texts []text, labels []string) (*Model, error) {
	m := &Model{labels: labels, thresholds: thresholds{Answer: 1, Choices: 1}}
	if len(labels) == 0 {
		m.vocabulary, m.classifier = newVocabulary(nil), &classifier{}
		return m, ctx.Err()
	}
	all, err := judge(ctx, texts, labels)
	if err != nil {
		return nil, err
	}
	m.confidence = learn(all)
	m.thresholds = choose(all, m.confidence)
	m.report = report(all, m.confidence, m.thresholds)
	p := fitPart(texts, labels, runs)
	m.vocabulary, m.classifier = p.vocabulary, p.classifier
	return m, ctx.Err()
}

// known are the phrases of entries, and their labels, in order.
func known(entries []Entry) (texts []text, labels []string) {
	for _, e := range sorted(entries) {
		ws := words(e.Text)
		if len(ws) == 0 || e.Answer {
			continue
		}
		if len(labels) == 0 || labels[len(labels)-1] != e.Label {
			labels = append(labels, e.Label)
		}
		texts = append(texts, text{len(labels) - 1, ws})
	}
	return texts, labels
}

func report(all []judged, c confidence, t thresholds) (r Report) {
	var inside, outside float64
	for _, j := range all {
		answered := c.of(j.evidence) >= t.Answer
		switch j.from {
		case ours:
			inside++
			switch {
			case j.right && answered:
				r.First++
				r.Answered++
			case j.right:
				r.First++
			case answered:
				r.Wrong++
			}
		case others:
			outside++
			if answered {
				r.Outside++
			}
		}
	}
	r.Phrases = int(inside)
	r.First /= max(1, inside)
	r.Answered /= max(1, inside)
	r.Wrong /= max(1, inside)
	r.Outside /= max(1, outside)
	return r
}
