// Package alerts tells the administrators, in private and in their languages,
// what only a person can mend: a platform that cannot be reached, messages that
// wait, a backup that failed.
//
// # Words
//
// An alert has a kind, and a subject where there can be several of a kind. It is
// open from when it is raised until it is cleared; while it is open nobody is
// told again, also after a restart. Who raises alerts, and when, is the
// program's; this package tells them.
package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/schedule"
)

// Kind is what is wrong.
type Kind string

// The kinds. Their texts are the messages "alerts.<kind>".
const (
	Platform    Kind = "platform"    // Subject is the platform: it is not told there
	Outbox      Kind = "outbox"      // messages have waited for Count minutes
	Undelivered Kind = "undelivered" // Count messages wait for a decision
	Backup      Kind = "backup"
	Disk        Kind = "disk" // the database cannot be written: only the log and the webhook can tell
)

// Alert is one thing that is wrong.
type Alert struct {
	Kind    Kind   `json:"kind"`
	Subject string `json:"subject,omitempty"`
	Reason  string `json:"reason,omitempty"` // in plain English, without secrets
	Count   int    `json:"count,omitempty"`
}

// Phrase is what is said of it.
func (a Alert) Phrase() bot.Phrase {
	return bot.Phrase{ID: "alerts." + string(a.Kind), Count: &a.Count, Values: bot.Values{
		"Platform": bot.Data(bot.Platform(a.Subject).Title()), "Reason": bot.Data(a.Reason),
	}}
}

// Directory knows the administrators.
type Directory interface {
	// Administrators gives each of their accounts, as a member.
	Administrators(tx *database.Tx) ([]bot.Member, error)
}

// Later has work done by the engine, as [bot.Engine.Later] does.
type Later func(tx *database.Tx, w schedule.Work) error

// Alerts is the feature, and what raises its alerts.
type Alerts struct{ directory Directory }

// New makes the feature.
func New(d Directory) *Alerts { return &Alerts{d} }

const tellWork = "alerts.tell"

// Feature is what the engine needs to know.
func (a *Alerts) Feature() bot.Feature {
	return bot.Feature{Name: "alerts", Works: map[string]func(*bot.Turn, schedule.Work) error{tellWork: a.tell}}
}

// Raise opens an alert and has the administrators told; nothing when it is open.
func (*Alerts) Raise(ctx context.Context, db *database.DB, later Later, alert Alert) error {
	payload, err := json.Marshal(alert)
	if err != nil {
		return fmt.Errorf("raise alert: %w", err)
	}
	return db.Update(ctx, func(tx *database.Tx) error {
		fresh, err := open(tx, alert)
		if err != nil || !fresh {
			return err
		}
		return later(tx, schedule.Work{Key: tellWork + ":" + tx.NewID(), Kind: tellWork, Payload: payload, Due: tx.Now()})
	})
}

// Clear says that it is right again, so that the next time is told.
func (*Alerts) Clear(ctx context.Context, db *database.DB, k Kind, subject string) error {
	return db.Update(ctx, func(tx *database.Tx) error { return shut(tx, k, subject) })
}

// Open are the alerts that were raised and not cleared, by kind and subject.
func (*Alerts) Open(ctx context.Context, db *database.DB) (all []Alert, err error) {
	err = db.View(ctx, func(tx *database.Tx) error {
		all, err = opened(tx)
		return err
	})
	return all, err
}

// Probe fails where the database cannot be written.
func (*Alerts) Probe(ctx context.Context, db *database.DB) error {
	return db.Update(ctx, func(tx *database.Tx) error { return probe(tx) })
}

// tell writes to each administrator, but not on the platform that cannot be
// reached.
func (a *Alerts) tell(t *bot.Turn, w schedule.Work) error {
	var alert Alert
	if err := json.Unmarshal(w.Payload, &alert); err != nil {
		return fmt.Errorf("read alert: %w", err)
	}
	all, err := a.directory.Administrators(t.Tx)
	if err != nil {
		return err
	}
	for _, m := range all {
		if !t.Reaches(m.Account.Platform) || alert.Kind == Platform && string(m.Account.Platform) == alert.Subject {
			continue
		}
		if _, err := t.SendAccount(m.Account, m.Speaks(), bot.Say{Phrase: alert.Phrase()}); err != nil {
			return err
		}
	}
	return nil
}

// Stuck is after how long a message that is not sent is one that waits too long.
const Stuck = 15 * time.Minute
