package main

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"procurabot/bot"
	"procurabot/internal/retrieval"
)

// heldoutFolder has questions that nothing is trained, tuned or written with
// (internal/retrieval/heldout_test.go). They are counted and never printed.
const heldoutFolder = "../../internal/retrieval/testdata/heldout"

func heldout(t *testing.T, name string) []retrieval.Example {
	t.Helper()
	all, err := readExamples(filepath.Join(heldoutFolder, name+".tsv"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// part is how many of some questions.
type part struct{ n, of int }

func (p *part) count(yes bool) {
	p.of++
	if yes {
		p.n++
	}
}

func (p part) percent() float64 { return 100 * float64(p.n) / float64(max(1, p.of)) }

// between is the 95 % interval in percent, as Wilson has it: https://doi.org/10.2307/2276774
func (p part) between() (low, high float64) {
	const z = 1.959964
	n := float64(max(1, p.of))
	share := float64(p.n) / n
	middle, half := share+z*z/(2*n), z*math.Sqrt(share*(1-share)/n+z*z/(4*n*n))
	return 100 * (middle - half) / (1 + z*z/n), 100 * (middle + half) / (1 + z*z/n)
}

func (p part) String() string {
	low, high := p.between()
	return fmt.Sprintf("%.1f (%.1f to %.1f)", p.percent(), low, high)
}

// figures are what the bot makes of questions.
type figures struct {
	best, right, among, wrong part // of the questions that have an answer
	declined                  part // of those about other things
	reply, named              part // of all: whose reply is in their language, and would be had they chosen another
	topics                    map[string]*figures
	confused                  map[[2]string]int // the topic asked for, the topic that came first
}

// answers asks what the bot would say to a member of that language, as
// "procurabot ask" does.
func answers(t *testing.T, a *app, l bot.Language, inside, outside []retrieval.Example, change func(string) string) figures {
	t.Helper()
	f := figures{topics: map[string]*figures{}, confused: map[[2]string]int{}}
	ask := func(x retrieval.Example) (topic, outcome string, topics []string) {
		answer, err := a.benefits.Ask(t.Context(), change(x.Text), l)
		if err != nil {
			t.Fatal(err)
		}
		f.reply.count(answer.Language == l)
		return answer.Topic, answer.Outcome, answer.Topics
	}
	for _, x := range inside {
		topic, outcome, topics := ask(x)
		if f.topics[x.Label] == nil {
			f.topics[x.Label] = &figures{}
		}
		answered := outcome == "answer" || outcome == "action"
		for _, g := range []*figures{&f, f.topics[x.Label]} {
			g.best.count(topic == x.Label)
			g.right.count(outcome == "answer" && topic == x.Label)
			g.among.count(slices.Contains(topics, x.Label))
			g.wrong.count(answered && topic != x.Label)
		}
		if topic != x.Label {
			f.confused[[2]string{x.Label, cmp.Or(topic, outcome)}]++
		}
	}
	for _, x := range outside {
		_, outcome, _ := ask(x)
		f.declined.count(outcome != "answer" && outcome != "action")
	}
	return f
}

// recognised counts whose language is seen in the text alone: those who have chosen
// another are answered in it too.
func recognised(t *testing.T, a *app, l bot.Language, questions []retrieval.Example) (p part) {
	t.Helper()
	other := bot.English
	if l == other {
		other = bot.German
	}
	for _, x := range questions {
		answer, err := a.benefits.Ask(t.Context(), x.Text, other)
		if err != nil {
			t.Fatal(err)
		}
		p.count(answer.Language == l)
	}
	return p
}

func unchanged(s string) string { return s }

// typed puts a slip into every fourth word: a letter left out, doubled, exchanged
// with the next, or another one, anywhere in the word.
func typed(seed uint64) func(string) string {
	r := rand.New(rand.NewPCG(seed, 4))
	return func(s string) string {
		all := strings.Fields(s)
		due := r.IntN(4)
		for i, w := range all {
			letters := []rune(w)
			if due--; due >= 0 || len(letters) < 3 {
				continue // a word of two letters leaves it to the next
			}
			due = 3
			at := r.IntN(len(letters) - 1)
			switch r.IntN(4) {
			case 0:
				letters = slices.Delete(letters, at, at+1)
			case 1:
				letters = slices.Insert(letters, at, letters[at])
			case 2:
				letters[at], letters[at+1] = letters[at+1], letters[at]
			default:
				letters[at] = 'a' + r.Int32N(26)
			}
			all[i] = string(letters)
		}
		return strings.Join(all, " ")
	}
}

// bare leaves accents out, and writes an umlaut as the letter under it.
func bare(s string) string {
	s = strings.NewReplacer("ß", "ss", "œ", "oe", "Œ", "Oe", "æ", "ae").Replace(s)
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(s))
}

func capitals(s string) string { return strings.ToUpper(strings.ReplaceAll(s, "ß", "ss")) }

// unmarked replaces all marks, apostrophes and hyphens too, by what is given: -1 is nothing.
func unmarked(by rune) func(string) string {
	return func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsPunct(r) || unicode.IsSymbol(r) {
				return by
			}
			return r
		}, s)
	}
}

