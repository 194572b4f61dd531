package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
func TestAMentionThatComesTwiceHasOneId(t *testing.T) { bothWays(t, comesTwice) }

func comesTwice(t *testing.T, o fakeslack.Options) {
	o.Events = []string{"app_mention", "message.channels", "message.im"}
	w := newWorld(t, o)
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
func TestAnEventThatWasNotStoredComesAgain(t *testing.T) { bothWays(t, comesAgain) }

func comesAgain(t *testing.T, o fakeslack.Options) {
	o.AckTimeout = 300 * time.Millisecond
	w := newWorld(t, o)
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

func TestAFaultInTheEngineIsNotAcknowledged(t *testing.T) { bothWays(t, faultComesAgain) }

func faultComesAgain(t *testing.T, o fakeslack.Options) {
	o.AckTimeout = 300 * time.Millisecond
	w := newWorld(t, o)
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
func TestWhoActedIsToldToTryLater(t *testing.T) { bothWays(t, toldToTryLater) }

func toldToTryLater(t *testing.T, o fakeslack.Options) {
	w := newWorld(t, o)
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
func TestAModalThatWasNotStoredStays(t *testing.T) { bothWays(t, modalStays) }

func modalStays(t *testing.T, o fakeslack.Options) {
	w := newWorld(t, o)
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

func TestAFormFollowsAForm(t *testing.T) { bothWays(t, formFollows) }

func formFollows(t *testing.T, o fakeslack.Options) {
	w := newWorld(t, o)
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
func TestACommandThatComesTwiceOpensOnce(t *testing.T) { bothWays(t, opensOnce) }

func opensOnce(t *testing.T, o fakeslack.Options) {
	w := newWorld(t, o)
	w.Deliver(fakeslack.Delivery{Times: 2, Interactions: true})
	w.opens(t)
	if ids := w.engine.all(); len(ids) != 2 || ids[0].ID != ids[1].ID {
		t.Errorf("heard %+v", ids)
	}
}

// Whatever the cause, the person is told of the form, and not that nothing could
// be saved.
func TestAModalThatCannotBeOpenedIsSaid(t *testing.T) {
	for name, test := range map[string]struct {
		fault  fakeslack.Fault
		logged string
	}{
		"too late":      {fakeslack.Fault{Kind: fakeslack.Code, Code: "expired_trigger_id"}, "expired_trigger_id"},
		"too often":     {fakeslack.Fault{Kind: fakeslack.RateLimited, RetryAfter: 7}, "rate limit"},
		"a page":        {fakeslack.Fault{Kind: fakeslack.Status, Status: 500}, "500"},
		"a wrong start": {fakeslack.Fault{Kind: fakeslack.ResetBefore}, "views.open"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeslack.Options{})
			test.fault.Method = "views.open"
			w.Server.Fault(test.fault)
			w.engine.answers(func() (bot.Immediate, error) { return bot.Immediate{Form: aForm()}, nil })
			w.must(w.Command(t.Context(), "luc", "lobby", "/procura open"))
			if seen := w.one(); seen.Text != "bot.form-not-opened fr" || !seen.Private {
				t.Errorf("people see %+v", seen)
			}
			log := w.log.String()
			if !strings.Contains(log, test.logged) || !strings.Contains(log, "incoming="+string(w.engine.last(t).ID)) || strings.Contains(log, "Your answer") {
				t.Errorf("the log says %s", log)
			}
		})
	}
}

// Slack may take its time to open a form: the acknowledgement does not wait.
func TestAnAcknowledgementDoesNotWaitForAForm(t *testing.T) { bothWays(t, acknowledgedFirst) }

func acknowledgedFirst(t *testing.T, o fakeslack.Options) {
	w := newWorld(t, o)
	acknowledged := make(chan struct{})
	w.OnRequest(func(method string, phase fakeslack.Phase) {
		if method != "views.open" || phase != fakeslack.Before {
			return
		}
		select {
		case <-acknowledged:
		case <-w.soon().Done():
			t.Error("a form is opened before the acknowledgement")
		}
	})
	w.engine.answers(func() (bot.Immediate, error) { return bot.Immediate{Form: aForm()}, nil })
	w.OnAcknowledged(func() { close(acknowledged) })
	w.must(w.Command(t.Context(), "luc", "lobby", "/procura open"))
	if seen := w.one(); seen.Form == nil {
		t.Errorf("people see %+v", seen)
	}
}

// A form that was opened though its answer was lost is not called unopened for
// certain.
func TestAModalWhoseAnswerIsLost(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	w.Server.Fault(fakeslack.Fault{Method: "views.open", Kind: fakeslack.ResetAfter})
	w.engine.answers(func() (bot.Immediate, error) { return bot.Immediate{Form: aForm()}, nil })
	w.must(w.Command(t.Context(), "luc", "lobby", "/procura open"))
	if seen := w.Seen(); len(seen) != 2 || seen[0].Form == nil || seen[1].Text != "bot.form-not-opened fr" {
		t.Errorf("people see %+v", seen)
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
func TestEveryRecordedEventIsAcknowledged(t *testing.T) { bothWays(t, recordedAcknowledged) }

func recordedAcknowledged(t *testing.T, o fakeslack.Options) {
	w := newWorld(t, o)
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
		if recorded.Event["type"] == "app_uninstalled" {
			continue // after which nothing is heard: TestAnAppThatIsTakenAwayEnds
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

func TestALookUpDoesNotHoldUpAnAcknowledgement(t *testing.T) { bothWays(t, lookUpDoesNotHold) }

func lookUpDoesNotHold(t *testing.T, o fakeslack.Options) {
	o.AckTimeout = 3 * time.Second
	w := newWorld(t, o)
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
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, fakeslack.Options{})
				for i := range 3 {
					time.Sleep(time.Hour)
					w.Disconnect(reason)
					w.must(w.WaitOpened(w.soon(), (i+2)*slack.Connections))
					w.must(w.WaitConnected(w.ages(), slack.Connections))
					w.must(w.Say(t.Context(), "luc", "", "still there?"))
					if n := len(w.engine.all()); n != i+1 {
						t.Errorf("heard %d things", n)
					}
				}
			})
		})
	}
}

// A socket that is asked to go still brings what Slack has put on it, while its
// successor is there already: commands do not come again.
func TestASocketIsReadUntilItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fakeslack.Options{})
		w.Deliver(fakeslack.Delivery{Sockets: fakeslack.Oldest})
		time.Sleep(time.Hour)
		w.Disconnect("warning")
		synctest.Wait()
		if n := w.Connections(); n != 2*slack.Connections {
			t.Errorf("%d sockets are open, want the old and the new", n)
		}
		_, err := w.Server.Command(t.Context(), string(w.Account("luc").User), string(w.Spot("lobby").Conversation), "/procura", "ask")
		w.must(err)
		if n := len(w.engine.all()); n != 1 {
			t.Errorf("heard %d things", n)
		}
		for _, ack := range w.Acks() {
			if ack.OtherSocket {
				t.Error("an acknowledgement took another socket than its envelope")
			}
		}
	})
}

