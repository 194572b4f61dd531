package members

import (
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"procurabot/bot"
	"procurabot/internal/database"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Schema is the members' part of the database.
func Schema() fs.FS { return schemaFiles }

func find(tx *database.Tx, a bot.Account) (bot.Member, bool, error) {
	m := bot.Member{Account: a}
	var roles string
	err := tx.QueryRow(`SELECT m.id, m.name, m.language, m.greeted, a.locale,
			coalesce((SELECT group_concat(role, ' ') FROM members_role r WHERE r.member = m.id), '')
		FROM members_account a JOIN members_member m ON m.id = a.member
		WHERE a.platform = ? AND a.realm = ? AND a.user = ?`,
		string(a.Platform), string(a.Realm), string(a.User)).
		Scan(&m.ID, &m.Name, &m.Language, &m.Greeted, &m.Locale, &roles)
	if errors.Is(err, sql.ErrNoRows) {
		return bot.Member{}, false, nil
	}
	if err != nil {
		return bot.Member{}, false, fmt.Errorf("find member: %w", err)
	}
	for _, r := range strings.Fields(roles) {
		m.Roles = append(m.Roles, bot.Role(r))
	}
	return m, true, nil
}

// Count says how many members there are.
func Count(tx *database.Tx) (n int64, err error) {
	if err := tx.QueryRow(`SELECT COUNT(*) FROM members_member`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count members: %w", err)
	}
	return n, nil
}

func insert(tx *database.Tx, m bot.Member) error {
	now := database.Millis(tx.Now())
	if _, err := tx.Exec(`INSERT INTO members_member (id, name, language, since) VALUES (?, ?, ?, ?)`,
		string(m.ID), m.Name, string(m.Language), now); err != nil {
		return fmt.Errorf("add member: %w", err)
	}
	if _, err := tx.Exec(`INSERT INTO members_account (platform, realm, user, member, locale, since) VALUES (?, ?, ?, ?, ?, ?)`,
		string(m.Account.Platform), string(m.Account.Realm), string(m.Account.User), string(m.ID), string(m.Locale), now); err != nil {
		return fmt.Errorf("add account: %w", err)
	}
	return nil
}

func rename(tx *database.Tx, m bot.Member) error {
	if _, err := tx.Exec(`UPDATE members_member SET name = ? WHERE id = ?`, m.Name, string(m.ID)); err != nil {
		return fmt.Errorf("rename member: %w", err)
	}
	return nil
}

func relocate(tx *database.Tx, m bot.Member) error {
	if _, err := tx.Exec(`UPDATE members_account SET locale = ? WHERE platform = ? AND realm = ? AND user = ?`,
		string(m.Locale), string(m.Account.Platform), string(m.Account.Realm), string(m.Account.User)); err != nil {
		return fmt.Errorf("keep locale: %w", err)
	}
	return nil
}

func setLanguage(tx *database.Tx, id bot.MemberID, l bot.Language) error {
	if _, err := tx.Exec(`UPDATE members_member SET language = ?, greeted = 1 WHERE id = ?`, string(l), string(id)); err != nil {
		return fmt.Errorf("set language: %w", err)
	}
	return nil
}

func setGreeted(tx *database.Tx, id bot.MemberID) error {
	if _, err := tx.Exec(`UPDATE members_member SET greeted = 1 WHERE id = ?`, string(id)); err != nil {
		return fmt.Errorf("mark greeted: %w", err)
	}
	return nil
}

func account(tx *database.Tx, id bot.MemberID) (bot.Account, error) {
	var a bot.Account
	err := tx.QueryRow(`SELECT platform, realm, user FROM members_account WHERE member = ? ORDER BY since, platform LIMIT 1`, string(id)).
		Scan(&a.Platform, &a.Realm, &a.User)
	if err != nil {
		return bot.Account{}, fmt.Errorf("find account: %w", err)
	}
	return a, nil
}

func giveRole(tx *database.Tx, id bot.MemberID, r bot.Role) (given bool, err error) {
	n, err := tx.Exec(`INSERT INTO members_role (member, role, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
		string(id), string(r), database.Millis(tx.Now()))
	if err != nil {
		return false, fmt.Errorf("give role: %w", err)
	}
	return n == 1, nil
}

// takeRole takes a role away, but not the last administrator's: the condition
// is part of the statement, so that two takings at once cannot both pass.
func takeRole(tx *database.Tx, id bot.MemberID, r bot.Role) (taken bool, err error) {
	n, err := tx.Exec(`DELETE FROM members_role WHERE member = ? AND role = ?
		AND (role <> 'admin' OR (SELECT count(*) FROM members_role WHERE role = 'admin') > 1)`, string(id), string(r))
	if err != nil {
		return false, fmt.Errorf("take role: %w", err)
	}
	return n == 1, nil
}

func accountsOf(tx *database.Tx, r bot.Role) ([]bot.Account, error) {
	rows, err := tx.Query(`SELECT a.platform, a.realm, a.user FROM members_account a JOIN members_role r ON r.member = a.member
		WHERE r.role = ? ORDER BY a.platform, a.realm, a.user`, string(r))
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	defer rows.Close()
	var all []bot.Account
	for rows.Next() {
		var a bot.Account
		if err := rows.Scan(&a.Platform, &a.Realm, &a.User); err != nil {
			return nil, fmt.Errorf("list accounts: %w", err)
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

type holder struct {
	name  string
	roles []bot.Role
}

func holders(tx *database.Tx) ([]holder, error) {
	rows, err := tx.Query(`SELECT m.name, group_concat(r.role, ' ') FROM members_role r JOIN members_member m ON m.id = r.member
		GROUP BY m.id, m.name ORDER BY m.name, m.id`)
	if err != nil {
		return nil, fmt.Errorf("list roles: %w", err)
	}
	defer rows.Close()
	var all []holder
	for rows.Next() {
		var h holder
		var roles string
		if err := rows.Scan(&h.name, &roles); err != nil {
			return nil, fmt.Errorf("list roles: %w", err)
		}
		for _, r := range strings.Fields(roles) {
			h.roles = append(h.roles, bot.Role(r))
		}
		all = append(all, h)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list roles: %w", err)
	}
	return all, nil
}

func audit(tx *database.Tx, actor, act, object string) error {
	if _, err := tx.Exec(`INSERT INTO members_audit (id, at, actor, act, object) VALUES (?, ?, ?, ?, ?)`,
		tx.NewID(), database.Millis(tx.Now()), actor, act, object); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}
