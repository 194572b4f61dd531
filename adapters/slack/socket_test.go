package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"procurabot/adapters/slack"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
	"procurabot/bot/bottest"
)

// An app that is told of all messages of a channel hears a mention twice, as
// two events: the engine must be able to see that it is one.
func TestAMentionThatComesTwiceHasOneId(t *testing.T) {
	w := newWorld(t, fakeslack.Options{Events: []string{"app_mention", "message.channels", "message.im"}})
	for _, reorder := range []bool{false, true} {
		w.Deliver(fakeslack.Delivery{Times: 2, Reorder: reorder})
		before := len(w.engine.all())
		w.must(w.Say(t.Context(), "luc", "lobby", "@bot hello & goodbye"))
		heard := w.engine.all()[before:]
		if len(heard) != 4 {
			t.Fatalf("heard %d times, want 4", len(heard))
		}
		for _, in := range heard {
			if in.ID != heard[0].ID || in.What != heard[0].What || in.In != heard[0].In {
				t.Errorf("heard %+v and %+v of one message", heard[0], in)
			}
		}
	}
	before := len(w.engine.all())
	w.must(w.Say(t.Context(), "greta", "lobby", "not to the bot, nor to @luc"))
	if heard := w.engine.all()[before:]; len(heard) != 0 {
		t.Errorf("heard what nobody said to the bot: %+v", heard)
	}
}

func TestTheBotDoesNotHearItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fakeslack.Options{Echo: true})
		if _, err := w.send(w.direct("luc"), "row", bot.Body{Text: "echo"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if acks, heard := w.Acks(), w.engine.all(); len(acks) != 1 || len(heard) != 0 {
			t.Errorf("%d acknowledgements, want one; heard %+v", len(acks), heard)
		}
	})
}

// What was not stored is not acknowledged, and comes again as the same thing.
func TestAnEventThatWasNotStoredComesAgain(t *testing.T) {
	w := newWorld(t, fakeslack.Options{AckTimeout: 300 * time.Millisecond})
	w.engine.answer = func(bot.Incoming) (bot.Immediate, error) {
		if len(w.engine.all()) == 1 {
			return bot.Immediate{Notice: "Please try later."}, errFull
		}
		return bot.Immediate{}, nil
	}
	w.must(w.Say(t.Context(), "luc", "", "hello"))
	heard := w.engine.all()
	if len(heard) != 2 || heard[0].ID != heard[1].ID {
		t.Fatalf("heard %+v", heard)
	}
	if n := len(w.Acks()); n != 1 {
		t.Errorf("%d acknowledgements, want one", n)
	}
	if seen := w.Seen(); len(seen) != 0 {
		t.Errorf("people see %+v", seen)
	}
}

func TestAFaultInTheEngineIsNotAcknowledged(t *testing.T) {
	w := newWorld(t, fakeslack.Options{AckTimeout: 300 * time.Millisecond})
	var once sync.Once
	w.engine.answers(func() (bot.Immediate, error) {
		once.Do(func() { panic("a fault") })
		return bot.Immediate{}, nil
	})
	w.must(w.Say(t.Context(), "luc", "", "hello"))
	if n := len(w.engine.all()); n != 2 {
		t.Errorf("heard %d times, want again after the fault", n)
	}
	if !strings.Contains(w.log.String(), "a fault") {
		t.Error("the fault is not in the log")
	}
}

// Interactions are acknowledged whatever happens: they do not come again.
func TestWhoActedIsToldToTryLater(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	_, err := w.send(w.lobby(), "row", bot.Body{Text: "Choose", Buttons: []bot.Button{{ID: "test.one", Label: "One"}}})
	w.must(err)
	w.Seen()
	w.engine.answers(func() (bot.Immediate, error) { return bot.Immediate{Notice: "Please *try* later."}, errFull })
	w.must(w.Command(t.Context(), "luc", "lobby", "/procura ask"))
	if seen := w.one(); seen.Text != "Please try later." || !seen.Private || seen.To != "luc" {
		t.Errorf("after a command people see %+v", seen)
	}
	w.must(w.Press(t.Context(), "greta", "One"))
	if seen := w.one(); seen.Text != "Please try later." || !seen.Private || seen.To != "greta" {
		t.Errorf("after a press people see %+v", seen)
	}
}

