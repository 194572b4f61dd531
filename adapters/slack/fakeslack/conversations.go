package fakeslack

import (
	"encoding/base64"
	"slices"
	"strings"
)

// scopeFor is the scope that reading a conversation needs, by its kind
// (https://docs.slack.dev/reference/methods/conversations.history#facts).
func (c *channel) scopeFor(action string) string {
	return map[channelKind]string{
		publicChannel: "channels:", privateChannel: "groups:", directMessage: "im:", groupMessage: "mpim:",
	}[c.kind] + action
}

// readable finds a conversation that the bot may see, with the scope for it. The caller holds s.mu.
func (s *Server) readable(id, action string) (*channel, answer) {
	c := s.channels[id]
	if c == nil {
		return nil, fail("channel_not_found")
	}
	if refused := s.need(c.scopeFor(action)); refused != nil {
		return nil, refused
	}
	if c.kind != publicChannel && !slices.Contains(c.members, s.bot.ID) {
		return nil, fail("channel_not_found")
	}
	return c, nil
}

// conversationsOpen finds or makes the conversation with one to eight people; the same people get the same one
// (https://docs.slack.dev/reference/methods/conversations.open).
func (s *Server) conversationsOpen(a args) answer {
	if id := a.text("channel"); id != "" {
		c, refused := s.readable(id, "read")
		if refused != nil {
			return refused
		}
		return answer{"no_op": true, "already_open": true, "channel": map[string]any{"id": c.ID}}
	}
	var users []string
	for u := range strings.SplitSeq(a.text("users"), ",") {
		u = strings.TrimSpace(u)
		if u == "" || u == s.bot.ID || slices.Contains(users, u) {
			continue
		}
		users = append(users, u)
	}
	switch {
	case len(users) == 0:
		return fail("users_list_not_supplied")
	case len(users) > 8:
		return fail("too_many_users")
	}
	scope := "im:write"
	if len(users) > 1 {
		scope = "mpim:write"
	}
	if refused := s.need(scope); refused != nil {
		return refused
	}
	for _, u := range users {
		switch {
		case s.users[u] == nil:
			return fail("user_not_found")
		case s.users[u].Deleted:
			return fail("user_disabled")
		}
	}
	c, made := s.open(users)
	result := answer{"channel": map[string]any{"id": c.ID}}
	if !made {
		result["no_op"], result["already_open"] = true, true
	}
	if a.truth("return_im") {
		result["channel"] = s.channelJSON(c, false)
	}
	return result
}

func (s *Server) conversationsInfo(a args) answer {
	c, refused := s.readable(a.text("channel"), "read")
	if refused != nil {
		return refused
	}
	j := s.channelJSON(c, a.truth("include_locale"))
	if a.truth("include_num_members") {
		j["num_members"] = len(c.members)
	}
	return answer{"channel": j}
}

func (s *Server) channelJSON(c *channel, withLocale bool) map[string]any {
	j := map[string]any{
		"id": c.ID, "created": c.created.Unix(), "is_archived": c.Archived, "is_channel": c.kind == publicChannel,
		"is_group": c.kind == privateChannel, "is_im": c.kind == directMessage, "is_mpim": c.kind == groupMessage,
		"is_private": c.kind != publicChannel, "is_shared": false, "is_ext_shared": false, "is_org_shared": false,
		"is_general": c.Name == "general", "context_team_id": s.o.TeamID,
	}
	if c.kind == directMessage {
		for _, m := range c.members {
			if m != s.bot.ID {
				j["user"] = m
			}
		}
	} else {
		j["name"], j["name_normalized"] = c.Name, c.Name
		j["is_member"] = slices.Contains(c.members, s.bot.ID)
		j["topic"] = map[string]any{"value": "", "creator": "", "last_set": 0}
		j["purpose"] = map[string]any{"value": "", "creator": "", "last_set": 0}
	}
	if withLocale {
		j["locale"] = c.Locale
	}
	return j
}

// history and replies both page by cursor, newest first and oldest first
// (https://docs.slack.dev/reference/methods/conversations.history, .../conversations.replies).
func (s *Server) history(a args) answer {
	c, refused := s.historic(a)
	if refused != nil {
		return refused
	}
	var list []*Message
	for _, m := range slices.Backward(c.messages) {
		// Replies are not in the channel's own history.
		if m.EphemeralTo == "" && !m.Deleted && (m.ThreadTS == "" || m.ThreadTS == m.TS) && within(a, m.TS) {
			list = append(list, m)
		}
	}
	return s.paged(a, list, 100)
}

