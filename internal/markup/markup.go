// Package markup holds the few marks that a translator or an editor may use,
// and makes what members write harmless.
//
// # Vocabulary
//
// A [Text] is marked text: it is what the outbox stores. [Parse] turns it into
// blocks (paragraphs, bullets, quotes), their lines, and the spans of a line.
// The renderers [Plain], [Slack], [Discord] and [HTML] walk those. Data is a
// string that somebody wrote; it becomes Text through [Escape] and in no other
// way.
//
// # The marks
//
//	*bold*   _italic_   `code`   [label](https://address)
//	- a line that starts so is a bullet
//	> a line that starts so is a quote
//
// A newline is a line break and an empty line starts a new paragraph. Addresses
// are http, https or mailto. A backslash takes the meaning from the mark after
// it; before a newline it makes a line break that stays inside the bullet, quote
// or mark. Marks stand at word boundaries, so snake_case_name and 2*3*4 are
// what they look like; bold may hold italic or the reverse; a mark that is not
// closed on its line is literal, and so is a doubled one.
//
// # Guarantees
//
// Escaped data never changes the structure around it, wherever in a template it
// stands. No rendering lets data mention, notify or link. Everything takes time
// linear in the length of its input, and nothing panics on any input.
package markup

// Text is marked text. Converting a string to Text asserts that an editor wrote
// it and that it went through [Clean]; what members write goes through [Escape].
type Text string

// Kind says what a block is.
type Kind uint8

const (
	Paragraph Kind = iota
	Bullet         // one item of a list; neighbours of this kind are one list
	Quote
)

// Block is one paragraph, one bullet or one quote.
type Block struct {
	Kind  Kind
	Apart bool // an empty line stands between it and the block before
	Lines []Line
}

// Line is what stands between two line breaks; it may be empty.
type Line []Span

// Span is a run of text in one style. Text holds no newline. Link is empty or an
// http, https or mailto address without blanks, quotes or angle brackets.
type Span struct {
	Text               string
	Bold, Italic, Code bool
	Link               string
}

func (s Span) styled(text string) Span { s.Text = text; return s }
