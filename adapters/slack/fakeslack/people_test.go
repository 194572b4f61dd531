package fakeslack_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"procurabot/adapters/slack/fakeslack"
)

// seen collects what came over the sockets.
type seen struct {
	mu     sync.Mutex
	events []socketmode.Event
}

func (s *seen) add(e socketmode.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

func (s *seen) all() []socketmode.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// kinds are the inner types of the events, with their event ids.
func (s *seen) kinds() (kinds, ids []string) {
	for _, e := range s.all() {
		if outer, ok := e.Data.(slackevents.EventsAPIEvent); ok {
			kinds = append(kinds, outer.InnerEvent.Type)
			ids = append(ids, outer.Data.(*slackevents.EventsAPICallbackEvent).EventID)
		}
	}
	return kinds, ids
}

func (s *seen) acknowledge(e socketmode.Event) any {
	s.add(e)
	return nil
}

// On both kinds of network, a mention, a command with an answer in its acknowledgement, and a button's response URL.
func TestPeopleActAndTheBotAnswers(t *testing.T) {
	starts := map[string]func(*fakeslack.Server) error{
		"in memory": (*fakeslack.Server).Start,
		"over TCP":  func(s *fakeslack.Server) error { return s.StartTCP("127.0.0.1:0") },
	}
	for name, start := range starts {
		t.Run(name, func(t *testing.T) {
			w := startWorld(t, fakeslack.Options{HistoryScope: true}, start)
			var got seen
			w.listen(t, func(e socketmode.Event) any {
				got.add(e)
				switch data := e.Data.(type) {
				case slack.SlashCommand:
					return map[string]any{"text": "Searching for " + data.Text}
				case slack.InteractionCallback:
					if data.ActionCallback.BlockActions[0].Value != "yes" {
						t.Errorf("pressed %+v", data.ActionCallback.BlockActions[0])
					}
					_, _, err := w.api.PostMessageContext(t.Context(), "", slack.MsgOptionResponseURL(data.ResponseURL, ""),
						slack.MsgOptionText("Thank you", false), slack.MsgOptionReplaceOriginal(data.ResponseURL))
					if err != nil {
						t.Errorf("response URL: %v", err)
					}
				}
				return nil
			})
			w.connected(t, 1)

			ts, err := w.Say(t.Context(), w.ann.ID, w.general.ID, w.Mention()+" who may take part?", "")
			if err != nil {
				t.Fatal(err)
			}
			kinds, ids := got.kinds()
			if !slices.Equal(kinds, []string{"app_mention", "message"}) || ids[0] == ids[1] {
				t.Errorf("events: %v %v", kinds, ids)
			}
			mention := got.all()[0].Data.(slackevents.EventsAPIEvent).InnerEvent.Data.(*slackevents.AppMentionEvent)
			if mention.TimeStamp != ts || mention.User != w.ann.ID || mention.Channel != w.general.ID {
				t.Errorf("mention: %+v", mention)
			}

			ack, err := w.Command(t.Context(), w.ann.ID, w.general.ID, "/procura", "ask deadlines")
			if err != nil || ack.Message == nil || ack.Message.Text != "Searching for ask deadlines" || ack.Message.EphemeralTo != w.ann.ID {
				t.Errorf("command: %+v, %v", ack, err)
			}

			button := slack.NewButtonBlockElement("useful", "yes", plain("Useful"))
			_, ts, err = w.api.PostMessageContext(t.Context(), w.general.ID, slack.MsgOptionText("Was it useful?", false),
				slack.MsgOptionBlocks(slack.NewActionBlock("rate", button)))
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Press(t.Context(), w.bob.ID, w.general.ID, ts, "useful", "yes"); err != nil {
				t.Fatal(err)
			}
			m := w.FromBot(w.general.ID)
			if len(m) != 1 || m[0].Text != "Thank you" {
				t.Errorf("the original was not replaced: %+v", m)
			}
			if err := w.Press(t.Context(), w.bob.ID, w.general.ID, ts, "no such", ""); err == nil {
				t.Error("a button that is not there was pressed")
			}
		})
	}
}

func TestDirectMessagesAndHome(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	var got seen
	w.listen(t, got.acknowledge)
	w.connected(t, 1)
	if _, err := w.Say(t.Context(), w.ann.ID, w.DM(w.ann.ID), "hello "+w.Mention(), ""); err != nil {
		t.Fatal(err)
	}
	// Without the history scope a channel's message that does not name the bot is not the bot's to know.
	if _, err := w.Say(t.Context(), w.ann.ID, w.general.ID, "just talking", ""); err != nil {
		t.Fatal(err)
	}
	if err := w.OpenHome(t.Context(), w.ann.ID); err != nil {
		t.Fatal(err)
	}
	if kinds, _ := got.kinds(); !slices.Equal(kinds, []string{"message", "app_home_opened"}) {
		t.Errorf("events: %v", kinds)
	}
	home := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{
		slack.NewActionBlock("", slack.NewButtonBlockElement("leave", "", plain("Leave")))}}}
	first, err := w.api.PublishViewContext(t.Context(), slack.PublishViewContextRequest{UserID: w.ann.ID, View: home})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.api.PublishViewContext(t.Context(), slack.PublishViewContextRequest{UserID: w.ann.ID, View: home, Hash: &first.View.Hash}); err != nil {
		t.Fatal(err)
	}
	_, err = w.api.PublishViewContext(t.Context(), slack.PublishViewContextRequest{UserID: w.ann.ID, View: home, Hash: &first.View.Hash})
	if code(err) != "hash_conflict" {
		t.Errorf("an old hash: %v", err)
	}
	if err := w.PressView(t.Context(), w.ann.ID, "leave", ""); err != nil {
		t.Fatal(err)
	}
	pressed := got.all()[2].Data.(slack.InteractionCallback)
	if pressed.Container.Type != "view" || pressed.View.ID != first.View.ID || w.Home(w.ann.ID).Elements()[0].Text != "Leave" {
		t.Errorf("pressed: %+v", pressed)
	}
}

