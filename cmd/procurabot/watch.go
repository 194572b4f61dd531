package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"procurabot/bot"
	"procurabot/bot/alerts"
	"procurabot/internal/markup"
	"procurabot/internal/outbox"
)

const (
	watchEvery = time.Minute
	awayTime   = 10 * time.Minute // that a platform may be away before anybody is told
	callTime   = 10 * time.Second // of the webhook, and of the heartbeat
)

// watch looks at the running bot once a minute and tells of what only a person
// can mend: the administrators in chat, and a webhook, once each.
type watch struct {
	situation
	app       *app
	client    *http.Client
	webhook   string // "": none
	heartbeat string // "": none
	log       *slog.Logger

	mu     sync.Mutex
	failed map[bot.Platform]error // that Run ended with
	copied struct {               // the last backup that failed
		err error
		at  time.Time
	}

	away   map[bot.Platform]time.Time // since when, of those that are not ready
	posted map[alerts.Alert]bool      // to the webhook, by kind and subject
	stored map[alerts.Alert]bool
	silent bool // the last heartbeat was not heard
}

func newWatch(s situation, a *app, c config) *watch {
	return &watch{
		situation: s, app: a, client: &http.Client{Transport: c.transport(), Timeout: callTime}, webhook: c.AlertWebhook, heartbeat: c.HeartbeatURL,
		log: a.log, failed: map[bot.Platform]error{}, away: map[bot.Platform]time.Time{},
		posted: map[alerts.Alert]bool{}, stored: map[alerts.Alert]bool{},
	}
}

// load learns what was told before the program was started.
func (w *watch) load(ctx context.Context) error {
	open, err := w.app.alerts.Open(ctx, w.app.db)
	for _, a := range open {
		w.posted[a], w.stored[a] = true, true
	}
	return err
}

// run looks until ctx ends, and once more, so that a platform that failed just
// before is told of too.
func (w *watch) run(ctx context.Context) {
	every := time.NewTicker(watchEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			w.step(ctx)
		case <-ctx.Done():
			if w.hasFailed() {
				last, done := context.WithTimeout(context.WithoutCancel(ctx), callTime)
				defer done()
				w.step(last)
			}
			return
		}
	}
}

// platformFailed notes that a platform is left alone until the next start.
func (w *watch) platformFailed(p bot.Platform, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed[p] = err
}

func (w *watch) hasFailed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.failed) > 0
}

// backupFailed notes that no backup could be made.
func (w *watch) backupFailed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.copied.err, w.copied.at = err, w.now()
}

// step looks once.
func (w *watch) step(ctx context.Context) {
	well := w.database(ctx)
	well = w.reception(ctx) && well
	w.queue(ctx)
	w.copies(ctx)
	if well {
		w.beat(ctx)
	}
}

// database tells of one that cannot be written.
func (w *watch) database(ctx context.Context) bool {
	err := w.app.alerts.Probe(ctx, w.app.db)
	if err != nil && ctx.Err() == nil {
		w.raise(ctx, alerts.Alert{Kind: alerts.Disk, Reason: err.Error()})
		return false
	}
	w.clear(ctx, alerts.Alert{Kind: alerts.Disk})
	return true
}

// reception tells of platforms that have failed, or have been away for long.
func (w *watch) reception(ctx context.Context) bool {
	well := true
	for _, p := range w.platforms {
		name := p.Platform()
		alert := alerts.Alert{Kind: alerts.Platform, Subject: string(name)}
		w.mu.Lock()
		failed := w.failed[name]
		w.mu.Unlock()
		switch since, away := w.away[name]; {
		case failed != nil:
			alert.Reason = failed.Error()
			w.raise(ctx, alert)
			well = false
			continue
		case p.Ready():
			delete(w.away, name)
			w.clear(ctx, alert)
			continue
		case !away:
			w.away[name] = w.now()
		case w.now().Sub(since) >= awayTime:
			alert.Reason = fmt.Sprintf("no connection since %s; the log says what is tried", since.UTC().Format("2006-01-02 15:04 UTC"))
			w.raise(ctx, alert)
		}
		well = false
	}
	return well
}

