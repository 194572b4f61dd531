package markup

import (
	"testing"

	"pgregory.net/rapid"
)

func TestBoundIsNeverExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.StringOfN(rapid.RuneFrom([]rune("ab *_`[](){}<>&@#-.!:/\\|~+1\nhttps://x.eu@everyone•é😀")), 0, 200, -1).Draw(t, "raw")
		for name, text := range map[string]Text{"marked": Text(raw), "data": Escape(raw)} {
			bound := Bound(text)
			for renderer, written := range map[string]string{"slack": Slack(text), "discord": Discord(text), "plain": Plain(text)} {
				if n := Length(written); n > bound {
					t.Fatalf("%s, %s: %d, more than the bound %d: %q became %q", name, renderer, n, bound, text, written)
				}
			}
		}
	})
}
