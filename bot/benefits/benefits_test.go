package benefits

import (
	"slices"
	"strings"
	"testing"
	"time"

	"procurabot/bot"
)

func TestAnswerInPublic(t *testing.T) {
	w := newWorld(t, nil)
	w.mention("ana", "sommes-nous trop petits pour participer ? Notre commune a 900 habitants")
	got := w.one()
	if got.To.Conversation != "lobby" || got.To.Answering != "m1" || got.To.Reply != nil {
		t.Errorf("answered to %+v", got.To)
	}
	contains(t, got, "fr benefits.page", "procura@example.org", "fr benefits.note-source")
	var ids []string
	for _, b := range got.Body.Buttons {
		ids = append(ids, b.ID)
	}
	if want := []string{helpfulButton, unhelpfulButton, personButton}; !slices.Equal(ids, want) {
		t.Errorf("buttons %v, want %v", ids, want)
	}
	if n := w.count(`SELECT count(*) FROM benefits_question WHERE outcome = 'answer' AND topic = 'who-can-join' AND clear = 1 AND place IS NOT NULL`); n != 1 {
		t.Errorf("%d such questions are stored", n)
	}
}

func TestAskPrivately(t *testing.T) {
	w := newWorld(t, nil)
	w.receive("luc", bot.Incoming{
		In: bot.Place{Conversation: "lobby"}, Reply: w.handle(),
		What: bot.Commanded{Path: []string{"procura", "ask"}, Text: "Logo"},
	})
	got := w.one()
	if got.To.Reply == nil {
		t.Errorf("answered to %+v", got.To)
	}
	contains(t, got, "fr benefits.page", "logo") // one word has no language: luc's own choice holds
}

func TestUnknownAndEmpty(t *testing.T) {
	w := newWorld(t, nil)
	w.direct("ana", "wie wird das Wetter morgen")
	contains(t, w.one(), "de benefits.unknown", "de benefits.note-automatic")
	w.direct("ana", "\U0001F600\U0001F600")
	contains(t, w.one(), "en benefits.empty")
	w.direct("luc", "")
	contains(t, w.one(), "fr benefits.empty")
	w.direct("ana", "Il nostro comune può partecipare anche se è molto piccolo?")
	contains(t, w.one(), "en benefits.foreign")
	if n := w.count(`SELECT count(*) FROM benefits_question`); n != 2 {
		t.Errorf("%d questions are stored", n)
	}
}

func TestActionInPlainWords(t *testing.T) {
	w := newWorld(t, nil)
	for _, text := range []string{"parle français stp", "Hallo", "switch to German please"} {
		w.direct("ana", text)
	}
	if want := []string{"members.language", "help.hello", "members.language"}; !slices.Equal(w.did, want) {
		t.Errorf("ran %v, want %v", w.did, want)
	}
	if n := w.count(`SELECT count(*) FROM benefits_question`); n != 0 {
		t.Errorf("%d questions are stored", n)
	}
}

func TestChoices(t *testing.T) {
	w := newWorld(t, nil)
	w.mention("ana", "events")
	got := w.one()
	var choice string
	n := 0
	for _, b := range got.Body.Buttons {
		if b.ID == chooseButton {
			n++
			if strings.HasSuffix(b.Value, ":speaking-priority") {
				choice = b.Value
			}
		}
	}
	if n == 0 || n > 3 || choice == "" {
		t.Fatalf("proposed %+v", got.Body.Buttons)
	}
	w.press("luc", chooseButton, choice)
	contains(t, w.one(), "fr benefits.page") // somebody else reads their own language
	if n := w.count(`SELECT count(*) FROM benefits_question WHERE outcome = 'choices' AND topic <> 'speaking-priority'`); n != 1 {
		t.Error("somebody else's choice is stored")
	}
	w.press("ana", chooseButton, choice)
	private := w.one()
	if private.To.Reply == nil {
		t.Errorf("answered to %+v", private.To)
	}
	contains(t, private, "en benefits.page", "speakers")
	if n := w.count(`SELECT count(*) FROM benefits_question WHERE topic = 'speaking-priority'`); n != 1 {
		t.Error("the choice is not stored")
	}
	w.press("ana", chooseButton, strings.Split(choice, ":")[0]+":gone")
	contains(t, w.one(), "benefits.topic-gone")
}

