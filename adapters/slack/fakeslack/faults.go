package fakeslack

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

// FaultKind says what goes wrong.
type FaultKind string

const (
	// RateLimited answers 429 with Retry-After (https://docs.slack.dev/apis/web-api/rate-limits).
	RateLimited FaultKind = "rate_limited"
	// RateLimitedBody answers 200 with {"ok":false,"error":"ratelimited"}, as older methods do.
	RateLimitedBody FaultKind = "rate_limited_body"
	// RateLimitedBare answers 429 without Retry-After.
	RateLimitedBare FaultKind = "rate_limited_bare"
	// Status answers with Fault.Status and a page of HTML.
	Status FaultKind = "status"
	// ResetBefore closes the connection before the request is accepted: nothing happened.
	ResetBefore FaultKind = "reset_before"
	// ResetAfter accepts the request and closes the connection without an answer: it happened.
	ResetAfter FaultKind = "reset_after"
	// Slow waits for Fault.Wait before it accepts the request; a client that has gone by then has sent nothing.
	Slow FaultKind = "slow"
	// SlowAnswer accepts the request and waits for Fault.Wait before it answers.
	SlowAnswer FaultKind = "slow_answer"
	// HTMLBody accepts the request and answers 200 with a page of HTML, as proxies do.
	HTMLBody FaultKind = "html_body"
	// TruncatedJSON accepts the request and breaks off in the middle of the answer.
	TruncatedJSON FaultKind = "truncated_json"
	// Code answers {"ok":false,"error":Fault.Code}.
	Code FaultKind = "code"
)

// Fault is what goes wrong with the next requests of one method.
type Fault struct {
	Method     string // a Web API method, "response_url" or "upload"; empty for any of them; or [Deliveries]
	Times      int    // how many requests; once when zero, for ever when negative
	Kind       FaultKind
	RetryAfter int           // seconds, for RateLimited
	After      string        // Retry-After as it is written, in place of RetryAfter: "1.5"
	Status     int           // for Status; 500 when zero
	Wait       time.Duration // for Slow and SlowAnswer
	Code       string        // for Code; "internal_error" when empty
	// Accept makes Status and Code take effect all the same: Slack says of fatal_error that a part may have
	// succeeded (https://docs.slack.dev/reference/methods/chat.postMessage#errors).
	Accept bool
}

// Fault adds a fault. Faults of one method come in the order in which they were added.
func (s *Server) Fault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	s.faults = append(s.faults, &f)
}

// ClearFaults takes back the faults that have not come yet.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// takeFault uses up the first fault that fits. The caller holds s.mu.
func (s *Server) takeFault(name string) Fault {
	for _, f := range s.faults {
		if f.Times == 0 || f.Method != "" && f.Method != name {
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return *f
	}
	return Fault{}
}

// takeDeliveryFault uses up the first fault of the requests to the app, which only [Deliveries] names. The caller holds s.mu.
func (s *Server) takeDeliveryFault() Fault {
	for _, f := range s.faults {
		if f.Times != 0 && f.Method == Deliveries {
			if f.Times > 0 {
				f.Times--
			}
			return *f
		}
	}
	return Fault{}
}

const page = "<!DOCTYPE html><html><head><title>Server Error | Slack</title></head><body>Something went wrong</body></html>"

// stops says whether the fault keeps the request from taking effect, for certain.
func (f Fault) stops() bool {
	switch f.Kind {
	case RateLimited, RateLimitedBody, RateLimitedBare, ResetBefore:
		return true
	case Status, Code:
		return !f.Accept
	default:
		return false
	}
}

// before does the faults that keep a request from taking effect, and says whether it has answered.
func (f Fault) before(s *Server, w http.ResponseWriter, r *http.Request) (done bool) {
	switch f.Kind {
	case RateLimited:
		a := rateLimited(f.RetryAfter)
		if f.After != "" {
			a["retry_after"] = f.After
		}
		s.write(w, a)
	case RateLimitedBody:
		s.write(w, fail("ratelimited"))
	case RateLimitedBare:
		s.write(w, answer{"ok": false, "error": "ratelimited", "http_status": http.StatusTooManyRequests})
	case Status:
		if f.Accept {
			return false
		}
		f.status(w)
	case Code:
		if f.Accept {
			return false
		}
		f.code(w)
	case ResetBefore:
		hangUp(w)
	case Slow:
		timer := time.NewTimer(f.Wait)
		defer timer.Stop()
		select {
		case <-timer.C:
			return false
		case <-r.Context().Done():
		case <-s.done:
		}
		hangUp(w)
	default:
		return false
	}
	return true
}

// after does the faults of requests that took effect, and says whether it has answered.
func (f Fault) after(s *Server, w http.ResponseWriter, result answer) (done bool) {
	switch f.Kind {
	case Status:
		f.status(w)
	case Code:
		f.code(w)
	case ResetAfter:
		hangUp(w)
	case SlowAnswer:
		timer := time.NewTimer(f.Wait)
		defer timer.Stop()
		select {
		case <-timer.C:
			return false
		case <-s.done:
			hangUp(w)
		}
	case HTMLBody:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, page)
	case TruncatedJSON:
		raw, err := json.Marshal(result)
		if err != nil {
			raw = []byte(`{"ok":true}`)
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		// The length promises the whole answer, so that the client sees the break.
		w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
		// An answer shorter than its length makes the server close the connection.
		_, _ = w.Write(raw[:len(raw)/2])
	default:
		return false
	}
	return true
}

func (f Fault) status(w http.ResponseWriter) {
	code := f.Status
	if code == 0 {
		code = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, page)
}

func (f Fault) code(w http.ResponseWriter) {
	code := f.Code
	if code == "" {
		code = "internal_error"
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(fail(code))
}

func rateLimited(seconds int) answer {
	return answer{"ok": false, "error": "ratelimited", "retry_after": strconv.Itoa(seconds)}
}
