package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bwmarrin/discordgo"
)

// Requests go through the library's lowest door, with a rate limiter of their
// own that is thrown away. Its higher ones
//
//   - have no nonce for messages (https://github.com/bwmarrin/discordgo/issues/1351),
//   - sleep over a rate limit with a lock held, whatever the context says,
//   - share one limiter among all answers to interactions, and keep one for every
//     token there ever was (https://github.com/bwmarrin/discordgo/issues/1333),
//   - say of a failure neither its scope nor whether the request was written.

// requestTimeout ends a request that nobody answers; the outbox gives 30 s.
const requestTimeout = 20 * time.Second

// elsewhere sends requests to the API's configured address. The library knows
// only package-level addresses, which all sessions of a process share.
type elsewhere struct {
	to   *url.URL
	next http.RoundTripper
}

func (e elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = e.to.Scheme, e.to.Host, e.to.Host
	return e.next.RoundTrip(r)
}

// observed remembers what the library does not tell.
type observed struct {
	next   http.RoundTripper
	status int
	header http.Header
}

func (o *observed) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := o.next.RoundTrip(r)
	if res != nil {
		o.status, o.header = res.StatusCode, res.Header
	}
	return res, err
}

// gatewayAddress makes the one request that a session on the Gateway makes by
// itself: where the Gateway is. The library would ask without regard to a limit,
// and say of a refusal only that it is no JSON.
type gatewayAddress struct{ a *Adapter }

func (g gatewayAddress) RoundTrip(r *http.Request) (*http.Response, error) {
	const route = "GET gateway"
	if f := g.a.pace.held(route); f != nil {
		return nil, f
	}
	res, err := g.a.transport.RoundTrip(r)
	if err != nil || res.StatusCode < 400 {
		return res, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	if err != nil {
		return nil, err
	}
	f := &failure{status: res.StatusCode, wrote: true}
	f.read(res.Header, body)
	g.a.pace.heed(route, f)
	return nil, f
}

// request makes one attempt at one request and decodes its answer into into,
// unless that is nil. Every error is a *failure.
func (a *Adapter) request(ctx context.Context, method, path string, body, into any) error {
	_, err := a.ask(ctx, method, path, body, into)
	return err
}

// ask is request with the header of the answer, nil without one.
func (a *Adapter) ask(ctx context.Context, method, path string, body, into any) (http.Header, error) {
	if a.refused.Load() {
		return nil, &failure{status: http.StatusUnauthorized, message: "the token was refused before"}
	}
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return nil, &failure{status: 400, message: fmt.Sprintf("encode the request: %v", err)}
		}
	}
	route, _, _ := strings.Cut(method+" "+path, "?")
	if err := a.pace.admit(ctx, route, path); err != nil {
		return nil, err
	}
	var wrote atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }})
	o := &observed{next: a.transport}
	answer, err := a.rest.RequestWithLockedBucket(method, discordgo.EndpointAPI+path, "application/json", raw,
		discordgo.NewRatelimiter().LockBucket("own"), 0,
		discordgo.WithContext(traced), discordgo.WithClient(&http.Client{Transport: o, Timeout: requestTimeout}))
	if err == nil && into != nil {
		if err = json.Unmarshal(answer, into); err != nil {
			err = errors.New("the answer cannot be read")
		}
	}
	if err == nil {
		return o.header, nil
	}
	f := &failure{status: o.status, wrote: wrote.Load()}
	if o.status < 400 {
		f.err = cause(err)
		f.message = f.err.Error()
		return o.header, f
	}
	f.read(o.header, answer)
	a.pace.heed(route, f)
	// A page is a proxy's, and a code may be about an interaction's token.
	if f.status == http.StatusUnauthorized && !f.html && f.code != invalidToken {
		a.tokenRefused()
	}
	return o.header, f
}

// cause is an error without the address, which may hold the token of an
// interaction.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// failure is a request that did not succeed. It holds nothing of the request:
// the library's own error holds the bot's token.
type failure struct {
	status  int  // 0 without an answer
	wrote   bool // whether any of the request went out
	html    bool // the answer is Cloudflare's, not Discord's
	code    int  // https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
	message string
	err     error         // why there is no answer
	after   time.Duration // of a rate limit
	global  bool          // it holds everything
}

func (f *failure) Error() string {
	switch {
	case f.status == 0:
		return "no answer: " + f.message
	case f.code != 0:
		return fmt.Sprintf("HTTP %d, code %d: %s", f.status, f.code, f.message)
	}
	return fmt.Sprintf("HTTP %d: %s", f.status, f.message)
}

func (f *failure) Unwrap() error { return f.err }

func (f *failure) read(header http.Header, body []byte) {
	var answer struct {
		Code       int             `json:"code"`
		Message    string          `json:"message"`
		Errors     json.RawMessage `json:"errors"`
		RetryAfter float64         `json:"retry_after"`
		Global     bool            `json:"global"`
	}
	// The body is the more exact; a page of Cloudflare has the header alone.
	if seconds, err := strconv.ParseFloat(header.Get("Retry-After"), 64); err == nil && seconds > 0 {
		f.after = time.Duration(min(seconds, mostAfter) * float64(time.Second))
	}
	if json.Unmarshal(body, &answer) != nil {
		f.html = true
		f.message = http.StatusText(f.status)
		return
	}
	f.code, f.message = answer.Code, answer.Message
	if wrong := wrongFields(answer.Errors); wrong != "" {
		f.message += " (" + wrong + ")"
	}
	if answer.RetryAfter > 0 {
		f.after = time.Duration(min(answer.RetryAfter, mostAfter) * float64(time.Second))
	}
	f.global = answer.Global || header.Get("X-RateLimit-Global") != "" || header.Get("X-RateLimit-Scope") == "global"
}

// mostAfter is the longest wait, in seconds, that is believed.
const mostAfter = 7 * 24 * 60 * 60

// wrongFields names the fields that Discord refuses, with its codes. Its
// sentences are left out: they may quote what was sent.
// https://discord.com/developers/docs/reference#error-messages
func wrongFields(raw json.RawMessage) string {
	var tree map[string]any
	if len(raw) == 0 || json.Unmarshal(raw, &tree) != nil {
		return ""
	}
	var found []string
	var walk func(path string, node map[string]any)
	walk = func(path string, node map[string]any) {
		for _, key := range slices.Sorted(maps.Keys(node)) {
			if list, ok := node[key].([]any); ok && key == "_errors" {
				for _, e := range list {
					entry, _ := e.(map[string]any)
					found = append(found, fmt.Sprintf("%s: %v", strings.TrimPrefix(path, "."), entry["code"]))
				}
			} else if inner, ok := node[key].(map[string]any); ok {
				walk(path+"."+key, inner)
			}
		}
	}
	walk("", tree)
	return strings.Join(found, ", ")
}
