package slack

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"procurabot/bot"
)

// The paths of the requests, under the public address of the program. The app's
// manifest names them: see [Manifest].
const (
	EventsPath       = "/slack/events"
	InteractivePath  = "/slack/interactivity"
	CommandsPath     = "/slack/commands"
	OptionsPath      = "/slack/options"
	maxRequest       = 1 << 20         // bytes
	startTime        = 2 * time.Second // that a request waits for Run, of the three that its answer has
	contentJSON      = "application/json"
	contentChallenge = "text/plain"
)

// Handler receives what Slack sends by signed HTTP instead of over sockets
// (https://docs.slack.dev/apis/events-api/using-http-request-urls). It is nil
// without a signing secret.
//
// What is larger than 1 MiB is answered 413, what Slack did not sign within the
// last five minutes 401, both before anything is parsed. A request that comes
// byte for byte a second time is answered 401 while the first is handled and
// after it was acknowledged, whatever its X-Slack-Retry-Num says: the header is
// not signed. Slack signs each retry anew. One of the same second, after an
// acknowledgement that did not reach Slack, has its next retry a minute later.
//
// 200 says that whatever had to be stored is; 503 that nothing was, and that a
// retry is welcome. Until Run has begun a request waits a little for it.
func (a *Adapter) Handler() http.Handler {
	if a.secret == "" {
		return nil
	}
	mux := http.NewServeMux()
	// Each of them takes whatever Slack sends, so that one address can be entered for all.
	for _, path := range []string{EventsPath, CommandsPath, InteractivePath} {
		mux.HandleFunc("POST "+path, a.signed(a.take))
	}
	// No menu of ours asks for its options while somebody types.
	mux.HandleFunc("POST "+OptionsPath, a.signed(func(context.Context, []byte) answer {
		return answer{http.StatusOK, contentJSON, []byte(`{"options":[]}`)}
	}))
	return mux
}

// answer is what a request is answered.
type answer struct {
	status  int
	content string
	body    []byte
}

var notStored = answer{status: http.StatusServiceUnavailable}

// signed hands on the requests that Slack signed.
func (a *Adapter) signed(next func(ctx context.Context, body []byte) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			a.counts.tooLarge.Add(1)
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		case err != nil:
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s, err := verify(a.secret, r.Header, body, a.now())
		if err != nil {
			a.counts.forged.Add(1)
			a.log.Warn("a request is refused", "path", r.URL.Path, "err", err)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if !a.replays.Admit(s, a.now()) {
			a.counts.replayed.Add(1)
			a.log.Warn("a request came a second time and is refused", "path", r.URL.Path)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		got := next(r.Context(), body)
		if got.status != http.StatusOK {
			a.replays.Forget(s) // before Slack knows of it, and tries again at once
		}
		if got.content != "" {
			w.Header().Set("Content-Type", got.content)
		}
		w.WriteHeader(got.status)
		_, _ = w.Write(got.body)
	}
}

// take tells by its form what a request is: an event is JSON, an interaction a
// form with a payload, a command a form without one.
func (a *Adapter) take(ctx context.Context, body []byte) answer {
	if json.Valid(body) {
		return a.postEvent(ctx, body)
	}
	form, err := url.ParseQuery(string(body))
	switch {
	case err != nil:
	case form.Has("payload"):
		return a.post(ctx, interactions, []byte(form.Get("payload")))
	case form.Has("command"):
		return a.postCommand(ctx, form)
	}
	return a.post(ctx, "", nil) // it cannot be read, and is put aside as such
}

// postEvent takes an event, or the question whether this is the app's address
// (https://docs.slack.dev/reference/events/url_verification).
func (a *Adapter) postEvent(ctx context.Context, body []byte) answer {
	var handshake struct{ Type, Challenge string }
	if json.Unmarshal(body, &handshake) == nil && handshake.Type == "url_verification" {
		return answer{http.StatusOK, contentChallenge, []byte(handshake.Challenge)}
	}
	return a.post(ctx, events, body)
}

// postCommand makes of a form what a socket carries.
func (a *Adapter) postCommand(ctx context.Context, form url.Values) answer {
	fields := make(map[string]string, len(form))
	for k := range form {
		fields[k] = form.Get(k)
	}
	payload, err := json.Marshal(fields)
	if err != nil {
		payload = nil // which cannot be read either
	}
	return a.post(ctx, commands, payload)
}

// post has one delivery handled and waits for its acknowledgement. What is done
// after that, such as opening a form, is waited for by a stop alone.
func (a *Adapter) post(ctx context.Context, kind string, payload []byte) answer {
	desk := a.desk(ctx)
	if desk == nil {
		return notStored
	}
	answered := make(chan answer, 1)
	taken := desk.pool.put(func() {
		give := func(got answer) {
			select {
			case answered <- got:
			default: // only the first counts
			}
		}
		defer give(notStored)
		a.handle(ctx, desk.receiver, delivery{kind: kind, payload: payload, ack: func(what any) error {
			if what == nil {
				give(answer{status: http.StatusOK})
				return nil
			}
			raw, err := json.Marshal(what)
			if err != nil {
				return err
			}
			give(answer{http.StatusOK, contentJSON, raw})
			return nil
		}})
	})
	if !taken {
		a.counts.overflow.Add(1)
		a.log.Warn("a request is not taken: there is too much at once, or a stop", "kind", kind)
		return notStored
	}
	// Also when Slack has stopped waiting: whether this was stored decides whether it may come again.
	return <-answered
}

// desk is where requests are handled while Run runs.
type desk struct {
	receiver bot.Receiver
	pool     *pool
}

// serve lets requests in until ctx ends, and finishes those that are in.
func (a *Adapter) serve(ctx context.Context, r bot.Receiver) error {
	d := &desk{r, newPool()}
	a.opened.Do(func() {
		a.reception = d
		close(a.receiving)
	})
	<-ctx.Done()
	d.pool.end()
	return nil
}

// desk waits a little for Run to begin. Nil is closed.
func (a *Adapter) desk(ctx context.Context) *desk {
	late := time.NewTimer(startTime)
	defer late.Stop()
	select {
	case <-a.receiving:
		return a.reception
	case <-late.C:
	case <-ctx.Done():
	}
	return nil
}