func TestTyped(t *testing.T) {
	const text = "do we get the money for our train to Zürich back from you"
	slip := typed(1)
	for range 100 {
		was, is := strings.Fields(text), strings.Fields(slip(text))
		changed := 0
		for i := range was {
			if len(is) == len(was) && was[i] != is[i] {
				changed++
			}
		}
		if len(is) != len(was) || changed > 4 {
			t.Errorf("%q", is)
		}
	}
	if got := bare("Où est l'Œuvre, Größe"); got != "Ou est l'Oeuvre, Grosse" {
		t.Errorf("%q", got)
	}
	if got := unmarked(-1)("l'offre, d'accord ?"); got != "loffre daccord " {
		t.Errorf("%q", got)
	}
}

// TestOwnKnowledge holds the bot, with the knowledge that ships, to what it should
// make of questions that it has never seen. With -v it prints the tables.
func TestOwnKnowledge(t *testing.T) {
	t.Parallel()
	a := testApp(t, parts{})
	inside, outside := map[bot.Language][]retrieval.Example{}, map[bot.Language][]retrieval.Example{}
	plain := map[bot.Language]figures{}
	languages := bot.Languages()
	for _, l := range languages {
		inside[l], outside[l] = heldout(t, string(l)), heldout(t, string(l)+"-outside")
		if len(inside[l]) < 200 || len(outside[l]) < 100 {
			t.Errorf("%s: only %d questions, and %d about other things", l, len(inside[l]), len(outside[l]))
		}
		f := answers(t, a, l, inside[l], outside[l], unchanged)
		f.named = recognised(t, a, l, slices.Concat(inside[l], outside[l]))
		plain[l] = f
	}
	rows := []struct {
		name  string
		least float64 // in percent; 0: only shown
		most  float64
		of    func(figures) part
	}{
		{"best topic right", 90, 100, func(f figures) part { return f.best }},
		{"answered outright, right", 75, 100, func(f figures) part { return f.right }},
		{"answered or among the choices, right", 92, 100, func(f figures) part { return f.among }},
		{"answered with a wrong topic", 0, 2, func(f figures) part { return f.wrong }},
		{"about other things, not answered", 95, 100, func(f figures) part { return f.declined }},
		{"language of the reply right", 98, 100, func(f figures) part { return f.reply }},
		{"language recognised", 0, 100, func(f figures) part { return f.named }},
	}
	table := newTable("own knowledge, % (95 % interval)", languages)
	for _, row := range rows {
		var cells []any
		for _, l := range languages {
			p := row.of(plain[l])
			cells = append(cells, p)
			if p.percent() < row.least || p.percent() > row.most {
				t.Errorf("%s: %s: %v", l, row.name, p)
			}
		}
		table.row(row.name, cells...)
	}
	table.print()
	t.Run("changed", func(t *testing.T) { changedQuestions(t, a, inside, plain) })
	topicTables(plain)
}