func TestFeedback(t *testing.T) {
	w := newWorld(t, nil)
	w.mention("ana", "who can join")
	q := value(t, w.one(), helpfulButton)
	w.press("ana", helpfulButton, q)
	contains(t, w.one(), "en benefits.thanks-helpful")
	w.press("ana", unhelpfulButton, q)
	if got := value(t, w.one(), personButton); got != q {
		t.Errorf("a person is offered for %q", got)
	}
	w.press("luc", helpfulButton, q)
	w.press("luc", unhelpfulButton, q)
	for _, e := range w.heard() {
		if len(e.Body.Buttons) > 0 {
			t.Errorf("somebody else is offered %+v", e.Body.Buttons)
		}
	}
	if n := w.count(`SELECT count(*) FROM benefits_rating WHERE helpful = 0`); n != 2 {
		t.Errorf("%d unhelpful", n)
	}
	if n := w.count(`SELECT count(*) FROM benefits_rating`); n != 2 {
		t.Errorf("%d ratings", n)
	}
	w.press("ana", helpfulButton, "gone")
	contains(t, w.one(), "benefits.question-gone")
}

// asked brings a question to the editors and gives its message there.
func (w *world) asked(t *testing.T) (q string, message bot.Envelope) {
	t.Helper()
	w.mention("ana", "sommes-nous trop petits pour participer ? Mon adresse : ana@ville.example")
	shown := w.one()
	contains(t, shown, "fr benefits.note-blanked")
	q = value(t, shown, personButton)
	w.press("ana", personButton, q)
	for _, e := range w.heard() {
		if e.To.Conversation == "editors" {
			message = e
		} else {
			contains(t, e, "en benefits.person-asked-public")
		}
	}
	contains(t, message, "de benefits.editors", "Ana", "Test", "de bot.language-fr.name", "de benefits.editors-topic", blanked)
	if strings.Contains(string(message.Body.Text), "ville.example") {
		t.Error("the editors read an address")
	}
	return q, message
}

func TestPerson(t *testing.T) {
	w := newWorld(t, nil)
	q, message := w.asked(t)
	w.press("luc", personButton, q)
	contains(t, w.one(), "fr benefits.person-not-yours")
	w.press("ana", personButton, q)
	contains(t, w.one(), "en benefits.person-already")
	if n := w.count(`SELECT count(*) FROM benefits_question WHERE text LIKE '%ville.example%'`); n != 0 {
		t.Error("an address is stored")
	}

	w.press("luc", answerButton, value(t, message, answerButton))
	contains(t, w.one(), "fr bot.forbidden")
	form := w.press("eva", answerButton, q).Form
	if form == nil || len(form.Fields) != 1 {
		t.Fatalf("form %+v", form)
	}
	w.submit("eva", form, "Non, *toutes* les communes peuvent participer.")
	preview := w.one()
	contains(t, preview, "en benefits.preview", "fr benefits.person-answer", "Non, *toutes* les communes")
	reply := value(t, preview, sendButton)

	again := w.press("eva", changeButton, reply).Form
	if again == nil || again.Fields[0].Value != "Non, *toutes* les communes peuvent participer." {
		t.Fatalf("form %+v", again)
	}
	w.submit("eva", again, "Non, au contraire.")
	w.heard()
	w.press("eva", sendButton, reply)
	var public, edit, own bool
	for _, e := range w.heard() {
		switch {
		case e.To.Conversation == "lobby":
			public = true
			contains(t, e, "fr benefits.person-answer", "sommes-nous trop petits", "Non, au contraire.")
			if e.To.Answering != "m1" {
				t.Errorf("answers %q", e.To.Answering)
			}
		case e.Replaces != "":
			edit = true
			contains(t, e, "de benefits.editors-answered", "Eva")
			if e.Replaces != bot.MessageID(message.ID) || len(e.Body.Buttons) != 0 {
				t.Errorf("edit %+v", e)
			}
		case e.To.Reply != nil:
			own = true
			contains(t, e, "en benefits.sent")
		}
	}
	if !public || !edit || !own {
		t.Errorf("answered in public %v, edited %v, confirmed %v", public, edit, own)
	}
	if want := []string{"eva benefits.answer"}; !slices.Equal(w.audit.acts, want) {
		t.Errorf("audit %v", w.audit.acts)
	}
	w.press("eva", sendButton, reply)
	contains(t, w.one(), "en benefits.sent-already")
	w.press("ana", personButton, q)
	contains(t, w.one(), "en benefits.person-answered")
	w.now = w.now.Add(30 * 24 * time.Hour)
	w.step()
	if got := w.heard(); len(got) != 0 {
		t.Errorf("reminded of what is answered: %+v", got)
	}
}

