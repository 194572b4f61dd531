package slack_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
	"procurabot/internal/markup"
	"procurabot/internal/outbox"
)

// A home page speaks its reader's language, also after they have changed it there.
func TestTheHomePageSpeaksItsReadersLanguage(t *testing.T) { bothWays(t, homeLanguage) }

func homeLanguage(t *testing.T, o fakeslack.Options) {
	h := newHouse(t, o)
	h.must(h.OpenHome(t.Context(), "luc"))
	h.step()
	page := h.Home("luc")
	if page == nil || !strings.Contains(page.Shown(), "Votre profil") || strings.Contains(page.Shown(), "Ihr Profil") {
		t.Fatalf("luc sees %+v", page)
	}
	if h.Home("greta") != nil {
		t.Error("greta has a page that she never opened")
	}
	h.Stage.Seen()
	h.must(h.PressHome(t.Context(), "luc", "Deutsch"))
	h.step()
	if page := h.Home("luc"); !strings.Contains(page.Shown(), "Ihr Profil") || strings.Contains(page.Shown(), "Votre profil") {
		t.Errorf("after [Deutsch] luc sees %s", page.Shown())
	}
	seen := h.Stage.Seen()
	if len(seen) != 1 || seen[0].To != "luc" || !seen[0].Private || seen[0].Place != "" || !strings.Contains(seen[0].Text, "auf Deutsch") {
		t.Errorf("luc was told %+v", seen)
	}
}

// A look that comes twice is one; the other tab is not the page.
func TestALookAtTheHomePageIsHeardOnce(t *testing.T) {
	bothWays(t, func(t *testing.T, o fakeslack.Options) {
		w := newWorld(t, o)
		w.Deliver(fakeslack.Delivery{Times: 3})
		w.must(w.OpenHome(t.Context(), "luc"))
		heard := w.engine.all()
		if len(heard) != 3 || heard[0].ID != heard[1].ID || heard[0].ID != heard[2].ID || !strings.HasPrefix(string(heard[0].ID), "e:") {
			t.Fatalf("heard %+v", heard)
		}
		in := heard[0]
		if _, ok := in.What.(bot.HomeOpened); !ok || in.In != (bot.Place{Private: true, Home: true}) || in.Reply != nil || in.Name != "luc" || in.Locale != "fr-FR" {
			t.Errorf("heard %+v", in)
		}
		w.must(w.Event(t.Context(), map[string]any{"type": "app_home_opened", "user": string(w.Account("luc").User), "channel": "D1", "tab": "messages"}))
		if n := len(w.engine.all()); n != 3 {
			t.Errorf("the messages tab was heard as a home page: %d", n)
		}
	})
}

// What a form or a word at once needs is there on the home page, too.
func TestPressingOnTheHomePage(t *testing.T) {
	bothWays(t, func(t *testing.T, o fakeslack.Options) {
		w := newWorld(t, o)
		w.must(w.publish("luc", bot.Body{Text: "Choose", Buttons: []bot.Button{{ID: "test.one", Value: "v", Label: "One"}}}))
		w.engine.answers(func() (bot.Immediate, error) { return bot.Immediate{Form: aForm()}, nil })
		w.must(w.PressHome(t.Context(), "luc", "One"))
		in := w.engine.last(t)
		if what, _ := in.What.(bot.Pressed); what != (bot.Pressed{Button: "test.one", Value: "v"}) || in.In != (bot.Place{Private: true, Home: true}) || in.Reply != nil {
			t.Errorf("heard %+v", in)
		}
		if seen := w.one(); seen.Form == nil || seen.To != "luc" {
			t.Errorf("luc saw %+v", seen)
		}
		// What is filled in is answered by direct message: there is no response URL.
		w.engine.answers(func() (bot.Immediate, error) { return bot.Immediate{}, nil })
		w.must(w.Submit(t.Context(), "luc", map[string]string{"text": "typed"}))
		in = w.engine.last(t)
		if in.Reply == nil || in.Reply.Token != "" || in.Reply.Expires.After(time.Now()) {
			t.Errorf("heard %+v", in)
		}
		w.engine.answers(func() (bot.Immediate, error) { return bot.Immediate{Notice: "Try later"}, errFull })
		w.must(w.PressHome(t.Context(), "luc", "One"))
		if seen := w.one(); seen.Text != "Try later" || seen.To != "luc" || !seen.Private {
			t.Errorf("luc saw %+v", seen)
		}
	})
}

