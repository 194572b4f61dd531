package slack

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// wholeSeconds makes whole seconds of every Retry-After: the library reads
// nothing else, and takes an answer that has "1.5" for one that cannot be read
// (slack-go, checkStatusCode). A date is allowed too
// (https://www.rfc-editor.org/rfc/rfc9110#name-retry-after). What is neither is
// taken away, so that the wait is our own.
type wholeSeconds struct{ next http.RoundTripper }

func (w wholeSeconds) RoundTrip(r *http.Request) (*http.Response, error) {
	next := w.next
	if next == nil {
		next = http.DefaultTransport
	}
	response, err := next.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusTooManyRequests {
		return response, err
	}
	given := response.Header.Get("Retry-After")
	seconds, bad := strconv.ParseFloat(given, 64)
	if bad != nil {
		if at, notDate := http.ParseTime(given); notDate == nil {
			seconds, bad = time.Until(at).Seconds(), nil
		}
	}
	// The comparison is false of NaN too.
	if bad == nil && seconds > 0 && seconds < math.MaxInt32 {
		response.Header.Set("Retry-After", strconv.Itoa(int(math.Ceil(seconds))))
	} else {
		response.Header.Del("Retry-After")
	}
	return response, nil
}

// CloseIdleConnections is what http.Client asks its transport for.
func (w wholeSeconds) CloseIdleConnections() {
	if c, ok := w.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
