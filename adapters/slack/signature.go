package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"

	"procurabot/internal/replay"
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

// verify checks that Slack signed the body, not long ago, and gives the code of the
// request: the same for the same bytes at the same second. Nothing of the body has
// been parsed before.
func verify(secret string, h http.Header, body []byte, now time.Time) (replay.Digest, error) {
	stamp, given := h.Get("X-Slack-Request-Timestamp"), h.Get("X-Slack-Signature")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || given == "" {
		return replay.Digest{}, errUnsigned
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > longAgo || age < -ahead {
		return replay.Digest{}, errStale
	}
	code := hmac.New(sha256.New, []byte(secret))
	_, _ = code.Write([]byte("v0:" + stamp + ":"))
	_, _ = code.Write(body)
	var s replay.Digest
	code.Sum(s[:0])
	// The text is compared and not what it decodes to, so that one request has one signature.
	if !hmac.Equal([]byte("v0="+hex.EncodeToString(s[:])), []byte(given)) {
		return replay.Digest{}, errForged
	}
	return s, nil
}
