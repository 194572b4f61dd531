package discord

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"procurabot/internal/replay"
)

// Interactions by HTTP. Discord sends them there, and no longer through the
// Gateway, once the application has an Interactions Endpoint URL; messages come
// through the Gateway all the same.
// https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint

const (
	maxRequest = 1 << 20
	// maxAge is how far a request's time may be from ours, either way.
	maxAge = 5 * time.Minute
	// roomWait is how long a request waits for its turn to begin; of the three
	// seconds that a person waits for the first response the rest is for that.
	roomWait = 1500 * time.Millisecond
)

// endpoint takes signed requests.
type endpoint struct {
	a    *Adapter
	key  ed25519.PublicKey
	seen *replay.Cache // after a restart it is empty; then the engine knows the interactions that it has seen
}

func parsePublicKey(s string) (ed25519.PublicKey, error) {
	key, err := hex.DecodeString(s)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("discord: the public key must be the %d hexadecimal digits on the General Information page of https://discord.com/developers/applications", 2*ed25519.PublicKeySize)
	}
	return key, nil
}

// Handler takes interactions by HTTP. It is nil where Options.PublicKey is
// empty. Whoever mounts it bounds how long a request may take to be read.
//
// It answers 401 to what Discord has not signed, or has not signed just now, or
// what came before, and 413 to what is longer than 1 MiB: neither is decoded.
// It answers 503 while the adapter does not run.
func (a *Adapter) Handler() http.Handler {
	if a.endpoint == nil {
		return nil
	}
	return a.endpoint
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if v := recover(); v != nil {
			e.a.panicked("interaction by HTTP", v)
			w.WriteHeader(http.StatusInternalServerError)
		}
	}()
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, status := e.verified(w, r)
	switch status {
	case http.StatusUnauthorized:
		e.a.counts.forged.Add(1)
	case http.StatusRequestEntityTooLarge:
		e.a.counts.tooLarge.Add(1)
	case statusReplayed:
		e.a.counts.replayed.Add(1)
		status = http.StatusUnauthorized
	}
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	i, err := decodeInteraction(body)
	if err != nil {
		e.a.counts.unreadable.Add(1)
		e.a.log.Warn("an interaction could not be read", "err", err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if i.Type == pingInteraction {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"type":1}`)
		return
	}
	now := e.a.running.Load()
	if now == nil {
		e.a.counts.overflow.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), roomWait)
	defer cancel()
	if !e.a.take(ctx, *now, i) {
		e.a.counts.overflow.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	// The first response is a callback, as for the Gateway. Only so is it known to
	// have been taken before the outbox edits what it stands for.
	// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-callback
	w.WriteHeader(http.StatusAccepted)
}

// statusReplayed is 401 to whoever asks, but is counted on its own.
const statusReplayed = -http.StatusUnauthorized

// verified gives the body of a request that Discord has signed, or the status
// of a refusal. What costs nothing is looked at first.
// https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint-validating-security-request-headers
func (e *endpoint) verified(w http.ResponseWriter, r *http.Request) ([]byte, int) {
	signature, ok := only(r.Header, "X-Signature-Ed25519")
	stamp, ok2 := only(r.Header, "X-Signature-Timestamp")
	if !ok || !ok2 || !e.fresh(stamp) {
		return nil, http.StatusUnauthorized
	}
	mac, err := hex.DecodeString(signature)
	if err != nil || len(mac) != ed25519.SignatureSize || hex.EncodeToString(mac) != signature {
		return nil, http.StatusUnauthorized
	}
	if r.ContentLength > maxRequest {
		return nil, http.StatusRequestEntityTooLarge
	}
	signed := bytes.NewBufferString(stamp)
	if _, err := io.Copy(signed, http.MaxBytesReader(w, r.Body, maxRequest)); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, http.StatusRequestEntityTooLarge
		}
		return nil, http.StatusBadRequest
	}
	if !ed25519.Verify(e.key, signed.Bytes(), mac) {
		return nil, http.StatusUnauthorized
	}
	if !e.seen.Admit(sha256.Sum256(signed.Bytes()), e.a.now()) {
		return nil, statusReplayed
	}
	return signed.Bytes()[len(stamp):], 0
}

// only gives a header that is there once: of two, whoever stands before the
// program might have looked at the other.
func only(h http.Header, name string) (string, bool) {
	values := h.Values(name)
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}

func (e *endpoint) fresh(stamp string) bool {
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != stamp {
		return false
	}
	age := e.a.now().Sub(time.Unix(seconds, 0))
	return -maxAge <= age && age <= maxAge
}
