package outbox

import (
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"procurabot/internal/database"
)

//go:embed schema/*.sql
var schema embed.FS

// Schema returns the migrations of the outbox's tables.
func Schema() fs.FS { return schema }

// Fragments. The lists of states must be the very words of the partial indexes, or SQLite does not use them.
const (
	isOpen  = `state IN ('pending', 'sending', 'uncertain', 'asking')`
	isReady = `head = 1 AND state IN ('pending', 'uncertain')`
	// isHeld takes the present time. Few gates are held at any time, so that asking each head is cheap.
	isHeld = `EXISTS (SELECT 1 FROM outbox_gates AS g WHERE g.until > ?
		AND (g.name = gate OR g.name || '/' = substr(gate, 1, length(g.name) + 1)))`
)

// insert puts the message at the end of its lane. False means that the key was there already.
func insert(tx *database.Tx, id string, m Message) (bool, error) {
	since := tx.Now()
	if m.Due.After(since) {
		since = m.Due
	}
	expires := sql.NullInt64{Int64: m.Expires.UnixMilli(), Valid: !m.Expires.IsZero()}
	added, err := tx.Exec(`INSERT INTO outbox_messages (id, key, route, lane, place, head, gate, class, batch, replaces,
			state, since, due, expires, unknown, attempts, asks, unsure, payload)
		SELECT ?, ?, ?, ?, line.last + 1, CASE line.last WHEN 0 THEN 1 ELSE 0 END, ?, ?, ?, ?,
			'pending', ?, ?, ?, ?, 0, 0, 0, ?
		FROM (SELECT COALESCE((SELECT MAX(place) FROM outbox_messages WHERE lane = ? AND `+isOpen+`), 0) AS last) AS line
		WHERE 1 = 1
		ON CONFLICT (key) DO NOTHING`,
		id, m.Key, m.Route, m.Lane, m.Gate, int(m.Class), m.Batch, m.Replaces,
		millisUp(since), millisUp(since), expires, int(m.Unknown), notNil(m.Payload), m.Lane)
	return added == 1, err
}

func idOf(tx *database.Tx, key string) (id string, err error) {
	err = tx.QueryRow(`SELECT id FROM outbox_messages WHERE key = ?`, key).Scan(&id)
	return id, err
}

func laneOf(tx *database.Tx, id string) (lane string, found bool, err error) {
	err = tx.QueryRow(`SELECT lane FROM outbox_messages WHERE id = ?`, id).Scan(&lane)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return lane, err == nil, err
}

// status reads one message by a column that is unique.
func status(tx *database.Tx, column, value string) (s Status, found bool, err error) {
	var ended int64
	err = tx.QueryRow(`SELECT id, key, lane, state, attempts, COALESCE(receipt, ''), COALESCE(reason, ''), COALESCE(ended, 0)
		FROM outbox_messages WHERE `+column+` = ?`, value).
		Scan(&s.ID, &s.Key, &s.Lane, &s.State, &s.Attempts, &s.Receipt, &s.Reason, &ended)
	if errors.Is(err, sql.ErrNoRows) {
		return Status{}, false, nil
	}
	s.Ended = database.Time(ended)
	return s, err == nil, err
}

// plan is what a look at the tables finds to do. It may be stale when it is acted on: every change checks again.
type plan struct {
	ready   []string // ids to claim, in order
	lapsed  []ticket // claims whose lease is over
	expired bool
	next    time.Time // when the next thing becomes due, zero for nothing
}

// ticket names a claim: the same message may be claimed again.
type ticket struct{ id, owner string }

