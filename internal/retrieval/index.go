package retrieval

import (
	"cmp"
	_ "embed"
	"maps"
	"math"
	"slices"
	"strings"
)

// Index finds labels for questions. It does not change and may be used by many
// goroutines at once.
type Index struct {
	labels   []string
	phrases  []phrase
	exact    map[string][]int32 // labels by folded phrase
	features map[string]feature
	rare     float64 // the weight of a feature that nobody has used
	tongues  *tongues
}

// elsewhere holds ordinary questions about other things, one a line: what lies
// nearer to them than to any label is not ours.
//
//go:embed elsewhere.txt
var elsewhere string

// notOurs is the label of those.
const notOurs = -1

// phrase is an entry as it is compared.
type phrase struct {
	label    int32
	language string
	answer   bool
}

// feature is where a feature occurs, and how telling that is.
type feature struct {
	idf float64
	in  []posting
}

// posting says how much of a phrase's vector, which has length 1, a feature is.
type posting struct {
	phrase int32
	weight float32
}

// Build makes an index. The order of the entries does not matter.
func Build(entries []Entry) *Index {
	entries = slices.Clone(entries)
	sortEntries(entries)
	x := &Index{exact: map[string][]int32{}, features: map[string]feature{}, tongues: teach(entries)}
	var vectors []map[string]float64
	count := map[string]int{}
	add := func(p phrase, ws []string) {
		x.phrases = append(x.phrases, p)
		v := features(ws)
		vectors = append(vectors, v)
		for f := range v {
			count[f]++
		}
	}
	for _, e := range entries {
		ws := words(e.Text)
		if len(ws) == 0 {
			continue
		}
		if len(x.labels) == 0 || x.labels[len(x.labels)-1] != e.Label {
			x.labels = append(x.labels, e.Label)
		}
		label := int32(len(x.labels) - 1)
		if folded := strings.Join(ws, " "); !e.Answer && !slices.Contains(x.exact[folded], label) {
			x.exact[folded] = append(x.exact[folded], label)
		}
		add(phrase{label, e.Language, e.Answer}, ws)
	}
	for line := range strings.Lines(elsewhere) {
		add(phrase{label: notOurs}, words(line))
	}
	n := float64(len(vectors))
	for f, c := range count {
		x.features[f] = feature{idf: math.Log(1 + n/float64(c))}
	}
	x.rare = math.Log(1 + n)
	for i, v := range vectors {
		ordered := slices.Sorted(maps.Keys(v))
		length := x.length(v, ordered)
		for _, f := range ordered {
			known := x.features[f]
			known.in = append(known.in, posting{int32(i), float32(v[f] * known.idf / length)})
			x.features[f] = known
		}
	}
	return x
}

// length of a vector, with the features that nobody has used. They come in order,
// because the last bit of a sum depends on it.
func (x *Index) length(v map[string]float64, ordered []string) float64 {
	var sum float64
	for _, f := range ordered {
		idf := x.rare
		if known, ok := x.features[f]; ok {
			idf = known.idf
		}
		sum += v[f] * v[f] * idf * idf
	}
	return math.Sqrt(sum)
}

func sortEntries(entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Language, b.Language), cmp.Compare(a.Text, b.Text))
	})
}