func TestFirstAnswerWins(t *testing.T) {
	w := newWorld(t, nil)
	q, _ := w.asked(t)
	replies := map[string]string{}
	for _, editor := range []string{"eva", "erik"} {
		w.submit(editor, w.press(editor, answerButton, q).Form, "Antwort von "+editor)
		replies[editor] = value(t, w.one(), sendButton)
	}
	w.press("erik", sendButton, replies["eva"])
	contains(t, w.one(), "benefits.question-gone") // nobody sends another's text
	open := w.press("emil", answerButton, q).Form
	w.press("erik", sendButton, replies["erik"])
	w.heard()
	w.press("eva", sendButton, replies["eva"])
	contains(t, w.one(), "benefits.answer-late-text", "Erik", "Antwort von eva")
	w.submit("emil", open, "Antwort von emil")
	contains(t, w.one(), "benefits.answer-late-text", "Erik", "Antwort von emil")
	w.press("emil", answerButton, q)
	contains(t, w.one(), "benefits.answer-late", "Erik")
}

func TestAnswerByDirectMessage(t *testing.T) {
	w := newWorld(t, nil)
	w.direct("ana", "wie wird das Wetter morgen")
	q := value(t, w.one(), personButton)
	w.press("ana", personButton, q)
	w.heard()
	w.submit("eva", w.press("eva", answerButton, q).Form, "Sonnig.")
	w.press("eva", sendButton, value(t, w.one(), sendButton))
	var got bool
	for _, e := range w.heard() {
		if e.To.Conversation == "" && e.To.Reply == nil {
			got = true
			contains(t, e, "de benefits.person-answer", "Sonnig.")
			if e.To.Account.User != "ana" {
				t.Errorf("sent to %+v", e.To)
			}
		}
	}
	if !got {
		t.Error("the asker was not answered")
	}
}

func TestReminder(t *testing.T) {
	w := newWorld(t, nil)
	w.asked(t)
	w.now = time.Date(2026, 3, 10, 14, 59, 0, 0, time.UTC) // Tuesday, one minute before
	w.step()
	if got := w.heard(); len(got) != 0 {
		t.Fatalf("reminded early: %+v", got)
	}
	w.now = w.now.Add(time.Minute)
	w.step()
	var there, here bool
	for _, e := range w.heard() {
		if e.To.Conversation == "editors" {
			there = true
			value(t, e, answerButton)
		} else if e.To.Account.User == "ana" {
			here = true
			contains(t, e, "fr benefits.waiting", "procura@example.org")
		}
	}
	if !there || !here {
		t.Errorf("editors %v, asker %v", there, here)
	}
	w.now = w.now.Add(10 * 24 * time.Hour)
	w.step()
	if got := w.heard(); len(got) != 0 {
		t.Errorf("reminded twice: %+v", got)
	}
}

