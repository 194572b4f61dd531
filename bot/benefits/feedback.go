package benefits

import (
	"strings"

	"procurabot/bot"
)

// asked finds the question that a button belongs to.
func asked(t *bot.Turn, id string) (question, error) {
	q, ok, err := findQuestion(t.Tx, id)
	if err == nil && !ok {
		err = bot.Refuse("benefits.question-gone", nil)
	}
	return q, err
}

func (b *Benefits) helpful(t *bot.Turn) error {
	q, err := asked(t, t.Value)
	if err != nil {
		return err
	}
	if err := rate(t.Tx, q.id, t.Member.ID, true); err != nil {
		return err
	}
	_, err = t.Reply(bot.Say{Phrase: bot.P("benefits.thanks-helpful", nil)})
	return err
}

func (b *Benefits) unhelpful(t *bot.Turn) error {
	q, err := asked(t, t.Value)
	if err != nil {
		return err
	}
	if err := rate(t.Tx, q.id, t.Member.ID, false); err != nil {
		return err
	}
	say := bot.Say{Phrase: bot.P("benefits.thanks-unhelpful", nil)}
	if way := b.offer(q); way != nil && q.member == t.Member.ID && q.state == stateOpen {
		say = bot.Say{Phrase: bot.P("benefits.thanks-unhelpful-offer", nil), Buttons: way}
	}
	_, err = t.Reply(say)
	return err
}

// choose answers privately with one of the proposed topics.
func (b *Benefits) choose(t *bot.Turn) error {
	id, topic, _ := strings.Cut(t.Value, ":")
	q, err := asked(t, id)
	if err != nil {
		return err
	}
	own := q.member == t.Member.ID
	if own && q.clear {
		t.Lang = q.language // the answer is in the language of the question
	}
	p, ok, err := findPage(t.Tx, topic, t.Lang)
	if err != nil {
		return err
	}
	if !ok {
		return bot.Refuse("benefits.topic-gone", nil)
	}
	if own {
		if err := chooseTopic(t.Tx, q.id, topic); err != nil {
			return err
		}
	}
	_, err = t.Reply(b.sayPage(t, p, q, remarks{}))
	return err
}
