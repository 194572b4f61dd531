// Package members knows who is who: a member of the network has accounts on the
// platforms, a name, a language and roles, the same behind all of them.
//
// A person becomes a member the first time the bot has to do with them. Roles
// are network-wide; the first administrators come from the settings, the others
// from /procura-admin roles. What is done in a role leaves an audit row.
package members

import (
	"fmt"

	"procurabot/bot"
	"procurabot/internal/database"
)

// Members is the [bot.Directory].
type Members struct{}

// New makes the directory.
func New() *Members { return &Members{} }

// Resolve finds who an incoming thing is from. A person seen for the first time
// becomes a member; a new name or platform locale is kept.
func (*Members) Resolve(tx *database.Tx, in *bot.Incoming) (bot.Member, error) {
	m, found, err := find(tx, in.From)
	if err != nil {
		return bot.Member{}, err
	}
	locale := bot.ParseLocale(in.Locale)
	if !found {
		m = bot.Member{ID: bot.MemberID(tx.NewID()), Account: in.From, Name: in.Name, Locale: locale}
		return m, insert(tx, m)
	}
	if in.Name != "" && in.Name != m.Name {
		m.Name = in.Name
		if err := rename(tx, m); err != nil {
			return bot.Member{}, err
		}
	}
	if in.Locale != "" && locale != m.Locale {
		m.Locale = locale
		if err := relocate(tx, m); err != nil {
			return bot.Member{}, err
		}
	}
	return m, nil
}

// Find gives the member of an account, without an ID when there is none.
func (*Members) Find(tx *database.Tx, a bot.Account) (bot.Member, error) {
	m, found, err := find(tx, a)
	if err != nil || !found {
		return bot.Member{Account: a}, err
	}
	return m, nil
}

// Member finds a member with the account they prefer to be written to.
func (*Members) Member(tx *database.Tx, id bot.MemberID) (bot.Member, error) {
	a, err := account(tx, id)
	if err != nil {
		return bot.Member{}, fmt.Errorf("member %s: %w", id, err)
	}
	m, found, err := find(tx, a)
	if err == nil && !found {
		err = fmt.Errorf("member %s: the account has no member", id)
	}
	return m, err
}

// Administrators gives each account of each administrator.
func (*Members) Administrators(tx *database.Tx) ([]bot.Member, error) {
	all, err := accountsOf(tx, bot.Admin)
	if err != nil {
		return nil, err
	}
	var found []bot.Member
	for _, a := range all {
		m, ok, err := find(tx, a)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, m)
		}
	}
	return found, nil
}

// Audit keeps that a member did something in a role.
func (*Members) Audit(tx *database.Tx, by bot.MemberID, act, object string) error {
	return audit(tx, string(by), act, object)
}

// Appoint makes the accounts of the settings administrators. It is done at
// every start and does nothing the second time.
func (m *Members) Appoint(tx *database.Tx, admins []bot.Account) error {
	for _, a := range admins {
		if err := m.Grant(tx, "settings", a, bot.Admin); err != nil {
			return fmt.Errorf("appoint %s: %w", a, err)
		}
	}
	return nil
}

// Grant gives the member of an account a role and keeps who did it. A person
// who was never seen becomes a member.
func (m *Members) Grant(tx *database.Tx, by bot.MemberID, a bot.Account, r bot.Role) error {
	to, err := m.Resolve(tx, &bot.Incoming{From: a})
	if err != nil {
		return err
	}
	given, err := giveRole(tx, to.ID, r)
	if err != nil || !given {
		return err
	}
	return audit(tx, string(by), "give role "+string(r), string(to.ID))
}
