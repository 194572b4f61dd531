// Package benefits answers questions about the network and what it offers.
//
// # Words
//
// A topic is one thing that can be asked about; a page is its text in one
// language: title, answer, source and the phrases that people ask it with. The
// pages that ship are files; [Benefits.Load] brings them into the database,
// where editors may change them. The library is all of it as it is searched,
// made anew when the database's revision changes; the model in it was learned
// from how people ask, is stored, and is learned anew, aside, where that changes.
//
// # Life of a question
//
//	asked ── the library finds ──▶ action: done by its feature, nothing is stored
//	            │
//	            ├─▶ answer, choices or "not sure": stored as open, with buttons
//	            │        │ helpful, not helpful: counted
//	            │        │ a choice: answered privately
//	            │        ▼
//	            │   ask a person: asked; shown in the editors' channel
//	            │        │ two working days: a reminder and a word to the asker
//	            │        ▼
//	            │   answer, look at it, send: answered, where it was asked
//	            ▼
//	   ended questions are deleted after 90 days
//
// # What is promised
//
//   - What is answered automatically says so, with its source. What is not sure
//     enough is not answered, and a person is offered.
//   - Personal data in a question is blanked before anything is stored or shown
//     to anybody else, and the asker is told.
//   - The first person who answers a question answers it; a second is told and
//     keeps their text. Nothing that is merely said in the editors' channel is
//     passed on.
//   - A question is only sent on to people by the one who asked it.
package benefits

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/retrieval"
	"procurabot/internal/schedule"
)

// Auditor writes down what members do in a role.
type Auditor interface {
	Audit(tx *database.Tx, by bot.MemberID, act, object string) error
}

// Options of [New].
type Options struct {
	Phrasebook bot.Phrasebook                                                     // where actions' phrases are read; required
	Contact    string                                                             // an e-mail or web address; "" is the message "benefits.contact-fallback"
	Editors    *bot.Spot                                                          // the channel where people answer; nil: there is none
	Auditor    Auditor                                                            // nil: nothing is written down
	Keep       time.Duration                                                      // how long ended questions are kept; 0 is 90 days
	Fit        func(context.Context, []retrieval.Entry) (*retrieval.Model, error) // nil is retrieval.Fit
	Answered   func(outcome string, l bot.Language)                               // told of each question that was looked up; nil: nobody
	Log        *slog.Logger                                                       // nil: nothing is logged
	Place      *time.Location                                                     // of the network: working days, daily work; nil is Europe/Brussels
}

// Benefits is the feature. [Benefits.Load] comes before its first use, and
// [Benefits.Close] after its last, before the database's.
type Benefits struct {
	files   fs.FS
	o       Options
	db      *database.DB
	actions []string

	building sync.Mutex // one library at a time
	student  *student
	library  atomic.Pointer[library]
}

// New makes the feature over the files of package locales.
func New(files fs.FS, o Options) (*Benefits, error) {
	if o.Keep == 0 {
		o.Keep = 90 * 24 * time.Hour
	}
	if o.Place == nil {
		var err error
		if o.Place, err = time.LoadLocation("Europe/Brussels"); err != nil {
			return nil, fmt.Errorf("benefits: %w", err)
		}
	}
	if o.Fit == nil {
		o.Fit = retrieval.Fit
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b := &Benefits{files: files, o: o}
	b.student = newStudent(b.relearn)
	return b, nil
}

// SetActions says which actions of all features can be asked for in plain
// words. It comes before Load.
func (b *Benefits) SetActions(ids []string) { b.actions = ids }

// The ids of what can be pressed, filled in and put off. Stored messages carry
// them, so they do not change.
const (
	helpfulButton   = "benefits.helpful"
	unhelpfulButton = "benefits.unhelpful"
	chooseButton    = "benefits.choose"
	personButton    = "benefits.person"
	answerButton    = "benefits.answer"
	sendButton      = "benefits.send"
	changeButton    = "benefits.change"
	answerForm      = "benefits.answer-form"
	remindWork      = "benefits.remind"
)

// Feature is what the engine needs to know. It should be the last to hear free
// text: it takes whatever it hears.
func (b *Benefits) Feature() bot.Feature {
	return bot.Feature{
		Name: "benefits",
		Commands: []bot.Command{{
			ID:      "benefits.ask",
			Path:    []string{"procura", "ask"},
			Options: []bot.Option{{Name: "question", Required: true}},
			Prepare: func(_ bot.Incoming, args bot.Args) (any, bot.Language) { return b.prepare(args["question"]) },
			Run:     b.ask,
		}},
		Listener: &bot.Listener{
			Prepare: func(_ bot.Incoming, text string) (any, bot.Language, bool) {
				found, asked := b.prepare(text)
				return found, asked, true
			},
			Run: b.ask,
		},
		Buttons: []bot.ButtonHandler{
			{ID: helpfulButton, Run: b.helpful},
			{ID: unhelpfulButton, Run: b.unhelpful},
			{ID: chooseButton, Run: b.choose},
			{ID: personButton, Run: b.person},
			{ID: answerButton, Role: bot.Editor, Opens: true, Run: b.answer},
			{ID: sendButton, Role: bot.Editor, Run: b.send},
			{ID: changeButton, Role: bot.Editor, Opens: true, Run: b.change},
		},
		Forms: []bot.Form{{
			ID: answerForm, Role: bot.Editor, Run: b.preview,
			Fields: []bot.Field{{Name: "text", Kind: bot.Paragraph, Required: true, Min: 2, Max: 1500}},
		}},
		Home:  home,
		Works: map[string]func(*bot.Turn, schedule.Work) error{remindWork: b.remind},
		Slots: []schedule.Slot{{Name: "benefits.forget", Next: schedule.Daily(3, 30, b.o.Place), Run: b.forget}},
	}
}

func (b *Benefits) forget(tx *database.Tx, _ time.Time) error {
	b.again()
	return forgetQuestions(tx, tx.Now().Add(-b.o.Keep))
}