// An envelope whose socket ends before it is handled is acknowledged on another.
func TestAnAcknowledgementFindsAnotherSocket(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	w.engine.answers(func() (bot.Immediate, error) {
		opened := w.Opened()
		w.Disconnect("reset")
		return bot.Immediate{}, w.WaitOpened(w.soon(), opened+slack.Connections)
	})
	user, dm := string(w.Account("luc").User), w.DM(string(w.Account("luc").User))
	_, err := w.Server.Say(t.Context(), user, dm, "hello", "")
	w.must(err)
	if acks := w.Acks(); len(acks) != 1 || !acks[0].OtherSocket {
		t.Errorf("acknowledgements: %+v", acks)
	}
}

// A socket that says nothing for half a minute is dead.
func TestASilentSocketIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fakeslack.Options{PingInterval: time.Hour})
		time.Sleep(40 * time.Second)
		synctest.Wait()
		if n := w.Opened(); n != 2*slack.Connections {
			t.Errorf("%d sockets were opened, want each replaced once", n)
		}
		if n := w.adapter.Counts()["reconnected"]; n != slack.Connections {
			t.Errorf("%d are counted as opened in the place of others", n)
		}
	})
}

// What only a person can mend ends this workspace, by name, and nothing is tried
// again: Slack resets the tokens of apps that go on.
func TestWhatIsHopelessEndsTheWorkspace(t *testing.T) {
	for name, test := range map[string]struct {
		happens func(*world)
		says    string
	}{
		"Socket Mode is switched off": {func(w *world) { w.Disconnect("link_disabled") }, "Socket Mode switched off"},
		"the token is revoked": {func(w *world) {
			w.Revoke(w.AppToken(), "token_revoked")
			w.Disconnect("reset")
		}, "PROCURABOT_SLACK_APP_TOKEN"},
		"the account is gone": {func(w *world) {
			w.Revoke(w.AppToken(), "account_inactive")
			w.Disconnect("refresh_requested")
		}, "account_inactive"},
		"the scope is gone": {func(w *world) {
			w.Server.Fault(fakeslack.Fault{Method: "apps.connections.open", Kind: fakeslack.Code, Code: "missing_scope", Times: -1})
			w.Disconnect("refresh_requested")
		}, "missing_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, fakeslack.Options{})
				a := w.connect(slack.Options{})
				ended := make(chan error, 1)
				go func() { ended <- a.Run(t.Context(), &engine{}) }()
				w.must(w.WaitConnected(w.soon(), 2*slack.Connections))
				w.ends = true // both of the stage's adapters have the one token
				test.happens(w)
				err := <-ended
				if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), w.TeamID()) {
					t.Errorf("Run ended with %v", err)
				}
				time.Sleep(time.Minute)
				asked := len(w.Calls("apps.connections.open"))
				time.Sleep(24 * time.Hour)
				if again := len(w.Calls("apps.connections.open")) - asked; again != 0 {
					t.Errorf("a socket was asked for %d times more", again)
				}
			})
		})
	}
}

