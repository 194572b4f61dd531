package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"procurabot/adapters/slack"
	"procurabot/bot"
	"procurabot/internal/database"
)

// perSecond is how many turns a second begin, whatever becomes of those before.
const perSecond = 500

// BenchmarkPace is the program at 500 turns a second, ten seconds a round, by
// signed HTTP and to the answer on the wire: each command is another member's, so
// that 5,000 are known in the end. What is compared with is a flush of the same
// disk, meanwhile: every acknowledgement waits for at least one.
func BenchmarkPace(b *testing.B) {
	var mu sync.Mutex
	began, replied := map[string]time.Time{}, []time.Duration{}
	answered := make(chan struct{}, 1<<20)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		if id, ok := strings.CutPrefix(r.URL.Path, "/response/"); ok {
			mu.Lock()
			if at, waits := began[id]; waits {
				delete(began, id)
				replied = append(replied, time.Since(at))
				answered <- struct{}{}
			}
			mu.Unlock()
			_, _ = w.Write([]byte("ok"))
			return
		}
		if r.URL.Path == "/api/auth.test" {
			_, _ = w.Write([]byte(`{"ok":true,"team_id":"T1","user_id":"U0BOT","bot_id":"B1"}`))
			return
		}
		_, _ = w.Write([]byte(`{"ok":true,"user":{"id":"U1","name":"luc","locale":"fr-FR"},"channel":{"id":"D1","locale":"en-US"},"ts":"1.1"}`))
	}))
	defer web.Close()
	secret := strings.Repeat("a", 32)
	adapter, err := slack.New(slack.Options{BotToken: "xoxb-1", SigningSecret: secret, APIURL: web.URL + "/api/"})
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	db, err := database.Open(b.Context(), filepath.Join(dir, "pace.db"), database.Options{})
	if err != nil {
		b.Fatal(err)
	}
	a, err := newApp(b.Context(), parts{db: db, adapters: []bot.Adapter{adapter}, workers: workers, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.run(ctx, []bot.Adapter{adapter}) }()

	post := func(i int) int {
		id := strconv.Itoa(i)
		body := url.Values{
			"command": {"/procura"}, "text": {"ask are we too small?"}, "trigger_id": {"t" + id}, "team_id": {"T1"}, "channel_id": {"C1"},
			"user_id": {"U" + id}, "user_name": {"luc"}, "response_url": {web.URL + "/response/" + id},
		}.Encode()
		at := strconv.FormatInt(time.Now().Unix(), 10)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte("v0:" + at + ":" + body))
		r := httptest.NewRequest(http.MethodPost, slack.CommandsPath, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Slack-Request-Timestamp", at)
		r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
		w := httptest.NewRecorder()
		adapter.Handler().ServeHTTP(w, r)
		return w.Code
	}
	var acks, flushes []time.Duration
	next, late := 0, 0
	b.ResetTimer()
	for range b.N {
		flushed := flush(b, filepath.Join(dir, "flush"), 10*time.Second)
		pace := time.NewTicker(time.Second / perSecond)
		var asking sync.WaitGroup
		for range 10 * perSecond {
			<-pace.C
			next++
			i := next
			asking.Go(func() {
				at := time.Now()
				mu.Lock()
				began[strconv.Itoa(i)] = at
				mu.Unlock()
				code := post(i)
				mu.Lock()
				defer mu.Unlock()
				if code != http.StatusOK {
					late++
					delete(began, strconv.Itoa(i))
					answered <- struct{}{}
				}
				acks = append(acks, time.Since(at))
			})
		}
		pace.Stop()
		asking.Wait()
		for range 10 * perSecond {
			<-answered
		}
		flushes = append(flushes, <-flushed...)
	}
	b.StopTimer()
	debug.FreeOSMemory()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	if err := a.close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(quantile(acks, 0.99).Seconds()*1000, "ack-p99-ms")
	b.ReportMetric(quantile(acks, 0.99).Seconds()/quantile(flushes, 0.99).Seconds(), "ack-of-flush")
	fmt.Printf("\n%d turns a second, %d in all, %d not taken\n", perSecond, next, late)
	for _, row := range []struct {
		what string
		took []time.Duration
	}{{"acknowledged", acks}, {"answered on the wire", replied}, {"a flush of 4 KiB beside it", flushes}} {
		fmt.Printf("%-28s p50 %s  p99 %s  at most %s\n", row.what, short(quantile(row.took, 0.5)), short(quantile(row.took, 0.99)), short(quantile(row.took, 1)))
	}
	fmt.Printf("resident with %d members seen: %.0f MiB, with all that measures it, of which %d MiB are Go's heap\n", next, residentMiB(b), memory.HeapAlloc>>20)
}

// flush writes 4 KiB and flushes them, again and again, and gives how long each took.
func flush(b *testing.B, path string, during time.Duration) <-chan []time.Duration {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	took := make(chan []time.Duration, 1)
	go func() {
		defer f.Close()
		var all []time.Duration
		page := bytes.Repeat([]byte("x"), 4096)
		pause := time.NewTicker(20 * time.Millisecond) // beside the program, not instead of it
		defer pause.Stop()
		for began := time.Now(); time.Since(began) < during; <-pause.C {
			at := time.Now()
			if _, err := f.Write(page); err != nil {
				break
			}
			if err := f.Sync(); err != nil {
				break
			}
			all = append(all, time.Since(at))
		}
		took <- all
	}()
	return took
}
