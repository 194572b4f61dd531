package bot

import (
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"procurabot/internal/database"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Schema is the engine's part of the database.
func Schema() fs.FS { return schemaFiles }

// markSeen marks an incoming thing. When it was marked before it gives what
// was shown then.
func markSeen(tx *database.Tx, in *Incoming) (fresh bool, shown Immediate, err error) {
	n, err := tx.Exec(`INSERT INTO bot_seen (platform, id, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
		in.From.Platform, in.ID, database.Millis(tx.Now()))
	if err != nil {
		return false, Immediate{}, fmt.Errorf("mark seen: %w", err)
	}
	if n == 1 {
		return true, Immediate{}, nil
	}
	var stored sql.NullString
	if err := tx.QueryRow(`SELECT shown FROM bot_seen WHERE platform = ? AND id = ?`, in.From.Platform, in.ID).Scan(&stored); err != nil {
		return false, Immediate{}, fmt.Errorf("read what was shown: %w", err)
	}
	if stored.Valid {
		if err := json.Unmarshal([]byte(stored.String), &shown); err != nil {
			return false, Immediate{}, fmt.Errorf("read what was shown: %w", err)
		}
	}
	return false, shown, nil
}

func keepShown(tx *database.Tx, in *Incoming, shown Immediate) error {
	b, err := json.Marshal(shown)
	if err != nil {
		return fmt.Errorf("keep what was shown: %w", err)
	}
	if _, err := tx.Exec(`UPDATE bot_seen SET shown = ? WHERE platform = ? AND id = ?`, string(b), in.From.Platform, in.ID); err != nil {
		return fmt.Errorf("keep what was shown: %w", err)
	}
	return nil
}

// draft is a form that was opened and not yet accepted.
type draft struct {
	id     string
	form   string
	member MemberID
	state  string
	fields map[string]string
}

func saveDraft(tx *database.Tx, d draft) error {
	fields, err := json.Marshal(d.fields)
	if err != nil {
		return fmt.Errorf("save draft: %w", err)
	}
	_, err = tx.Exec(`INSERT INTO bot_draft (id, form, member, state, fields, at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET fields = excluded.fields`,
		d.id, d.form, d.member, d.state, string(fields), database.Millis(tx.Now()))
	if err != nil {
		return fmt.Errorf("save draft: %w", err)
	}
	return nil
}

// findDraft gives a member's own draft; false when it is gone or another's.
func findDraft(tx *database.Tx, id string, member MemberID) (draft, bool, error) {
	d := draft{id: id, member: member}
	var fields string
	err := tx.QueryRow(`SELECT form, state, fields FROM bot_draft WHERE id = ? AND member = ?`, id, member).Scan(&d.form, &d.state, &fields)
	if errors.Is(err, sql.ErrNoRows) {
		return draft{}, false, nil
	}
	if err != nil {
		return draft{}, false, fmt.Errorf("find draft: %w", err)
	}
	if err := json.Unmarshal([]byte(fields), &d.fields); err != nil {
		return draft{}, false, fmt.Errorf("find draft: %w", err)
	}
	return d, true, nil
}

func dropDraft(tx *database.Tx, id string) error {
	if _, err := tx.Exec(`DELETE FROM bot_draft WHERE id = ?`, id); err != nil {
		return fmt.Errorf("drop draft: %w", err)
	}
	return nil
}

// forget drops marks that no platform will deliver again and drafts that
// nobody came back to.
func forget(tx *database.Tx, seenBefore, draftsBefore time.Time) error {
	if _, err := tx.Exec(`DELETE FROM bot_seen WHERE at < ?`, database.Millis(seenBefore)); err != nil {
		return fmt.Errorf("forget seen: %w", err)
	}
	if _, err := tx.Exec(`DELETE FROM bot_draft WHERE at < ?`, database.Millis(draftsBefore)); err != nil {
		return fmt.Errorf("forget drafts: %w", err)
	}
	return nil
}
