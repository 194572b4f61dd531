package slack

import (
	"regexp"
	"strings"

	"procurabot/bot"
)

// references are what Slack puts into angle brackets; what people typed there
// itself comes as entities
// (https://docs.slack.dev/messaging/formatting-message-text#retrieving-messages).
var references = regexp.MustCompile(`<[^<>]+>`)

var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// written turns Slack's escapes back into what the person wrote. Name gives the
// name of a user or a channel, or "".
func written(text string, name func(id string) string) string {
	var b strings.Builder
	at := 0
	for _, m := range references.FindAllStringIndex(text, -1) {
		b.WriteString(entities.Replace(text[at:m[0]]))
		b.WriteString(entities.Replace(reference(text[m[0]+1:m[1]-1], name)))
		at = m[1]
	}
	b.WriteString(entities.Replace(text[at:]))
	return b.String()
}

func reference(inner string, name func(id string) string) string {
	target, label, labelled := strings.Cut(inner, "|")
	called := func(mark, id string) string {
		if !labelled || label == "" {
			label = name(id)
		}
		if label == "" {
			label = id
		}
		return mark + strings.TrimPrefix(label, mark)
	}
	switch {
	case strings.HasPrefix(target, "@"), strings.HasPrefix(target, "#"):
		return called(target[:1], target[1:])
	case strings.HasPrefix(target, "!subteam^"):
		return called("@", strings.TrimPrefix(target, "!subteam^"))
	case strings.HasPrefix(target, "!date^"):
		return label
	case strings.HasPrefix(target, "!"):
		return "@" + target[1:] // !here, !channel, !everyone
	case !labelled || label == "":
		return target
	case strings.Contains(target, label):
		return label // an address that Slack found by itself: what was typed is its label
	default:
		return label + " (" + target + ")"
	}
}

// unmentioned takes the mention of the bot away. Found says whether there was one.
func unmentioned(text, user string) (rest string, found bool) {
	if user == "" {
		return text, false
	}
	mention := regexp.MustCompile(`[ \t]*<@` + regexp.QuoteMeta(user) + `(\|[^<>]*)?>[,:]?[ \t]*`)
	if !mention.MatchString(text) {
		return text, false
	}
	return strings.TrimSpace(mention.ReplaceAllStringFunc(text, func(m string) string {
		if m[len(m)-1] == ' ' {
			return " "
		}
		return "" // before a question mark, or at a line's end
	})), true
}

var mentioned = regexp.MustCompile(`<@([A-Z0-9]+)(\|[^<>]*)?>`)

// accounts puts accounts in the place of the people named in a command. It needs
// the command's setting "Escape channels, users, and links sent to your app"
// (https://docs.slack.dev/interactivity/implementing-slash-commands#escaping).
func accounts(text, team string) string {
	return mentioned.ReplaceAllStringFunc(text, func(m string) string {
		id := mentioned.FindStringSubmatch(m)[1]
		return bot.Account{Platform: Platform, Realm: bot.SpaceID(team), User: bot.UserID(id)}.String()
	})
}
