package fakeslack

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// A response URL answers an interaction up to five times within thirty minutes, without a token
// (https://docs.slack.dev/interactivity/handling-user-interaction#message_responses).
const (
	responseUses = 5
	responseLife = 30 * time.Minute
)

type responseURL struct {
	id, url  string
	user     string
	channel  string
	original string // the message that was acted on; empty for a command
	thread   string
	made     time.Time
	uses     int
}

func (s *Server) newHook(user, channel, original, thread string) *responseURL {
	s.serial++
	id := fmt.Sprintf("hook%d", s.serial)
	h := &responseURL{
		id: id, url: s.base + "/commands/" + s.o.TeamID + "/" + id, user: user, channel: channel, original: original, thread: thread,
		made: s.o.Now(),
	}
	s.hooks[id] = h
	return h
}

func (s *Server) serveResponseURL(w http.ResponseWriter, r *http.Request) {
	a, err := readArgs(r)
	s.handle(w, r, "response_url", a, func() answer {
		h := s.hooks[r.PathValue("hook")]
		switch {
		case err != nil:
			return answer{"ok": false, "error": "invalid_payload", "http_status": http.StatusBadRequest}
		case h == nil:
			return answer{"ok": false, "error": "expired_url", "http_status": http.StatusNotFound}
		case s.o.Now().Sub(h.made) > responseLife:
			return answer{"ok": false, "error": "expired_url", "http_status": http.StatusNotFound}
		case h.uses >= responseUses:
			return answer{"ok": false, "error": "used_url", "http_status": http.StatusNotFound}
		}
		m, refused := s.respond(h, a, false)
		if refused != nil {
			refused["http_status"] = http.StatusBadRequest
			return refused
		}
		h.uses++
		_ = m
		return answer{"ok": true}
	})
}

// respond does what the body of a response asks for: a new message, ephemeral unless in_channel, or a change of the
// original. A bare acknowledgement of a command has the same form. The caller holds s.mu.
func (s *Server) respond(h *responseURL, a args, acknowledging bool) (*Message, answer) {
	c := s.channels[h.channel]
	original := c.find(h.original)
	if a.truth("delete_original") {
		if original == nil {
			return nil, fail("message_not_found")
		}
		original.Deleted = true
		return nil, nil
	}
	if acknowledging && a.text("text") == "" && a["blocks"] == nil {
		return nil, nil
	}
	if a.truth("replace_original") && original != nil {
		next := *original
		next.Blocks = nil
		if refused := s.content(a, &next); refused != nil {
			return nil, refused
		}
		next.History, next.Edited = append(slices.Clone(original.History), original.Text), true
		*original = next
		return original, nil
	}
	m := &Message{Channel: c.ID, User: s.bot.ID, byBot: true}
	if refused := s.content(a, m); refused != nil {
		return nil, refused
	}
	if m.Text == "" && len(m.Blocks) == 0 {
		return nil, fail("no_text")
	}
	// A response is ephemeral by default, in the thread only where it says so.
	switch a.text("response_type") {
	case "", "ephemeral":
		m.EphemeralTo = h.user
	case "in_channel":
	default:
		return nil, fail("invalid_response_type")
	}
	m.ThreadTS = a.text("thread_ts")
	s.add(c, m)
	return m, nil
}
