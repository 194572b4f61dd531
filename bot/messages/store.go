package messages

import (
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"procurabot/bot"
	"procurabot/internal/database"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Schema is the messages' part of the database.
func Schema() fs.FS { return schemaFiles }

// errOvertaken says that somebody saved the text first.
var errOvertaken = errors.New("the text has another version by now")

// reason is why a text got a new version.
type reason string

const (
	whyShipped   reason = "shipped"
	whyUpdated   reason = "updated"
	whyEdited    reason = "edited"
	whySetAside  reason = "set-aside"
	whyWithdrawn reason = "withdrawn"
	whyImported  reason = "imported"
	whyReverted  reason = "reverted"
)

// author is who makes a version: a member, somebody who imports and has only a
// name, or a release, which is nobody.
type author struct {
	Member bot.MemberID
	Name   string
}

func encode(f Forms) (string, error) {
	b, err := json.Marshal(f)
	return string(b), err
}

func decode(s string, f *Forms) error { return json.Unmarshal([]byte(s), f) }

func readTexts(tx *database.Tx) ([]row, error) {
	rows, err := tx.Query(`SELECT id, language, version, state, text, shipped FROM messages_text`)
	if err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	defer rows.Close()
	var all []row
	for rows.Next() {
		var r row
		var text, shipped string
		if err := rows.Scan(&r.ID, &r.Language, &r.Version, &r.State, &text, &shipped); err != nil {
			return nil, fmt.Errorf("read texts: %w", err)
		}
		if err := decode(text, &r.Text); err != nil {
			return nil, fmt.Errorf("read text %s: %w", r.key, err)
		}
		if r.Shipped = r.Text; shipped != text { // few are edited
			r.Shipped = Forms{}
			if err := decode(shipped, &r.Shipped); err != nil {
				return nil, fmt.Errorf("read text %s: %w", r.key, err)
			}
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	return all, nil
}

// insertText stores a text that is new. An id that was withdrawn and comes back
// goes on counting its versions.
func insertText(tx *database.Tx, r row) error {
	var last int
	err := tx.QueryRow(`SELECT coalesce(max(version), 0) FROM messages_history WHERE id = ? AND language = ?`,
		r.ID, string(r.Language)).Scan(&last)
	if err != nil {
		return fmt.Errorf("insert text %s: %w", r.key, err)
	}
	r.Version = last + 1
	text, err := encode(r.Text)
	if err != nil {
		return fmt.Errorf("insert text %s: %w", r.key, err)
	}
	_, err = tx.Exec(`INSERT INTO messages_text (id, language, version, state, text, shipped) VALUES (?, ?, ?, ?, ?, ?)`,
		r.ID, string(r.Language), r.Version, string(r.State), text, text)
	if err != nil {
		return fmt.Errorf("insert text %s: %w", r.key, err)
	}
	return remember(tx, r, author{}, whyShipped)
}

// replaceText stores a text over the version that was read; [errOvertaken] when
// there is another by now.
func replaceText(tx *database.Tx, over int, r row, by author, why reason) error {
	text, err := encode(r.Text)
	if err != nil {
		return fmt.Errorf("replace text %s: %w", r.key, err)
	}
	release, err := encode(r.Shipped)
	if err != nil {
		return fmt.Errorf("replace text %s: %w", r.key, err)
	}
	n, err := tx.Exec(`UPDATE messages_text SET version = ?, state = ?, text = ?, shipped = ?
		WHERE id = ? AND language = ? AND version = ?`,
		r.Version, string(r.State), text, release, r.ID, string(r.Language), over)
	if err != nil {
		return fmt.Errorf("replace text %s: %w", r.key, err)
	}
	if n == 0 {
		return fmt.Errorf("replace text %s: %w", r.key, errOvertaken)
	}
	if why == "" {
		return nil
	}
	return remember(tx, r, by, why)
}

// withdrawText takes away a text that the release no longer has.
func withdrawText(tx *database.Tx, r row) error {
	if _, err := tx.Exec(`DELETE FROM messages_text WHERE id = ? AND language = ?`, r.ID, string(r.Language)); err != nil {
		return fmt.Errorf("withdraw text %s: %w", r.key, err)
	}
	r.Version++
	return remember(tx, r, author{}, whyWithdrawn)
}

// insertMatch keeps that a translation says what an English text says.
func insertMatch(tx *database.Tx, k key, text, english Forms) error {
	if k.Language == bot.English {
		return nil
	}
	translation, err := encode(text)
	if err != nil {
		return fmt.Errorf("match %s: %w", k, err)
	}
	original, err := encode(english)
	if err != nil {
		return fmt.Errorf("match %s: %w", k, err)
	}
	_, err = tx.Exec(`INSERT INTO messages_match (id, language, text, english) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		k.ID, string(k.Language), translation, original)
	if err != nil {
		return fmt.Errorf("match %s: %w", k, err)
	}
	return nil
}

// dropMatches forgets what a translation was known to say, so that it is to be
// reviewed whatever the English text is.
func dropMatches(tx *database.Tx, k key) error {
	if _, err := tx.Exec(`DELETE FROM messages_match WHERE id = ? AND language = ?`, k.ID, string(k.Language)); err != nil {
		return fmt.Errorf("drop matches of %s: %w", k, err)
	}
	return nil
}

// alignTranslations gives the translations of a new English text their states:
// what is known to say the same is shipped or edited, the others are to be
// reviewed.
func alignTranslations(tx *database.Tx, id string, english Forms) error {
	original, err := encode(english)
	if err == nil {
		_, err = tx.Exec(`UPDATE messages_text SET state = CASE
			WHEN NOT EXISTS (SELECT 1 FROM messages_match m WHERE m.id = messages_text.id
				AND m.language = messages_text.language AND m.text = messages_text.text AND m.english = ?) THEN 'review'
			WHEN text = shipped THEN 'shipped'
			ELSE 'edited' END
		WHERE id = ? AND language <> 'en'`, original, id)
	}
	if err != nil {
		return fmt.Errorf("align translations of %s: %w", id, err)
	}
	return nil
}

func remember(tx *database.Tx, r row, by author, why reason) error {
	text, err := encode(r.Text)
	if err != nil {
		return fmt.Errorf("remember text %s: %w", r.key, err)
	}
	_, err = tx.Exec(`INSERT INTO messages_history (id, language, version, member, name, at, why, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, string(r.Language), r.Version, string(by.Member), by.Name, database.Millis(tx.Now()), string(why), text)
	if err != nil {
		return fmt.Errorf("remember text %s: %w", r.key, err)
	}
	return nil
}

// version is one entry of a text's history.
type version struct {
	Number int
	By     author
	At     time.Time
	Why    reason
	Text   Forms
}

// findVersion gives one version of a text; false when there was none.
func findVersion(tx *database.Tx, k key, number int) (version, bool, error) {
	all, err := readVersions(tx, k, number, 1)
	if err != nil || len(all) == 0 || all[0].Number != number {
		return version{}, false, err
	}
	return all[0], true, nil
}

// readVersions gives at most limit versions of a text, from one number down.
func readVersions(tx *database.Tx, k key, from, limit int) ([]version, error) {
	rows, err := tx.Query(`SELECT version, member, name, at, why, text FROM messages_history
		WHERE id = ? AND language = ? AND version <= ? ORDER BY version DESC LIMIT ?`, k.ID, string(k.Language), from, limit)
	if err != nil {
		return nil, fmt.Errorf("read versions of %s: %w", k, err)
	}
	defer rows.Close()
	var all []version
	for rows.Next() {
		var v version
		var at int64
		var text string
		if err := rows.Scan(&v.Number, &v.By.Member, &v.By.Name, &at, &v.Why, &text); err != nil {
			return nil, fmt.Errorf("read versions of %s: %w", k, err)
		}
		if err := decode(text, &v.Text); err != nil {
			return nil, fmt.Errorf("read version %d of %s: %w", v.Number, k, err)
		}
		v.At = database.Time(at)
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read versions of %s: %w", k, err)
	}
	return all, nil
}

// lastOtherVersion gives the newest version of a text that says something else
// than it does now; 0 when there is none.
func lastOtherVersion(tx *database.Tx, k key, now Forms) (number int, err error) {
	text, err := encode(now)
	if err == nil {
		err = tx.QueryRow(`SELECT coalesce(max(version), 0) FROM messages_history WHERE id = ? AND language = ? AND text <> ?`,
			k.ID, string(k.Language), text).Scan(&number)
	}
	if err != nil {
		return 0, fmt.Errorf("find the version before of %s: %w", k, err)
	}
	return number, nil
}

// storedVersion is the version of this feature's tables in a file; 0 when they
// are not there.
func storedVersion(tx *database.Tx) (number int, err error) {
	err = tx.QueryRow(`SELECT coalesce(max(version), 0) FROM database_version WHERE component = 'messages'`).Scan(&number)
	if err != nil {
		return 0, fmt.Errorf("read the version of the tables: %w", err)
	}
	return number, nil
}

// unsaved is what somebody typed while another was faster.
type unsaved struct {
	key
	Version int // of the faster text
	Text    Forms
}

// keepUnsaved is how long it waits for them.
const keepUnsaved = 7 * 24 * time.Hour

// insertUnsaved keeps it.
func insertUnsaved(tx *database.Tx, u unsaved, by bot.MemberID) (token string, err error) {
	text, err := encode(u.Text)
	if err != nil {
		return "", fmt.Errorf("keep unsaved: %w", err)
	}
	token = tx.NewID()
	_, err = tx.Exec(`INSERT INTO messages_unsaved (token, member, id, language, version, text, at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		token, string(by), u.ID, string(u.Language), u.Version, text, database.Millis(tx.Now()))
	if err != nil {
		return "", fmt.Errorf("keep unsaved: %w", err)
	}
	return token, nil
}

// forgetUnsaved drops what nobody came back to in time.
func forgetUnsaved(tx *database.Tx, before time.Time) error {
	if _, err := tx.Exec(`DELETE FROM messages_unsaved WHERE at < ?`, database.Millis(before)); err != nil {
		return fmt.Errorf("forget unsaved: %w", err)
	}
	return nil
}

// findUnsaved gives a member's own; false when it is gone, too old or another's.
func findUnsaved(tx *database.Tx, token string, by bot.MemberID) (unsaved, bool, error) {
	var u unsaved
	var text string
	err := tx.QueryRow(`SELECT id, language, version, text FROM messages_unsaved WHERE token = ? AND member = ? AND at >= ?`,
		token, string(by), database.Millis(tx.Now().Add(-keepUnsaved))).Scan(&u.ID, &u.Language, &u.Version, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return unsaved{}, false, nil
	}
	if err == nil {
		err = decode(text, &u.Text)
	}
	if err != nil {
		return unsaved{}, false, fmt.Errorf("find unsaved: %w", err)
	}
	return u, true, nil
}