// look reads what there is to do. Of each class, counted from 1, it finds as many messages as free says.
func look(tx *database.Tx, routes []string, free [Broadcast + 1]int) (p plan, err error) {
	now := database.Millis(tx.Now())
	known := "route IN (?" + strings.Repeat(", ?", len(routes)-1) + ")"
	waiting := false
	var next int64
	soonest := func(query string, args ...any) error {
		var at sql.NullInt64
		if err := tx.QueryRow(query, args...).Scan(&at); err != nil {
			return err
		}
		if at.Valid && (next == 0 || at.Int64 < next) {
			next = at.Int64
		}
		return nil
	}
	for class := Interactive; class <= Broadcast; class++ {
		args := append(anys(routes), int(class), now)
		ids, err := texts(tx, `SELECT id FROM outbox_messages WHERE `+isReady+` AND `+known+` AND class = ? AND due <= ?
			AND NOT `+isHeld+` ORDER BY due, id LIMIT ?`, append(args, now, free[class])...)
		if err != nil {
			return plan{}, err
		}
		p.ready = append(p.ready, ids...)
		some, err := texts(tx, `SELECT id FROM outbox_messages WHERE `+isReady+` AND `+known+` AND class = ? AND due <= ?
			LIMIT 1`, args...)
		if err != nil {
			return plan{}, err
		}
		waiting = waiting || len(some) > 0
		if err := soonest(`SELECT MIN(due) FROM outbox_messages WHERE `+isReady+` AND `+known+` AND class = ? AND due > ?`,
			args...); err != nil {
			return plan{}, err
		}
	}
	if waiting {
		if err := soonest(`SELECT MIN(until) FROM outbox_gates WHERE until > ?`, now); err != nil {
			return plan{}, err
		}
	}
	if err := soonest(`SELECT MIN(lease) FROM outbox_messages WHERE lease IS NOT NULL AND lease > ?`, now); err != nil {
		return plan{}, err
	}
	const mayExpire = `FROM outbox_messages WHERE expires IS NOT NULL AND state = 'pending' AND expires`
	if err := soonest(`SELECT MIN(expires) `+mayExpire+` > ?`, now); err != nil {
		return plan{}, err
	}
	over, err := texts(tx, `SELECT id `+mayExpire+` <= ? LIMIT 1`, now)
	if err != nil {
		return plan{}, err
	}
	p.expired = len(over) > 0
	p.lapsed, err = lapsedLeases(tx, now)
	p.next = database.Time(next)
	return p, err
}

func lapsedLeases(tx *database.Tx, now int64) (all []ticket, err error) {
	rows, err := tx.Query(`SELECT id, owner FROM outbox_messages WHERE lease IS NOT NULL AND lease <= ? ORDER BY lease, id`, now)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var t ticket
		if err := rows.Scan(&t.id, &t.owner); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, rows.Err()
}

// expire ends what is pending and has expired, a few hundred at a time so that no commit takes long.
func expire(tx *database.Tx) error {
	now := database.Millis(tx.Now())
	lanes, err := texts(tx, `UPDATE outbox_messages SET state = 'expired', head = 0, ended = ?, reason = ?, payload = NULL
		WHERE id IN (SELECT id FROM outbox_messages WHERE expires IS NOT NULL AND state = 'pending' AND expires <= ?
			ORDER BY expires LIMIT 500)
		RETURNING lane`, now, "expired", now)
	if err != nil {
		return err
	}
	for _, lane := range lanes {
		if err := promote(tx, lane); err != nil {
			return err
		}
	}
	return nil
}

// release takes a lapsed claim back: an attempt that nobody reports on may have arrived.
func release(tx *database.Tx, t ticket) error {
	_, err := tx.Exec(`UPDATE outbox_messages SET unsure = 1, asks = CASE state WHEN 'sending' THEN 0 ELSE asks END,
			state = 'uncertain', owner = NULL, lease = NULL
		WHERE id = ? AND owner = ?`, t.id, t.owner)
	return err
}

// releaseAll takes every claim back.
func releaseAll(tx *database.Tx) (int64, error) {
	return tx.Exec(`UPDATE outbox_messages SET unsure = 1, asks = CASE state WHEN 'sending' THEN 0 ELSE asks END,
			state = 'uncertain', owner = NULL, lease = NULL
		WHERE lease IS NOT NULL`)
}

