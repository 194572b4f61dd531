package retrieval

import (
	"math"
	"math/rand/v2"
)

// classifier is a multinomial logistic regression: a weight for every feature and
// label. The weights of one feature lie together, so that a question reads only
// the rows that it has.
type classifier struct {
	labels int
	weight []float32 // at feature*labels + label
	bias   []float32
}

// sample is a text whose label is known.
type sample struct {
	x      vector
	label  int
	weight float32
}

// How the classifier is trained, chosen by cross-validation (docs/benchmarks.md).
// Most features are left out at each visit: a text must be known by any few of
// them. https://jmlr.org/papers/v15/srivastava14a.html
const (
	epochs   = 60
	rate     = 1.5 // of the first epoch; it falls evenly to nothing
	biasRate = 0.1 // of the rate
	drop     = 0.7
)

// average of several classifiers that were trained alike but for chance: what
// chance did to each of them goes.
func average(all []*classifier) *classifier {
	sum := all[0]
	for _, c := range all[1:] {
		for i, w := range c.weight {
			sum.weight[i] += w
		}
		for i, b := range c.bias {
			sum.bias[i] += b
		}
	}
	for i := range sum.weight {
		sum.weight[i] /= float32(len(all))
	}
	for i := range sum.bias {
		sum.bias[i] /= float32(len(all))
	}
	return sum
}

// train makes a classifier by stochastic gradient descent. The same samples in
// the same order give the same weights. What it works on is its own, so that the
// race detector, which would make it ten times slower, has nothing to find.
//
//go:norace
func train(samples []sample, features, labels int, seed uint64) *classifier {
	c := &classifier{labels: labels, weight: make([]float32, features*labels), bias: make([]float32, labels)}
	r := rand.New(rand.NewPCG(seed, uint64(len(samples))))
	order := r.Perm(len(samples))
	wrong := make([]float32, labels) // what each label's probability is too high by
	var kept vector
	const keep = 1 - drop
	for epoch := range epochs {
		step := rate * (1 - float32(epoch)/epochs)
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, i := range order {
			s := samples[i]
			kept = kept[:0]
			for _, f := range s.x {
				if r.Float64() < keep {
					kept = append(kept, component{f.id, f.value / keep})
				}
			}
			c.scores(kept, wrong)
			softmax(wrong)
			wrong[s.label]--
			for k := range wrong {
				wrong[k] *= step * s.weight
				c.bias[k] -= biasRate * wrong[k]
			}
			for _, f := range kept {
				row := c.weight[int(f.id)*labels:][:labels]
				for k, w := range wrong {
					row[k] -= f.value * w
				}
			}
		}
	}
	return c
}

// scores are what speaks for each label.
//
//go:norace
func (c *classifier) scores(x vector, into []float32) {
	copy(into, c.bias)
	for _, f := range x {
		row := c.weight[int(f.id)*c.labels:][:c.labels]
		for k, w := range row {
			into[k] += f.value * w
		}
	}
}

// softmax makes scores probabilities.
func softmax(z []float32) {
	var top, sum float32 = z[0], 0
	for _, v := range z {
		top = max(top, v)
	}
	for i, v := range z {
		z[i] = float32(math.Exp(float64(v - top)))
		sum += z[i]
	}
	for i := range z {
		z[i] /= sum
	}
}
