package slack

import (
	"io"
	"math"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"procurabot/internal/ratelimit"
)

// patience reads how long Slack asks to wait for a method, and remembers it.
//
// Of Retry-After it makes whole seconds: the library reads nothing else, and takes
// an answer that has "1.5" for one that cannot be read (slack-go,
// checkStatusCode). A date is allowed too
// (https://www.rfc-editor.org/rfc/rfc9110#name-retry-after). What is neither is
// taken away, so that the wait is our own.
//
// The outbox holds what a limit is about by the gate of its message, but not what
// it has handed out already, what reaches a method by another gate, or what asks
// about messages. What would be too early is answered here, as Slack would.
type patience struct {
	next   http.RoundTripper
	now    func() time.Time
	limits *ratelimit.Memory // by method
}

func (p *patience) RoundTrip(r *http.Request) (*http.Response, error) {
	// https://docs.slack.dev/apis/web-api/rate-limits: limits are of a method.
	// Response URLs have no method, and limits of their own.
	method := path.Base(r.URL.Path)
	api := strings.Contains(method, ".")
	if left := p.limits.Left(method); api && left > 0 {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return &http.Response{
			Status: "429 Too Many Requests", StatusCode: http.StatusTooManyRequests, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Retry-After": {whole(left)}}, Body: io.NopCloser(strings.NewReader("")), Request: r,
		}, nil
	}
	next := p.next
	if next == nil {
		next = http.DefaultTransport
	}
	response, err := next.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusTooManyRequests {
		return response, err
	}
	wait := p.asked(response.Header.Get("Retry-After"))
	if wait <= 0 {
		response.Header.Del("Retry-After")
		return response, nil
	}
	response.Header.Set("Retry-After", whole(wait))
	if api {
		p.limits.Hold(method, wait)
	}
	return response, nil
}

// asked is how long is to be waited; 0 is not said.
func (p *patience) asked(given string) time.Duration {
	seconds, bad := strconv.ParseFloat(given, 64)
	if bad != nil {
		at, notDate := http.ParseTime(given)
		if notDate != nil {
			return 0
		}
		seconds = at.Sub(p.now()).Seconds()
	}
	// The comparison is false of NaN too.
	if seconds > 0 && seconds < math.MaxInt32 {
		return time.Duration(seconds * float64(time.Second))
	}
	return 0
}

func whole(wait time.Duration) string { return strconv.Itoa(int(math.Ceil(wait.Seconds()))) }

// CloseIdleConnections is what http.Client asks its transport for.
func (p *patience) CloseIdleConnections() {
	if c, ok := p.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
