// Package messages keeps every text that the bot says in the database, where
// administrators edit it from the chat.
//
// # Words
//
// A message has an id, whose last word is its slot (".button", ".title"), and a
// text in each language. A text has plural [Forms]. The files of package locales
// are the source: [Messages.Load] brings a release into the database. A text is
// shipped (as the release has it), edited, or to be reviewed, because the English
// text that it translates has changed. A book is all texts at one revision of
// the database.
//
// # Life of a text
//
//	file ── Load ──▶ shipped ── edit, Import, going back ──▶ edited
//	                    │                                       │  the English changes
//	                    └─────────────▶ review ◀────────────────┘
//	                                      ├─ saved again ──▶ edited, or shipped when it is the release's own
//	                                      └─ the English says again what it said ──▶ what it was
//
// A translation and an English text match when they were shipped together, or when
// the translation was saved while that English text was in use. A text to be
// reviewed is still said.
//
// # What is promised
//
//   - A release never overwrites an edited text. One that no longer fits, because
//     the placeholders or the plural forms are others, is set aside: it stays in
//     the history and is no longer said.
//   - What is saved has been checked: it says everything the English text says,
//     fits the tightest platform, and its marks are closed.
//   - Each version is kept, with who made it, and can be gone back to.
//   - What many texts are written into by [Export] comes back by [Messages.Import]
//     all or not at all, and never over what somebody has changed meanwhile.
//   - Of two people who edit the same text one wins. The other sees what won and
//     keeps what they typed.
//   - Looking a text up never fails: a language falls back to English, English to
//     the id, and each time is counted.
//   - A template has named placeholders and nothing else. Values are put in as
//     they are and never read as template.
//
// A go-i18n bundle must not be changed while others read it
// (https://pkg.go.dev/github.com/nicksnyder/go-i18n/v2/i18n#Bundle), so each book
// has a bundle of its own, made once.
package messages

import (
	"fmt"
	"io/fs"
	"sync/atomic"

	"procurabot/bot"
	"procurabot/internal/database"
)

// Auditor writes down what members do in a role.
type Auditor interface {
	Audit(tx *database.Tx, by bot.MemberID, act, object string) error
}

// People knows who edits. Package members is the one that ships.
type People interface {
	Auditor
	// Member finds a member, for their name.
	Member(tx *database.Tx, id bot.MemberID) (bot.Member, error)
}

// Messages is the feature, and the [bot.Phrasebook]. [Messages.Load] comes
// before its first use.
type Messages struct {
	shipped release
	limits  Limits
	people  People

	committed atomic.Pointer[book]
	// read is the book that was read last, perhaps inside a transaction that has
	// not committed. Its revision is in no other transaction than those that see
	// what it holds.
	read      atomic.Pointer[book]
	fallbacks atomic.Uint64
}

// fromFiles is the revision of a book that was in no database: no token is so
// short.
const fromFiles = "files"

// New reads the message files of a release, those of package locales. people may
// be nil where nobody edits.
func New(files fs.FS, limits Limits, people People) (*Messages, error) {
	shipped, err := readRelease(files)
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	m := &Messages{shipped: shipped, limits: limits, people: people}
	b, err := newBook(fromFiles, shipped.rows(), &m.fallbacks)
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	m.committed.Store(b)
	return m, nil
}

// At gives the book as the transaction sees it. It reads one row, and the texts
// only when the revision is another than before.
func (m *Messages) At(tx *database.Tx) (bot.Book, error) { return m.at(tx) }

func (m *Messages) at(tx *database.Tx) (*book, error) {
	revision, err := tx.Revision()
	if err != nil {
		return nil, err
	}
	if b := m.committed.Load(); b.revision == revision {
		return b, nil
	}
	b := m.read.Load()
	if b == nil || b.revision != revision {
		rows, err := readTexts(tx)
		if err != nil {
			return nil, err
		}
		if b, err = newBook(revision, rows, &m.fallbacks); err != nil {
			return nil, err
		}
		m.read.Store(b)
	}
	// In a View this does nothing: its snapshot may be older than what is published.
	tx.AfterCommit(func() { m.committed.Store(b) })
	return b, nil
}

// Committed gives the book of the last commit that was noticed; before
// [Messages.Load] that of the files.
func (m *Messages) Committed() bot.Book { return m.committed.Load() }

// Fallbacks is how often, since the start, a text could not be said as it was
// asked for: it was missing, or one of its values was.
func (m *Messages) Fallbacks() uint64 { return m.fallbacks.Load() }
