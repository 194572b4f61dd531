package playground

import (
	"regexp"
	"strings"

	"procurabot/internal/markup"
)

// mention is the bot's name as a word of its own.
var mention = regexp.MustCompile(`(?i)(?:^|[^\pL\pN_.@])(@(?:` + BotName + `|bot))(?:$|[^\pL\pN_])`)

// cutMention takes the mentions of the bot away.
func cutMention(text string) (rest string, found bool) {
	for {
		at := mention.FindStringSubmatchIndex(text)
		if at == nil {
			return text, found
		}
		found = true
		before, after := text[:at[2]], text[at[3]:]
		if before == "" || strings.HasSuffix(before, " ") {
			after = strings.TrimLeft(after, " ")
		}
		if after == "" {
			before = strings.TrimRight(before, " ")
		}
		text = before + after
	}
}

// shownMention is the text as the platform shows it.
func shownMention(text string) string {
	for from := 0; ; {
		at := mention.FindStringSubmatchIndex(text[from:])
		if at == nil {
			return markup.Clean(text)
		}
		text = text[:from+at[2]] + "@" + BotName + text[from+at[3]:]
		from += at[2] + len("@"+BotName)
	}
}
