package discord

import (
	"errors"
	"regexp"
	"strings"
)

// errToken ends a run: with a wrong token every request is an invalid one, of
// which 10,000 in ten minutes make Discord ban the address.
// https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
var errToken = errors.New("discord refuses the bot's token: set PROCURABOT_DISCORD_BOT_TOKEN to the one on the Bot page of https://discord.com/developers/applications and start again; what is to be sent until then waits")

// tokenRefused ends the run, and all requests, until there is another token:
// that means a restart.
func (a *Adapter) tokenRefused() {
	a.refused.Store(true)
	if end := a.end.Load(); end != nil {
		(*end)(errToken)
	}
}

// notAToken tells by its form what was given in place of a bot's token: three
// parts with dots between them. It is "" for what may be one.
// https://discord.com/developers/docs/reference#authentication
func notAToken(s string) string {
	is := func(pattern string) bool { return regexp.MustCompile(pattern).MatchString(s) }
	scheme, _, spaced := strings.Cut(s, " ")
	switch {
	case spaced && (strings.EqualFold(scheme, "Bot") || strings.EqualFold(scheme, "Bearer")):
		return `it has "` + scheme + ` " before it, which is to be left out`
	case strings.TrimSpace(s) != s || strings.ContainsAny(s, "\"'"):
		return "it has spaces or quotation marks around it, which are to be left out"
	case is(`^[0-9a-fA-F]{64}$`):
		return "it is a public key, of the General Information page"
	case is(`^[0-9]{15,20}$`):
		return "it is an application's or a person's id"
	case is(`^[A-Za-z0-9_-]{32}$`):
		return "it is a client secret, of the OAuth2 page"
	case strings.Count(s, ".") != 2:
		return "it is no bot token: that has three parts with dots between them"
	}
	return ""
}
