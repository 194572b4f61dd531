// Package playground is a chat platform in memory, and a page that shows it.
//
// [Rooms] are the platform: people, channels, threads, direct messages with the
// bot, slash commands, buttons and forms. They are two things at once. To the
// bot they are a [bot.Adapter] like Slack or Discord, which [Rooms.Adapter]
// connects; to whoever plays the people they are a [bottest.Stage], on which
// conversation scripts and the page act.
//
//	page, script ── Say, Command, Press, Submit ──▶ Rooms ── Receive ──▶ engine
//	     ▲                                            │                    │
//	     └────── messages, forms, notices ────────────┘◀─────── Send ──────┘
//
// Rooms named "slack" or "discord" behave as that platform does where people can
// tell: a mention is answered in a thread or as a reply, a command arrives as
// text or as typed options, a refused field is shown beside it or not at all.
// Any other name behaves like Slack, and proposes commands as Discord does.
//
// Guarantees:
//
//   - What is not addressed to the bot never reaches it.
//   - Ids are unique, also across restarts of the process: they begin with the
//     time at which the rooms were made.
//   - Send shows one message an envelope id, however often it is called, and
//     Find says truthfully whether that happened.
//   - An act returns once the bot has acknowledged it. What it was shown at once
//     (a form, refused fields, a notice) is then on display.
//   - All is forgotten when the process stops.
package playground
