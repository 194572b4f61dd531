package undelivered

import (
	"strings"

	"procurabot/bot"
	"procurabot/internal/markup"
)

// show tells all about one letter.
func (u *Undelivered) show(t *bot.Turn, l bot.Letter) error {
	if err := u.auditor.Audit(t.Tx, t.Member.ID, "read undelivered message", l.ID); err != nil {
		return err
	}
	discard := bot.Press{Button: discardButton, Value: value(l), Style: bot.Danger}
	say := bot.Say{Buttons: []bot.Press{{Button: resendButton, Value: value(l), Style: bot.Primary}, discard}}
	remarks := bot.Lines{bot.P("undelivered.shown-kept", bot.Values{"Until": bot.Moment(l.Forgotten())})}
	if l.Overtaken {
		remarks = append(bot.Lines{bot.P("undelivered.shown-overtaken", nil)}, remarks...)
		say.Buttons = []bot.Press{discard}
	}
	say.Phrase = bot.P("undelivered.shown", bot.Values{
		"Number": figure(l.Number), "State": stateName(l.State), "When": bot.Moment(l.Ended), "Where": where(l), "Reason": reason(l),
		"Text": bot.Data(whole(l.Body)), "Attempts": figure(l.Attempts), "Remarks": remarks,
	})
	note := bot.P("undelivered.shown-technical", bot.Values{"ID": bot.Data(l.ID), "Lane": bot.Data(l.Lane), "Detail": bot.Data(l.Reason)})
	say.Note = &note
	_, err := t.Reply(say)
	return err
}

// whole is a message as its reader would see it, with its small print and the
// labels of its buttons.
func whole(b bot.Body) string {
	text := markup.Plain(b.Text)
	if b.Note != "" {
		text += "\n(" + markup.Plain(b.Note) + ")"
	}
	if len(b.Buttons) > 0 {
		var labels []string
		for _, button := range b.Buttons {
			labels = append(labels, "["+button.Label+"]")
		}
		text += "\n" + strings.Join(labels, " ")
	}
	return text
}
