// Package showcase is a page that shows one conversation on Slack and on
// Discord, side by side: what an organiser can see before there is a token.
//
//	page ── Say, Press, Submit ──▶ fakeslack, fakediscord ◀──▶ the real adapters ◀──▶ engine
//	  ▲                                      │
//	  └── blocks, content, components ───────┘
//
// What is drawn is what the fakes have stored: the platform's own payload, as
// the real client library sent it and as the platform would have taken it. What
// the bot meant to say is not known here, so that an escape that is wrong looks
// wrong. The pages imitate no logo, font or artwork of anybody's.
package showcase