func TestAModalFromCommandToSubmission(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	var answer any
	var values map[string]map[string]slack.BlockAction
	w.listen(t, func(e socketmode.Event) any {
		switch data := e.Data.(type) {
		case slack.SlashCommand:
			if _, err := w.api.OpenViewContext(t.Context(), data.TriggerID, modal("Register")); err != nil {
				t.Errorf("open: %v", err)
			}
			if _, err := w.api.OpenViewContext(t.Context(), data.TriggerID, modal("Again")); code(err) != "exchanged_trigger_id" {
				t.Errorf("a trigger opened two modals: %v", err)
			}
		case slack.InteractionCallback:
			if data.Type == slack.InteractionTypeViewSubmission {
				values = data.View.State.Values
			}
			return answer
		}
		return nil
	})
	w.connected(t, 1)
	if _, err := w.Command(t.Context(), w.ann.ID, w.general.ID, "/procura", "register"); err != nil {
		t.Fatal(err)
	}
	v := w.View(w.ann.ID)
	if v == nil || v.Title != "Register" || v.PrivateMetadata != "draft-1" || !strings.Contains(v.Shown(), "Welcome & *hello*\nName") {
		t.Fatalf("view: %+v", v)
	}

	r, err := w.Submit(t.Context(), w.ann.ID, map[string]string{"language": "fr"})
	if err != nil || r.Errors["name"] == "" || values != nil {
		t.Errorf("an empty required field reached the bot: %+v, %v", r, err)
	}
	answer = slack.NewErrorsViewSubmissionResponse(map[string]string{"name": "Too short"})
	r, err = w.Submit(t.Context(), w.ann.ID, map[string]string{"name": "A"})
	if err != nil || r.Errors["name"] != "Too short" || r.Closed {
		t.Errorf("errors: %+v, %v", r, err)
	}
	if values["name"]["name_text"].Value != "A" || values["language"]["language_choice"].SelectedOption.Value != "fr" {
		t.Errorf("values: %+v", values)
	}
	answer = slack.NewErrorsViewSubmissionResponse(map[string]string{"elsewhere": "?"})
	if _, err = w.Submit(t.Context(), w.ann.ID, nil); err == nil {
		t.Error("an error beside no input was shown")
	}
	next := modal("Second")
	answer = slack.NewPushViewSubmissionResponse(&next)
	if r, err = w.Submit(t.Context(), w.ann.ID, nil); err != nil || r.Next.Title != "Second" || len(w.Views(w.ann.ID)) != 2 {
		t.Errorf("push: %+v, %v", r, err)
	}
	next.Title = plain("Second, changed")
	answer = slack.NewUpdateViewSubmissionResponse(&next)
	if r, err = w.Submit(t.Context(), w.ann.ID, map[string]string{"name": "Ann"}); err != nil || r.Next.Title != "Second, changed" {
		t.Errorf("update: %+v, %v", r, err)
	}
	answer = nil
	if err := w.CloseView(t.Context(), w.ann.ID); err != nil || w.View(w.ann.ID).Title != "Register" {
		t.Errorf("close: %v", err)
	}
	if r, err = w.Submit(t.Context(), w.ann.ID, nil); err != nil || !r.Closed || w.View(w.ann.ID) != nil {
		t.Errorf("the last: %+v, %v", r, err)
	}
}

