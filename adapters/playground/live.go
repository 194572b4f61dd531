package playground

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// heartbeat keeps proxies from closing a quiet stream, and finds who has gone.
const heartbeat = 25 * time.Second

// live tells a page that there is something new to show, as server-sent
// events: https://html.spec.whatwg.org/multipage/server-sent-events.html
func (s *site) live(w http.ResponseWriter, q *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	// The server's time for reading a request would end the stream.
	control.SetReadDeadline(time.Time{}) //nolint:errcheck // a recorder has no deadline
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	revision, changed := s.rooms.watch()
	for {
		if _, err := fmt.Fprintf(w, "id: %d\nevent: change\ndata: %d\n\n", revision, revision); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
		select {
		case <-changed:
			revision, changed = s.rooms.watch()
		case <-beat.C:
		case <-q.Context().Done():
			return
		}
	}
}

// Serve shows the page on a listener until ctx ends.
func Serve(ctx context.Context, l net.Listener, world *Rooms, control Control) error {
	h, err := Handler(world, control)
	if err != nil {
		return err
	}
	// Pages that listen stay for ever: they are let go before the server waits
	// for whoever is being answered.
	listening, release := context.WithCancel(context.WithoutCancel(ctx))
	defer release()
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return listening },
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		release()
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		stopped <- server.Shutdown(patience)
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