func (w *world) homePage(person string, sections ...bot.Body) bot.Envelope {
	to := w.direct(person)
	to.Home = true
	return bot.Envelope{ID: "row1", Outgoing: bot.Outgoing{To: to, Home: sections}}
}

func (w *world) publish(person string, sections ...bot.Body) error {
	id, err := w.adapter.Send(w.t.Context(), w.homePage(person, sections...))
	if err == nil && id != "" {
		return fmt.Errorf("a home page has the id %s", id)
	}
	return err
}

// A page holds what fits, and is never refused for its length.
func TestAHomePageHoldsWhatFits(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	var many, wide []bot.Body
	for i := range 45 {
		many = append(many, bot.Body{
			Text: markup.Text(fmt.Sprint("section ", i)), Note: "small print", Buttons: []bot.Button{{ID: "test.one", Label: fmt.Sprint("Button ", i)}},
		})
		wide = append(wide, bot.Body{Text: markup.Text(fmt.Sprint("section ", i, " ") + strings.Repeat("ü", 2800)), Note: markup.Text(strings.Repeat("ß", 100))})
	}
	w.must(w.publish("luc", many...))
	page := w.Home("luc")
	if n := len(page.Blocks); n != 100 {
		t.Errorf("the page has %d blocks, want 100", n)
	}
	if shown := page.Shown(); !strings.Contains(shown, "section 0") || !strings.Contains(shown, "section 33") || strings.Contains(shown, "section 34") {
		t.Errorf("the page shows %s", shown)
	}
	w.must(w.publish("luc", wide...))
	if shown := w.Home("luc").Shown(); !strings.Contains(shown, "section 30") || strings.Contains(shown, "section 44") {
		t.Errorf("of a wide page %d blocks are shown", len(w.Home("luc").Blocks))
	}
	w.must(w.publish("luc"))
	if n := len(w.Home("luc").Blocks); n != 0 {
		t.Errorf("an empty page has %d blocks", n)
	}
	if n := len(w.Seen()); n != 0 {
		t.Errorf("a page was sent as %d messages", n)
	}
}

// To publish again is to publish once.
func TestWhatBecameOfAHomePage(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	if _, err := w.adapter.Find(t.Context(), w.homePage("luc", bot.Body{Text: "x"})); !errors.Is(err, outbox.ErrAbsent) {
		t.Errorf("looked for, it became %v", err)
	}
	for name, test := range map[string]struct {
		fault fakeslack.Fault
		want  string
	}{
		"a rate":       {fakeslack.Fault{Kind: fakeslack.RateLimited, RetryAfter: 7}, "retry 7s slack/T0FAKE001/views.publish"},
		"a status":     {fakeslack.Fault{Kind: fakeslack.Status, Status: http.StatusBadGateway}, "uncertain"},
		"a reset":      {fakeslack.Fault{Kind: fakeslack.ResetAfter}, "uncertain"},
		"no home tab":  {fakeslack.Fault{Kind: fakeslack.Code, Code: "not_enabled"}, "permanent"},
		"maybe a part": {fakeslack.Fault{Kind: fakeslack.Code, Code: "fatal_error"}, "uncertain"},
	} {
		w := newWorld(t, fakeslack.Options{})
		test.fault.Method = "views.publish"
		w.Server.Fault(test.fault)
		if err := w.publish("luc", bot.Body{Text: "x"}); class(err) != test.want {
			t.Errorf("%s: became %v, want %s", name, err, test.want)
		}
	}
	gone := w.homePage("luc", bot.Body{Text: "x"})
	gone.To.Account.User = "U0NOBODY"
	if _, err := w.adapter.Send(t.Context(), gone); class(err) != "permanent" {
		t.Errorf("somebody who is not there: %v", err)
	}
	gone.To.Account.User = ""
	if _, err := w.adapter.Send(t.Context(), gone); class(err) != "permanent" {
		t.Errorf("nobody: %v", err)
	}
	if gate := w.adapter.Gate(gone.To); gate != "slack/T0FAKE001/views.publish" {
		t.Errorf("the gate is %s", gate)
	}
}
