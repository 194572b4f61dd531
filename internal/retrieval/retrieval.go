// Package retrieval finds, for a question, the thing it is about among things
// that are described by a few phrases each. It knows nothing of chat and of
// databases, and the same phrases and question always give the same result.
//
// # Vocabulary
//
// An [Entry] is a text that belongs to a label: a phrase that people might ask
// it with, or the answer they would get. A [Model] is what was learned from the
// phrases of all languages together, so that a German question with an English
// term in it still finds its label. An [Index] is a model with the entries as
// they are now; a [Result] holds the nearest labels and what should be done.
//
// # How a question is answered
//
//	text ── folded: small letters, no accents, no greetings
//	  │
//	  ├─ a stored phrase? certain
//	  │
//	  ├─ slips of the finger mended, to the most frequent known word
//	  ├─ features: words, neighbours, words near each other, characters
//	  ├─ a softmax regression over all labels, and "about other things"
//	  ├─ evidence: how sure it is, how near the nearest phrases are, ...
//	  └─ confidence, and two thresholds: answer, choices, unknown
//
// [Fit] learns all of that: the regression from the phrases, the confidence and
// both thresholds from how each phrase would be found by the others
// (cross-validation), and by those of other labels alone, which makes questions
// about other things out of nothing.
//
// # What is promised
//
//   - A question that is a stored phrase, but for capitals, accents, marks and
//     politeness, is certain.
//   - Whatever else is asked is answered only where it is likely enough; where it
//     is less so, up to three choices are given; else it is said that nothing is known.
//   - The language of a question is named only where it is clear.
//   - Any input is fine and takes bounded time: of a long one the beginning counts.
//   - Two fits of the same entries, in any order, give the same bytes.
package retrieval

// Entry is one text of a label.
type Entry struct {
	Label    string
	Language string // "en", "fr", "de"
	Text     string
	Answer   bool // what is answered, not what is asked: it teaches its language alone
}

// Outcome is what should be done with a question.
type Outcome string

// The outcomes.
const (
	Answer  Outcome = "answer"  // give the first match
	Choices Outcome = "choices" // ask which of the matches was meant
	Unknown Outcome = "unknown" // say that it is not known
)

// Match is a label and how near it is: 1 is a stored phrase.
type Match struct {
	Label string
	Score float64
}

// Result is what was found for a question.
type Result struct {
	Outcome    Outcome
	Matches    []Match // the nearest labels, best first, at most three; also where Unknown
	Confidence float64 // how likely the first match is what was asked, from 0 to 1
	Language   string  // "" when not clear
	Foreign    bool    // clearly in a language that no entry has
	Exact      bool    // a stored phrase
}

// maxMatches is how many labels a person can choose from at a glance.
const maxMatches = 3
