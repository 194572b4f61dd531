package main

import (
	"bytes"
	"io"
	"log/slog"
	"regexp"
	"time"
)

// newLog writes for machines, one JSON object a line. Times that something took
// are written with their unit: slog gives bare nanoseconds.
func newLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration {
			return slog.String(a.Key, a.Value.Duration().Round(time.Millisecond).String())
		}
		return a
	}}))
}

// redactor takes secrets out of whatever is written: the program's own, and what
// looks like a platform's. It is the last of three nets; adapters write none.
type redactor struct {
	w       io.Writer
	secrets [][]byte
}

// newRedactor hides the secrets; those that are empty or too short to be one are
// left out.
func newRedactor(w io.Writer, secrets ...string) *redactor {
	r := &redactor{w: w}
	for _, s := range secrets {
		if len(s) >= 8 {
			r.secrets = append(r.secrets, []byte(s))
		}
	}
	return r
}

// looksSecret are Slack's tokens
// (https://docs.slack.dev/authentication/tokens), Discord's
// (https://discord.com/developers/docs/reference#authentication), the addresses
// by which a platform lets anybody write without a token, and tickets of sockets.
var looksSecret = regexp.MustCompile(`xox[a-z](\.xox[a-z])?-[A-Za-z0-9-]+|xapp-[A-Za-z0-9-]+` +
	`|\b[A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,}` +
	`|hooks\.slack\.com/[A-Za-z0-9/_-]+|/(webhooks|interactions)/\d+/[A-Za-z0-9_-]{20,}|[?&]ticket=[^"&\s]+`)

var redacted = []byte("[secret]")

// Write never splits a line: its callers write whole ones.
func (r *redactor) Write(line []byte) (int, error) {
	clean := line
	for _, s := range r.secrets {
		clean = bytes.ReplaceAll(clean, s, redacted)
	}
	clean = looksSecret.ReplaceAll(clean, redacted)
	if _, err := r.w.Write(clean); err != nil {
		return 0, err
	}
	return len(line), nil
}
