package benefits

import (
	"procurabot/bot"
	"procurabot/internal/schedule"
)

// person sends a question on to the editors.
func (b *Benefits) person(t *bot.Turn) error {
	q, err := asked(t, t.Value)
	if err != nil {
		return err
	}
	if q.member != t.Member.ID {
		return bot.Refuse("benefits.person-not-yours", nil)
	}
	if b.o.Editors == nil {
		return bot.Refuse("benefits.person-nobody", bot.Values{"Contact": bot.Marked(b.contact(t.Book, t.Lang))})
	}
	switch q.state {
	case stateAsked:
		return bot.Refuse("benefits.person-already", nil)
	case stateAnswered:
		return bot.Refuse("benefits.person-answered", nil)
	}
	shown, err := b.shown(t, q, b.o.Editors.Language)
	if err != nil {
		return err
	}
	posted, err := t.Post(*b.o.Editors, bot.Say{
		Phrase:  bot.P("benefits.editors", shown),
		Buttons: []bot.Press{{Button: answerButton, Value: q.id, Style: bot.Primary}},
	})
	if err != nil {
		return err
	}
	if ok, err := askPerson(t.Tx, q.id, posted, *b.o.Editors); err != nil || !ok {
		return orRefuse(err, "benefits.person-already")
	}
	err = t.Later(schedule.Work{
		Key: remindKey(q.id), Kind: remindWork, Payload: []byte(q.id), Due: workingDays(t.Now(), remindAfter, b.o.Place),
	})
	if err != nil {
		return err
	}
	id := "benefits.person-asked-private"
	if q.place != nil {
		id = "benefits.person-asked-public"
	}
	_, err = t.Reply(bot.Say{Phrase: bot.P(id, nil)})
	return err
}

func orRefuse(err error, id string) error {
	if err != nil {
		return err
	}
	return bot.Refuse(id, nil)
}

// shown is a question as editors see it.
func (b *Benefits) shown(t *bot.Turn, q question, reader bot.Language) (bot.Values, error) {
	automatic := bot.P("benefits.editors-none", nil)
	if q.outcome == "answer" {
		p, ok, err := findPage(t.Tx, q.topic, reader)
		if err != nil {
			return nil, err
		}
		if ok {
			automatic = bot.P("benefits.editors-topic", bot.Values{"Title": bot.Data(p.Title)})
		}
	}
	return bot.Values{
		"Question":  bot.Data(q.text),
		"Name":      name(q.name),
		"Platform":  q.account.Platform.Title(),
		"Language":  bot.P("bot.language-"+string(q.language)+".name", nil),
		"Automatic": automatic,
	}, nil
}

// name is a person as their platform shows them.
func name(s string) bot.Value {
	if s == "" {
		return bot.P("benefits.somebody.name", nil)
	}
	return bot.Data(s)
}
