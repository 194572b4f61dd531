package fakediscord

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// endpoint is where interactions go when they come over HTTP. The Gateway then
// carries none: the two ways exclude each other.
// https://discord.com/developers/docs/interactions/overview#preparing-for-interactions
type endpoint struct {
	url    string
	client *http.Client
}

// SetEndpoint sends interactions to url from now on, signed. As the developer
// portal does, it first tries a PING, which wants a response of type 1, and one
// with a wrong signature, which wants status 401. An empty url goes back to the Gateway.
func (s *Server) SetEndpoint(ctx context.Context, url string, client *http.Client) error {
	if url == "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.endpoint = nil
		return nil
	}
	e := &endpoint{url: url, client: client}
	ping := encode(map[string]any{"id": "1", "application_id": s.app, "type": kindPing, "token": "ping", "version": 1})
	status, body, err := s.sendSigned(ctx, e, ping, false)
	if err != nil {
		return fmt.Errorf("set interactions endpoint: %w", err)
	}
	var pong struct{ Type int }
	if json.Unmarshal(body, &pong) != nil || status != http.StatusOK || pong.Type != ResponsePong {
		return fmt.Errorf("set interactions endpoint: PING answered with status %d and type %d", status, pong.Type)
	}
	if status, _, err = s.sendSigned(ctx, e, ping, true); err != nil {
		return fmt.Errorf("set interactions endpoint: %w", err)
	}
	if status != http.StatusUnauthorized {
		return fmt.Errorf("set interactions endpoint: a wrong signature answered with status %d", status)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoint = e
	return nil
}

// Sign puts the two headers on a request with this body.
// https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint-validating-security-request-headers
func (s *Server) Sign(r *http.Request, body []byte) {
	stamp := strconv.FormatInt(s.options.Now().Unix(), 10)
	r.Header.Set("X-Signature-Timestamp", stamp)
	r.Header.Set("X-Signature-Ed25519", hex.EncodeToString(ed25519.Sign(s.key, append([]byte(stamp), body...))))
}

func (s *Server) sendSigned(ctx context.Context, e *endpoint, body []byte, wrong bool) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	s.Sign(r, body)
	if wrong {
		r.Header.Set("X-Signature-Ed25519", hex.EncodeToString(make([]byte, ed25519.SignatureSize)))
	}
	resp, err := e.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, data, err
}

// post delivers an interaction; the body of the answer is the first response,
// unless the status is 202 and a callback follows.
func (s *Server) post(e *endpoint, i *interaction, payload map[string]any) {
	ctx, cancel := context.WithTimeout(context.Background(), s.options.ResponseDue)
	defer cancel()
	status, body, err := s.sendSigned(ctx, e, encode(payload), false)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		i.refusals = append(i.refusals, err.Error())
	case status == http.StatusOK:
		if refused := s.respond(i, body, nil); refused != nil {
			i.refusals = append(i.refusals, refused.Error())
		}
	case status != http.StatusAccepted:
		i.refusals = append(i.refusals, fmt.Sprintf("status %d", status))
	}
}
