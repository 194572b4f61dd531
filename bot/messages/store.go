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
)

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
	return remember(tx, r, "", whyShipped)
}

// replaceText stores a text over the version that was read; [errOvertaken] when
// there is another by now.
func replaceText(tx *database.Tx, over int, r row, by bot.MemberID, why reason) error {
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
	return remember(tx, r, "", whyWithdrawn)
}

// reviewTranslations marks what was translated from an English text that has
// changed.
func reviewTranslations(tx *database.Tx, id string) error {
	_, err := tx.Exec(`UPDATE messages_text SET state = 'review' WHERE id = ? AND language <> 'en'`, id)
	if err != nil {
		return fmt.Errorf("review translations of %s: %w", id, err)
	}
	return nil
}

func remember(tx *database.Tx, r row, by bot.MemberID, why reason) error {
	text, err := encode(r.Text)
	if err != nil {
		return fmt.Errorf("remember text %s: %w", r.key, err)
	}
	_, err = tx.Exec(`INSERT INTO messages_history (id, language, version, member, at, why, text) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		r.ID, string(r.Language), r.Version, string(by), database.Millis(tx.Now()), string(why), text)
	if err != nil {
		return fmt.Errorf("remember text %s: %w", r.key, err)
	}
	return nil
}

// version is one entry of a text's history.
type version struct {
	By   bot.MemberID // "" is a release
	At   time.Time
	Why  reason
	Text Forms
}

// findVersion gives one version of a text; false when there was none.
func findVersion(tx *database.Tx, k key, number int) (version, bool, error) {
	var v version
	var at int64
	var text string
	err := tx.QueryRow(`SELECT member, at, why, text FROM messages_history WHERE id = ? AND language = ? AND version = ?`,
		k.ID, string(k.Language), number).Scan(&v.By, &at, &v.Why, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return version{}, false, nil
	}
	if err == nil {
		err = decode(text, &v.Text)
	}
	if err != nil {
		return version{}, false, fmt.Errorf("find version of %s: %w", k, err)
	}
	v.At = database.Time(at)
	return v, true, nil
}

// unsaved is what somebody typed while another was faster.
type unsaved struct {
	key
	Version int // of the faster text
	Text    Forms
}

// keepUnsaved is how long it waits for them.
const keepUnsaved = 7 * 24 * time.Hour

// insertUnsaved keeps it and drops what nobody came back to.
func insertUnsaved(tx *database.Tx, u unsaved, by bot.MemberID) (token string, err error) {
	text, err := encode(u.Text)
	if err != nil {
		return "", fmt.Errorf("keep unsaved: %w", err)
	}
	if _, err := tx.Exec(`DELETE FROM messages_unsaved WHERE at < ?`, database.Millis(tx.Now().Add(-keepUnsaved))); err != nil {
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

// findUnsaved gives a member's own; false when it is gone or another's.
func findUnsaved(tx *database.Tx, token string, by bot.MemberID) (unsaved, bool, error) {
	var u unsaved
	var text string
	err := tx.QueryRow(`SELECT id, language, version, text FROM messages_unsaved WHERE token = ? AND member = ?`,
		token, string(by)).Scan(&u.ID, &u.Language, &u.Version, &text)
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
