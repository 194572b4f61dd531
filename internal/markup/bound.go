package markup

// Bound gives a length that none of the renderers exceeds for t, in UTF-16 code
// units, in a single pass. Where it fits, there is no need to render in order
// to measure. [HTML] is not meant: its length matters to nobody.
func Bound(t Text) int {
	n := 0
	for _, r := range string(t) {
		switch {
		case r >= 0x10000:
			n += 2
		case r >= 0x80, r == ' ', r == ',', '0' <= r && r <= '9', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
			n++
		default:
			// Punctuation may be written as an entity of five, as a mark of two,
			// or have a guard before and behind it.
			n += 6
		}
	}
	return n
}
