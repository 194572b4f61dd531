package retrieval

import (
	_ "embed"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// foreign holds a few everyday sentences in languages that are near to the
// ones of the entries and that members may write: one language a paragraph.
//
//go:embed foreign.txt
var foreign string

// tongues tells languages apart by what characters follow each other: naive
// Bayes, https://aclanthology.org/P12-3005/
type tongues struct {
	languages []string // "" of a foreign one
	likely    map[string][]float32
	unseen    [longestGram + 1][]float32
}

const longestGram = 4

// teach learns the entries' languages from their texts.
func teach(entries []Entry) *tongues {
	t := &tongues{}
	var learned []*lesson
	at := map[string]*lesson{}
	for _, e := range entries {
		if e.Language == "" {
			continue
		}
		l, ok := at[e.Language]
		if !ok {
			l = &lesson{grams: map[string]float64{}}
			at[e.Language] = l
			t.languages, learned = append(t.languages, e.Language), append(learned, l)
		}
		l.learn(e.Text)
	}
	if len(learned) == 0 {
		return t
	}
	for paragraph := range strings.SplitSeq(foreign, "\n\n") {
		l := &lesson{grams: map[string]float64{}}
		for line := range strings.Lines(paragraph) {
			l.learn(line)
		}
		t.languages, learned = append(t.languages, ""), append(learned, l)
	}
	t.likely = map[string][]float32{}
	for n := range t.unseen {
		t.unseen[n] = make([]float32, len(learned))
	}
	for i, l := range learned {
		for n := 1; n <= longestGram; n++ {
			t.unseen[n][i] = l.likely("", n)
		}
		for g := range l.grams {
			if t.likely[g] == nil {
				t.likely[g] = make([]float32, len(learned))
			}
		}
	}
	for g, row := range t.likely {
		n := utf8.RuneCountInString(g)
		for i, l := range learned {
			row[i] = l.likely(g, n)
		}
	}
	return t
}

// lesson is what was learned of one language.
type lesson struct {
	grams map[string]float64
	total [longestGram + 1]float64
}

func (l *lesson) learn(text string) {
	for g := range grams(text) {
		l.grams[g.text]++
		l.total[g.length]++
	}
	// People leave accents and umlauts out where their keyboard has none.
	for g := range grams(Fold(text)) {
		l.grams[g.text] += 0.3
		l.total[g.length] += 0.3
	}
}

// likely is the logarithm of how likely a run is among those of its length. Longer
// ones overlap, so each counts less.
func (l *lesson) likely(gram string, length int) float32 {
	const smooth = 0.3
	kinds := [longestGram + 1]float64{1: 60, 2: 900, 3: 6000, 4: 20000}
	return float32(math.Log((l.grams[gram]+smooth)/(l.total[length]+smooth*kinds[length])) / longestGram)
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
			for n := 1; n <= longestGram; n++ {
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

// tell names the language of a text, "" when it is not clear.
func (t *tongues) tell(text string, near vote) (language string, isForeign bool) {
	if len(t.languages) == 0 {
		return "", false
	}
	scores := make([]float64, len(t.languages))
	n := 0
	for g := range grams(text) {
		n++
		row, ok := t.likely[g.text]
		if !ok {
			row = t.unseen[g.length]
		}
		for i, l := range row {
			scores[i] += float64(l)
		}
	}
	for i, l := range t.languages {
		if l != "" {
			scores[i] += voteWeight * near[l] * near[l]
		}
	}
	best := slices.Index(scores, slices.Max(scores))
	ahead := math.Inf(1)
	for i, s := range scores {
		// Two foreign languages need not be told apart.
		if i != best && (t.languages[i] != "" || t.languages[best] != "") {
			ahead = min(ahead, scores[best]-s)
		}
	}
	if ahead < clearAhead || ahead < clearPerGram*float64(n) {
		return "", false
	}
	return t.languages[best], t.languages[best] == ""
}
