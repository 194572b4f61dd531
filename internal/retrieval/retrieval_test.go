package retrieval

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// shipped is a model of the knowledge that ships, fitted once.
var shipped = sync.OnceValue(func() *Model {
	m, err := Fit(context.Background(), shippedEntries())
	if err != nil {
		panic(err)
	}
	return m
})

func shippedIndex(t testing.TB) *Index { t.Helper(); return shipped().Index(knowledge(t)) }

// small is knowledge of two labels that have little in common.
var small = []Entry{
	{Label: "price", Language: "en", Text: "what does it cost"},
	{Label: "price", Language: "en", Text: "how much is the fee"},
	{Label: "price", Language: "en", Text: "is there a charge to pay"},
	{Label: "price", Language: "de", Text: "was kostet das"},
	{Label: "place", Language: "en", Text: "where is the office"},
	{Label: "place", Language: "en", Text: "which street are you in"},
	{Label: "place", Language: "de", Text: "wo ist das Büro"},
	{Label: "place", Language: "de", Text: "in welcher Strasse sind Sie"},
}

func fitted(t testing.TB, entries []Entry) *Index {
	t.Helper()
	m, err := Fit(t.Context(), entries)
	if err != nil {
		t.Fatal(err)
	}
	return m.Index(entries)
}

func TestFold(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"Die Größe der ÄMTER", "die groesse der aemter"},
		{"l'adhésion d’une commune", "l adhesion d une commune"},
		{"Bonjour, qui préside ? Merci d'avance !", "qui preside"},
		{"Hallo zusammen, darf ich das Logo nutzen? Danke im Voraus", "darf ich das logo nutzen"},
		{"please, 25% off?", "25 off"},
		{"We can't come, I'm ill and it isn’t far", "we can not come i am ill and it is not far"},
		{"We cannot come", "we can not come"},
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
	x := shippedIndex(t)
	for _, c := range []struct{ question, label, language string }{
		{"Logo!", "logo", ""},
		{"Hallo, wer zahlt mir die BAHN und das Hotel??? Danke", "travel-grants", "de"},
		{"A quelles conditions une aide aux frais de deplacement peut elle etre accordee", "travel-grants", "fr"},
		{"We have an idea for a fair. Who pays my train and hotel then? It is far away.", "", "en"},
		{"Wir planen gerade den Herbst. Wer zahlt mir die Bahn und das Hotel? Es ist weit.", "travel-grants", "de"},
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
	x := shippedIndex(t)
	for _, question := range []string{"", " ", "?!", "\U0001F600\U0001F600", "\xff\xfe", "\u200b"} {
		if r := x.Find(question); r.Outcome != Unknown || len(r.Matches) != 0 || r.Language != "" || r.Foreign {
			t.Errorf("Find(%q) = %+v", question, r)
		}
	}
	if r := fitted(t, nil).Find("who can join"); r.Outcome != Unknown || len(r.Matches) != 0 {
		t.Errorf("an empty index finds %+v", r)
	}
}

// TestLittleKnowledge gives a fit too little to judge itself by.
func TestLittleKnowledge(t *testing.T) {
	for name, entries := range map[string][]Entry{
		"one label":          {{Label: "a", Language: "en", Text: "the price"}, {Label: "a", Language: "en", Text: "what does it cost"}},
		"one phrase":         {{Label: "a", Language: "en", Text: "the price"}},
		"one phrase a label": {{Label: "a", Language: "en", Text: "the price"}, {Label: "b", Language: "en", Text: "the place"}, {Label: "c", Language: "en", Text: "the time"}},
		"empty texts":        {{Label: "a", Language: "en", Text: "the price"}, {Label: "b", Language: "en", Text: "?!"}, {Label: "c", Language: "en"}},
		"one text for all":   {{Label: "a", Language: "en", Text: "the price"}, {Label: "b", Language: "en", Text: "The price?"}, {Label: "c", Language: "en", Text: "the price!"}},
		"answers alone":      {{Label: "a", Language: "en", Text: "It costs nothing.", Answer: true}},
	} {
		t.Run(name, func(t *testing.T) {
			x := fitted(t, entries)
			for _, question := range []string{"the price", "the pirce of it", "where is it", strings.Repeat("price ", 500)} {
				r := x.Find(question)
				if math.IsNaN(r.Confidence) || r.Confidence < 0 || r.Confidence > 1 {
					t.Errorf("%q: confidence %v", question, r.Confidence)
				}
				for _, m := range r.Matches {
					if math.IsNaN(m.Score) {
						t.Errorf("%q: %+v", question, r)
					}
				}
			}
			if r := x.part.vocabulary; r == nil {
				t.Error("no vocabulary")
			}
		})
	}
}

func TestFindAmbiguous(t *testing.T) {
	x := fitted(t, []Entry{{Label: "a", Language: "en", Text: "the price"}, {Label: "b", Language: "en", Text: "The price?"}})
	r := x.Find("the price")
	if r.Outcome != Choices || r.Exact || len(r.Matches) != 2 {
		t.Errorf("a phrase of two labels gives %+v", r)
	}
}

