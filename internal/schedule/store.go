package schedule

import (
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"time"

	"procurabot/internal/database"
)

//go:embed schema/*.sql
var schema embed.FS

// Schema returns the migrations of the schedule's tables.
func Schema() fs.FS { return schema }

// mark is the row of a slot.
type mark struct {
	done  time.Time
	tries int
	retry time.Time // zero when the last try did not fail
}

func addSlot(tx *database.Tx, name string) error {
	_, err := tx.Exec(`INSERT INTO schedule_slots (name, done, tries) VALUES (?, ?, 0) ON CONFLICT (name) DO NOTHING`,
		name, database.Millis(tx.Now()))
	return err
}

func readSlot(tx *database.Tx, name string) (m mark, found bool, err error) {
	var done, retry int64
	err = tx.QueryRow(`SELECT done, tries, COALESCE(retry, 0) FROM schedule_slots WHERE name = ?`, name).
		Scan(&done, &m.tries, &retry)
	if errors.Is(err, sql.ErrNoRows) {
		return mark{}, false, nil
	}
	m.done, m.retry = time.UnixMilli(done).UTC(), database.Time(retry)
	return m, err == nil, err
}

// passSlot marks occurrences as done up to at; reason is empty, or why the last was given up.
func passSlot(tx *database.Tx, name string, at time.Time, reason string) error {
	_, err := tx.Exec(`UPDATE schedule_slots SET done = ?, tries = 0, retry = NULL, reason = ? WHERE name = ?`,
		database.Millis(at), orNull(reason), name)
	return err
}

func delaySlot(tx *database.Tx, name string, retry time.Time, reason string) error {
	_, err := tx.Exec(`UPDATE schedule_slots SET tries = tries + 1, retry = ?, reason = ? WHERE name = ?`,
		millisUp(retry), reason, name)
	return err
}

func insertWork(tx *database.Tx, w Work) (bool, error) {
	payload := w.Payload
	if payload == nil {
		payload = []byte{} // NULL says that it has been blanked
	}
	due := millisUp(w.Due)
	n, err := tx.Exec(`INSERT INTO schedule_work (key, kind, state, wanted, due, tries, payload)
		VALUES (?, ?, 'waiting', ?, ?, 0, ?) ON CONFLICT (key) DO NOTHING`, w.Key, w.Kind, due, due, payload)
	return n == 1, err
}

func deleteWork(tx *database.Tx, key string) (bool, error) {
	n, err := tx.Exec(`DELETE FROM schedule_work WHERE key = ? AND state = 'waiting'`, key)
	return n == 1, err
}

// dueKeys returns up to limit keys of one kind that are due, in order, with their due times.
func dueKeys(tx *database.Tx, kind string, limit int) (found []dueKey, err error) {
	rows, err := tx.Query(`SELECT key, due FROM schedule_work WHERE state = 'waiting' AND kind = ? AND due <= ?
		ORDER BY due, key LIMIT ?`, kind, database.Millis(tx.Now()), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var k dueKey
		if err := rows.Scan(&k.key, &k.due); err != nil {
			return nil, err
		}
		found = append(found, k)
	}
	return found, rows.Err()
}

type dueKey struct {
	key string
	due int64
}

// nextWork is when the next work of a kind becomes due; zero when there is none.
func nextWork(tx *database.Tx, kind string) (time.Time, error) {
	var due sql.NullInt64
	err := tx.QueryRow(`SELECT MIN(due) FROM schedule_work WHERE state = 'waiting' AND kind = ? AND due > ?`,
		kind, database.Millis(tx.Now())).Scan(&due)
	return database.Time(due.Int64), err
}

// readWork reads work that is still waiting and due.
func readWork(tx *database.Tx, key string) (w Work, tries int, found bool, err error) {
	var wanted int64
	err = tx.QueryRow(`SELECT key, kind, payload, wanted, tries FROM schedule_work
		WHERE key = ? AND state = 'waiting' AND due <= ?`, key, database.Millis(tx.Now())).
		Scan(&w.Key, &w.Kind, &w.Payload, &wanted, &tries)
	if errors.Is(err, sql.ErrNoRows) {
		return Work{}, 0, false, nil
	}
	w.Due = database.Time(wanted)
	return w, tries, err == nil, err
}

func finishWork(tx *database.Tx, key string) error {
	_, err := tx.Exec(`UPDATE schedule_work SET state = 'done', ended = ?, reason = NULL, payload = NULL
		WHERE key = ? AND state = 'waiting'`, database.Millis(tx.Now()), key)
	return err
}

func failWork(tx *database.Tx, key, reason string) error {
	_, err := tx.Exec(`UPDATE schedule_work SET state = 'failed', ended = ?, tries = tries + 1, reason = ?
		WHERE key = ? AND state = 'waiting'`, database.Millis(tx.Now()), reason, key)
	return err
}

func delayWork(tx *database.Tx, key string, due time.Time, reason string) error {
	_, err := tx.Exec(`UPDATE schedule_work SET due = ?, tries = tries + 1, reason = ?
		WHERE key = ? AND state = 'waiting'`, millisUp(due), reason, key)
	return err
}

func forgetWork(tx *database.Tx, before time.Time, limit int) (int64, error) {
	return tx.Exec(`DELETE FROM schedule_work WHERE key IN (
		SELECT key FROM schedule_work WHERE ended IS NOT NULL AND ended < ? ORDER BY ended LIMIT ?)`,
		database.Millis(before), limit)
}

// waitingKinds counts the waiting work of each kind.
func waitingKinds(tx *database.Tx) (map[string]int, error) {
	rows, err := tx.Query(`SELECT kind, COUNT(*) FROM schedule_work WHERE state = 'waiting' GROUP BY kind`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[string]int{}
	for rows.Next() {
		var kind string
		var n int
		if err := rows.Scan(&kind, &n); err != nil {
			return nil, err
		}
		found[kind] = n
	}
	return found, rows.Err()
}

func faults(tx *database.Tx) (all []Fault, err error) {
	rows, err := tx.Query(`SELECT name, '', '', tries, COALESCE(retry, 0), reason FROM schedule_slots WHERE reason IS NOT NULL
		UNION ALL
		SELECT '', key, kind, tries, CASE state WHEN 'waiting' THEN due ELSE 0 END, reason FROM schedule_work
		WHERE reason IS NOT NULL ORDER BY 1, 2`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var f Fault
		var retry int64
		if err := rows.Scan(&f.Slot, &f.Key, &f.Kind, &f.Tries, &retry, &f.Reason); err != nil {
			return nil, err
		}
		f.Retry = database.Time(retry)
		all = append(all, f)
	}
	return all, rows.Err()
}

// millisUp is t in milliseconds, rounded up so that nothing is done before t.
func millisUp(t time.Time) int64 {
	ms := database.Millis(t)
	if time.UnixMilli(ms).Before(t) {
		ms++
	}
	return ms
}

func orNull(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }
