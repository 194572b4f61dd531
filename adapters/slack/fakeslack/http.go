package fakeslack

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// HTTPDelivery says where signed requests go: events as JSON, interactions as a form with a payload, slash commands as a form
// (https://docs.slack.dev/apis/events-api/comparing-http-socket-mode).
type HTTPDelivery struct {
	Events, Interactive, Commands string // request URLs
	// Client makes the requests; http.DefaultClient when nil. See [Server.Host] for a handler in memory.
	Client *http.Client
	// Retries makes events that were not answered 200 within [Options.AckTimeout] come again by themselves: nearly at once,
	// a minute later, and five minutes after that (https://docs.slack.dev/apis/events-api#retries). Without it they wait
	// for [Server.Redeliver].
	Retries bool
}

// Why an attempt failed, as X-Slack-Retry-Reason says it (https://docs.slack.dev/apis/events-api#retries).
const (
	timedOut         = "http_timeout"
	tooManyRedirects = "too_many_redirects"
	connectionFailed = "connection_failed"
	httpError        = "http_error"
)

// retryAfter are the waits before the three retries: the same page.
func retryAfter() []time.Duration { return []time.Duration{0, time.Minute, 5 * time.Minute} }

// Attempt is one request to the app.
type Attempt struct {
	EventID string // of an event
	Num     int    // X-Slack-Retry-Num; 0 is the first attempt
	Reason  string // X-Slack-Retry-Reason
	Status  int    // 0 is no answer
	At      time.Time
}

// DeliverHTTP makes payloads go as signed HTTP requests instead of over sockets. Without an address for events it goes back to
// sockets. Faults of these requests are those of the method [Deliveries].
func (s *Server) DeliverHTTP(d HTTPDelivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	client := http.Client{}
	if d.Client != nil {
		client = *d.Client
	}
	client.CheckRedirect = func(_ *http.Request, via []*http.Request) error {
		if len(via) > 2 { // https://docs.slack.dev/apis/events-api#failure-limits
			return errRedirects
		}
		return nil
	}
	d.Client = &client
	s.via = d
}

var errRedirects = errors.New("more than two redirects")

// Deliveries is the method under which [Fault] knows the requests to the app. ResetBefore keeps a request from the app, ResetAfter
// its answer from Slack, SlowAnswer holds the answer back, Status answers in the app's place.
const Deliveries = "delivery"

// Attempts is the log of requests to the app.
func (s *Server) Attempts() []Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Attempt{}, s.attempts...)
}

// Host serves a handler in memory until Close, and returns the client that reaches it, whatever host is asked for.
func (s *Server) Host(h http.Handler) *http.Client {
	l := newPipeListener()
	server := &http.Server{Handler: h}
	s.mu.Lock()
	s.hosted = append(s.hosted, server)
	s.running.Go(func() { _ = server.Serve(l) })
	s.mu.Unlock()
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return l.dial(ctx) },
	}}
}

// VerifyURL does the handshake of a request URL: the challenge must come back
// (https://docs.slack.dev/reference/events/url_verification).
func (s *Server) VerifyURL(ctx context.Context) error {
	const challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
	s.mu.Lock()
	via := s.via
	s.mu.Unlock()
	body := []byte(`{"token":"fake-verification","challenge":"` + challenge + `","type":"url_verification"}`)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, via.Events, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("verify the request URL: %w", err)
	}
	r.Header = s.Sign(body)
	r.Header.Set("Content-Type", "application/json")
	answer, err := via.Client.Do(r)
	if err != nil {
		return fmt.Errorf("verify the request URL: %w", err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	if err != nil {
		return fmt.Errorf("verify the request URL: %w", err)
	}
	if answer.StatusCode != http.StatusOK || !bytes.Contains(raw, []byte(challenge)) {
		return fmt.Errorf("verify the request URL: status %d, and the challenge did not come back", answer.StatusCode)
	}
	return nil
}

// Sign returns the headers of a signed request (https://docs.slack.dev/authentication/verifying-requests-from-slack).
func (s *Server) Sign(body []byte) http.Header { return s.SignAt(body, s.o.Now()) }

// SignAt signs as Slack does at a time.
func (s *Server) SignAt(body []byte, at time.Time) http.Header {
	return SignWith([]byte(s.SigningSecret()), body, at)
}

// SignWith signs as somebody does who has a secret.
func SignWith(secret, body []byte, at time.Time) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	_, _ = fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
	h := http.Header{}
	h.Set("X-Slack-Request-Timestamp", stamp)
	h.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return h
}

func (s *Server) deliverHTTP(ctx context.Context, first *payload, sends []*payload, late bool) (json.RawMessage, error) {
	var result json.RawMessage
	var problems []error
	for _, p := range sends {
		raw, err := s.post(ctx, p)
		if err != nil {
			problems = append(problems, fmt.Errorf("deliver %s: %w: %w", p.kind, ErrNotAcknowledged, err))
			s.later(p, err)
			continue
		}
		if late {
			problems = append(problems, s.tooLate(p))
			continue
		}
		if p == first && result == nil && json.Valid(raw) {
			result = raw
		} else if p == first && result == nil && len(raw) > 0 && p.kind == commands {
			// A slash command may be answered with plain text.
			if result, err = json.Marshal(map[string]string{"text": string(raw)}); err != nil {
				return nil, err
			}
		}
	}
	return result, errors.Join(problems...)
}

