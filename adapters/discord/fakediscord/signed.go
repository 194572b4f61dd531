package fakediscord

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"
)

// endpoint is where interactions go when they come over HTTP. The Gateway then
// carries none: the two ways exclude each other.
// https://discord.com/developers/docs/interactions/overview#preparing-for-interactions
type endpoint struct {
	url     string
	client  *http.Client
	removed bool // a check failed
}

// SignedFault is a way in which an interaction by HTTP is delivered otherwise
// than once and in time.
type SignedFault int

// The ways. What must not be accepted is sent beside the real request.
const (
	// WrongSignature sends it with another signature first, as Discord's own checks do.
	WrongSignature SignedFault = iota + 1
	// OldTimestamp sends it first as it was signed a quarter of an hour ago.
	OldTimestamp
	// Replayed sends it twice, to the letter.
	Replayed
	// SignedAgain sends it twice, each signed on its own.
	SignedAgain
	// HungUp closes the connection before the answer to the request is read.
	HungUp
)

// FailEndpoint makes the next times interactions by HTTP go wrong.
func (s *Server) FailEndpoint(times int, f SignedFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range times {
		s.spoilt = append(s.spoilt, f)
	}
}

// SignedRequest is an entry in the log of requests to the endpoint.
type SignedRequest struct {
	// What is "ping", "check", "interaction", or what a fault made of it.
	What string
	// Status is that of the answer, 0 when none was read.
	Status int
}

// SignedRequests returns the requests to the endpoint so far, oldest first.
func (s *Server) SignedRequests() []SignedRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]SignedRequest(nil), s.signed...)
}

// EndpointRemoved tells whether a security check failed. "If you fail the
// validation, we will remove your interactions URL and alert you."
// https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint-validating-security-request-headers
func (s *Server) EndpointRemoved() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endpoint != nil && s.endpoint.removed
}

// SetEndpoint sends interactions to url from now on, signed. As the developer
// portal does, it first tries a PING, which wants a response of type 1, and one
// with a wrong signature, which wants status 401. An empty url goes back to the Gateway.
// https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint-acknowledging-ping-requests
func (s *Server) SetEndpoint(ctx context.Context, url string, client *http.Client) error {
	if url == "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.endpoint = nil
		return nil
	}
	e := &endpoint{url: url, client: client}
	status, body, err := s.sendSigned(ctx, e, "ping", s.Signed(s.ping()))
	if err != nil {
		return fmt.Errorf("set interactions endpoint: %w", err)
	}
	var pong struct{ Type int }
	if json.Unmarshal(body, &pong) != nil || status != http.StatusOK || pong.Type != ResponsePong {
		return fmt.Errorf("set interactions endpoint: PING answered with status %d and type %d", status, pong.Type)
	}
	if err := s.check(ctx, e); err != nil {
		return fmt.Errorf("set interactions endpoint: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoint = e
	return nil
}

func (s *Server) ping() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return encode(map[string]any{"id": s.snowflake(), "application_id": s.app, "type": kindPing, "token": "ping", "version": 1})
}

// CheckEndpoint is one of the "automated, routine security checks against your
// endpoint, including purposefully sending you invalid signatures". Where it
// fails the endpoint is removed, and interactions get no response.
// https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint-validating-security-request-headers
func (s *Server) CheckEndpoint(ctx context.Context) error {
	s.mu.Lock()
	e := s.endpoint
	s.mu.Unlock()
	if e == nil {
		return errors.New("check interactions endpoint: there is none")
	}
	err := s.check(ctx, e)
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		e.removed = true
		s.touch()
	}
	return err
}

func (s *Server) check(ctx context.Context, e *endpoint) error {
	status, _, err := s.sendSigned(ctx, e, "check", s.Signed(s.ping()).forged())
	if err == nil && status != http.StatusUnauthorized {
		err = fmt.Errorf("a wrong signature answered with status %d", status)
	}
	return err
}

// Signed is a request to an endpoint, not yet sent.
type Signed struct {
	Timestamp, Signature string
	Body                 []byte
}

// Signed signs a body for now.
// https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint-validating-security-request-headers
func (s *Server) Signed(body []byte) Signed { return s.SignedAt(body, s.options.Now()) }

// SignedAt signs a body for another time.
func (s *Server) SignedAt(body []byte, at time.Time) Signed {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return Signed{stamp, hex.EncodeToString(ed25519.Sign(s.key, append([]byte(stamp), body...))), body}
}

