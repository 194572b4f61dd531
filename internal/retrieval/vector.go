package retrieval

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
)

// kind is what a feature is.
type kind uint8

const (
	wordKind kind = iota
	pairKind      // two words that follow each other
	nearKind      // two cut words near each other, in any order
	gramKind      // two to four bytes of a word with its edges: they carry inflection, compounds and slips
	kinds
)

// What a feature of each kind counts, how far "near" is in words, and how far
// rarity and repetition are flattened. docs/benchmarks.md tells what each was
// worth in cross-validation.
var kindWeight = [kinds]float64{1, 0.7, 0.5, 0.8}

const (
	nearWords   = 8
	minGram     = 2
	maxGram     = 4
	idfPower    = 0.7
	countPower  = 0.5
	minTogether = 2 // texts that two words must share to count as a feature
)

// vocabulary numbers the features of some texts.
type vocabulary struct {
	ids [kinds]map[string]int32
	idf []float32 // by number, with the weight of the kind
}

// component is one feature of a text.
type component struct {
	id    int32
	value float32
}

// vector is a text as features, in the order of their numbers, of length 1.
type vector []component

// each hands over the features of folded words. All but the near pairs are parts
// of one string, so that looking them up makes no garbage.
func each(ws []string, f func(kind, string)) {
	cutWords := make([]string, len(ws))
	for i, w := range ws {
		cutWords[i] = cut(w)
	}
	var pair []byte
	for i, a := range cutWords {
		for _, b := range cutWords[i+1 : min(len(ws), i+1+nearWords)] {
			first, second := min(a, b), max(a, b)
			pair = append(append(append(pair[:0], first...), ' '), second...)
			f(nearKind, string(pair))
		}
	}
	all := " " + strings.Join(ws, " ") + " "
	at := 1
	for i, w := range ws {
		end := at + len(w)
		f(wordKind, all[at:end])
		if i+1 < len(ws) {
			f(pairKind, all[at:end+1+len(ws[i+1])])
		}
		edged := all[at-1 : end+1]
		for n := minGram; n <= maxGram; n++ {
			for j := 0; j+n <= len(edged); j++ {
				f(gramKind, edged[j:j+n])
			}
		}
		at = end + 1
	}
}

// endings of the three languages, longest first: what is left is enough to see
// that two words belong together.
var endings = []string{"ements", "ations", "ingly", "ungen", "ement", "ation", "ings", "edly", "ing", "ung", "ies", "ed", "es", "ly", "en", "er", "em", "s", "e"}

// cut leaves the ending of a word out, and at least three letters in.
func cut(w string) string {
	for _, e := range endings {
		if len(w)-len(e) >= 3 && strings.HasSuffix(w, e) {
			return w[:len(w)-len(e)]
		}
	}
	return w
}

// newVocabulary numbers what occurs in the texts. Numbers depend on the texts
// alone and not on their order.
func newVocabulary(texts [][]string) *vocabulary {
	v := &vocabulary{}
	var count, last [kinds]map[string]int // in how many texts, and in which last
	for k := range kinds {
		v.ids[k], count[k], last[k] = map[string]int32{}, map[string]int{}, map[string]int{}
	}
	for i, ws := range texts {
		each(ws, func(k kind, s string) {
			if n, ok := last[k][s]; !ok || n != i {
				count[k][s]++
				last[k][s] = i
			}
		})
	}
	n := float64(len(texts))
	for k := range kinds {
		for _, s := range slices.Sorted(maps.Keys(count[k])) {
			c := count[k][s]
			if (k == pairKind || k == nearKind) && c < minTogether {
				continue
			}
			v.ids[k][strings.Clone(s)] = int32(len(v.idf))
			v.idf = append(v.idf, float32(kindWeight[k]*math.Pow(math.Log(1+n/float64(c)), idfPower)))
		}
	}
	return v
}

// vector of folded words. What the vocabulary does not have is left out.
func (v *vocabulary) vector(ws []string) vector {
	ids := make([]int32, 0, 24*len(ws))
	each(ws, func(k kind, s string) {
		if id, ok := v.ids[k][s]; ok {
			ids = append(ids, id)
		}
	})
	slices.Sort(ids)
	var x vector
	var square float64
	for i := 0; i < len(ids); {
		n := 1
		for i+n < len(ids) && ids[i+n] == ids[i] {
			n++
		}
		value := math.Pow(float64(n), countPower) * float64(v.idf[ids[i]])
		square += value * value
		x = append(x, component{ids[i], float32(value)})
		i += n
	}
	for i := range x {
		x[i].value /= float32(math.Sqrt(square))
	}
	return x
}

// dot is the cosine of two texts.
//
//go:norace
func (x vector) dot(y vector) (sum float32) {
	for i, j := 0, 0; i < len(x) && j < len(y); {
		switch cmp.Compare(x[i].id, y[j].id) {
		case -1:
			i++
		case 1:
			j++
		default:
			sum += x[i].value * y[j].value
			i, j = i+1, j+1
		}
	}
	return sum
}
