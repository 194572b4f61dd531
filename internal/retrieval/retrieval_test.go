package retrieval

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestFold(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"Die Größe der ÄMTER", "die groesse der aemter"},
		{"l'adhésion d’une commune", "l adhesion d une commune"},
		{"Bonjour, qui préside ? Merci d'avance !", "qui preside"},
		{"Hallo zusammen, darf ich das Logo nutzen? Danke im Voraus", "darf ich das logo nutzen"},
		{"please, 25% off?", "25 off"},
		{"merci", "merci"},
		{"Hello, thanks!", "hello thanks"},
		{"Cœur et Straße", "coeur et strasse"},
		{"\U0001F600 \U0001F389", ""},
		{"\xff\xfe", ""},
		{"", ""},
	} {
		if got := Fold(c.text); got != c.want {
			t.Errorf("Fold(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

func TestFindExact(t *testing.T) {
	x := Build(knowledge(t))
	for _, c := range []struct{ question, label, language string }{
		{"Logo!", "logo", ""},
		{"Hallo, wer zahlt mir die BAHN und das Hotel??? Danke", "travel-grants", "de"},
		{"Bonjour, qui paie mon train et mon hotel, tu sais", "", ""},
		{"A quelles conditions une aide aux frais de deplacement peut elle etre accordee", "travel-grants", "fr"},
	} {
		r := x.Find(c.question)
		if c.label == "" {
			if r.Exact {
				t.Errorf("%q is taken for a stored phrase", c.question)
			}
			continue
		}
		if r.Outcome != Answer || !r.Exact || r.Confidence != 1 || r.Matches[0].Label != c.label || r.Language != c.language {
			t.Errorf("Find(%q) = %+v", c.question, r)
		}
	}
}

func TestFindNothing(t *testing.T) {
	x := Build(knowledge(t))
	for _, question := range []string{"", " ", "?!", "\U0001F600\U0001F600", "\xff\xfe", "\u200b"} {
		if r := x.Find(question); r.Outcome != Unknown || len(r.Matches) != 0 || r.Language != "" || r.Foreign {
			t.Errorf("Find(%q) = %+v", question, r)
		}
	}
	if r := Build(nil).Find("who can join"); r.Outcome != Unknown || len(r.Matches) != 0 {
		t.Errorf("an empty index finds %+v", r)
	}
}

func TestFindAmbiguous(t *testing.T) {
	x := Build([]Entry{{Label: "a", Language: "en", Text: "the price"}, {Label: "b", Language: "en", Text: "The price?"}})
	r := x.Find("the price")
	if r.Outcome != Choices || r.Exact || len(r.Matches) != 2 {
		t.Errorf("a phrase of two labels gives %+v", r)
	}
}

func TestFindLong(t *testing.T) {
	x := Build(knowledge(t))
	for _, question := range []string{strings.Repeat("ä", 100_000), strings.Repeat("who can join ", 8000), strings.Repeat("é\u0301", 50_000)} {
		if r := x.Find(question); len(r.Matches) > maxMatches {
			t.Errorf("%d matches", len(r.Matches))
		}
	}
}

func TestBuildOrder(t *testing.T) {
	entries := knowledge(t)
	a := Build(entries)
	slices.Reverse(entries)
	b := Build(entries)
	for _, question := range lines(t, "testdata/outside.txt") {
		if diff := cmp.Diff(a.Find(question), b.Find(question)); diff != "" {
			t.Errorf("%q depends on the order of the entries: %s", question, diff)
		}
	}
}

func TestOutside(t *testing.T) {
	x := Build(knowledge(t))
	count := map[Outcome]int{}
	all := lines(t, "testdata/outside.txt")
	for _, question := range all {
		r := x.Find(question)
		count[r.Outcome]++
		if r.Outcome == Answer {
			t.Logf("%q is answered with %s (%.2f)", question, r.Matches[0].Label, r.Confidence)
		}
	}
	t.Logf("of %d sentences about other things: answered %d, choices %d, unknown %d", len(all), count[Answer], count[Choices], count[Unknown])
	if count[Answer]*20 > len(all) {
		t.Errorf("%d of %d sentences about other things are answered", count[Answer], len(all))
	}
	if count[Unknown]*100 < 80*len(all) {
		t.Errorf("only %d of %d sentences about other things are unknown", count[Unknown], len(all))
	}
}

// TestLeaveOneOut measures what the thresholds were chosen on: a phrase must be
// found by the other phrases of its label.
func TestLeaveOneOut(t *testing.T) {
	entries := knowledge(t)
	sortEntries(entries)
	x := Build(entries)
	var first, answered, wrong, n int
	for i, e := range entries {
		if e.Answer {
			continue
		}
		ws := words(e.Text)
		cosines := x.compare(features(ws))
		cosines[i] = 0
		matches := x.rank(cosines)
		ev := weigh(ws, matches, x.other(cosines))
		n++
		right := matches[0].Label == e.Label
		if right {
			first++
		}
		if ev.confidence() >= answerFrom+ev.caution() {
			if right {
				answered++
			} else {
				wrong++
			}
		}
	}
	t.Logf("of %d phrases left out: first %.3f, answered rightly %.3f, wrongly %.3f", n,
		float64(first)/float64(n), float64(answered)/float64(n), float64(wrong)/float64(n))
	if first*100 < 65*n {
		t.Errorf("only %d of %d phrases are found by the others", first, n)
	}
	if wrong*3 > answered {
		t.Errorf("%d wrong answers beside %d right ones", wrong, answered)
	}
}

func TestLanguage(t *testing.T) {
	x := Build(knowledge(t))
	for _, c := range []struct {
		text, want string
		foreign    bool
	}{
		{"Could you please tell me whether our town may take part?", "en", false},
		{"is there anything for a small place like ours", "en", false},
		{"Pourriez-vous me dire si notre commune peut participer ?", "fr", false},
		{"est ce que la mairie doit payer quelque chose", "fr", false},
		{"parle français stp", "fr", false},
		{"Können Sie mir sagen, ob unsere Gemeinde teilnehmen kann?", "de", false},
		{"muss die gemeinde dafuer etwas zahlen", "de", false},
		{"ok", "", false},
		{"GPP", "", false},
		{"Logo", "", false},
		{"Il nostro comune può partecipare anche se è molto piccolo?", "", true},
		{"¿Puede participar nuestro ayuntamiento aunque sea muy pequeño?", "", true},
		{"Kan onze gemeente ook meedoen als wij heel klein zijn?", "", true},
		{"czy nasze miasto może wziąć udział w konferencji", "", true},
	} {
		r := x.Find(c.text)
		if r.Language != c.want || r.Foreign != c.foreign {
			t.Errorf("%q: language %q, foreign %v; want %q, %v", c.text, r.Language, r.Foreign, c.want, c.foreign)
		}
	}
	var right, wrong, none int
	all := lines(t, "testdata/outside.txt")
	for i, text := range all {
		switch r := x.Find(text); {
		case r.Language == []string{"en", "fr", "de"}[i*3/len(all)]:
			right++
		case r.Language == "" && !r.Foreign:
			none++
		default:
			t.Logf("%q: %q, foreign %v", text, r.Language, r.Foreign)
			wrong++
		}
	}
	t.Logf("languages of %d sentences about other things: right %d, not clear %d, wrong %d", len(all), right, none, wrong)
	if wrong*33 > len(all) || right*100 < 80*len(all) {
		t.Errorf("languages: right %d, wrong %d of %d", right, wrong, len(all))
	}
}

func FuzzFind(f *testing.F) {
	x := Build(knowledge(f))
	for _, s := range []string{"who can join", "l'adhésion", "\xff", "Straße \U0001F600", "a b", strings.Repeat("x", 5000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		folded := Fold(s)
		if !utf8.ValidString(folded) || Fold(folded) != folded {
			t.Fatalf("Fold(%q) = %q, folded again %q", s, folded, Fold(folded))
		}
		r := x.Find(s)
		if r.Confidence < 0 || r.Confidence > 1 || len(r.Matches) > maxMatches || r.Outcome != Unknown && len(r.Matches) == 0 {
			t.Fatalf("Find(%q) = %+v", s, r)
		}
		for i, m := range r.Matches {
			if m.Score <= 0 || i > 0 && m.Score > r.Matches[i-1].Score {
				t.Fatalf("Find(%q) = %+v", s, r)
			}
		}
	})
}

func BenchmarkFind(b *testing.B) {
	x := Build(knowledge(b))
	for b.Loop() {
		x.Find("bonjour, est-ce que notre petite commune de 900 habitants peut participer au réseau ?")
	}
}

func BenchmarkBuild(b *testing.B) {
	entries := knowledge(b)
	for b.Loop() {
		Build(entries)
	}
}