func TestFindLong(t *testing.T) {
	x := shippedIndex(t)
	for _, question := range []string{strings.Repeat("ä", 100_000), strings.Repeat("who can join ", 8000), strings.Repeat("é\u0301", 50_000)} {
		if r := x.Find(question); len(r.Matches) > maxMatches {
			t.Errorf("%d matches", len(r.Matches))
		}
	}
}

// TestSameBytes: two fits of the same entries, in any order, are one model.
func TestSameBytes(t *testing.T) {
	entries := slices.Clone(small)
	first, err := fitted(t, entries).model.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	print := Fingerprint(entries)
	slices.Reverse(entries)
	second, err := fitted(t, entries).model.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("two fits give different bytes")
	}
	if Fingerprint(entries) != print {
		t.Error("the fingerprint depends on the order")
	}
	entries[0].Text += " now"
	if Fingerprint(entries) == print {
		t.Error("the fingerprint does not depend on the texts")
	}
}

func TestStored(t *testing.T) {
	b, err := shipped().MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	before, after := shippedIndex(t), m.Index(knowledge(t))
	for _, question := range lines(t, "testdata/outside.txt") {
		if diff := cmp.Diff(before.Find(question), after.Find(question)); diff != "" {
			t.Errorf("%q is found otherwise by the stored model: %s", question, diff)
		}
	}
	for name, damaged := range map[string][]byte{
		"empty": nil, "cut": b[:len(b)/2], "other": []byte("procurabot model 0\n...."), "short": []byte(magic),
		"flipped": append(slices.Clone(b[:len(b)-1]), b[len(b)-1]^1),
	} {
		if _, err := Decode(damaged); !errors.Is(err, ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNewEntries: what changes after the fit counts word for word, at once.
func TestNewEntries(t *testing.T) {
	m := fitted(t, small).model
	added := append(slices.Clone(small), Entry{Label: "time", Language: "en", Text: "When do you open?"}, Entry{Label: "price", Language: "en", Text: "any discount"})
	x := m.Index(added)
	for question, want := range map[string]string{"when do you open": "time", "Any discount?": "price"} {
		if r := x.Find(question); r.Outcome != Answer || !r.Exact || r.Matches[0].Label != want {
			t.Errorf("Find(%q) = %+v", question, r)
		}
	}
	gone := slices.DeleteFunc(slices.Clone(small), func(e Entry) bool { return e.Label == "price" })
	for _, m := range m.Index(gone).Find("what does it cost").Matches {
		if m.Label == "price" {
			t.Error("a label that is gone is found")
		}
	}
}

func TestFitStops(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if m, err := Fit(ctx, small); !errors.Is(err, context.Canceled) || m != nil {
		t.Errorf("a fit that was stopped gives %v, %v", m, err)
	}
}

// TestMend: a slip in a known word is mended, to the most frequent word that can be meant.
func TestMend(t *testing.T) {
	var texts [][]string
	for _, line := range []string{"discount travel network", "travel form fort the", "form", "travels"} {
		texts = append(texts, strings.Fields(line))
	}
	s := newSpeller(newVocabulary(texts))
	for typed, want := range map[string]string{
		"discuont": "discount", "discoun": "discount", "disccount": "discount", "discoumt": "discount", "idscount": "discount",
		"iscount": "discount", "discuomt": "discuomt", "travel": "travel", "travells": "travels", "travelss": "travels",
		"travelx": "travel", "forx": "form", "tha": "the", "te": "te", "": "", strings.Repeat("x", 500): strings.Repeat("x", 500),
	} {
		if got := s.mend([]string{typed})[0]; got != want {
			t.Errorf("%q is mended to %q, want %q", typed, got, want)
		}
	}
	ws := []string{"the", "discuont"}
	s.mend(ws)
	if ws[1] != "discuont" {
		t.Error("mending changes what was handed over")
	}
}

func TestOutside(t *testing.T) {
	x := shippedIndex(t)
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

// TestReport holds the shipped knowledge to what editors may expect of it.
func TestReport(t *testing.T) {
	r := shipped().Report()
	t.Logf("%+v", r)
	if r.Phrases < 2000 || r.First < 0.75 || r.Wrong > maxWrong || r.Outside > maxOutside || r.Answered < 0.4 {
		t.Errorf("cross-validation: %+v", r)
	}
}

func TestLanguage(t *testing.T) {
	x := shippedIndex(t)
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
		{"Chi devo contattare per usare il marchio sul nostro sito?", "", true},
		{"¿Puede participar nuestro ayuntamiento aunque sea muy pequeño?", "", true},
		{"Kan onze gemeente ook meedoen als wij heel klein zijn?", "", true},
		{"hoe vraag ik een reisvergoeding aan voor het congres", "", true},
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

// TestSameAnswer: a question asked a thousand times, also by many at once, has one answer.
func TestSameAnswer(t *testing.T) {
	x := shippedIndex(t)
	const question = "we are only a village, does it make sense for us to be in this"
	first := x.Find(question)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 250 {
				if diff := cmp.Diff(first, x.Find(question)); diff != "" {
					t.Errorf("another answer: %s", diff)
					return
				}
			}
		})
	}
	group.Wait()
}

func TestLint(t *testing.T) {
	entries := append(slices.Clone(small),
		Entry{Label: "place", Language: "en", Text: "What does it cost?"},
		Entry{Label: "place", Language: "en", Text: "the fees: how much is"},
	)
	found, err := Lint(t.Context(), entries)
	if err != nil {
		t.Fatal(err)
	}
	var got []Finding
	few := 0
	for _, f := range found {
		if f.Problem == Few {
			few++
		} else if f.Problem != Misplaced {
			got = append(got, f)
		}
	}
	want := []Finding{
		{Contradiction, "price", "en", "what does it cost", "place", "What does it cost?"},
		{Alike, "price", "en", "how much is the fee", "place", "the fees: how much is"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got): %s", diff)
	}
	if few != 4 {
		t.Errorf("%d labels and languages have few phrases, want 4", few)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Lint(ctx, entries); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

// TestLintShipped: nothing that ships contradicts itself.
func TestLintShipped(t *testing.T) {
	found, err := Lint(t.Context(), knowledge(t))
	if err != nil {
		t.Fatal(err)
	}
	count := map[Problem]int{}
	for _, f := range found {
		count[f.Problem]++
		if f.Problem != Misplaced {
			t.Errorf("%+v", f)
		}
	}
	t.Log(count)
}

func TestGroup(t *testing.T) {
	got := Group([]string{
		"how do we cancel our membership", "who won the match", "Wie kündigen wir unsere Mitgliedschaft?",
		"how can I cancel the membership?", "can we cancel our membership", "", "who won the match yesterday",
	})
	want := [][]int{{0, 3, 4}, {1, 6}, {2}, {5}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := Group(nil); len(got) != 0 {
		t.Errorf("nothing gives %v", got)
	}
}

// typo puts a slip into a word.
func typo(w string, r *rand.Rand) string {
	c := []byte(w)
	at := 1 + r.IntN(len(c)-2)
	switch r.IntN(3) {
	case 0:
		c = slices.Delete(c, at, at+1)
	case 1:
		c = slices.Insert(c, at, c[at])
	default:
		c[at], c[at+1] = c[at+1], c[at]
	}
	return string(c)
}

// TestSlip holds slip to what it means: one step away, and not the same.
func TestSlip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		w := make([]byte, 4+r.IntN(6))
		for i := range w {
			w[i] = byte('a' + r.IntN(3))
		}
		if typed := typo(string(w), r); typed != string(w) && (!slip(typed, string(w)) || !slip(string(w), typed)) {
			t.Fatalf("%q is a slip of %q", typed, w)
		}
		if slip(string(w), string(w)) {
			t.Fatalf("%q is a slip of itself", w)
		}
	}
}

func FuzzFind(f *testing.F) {
	x := shippedIndex(f)
	for _, s := range []string{"who can join", "l'adhésion", "\xff", "Straße \U0001F600", "a b", "n't'm ", strings.Repeat("x", 5000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		folded := Fold(s)
		if !utf8.ValidString(folded) || Fold(folded) != folded {
			t.Fatalf("Fold(%q) = %q, folded again %q", s, folded, Fold(folded))
		}
		r := x.Find(s)
		if math.IsNaN(r.Confidence) || r.Confidence < 0 || r.Confidence > 1 || len(r.Matches) > maxMatches || r.Outcome != Unknown && len(r.Matches) == 0 {
			t.Fatalf("Find(%q) = %+v", s, r)
		}
		for i, m := range r.Matches {
			if !(m.Score >= 0) || i > 0 && m.Score > r.Matches[i-1].Score {
				t.Fatalf("Find(%q) = %+v", s, r)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	b, err := fitted(f, small).model.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := Decode(b); err == nil {
			m.Index(small).Find("what does it cost")
		}
	})
}

func BenchmarkFind(b *testing.B) {
	x := shippedIndex(b)
	for b.Loop() {
		x.Find("bonjour, est-ce que notre petite commune de 900 habitants peut participer au réseau ?")
	}
}

func BenchmarkFit(b *testing.B) {
	entries := knowledge(b)
	for b.Loop() {
		m, err := Fit(b.Context(), entries)
		if err != nil {
			b.Fatal(err)
		}
		stored, err := m.MarshalBinary()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(stored))/1e6, "MB-model")
	}
}

func BenchmarkIndex(b *testing.B) {
	entries, m := knowledge(b), shipped()
	for b.Loop() {
		m.Index(entries)
	}
}
