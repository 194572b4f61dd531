package benefits

import (
	"os"
	"strings"
	"testing"

	"procurabot/bot"
)

// TestHeldOut measures on questions that were put aside: one wrong answer is
// worse than several that are only proposed.
func TestHeldOut(t *testing.T) {
	w := newWorld(t, nil)
	b, err := os.ReadFile("testdata/heldout.tsv")
	if err != nil {
		t.Fatal(err)
	}
	type figures struct{ all, answered, proposed, wrong, unknown, language int }
	sum := map[string]*figures{"en": {}, "fr": {}, "de": {}}
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 3 {
			t.Fatalf("bad line %q", line)
		}
		got, err := w.benefits.Ask(t.Context(), f[2], "")
		if err != nil {
			t.Fatal(err)
		}
		n := sum[f[0]]
		n.all++
		if string(got.Language) == f[0] {
			n.language++
		}
		switch {
		case got.Outcome == "answer" && got.Topic == f[1]:
			n.answered++
		case got.Outcome == "choices" && strings.Contains(strings.Join(got.Topics, " "), f[1]):
			n.proposed++
		case got.Outcome == "unknown":
			n.unknown++
			t.Logf("unknown: %q (nearest %s, %.2f)", f[2], got.Topic, got.Confidence)
		default:
			n.wrong++
			t.Logf("%s: %q gives %s %v, not %s (%.2f)", got.Outcome, f[2], got.Topic, got.Topics, f[1], got.Confidence)
		}
	}
	for l, n := range sum {
		t.Logf("%s: of %d answered %d, among the choices %d, unknown %d, wrong %d; language right %d", l, n.all, n.answered, n.proposed, n.unknown, n.wrong, n.language)
		if (n.answered+n.proposed)*100 < 75*n.all || n.wrong*10 > n.all || n.language*100 < 85*n.all {
			t.Errorf("%s: %+v", l, *n)
		}
	}
}

// TestOwnExamples holds the bot to what it proposes itself.
func TestOwnExamples(t *testing.T) {
	w := newWorld(t, nil)
	book := readBook(t)
	want := []string{"who-can-join", "travel-grants", "logo"}
	for _, l := range bot.Languages() {
		for _, id := range []string{"benefits.empty", "help.text"} {
			i := 0
			for line := range strings.Lines(book.shipped[l][id].(string)) {
				question, ok := strings.CutPrefix(line, "- ")
				if !ok || strings.Contains(question, "{{") {
					continue
				}
				got, err := w.benefits.Ask(t.Context(), question, "")
				if err != nil {
					t.Fatal(err)
				}
				if got.Outcome != "answer" && got.Outcome != "choices" || got.Topic != want[i] || got.Language != l {
					t.Errorf("%q gives %+v", question, got)
				}
				i++
			}
			if i != len(want) {
				t.Errorf("%s %s: %d examples", l, id, i)
			}
		}
	}
}

func TestAskWithoutPlatform(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct {
		text              string
		otherwise         bot.Language
		outcome, topic    string
		language          bot.Language
		says, saysNothing string
	}{
		{"qui préside ?", "", "answer", "leadership", bot.French, "Pekka Sauri", "*"},
		{"Logo", bot.German, "answer", "logo", bot.German, "procura@example.org", "["},
		{"Logo", "", "answer", "logo", bot.English, "procura@example.org", "["},
		{"Guten Tag", "", "action", "", bot.German, "", "*"},
		{"who won the football match last night", "", "unknown", "", bot.English, "en benefits.unknown-nobody", "*"},
		{"Kan onze gemeente ook meedoen als wij heel klein zijn?", bot.French, "unknown", "", bot.French, "fr benefits.foreign", "*"},
		{"", "", "unknown", "", bot.English, "en benefits.empty", "*"},
	} {
		got, err := w.benefits.Ask(t.Context(), c.text, c.otherwise)
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != c.outcome || c.topic != "" && got.Topic != c.topic || got.Language != c.language || got.Topics == nil {
			t.Errorf("Ask(%q) = %+v", c.text, got)
		}
		if !strings.Contains(got.Text, c.says) || strings.Contains(got.Text, c.saysNothing) {
			t.Errorf("Ask(%q) says %q", c.text, got.Text)
		}
	}
	if n := w.count(`SELECT count(*) FROM benefits_question`); n != 0 {
		t.Errorf("%d questions are stored", n)
	}
}
