package fakediscord

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

type faultKind int

const (
	none faultKind = iota
	replaced
	resetBefore
	resetAfter
	slow
	truncated
)

// Fault is a way in which a request goes wrong.
type Fault struct {
	name   string
	kind   faultKind
	answer answer
	delay  time.Duration
}

type fault struct {
	Fault
	route string
	left  int
}

// Fail makes the next times requests of the route go wrong. The route is as in
// Request.Route; an empty one, or one ending in "*", stands for all that begin so.
// Faults of one route happen in the order in which they were asked for.
func (s *Server) Fail(route string, times int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault{Fault: f, route: route, left: times})
}

// Heal forgets every fault that has not happened.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

func (s *Server) fault(route string) Fault {
	for _, f := range s.faults {
		prefix, wild := strings.CutSuffix(f.route, "*")
		if f.left > 0 && (f.route == route || f.route == "" || wild && strings.HasPrefix(route, prefix)) {
			f.left--
			return f.Fault
		}
	}
	return Fault{}
}

func (f Fault) is(k faultKind) bool { return f.kind == k }

func (f Fault) instead() *answer {
	if f.kind != replaced {
		return nil
	}
	a := f.answer
	return &a
}

// RateLimited answers 429; the scope is "user", "global" or "shared".
// https://discord.com/developers/docs/topics/rate-limits#exceeding-a-rate-limit
func RateLimited(after time.Duration, scope string, global bool) Fault {
	return Fault{name: "rate limited", kind: replaced, answer: *tooMany(after, scope, global)}
}

// RateLimitedBare answers 429 and does not say for how long.
func RateLimitedBare() Fault {
	return Fault{name: "rate limited bare", kind: replaced, answer: answer{
		status: http.StatusTooManyRequests, outcome: "rate limited", body: encode(map[string]any{"message": "You are being rate limited."}),
	}}
}

// Banned is the page that Cloudflare shows to an address that it has banned, with
// the time after which to come again.
func Banned(after time.Duration) Fault {
	a := htmlAnswer(http.StatusTooManyRequests)
	a.header = map[string]string{"Retry-After": strconv.Itoa(int(after.Seconds()))}
	return Fault{name: "banned", kind: replaced, answer: *a}
}

func tooMany(after time.Duration, scope string, global bool) *answer {
	seconds := strconv.FormatFloat(after.Seconds(), 'f', -1, 64)
	a := &answer{
		status: http.StatusTooManyRequests, outcome: "rate limited", shared: scope == "shared",
		header: map[string]string{
			"Retry-After":             strconv.Itoa(int((after + time.Second - 1) / time.Second)),
			"X-RateLimit-Scope":       scope,
			"X-RateLimit-Reset-After": seconds,
			"Via":                     "1.1 google",
		},
		body: encode(map[string]any{"message": "You are being rate limited.", "retry_after": after.Seconds(), "global": global}),
	}
	if global {
		a.header["X-RateLimit-Global"] = "true"
	}
	return a
}

// Status answers with a status of the servers themselves, such as 500, 502 or 503.
func Status(status int) Fault {
	return Fault{name: fmt.Sprintf("status %d", status), kind: replaced, answer: answer{
		status: status, body: encode(map[string]any{"message": fmt.Sprintf("%d: %s", status, http.StatusText(status)), "code": 0}),
	}}
}

// ResetBefore breaks the connection and does nothing.
func ResetBefore() Fault { return Fault{name: "reset before", kind: resetBefore} }

// ResetAfter does what is asked, then breaks the connection without an answer.
func ResetAfter() Fault { return Fault{name: "reset after", kind: resetAfter} }

// Slow does what is asked and answers after a delay.
func Slow(d time.Duration) Fault { return Fault{name: "slow", kind: slow, delay: d} }

// HTMLBody answers with a page in place of JSON: with 429 it is what Cloudflare
// says to an address that it has banned.
func HTMLBody(status int) Fault {
	return Fault{name: fmt.Sprintf("html %d", status), kind: replaced, answer: *htmlAnswer(status)}
}

func htmlAnswer(status int) *answer {
	return &answer{status: status, html: true, outcome: fmt.Sprintf("html %d", status), body: []byte(
		"<!DOCTYPE html><html><head><title>Access denied | discord.com used Cloudflare to restrict access</title></head><body>error code: 1015</body></html>")}
}

// TruncatedJSON does what is asked and answers with half of the JSON.
func TruncatedJSON() Fault { return Fault{name: "truncated json", kind: truncated} }

// Code refuses with an error code of the API and its usual status.
func Code(code int) Fault {
	a := apiErrorAnswer(apiErrors(code))
	return Fault{name: fmt.Sprintf("code %d", code), kind: replaced, answer: *a}
}