func TestTriggersExpireAndStacksAreFull(t *testing.T) {
	at := time.Unix(1_790_000_000, 0)
	var mu sync.Mutex
	now := func() time.Time { mu.Lock(); defer mu.Unlock(); return at }
	w := newWorld(t, fakeslack.Options{Now: now})
	var trigger string
	w.listen(t, func(e socketmode.Event) any {
		switch data := e.Data.(type) {
		case slack.SlashCommand:
			trigger = data.TriggerID
		case slack.InteractionCallback:
			trigger = data.TriggerID
		}
		return nil
	})
	w.connected(t, 1)
	command := func() {
		t.Helper()
		if _, err := w.Command(t.Context(), w.ann.ID, w.general.ID, "/procura", ""); err != nil {
			t.Fatal(err)
		}
	}
	command()
	mu.Lock()
	at = at.Add(3*time.Second + time.Millisecond)
	mu.Unlock()
	if _, err := w.api.OpenViewContext(t.Context(), trigger, modal("Late")); code(err) != "expired_trigger_id" {
		t.Errorf("late: %v", err)
	}
	if _, err := w.api.OpenViewContext(t.Context(), "1.2.3", modal("Never")); code(err) != "invalid_trigger_id" {
		t.Errorf("made up: %v", err)
	}
	view := modal("Stack")
	view.Blocks.BlockSet = append(view.Blocks.BlockSet, slack.NewActionBlock("", slack.NewButtonBlockElement("more", "", plain("More"))))
	command()
	opened, err := w.api.OpenViewContext(t.Context(), trigger, view)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"", "", "push_limit_reached"} {
		if err := w.PressView(t.Context(), w.ann.ID, "more", ""); err != nil {
			t.Fatal(err)
		}
		if _, err := w.api.PushViewContext(t.Context(), trigger, view); code(err) != want {
			t.Errorf("push %d: %v", i, err)
		}
	}
	if _, err := w.api.UpdateViewContext(t.Context(), view, "", opened.View.Hash, opened.View.ID); err != nil {
		t.Error(err)
	}
	if _, err := w.api.UpdateViewContext(t.Context(), view, "", opened.View.Hash, opened.View.ID); code(err) != "hash_conflict" {
		t.Errorf("an old hash: %v", err)
	}
	if _, err := w.api.UpdateViewContext(t.Context(), view, "", "", "V404"); code(err) != "not_found" {
		t.Errorf("no such view: %v", err)
	}
}

