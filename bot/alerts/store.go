package alerts

import (
	"embed"
	"fmt"
	"io/fs"

	"procurabot/internal/database"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Schema is the feature's part of the database.
func Schema() fs.FS { return schemaFiles }

func open(tx *database.Tx, a Alert) (fresh bool, err error) {
	n, err := tx.Exec(`INSERT INTO alerts_open (kind, subject, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
		string(a.Kind), a.Subject, database.Millis(tx.Now()))
	if err != nil {
		return false, fmt.Errorf("open alert: %w", err)
	}
	return n == 1, nil
}

func shut(tx *database.Tx, k Kind, subject string) error {
	if _, err := tx.Exec(`DELETE FROM alerts_open WHERE kind = ? AND subject = ?`, string(k), subject); err != nil {
		return fmt.Errorf("clear alert: %w", err)
	}
	return nil
}

func opened(tx *database.Tx) ([]Alert, error) {
	rows, err := tx.Query(`SELECT kind, subject FROM alerts_open ORDER BY kind, subject`)
	if err != nil {
		return nil, fmt.Errorf("list alerts: %w", err)
	}
	defer rows.Close()
	var all []Alert
	for rows.Next() {
		var a Alert
		if err := rows.Scan(&a.Kind, &a.Subject); err != nil {
			return nil, fmt.Errorf("list alerts: %w", err)
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

func probe(tx *database.Tx) error {
	if _, err := tx.Exec(`INSERT INTO alerts_probe (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at`,
		database.Millis(tx.Now())); err != nil {
		return fmt.Errorf("probe the database: %w", err)
	}
	return nil
}