// Slack says that the app was taken away; over HTTP it says nothing else.
func TestAnAppThatIsTakenAwayEnds(t *testing.T) {
	for name, event := range map[string]map[string]any{
		"app_uninstalled": {"type": "app_uninstalled"},
		"tokens_revoked":  {"type": "tokens_revoked", "tokens": map[string]any{"oauth": []any{"U1"}, "bot": []any{"U0FAKEBOT"}}},
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, o fakeslack.Options) {
				w := newWorld(t, o)
				// Somebody else's token is not the bot's.
				w.must(w.Event(t.Context(), map[string]any{"type": "tokens_revoked", "tokens": map[string]any{"oauth": []any{"U1"}, "bot": []any{}}}))
				w.must(w.Say(t.Context(), "luc", "", "still there?"))
				w.ends = true
				w.must(w.Event(t.Context(), event))
				select {
				case err := <-w.ended:
					w.ended <- err
					if !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), w.TeamID()) {
						t.Errorf("Run ended with %v", err)
					}
				case <-w.soon().Done():
					t.Error("Run goes on")
				}
			})
		})
	}
}

// While Slack is away it is asked less and less often, and not before it allows.
func TestSlackIsNotPressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fakeslack.Options{})
		w.Server.Fault(fakeslack.Fault{Method: "apps.connections.open", Kind: fakeslack.RateLimited, RetryAfter: 600})
		w.Server.Fault(fakeslack.Fault{Method: "apps.connections.open", Kind: fakeslack.Status, Status: 503, Times: 40})
		w.Disconnect("reset")
		time.Sleep(time.Second)
		before := len(w.Calls("apps.connections.open"))
		time.Sleep(598 * time.Second)
		if n := len(w.Calls("apps.connections.open")); n != before || n != slack.Connections+1 {
			t.Errorf("asked %d times before the time, %d in all", n-before, n)
		}
		w.must(w.WaitConnected(w.days(), slack.Connections))
		if n := len(w.Calls("apps.connections.open")); n != 2*slack.Connections+41 {
			t.Errorf("asked %d times", n)
		}
		w.must(w.Say(t.Context(), "luc", "", "good morning"))
	})
}

