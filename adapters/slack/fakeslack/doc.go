// Package fakeslack is a workspace of Slack in one process, with memory, for tests.
//
// The real client library talks to it: the Web API under [Server.URL], and Socket Mode over the
// address that apps.connections.open returns. It keeps users, channels, messages, views and files,
// refuses what Slack is documented to refuse, with Slack's own error codes, and lets a test act as
// the people of the workspace.
//
// # Words
//
//   - bot: the one installed app. It has a bot token, an app-level token and a signing secret.
//   - person: a user. People act through [Server.Say], [Server.Command], [Server.Press],
//     [Server.Select], [Server.Submit], [Server.CloseView] and [Server.OpenHome]. Each of them returns
//     when the bot has acknowledged, or says that it has not within [Options.AckTimeout].
//   - envelope: one delivery over a socket; it has an id of its own. A payload that is delivered
//     twice has two envelopes and one event id.
//   - trigger: what an interaction gives the bot to open a modal with, once, within three seconds.
//   - fault: what goes wrong with a coming request, set by [Server.Fault].
//   - phase: [Before] a request is accepted, or [After] its effect and before its answer. [Server.OnRequest]
//     lets a test end a process at exactly that point.
//
// # Lifecycle
//
// [New], then [Server.Start] (in memory, over net.Pipe, so that a testing/synctest bubble can drive
// it) or [Server.StartTCP], then [Server.Close], which ends every goroutine. In memory,
// [Server.HTTPClient] and [Server.Dialer] reach the fake whatever host is asked for.
//
// # Guarantees
//
// There is no state outside a Server, and all methods are safe for concurrent use. Time is
// [Options.Now]'s, save for the waits themselves. Nothing is random. Rate limits are off until
// [Options.Limits] is set. Nothing is redelivered by a timer unless [HTTPDelivery.Retries] is set: [Server.Redeliver] does it.
//
// What is not documented by Slack is not invented: where a rule had to be guessed, its comment says so.
package fakeslack
