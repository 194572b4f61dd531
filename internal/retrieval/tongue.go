package retrieval

import (
	_ "embed"
	"math"
	"slices"
	"strings"
	"unicode"
)

// foreign holds a few everyday sentences in languages that are near to the
// ones of the entries and that members may write: one language a paragraph.
//
//go:embed foreign.txt
var foreign string

// tongues tells languages apart by what characters follow each other.
type tongues struct {
	all []tongue
}

type tongue struct {
	language string // "" of a foreign one
	grams    map[string]float64
	total    [maxGram + 1]float64
}

const maxGram = 4

// teach learns the entries' languages from their texts.
func teach(entries []Entry) *tongues {
	t := &tongues{}
	at := map[string]int{}
	for _, e := range entries {
		if e.Language == "" {
			continue
		}
		i, ok := at[e.Language]
		if !ok {
			i = len(t.all)
			at[e.Language] = i
			t.all = append(t.all, tongue{language: e.Language, grams: map[string]float64{}})
		}
		t.all[i].learn(e.Text)
	}
	if len(t.all) == 0 {
		return t
	}
	for paragraph := range strings.SplitSeq(foreign, "\n\n") {
		other := tongue{grams: map[string]float64{}}
		for line := range strings.Lines(paragraph) {
			other.learn(line)
		}
		t.all = append(t.all, other)
	}
	return t
}

func (t *tongue) learn(text string) {
	for g := range grams(text) {
		t.grams[g.text]++
		t.total[g.length]++
	}
	// People leave accents and umlauts out where their keyboard has none.
	for g := range grams(Fold(text)) {
		t.grams[g.text] += 0.3
		t.total[g.length] += 0.3
	}
}

type gram struct {
	text   string
	length int
}

// grams gives the runs of one to four characters of the words of a text.
func grams(text string) func(yield func(gram) bool) {
	return func(yield func(gram) bool) {
		for _, w := range letters(text) {
			marked := []rune(" " + w + " ")
			for n := 1; n <= maxGram; n++ {
				for i := 0; i+n <= len(marked) && i < 64; i++ {
					if !yield(gram{string(marked[i : i+n]), n}) {
						return
					}
				}
			}
		}
	}
}

// letters are the words of a text in lower case, with their accents.
func letters(text string) []string {
	if len(text) > maxRead {
		text = text[:maxRead]
	}
	return strings.FieldsFunc(strings.ToLower(strings.ToValidUTF8(text, " ")), func(r rune) bool { return !unicode.IsLetter(r) })
}

// What a language must be ahead to be clear: in all, so that short messages are
// not, and for each character, so that mixed ones are not.
const (
	clearAhead   = 6.0
	clearPerGram = 0.05
	voteWeight   = 12.0
)

// tell names the language of a text, "" when it is not clear. A vote says how
// near the nearest phrase of each language is, from 0 to 1.
func (t *tongues) tell(text string, vote map[string]float64) (language string, isForeign bool) {
	if len(t.all) == 0 {
		return "", false
	}
	scores := make([]float64, len(t.all))
	n := 0
	for g := range grams(text) {
		n++
		for i := range t.all {
			// Longer runs overlap, so each counts less.
			scores[i] += t.all[i].likely(g) / maxGram
		}
	}
	for i := range t.all {
		if l := t.all[i].language; l != "" {
			scores[i] += voteWeight * vote[l] * vote[l]
		}
	}
	best := slices.Index(scores, slices.Max(scores))
	ahead := math.Inf(1)
	for i, s := range scores {
		// Two foreign languages need not be told apart.
		if i != best && (t.all[i].language != "" || t.all[best].language != "") {
			ahead = min(ahead, scores[best]-s)
		}
	}
	if ahead < clearAhead || ahead < clearPerGram*float64(n) {
		return "", false
	}
	return t.all[best].language, t.all[best].language == ""
}

func (t *tongue) likely(g gram) float64 {
	const smooth = 0.3
	kinds := [maxGram + 1]float64{1: 60, 2: 900, 3: 6000, 4: 20000}
	return math.Log((t.grams[g.text] + smooth) / (t.total[g.length] + smooth*kinds[g.length]))
}