// later has an event come again, unless the app has asked for the contrary.
func (s *Server) later(p *payload, err error) {
	var f *failure
	if errors.As(err, &f) && f.noRetry {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.done:
		return
	default:
	}
	if !s.via.Retries || p.kind != events || p.retrying {
		s.remember(p)
		return
	}
	p.retrying = true
	s.running.Go(func() { s.retry(p) })
}

func (s *Server) retry(p *payload) {
	for _, wait := range retryAfter() {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.done:
			timer.Stop()
			return
		}
		ctx, cancel := context.WithTimeout(s.life, s.o.AckTimeout)
		_, err := s.post(ctx, p)
		cancel()
		var f *failure
		if err == nil || errors.As(err, &f) && f.noRetry {
			return
		}
	}
}

func (p *payload) encode() (contentType string, body []byte, err error) {
	raw, err := json.Marshal(p.body)
	if err != nil {
		return "", nil, fmt.Errorf("encode a payload: %w", err)
	}
	const form = "application/x-www-form-urlencoded"
	switch p.kind {
	case commands:
		values := url.Values{}
		for k, v := range p.body {
			values.Set(k, fmt.Sprint(v))
		}
		return form, []byte(values.Encode()), nil
	case interactive:
		return form, []byte(url.Values{"payload": {string(raw)}}.Encode()), nil
	default:
		return "application/json", raw, nil
	}
}

// failure is an attempt that was not acknowledged.
type failure struct {
	reason  string
	noRetry bool
	err     error
}

func (f *failure) Error() string { return f.reason + ": " + f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// post makes one attempt.
func (s *Server) post(ctx context.Context, p *payload) ([]byte, error) {
	contentType, body, err := p.encode()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	via, fault := s.via, s.takeDeliveryFault()
	at := s.o.Now()
	if !s.delivery.SameSecond && at.Unix() <= p.signed.Unix() {
		// Each attempt is signed anew. Slack makes the next one later; here no time needs to pass.
		at = p.signed.Add(time.Second)
	}
	p.signed = at
	this := Attempt{EventID: p.eventID(), Num: p.attempts, Reason: p.reason, At: s.o.Now()}
	p.attempts++
	s.mu.Unlock()
	raw, status, failed := s.request(ctx, via, fault, p.kind, contentType, body, this, at)
	this.Status = status
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts = append(s.attempts, this)
	if failed != nil {
		p.reason = failed.reason
		return nil, failed
	}
	s.acks = append(s.acks, AckRecord{Payload: raw, At: s.o.Now()})
	return raw, nil
}

func (s *Server) request(ctx context.Context, via HTTPDelivery, fault Fault, k kind, contentType string, body []byte, this Attempt, at time.Time) ([]byte, int, *failure) {
	switch fault.Kind {
	case ResetBefore:
		return nil, 0, &failure{reason: connectionFailed, err: errReset}
	case Status:
		return nil, fault.Status, &failure{reason: httpError, err: fmt.Errorf("status %d", fault.Status)}
	}
	address := map[kind]string{events: via.Events, interactive: via.Interactive, commands: via.Commands}[k]
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, 0, &failure{reason: connectionFailed, err: err}
	}
	r.Header = s.SignAt(body, at)
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
	// Only events are documented to be retried (https://docs.slack.dev/apis/events-api#retries).
	if this.Num > 0 && k == events {
		r.Header.Set("X-Slack-Retry-Num", strconv.Itoa(this.Num))
		r.Header.Set("X-Slack-Retry-Reason", this.Reason)
	}
	answer, err := via.Client.Do(r)
	if err != nil {
		reason := connectionFailed
		if errors.Is(err, context.DeadlineExceeded) {
			reason = timedOut
		} else if errors.Is(err, errRedirects) {
			reason = tooManyRedirects
		}
		return nil, 0, &failure{reason: reason, err: err}
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	switch {
	case err != nil:
		return nil, 0, &failure{reason: connectionFailed, err: err}
	case fault.Kind == ResetAfter:
		return nil, 0, &failure{reason: connectionFailed, err: errReset}
	case fault.Kind == SlowAnswer && !s.patient(ctx, fault.Wait):
		return nil, 0, &failure{reason: timedOut, err: context.DeadlineExceeded}
	case answer.StatusCode/100 != 2:
		// An app may ask not to be tried again: https://docs.slack.dev/apis/events-api#retries
		noRetry := answer.Header.Get("X-Slack-No-Retry") == "1"
		return nil, answer.StatusCode, &failure{reason: httpError, noRetry: noRetry, err: fmt.Errorf("status %d", answer.StatusCode)}
	}
	return raw, answer.StatusCode, nil
}

var errReset = errors.New("the connection was reset")

// patient waits, and says whether the answer came in time all the same.
func (s *Server) patient(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-s.done:
	}
	return false
}

func (p *payload) eventID() string {
	id, _ := p.body["event_id"].(string)
	return id
}
