package slack_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"procurabot/adapters/adaptertest"
	"procurabot/adapters/slack"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
	"procurabot/bot/bottest"
)

// specs are the published schemas that every request is checked against, read
// once: under the race detector that takes a second.
var specs = sync.OnceValues(fakeslack.LoadSpecs)

func published(t *testing.T) *fakeslack.Specs {
	t.Helper()
	s, err := specs()
	switch {
	case errors.Is(err, fakeslack.ErrNoSpecs):
		t.Logf("requests are not checked against the published schemas: %v", err)
	case err != nil:
		t.Fatal(err)
	}
	return s
}

func newStage(t *testing.T, o fakeslack.Options) *fakeslack.Stage {
	t.Helper()
	o.Specs = published(t)
	st, err := fakeslack.NewStage(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	return st
}

func TestContract(t *testing.T) {
	bothWays(t, func(t *testing.T, o fakeslack.Options) {
		adaptertest.Run(t, func(t *testing.T) bottest.Stage { return newStage(t, o) })
	})
}

// The scopes of the manifest are enough.
func TestContractWithLeastScopes(t *testing.T) {
	var scopes []string
	for _, s := range slack.Scopes() {
		scopes = append(scopes, s.Name)
	}
	adaptertest.Run(t, func(t *testing.T) bottest.Stage {
		return newStage(t, fakeslack.Options{Scopes: scopes, SignedHTTP: true})
	})
}

// bothWays tests what does not depend on how Slack delivers.
func bothWays(t *testing.T, test func(*testing.T, fakeslack.Options)) {
	t.Helper()
	t.Run("socket", func(t *testing.T) { test(t, fakeslack.Options{}) })
	t.Run("http", func(t *testing.T) { test(t, fakeslack.Options{SignedHTTP: true}) })
}

// A bot that starts again finds the platform, and what was said on it, as it was.
func TestAStageOutlivesItsAdapters(t *testing.T) { bothWays(t, outlives) }

func outlives(t *testing.T, o fakeslack.Options) {
	st := newStage(t, o)
	for _, err := range []error{
		st.AddPerson(t.Context(), bottest.Person{Name: "luc", Locale: "fr"}),
		st.AddChannel(t.Context(), bottest.Channel{Name: "lobby", Locale: "en"}),
		st.AddPerson(t.Context(), bottest.Person{Name: "late", Locale: "de"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	to := st.Spot("lobby")
	for i := range 3 {
		a, err := st.Adapter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		e := &engine{}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx, e) }()
		if err := st.Say(t.Context(), "late", "lobby", "@bot hello"); err != nil {
			t.Fatal(err)
		}
		if n := len(e.all()); n != 1 {
			t.Errorf("adapter %d heard %d things", i, n)
		}
		if i == 0 {
			_, err := a.Send(t.Context(), bot.Envelope{Outgoing: bot.Outgoing{
				To:   bot.Target{Platform: to.Platform, Space: to.Space, Conversation: to.Conversation},
				Body: bot.Body{Text: "Choose", Buttons: []bot.Button{{ID: "test.one", Label: "One"}}},
			}})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := st.Press(t.Context(), "luc", "One"); err != nil {
			t.Error(err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// Fault concerns one message, whichever way it goes.
func TestAStageFailsOnce(t *testing.T) {
	for kind, want := range map[string]string{"429": "retry 30s slack/T0FAKE001/chat.postMessage", "500": "uncertain", "reset": "uncertain"} {
		w := newWorld(t, fakeslack.Options{})
		w.must(w.Command(t.Context(), "luc", "lobby", "/procura ask"))
		in := w.engine.last(t)
		reply := bot.Target{Platform: "slack", Space: in.Space, Account: in.From, Reply: in.Reply}
		w.must(w.Stage.Fault(kind))
		if _, err := w.send(w.lobby(), "row1", bot.Body{Text: "x"}); class(err) != want {
			t.Errorf("fault %s: the first became %v", kind, err)
		}
		for _, to := range []bot.Target{reply, w.lobby()} {
			_, err := w.send(to, "row2", bot.Body{Text: "x"})
			if kind == "429" && to.Reply == nil && class(err) == want {
				continue // the adapter remembers how long it was to wait
			}
			if err != nil {
				t.Errorf("fault %s: the next became %v", kind, err)
			}
		}
	}
	if err := newStage(t, fakeslack.Options{}).Fault("flood"); err == nil {
		t.Error("a fault that does not exist was planted")
	}
}

func TestAStageSaysWhatAPersonWouldSee(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	for name, err := range map[string]error{
		"nobody":       w.Say(t.Context(), "nobody", "", "hello"),
		"no channel":   w.Say(t.Context(), "luc", "attic", "hello"),
		"no button":    w.Press(t.Context(), "luc", "One"),
		"no form":      w.Submit(t.Context(), "luc", nil),
		"no proposals": second(w.Complete(t.Context(), "luc", "lobby", "/procura a")),
	} {
		if err == nil {
			t.Errorf("%s: no failure", name)
		}
	}
	w.opens(t)
	if err := w.Submit(t.Context(), "luc", map[string]string{"text": ""}); err == nil {
		t.Error("an empty required field: no failure")
	}
	if n := len(w.engine.all()); n != 1 {
		t.Errorf("the engine heard %d things, want the command alone", n)
	}
}

func second(_ []string, err error) error { return err }