func (r Signed) forged() Signed {
	r.Signature = hex.EncodeToString(make([]byte, ed25519.SignatureSize))
	return r
}

// Request is the request over HTTP. Empty headers are left out.
func (r Signed) Request(ctx context.Context, url string) (*http.Request, error) {
	h, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	h.Header.Set("Content-Type", "application/json")
	h.Header.Set("User-Agent", "Discord-Interactions/1.0 (+https://discord.com)")
	if r.Timestamp != "" {
		h.Header.Set("X-Signature-Timestamp", r.Timestamp)
	}
	if r.Signature != "" {
		h.Header.Set("X-Signature-Ed25519", r.Signature)
	}
	return h, nil
}

// sendSigned sends one request and reads the answer.
func (s *Server) sendSigned(ctx context.Context, e *endpoint, what string, r Signed) (status int, body []byte, err error) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.signed = append(s.signed, SignedRequest{what, status})
		s.touch()
	}()
	h, err := r.Request(ctx, e.url)
	if err != nil {
		return 0, nil, err
	}
	answer, err := e.client.Do(h)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode, body, err
}

// post delivers an interaction, with the fault that is due.
func (s *Server) post(e *endpoint, i *interaction, payload map[string]any) {
	ctx, cancel := context.WithTimeout(context.Background(), s.options.ResponseDue)
	defer cancel()
	s.mu.Lock()
	removed := e.removed
	var f SignedFault
	if len(s.spoilt) > 0 && !removed {
		f, s.spoilt = s.spoilt[0], s.spoilt[1:]
	}
	s.mu.Unlock()
	if removed {
		s.refuse(i, "the endpoint was removed")
		return
	}
	r := s.Signed(encode(payload))
	switch f {
	case WrongSignature:
		_, _, _ = s.sendSigned(ctx, e, "wrong signature", r.forged())
	case OldTimestamp:
		_, _, _ = s.sendSigned(ctx, e, "old timestamp", s.SignedAt(r.Body, s.options.Now().Add(-15*time.Minute)))
	case HungUp:
		_, _, _ = s.sendSigned(ctx, e.leaving(), "hung up", r)
		return
	}
	s.offer(ctx, e, i, r)
	switch f {
	case Replayed:
		_, _, _ = s.sendSigned(ctx, e, "replayed", r)
	case SignedAgain:
		_, _, _ = s.sendSigned(ctx, e, "signed again", s.SignedAt(r.Body, s.options.Now().Add(time.Second)))
	}
}

// offer sends an interaction once; the body of the answer is the first response,
// unless the status is 202: then a callback follows, and there is no body.
// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-callback
func (s *Server) offer(ctx context.Context, e *endpoint, i *interaction, r Signed) {
	status, body, err := s.sendSigned(ctx, e, "interaction", r)
	switch {
	case err != nil:
		s.refuse(i, err.Error())
	case status == http.StatusOK:
		s.mu.Lock()
		refused := s.respond(i, body, nil)
		s.mu.Unlock()
		if refused != nil {
			s.refuse(i, refused.Error())
		}
	case status != http.StatusAccepted:
		s.refuse(i, fmt.Sprintf("status %d", status))
	case len(body) > 0:
		s.refuse(i, "status 202 has a body")
	}
}

func (s *Server) refuse(i *interaction, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i.refusals = append(i.refusals, why)
}

// leaving is the endpoint for a client that hangs up as soon as the head of the
// answer is there.
func (e *endpoint) leaving() *endpoint {
	next := e.client.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	return &endpoint{url: e.url, client: &http.Client{Transport: leaving{next}}}
}

type leaving struct{ next http.RoundTripper }

func (l leaving) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body.Close()
	return nil, errors.New("hung up")
}

// Reach makes a client that reaches handler in memory, over HTTP as on a
// network, for as long as the server lives.
func (s *Server) Reach(handler http.Handler) *http.Client {
	pipes := newPipeListener()
	program := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	way := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return pipes.dial(ctx) }}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.programs = append(s.programs, func() {
		way.CloseIdleConnections()
		_ = program.Close()
		_ = pipes.Close()
	})
	s.running.Go(func() { _ = program.Serve(pipes) })
	return &http.Client{Transport: way}
}
