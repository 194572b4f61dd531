package bottest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"procurabot/internal/database"
)

var id = regexp.MustCompile(`\b[0-9a-hjkmnp-tv-z]{20}\b`)

// Dump writes all tables but the database's own, with every id replaced by the
// order in which it first appears: two runs that had the same effect give the
// same dump.
func Dump(ctx context.Context, db *database.DB) (string, error) {
	var b strings.Builder
	err := db.View(ctx, func(tx *database.Tx) error {
		tables, err := column(tx, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' AND name NOT LIKE 'database~_%' ESCAPE '~' ORDER BY name`)
		if err != nil {
			return err
		}
		for _, table := range tables {
			if err := dumpTable(tx, &b, table); err != nil {
				return fmt.Errorf("dump %s: %w", table, err)
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return normalise(b.String()), nil
}

// endings are how the outbox gives a message up: after a question that nobody
// could answer, after a restore, after too many attempts.
var endings = map[string]struct {
	state, reason string
	unsure        bool
}{
	"unknown":  {"held", "cannot be known", true},
	"restored": {"held", "restored from a copy", false},
	"tries":    {"dead", "retry: service unavailable", false},
}

// giveUpWaiting gives up what waits to be sent, which would take the outbox
// hours, or a restore.
func giveUpWaiting(tx *database.Tx, why string) error {
	e, now := endings[why], database.Millis(tx.Now())
	_, err := tx.Exec(`UPDATE outbox_messages SET state = ?, reason = ?, unsure = ?, head = 0, ended = ?, first = COALESCE(first, ?)
		WHERE state IN ('pending', 'uncertain')`, e.state, e.reason, e.unsure, now, now)
	if err != nil {
		return fmt.Errorf("give up what waits: %w", err)
	}
	return nil
}

func column(tx *database.Tx, query string) ([]string, error) {
	rows, err := tx.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

func dumpTable(tx *database.Tx, b *strings.Builder, table string) error {
	rows, err := tx.Query(`SELECT * FROM ` + table + ` ORDER BY 1, 2`)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "%s (%s)\n", table, strings.Join(columns, ", "))
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, v := range values {
			if raw, ok := v.([]byte); ok {
				values[i] = readable(raw)
			}
		}
		fmt.Fprintf(b, "  %q\n", values)
	}
	return rows.Err()
}

// readable is text as it is, and anything else by its digest: a stored model has
// megabytes, in which to look for ids takes many seconds.
func readable(raw []byte) string {
	if utf8.Valid(raw) {
		return string(raw)
	}
	return fmt.Sprintf("%d bytes, sha256 %x", len(raw), sha256.Sum256(raw))
}

// normalise replaces ids by the order in which they appear. Tables are in the
// order of their names, rows in that of their ids, and ids grow with time.
func normalise(dump string) string {
	ids := id.FindAllString(dump, -1)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	names := make(map[string]string, len(ids))
	for i, s := range ids {
		names[s] = fmt.Sprintf("id%d", i+1)
	}
	return id.ReplaceAllStringFunc(dump, func(s string) string { return names[s] })
}
