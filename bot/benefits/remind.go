package benefits

import (
	"time"

	"procurabot/bot"
	"procurabot/internal/schedule"
)

// remindAfter is how many working days a question waits before its editors are
// reminded, once.
const remindAfter = 2

func remindKey(question string) string { return remindWork + ":" + question }

// remind tells the editors that a question still waits, and the asker that it
// has not been forgotten.
func (b *Benefits) remind(t *bot.Turn, w schedule.Work) error {
	q, ok, err := findQuestion(t.Tx, string(w.Payload))
	if err != nil || !ok || q.state != stateAsked {
		return err
	}
	shown, err := b.shown(t, q, q.postedIn.Language)
	if err != nil {
		return err
	}
	_, err = t.Post(q.postedIn, bot.Say{
		Phrase:  bot.P("benefits.editors-reminder", shown),
		Buttons: []bot.Press{{Button: answerButton, Value: q.id, Style: bot.Primary}},
	})
	if err != nil {
		return err
	}
	_, err = t.SendAccount(q.account, q.language, bot.Say{
		Phrase: bot.P("benefits.waiting", bot.Values{"Question": bot.Data(q.text), "Contact": bot.Marked(b.contact(t.Book, q.language))}),
	})
	return err
}

// workingDays is the same time of day n working days later, Monday to Friday by
// the calendar of a place. What comes at a weekend counts as if it had come at
// that time on Monday.
func workingDays(from time.Time, n int, place *time.Location) time.Time {
	from = from.In(place)
	add := 0
	weekend := func() bool {
		d := from.AddDate(0, 0, add).Weekday()
		return d == time.Saturday || d == time.Sunday
	}
	for weekend() {
		add++
	}
	for ; n > 0; n-- {
		for add++; weekend(); add++ {
		}
	}
	return from.AddDate(0, 0, add)
}