// TestNobodyConnected: a person is not offered, and a button of a time when one
// was says so.
func TestNobodyConnected(t *testing.T) {
	editors := &bot.Spot{}
	w := newWorld(t, func(o *Options) { *editors, o.Editors, o.Contact = *o.Editors, editors, "" })
	w.direct("ana", "wie wird das Wetter morgen")
	old := value(t, w.one(), personButton)

	w.benefits.o.Editors = nil
	w.direct("ana", "wie wird das Wetter morgen")
	got := w.one()
	contains(t, got, "de benefits.unknown-nobody", "de benefits.contact-fallback")
	if len(got.Body.Buttons) != 0 {
		t.Errorf("a person is offered: %+v", got.Body.Buttons)
	}
	w.press("ana", personButton, old)
	contains(t, w.one(), "en benefits.person-nobody", "en benefits.contact-fallback")
	w.direct("ana", "qui préside le réseau")
	w.press("ana", unhelpfulButton, value(t, w.one(), unhelpfulButton))
	if got := w.one(); len(got.Body.Buttons) != 0 {
		t.Errorf("a person is offered: %+v", got.Body.Buttons)
	}
}

func TestForget(t *testing.T) {
	w := newWorld(t, nil)
	w.step() // slots are seen for the first time
	w.asked(t)
	w.direct("luc", "qui préside")
	w.now = w.now.Add(89 * 24 * time.Hour)
	w.step()
	if n := w.count(`SELECT count(*) FROM benefits_question`); n != 2 {
		t.Errorf("%d questions after 89 days", n)
	}
	w.now = w.now.Add(3 * 24 * time.Hour)
	w.step()
	if n := w.count(`SELECT count(*) FROM benefits_question WHERE state = 'asked'`); n != 1 {
		t.Errorf("%d questions wait", n)
	}
	if n := w.count(`SELECT count(*) FROM benefits_question`); n != 1 {
		t.Errorf("%d questions after 92 days", n)
	}
}

func TestLongQuestion(t *testing.T) {
	w := newWorld(t, nil)
	w.direct("ana", strings.Repeat("who can join ", 8000))
	contains(t, w.one(), "en benefits.note-cut")
}

func TestWorkingDays(t *testing.T) {
	brussels, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, want string }{
		{"Mon 2026-03-02 09:30", "Wed 2026-03-04 09:30"},
		{"Thu 2026-03-05 16:00", "Mon 2026-03-09 16:00"},
		{"Fri 2026-03-06 16:00", "Tue 2026-03-10 16:00"},
		{"Sat 2026-03-07 10:00", "Wed 2026-03-11 10:00"},
		{"Sun 2026-03-08 10:00", "Wed 2026-03-11 10:00"},
		{"Fri 2026-03-27 10:00", "Tue 2026-03-31 10:00"}, // summer time begins on the Sunday
	} {
		const layout = "Mon 2006-01-02 15:04"
		from, err := time.ParseInLocation(layout, c.from, brussels)
		if err != nil {
			t.Fatal(err)
		}
		if got := workingDays(from.UTC(), 2, brussels).Format(layout); got != c.want {
			t.Errorf("from %s: %s, want %s", c.from, got, c.want)
		}
	}
}

func TestUnanswered(t *testing.T) {
	w := newWorld(t, nil)
	for _, q := range []string{"how do we cancel our gym contract", "who can join", "who won the match", "can we cancel our gym contract"} {
		w.mention("ana", q)
		w.now = w.now.Add(time.Minute)
	}
	all, err := w.benefits.Unanswered(t.Context(), start)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || len(all[0].Questions) != 2 || all[0].Questions[0] != "how do we cancel our gym contract" || all[1].Questions[0] != "who won the match" {
		t.Errorf("unanswered: %+v", all)
	}
	if all, err = w.benefits.Unanswered(t.Context(), w.now); err != nil || len(all) != 0 {
		t.Errorf("later: %+v, %v", all, err)
	}
}
