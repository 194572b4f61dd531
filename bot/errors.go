package bot

import (
	"errors"
	"fmt"
)

// Refusal is "no, because": it goes to the member in their language, and the
// handler that returns it has changed nothing.
type Refusal struct {
	Say Say
}

// Refuse makes a Refusal from a message and its values.
func Refuse(id string, values Values) *Refusal { return &Refusal{Say{Phrase: P(id, values)}} }

func (r *Refusal) Error() string { return "refused: " + r.Say.ID }

// FieldErrors refuses a form: by field, why. The form is shown again with
// what was typed. Nothing else of the handler is kept.
type FieldErrors map[string]Phrase

func (f FieldErrors) Error() string { return fmt.Sprintf("refused: %d field(s)", len(f)) }

// errSilent is a fault of the program: an interaction was neither answered nor
// given a form, so that its platform would show a failure.
var errSilent = errors.New("the handler neither answered nor opened a form")
