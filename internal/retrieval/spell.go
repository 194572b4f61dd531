package retrieval

import (
	"maps"
	"slices"
)

// speller mends slips of the finger in words that no phrase has.
type speller struct {
	known  map[string]int32
	sorted []string // the known words that can be meant, so by their first letter
}

// minMended is the length from which a word is mended: shorter ones are near too many.
const minMended = 4

func newSpeller(known map[string]int32) speller {
	s := speller{known: known}
	for _, w := range slices.Sorted(maps.Keys(known)) {
		if len(w) >= minMended {
			s.sorted = append(s.sorted, w)
		}
	}
	return s
}

// mend gives the words with each unknown one replaced by the one known word that
// is a slip away and begins with the same letter. Where two are, it stays.
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
	first, _ := slices.BinarySearch(s.sorted, w[:1])
	for _, candidate := range s.sorted[first:] {
		if candidate[0] != w[0] {
			break
		}
		if slip(w, candidate) {
			if meant != "" {
				return ""
			}
			meant = candidate
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
