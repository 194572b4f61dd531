package retrieval

import (
	"maps"
	"slices"
)

// speller mends slips of the finger in words that no phrase has.
type speller struct {
	known    map[string]int32
	idf      []float32
	byLength [][]string // the known words that can be meant, in order
}

// minMended is the length from which a word is mended: shorter ones are near too many.
const minMended = 3

func newSpeller(v *vocabulary) speller {
	s := speller{known: v.ids[wordKind], idf: v.idf}
	for _, w := range slices.Sorted(maps.Keys(s.known)) {
		if len(w) < minMended {
			continue
		}
		for len(s.byLength) <= len(w) {
			s.byLength = append(s.byLength, nil)
		}
		s.byLength[len(w)] = append(s.byLength[len(w)], w)
	}
	return s
}

// mend gives the words with each unknown one replaced by a known word that is a
// slip away, the most frequent where there are several. Where none is, it stays.
func (s speller) mend(ws []string) []string {
	var mended []string
	for i, w := range ws {
		if _, ok := s.known[w]; ok || len(w) < minMended {
			continue
		}
		meant := s.meant(w)
		if meant == "" {
			continue
		}
		if mended == nil {
			mended = slices.Clone(ws)
		}
		mended[i] = meant
	}
	if mended == nil {
		return ws
	}
	return mended
}

func (s speller) meant(w string) (meant string) {
	for length := len(w) - 1; length <= len(w)+1 && length < len(s.byLength); length++ {
		for _, candidate := range s.byLength[length] {
			if slip(w, candidate) && (meant == "" || s.idf[s.known[candidate]] < s.idf[s.known[meant]]) {
				meant = candidate
			}
		}
	}
	return meant
}

// slip reports whether one letter more, less or other, or two exchanged ones, are
// all that is between two different words.
// https://doi.org/10.1145/363958.363994
func slip(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	if i == len(a) {
		return false
	}
	return a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