func aForm() *bot.ShownForm {
	return &bot.ShownForm{Draft: "d1", Title: "Answer", Submit: "Send", Cancel: "Cancel", Fields: []bot.ShownField{
		{Name: "text", Kind: bot.Paragraph, Label: "Your answer", Hint: "Briefly", Required: true, Max: 1500},
		{Name: "source", Kind: bot.Line, Label: "Source", Value: strings.Repeat("s", 20), Max: 10},
	}}
}

func (w *world) opens(t *testing.T) {
	t.Helper()
	w.engine.answers(func() (bot.Immediate, error) { return bot.Immediate{Form: aForm()}, nil })
	w.must(w.Command(t.Context(), "luc", "lobby", "/procura open"))
	if seen := w.one(); seen.Form == nil || seen.To != "luc" || seen.Form.Fields[1].Value != strings.Repeat("s", 20) {
		t.Fatalf("people see %+v", seen)
	}
}

// With the modal gone, what was typed would be lost.
func TestAModalThatWasNotStoredStays(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	w.opens(t)
	w.engine.answers(func() (bot.Immediate, error) { return bot.Immediate{Notice: "Please *try* later."}, errFull })
	w.must(w.Submit(t.Context(), "luc", map[string]string{"text": "typed"}))
	if seen := w.one(); seen.Errors["text"] != "Please try later." {
		t.Errorf("people see %+v", seen)
	}
	w.engine.answer = nil
	w.must(w.Submit(t.Context(), "luc", nil))
	heard := w.engine.all()
	first, second := heard[len(heard)-2], heard[len(heard)-1]
	if s, _ := second.What.(bot.Submitted); s.Values["text"] != "typed" || s.Draft != "d1" || first.ID == second.ID {
		t.Errorf("heard %+v, then %+v", first, second)
	}
	if second.Reply == nil || second.Reply.Token == "" || !second.Reply.Expires.After(time.Now()) {
		t.Errorf("no way to answer: %+v", second.Reply)
	}
	if w.View(string(w.Account("luc").User)) != nil {
		t.Error("the modal that was accepted is still open")
	}
}

func TestAFormFollowsAForm(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	w.opens(t)
	w.engine.answers(func() (bot.Immediate, error) {
		next := aForm()
		next.Draft, next.Title = "d2", "More"
		return bot.Immediate{Form: next}, nil
	})
	w.must(w.Submit(t.Context(), "luc", map[string]string{"text": "typed"}))
	if seen := w.one(); seen.Form == nil || seen.Form.Title != "More" {
		t.Errorf("people see %+v", seen)
	}
	w.engine.answer = nil
	w.must(w.Submit(t.Context(), "luc", map[string]string{"text": "more"}))
	if s, _ := w.engine.last(t).What.(bot.Submitted); s.Draft != "d2" || s.Values["text"] != "more" {
		t.Errorf("heard %+v", s)
	}
}

// The same command over two sockets opens one modal, and says nothing more.
func TestACommandThatComesTwiceOpensOnce(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	w.Deliver(fakeslack.Delivery{Times: 2, Interactions: true})
	w.opens(t)
	if ids := w.engine.all(); len(ids) != 2 || ids[0].ID != ids[1].ID {
		t.Errorf("heard %+v", ids)
	}
}

func TestAModalThatCannotBeOpenedIsSaid(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	w.Server.Fault(fakeslack.Fault{Method: "views.open", Kind: fakeslack.Code, Code: "expired_trigger_id"})
	w.engine.answers(func() (bot.Immediate, error) { return bot.Immediate{Form: aForm()}, nil })
	w.must(w.Command(t.Context(), "luc", "lobby", "/procura open"))
	if seen := w.one(); seen.Text != "bot.try-later fr" || !seen.Private {
		t.Errorf("people see %+v", seen)
	}
	if log := w.log.String(); !strings.Contains(log, "expired_trigger_id") || strings.Contains(log, "Your answer") {
		t.Errorf("the log says %s", log)
	}
}