func (s *Server) replies(a args) answer {
	c, refused := s.historic(a)
	if refused != nil {
		return refused
	}
	root, refused := c.thread(a.text("ts"))
	if refused != nil {
		return refused
	}
	var list []*Message
	for _, m := range c.messages {
		if m.EphemeralTo != "" || m.Deleted {
			continue
		}
		if m.TS == root || m.ThreadTS == root && within(a, m.TS) {
			list = append(list, m)
		}
	}
	return s.paged(a, list, 1000)
}

func (s *Server) historic(a args) (*channel, answer) {
	c, refused := s.readable(a.text("channel"), "history")
	if refused != nil {
		return nil, refused
	}
	if !slices.Contains(c.members, s.bot.ID) {
		return nil, fail("not_in_channel")
	}
	for _, name := range []string{"oldest", "latest"} {
		if v := a.text(name); v != "" && !isTimestamp(v) {
			return nil, fail("invalid_ts_" + name)
		}
	}
	return c, nil
}

func isTimestamp(v string) bool {
	return strings.Trim(v, "0123456789.") == "" && strings.Count(v, ".") <= 1
}

// within says whether a timestamp lies between oldest and latest, which are left out themselves unless inclusive.
func within(a args, ts string) bool {
	oldest, latest := pad(a.text("oldest")), pad(a.text("latest"))
	if oldest != "" && (before(ts, oldest) || ts == oldest && !a.truth("inclusive")) {
		return false
	}
	return latest == "" || before(ts, latest) || ts == latest && a.truth("inclusive")
}

// pad gives a timestamp its six decimals, so that texts compare as times do.
func pad(ts string) string {
	if ts == "" || ts == "0" {
		return ""
	}
	seconds, decimals, _ := strings.Cut(ts, ".")
	return seconds + "." + (decimals + "000000")[:6]
}

func (s *Server) paged(a args, list []*Message, most int) answer {
	limit := a.number("limit", most)
	if limit < 1 || limit > 1000 {
		return fail("invalid_limit")
	}
	start, refused := from(a)
	if refused != nil {
		return refused
	}
	end := min(start+limit, len(list))
	messages := []any{}
	for _, m := range list[min(start, len(list)):end] {
		messages = append(messages, s.messageJSON(m, a.truth("include_all_metadata")))
	}
	result := answer{"messages": messages, "has_more": end < len(list)}
	result["response_metadata"] = map[string]any{"next_cursor": cursor(end, len(list))}
	return result
}

// A cursor is opaque to the client (https://docs.slack.dev/apis/web-api/pagination).
func cursor(next, total int) string {
	if next >= total {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte("next:" + strings.Repeat("i", next)))
}

func from(a args) (int, answer) {
	c := a.text("cursor")
	if c == "" {
		return 0, nil
	}
	raw, err := base64.StdEncoding.DecodeString(c)
	if err != nil || !strings.HasPrefix(string(raw), "next:") {
		return 0, fail("invalid_cursor")
	}
	return len(raw) - len("next:"), nil
}

func (s *Server) conversationsMembers(a args) answer {
	c, refused := s.readable(a.text("channel"), "read")
	if refused != nil {
		return refused
	}
	return pageOf(a, "members", c.members)
}

func (s *Server) conversationsList(a args) answer {
	types := a.text("types")
	if types == "" {
		types = "public_channel"
	}
	var list []map[string]any
	for t := range strings.SplitSeq(types, ",") {
		kind := map[string]channelKind{
			"public_channel": publicChannel, "private_channel": privateChannel, "im": directMessage, "mpim": groupMessage,
		}[strings.TrimSpace(t)]
		if kind == "" {
			return fail("invalid_types")
		}
		if refused := s.need((&channel{kind: kind}).scopeFor("read")); refused != nil {
			return refused
		}
		for _, id := range s.chOrder {
			c := s.channels[id]
			visible := c.kind == publicChannel || slices.Contains(c.members, s.bot.ID)
			if c.kind == kind && visible && !(c.Archived && a.truth("exclude_archived")) {
				list = append(list, s.channelJSON(c, false))
			}
		}
	}
	return pageOf(a, "channels", list)
}

func pageOf[T any](a args, name string, list []T) answer {
	limit := a.number("limit", 100)
	if limit < 1 || limit > 1000 {
		return fail("invalid_limit")
	}
	start, refused := from(a)
	if refused != nil {
		return refused
	}
	end := min(start+limit, len(list))
	page := append([]T{}, list[min(start, len(list)):end]...)
	return answer{name: page, "response_metadata": map[string]any{"next_cursor": cursor(end, len(list))}}
}