// Every envelope is acknowledged, whatever it holds, by as many sockets as are wanted.
func TestEnvelopesOfNoForm(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	for i, frame := range []string{
		`{"envelope_id":"e0","type":"events_api","payload":"not an object"}`,
		`{"envelope_id":"e1","type":"events_api"}`,
		`{"envelope_id":"e2","type":"invented_tomorrow","payload":{}}`,
		`{"envelope_id":"e3","type":7,"payload":{"type":"secret ossifrage"}}`,
		`{"envelope_id":"e4","type":"slash_commands","payload":[]}`,
		`{"envelope_id":"e5","type":"interactive","payload":{"type":7}}`,
		`{"envelope_id":"e6","reason":[],"type":"interactive","payload":null,"accepts_response_payload":"x"}`,
	} {
		w.must(w.Frame(w.soon(), fmt.Sprint("e", i), frame))
	}
	for _, frame := range []string{`{}`, `[]`, `not JSON`, `{"type":"disconnect","reason":7}`} {
		w.must(w.Frame(w.soon(), "", frame))
	}
	w.must(w.Say(t.Context(), "luc", "", "still there?"))
	if n := len(w.engine.all()); n != 1 {
		t.Errorf("heard %d things", n)
	}
	if n := w.adapter.Counts()["unreadable"]; n < 5 {
		t.Errorf("%d unreadable deliveries were counted", n)
	}
	if strings.Contains(w.log.String(), "ossifrage") {
		t.Error("the log holds what was written")
	}
}

func TestAsManySocketsAsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fakeslack.Options{})
		a := w.connect(slack.Options{Sockets: 5})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx, w.engine) }()
		w.must(w.WaitConnected(w.soon(), slack.Connections+5))
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
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

func (w *world) ages() context.Context { return w.within(time.Hour) }
func (w *world) days() context.Context { return w.within(7 * 24 * time.Hour) }

func (w *world) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
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

// A block, an attachment or a field of a form that came after this program does
// not cost anybody an answer.
func TestAMessageOfANewFormIsHeard(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	w.must(w.Event(t.Context(), map[string]any{
		"type": "app_mention", "user": string(w.Account("luc").User), "channel": string(w.Spot("lobby").Conversation), "ts": "1700000000.000100",
		"text": w.Mention() + " hello", "edited": "just now", "attachments": map[string]any{"n": 1}, "files": 7,
		"blocks": []any{map[string]any{"type": "section", "text": "of a new form"}, map[string]any{"type": 7}},
	}))
	if said, _ := w.engine.last(t).What.(bot.Said); said.Text != "hello" {
		t.Errorf("heard %+v", w.engine.last(t))
	}
	if n := w.adapter.Counts()["unreadable"]; n != 0 {
		t.Errorf("%d deliveries were put aside", n)
	}
}

// Slack says that it holds events back; nothing else tells.
func TestWhatSlackHoldsBackIsLogged(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	w.must(w.Frame(w.soon(), "e1", `{"envelope_id":"e1","type":"events_api","payload":{"type":"app_rate_limited","team_id":"T1","minute_rate_limited":1518467820}}`))
	if !strings.Contains(w.log.String(), "no more events") {
		t.Errorf("the log says %s", w.log)
	}
}

// While no socket is open nothing is received, and nobody is told that it is.
func TestReadyIsAnOpenSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fakeslack.Options{})
		synctest.Wait()
		if !w.adapter.Ready() {
			t.Error("with its sockets open it is not ready")
		}
		w.Disconnect("warning")
		synctest.Wait()
		if !w.adapter.Ready() {
			t.Error("while sockets are replaced it is not ready")
		}
		time.Sleep(time.Minute)
		w.Server.Fault(fakeslack.Fault{Method: "apps.connections.open", Kind: fakeslack.Status, Status: 503, Times: 2})
		w.Disconnect("reset")
		synctest.Wait()
		if w.adapter.Ready() {
			t.Error("without a socket it is ready")
		}
		w.must(w.WaitConnected(w.ages(), slack.Connections))
		synctest.Wait()
		if !w.adapter.Ready() {
			t.Error("with new sockets it is not ready")
		}
	})
}
