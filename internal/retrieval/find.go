package retrieval

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
)

// Find looks for what a question is about.
func (x *Index) Find(question string) Result {
	ws := words(question)
	if len(ws) == 0 {
		return Result{Outcome: Unknown}
	}
	cosines := x.compare(features(ws))
	r := x.decide(ws, cosines)
	if !r.Exact {
		// People explain themselves before or after they ask.
		for _, sentence := range sentences(question) {
			if slices.Equal(sentence, ws) {
				continue // the whole has been judged
			}
			part := x.decide(sentence, x.compare(features(sentence)))
			if part.Exact || !r.Exact && part.Confidence > r.Confidence {
				r = part
			}
		}
	}
	r.Language, r.Foreign = x.tongues.tell(question, x.vote(cosines))
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

// decide judges the phrases that lie near the words of a question.
func (x *Index) decide(ws []string, cosines []float64) Result {
	r := Result{Outcome: Unknown}
	if hit := x.exact[strings.Join(ws, " ")]; len(hit) > 0 {
		for _, label := range hit[:min(len(hit), maxMatches)] {
			r.Matches = append(r.Matches, Match{x.labels[label], 1})
		}
		r.Outcome, r.Confidence, r.Exact = Answer, 1, true
		if len(hit) > 1 {
			r.Outcome, r.Confidence, r.Exact = Choices, 1/float64(len(hit)), false
		}
		return r
	}
	r.Matches = x.rank(cosines)
	if len(r.Matches) == 0 {
		return r
	}
	e := weigh(ws, r.Matches, x.other(cosines))
	r.Confidence = e.confidence()
	switch {
	case r.Confidence >= answerFrom+e.caution():
		r.Outcome = Answer
	case r.Confidence >= choicesFrom+e.caution():
		r.Outcome = Choices
	}
	return r
}

// compare gives the cosine between a question and each phrase.
func (x *Index) compare(question map[string]float64) []float64 {
	cosines := make([]float64, len(x.phrases))
	ordered := slices.Sorted(maps.Keys(question))
	length := x.length(question, ordered)
	for _, f := range ordered {
		known := x.features[f]
		w := question[f] * known.idf / length
		for _, p := range known.in {
			cosines[p.phrase] += w * float64(p.weight)
		}
	}
	return cosines
}

// alsoNear is how much the second and third nearest phrases of a label count
// beside its nearest: people rarely ask in the words of one phrase alone.
const alsoNear = 0.35

// supports is how much the nearest answer of a label counts beside its phrases.
const supports = 0.8

// rank gives the nearest labels, at most three, best first.
func (x *Index) rank(cosines []float64) []Match {
	near := make([][maxMatches]float64, len(x.labels))
	support := make([]float64, len(x.labels))
	for i, c := range cosines {
		if x.phrases[i].label == notOurs {
			continue
		}
		if x.phrases[i].answer {
			support[x.phrases[i].label] = max(support[x.phrases[i].label], c)
			continue
		}
		best := &near[x.phrases[i].label]
		for j := range best {
			if c > best[j] {
				c, best[j] = best[j], c
			}
		}
	}
	var matches []Match
	for label, best := range near {
		if best[0] > 0 {
			score := (best[0] + alsoNear*best[1] + alsoNear*alsoNear*best[2]) / (1 + alsoNear + alsoNear*alsoNear)
			matches = append(matches, Match{x.labels[label], score + supports*support[label]})
		}
	}
	slices.SortStableFunc(matches, func(a, b Match) int { return cmp.Compare(b.Score, a.Score) })
	return matches[:min(len(matches), maxMatches)]
}

// other is how near the nearest question about other things is.
func (x *Index) other(cosines []float64) (nearest float64) {
	for i, c := range cosines {
		if x.phrases[i].label == notOurs {
			nearest = max(nearest, c)
		}
	}
	return nearest
}

// vote is how near the nearest phrase of each language is.
func (x *Index) vote(cosines []float64) map[string]float64 {
	nearest := map[string]float64{}
	for i, c := range cosines {
		l := x.phrases[i].language
		nearest[l] = max(nearest[l], c)
	}
	return nearest
}

// evidence is what speaks for the first match.
type evidence struct {
	score  float64 // of the first match
	margin float64 // between the first and what comes next, ours or not, as a part of the first; not below -1
	words  int
}

func weigh(ws []string, matches []Match, other float64) evidence {
	next := other
	if len(matches) > 1 {
		next = max(next, matches[1].Score)
	}
	return evidence{score: matches[0].Score, margin: max(-1, 1-next/matches[0].Score), words: len(ws)}
}

// The thresholds of confidence, and how much more a message of one or two words
// needs: it lies near something by chance.
const (
	answerFrom  = 0.55
	choicesFrom = 0.25
	shortNeeds  = 0.15
)

func (e evidence) caution() float64 {
	if e.words <= 2 {
		return shortNeeds
	}
	return 0
}

// confidence is how likely the first match is right. The weights are a logistic
// regression on the knowledge that ships: each phrase left out once, each with
// its whole label left out at a tenth of the weight, and testdata/outside.txt,
// which is about other things, at three times. The thresholds give, of the
// questions put aside, two wrong answers in a hundred.
func (e evidence) confidence() float64 {
	z := -4.9 + 9.9*e.score + 3.2*e.margin
	return 1 / (1 + math.Exp(-z))
}