// An answer to a button in a thread is seen in the thread.
func TestAPrivateAnswerStaysInItsThread(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	w.must(w.Say(t.Context(), "luc", "lobby", "@bot hello"))
	to := w.lobby()
	to.Conversation = w.engine.last(t).In.Replies
	_, err := w.send(to, "row", bot.Body{Text: "Choose", Buttons: []bot.Button{{ID: "test.one", Label: "One"}}})
	w.must(err)
	w.must(w.Press(t.Context(), "greta", "One"))
	in := w.engine.last(t)
	_, err = w.send(bot.Target{Platform: "slack", Space: in.Space, Account: in.From, Reply: in.Reply}, "row2", bot.Body{Text: "Chosen"})
	w.must(err)
	greta, lobby := string(w.Account("greta").User), string(w.Spot("lobby").Conversation)
	private := w.Ephemerals(greta, lobby)
	if len(private) != 1 || lobby+"/"+private[0].ThreadTS != string(to.Conversation) {
		t.Errorf("greta sees %+v", private)
	}
}

// What the library cannot parse is acknowledged: Slack counts what is not.
func TestEveryRecordedEventIsAcknowledged(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	w.must(w.Event(t.Context(), map[string]any{"type": "invented_tomorrow", "user": "U1"}))
	w.must(w.Event(t.Context(), map[string]any{"type": "message", "channel": 7, "text": "<@U0FAKEBOT> not as it should be"}))
	if n := len(w.Acks()); n != 2 {
		t.Errorf("%d acknowledgements, want 2", n)
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "specs", "slack_samples", "events", "*.json"))
	if err != nil || len(files) == 0 {
		t.Logf("without the recorded events, only two of our own were tried: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var recorded struct {
			Event map[string]any `json:"event"`
		}
		if err := json.Unmarshal(raw, &recorded); err != nil {
			t.Fatal(err)
		}
		if recorded.Event == nil {
			continue // of the outer kinds, without an event
		}
		if err := w.Event(t.Context(), recorded.Event); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
	if heard := w.engine.all(); len(heard) != 0 {
		t.Errorf("heard %+v", heard)
	}
}

func TestNamesAndLanguages(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	luc := string(w.Account("luc").User)
	w.must(w.Say(t.Context(), "luc", "lobby", "@bot may @greta ask?"))
	in := w.engine.last(t)
	if said, _ := in.What.(bot.Said); in.Name != "luc" || in.Locale != "fr-FR" || in.In.Locale != "en-US" || said.Text != "may @greta ask?" {
		t.Errorf("heard %+v", in)
	}
	w.must(w.Say(t.Context(), "luc", "lobby", "@bot again"))
	if people, channels := len(w.Calls("users.info")), len(w.Calls("conversations.info")); people != 2 || channels != 1 {
		t.Errorf("asked %d times for people and %d times for channels, want 2 and 1: they are remembered", people, channels)
	}
	w.must(w.ChangeUser(t.Context(), luc, func(u *fakeslack.User) { u.Locale = "de-DE" }))
	w.must(w.Say(t.Context(), "luc", "lobby", "@bot once more"))
	if in := w.engine.last(t); in.Locale != "de-DE" || len(w.Calls("users.info")) != 2 {
		t.Errorf("the change of language was not noticed: %+v", in)
	}
	// Nothing that cannot be looked up stops a message.
	w.Server.Fault(fakeslack.Fault{Method: "users.info", Kind: fakeslack.RateLimited, RetryAfter: 60, Times: -1})
	w.must(w.Say(t.Context(), "greta", "", "hello"))
	w.must(w.AddPerson(t.Context(), bottest.Person{Name: "ada", Locale: "en"}))
	w.must(w.Say(t.Context(), "ada", "lobby", "@bot hello"))
	if in := w.engine.last(t); in.Name != "" || in.Locale != "" || in.In.Locale != "en-US" {
		t.Errorf("heard %+v", in)
	}
}

