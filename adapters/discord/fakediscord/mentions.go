package fakediscord

import (
	"regexp"
	"slices"
	"strings"
)

// AllowedMentions says which mentions of a message may notify.
// https://discord.com/developers/docs/resources/message#allowed-mentions-object
type AllowedMentions struct {
	Parse       *[]string `json:"parse"`
	Users       []string  `json:"users"`
	Roles       []string  `json:"roles"`
	RepliedUser bool      `json:"replied_user"`
}

func (a *AllowedMentions) check() *apiError {
	if a == nil {
		return nil
	}
	if len(a.Users) > 100 || len(a.Roles) > 100 {
		return invalidForm("allowed_mentions", "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length.")
	}
	if a.Parse == nil {
		return nil
	}
	for _, p := range *a.Parse {
		exclusive := p == "users" && len(a.Users) > 0 || p == "roles" && len(a.Roles) > 0
		switch {
		case exclusive:
			return invalidForm("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
				"parse:[%q] and %s: [ids...] are mutually exclusive.", p, p)
		case p != "users" && p != "roles" && p != "everyone":
			return invalidForm("allowed_mentions.parse", "BASE_TYPE_CHOICES", "Value must be one of {'users', 'roles', 'everyone'}.")
		}
	}
	return nil
}

// reading is made anew at each call: a package holds no state here.
func reading(text string, pattern string) []string {
	var ids []string
	for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		if id := found[1]; !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// mentioned returns the ids of the users whom the text mentions.
// https://discord.com/developers/docs/reference#message-formatting
func mentioned(text string) []string { return reading(text, `<@!?(\d+)>`) }

// pings returns the mentions that come alive. Mentions inside code marks are
// counted too: whoever relies on the marks to silence them is told here.
//
// Without allowed_mentions everything is parsed in a message of the bot, and
// users alone in answers to interactions and webhooks. Role mentions need a
// role that can be mentioned or the permission; the server has no such roles.
func (s *Server) pings(m *Message, c *channel) []string {
	bare := *m
	bare.AllowedMentions, bare.Reference = nil, ""
	m.Written = s.parsed(&bare, c)
	return s.parsed(m, c)
}

func (s *Server) parsed(m *Message, c *channel) []string {
	text := m.Content
	for _, t := range displayed(m.Components) {
		text += "\n" + t
	}
	parse := []string{"users", "roles", "everyone"}
	if m.webhook {
		parse = []string{"users"}
	}
	var users, roles []string
	replied := true
	if a := m.AllowedMentions; a != nil {
		parse, users, roles, replied = nil, a.Users, a.Roles, a.RepliedUser
		if a.Parse != nil {
			parse = *a.Parse
		}
	}
	all := s.permissions(c, m.Author).has(MentionEveryone)
	var alive []string
	add := func(p string) {
		if !slices.Contains(alive, p) {
			alive = append(alive, p)
		}
	}
	for _, id := range mentioned(text) {
		if s.users[id] != nil && (slices.Contains(parse, "users") || slices.Contains(users, id)) {
			add("<@" + id + ">")
		}
	}
	for _, id := range reading(text, `<@&(\d+)>`) {
		if all && (slices.Contains(parse, "roles") || slices.Contains(roles, id)) {
			add("<@&" + id + ">")
		}
	}
	if all && c.Kind != DM && slices.Contains(parse, "everyone") {
		for _, word := range []string{"@everyone", "@here"} {
			if strings.Contains(text, word) {
				add(word)
			}
		}
	}
	if r := s.messages[m.Reference]; r != nil && replied && r.Author != m.Author {
		add("<@" + r.Author + ">")
	}
	return alive
}
