package undelivered

import (
	"slices"
	"strconv"
	"time"

	"procurabot/bot"
	"procurabot/internal/outbox"
)

func askResendAll(t *bot.Turn) error {
	return askAll(t, resendable, "undelivered.resend-all-ask", bot.Press{Button: resendAllButton, Style: bot.Primary}, "undelivered.not-now.button")
}

func askDiscardAll(t *bot.Turn) error {
	return askAll(t, held, "undelivered.discard-all-ask", bot.Press{Button: discardAllButton, Style: bot.Danger}, "undelivered.keep.button")
}

// askAll names how many would be decided about. The button's value is when: what
// is held back later was not part of the question.
func askAll(t *bot.Turn, which func(*bot.Turn, time.Time) ([]outbox.Letter, error), id string, yes bot.Press, no string) error {
	letters, err := which(t, t.Now())
	if err != nil {
		return err
	}
	count := len(letters)
	if count == 0 {
		return bot.Refuse("undelivered.all-none", nil)
	}
	yes.Value = strconv.FormatInt(t.Now().UnixMilli(), 10)
	label := bot.P(no, nil)
	_, err = t.Reply(bot.Say{
		Phrase:  bot.Phrase{ID: id, Count: &count},
		Buttons: []bot.Press{yes, {Button: keepButton, Label: &label}},
	})
	return err
}

func (u *Undelivered) resendAll(t *bot.Turn) error {
	return all(t, resendable, u.put, "undelivered.resend-all-done")
}

func (u *Undelivered) discardAll(t *bot.Turn) error {
	return all(t, held, u.drop, "undelivered.discard-all-done")
}

func all(t *bot.Turn, which func(*bot.Turn, time.Time) ([]outbox.Letter, error), do func(*bot.Turn, string) error, done string) error {
	ms, err := strconv.ParseInt(t.Value, 10, 64)
	if err != nil {
		return bot.Refuse("undelivered.all-none", nil)
	}
	letters, err := which(t, time.UnixMilli(ms))
	if err != nil {
		return err
	}
	count := len(letters)
	if count == 0 {
		return bot.Refuse("undelivered.all-none", nil)
	}
	for _, l := range letters {
		if err := do(t, l.ID); err != nil {
			return err
		}
	}
	_, err = t.Reply(bot.Say{Phrase: bot.Phrase{ID: done, Count: &count}})
	return err
}

func held(t *bot.Turn, until time.Time) ([]outbox.Letter, error) { return t.Letters().Held(until) }

// resendable leaves out what a newer version has replaced: it stays, for
// somebody to discard.
func resendable(t *bot.Turn, until time.Time) ([]outbox.Letter, error) {
	all, err := held(t, until)
	return slices.DeleteFunc(all, func(l outbox.Letter) bool { return l.Overtaken }), err
}
