package bot

import (
	"slices"

	"procurabot/internal/database"
)

// MemberID names a person of the network, on whatever platforms they are.
type MemberID string

// Role is what a member may do beyond asking.
type Role string

// The roles, network-wide. An admin may do what every other role may.
const (
	Organiser Role = "organiser"
	Editor    Role = "editor"
	Admin     Role = "admin"
)

// Roles lists the roles that can be given.
func Roles() []Role { return []Role{Organiser, Editor, Admin} }

// Member is the person of a turn.
type Member struct {
	ID       MemberID
	Account  Account // the one that this turn is about
	Name     string
	Language Language // own choice, "" when none was made
	Locale   Language // what their platform said last, "" when unknown
	Roles    []Role
	Greeted  bool // has been welcomed in private
}

// Has reports whether the member may act in a role.
func (m Member) Has(r Role) bool {
	return r == "" || slices.Contains(m.Roles, r) || slices.Contains(m.Roles, Admin)
}

// Speaks is the language for what a member reads in private.
func (m Member) Speaks() Language { return firstKnown(m.Language, m.Locale) }

// Directory knows the members. Package members is the one that ships.
type Directory interface {
	// Resolve finds who an incoming thing is from; a person seen for the first
	// time becomes a member.
	Resolve(tx *database.Tx, in *Incoming) (Member, error)
	// Find is Resolve for a snapshot: it writes nothing, and a person who is not
	// known is a Member without an ID.
	Find(tx *database.Tx, a Account) (Member, error)
	// Member finds a member with the account they prefer to be written to.
	Member(tx *database.Tx, id MemberID) (Member, error)
}