// mostLost is how many points a slip, or letters left out, may cost.
const mostLost = 3

// slips are so many draws: one alone is a matter of luck, by a point.
const slips = 3

func changedQuestions(t *testing.T, a *app, inside map[bot.Language][]retrieval.Example, plain map[bot.Language]figures) {
	languages := bot.Languages()
	table := newTable("lost, in points: best topic / answered outright and right", append(languages, "all"))
	for _, change := range []struct {
		name  string
		times int
		of    func(string) string
	}{
		{"a slip in every fourth word", slips, typed(1)},
		{"accents left out", 1, bare},
		{"all capitals", 1, capitals},
		{"no punctuation", 1, unmarked(' ')},
		{"the same, apostrophes closed up", 1, unmarked(-1)},
	} {
		var cells []any
		var best, right lost
		for _, l := range languages {
			var b, r lost
			for range change.times {
				f := answers(t, a, l, inside[l], nil, change.of)
				b.add(plain[l].best, f.best)
				r.add(plain[l].right, f.right)
				best.add(plain[l].best, f.best)
				right.add(plain[l].right, f.right)
			}
			cells = append(cells, fmt.Sprintf("%.1f / %.1f", b.points(), r.points()))
		}
		table.row(change.name, append(cells, fmt.Sprintf("%.1f / %.1f", best.points(), right.points()))...)
		if best.points() > mostLost || right.points() > mostLost {
			t.Errorf("%s: %.1f points fewer have the best topic right, %.1f are answered right", change.name, best.points(), right.points())
		}
	}
	table.print()
}

// lost is how many questions fewer are right than were, of how many.
type lost part

func (l *lost) add(was, is part) { l.n, l.of = l.n+was.n-is.n, l.of+is.of }

func (l lost) points() float64 { return part(l).percent() }

// topicTables prints what is confused with what, by the names of topics.
func topicTables(plain map[bot.Language]figures) {
	languages := bot.Languages()
	table := newTable("by topic, of questions: best right / answered right / answered or among right / answered wrong", languages)
	for _, topic := range slices.Sorted(maps.Keys(plain[bot.English].topics)) {
		var cells []any
		for _, l := range languages {
			f := plain[l].topics[topic]
			if f == nil {
				f = &figures{}
			}
			cells = append(cells, fmt.Sprintf("%d: %d / %d / %d / %d", f.best.of, f.best.n, f.right.n, f.among.n, f.wrong.n))
		}
		table.row(topic, cells...)
	}
	table.print()
	all := map[[2]string]int{}
	for _, l := range languages {
		for pair, n := range plain[l].confused {
			all[pair] += n
		}
	}
	table = newTable("confused: asked -> given", append([]bot.Language{"all"}, languages...))
	pairs := slices.SortedFunc(maps.Keys(all), func(a, b [2]string) int {
		return cmp.Or(all[b]-all[a], cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	})
	for _, pair := range pairs {
		cells := []any{all[pair]}
		for _, l := range languages {
			cells = append(cells, plain[l].confused[pair])
		}
		table.row(pair[0]+" -> "+pair[1], cells...)
	}
	table.print()
}

// table is printed with -v alone.
type table struct {
	b strings.Builder
	w *tabwriter.Writer
}

func newTable(name string, columns []bot.Language) *table {
	t := &table{}
	t.w = tabwriter.NewWriter(&t.b, 0, 0, 2, ' ', 0)
	var cells []any
	for _, c := range columns {
		cells = append(cells, c)
	}
	t.row(name, cells...)
	return t
}

func (t *table) row(name string, cells ...any) {
	fmt.Fprint(t.w, name)
	for _, c := range cells {
		fmt.Fprintf(t.w, "\t%v", c)
	}
	fmt.Fprintln(t.w)
}

func (t *table) print() {
	t.w.Flush()
	if testing.Verbose() {
		fmt.Fprintf(os.Stdout, "\n%s\n", t.b.String())
	}
}
