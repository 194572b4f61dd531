package undelivered

import (
	"procurabot/bot"
	"procurabot/internal/outbox"
)

// mayBeThere reports whether a letter may have arrived already.
func mayBeThere(l outbox.Letter) bool { return l.Unsure || l.State == outbox.Held }

// askResend sends a letter again, and asks first where it may be read twice.
func (u *Undelivered) askResend(t *bot.Turn, l bot.Letter) error {
	if l.Overtaken {
		return bot.Refuse("undelivered.overtaken", bot.Values{"Number": figure(l.Number)})
	}
	if !mayBeThere(l.Letter) {
		return u.resend(t, l)
	}
	notNow := bot.P("undelivered.not-now.button", nil)
	return ask(t, l, "undelivered.resend-ask", []bot.Press{
		{Button: resendSure, Value: value(l), Style: bot.Primary}, {Button: keepButton, Value: value(l), Label: &notNow},
	})
}

func askDiscard(t *bot.Turn, l bot.Letter) error {
	return ask(t, l, "undelivered.discard-ask", []bot.Press{
		{Button: discardSure, Value: value(l), Style: bot.Danger}, {Button: keepButton, Value: value(l)},
	})
}

func ask(t *bot.Turn, l bot.Letter, id string, buttons []bot.Press) error {
	_, err := t.Reply(bot.Say{
		Phrase:  bot.P(id, bot.Values{"Number": figure(l.Number), "Where": where(l), "Start": bot.Data(start(l.Body))}),
		Buttons: buttons,
	})
	return err
}

func (u *Undelivered) resend(t *bot.Turn, l bot.Letter) error {
	if l.Overtaken { // since it was asked
		return bot.Refuse("undelivered.overtaken", bot.Values{"Number": figure(l.Number)})
	}
	if err := u.put(t, l.ID); err != nil {
		return err
	}
	return reply(t, "undelivered.resent", l)
}

func (u *Undelivered) discard(t *bot.Turn, l bot.Letter) error {
	if err := u.drop(t, l.ID); err != nil {
		return err
	}
	return reply(t, "undelivered.discarded", l)
}

// put and drop are one decision with its audit. The turn is one transaction, so
// that what it has seen undecided still is.
func (u *Undelivered) put(t *bot.Turn, id string) error {
	if _, err := t.Letters().Resend(id); err != nil {
		return err
	}
	return u.auditor.Audit(t.Tx, t.Member.ID, "resend message", id)
}

func (u *Undelivered) drop(t *bot.Turn, id string) error {
	if _, err := t.Letters().Discard(id); err != nil {
		return err
	}
	return u.auditor.Audit(t.Tx, t.Member.ID, "discard message", id)
}

func reply(t *bot.Turn, id string, l bot.Letter) error {
	_, err := t.Reply(bot.Say{Phrase: bot.P(id, bot.Values{"Number": figure(l.Number), "Where": where(l)})})
	return err
}

// keep leaves one letter, or without a value all of them, as they are.
func keep(t *bot.Turn) error {
	if t.Value != "" {
		return pressed(func(t *bot.Turn, l bot.Letter) error { return reply(t, "undelivered.kept", l) })(t)
	}
	_, err := t.Reply(bot.Say{Phrase: bot.P("undelivered.kept-all", nil)})
	return err
}

// settled says what came of a letter that somebody has decided about.
func settled(l bot.Letter) error {
	values := bot.Values{"Number": figure(l.Number), "When": bot.Moment(l.Ended)}
	switch l.State {
	case outbox.Sent:
		return bot.Refuse("undelivered.settled-sent", values)
	case outbox.Expired:
		return bot.Refuse("undelivered.settled-discarded", values)
	}
	return bot.Refuse("undelivered.settled-waiting", values)
}