// holdOpen ends all that is open as held. No lane is left with an open message, so none needs a new head.
func holdOpen(tx *database.Tx, reason string) (int64, error) {
	return tx.Exec(`UPDATE outbox_messages SET state = 'held', head = 0, unsure = 1, owner = NULL, lease = NULL, ended = ?, reason = ?
		WHERE `+isOpen, database.Millis(tx.Now()), reason)
}

func countOpen(tx *database.Tx) (n int64, err error) {
	err = tx.QueryRow(`SELECT COUNT(*) FROM outbox_messages WHERE ` + isOpen).Scan(&n)
	return n, err
}

// claimed is a message that this process may deliver, or ask about, until its lease ends.
type claimed struct {
	row
	Delivery
	owner string
	due   time.Time
}

func (c claimed) ticket() ticket { return ticket{c.ID, c.owner} }

// claim takes one message, unless something has changed since it was looked at.
func claim(tx *database.Tx, id, owner string, lease time.Time) (c claimed, ok bool, err error) {
	now := database.Millis(tx.Now())
	var due, first, class, unknown int64
	var expires sql.NullInt64
	err = tx.QueryRow(`UPDATE outbox_messages SET
			state = CASE state WHEN 'pending' THEN 'sending' ELSE 'asking' END,
			attempts = CASE state WHEN 'pending' THEN attempts + 1 ELSE attempts END,
			asks = CASE state WHEN 'pending' THEN 0 ELSE asks + 1 END,
			first = COALESCE(first, ?), owner = ?, lease = ?
		WHERE id = ? AND `+isReady+` AND due <= ? AND (state = 'uncertain' OR expires IS NULL OR expires > ?)
			AND NOT `+isHeld+`
		RETURNING id, key, route, lane, gate, class, payload, attempts, asks, first, unsure, replaces,
			COALESCE((SELECT o.receipt FROM outbox_messages AS o WHERE o.id = outbox_messages.replaces), ''),
			state, due, expires, unknown`,
		now, owner, millisUp(lease), id, now, now, now).
		Scan(&c.ID, &c.Key, &c.Route, &c.Lane, &c.Gate, &class, &c.Payload, &c.attempts, &c.asks, &first, &c.Unsure,
			&c.Replaces, &c.ReplacesReceipt, &c.state, &due, &expires, &unknown)
	if errors.Is(err, sql.ErrNoRows) {
		return claimed{}, false, nil
	}
	c.owner, c.due = owner, database.Time(due)
	c.Class, c.Attempt, c.FirstAttempt = Class(class), c.attempts, database.Time(first)
	c.unsure, c.unknown = c.Unsure, Unknown(unknown)
	if expires.Valid {
		c.expires = time.UnixMilli(expires.Int64)
	}
	return c, err == nil, err
}

// write settles a claim. False means that the claim is not ours any more, and that nothing was written.
func write(tx *database.Tx, c claimed, to change) (bool, error) {
	now := tx.Now()
	due := c.due
	// What a gate over it will hold back keeps its turn behind that gate.
	if next := now.Add(to.wait); to.state.Open() && !covers(to.gate, c.Gate) && next.After(due) {
		due = next
	}
	var ended sql.NullInt64
	var receipt, reason sql.NullString
	if !to.state.Open() {
		ended = sql.NullInt64{Int64: database.Millis(now), Valid: true}
		receipt = sql.NullString{String: to.receipt, Valid: to.state == Sent}
		reason = sql.NullString{String: to.reason, Valid: to.state != Sent}
	}
	blank := to.state == Sent || to.state == Expired
	n, err := tx.Exec(`UPDATE outbox_messages SET state = ?, head = ?, due = ?, attempts = ?, asks = ?, unsure = ?,
			owner = NULL, lease = NULL, receipt = ?, ended = ?, reason = ?,
			payload = CASE ? WHEN 1 THEN NULL ELSE payload END
		WHERE id = ? AND owner = ?`,
		string(to.state), to.state.Open(), millisUp(due), to.attempts, to.asks, to.unsure,
		receipt, ended, reason, blank, c.ID, c.owner)
	if err != nil || n == 0 || to.state.Open() {
		return n == 1, err
	}
	return true, promote(tx, c.Lane)
}

