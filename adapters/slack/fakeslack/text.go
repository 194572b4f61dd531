package fakeslack

import (
	"regexp"
	"slices"
	"strings"
)

// unescape turns Slack's three entities back (https://docs.slack.dev/messaging/formatting-message-text#escaping).
func unescape(text string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}

// parsed is what came alive in a message.
type parsed struct{ alive, links []string }

func (p *parsed) add(list *[]string, found string) {
	if !slices.Contains(*list, found) {
		*list = append(*list, found)
	}
}

// scan reads one text as Slack would. Angle brackets always work in mrkdwn; names and addresses are found by themselves
// unless the text is verbatim (https://docs.slack.dev/messaging/formatting-message-text#automatic-parsing).
func (s *Server) scan(p *parsed, text string, auto bool) {
	rest := angle().ReplaceAllStringFunc(text, func(found string) string {
		inner := found[1 : len(found)-1]
		target, _, _ := strings.Cut(inner, "|")
		switch {
		case strings.HasPrefix(target, "!date^"):
			// A date is rendered, and mentions nobody.
		case strings.HasPrefix(target, "@"), strings.HasPrefix(target, "#"), strings.HasPrefix(target, "!"):
			p.add(&p.alive, "<"+target+">")
		case address().MatchString(target):
			p.add(&p.links, target)
		}
		return " "
	})
	if !auto {
		return
	}
	for _, found := range address().FindAllString(rest, -1) {
		p.add(&p.links, unescape(found))
	}
	for _, found := range name().FindAllStringSubmatch(rest, -1) {
		word := strings.TrimRight(found[1], ".-_")
		switch {
		case slices.Contains([]string{"@here", "@channel", "@everyone"}, word):
			p.add(&p.alive, word)
		case word[0] == '@':
			for _, u := range s.users {
				if u.Name != "" && word[1:] == u.Name {
					p.add(&p.alive, word)
				}
			}
		default:
			for _, c := range s.channels {
				if c.Name != "" && word[1:] == c.Name {
					p.add(&p.alive, word)
				}
			}
		}
	}
}

func angle() *regexp.Regexp { return regexp.MustCompile(`<[^<>\n]+>`) }
func address() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(?:https?://|mailto:)[^\s<>|]+`)
}
func name() *regexp.Regexp { return regexp.MustCompile(`(?:^|[^\pL\pN&/])([@#][\pL\pN][\pL\pN._-]*)`) }

// parse reads the whole of a message. linkNames and full are the arguments link_names and parse=full. The caller holds s.mu.
func (s *Server) parse(m *Message, linkNames, full bool) {
	p := &parsed{}
	// Addresses in the top-level text always become links; names only when asked for
	// (https://docs.slack.dev/reference/methods/chat.postMessage#arg_link_names).
	s.scan(p, m.Text, linkNames || full)
	if !linkNames && !full {
		for _, found := range address().FindAllString(angle().ReplaceAllString(m.Text, " "), -1) {
			p.add(&p.links, unescape(found))
		}
	}
	for _, b := range m.Blocks {
		s.parseIn(p, map[string]any(b))
	}
	m.Alive, m.Links = p.alive, p.links
}

func (s *Server) parseIn(p *parsed, v any) {
	switch v := v.(type) {
	case map[string]any:
		text, _ := v["text"].(string)
		switch v["type"] {
		case "mrkdwn":
			// verbatim is false by default (https://docs.slack.dev/reference/block-kit/composition-objects/text-object).
			s.scan(p, text, v["verbatim"] != true)
			return
		case "markdown":
			s.scan(p, text, true)
			return
		case "user":
			if id, ok := v["user_id"].(string); ok {
				p.add(&p.alive, "<@"+id+">")
			}
		case "channel":
			if id, ok := v["channel_id"].(string); ok {
				p.add(&p.alive, "<#"+id+">")
			}
		case "broadcast":
			if word, ok := v["range"].(string); ok {
				p.add(&p.alive, "<!"+word+">")
			}
		case "link":
			if url, ok := v["url"].(string); ok {
				p.add(&p.links, url)
			}
		}
		for _, k := range sortedKeys(v) {
			s.parseIn(p, v[k])
		}
	case []any:
		for _, x := range v {
			s.parseIn(p, x)
		}
	}
}