// queue tells of messages that wait for long, or for a decision.
func (w *watch) queue(ctx context.Context) {
	counts, err := w.engine.Backlog(ctx)
	if err != nil {
		return // which database has told
	}
	stuck := alerts.Alert{Kind: alerts.Outbox}
	if waiting := age(counts, w.now()); waiting >= alerts.Stuck {
		stuck.Count = int(waiting.Minutes())
		w.raise(ctx, stuck)
	} else {
		w.clear(ctx, stuck)
	}
	undelivered := alerts.Alert{Kind: alerts.Undelivered, Count: counts[outbox.Held].Messages + counts[outbox.Dead].Messages}
	if undelivered.Count > 0 {
		w.raise(ctx, undelivered)
	} else {
		w.clear(ctx, undelivered)
	}
}

func (w *watch) copies(ctx context.Context) {
	w.mu.Lock()
	failed := w.copied
	w.mu.Unlock()
	good, _ := w.backup()
	alert := alerts.Alert{Kind: alerts.Backup}
	if failed.err != nil && !good.After(failed.at) {
		alert.Reason = failed.err.Error()
		w.raise(ctx, alert)
	} else {
		w.clear(ctx, alert)
	}
}

// raise tells each way once. What could not be told is tried again at the next
// look; the webhook goes first, because it needs no database.
func (w *watch) raise(ctx context.Context, a alerts.Alert) {
	id := alerts.Alert{Kind: a.Kind, Subject: a.Subject}
	if !w.posted[id] {
		if err := w.post(ctx, a); err != nil {
			w.log.Error("an alert did not reach the webhook, and is tried again", "kind", a.Kind, "subject", a.Subject, "err", err)
		} else {
			w.posted[id] = true
			w.log.Error("an administrator is needed", "kind", a.Kind, "subject", a.Subject, "reason", a.Reason, "count", a.Count)
		}
	}
	if !w.stored[id] && a.Kind != alerts.Disk {
		if err := w.app.alerts.Raise(ctx, w.app.db, w.engine.Later, a); err != nil {
			w.log.Error("the administrators could not be told, and are next time", "kind", a.Kind, "err", err)
			return
		}
		w.stored[id] = true
	}
}

func (w *watch) clear(ctx context.Context, id alerts.Alert) {
	id = alerts.Alert{Kind: id.Kind, Subject: id.Subject}
	if !w.posted[id] && !w.stored[id] {
		return
	}
	if w.stored[id] {
		if err := w.app.alerts.Clear(ctx, w.app.db, id.Kind, id.Subject); err != nil {
			return // next time
		}
	}
	delete(w.posted, id)
	delete(w.stored, id)
	w.log.Info("an alert is over", "kind", id.Kind, "subject", id.Subject)
}

// post tells the webhook. Slack's, Mattermost's and Teams' take "text", Discord's
// takes "content"; a program takes the rest.
func (w *watch) post(ctx context.Context, a alerts.Alert) error {
	if w.webhook == "" {
		return nil
	}
	text := "Procurabot: " + markup.Plain(a.Phrase().Render(w.app.texts.Committed(), bot.English))
	body, err := json.Marshal(map[string]any{"text": text, "content": text, "kind": a.Kind, "subject": a.Subject, "reason": a.Reason, "count": a.Count})
	if err != nil {
		return err
	}
	return w.call(ctx, http.MethodPost, w.webhook, body)
}

// beat says to a service that waits for it that all is well. What it does not
// hear it reports: also that the program, or its machine, is gone.
func (w *watch) beat(ctx context.Context) {
	if w.heartbeat == "" {
		return
	}
	err := w.call(ctx, http.MethodGet, w.heartbeat, nil)
	if err != nil && !w.silent {
		w.log.Warn("the heartbeat is not heard", "err", err)
	}
	w.silent = err != nil
}

func (w *watch) call(ctx context.Context, method, address string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("the address cannot be used")
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	got, err := w.client.Do(r)
	if err != nil {
		var e interface{ Unwrap() error } // which leaves out the address: it is a secret
		if errors.As(err, &e) && e.Unwrap() != nil {
			err = e.Unwrap()
		}
		return err
	}
	defer got.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(got.Body, 64<<10))
	if got.StatusCode >= 300 {
		return fmt.Errorf("the answer is %s", got.Status)
	}
	return nil
}
