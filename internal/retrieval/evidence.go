package retrieval

import (
	"cmp"
	"math"
	"slices"
)

// evidence is what speaks for and against the first match of a question.
type evidence [evidences]float64

const (
	probability = iota // of the first label, among all labels and what is elsewhere
	lead               // of its score before the next one's, elsewhere's too
	score              // of the first label
	away               // probability of elsewhere
	nearest            // cosine to the nearest phrase of the first label
	nearestLead        // what that is ahead of the nearest phrase of the other matches
	knownWords         // part of the words that some phrase has
	length             // logarithm of the number of words
	evidences
)

// confidence says how likely a first match is right, by a logistic regression.
type confidence struct {
	Mean, Scale, Weight evidence
	Bias                float64
}

// judged is evidence whose first match is known to be right or wrong.
type judged struct {
	evidence evidence
	right    bool
	from     source
}

// source is where a judged question came from.
type source uint8

const (
	ours    source = iota // a phrase of a label
	others                // an ordinary question about other things: easy to tell
	leftOut               // a phrase of a label that was left out: hard to tell from its neighbours
	sources
)

// outsideShare is how much of what is asked is thought to be about other things.
// It is neither as easy as one source nor as hard as the other: each counts half.
const outsideShare = 0.3

// shares are what one question of each source counts, so that all are one.
func shares(all []judged) (share [sources]float64) {
	var n [sources]float64
	for _, j := range all {
		n[j.from]++
	}
	outside := [sources]float64{others: outsideShare / 2, leftOut: outsideShare / 2}
	switch {
	case n[others] == 0:
		outside[leftOut] = outsideShare
	case n[leftOut] == 0:
		outside[others] = outsideShare
	}
	if n[ours] > 0 {
		share[ours] = (1 - outsideShare) / n[ours]
	}
	for _, from := range []source{others, leftOut} {
		if n[from] > 0 {
			share[from] = outside[from] / n[from]
		}
	}
	return share
}

// learn fits a confidence by gradient descent on standardised evidence.
func learn(all []judged) confidence {
	const (
		rounds = 400
		step   = 1.0
		ridge  = 1e-3
	)
	var c confidence
	share := shares(all)
	for _, j := range all {
		for k, v := range j.evidence {
			c.Mean[k] += share[j.from] * v
		}
	}
	for _, j := range all {
		for k, v := range j.evidence {
			c.Scale[k] += share[j.from] * (v - c.Mean[k]) * (v - c.Mean[k])
		}
	}
	for k := range c.Scale {
		c.Scale[k] = max(math.Sqrt(c.Scale[k]), 1e-6)
	}
	for range rounds {
		var slope evidence
		var biasSlope float64
		for _, j := range all {
			d := c.of(j.evidence)
			if j.right {
				d--
			}
			d *= share[j.from]
			for k, v := range j.evidence {
				slope[k] += d * (v - c.Mean[k]) / c.Scale[k]
			}
			biasSlope += d
		}
		for k := range slope {
			c.Weight[k] -= step * (slope[k] + ridge*c.Weight[k])
		}
		c.Bias -= step * biasSlope
	}
	return c
}

// of is how likely the first match is right, from 0 to 1.
func (c confidence) of(e evidence) float64 {
	z := c.Bias
	for k, v := range e {
		z += c.Weight[k] * (v - c.Mean[k]) / c.Scale[k]
	}
	return 1 / (1 + math.Exp(-z))
}

// thresholds say from which confidence on something is answered, and from which
// choices are given.
type thresholds struct{ Answer, Choices float64 }

// What the threshold for answers must keep to in cross-validation.
const (
	maxWrong   = 0.02 // wrong answers, of all questions that have one
	maxOutside = 0.05 // answers, of all questions about other things
)

// uselessChoice is what choices for a question about other things cost, beside
// what is lost where a question is not understood: they can be passed over.
const uselessChoice = 0.5

// choose takes the lowest threshold for answers that is precise enough, and for
// choices the one that best divides what can be found from what cannot.
func choose(all []judged, c confidence) thresholds {
	t := thresholds{Answer: 1, Choices: 1}
	if len(all) == 0 {
		return t
	}
	type point struct {
		confidence float64
		judged
	}
	var points []point
	for _, j := range all {
		points = append(points, point{c.of(j.evidence), j})
	}
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(b.confidence, a.confidence) })
	share := shares(all)
	var right, wrong, outside, best float64 // parts of what is ours, and of what is not
	precise := true
	for i, p := range points {
		switch {
		case p.from != ours:
			outside += share[p.from] / outsideShare
		case p.right:
			right += share[ours] / (1 - outsideShare)
		default:
			wrong += share[ours] / (1 - outsideShare)
		}
		if i+1 < len(points) && points[i+1].confidence == p.confidence {
			continue
		}
		precise = precise && wrong <= maxWrong && outside <= maxOutside
		if precise {
			t.Answer = p.confidence
		}
		if gain := right - uselessChoice*outside; gain > best {
			best, t.Choices = gain, p.confidence
		}
	}
	t.Choices = min(t.Choices, t.Answer)
	return t
}