func TestALookUpDoesNotHoldUpAnAcknowledgement(t *testing.T) {
	w := newWorld(t, fakeslack.Options{AckTimeout: 3 * time.Second})
	w.Server.Fault(fakeslack.Fault{Method: "users.info", Kind: fakeslack.SlowAnswer, Wait: time.Hour, Times: -1})
	w.Server.Fault(fakeslack.Fault{Method: "conversations.info", Kind: fakeslack.SlowAnswer, Wait: time.Hour, Times: -1})
	w.must(w.Say(t.Context(), "luc", "lobby", "@bot may @greta ask?"))
	greta := string(w.Account("greta").User)
	if said, _ := w.engine.last(t).What.(bot.Said); said.Text != "may @"+greta+" ask?" {
		t.Errorf("heard %+v", said)
	}
}

// Slack closes sockets every few hours: nothing that people do is lost.
func TestSocketsAreRefreshed(t *testing.T) {
	for _, reason := range []string{"warning", "refresh_requested", "reset"} {
		t.Run(reason, func(t *testing.T) {
			w := newWorld(t, fakeslack.Options{})
			w.Disconnect(reason)
			w.must(w.WaitOpened(w.soon(), 2*slack.Connections))
			w.must(w.WaitConnected(w.soon(), slack.Connections))
			w.must(w.Say(t.Context(), "luc", "", "still there?"))
			if n := len(w.engine.all()); n != 1 {
				t.Errorf("heard %d things", n)
			}
		})
	}
}

func TestADayOnTheSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fakeslack.Options{})
		time.Sleep(24 * time.Hour)
		w.must(w.Say(t.Context(), "luc", "", "good morning"))
		if n := len(w.engine.all()); n != 1 || w.Opened() != slack.Connections {
			t.Errorf("heard %d things over %d sockets", n, w.Opened())
		}
		w.must(w.Command(t.Context(), "luc", "lobby", "/procura ask"))
	})
}

// Run keeps asking while Slack is away, and starts when it is there.
func TestRunWaitsForSlack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fakeslack.Options{})
		w.Server.Fault(fakeslack.Fault{Method: "auth.test", Kind: fakeslack.Status, Status: 503, Times: 5})
		a := w.connect(slack.Options{})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx, w.engine) }()
		w.must(w.WaitConnected(w.ages(), 2*slack.Connections))
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v", err)
		}
		w.must(w.WaitConnected(w.soon(), slack.Connections))
	})
}

func (w *world) ages() context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Hour)
	w.t.Cleanup(cancel)
	return ctx
}

// A turn that is under way when the bot is stopped is finished before Run returns.
func TestAStopLetsTurnsFinish(t *testing.T) {
	st := newStage(t, fakeslack.Options{AckTimeout: 300 * time.Millisecond})
	if err := st.AddPerson(t.Context(), bottest.Person{Name: "luc", Locale: "fr"}); err != nil {
		t.Fatal(err)
	}
	a, err := st.Adapter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	begun, release := make(chan struct{}), make(chan struct{})
	finished := false
	e := &engine{answer: func(bot.Incoming) (bot.Immediate, error) {
		close(begun)
		<-release
		finished = true
		return bot.Immediate{}, nil
	}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, e) }()
	said := make(chan error, 1)
	go func() {
		// The stage's own patience is not what is tried here.
		user, channel := string(st.Account("luc").User), st.DM(string(st.Account("luc").User))
		if err := st.WaitConnected(t.Context(), slack.Connections); err != nil {
			said <- err
			return
		}
		_, err := st.Server.Say(t.Context(), user, channel, "hello", "")
		said <- err
	}()
	<-begun
	stop()
	if err := <-said; !errors.Is(err, fakeslack.ErrNotAcknowledged) {
		t.Errorf("said: %v", err)
	}
	select {
	case err := <-ended:
		t.Fatalf("Run returned (%v) with a turn under way", err)
	default:
	}
	close(release)
	if err := <-ended; err != nil || !finished {
		t.Errorf("Run ended with %v, the turn finished: %v", err, finished)
	}
}
