package retrieval

import (
	"slices"
	"strings"
)

// Index finds labels for questions: a model, with the entries as they are now.
// A phrase that was added since the model was fitted is found word for word, and
// a label that is gone is not found. It does not change and may be used by many
// goroutines at once.
type Index struct {
	model   *Model
	part    *part               // the model's, with the phrases of now
	gone    []bool              // by label of the model
	exact   map[string][]string // labels by folded phrase
	tongues *tongues
}

// Index makes what finds. It takes a fifth of a second; the last one is kept, and
// given again for the same entries.
func (m *Model) Index(entries []Entry) *Index {
	entries = sorted(entries)
	if last := m.last.Load(); last != nil && slices.Equal(last.entries, entries) {
		return last.index
	}
	x := m.index(entries)
	m.last.Store(&indexed{entries, x})
	return x
}

// indexed is an index with what it was made of, in order.
type indexed struct {
	entries []Entry
	index   *Index
}

func (m *Model) index(entries []Entry) *Index {
	x := &Index{
		model: m, exact: map[string][]string{}, tongues: teach(entries), gone: make([]bool, len(m.labels)),
		part: &part{
			labels: len(m.labels), vocabulary: m.vocabulary, classifier: m.classifier,
			phrases: make([][]phrase, len(m.labels)), speller: newSpeller(m.vocabulary),
		},
	}
	for i := range x.gone {
		x.gone[i] = true
	}
	for _, e := range entries {
		ws := words(e.Text)
		if len(ws) == 0 || e.Answer {
			continue
		}
		folded := strings.Join(ws, " ")
		if !slices.Contains(x.exact[folded], e.Label) {
			x.exact[folded] = append(x.exact[folded], e.Label)
		}
		if label, ok := slices.BinarySearch(m.labels, e.Label); ok {
			x.gone[label] = false
			x.part.phrases[label] = append(x.part.phrases[label], phrase{e.Language, m.vocabulary.vector(ws)})
		}
	}
	return x
}

// Find looks for what a question is about.
func (x *Index) Find(question string) Result {
	ws := words(question)
	if len(ws) == 0 {
		return Result{Outcome: Unknown}
	}
	r, vote := x.decide(ws)
	if !r.Exact {
		// People explain themselves before or after they ask.
		for _, sentence := range sentences(question) {
			if e, ok := x.wordForWord(sentence); ok && e.Exact {
				r = e
				break
			}
		}
	}
	r.Language, r.Foreign = x.tongues.tell(question, vote)
	return r
}

// What is looked at as a question of its own inside a longer one.
const (
	maxSentences = 6
	minSentence  = 3 // words
)

// sentences are the words of each sentence where there are several.
func sentences(text string) [][]string {
	var all [][]string
	text = text[:min(len(text), maxRead)]
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(".?!;:\n", r) }) {
		if ws := words(part); len(ws) >= minSentence && len(all) < maxSentences {
			all = append(all, ws)
		}
	}
	return all
}

// wordForWord finds a stored phrase.
func (x *Index) wordForWord(ws []string) (Result, bool) {
	hit := x.exact[strings.Join(ws, " ")]
	if len(hit) == 0 {
		return Result{}, false
	}
	r := Result{Outcome: Answer, Confidence: 1, Exact: true}
	if len(hit) > 1 {
		r.Outcome, r.Confidence, r.Exact = Choices, 1/float64(len(hit)), false
	}
	for _, label := range hit[:min(len(hit), maxMatches)] {
		r.Matches = append(r.Matches, Match{label, 1})
	}
	return r, true
}

// maxWords bounds the work for one question: of a long one the beginning counts.
const maxWords = 120

// decide judges the labels, and tells how near the nearest phrase of each language is.
func (x *Index) decide(ws []string) (Result, vote) {
	r, exact := x.wordForWord(ws)
	if x.part.labels == 0 && !exact {
		return Result{Outcome: Unknown}, nil
	}
	ws = ws[:min(len(ws), maxWords)]
	f := x.part.rank(ws, func(label int) bool { return x.gone[label] })
	switch {
	case exact:
		return r, f.vote
	case len(f.order) == 0:
		return Result{Outcome: Unknown}, f.vote
	}
	r = Result{Outcome: Unknown, Confidence: x.model.confidence.of(f.evidence)}
	for i, label := range f.order {
		if i == 0 || f.probability[i] >= worthAChoice {
			r.Matches = append(r.Matches, Match{x.model.labels[label], f.probability[i]})
		}
	}
	t := x.model.thresholds
	if len(ws) <= shortWords {
		t.Answer = (1 + t.Answer) / 2
	}
	switch {
	case r.Confidence >= t.Answer:
		r.Outcome = Answer
	case r.Confidence >= t.Choices:
		r.Outcome = Choices
	}
	return r, f.vote
}

// worthAChoice is how likely a label must be at least to be proposed beside a likelier one.
const worthAChoice = 0.02

// shortWords is up to how many words a message lies near something by chance: it
// needs half of what is missing to certainty more to be answered.
const shortWords = 2
