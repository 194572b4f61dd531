package retrieval

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// Finding is something in the entries that whoever writes them should look at.
type Finding struct {
	Problem  Problem
	Label    string
	Language string
	Text     string // the phrase; "" where it is about the label
	Other    string // the label that it is confused with
	Like     string // the phrase of the other label
}

// Problem is what is wrong.
type Problem string

// The problems, the worst first.
const (
	Contradiction Problem = "contradiction" // two labels have the same phrase: neither is ever certain
	Alike         Problem = "alike"         // two labels have phrases of the same words
	Misplaced     Problem = "misplaced"     // by all other phrases it would be another label's
	Few           Problem = "few"           // fewer phrases than fewPhrases in a language
)

// fewPhrases is how many phrases of a label and language are worth most: fewer
// cost sixteen points of right answers in a hundred, as many again bring five.
const fewPhrases = 10

// surely is from which probability on a phrase would be another label's.
const surely = 0.6

// Lint looks through entries. It takes as long as [Fit]; the error is the context's.
func Lint(ctx context.Context, entries []Entry) ([]Finding, error) {
	type place struct{ label, language string }
	var all []Finding
	var phrases []Entry
	count := map[place]int{}
	languages := map[string]bool{}
	byText, byWords := map[string]Entry{}, map[string]Entry{}
	for _, e := range sorted(entries) {
		languages[e.Language] = true
		ws := words(e.Text)
		count[place{e.Label, e.Language}] += 0
		if e.Answer || len(ws) == 0 {
			continue
		}
		phrases = append(phrases, e)
		count[place{e.Label, e.Language}]++
		folded, bag := strings.Join(ws, " "), bagOf(ws)
		if first, ok := byText[folded]; ok && first.Label != e.Label {
			all = append(all, Finding{Contradiction, e.Label, e.Language, e.Text, first.Label, first.Text})
		} else if first, ok := byWords[bag]; ok && first.Label != e.Label {
			all = append(all, Finding{Alike, e.Label, e.Language, e.Text, first.Label, first.Text})
		}
		if _, ok := byText[folded]; !ok {
			byText[folded] = e
		}
		if _, ok := byWords[bag]; !ok {
			byWords[bag] = e
		}
	}
	for p := range count {
		for language := range languages {
			count[place{p.label, language}] += 0
		}
	}
	for p, n := range count {
		if n < fewPhrases {
			all = append(all, Finding{Problem: Few, Label: p.label, Language: p.language})
		}
	}
	misplaced, err := misplaced(ctx, phrases)
	all = append(all, misplaced...)
	order := []Problem{Contradiction, Alike, Misplaced, Few}
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Problem), slices.Index(order, b.Problem)),
			cmp.Compare(a.Label, b.Label), cmp.Compare(a.Language, b.Language), cmp.Compare(a.Text, b.Text))
	})
	return all, err
}

// bagOf are the words without their endings, each once, in the order of letters.
func bagOf(ws []string) string {
	bag := make([]string, len(ws))
	for i, w := range ws {
		bag[i] = cut(w)
	}
	slices.Sort(bag)
	return strings.Join(slices.Compact(bag), " ")
}

// misplaced are the phrases that others would put elsewhere, each judged by a
// model that has not seen it.
func misplaced(ctx context.Context, phrases []Entry) (all []Finding, err error) {
	texts, labels := known(phrases) // in the order of the phrases
	if len(labels) < 2 {
		return nil, nil
	}
	for fold := range folds {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var in []text
		for _, t := range texts {
			if foldOf(t.words) != fold {
				in = append(in, t)
			}
		}
		p := fitPart(in, labels, 1)
		for i, t := range texts {
			if foldOf(t.words) != fold {
				continue
			}
			if f := p.rank(t.words, none); f.order[0] != t.label && f.probability[0] >= surely {
				e := phrases[i]
				all = append(all, Finding{Misplaced, e.Label, e.Language, e.Text, labels[f.order[0]], ""})
			}
		}
	}
	return all, nil
}
