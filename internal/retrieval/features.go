package retrieval

// The weight of a feature's kind in a text's vector. Characters carry
// inflection and German compounds and are many, so each counts little.
const (
	wordWeight = 1.0
	pairWeight = 0.5
	charWeight = 0.5
)

// maxFeatures bounds the work for one text.
const maxFeatures = 4000

// features counts what a text consists of. The first byte names the kind, so
// that "in" as a word is not "in" inside one.
func features(ws []string) map[string]float64 {
	m := make(map[string]float64, 16*len(ws))
	for i, w := range ws {
		if len(m) > maxFeatures {
			break
		}
		m["w"+w] += wordWeight
		if i > 0 {
			m["p"+ws[i-1]+" "+w] += pairWeight
		}
		marked := []rune("^" + w + "$")
		for n := 2; n <= 4; n++ {
			for j := 0; j+n <= len(marked) && j < 64; j++ {
				if n < len(marked) { // the whole word is a feature already
					m["c"+string(marked[j:j+n])] += charWeight
				}
			}
		}
	}
	return m
}
