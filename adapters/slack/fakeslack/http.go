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
	"net/http"
	"net/url"
	"strconv"
)

// DeliverHTTP makes payloads go as signed HTTP requests to an address instead of over sockets: events as JSON, interactions as a
// form with a payload, slash commands as a form (https://docs.slack.dev/apis/events-api/comparing-http-socket-mode).
// The client is http.DefaultClient when nil; its transport may hand requests to a handler in memory. An empty address
// goes back to sockets.
func (s *Server) DeliverHTTP(address string, client *http.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if client == nil {
		client = http.DefaultClient
	}
	s.via, s.viaHTTP = address, client
}

// VerifyURL does the handshake of a request URL: the challenge must come back
// (https://docs.slack.dev/reference/events/url_verification).
func (s *Server) VerifyURL(ctx context.Context) error {
	s.mu.Lock()
	via := s.via
	s.mu.Unlock()
	raw, err := s.post(ctx, via, "application/json", []byte(`{"token":"fake-verification","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}`), 0)
	if err != nil {
		return fmt.Errorf("verify the request URL: %w", err)
	}
	if !bytes.Contains(raw, []byte("3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P")) {
		return errors.New("verify the request URL: the challenge did not come back")
	}
	return nil
}

// Sign returns the headers of a signed request (https://docs.slack.dev/authentication/verifying-requests-from-slack).
func (s *Server) Sign(body []byte) http.Header {
	stamp := strconv.FormatInt(s.o.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(s.SigningSecret()))
	_, _ = fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
	h := http.Header{}
	h.Set("X-Slack-Request-Timestamp", stamp)
	h.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return h
}

func (s *Server) deliverHTTP(ctx context.Context, address string, first *payload, sends []*payload) (json.RawMessage, error) {
	var result json.RawMessage
	var problems []error
	for _, p := range sends {
		kind, body, err := p.encode()
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		retry := p.attempts
		p.attempts++
		s.mu.Unlock()
		raw, err := s.post(ctx, address, kind, body, retry)
		if err != nil {
			s.mu.Lock()
			s.remember(p)
			s.mu.Unlock()
			problems = append(problems, fmt.Errorf("deliver %s: %w: %w", p.kind, ErrNotAcknowledged, err))
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

func (s *Server) post(ctx context.Context, address, contentType string, body []byte, retry int) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = s.Sign(body)
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
	if retry > 0 {
		// https://docs.slack.dev/apis/events-api#retries
		r.Header.Set("X-Slack-Retry-Num", strconv.Itoa(retry))
		r.Header.Set("X-Slack-Retry-Reason", "http_timeout")
	}
	s.mu.Lock()
	client := s.viaHTTP
	s.mu.Unlock()
	if client == nil {
		return nil, errors.New("no address to deliver to")
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 != 2 {
		return nil, fmt.Errorf("status %d", answer.StatusCode)
	}
	return raw, nil
}
