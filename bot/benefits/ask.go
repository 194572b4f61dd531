package benefits

import (
	"context"
	"strings"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
	"procurabot/internal/retrieval"
)

// found is what is known about a question before its turn begins.
type found struct {
	text    string // the question, without personal data
	blanked bool   // whether there was any
	retrieval.Result
	err error
}

// prepare looks a question up, outside the writer.
func (b *Benefits) prepare(text string) (found, bot.Language) {
	f := found{}
	f.text, f.blanked = blank(text)
	var l *library
	if l, f.err = b.current(context.Background()); f.err != nil {
		return f, ""
	}
	f.Result = l.index.Find(f.text)
	return f, bot.Language(f.Language)
}

// action is the action that is asked for, "" when it is none.
func (f found) action() string {
	if f.Outcome != retrieval.Answer || len(f.Matches) == 0 {
		return ""
	}
	id, ok := strings.CutPrefix(f.Matches[0].Label, actionLabel)
	if !ok {
		return ""
	}
	return id
}

// topics are the topics among the matches, nearest first.
func (f found) topics() []string {
	var topics []string
	for _, m := range f.Matches {
		if !strings.HasPrefix(m.Label, actionLabel) {
			topics = append(topics, m.Label)
		}
	}
	return topics
}

// stranger reports whether the question is in a language that nobody here speaks.
func (f found) stranger() bool { return f.Foreign && !f.Exact }

// ask answers what was asked, by a mention, in a direct message or by the command.
func (b *Benefits) ask(t *bot.Turn) error {
	f := t.Prepared.(found)
	if f.err != nil {
		return f.err
	}
	if retrieval.Fold(f.text) == "" {
		_, err := t.Reply(bot.Say{Phrase: bot.P("benefits.empty", nil)})
		return err
	}
	if id := f.action(); id != "" && !f.stranger() {
		return t.Do(id)
	}
	q := b.question(t, f)
	say, err := b.say(t, f, &q)
	if err != nil {
		return err
	}
	if err := insertQuestion(t.Tx, q); err != nil {
		return err
	}
	if b.o.Answered != nil {
		t.Tx.AfterCommit(func() { b.o.Answered(q.outcome, q.language) })
	}
	_, err = t.Reply(say)
	return err
}

func (b *Benefits) question(t *bot.Turn, f found) question {
	q := question{
		id: t.Tx.NewID(), member: t.Member.ID, account: t.In.From, name: asker(t), text: f.text,
		language: t.Lang, clear: f.Language != "", outcome: string(retrieval.Unknown), confidence: f.Confidence,
	}
	if here, public := t.Here(); public {
		q.place = &here
	}
	return q
}

func asker(t *bot.Turn) string {
	if t.In.Name != "" {
		return t.In.Name
	}
	return t.Member.Name
}

// say decides what the question is told, and writes down what that was.
func (b *Benefits) say(t *bot.Turn, f found, q *question) (bot.Say, error) {
	note := remarks{cut: t.Cut, blanked: f.blanked}
	if topics := f.topics(); len(topics) > 0 {
		q.topic = topics[0]
	}
	if f.stranger() {
		return bot.Say{Phrase: bot.P("benefits.foreign", nil), Note: note.phrase(), Buttons: b.offer(*q)}, nil
	}
	switch f.Outcome {
	case retrieval.Answer:
		p, ok, err := findPage(t.Tx, q.topic, t.Lang)
		if err != nil {
			return bot.Say{}, err
		}
		if ok {
			q.outcome = string(retrieval.Answer)
			return b.sayPage(t, p, *q, note), nil
		}
	case retrieval.Choices:
		choices, err := choices(t, q.id, f.topics())
		if err != nil {
			return bot.Say{}, err
		}
		if len(choices) > 0 {
			q.outcome = string(retrieval.Choices)
			return bot.Say{Phrase: bot.P("benefits.choices", nil), Note: note.phrase(), Buttons: append(choices, b.offer(*q)...)}, nil
		}
	}
	id := "benefits.unknown"
	if b.o.Editors == nil {
		id = "benefits.unknown-nobody"
	}
	return bot.Say{
		Phrase: bot.P(id, bot.Values{"Contact": bot.Marked(b.contact(t.Book, t.Lang))}),
		Note:   note.phrase(), Buttons: b.offer(*q),
	}, nil
}

