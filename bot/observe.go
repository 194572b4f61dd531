package bot

import "time"

// Observation is one incoming thing as figures see it: nothing of what was said
// or of who said it.
type Observation struct {
	Platform Platform
	Kind     string // "said", "commanded", "completing", "pressed", "submitted", "home"
	Outcome  Outcome
	Took     time.Duration // until its effect was stored
}

// Outcome is what became of an incoming thing.
type Outcome string

// The outcomes.
const (
	Handled    Outcome = "handled"
	Refused    Outcome = "refused"    // "no, because": a member's mistake, or a right that they do not have
	Repeated   Outcome = "repeated"   // it was delivered before
	Ignored    Outcome = "ignored"    // no feature wanted it
	Failed     Outcome = "failed"     // a fault: an apology was stored
	Unwritable Outcome = "unwritable" // nothing could be stored
)

func kind(w What) string {
	switch w.(type) {
	case Said:
		return "said"
	case Commanded:
		return "commanded"
	case Completing:
		return "completing"
	case Pressed:
		return "pressed"
	case Submitted:
		return "submitted"
	case HomeOpened:
		return "home"
	}
	return "other"
}
