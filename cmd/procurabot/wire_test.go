package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// wire stands between an adapter and its platform. It notes when which requests
// were made and how long the platform asked to wait, and may be cut for one
// conversation.
type wire struct {
	next http.RoundTripper
	// limit names what a request shares its rate with, "" for what is not watched.
	limit func(*http.Request) string
	// before may plant a fault; the request has not been sent.
	before func(limit string)

	mu      sync.Mutex
	blocked string // a conversation that nothing gets through to
	refused bool   // nobody answers
	made    []made
	waits   []wait
}

// made is one request, and wait one answer that asks to wait.
type (
	made struct {
		limit string
		at    time.Time
	}
	wait struct {
		limit       string // all holds for everything
		from, until time.Time
	}
)

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	limit := w.limit(r)
	w.mu.Lock()
	blocked := w.blocked != "" && strings.Contains(r.URL.Path+" "+string(body), w.blocked)
	if w.refused {
		w.mu.Unlock()
		return nil, errors.New("connection refused")
	}
	if !blocked {
		w.made = append(w.made, made{limit, time.Now()})
	}
	w.mu.Unlock()
	if blocked {
		return &http.Response{
			StatusCode: http.StatusServiceUnavailable, Status: "503 Service Unavailable", ProtoMajor: 1, Request: r,
			Header: http.Header{"Content-Type": {"text/html"}}, Body: io.NopCloser(strings.NewReader("<html></html>")),
		}, nil
	}
	if limit != "" {
		w.before(limit)
	}
	response, err := w.next.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusTooManyRequests {
		return response, err
	}
	raw, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	w.asked(limit, response.Header, raw)
	return response, nil
}

// asked notes for how long the platform asked to wait: the more exact of the two
// places where it says so.
func (w *wire) asked(limit string, header http.Header, body []byte) {
	seconds, _ := strconv.ParseFloat(header.Get("Retry-After"), 64)
	var said struct {
		After  float64 `json:"retry_after"`
		Global bool    `json:"global"`
	}
	if json.Unmarshal(body, &said) == nil && said.After > 0 {
		seconds = said.After
	}
	if said.Global || bytes.HasPrefix(body, []byte("<")) {
		limit = all
	}
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits = append(w.waits, wait{limit, now, now.Add(time.Duration(math.Floor(seconds*1000)) * time.Millisecond)})
}

// all is the limit of everything that is watched.
const all = "all"

// block cuts off one conversation; "" lets everything through.
func (w *wire) block(conversation string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blocked = conversation
}

// down makes the platform as if it were not there.
func (w *wire) down(is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused = is
}

// judge holds that what a platform asked for was given. What began in the very
// instant of the answer was under way.
func (w *wire) judge(t *testing.T, name string) (longest time.Duration) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	early, first, questions := map[string]int{}, map[string]time.Time{}, 0
	for _, asked := range w.waits {
		longest = max(longest, asked.until.Sub(asked.from))
		for _, r := range w.made {
			if r.limit != "" && (r.limit == asked.limit || asked.limit == all) && r.at.After(asked.from) && r.at.Before(asked.until) {
				if isQuestion(r.limit) {
					questions++
					continue
				}
				early[fmt.Sprintf("%s after %q was to wait for %s at %s", r.limit, asked.limit, asked.until.Sub(asked.from), asked.from.Format(time.TimeOnly))]++
				if _, known := first[asked.limit]; !known {
					first[asked.limit] = r.at
				}
			}
		}
	}
	for what, n := range early {
		t.Errorf("%s: %d requests too early: %s", name, n, what)
	}
	for limit, at := range first {
		t.Logf("%s: the first that was too early for %q was at %s", name, limit, at.Format(time.TimeOnly))
	}
	t.Logf("%s: %d requests, asked to wait %d times, the longest %s; %d questions about messages too early", name, len(w.made), len(w.waits), longest, questions)
	return longest
}

// isQuestion is of a request that says nothing: each row that asks about itself
// waits for itself alone.
func isQuestion(limit string) bool {
	return strings.HasPrefix(limit, "conversations.") || strings.HasPrefix(limit, http.MethodGet) || strings.HasSuffix(limit, "/users/@me/channels")
}

// slackLimit is what Slack counts together: a method.
func slackLimit(r *http.Request) string {
	switch method := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]; {
	case strings.HasPrefix(r.URL.Path, "/commands/"):
		return "response_url"
	case strings.HasPrefix(method, "chat."), strings.HasPrefix(method, "conversations.history"), method == "conversations.open", method == "conversations.replies":
		return method
	}
	return ""
}

// discordLimit is what Discord counts together: a route and the channel or the
// interaction in it.
func discordLimit(r *http.Request) string {
	path := r.URL.Path[strings.Index(r.URL.Path, "/v")+1:]
	path = path[strings.IndexByte(path, '/'):]
	switch {
	case strings.HasPrefix(path, "/channels/"), strings.HasPrefix(path, "/webhooks/"):
		return r.Method + " " + regexp.MustCompile(`/messages/.*`).ReplaceAllString(path, "/messages/{message}")
	case path == "/users/@me/channels":
		return r.Method + " " + path
	}
	return ""
}
