package bot

import (
	"procurabot/internal/database"
	"procurabot/internal/schedule"
)

// Feature is a value: everything that one part of the bot adds to it. Help,
// the platforms' registrations, the documents and the tests read the same
// table. Two features that claim the same word fail at start.
type Feature struct {
	Name     string
	Commands []Command
	Buttons  []ButtonHandler
	Forms    []Form
	Listener *Listener                                   // free text; the first feature in order that wants it gets it
	Actions  []Action                                    // what it does when asked in plain words
	Slots    []schedule.Slot                             // recurring work
	Works    map[string]func(*Turn, schedule.Work) error // due work by kind, put off by Turn.Later
	Welcome  func(*Turn) error                           // added to a member's first private answer
	Home     func(*Turn) (Say, error)                    // its section of what a member sees of themselves
}

// Command is one slash command. Its name in a language is the message
// "<ID>.name", its description "<ID>.description".
type Command struct {
	ID      string   // "benefits.ask"
	Path    []string // "procura", "ask"
	Role    Role     // who may, "" everyone; checked where the act happens
	Options []Option
	Opens   bool                                                        // answers by opening a form, which Discord must know before the turn
	Prepare func(in Incoming, args Args) (prepared any, asked Language) // reads a snapshot, outside the writer
	Run     func(*Turn) error
}

// Option is an argument of a command. Its name in a language is the message
// "<command ID>.<Name>.name", its description ".description".
type Option struct {
	Name     string
	Required bool
	Member   bool     // a person of the platform; arrives as Account.String
	Choices  []string // the only values allowed; shown as "<command ID>.<Name>.<choice>.option"
	Complete func(tx *database.Tx, l Language, prefix string) ([]Completion, error)
}

// Args holds a command's arguments by the name of their option. Where words
// are separated by spaces the last option takes the rest of the line.
type Args map[string]string

// ButtonHandler is what happens when a button is pressed. Its label is the message
// "<ID>.button" unless the message that carries it says otherwise.
type ButtonHandler struct {
	ID    string
	Role  Role
	Opens bool
	Run   func(*Turn) error
}

// Form asks for a few fields at once. Its title is the message "<ID>.title", the word
// on its button "<ID>.button"; a field's label is "<ID>.<Name>.label".
type Form struct {
	ID     string
	Role   Role
	Fields []Field // at most five
	Run    func(*Turn) error
}

// FieldKind is how a field is filled in.
type FieldKind string

// The kinds of field.
const (
	Line      FieldKind = "line"
	Paragraph FieldKind = "paragraph"
)

// Field is one field of a form. Min and Max count characters of the trimmed
// text; Max 0 is the platform's own limit.
type Field struct {
	Name     string
	Kind     FieldKind
	Required bool
	Min, Max int
	Label    *Phrase // instead of "<form>.<name>.label"
}

// Listener hears free text that is addressed to the bot.
type Listener struct {
	// Prepare looks at the text from a snapshot, outside the writer. It says in
	// which language the question is, "" when that is not clear, and gives
	// whatever Run needs; false means "not for me".
	Prepare func(in Incoming, text string) (prepared any, asked Language, mine bool)
	Run     func(*Turn) error
}

// Action is something a feature does when it is asked for in plain words
// ("sprich bitte Deutsch mit mir"). Its phrases, one a line, are the message
// "<ID>.phrases" in each language.
type Action struct {
	ID  string
	Run func(*Turn) error
}
