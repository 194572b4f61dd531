package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// server is one listener of the program.
type server struct {
	name string
	http *http.Server
	l    net.Listener
	log  *slog.Logger
	done chan struct{}
}

// Bounds of one request. The largest body is 1 MiB and comes from a platform, not
// from a phone.
const (
	headerTime = 5 * time.Second
	readTime   = 10 * time.Second
	answerTime = 40 * time.Second // a turn is given up after 30
	idleTime   = 2 * time.Minute
	closeTime  = 5 * time.Second
)

// listen serves at once; what a handler needs to wait for, it waits for.
func listen(name, address string, h http.Handler, log *slog.Logger) (*server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, usageError{fmt.Errorf("PROCURABOT_%s_LISTEN: nothing can be served on %s (%w): choose another address", strings.ToUpper(name), address, err)}
	}
	s := &server{name: name, l: l, log: log, done: make(chan struct{}), http: &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	log.Info("listening", "listener", name, "address", l.Addr().String())
	go func() {
		defer close(s.done)
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("a listener has failed", "listener", name, "err", err)
		}
	}()
	return s, nil
}

// close lets the requests under way end. Nil is closed.
func (s *server) close() {
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close()
	}
	<-s.done
}

// discordPath is what is entered as the Interactions Endpoint URL, under the
// public address.
const discordPath = "/discord/interactions"

// publicHandler is what the platforms call, also below the path of the public
// address, whether or not what stands in front takes that away.
func publicHandler(c config, p connections) http.Handler {
	mux := http.NewServeMux()
	if p.slack != nil && p.slack.Handler() != nil {
		mux.Handle("/slack/", p.slack.Handler())
	}
	if p.discord != nil && p.discord.Handler() != nil {
		mux.Handle("POST "+discordPath, p.discord.Handler())
	}
	u, err := url.Parse(c.PublicAddress)
	if below := strings.TrimSuffix(u.Path, "/"); err == nil && below != "" {
		mux.Handle(below+"/", http.StripPrefix(below, mux))
	}
	return mux
}

// privateHandler is for whoever runs the bot: is it alive, does it work, what
// does it do. It says nothing about anybody.
func privateHandler(s situation, m *metrics) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { report(w, s.unhealthy(r.Context())) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { report(w, s.unready(r.Context())) })
	mux.Handle("GET /metrics", m.handler())
	return mux
}

func report(w http.ResponseWriter, problems []string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if len(problems) == 0 {
		fmt.Fprintln(w, "ok")
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	for _, p := range problems {
		fmt.Fprintln(w, p)
	}
}

// unhealthy is why a restart may help: the tables cannot be read.
func (s situation) unhealthy(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if _, err := s.engine.Backlog(ctx); err != nil {
		return []string{"the database cannot be read"}
	}
	return nil
}

// unready is why the bot does not do all its work now.
func (s situation) unready(ctx context.Context) []string {
	problems := s.unhealthy(ctx)
	for _, p := range s.platforms {
		if !p.Ready() {
			problems = append(problems, fmt.Sprintf("%s is not connected", p.Platform()))
		}
	}
	return problems
}
