package retrieval

import (
	"cmp"
	"context"
	_ "embed"
	"hash/fnv"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// elsewhere holds ordinary questions about other things, one a line: what is more
// like them than like any label is not ours.
//
//go:embed elsewhere.txt
var elsewhere string

// notOurs is the label of those.
const notOurs = -1

// text is a phrase as it is trained on.
type text struct {
	label int // its place among the labels; notOurs
	words []string
}

// part is a classifier with what it was trained on.
type part struct {
	labels     int // besides elsewhere
	vocabulary *vocabulary
	classifier *classifier
	phrases    [][]phrase // by label
	speller    speller
}

// nameWeight is what the name of a label counts beside its phrases: people who
// name labels say in a word or two what it is about.
const nameWeight = 1

// runs is how many classifiers a model is the average of. One is enough to judge by.
const runs = 4

// fitPart trains on the texts whose labels are among the names.
func fitPart(texts []text, names []string, runs int) *part {
	p := &part{labels: len(names), phrases: make([][]phrase, len(names))}
	var all [][]string
	count := make([]float64, len(names)+1)
	class := func(label int) int {
		if label == notOurs {
			return len(names)
		}
		return label
	}
	for _, t := range texts {
		all = append(all, t.words)
		count[class(t.label)]++
	}
	for _, name := range names {
		all = append(all, words(name))
	}
	p.vocabulary = newVocabulary(all)
	p.speller = newSpeller(p.vocabulary)
	mean := float64(len(texts)) / float64(max(1, len(names)))
	var samples []sample
	for i, t := range texts {
		s := sample{x: p.vocabulary.vector(all[i]), label: class(t.label), weight: 1}
		if t.label != notOurs {
			p.phrases[t.label] = append(p.phrases[t.label], phrase{"", s.x})
			s.weight = float32(math.Sqrt(mean / count[t.label]))
		}
		samples = append(samples, s)
	}
	for i := range names {
		samples = append(samples, sample{x: p.vocabulary.vector(all[len(texts)+i]), label: i, weight: nameWeight})
	}
	classes := len(names)
	if count[len(names)] > 0 {
		classes++
	}
	trained := make([]*classifier, runs)
	var group sync.WaitGroup
	for i := range trained {
		group.Go(func() { trained[i] = train(samples, len(p.vocabulary.idf), classes, uint64(i)) })
	}
	group.Wait()
	p.classifier = average(trained)
	return p
}

// phrase is a text of a label as it is compared.
type phrase struct {
	language string
	x        vector
}

// vote is how near the nearest phrase of each language is, from 0 to 1.
type vote map[string]float64

// finding is what is found for a question.
type finding struct {
	order       []int     // the nearest labels, best first, at most maxMatches
	probability []float64 // of each
	evidence    evidence
	vote        vote // among their phrases
}

// rank finds labels for folded words, but those that are left out.
func (p *part) rank(ws []string, out func(label int) bool) finding {
	ws = p.speller.mend(ws)
	x := p.vocabulary.vector(ws)
	z := make([]float32, p.classifier.labels)
	p.classifier.scores(x, z)
	f := finding{vote: vote{}}
	for label := range p.labels {
		if !out(label) {
			f.order = append(f.order, label)
		}
	}
	if len(f.order) == 0 {
		return f
	}
	slices.SortStableFunc(f.order, func(a, b int) int { return cmp.Compare(z[b], z[a]) })
	f.order = f.order[:min(maxMatches, len(f.order))]
	e := &f.evidence
	next := z[f.order[0]] - 1 // where there is nothing else
	switch elsewhere := len(z) > p.labels; {
	case elsewhere && len(f.order) > 1:
		next = max(z[f.order[1]], z[p.labels])
	case elsewhere:
		next = z[p.labels]
	case len(f.order) > 1:
		next = z[f.order[1]]
	}
	e[score], e[lead] = float64(z[f.order[0]]), float64(z[f.order[0]]-next)
	softmax(z)
	for _, label := range f.order {
		f.probability = append(f.probability, float64(z[label]))
	}
	e[probability] = f.probability[0]
	if len(z) > p.labels {
		e[away] = float64(z[p.labels])
	}
	var near, other float64
	for i, label := range f.order {
		for _, phrase := range p.phrases[label] {
			c := float64(x.dot(phrase.x))
			f.vote[phrase.language] = max(f.vote[phrase.language], c)
			if i == 0 {
				near = max(near, c)
			} else {
				other = max(other, c)
			}
		}
	}
	e[nearest], e[nearestLead] = near, near-other
	known := 0
	for _, w := range ws {
		if _, ok := p.vocabulary.ids[wordKind][w]; ok {
			known++
		}
	}
	e[knownWords] = float64(known) / float64(max(1, len(ws)))
	e[length] = math.Log(1 + float64(len(ws)))
	return f
}

func none(int) bool { return false }

// folds is how often the phrases are divided to be judged by the others.
const folds = 5

// judge says of each phrase how it would be found by others: by phrases of its own
// and other labels, and by those of other labels alone, when it is outside.
func judge(ctx context.Context, texts []text, names []string) ([]judged, error) {
	results := make([][]judged, 2*folds)
	var group sync.WaitGroup
	gate := make(chan struct{}, max(1, runtime.GOMAXPROCS(0)))
	for fold := range folds {
		group.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			if ctx.Err() == nil {
				results[fold] = judgeFold(texts, names, func(t text) bool { return foldOf(t.words) == fold })
			}
		})
		group.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			if ctx.Err() == nil {
				results[folds+fold] = judgeLabels(texts, names, fold)
			}
		})
	}
	group.Wait()
	return slices.Concat(results...), ctx.Err()
}

// foldOf divides texts by what they say, so that the same text is never on both sides.
func foldOf(ws []string) int {
	h := fnv.New32a()
	h.Write([]byte(strings.Join(ws, " ")))
	return int(h.Sum32()>>3) % folds
}

func judgeFold(texts []text, names []string, out func(text) bool) (all []judged) {
	var in []text
	for _, t := range texts {
		if !out(t) {
			in = append(in, t)
		}
	}
	p := fitPart(in, names, 1)
	for _, t := range texts {
		if out(t) {
			f := p.rank(t.words, none)
			from := ours
			if t.label == notOurs {
				from = others
			}
			all = append(all, judged{f.evidence, f.order[0] == t.label, from})
		}
	}
	return all
}

// judgeLabels leaves whole labels out: their phrases are about other things then.
func judgeLabels(texts []text, names []string, fold int) (all []judged) {
	var kept []string
	at := make([]int, len(names))
	for i, name := range names {
		at[i] = notOurs - 1
		if i%folds != fold {
			at[i] = len(kept)
			kept = append(kept, name)
		}
	}
	if len(kept) < 2 {
		return nil
	}
	var in []text
	for _, t := range texts {
		if t.label == notOurs {
			in = append(in, t)
		} else if at[t.label] >= 0 {
			in = append(in, text{at[t.label], t.words})
		}
	}
	p := fitPart(in, kept, 1)
	for _, t := range texts {
		if t.label != notOurs && at[t.label] < 0 {
			all = append(all, judged{p.rank(t.words, none).evidence, false, leftOut})
		}
	}
	return all
}
