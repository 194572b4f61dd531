package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// A request that is older may be a replay
	// (https://docs.slack.dev/authentication/verifying-requests-from-slack).
	longAgo = 5 * time.Minute
	// A clock may be this much behind Slack's; beyond, the request is from the future.
	ahead = 30 * time.Second
)

var (
	errUnsigned = errors.New("no signature")
	errForged   = errors.New("the signature is not Slack's")
	errStale    = errors.New("the timestamp is too old, or in the future")
)

// signature is the code of one request, the same for the same bytes at the same second.
type signature [sha256.Size]byte

// verify checks that Slack signed the body, not long ago. Nothing of the body
// has been parsed before.
func verify(secret string, h http.Header, body []byte, now time.Time) (signature, error) {
	stamp, given := h.Get("X-Slack-Request-Timestamp"), h.Get("X-Slack-Signature")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || given == "" {
		return signature{}, errUnsigned
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > longAgo || age < -ahead {
		return signature{}, errStale
	}
	code := hmac.New(sha256.New, []byte(secret))
	_, _ = code.Write([]byte("v0:" + stamp + ":"))
	_, _ = code.Write(body)
	var s signature
	code.Sum(s[:0])
	// The text is compared and not what it decodes to, so that one request has one signature.
	if !hmac.Equal([]byte("v0="+hex.EncodeToString(s[:])), []byte(given)) {
		return signature{}, errForged
	}
	return s, nil
}

// replays remembers the requests that are being handled or were answered, for
// as long as their timestamps are good. Only what Slack signed gets in, so that
// nobody else can fill it; Slack sends 30,000 events an hour at most
// (https://docs.slack.dev/apis/events-api/#rate-limiting).
type replays struct {
	mu            sync.Mutex
	recent, older map[signature]bool
	turned        time.Time // when recent was begun
}

// admit reports whether the request is the first of its kind.
func (r *replays) admit(s signature, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.turned) > longAgo+ahead {
		// Whatever is in older was admitted at least that long ago.
		r.recent, r.older, r.turned = map[signature]bool{}, r.recent, now
	}
	if r.recent[s] || r.older[s] {
		return false
	}
	r.recent[s] = true
	return true
}

// forget lets a request that was not acknowledged come again.
func (r *replays) forget(s signature) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.recent, s)
	delete(r.older, s)
}
