package retrieval

import (
	"cmp"
	"slices"
)

// sameMatter is the cosine from which on two questions are taken for one.
const sameMatter = 0.45

// Group puts questions together that ask about the same, in any of the languages'
// words: each belongs to the first group whose oldest question is near enough.
// It gives places in the list, larger groups first, then older ones.
func Group(questions []string) [][]int {
	folded := make([][]string, len(questions))
	for i, q := range questions {
		folded[i] = words(q)
	}
	v := newVocabulary(folded)
	var groups [][]int
	var heads []vector
	for i, ws := range folded {
		x := v.vector(ws)
		at := slices.IndexFunc(heads, func(head vector) bool { return x.dot(head) >= sameMatter })
		if at < 0 {
			heads, groups = append(heads, x), append(groups, []int{i})
			continue
		}
		groups[at] = append(groups[at], i)
	}
	slices.SortStableFunc(groups, func(a, b []int) int { return cmp.Compare(len(b), len(a)) })
	return groups
}
