package benefits

import (
	"strings"

	"procurabot/bot"
)

// What the form's state says: the answer is new, or one is changed.
const (
	toQuestion = "question:"
	toReply    = "reply:"
)

// answer opens the form for a question that waits.
func (b *Benefits) answer(t *bot.Turn) error {
	q, err := asked(t, t.Value)
	if err != nil {
		return err
	}
	if q.state == stateAnswered {
		return bot.Refuse("benefits.answer-late", bot.Values{"Name": name(q.answeredName)})
	}
	return t.Open(answerForm, toQuestion+q.id, nil)
}

// change opens the form again with what was written.
func (b *Benefits) change(t *bot.Turn) error {
	r, err := written(t, t.Value)
	if err != nil {
		return err
	}
	return t.Open(answerForm, toReply+r.id, map[string]string{"text": r.text})
}

func written(t *bot.Turn, id string) (reply, error) {
	r, ok, err := findReply(t.Tx, id, t.Member.ID)
	if err == nil && !ok {
		err = bot.Refuse("benefits.question-gone", nil)
	}
	return r, err
}

// preview keeps what an editor wrote and shows it as the asker will read it.
func (b *Benefits) preview(t *bot.Turn) error {
	r := reply{id: t.Tx.NewID(), editor: t.Member.ID}
	if id, ok := strings.CutPrefix(t.State, toReply); ok {
		var err error
		if r, err = written(t, id); err != nil {
			return err
		}
	} else {
		r.question = strings.TrimPrefix(t.State, toQuestion)
	}
	r.text = t.Fields["text"]
	q, err := asked(t, r.question)
	if err != nil {
		return err
	}
	if q.state == stateAnswered {
		return late(q, r.text)
	}
	if err := saveReply(t.Tx, r); err != nil {
		return err
	}
	read, where := framed(q, r.text), "benefits.preview-private"
	if q.place != nil {
		where = "benefits.preview-public"
	}
	_, err = t.Reply(bot.Say{
		// What the asker reads is in their language, whatever the editor's.
		Phrase: bot.P("benefits.preview", bot.Values{
			"Answer": bot.Marked(read.Render(t.Book, q.language)), "Where": bot.P(where, nil),
		}),
		Buttons: []bot.Press{
			{Button: sendButton, Value: r.id, Style: bot.Primary},
			{Button: changeButton, Value: r.id},
		},
	})
	return err
}

// framed is what the asker reads.
func framed(q question, text string) bot.Phrase {
	return bot.P("benefits.person-answer", bot.Values{"Question": bot.Data(q.text), "Text": bot.Data(text)})
}

// late tells an editor that somebody was faster. Their text is given back.
func late(q question, text string) error {
	return bot.Refuse("benefits.answer-late-text", bot.Values{"Name": name(q.answeredName), "Text": bot.Data(text)})
}

// send gives the asker what was shown in the preview.
func (b *Benefits) send(t *bot.Turn) error {
	r, err := written(t, t.Value)
	if err != nil {
		return err
	}
	if ok, err := answerQuestion(t.Tx, r.question, t.Member); err != nil {
		return err
	} else if !ok {
		return b.sendLate(t, r)
	}
	q, err := asked(t, r.question)
	if err != nil {
		return err
	}
	say := bot.Say{Phrase: framed(q, r.text)}
	if q.place != nil {
		_, err = t.Post(*q.place, say)
	} else {
		_, err = t.SendAccount(q.account, q.language, say)
	}
	if err != nil {
		return err
	}
	shown, err := b.shown(t, q, q.postedIn.Language)
	if err != nil {
		return err
	}
	shown["Editor"], shown["Text"] = name(q.answeredName), bot.Data(r.text)
	if err := t.Edit(q.posted, q.postedIn, bot.Say{Phrase: bot.P("benefits.editors-answered", shown)}); err != nil {
		return err
	}
	if err := t.Cancel(remindKey(q.id)); err != nil {
		return err
	}
	if b.o.Auditor != nil {
		if err := b.o.Auditor.Audit(t.Tx, t.Member.ID, "benefits.answer", q.id); err != nil {
			return err
		}
	}
	_, err = t.Reply(bot.Say{Phrase: bot.P("benefits.sent", nil)})
	return err
}

// sendLate says why an answer cannot be sent any more.
func (b *Benefits) sendLate(t *bot.Turn, r reply) error {
	q, err := asked(t, r.question)
	if err != nil {
		return err
	}
	if q.answeredBy == t.Member.ID {
		return bot.Refuse("benefits.sent-already", nil)
	}
	return late(q, r.text)
}
