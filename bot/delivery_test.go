package bot

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"procurabot/internal/markup"
)

// TestFit: whatever is said, each message has room, the words are all there,
// and the small print and the buttons stand below the last.
func TestFit(t *testing.T) {
	limits := Limits{Text: 120, Render: markup.Discord, Label: 20, Buttons: 3}
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("ab*_`<>@\\äß€😀")), 1, 30, -1), 1, 60).Draw(t, "words")
		body := Body{
			Text:    markup.Escape(strings.Join(words, " ")),
			Note:    "source",
			Buttons: []Button{{ID: "a", Label: strings.Repeat("W", 50)}, {ID: "b", Label: "b"}},
		}
		parts := fit(body, limits)
		var text strings.Builder
		for i, p := range parts {
			text.WriteString(markup.Plain(p.Text))
			n := markup.Length(markup.Discord(p.Text))
			if i == len(parts)-1 {
				n += markup.Length(markup.Discord(p.Note))
			}
			if n > limits.Text {
				t.Fatalf("part %d has %d of %d", i, n, limits.Text)
			}
			if last := i == len(parts)-1; last != (p.Note != "") || last != (len(p.Buttons) == 2) {
				t.Fatalf("part %d of %d: note %q, %d buttons", i, len(parts), p.Note, len(p.Buttons))
			}
		}
		squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if got, want := squeeze(text.String()), squeeze(markup.Plain(body.Text)); got != want {
			t.Fatalf("words were lost:\n%q\n%q", got, want)
		}
		if l := parts[len(parts)-1].Buttons[0].Label; markup.Length(l) > limits.Label {
			t.Fatalf("label %q", l)
		}
	})
}

func TestLanesKeepPeopleAndPlacesApart(t *testing.T) {
	luc := Account{Platform: "slack", Realm: "T1", User: "U1"}
	seen := map[string]string{}
	for name, to := range map[string]Target{
		"in private by handle":   {Platform: "slack", Space: "T1", Account: luc, Reply: &ReplyHandle{Token: "x"}},
		"in a channel":           {Platform: "slack", Space: "T1", Conversation: "C1"},
		"in another channel":     {Platform: "slack", Space: "T1", Conversation: "C2"},
		"in another space":       {Platform: "slack", Space: "T2", Conversation: "C1"},
		"on another platform":    {Platform: "discord", Space: "T1", Conversation: "C1"},
		"to another, in private": {Platform: "slack", Space: "T1", Account: Account{"slack", "T1", "U2"}},
	} {
		l := lane(to, 1)
		if other, twice := seen[l]; twice {
			t.Errorf("%s and %s share the lane %s", name, other, l)
		}
		seen[l] = name
	}
	direct := Target{Platform: "slack", Space: "T1", Account: luc}
	if l := lane(direct, 1); seen[l] != "in private by handle" {
		t.Errorf("what a person is told in private has two lanes: %s", l)
	}
}
