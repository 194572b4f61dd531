// Package undelivered lets administrators decide, in the chat, about messages
// that did not arrive.
//
// # Words
//
// A letter is a message that the outbox has given up. It is refused for good
// (the outbox says dead: the person takes no messages, the channel is gone), or
// held back (held: nobody can say whether it arrived, or the database was
// restored from a copy and it may have gone out before). It has a number, by
// which people name it to each other.
//
// # What an administrator does
//
//	list ──▶ show ──┬─▶ send again ──▶ (asked first, where it may arrive twice) ──▶ back in its lane
//	                └─▶ discard ─────▶ (always asked first) ──────────────────────▶ its text is deleted
//
// "all" stands for everything that is held back: after a restore that may be
// much. What is confirmed there is what had been held when it was asked, and
// nothing that was held since.
//
// # What is promised
//
//   - Only administrators see, and decide: commands and buttons both ask for the
//     role. Who reads a whole message, sends it again or discards it leaves an
//     audit row.
//   - A message is shown as data: nothing in it mentions anybody, links, or
//     becomes a mark.
//   - The first who decides decides; the second is told what came of it.
//   - Words that a newer version has replaced are not sent after it.
package undelivered

import (
	"procurabot/bot"
	"procurabot/internal/database"
)

// Auditor writes down what members do in a role.
type Auditor interface {
	Audit(tx *database.Tx, by bot.MemberID, act, object string) error
}

// Undelivered is the feature.
type Undelivered struct{ auditor Auditor }

// New makes the feature.
func New(a Auditor) *Undelivered { return &Undelivered{a} }

// The ids of what can be pressed. Messages that were sent carry them, so they
// do not change.
const (
	moreButton       = "undelivered.more"
	showButton       = "undelivered.show"
	resendButton     = "undelivered.resend"
	discardButton    = "undelivered.discard"
	resendSure       = "undelivered.resend-sure"
	discardSure      = "undelivered.discard-sure"
	resendAllButton  = "undelivered.resend-all"
	discardAllButton = "undelivered.discard-all"
	keepButton       = "undelivered.keep"
)

// Feature is what the engine needs to know.
func (u *Undelivered) Feature() bot.Feature {
	number := []bot.Option{{Name: "number", Required: true}}
	path := func(word string) []string { return []string{"procura-admin", "outbox", word} }
	return bot.Feature{
		Name: "undelivered",
		Commands: []bot.Command{
			{ID: "undelivered.list", Path: path("list"), Role: bot.Admin, Run: list},
			{ID: "undelivered.show", Path: path("show"), Role: bot.Admin, Options: number, Run: typed(u.show)},
			{ID: "undelivered.resend", Path: path("resend"), Role: bot.Admin, Options: number, Run: orAll(askResendAll, typed(u.askResend))},
			{ID: "undelivered.discard", Path: path("discard"), Role: bot.Admin, Options: number, Run: orAll(askDiscardAll, typed(askDiscard))},
		},
		Buttons: []bot.ButtonHandler{
			{ID: moreButton, Role: bot.Admin, Run: more},
			{ID: showButton, Role: bot.Admin, Run: pressed(u.show)},
			{ID: resendButton, Role: bot.Admin, Run: pressed(u.askResend)},
			{ID: discardButton, Role: bot.Admin, Run: pressed(askDiscard)},
			{ID: resendSure, Role: bot.Admin, Run: pressed(u.resend)},
			{ID: discardSure, Role: bot.Admin, Run: pressed(u.discard)},
			{ID: resendAllButton, Role: bot.Admin, Run: u.resendAll},
			{ID: discardAllButton, Role: bot.Admin, Run: u.discardAll},
			{ID: keepButton, Role: bot.Admin, Run: keep},
		},
	}
}
