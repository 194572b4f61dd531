package webpage

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

//go:embed live.js
var script string

// Script answers with live.js, which keeps a page up to date.
func Script(w http.ResponseWriter, q *http.Request) {
	http.ServeContent(w, q, "live.js", time.Time{}, strings.NewReader(script))
}

// heartbeat keeps proxies from closing a quiet stream, and finds who has gone.
const heartbeat = 25 * time.Second

// Stream tells a page that there is something new to show, as server-sent
// events: https://html.spec.whatwg.org/multipage/server-sent-events.html
// Watch gives what there is now and a channel that closes when there is more.
func Stream(w http.ResponseWriter, q *http.Request, watch func() (revision int, changed <-chan struct{})) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	// The server's time for reading a request would end the stream.
	control.SetReadDeadline(time.Time{}) //nolint:errcheck // a recorder has no deadline
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	revision, changed := watch()
	for {
		if _, err := fmt.Fprintf(w, "id: %d\nevent: change\ndata: %d\n\n", revision, revision); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
		select {
		case <-changed:
			revision, changed = watch()
		case <-beat.C:
		case <-q.Context().Done():
			return
		}
	}
}

// patience is how long a stop waits for those who are being answered.
const patience = 5 * time.Second

// Serve shows a page on a listener until ctx ends.
func Serve(ctx context.Context, l net.Listener, page http.Handler) error {
	// Pages that listen stay for ever: they are let go before the server waits
	// for whoever is being answered.
	listening, release := context.WithCancel(context.WithoutCancel(ctx))
	defer release()
	server := &http.Server{
		Handler: page, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return listening },
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		release()
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		err := server.Shutdown(patience)
		if err != nil {
			// Browsers connect ahead of what they may ask: Shutdown waits as long for who says nothing.
			err = server.Close()
		}
		stopped <- err
	})
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the page: %w", err)
	}
	if err := <-stopped; err != nil {
		return fmt.Errorf("stop the page: %w", err)
	}
	return nil
}