// sayPage is a topic's answer with what can be done about it.
func (b *Benefits) sayPage(t *bot.Turn, p page, q question, note remarks) bot.Say {
	note.source = p.Source
	return bot.Say{
		Phrase: bot.P("benefits.page", bot.Values{"Answer": b.text(p, t.Book, t.Lang)}),
		Note:   note.phrase(),
		Buttons: append([]bot.Press{
			{Button: helpfulButton, Value: q.id},
			{Button: unhelpfulButton, Value: q.id},
		}, b.offer(q)...),
	}
}

// offer is the way to a person, where there is one.
func (b *Benefits) offer(q question) []bot.Press {
	if b.o.Editors == nil {
		return nil
	}
	return []bot.Press{{Button: personButton, Value: q.id}}
}

// choices are buttons with the titles of topics that still exist.
func choices(t *bot.Turn, question string, topics []string) ([]bot.Press, error) {
	var presses []bot.Press
	for _, topic := range topics {
		p, ok, err := findPage(t.Tx, topic, t.Lang)
		if err != nil {
			return nil, err
		}
		if ok {
			title := bot.P("benefits.choose.button", bot.Values{"Title": bot.Data(p.Title)})
			presses = append(presses, bot.Press{Button: chooseButton, Value: question + ":" + topic, Label: &title})
		}
	}
	return presses, nil
}

// remarks is what stands below an answer.
type remarks struct {
	source       string
	cut, blanked bool
}

func (r remarks) phrase() *bot.Phrase {
	var lines bot.Lines
	if r.source != "" {
		lines = append(lines, bot.P("benefits.note-source", bot.Values{"Source": bot.Data(r.source)}))
	} else {
		lines = append(lines, bot.P("benefits.note-automatic", nil))
	}
	if r.cut {
		lines = append(lines, bot.P("benefits.note-cut", nil))
	}
	if r.blanked {
		lines = append(lines, bot.P("benefits.note-blanked", nil))
	}
	p := bot.P("benefits.note", bot.Values{"Remarks": lines})
	return &p
}

// Answer is what one question gets without a platform.
type Answer struct {
	Outcome    string       `json:"outcome"` // "answer", "choices", "unknown" or "action"
	Topic      string       `json:"topic"`   // the nearest, also where it is not sure; "" of an action
	Topics     []string     `json:"topics"`  // what would be proposed
	Language   bot.Language `json:"language"`
	Confidence float64      `json:"confidence"` // from 0 to 1
	Text       string       `json:"text"`       // without marks
}

// Ask answers a question in its language, in the given one where that is not
// clear. Nothing is stored.
func (b *Benefits) Ask(ctx context.Context, text string, otherwise bot.Language) (Answer, error) {
	f, l := b.prepare(text)
	if f.err != nil {
		return Answer{}, f.err
	}
	if !l.Known() {
		l = otherwise
	}
	if !l.Known() {
		l = bot.English
	}
	book := b.o.Phrasebook.Committed()
	message := func(id string) string {
		return markup.Plain(bot.P(id, bot.Values{"Contact": bot.Marked(b.contact(book, l))}).Render(book, l))
	}
	a := Answer{Outcome: string(f.Outcome), Topics: []string{}, Language: l, Confidence: f.Confidence}
	if id := f.action(); id != "" && !f.stranger() {
		a.Outcome = "action"
		if book.Has(id) {
			a.Text = message(id)
		}
		return a, nil
	}
	topics := f.topics()
	if len(topics) > 0 {
		a.Topic = topics[0]
	}
	switch {
	case retrieval.Fold(f.text) == "":
		a.Text = message("benefits.empty")
		return a, nil
	case f.stranger():
		a.Outcome, a.Text = string(retrieval.Unknown), message("benefits.foreign")
		return a, nil
	case f.Outcome == retrieval.Choices && len(topics) > 0:
		a.Topics, a.Text = topics, message("benefits.choices")
		return a, nil
	case f.Outcome == retrieval.Answer:
		var p page
		var ok bool
		err := b.db.View(ctx, func(tx *database.Tx) (err error) {
			p, ok, err = findPage(tx, a.Topic, l)
			return err
		})
		if err != nil {
			return Answer{}, err
		}
		if ok {
			a.Topics, a.Text = []string{a.Topic}, markup.Plain(markup.Text(b.text(p, book, l)))
			return a, nil
		}
	}
	a.Outcome, a.Text = string(retrieval.Unknown), message("benefits.unknown-nobody")
	return a, nil
}
