package webpage_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"procurabot/internal/webpage"
)

// line hands out connections that stay in memory.
type line struct {
	calls chan net.Conn
	done  chan struct{}
}

func (l *line) Accept() (net.Conn, error) {
	select {
	case c := <-l.calls:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *line) Close() error   { close(l.done); return nil }
func (l *line) Addr() net.Addr { return &net.TCPAddr{} }

// A browser has connected ahead and asks nothing: the page stops all the same,
// and that is no error.
func TestServeStopsBesideAConnectionThatSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		l := &line{make(chan net.Conn), make(chan struct{})}
		ended := make(chan error, 1)
		go func() { ended <- webpage.Serve(ctx, l, http.NotFoundHandler()) }()
		here, there := net.Pipe()
		defer here.Close()
		l.calls <- there
		synctest.Wait()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