func TestAnEventIsDeliveredTwiceAndOnEachSocket(t *testing.T) {
	w := newWorld(t, fakeslack.Options{HistoryScope: true})
	var one, two seen
	w.listen(t, one.acknowledge)
	w.connected(t, 1)
	w.listen(t, two.acknowledge)
	w.connected(t, 2)
	w.Deliver(fakeslack.Delivery{Times: 2, Reorder: true})
	if _, err := w.Say(t.Context(), w.ann.ID, w.general.ID, w.Mention(), ""); err != nil {
		t.Fatal(err)
	}
	kindsOne, idsOne := one.kinds()
	kindsTwo, idsTwo := two.kinds()
	if !slices.Equal(kindsOne, []string{"message", "app_mention"}) || !slices.Equal(kindsOne, kindsTwo) || !slices.Equal(idsOne, idsTwo) {
		t.Errorf("one: %v %v; two: %v %v", kindsOne, idsOne, kindsTwo, idsTwo)
	}
}

func TestAnUnacknowledgedEventIsRedelivered(t *testing.T) {
	w := newWorld(t, fakeslack.Options{AckTimeout: 50 * time.Millisecond})
	if _, err := w.Say(t.Context(), w.ann.ID, w.DM(w.ann.ID), "is anybody there?", ""); !errors.Is(err, fakeslack.ErrNotConnected) {
		t.Errorf("without a socket: %v", err)
	}
	var got seen
	var awake atomic.Bool
	w.listen(t, func(e socketmode.Event) any {
		got.add(e)
		if !awake.Load() {
			return silence
		}
		return nil
	})
	w.connected(t, 1)
	if n, err := w.Redeliver(t.Context()); n != 1 || !errors.Is(err, fakeslack.ErrNotAcknowledged) {
		t.Errorf("redelivered %d: %v", n, err)
	}
	awake.Store(true)
	if n, err := w.Redeliver(t.Context()); n != 1 || err != nil {
		t.Errorf("redelivered %d: %v", n, err)
	}
	if n, err := w.Redeliver(t.Context()); n != 0 || err != nil {
		t.Errorf("redelivered what was acknowledged: %d, %v", n, err)
	}
	all := got.all()
	_, ids := got.kinds()
	if len(all) != 2 || all[0].Request.RetryAttempt != 1 || all[1].Request.RetryAttempt != 2 || ids[0] != ids[1] || all[0].Request.EnvelopeID == all[1].Request.EnvelopeID {
		t.Errorf("retries: %+v", all)
	}
}

func TestTheClientReconnects(t *testing.T) {
	for _, reason := range []string{"warning", "refresh_requested", "reset"} {
		t.Run(reason, func(t *testing.T) {
			w := newWorld(t, fakeslack.Options{})
			var got seen
			w.listen(t, got.acknowledge)
			w.connected(t, 1)
			w.Disconnect(reason)
			deadline, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if err := w.WaitOpened(deadline, 2); err != nil {
				t.Fatal(err)
			}
			w.connected(t, 1)
			if _, err := w.Say(t.Context(), w.ann.ID, w.DM(w.ann.ID), "still there?", ""); err != nil {
				t.Fatal(err)
			}
			if len(got.all()) != 1 {
				t.Errorf("events: %+v", got.all())
			}
		})
	}
}

func TestInASyncTestBubbleTheClientStaysConnectedForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fakeslack.Options{})
		var got seen
		w.listen(t, got.acknowledge)
		synctest.Wait()
		time.Sleep(24 * time.Hour)
		if _, err := w.Say(t.Context(), w.ann.ID, w.DM(w.ann.ID), "good morning", ""); err != nil {
			t.Fatal(err)
		}
		if w.Opened() != 1 || len(got.all()) != 1 {
			t.Errorf("%d connections were opened, %d events came", w.Opened(), len(got.all()))
		}
	})
}