// promote makes the first open message of the lane its head, if it is not already.
func promote(tx *database.Tx, lane string) error {
	_, err := tx.Exec(`UPDATE outbox_messages SET head = 1 WHERE head = 0 AND lane = ? AND `+isOpen+`
		AND place = (SELECT MIN(place) FROM outbox_messages WHERE lane = ? AND `+isOpen+`)`, lane, lane)
	return err
}

// covers reports whether a hold on one gate holds another; isHeld says the same in SQL.
func covers(hold, gate string) bool {
	return hold != "" && (hold == gate || strings.HasPrefix(gate, hold+"/"))
}

// hold closes a gate until then. A gate that is held for longer already stays so.
func hold(tx *database.Tx, gate string, until time.Time) error {
	_, err := tx.Exec(`INSERT INTO outbox_gates (name, until) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET until = excluded.until WHERE excluded.until > outbox_gates.until`,
		gate, millisUp(until))
	return err
}

// strangers counts the open messages of routes that nobody carries.
func strangers(tx *database.Tx, routes []string) (map[string]int, error) {
	rows, err := tx.Query(`SELECT route, COUNT(*) FROM outbox_messages WHERE `+isOpen+`
		AND route NOT IN (?`+strings.Repeat(", ?", len(routes)-1)+`) GROUP BY route`, anys(routes)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[string]int{}
	for rows.Next() {
		var route string
		var n int
		if err := rows.Scan(&route, &n); err != nil {
			return nil, err
		}
		found[route] = n
	}
	return found, rows.Err()
}

func counts(tx *database.Tx) (map[State]Count, error) {
	rows, err := tx.Query(`SELECT state, COUNT(*), MIN(COALESCE(ended, since)) FROM outbox_messages GROUP BY state`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[State]Count{}
	for rows.Next() {
		var s State
		var c Count
		var oldest int64
		if err := rows.Scan(&s, &c.Messages, &oldest); err != nil {
			return nil, err
		}
		c.Oldest = database.Time(oldest)
		all[s] = c
	}
	return all, rows.Err()
}

// letterColumns are those of [Letter]. The last says whether newer words have gone out in its place: an edit of it, or a
// later edit of what it edits itself, was sent or will be. Ids grow with time.
const letterColumns = `id, key, lane, state, attempts, COALESCE(receipt, ''), COALESCE(reason, ''), COALESCE(ended, 0),
	COALESCE(number, 0), route, unsure, payload,
	EXISTS (SELECT 1 FROM outbox_messages AS e WHERE e.replaces <> '' AND e.state NOT IN ('dead', 'held', 'expired')
		AND e.replaces IN (m.id, m.replaces) AND (e.replaces = m.id OR e.id > m.id))`

// isLetter finds what waits for a person: the words of its index.
const isLetter = `number IS NOT NULL AND state IN ('held', 'dead')`

func letters(tx *database.Tx, where string, args ...any) (all []Letter, err error) {
	rows, err := tx.Query(`SELECT `+letterColumns+` FROM outbox_messages AS m WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var l Letter
		var ended int64
		if err := rows.Scan(&l.ID, &l.Key, &l.Lane, &l.State, &l.Attempts, &l.Receipt, &l.Reason, &ended,
			&l.Number, &l.Route, &l.Unsure, &l.Payload, &l.Overtaken); err != nil {
			return nil, err
		}
		l.Ended = database.Time(ended)
		all = append(all, l)
	}
	return all, rows.Err()
}

func letterPage(tx *database.Tx, after Mark, most int) ([]Letter, error) {
	return letters(tx, isLetter+` AND (? = 0 OR (ended, number) < (?, ?)) ORDER BY ended DESC, number DESC LIMIT ?`,
		after.Number, database.Millis(after.Ended), after.Number, most)
}

func heldUntil(tx *database.Tx, until time.Time) ([]Letter, error) {
	return letters(tx, isLetter+` AND state = 'held' AND ended <= ?`, database.Millis(until))
}

// letter reads one letter by a column that is unique.
func letter(tx *database.Tx, column string, value any) (Letter, bool, error) {
	all, err := letters(tx, `number IS NOT NULL AND `+column+` = ?`, value)
	if err != nil || len(all) == 0 {
		return Letter{}, false, err
	}
	return all[0], true, nil
}

// resend puts a letter at the end of its lane. Its own place may be another's by now: places begin anew in a lane that
// has run empty. Its due time and its time limit have been overtaken by the person who decides.
func resend(tx *database.Tx, id string) (bool, error) {
	now := database.Millis(tx.Now())
	n, err := tx.Exec(`UPDATE outbox_messages SET state = 'pending', place = line.last + 1,
			head = CASE line.last WHEN 0 THEN 1 ELSE 0 END,
			since = ?, due = ?, expires = NULL, attempts = 0, asks = 0, ended = NULL, reason = NULL
		FROM (SELECT COALESCE((SELECT MAX(o.place) FROM outbox_messages AS o
			WHERE o.lane = (SELECT l.lane FROM outbox_messages AS l WHERE l.id = ?) AND o.`+isOpen+`), 0) AS last) AS line
		WHERE id = ? AND `+isLetter, now, now, id, id)
	return n == 1, err
}

func discard(tx *database.Tx, id string) (bool, error) {
	n, err := tx.Exec(`UPDATE outbox_messages SET state = 'expired', reason = 'discarded by a person', ended = ?, payload = NULL
		WHERE id = ? AND `+isLetter, database.Millis(tx.Now()), id)
	return n == 1, err
}

func tally(tx *database.Tx) (t Tally, err error) {
	err = tx.QueryRow(`SELECT (SELECT COUNT(*) FROM outbox_messages WHERE `+isOpen+`),
			COUNT(*) FILTER (WHERE state = 'held'), COUNT(*) FILTER (WHERE state = 'dead')
		FROM outbox_messages WHERE `+isLetter).Scan(&t.Waiting, &t.Held, &t.Dead)
	return t, err
}

// forget deletes what ended before then, up to limit messages, and gates that opened before then. An original stays
// while an edit of it waits, which needs its receipt.
func forget(tx *database.Tx, before time.Time, limit int) (int64, error) {
	if _, err := tx.Exec(`DELETE FROM outbox_gates WHERE until < ?`, database.Millis(before)); err != nil {
		return 0, err
	}
	return tx.Exec(`DELETE FROM outbox_messages WHERE id IN (
		SELECT m.id FROM outbox_messages AS m WHERE m.ended IS NOT NULL AND m.ended < ?
			AND NOT EXISTS (SELECT 1 FROM outbox_messages AS e WHERE e.replaces = m.id AND e.replaces <> '' AND e.`+isOpen+`)
		ORDER BY m.ended LIMIT ?)`, database.Millis(before), limit)
}

// millisUp is t in milliseconds, rounded up: what must not happen before t must not happen in t's own millisecond either.
func millisUp(t time.Time) int64 {
	ms := database.Millis(t)
	if time.UnixMilli(ms).Before(t) {
		ms++
	}
	return ms
}

// notNil keeps an empty payload from becoming NULL, which says that the payload has been blanked.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func anys(s []string) []any {
	all := make([]any, len(s))
	for i := range s {
		all[i] = s[i]
	}
	return all
}

// texts reads one column of text.
func texts(tx *database.Tx, query string, args ...any) (all []string, err error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, fmt.Errorf("read a column: %w", err)
		}
		all = append(all, s)
	}
	return all, rows.Err()
}