func TestResponseURLsWearOut(t *testing.T) {
	at := time.Unix(1_790_000_000, 0)
	var mu sync.Mutex
	w := newWorld(t, fakeslack.Options{Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return at }})
	var url string
	w.listen(t, func(e socketmode.Event) any {
		if c, ok := e.Data.(slack.SlashCommand); ok {
			url = c.ResponseURL
		}
		return nil
	})
	w.connected(t, 1)
	command := func() {
		t.Helper()
		if _, err := w.Command(t.Context(), w.ann.ID, w.general.ID, "/procura", ""); err != nil {
			t.Fatal(err)
		}
	}
	post := func() error {
		return slack.PostWebhookCustomHTTPContext(t.Context(), url, w.HTTPClient(), &slack.WebhookMessage{Text: "x"})
	}
	command()
	for range 5 {
		if err := post(); err != nil {
			t.Fatal(err)
		}
	}
	var status slack.StatusCodeError
	if err := post(); !errors.As(err, &status) || status.Code != 404 {
		t.Errorf("the sixth use: %v", err)
	}
	command()
	mu.Lock()
	at = at.Add(30*time.Minute + time.Second)
	mu.Unlock()
	if err := post(); !errors.As(err, &status) || status.Code != 404 {
		t.Errorf("after half an hour: %v", err)
	}
	if got := w.Ephemerals(w.ann.ID, w.general.ID); len(got) != 5 {
		t.Errorf("%d messages", len(got))
	}
}

func TestChoosingInAMessage(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	var got seen
	w.listen(t, got.acknowledge)
	w.connected(t, 1)
	option := func(value string) *slack.OptionBlockObject {
		return slack.NewOptionBlockObject(value, plain(value), nil)
	}
	_, ts, err := w.api.PostMessageContext(t.Context(), w.general.ID, slack.MsgOptionBlocks(slack.NewActionBlock("prefs",
		slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, plain("Language"), "language", option("fr"), option("de")),
		slack.NewCheckboxGroupsBlockElement("topics", option("money"), option("law"), option("people")))))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Select(t.Context(), w.ann.ID, w.general.ID, ts, "language", "it"); err == nil {
		t.Error("an option was chosen that is not there")
	}
	if err := w.Select(t.Context(), w.ann.ID, w.general.ID, ts, "language", "de"); err != nil {
		t.Fatal(err)
	}
	if err := w.Select(t.Context(), w.ann.ID, w.general.ID, ts, "topics", "money,people"); err != nil {
		t.Fatal(err)
	}
	last := got.all()[1].Data.(slack.InteractionCallback)
	if chosen := last.ActionCallback.BlockActions[0].SelectedOptions; len(chosen) != 2 || chosen[1].Value != "people" {
		t.Errorf("chosen: %+v", chosen)
	}
	if before := last.BlockActionState.Values["prefs"]["language"].SelectedOption.Value; before != "de" {
		t.Errorf("the state forgot the language: %q", before)
	}
}

func TestTheBotHearsItself(t *testing.T) {
	w := newWorld(t, fakeslack.Options{HistoryScope: true, Echo: true})
	heard := make(chan *slackevents.MessageEvent, 1)
	w.listen(t, func(e socketmode.Event) any {
		heard <- e.Data.(slackevents.EventsAPIEvent).InnerEvent.Data.(*slackevents.MessageEvent)
		return nil
	})
	w.connected(t, 1)
	if _, _, err := w.api.PostMessageContext(t.Context(), w.general.ID, slack.MsgOptionText("me", false)); err != nil {
		t.Fatal(err)
	}
	if m := <-heard; m.BotID != w.BotID() || m.User != w.BotUser() || m.Text != "me" {
		t.Errorf("heard %+v", m)
	}
}
