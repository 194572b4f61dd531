package fakediscord

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Phase is a moment in the life of a request.
type Phase int

const (
	// Before is when a request was read and nothing has been done.
	Before Phase = iota
	// After is when all has been done and the answer was not yet sent.
	After
)

// Request is an entry in the log of REST calls.
type Request struct {
	Method string
	// Route is the method and path with names for ids: "POST /channels/{channel}/messages".
	Route string
	Path  string
	Query string
	// Body is the JSON that was sent, of a multipart request its payload_json.
	Body string
	Time time.Time
	// Status is that of the answer, 0 when none was sent.
	Status int
	// Outcome is "ok", the fault's name, or the refusal.
	Outcome string
}

// Requests returns the REST calls so far, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// OnRequest adds a function that is called at every phase of every request,
// without holding a lock, so that a test can end a process at exactly that
// point.
func (s *Server) OnRequest(f func(route string, phase Phase)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, f)
}

// call is one request on its way to an operation.
type call struct {
	http   *http.Request
	route  string
	body   []byte
	files  []Attachment
	status int // of the answer; 200 when 0, or 204 without a body
}

func (c *call) param(name string) string { return c.http.PathValue(name) }

// into decodes the body.
func (c *call) into(v any) *apiError {
	if len(c.body) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		e := apiErrors(50109)
		e.Message += " " + err.Error()
		return e
	}
	return nil
}

// operation answers a call. It is called with mu held.
type operation func(*call) (any, *apiError)

// routes is the API. Versions 9 and 10 answer alike.
// https://discord.com/developers/docs/reference#api-versioning
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	open := func(route string, f operation) { s.route(mux, route, false, f) }
	bot := func(route string, f operation) { s.route(mux, route, true, f) }

	mux.HandleFunc("GET /gateway", s.serveGateway)
	mux.HandleFunc("GET /gateway/{$}", s.serveGateway) // discordgo adds the slash
	open("GET /gateway", func(*call) (any, *apiError) { return map[string]any{"url": s.gateway()}, nil })
	bot("GET /gateway/bot", func(*call) (any, *apiError) {
		remaining, reset := s.startsLeft()
		return map[string]any{"url": s.gateway(), "shards": 1, "session_start_limit": map[string]any{
			"total": s.options.Sessions, "remaining": remaining, "reset_after": reset.Milliseconds(), "max_concurrency": 1,
		}}, nil
	})
	bot("GET /users/@me", func(*call) (any, *apiError) { return s.userJSON(s.users[s.app]), nil })
	bot("GET /users/{user}", s.getUser)
	bot("POST /users/@me/channels", s.openDM)
	bot("GET /applications/@me", func(*call) (any, *apiError) {
		return s.applicationJSON(), nil
	})
	bot("GET /users/@me/guilds", s.getOwnGuilds)

	bot("GET /guilds/{guild}", s.getGuild)
	bot("GET /guilds/{guild}/channels", s.getChannels)
	bot("GET /guilds/{guild}/members/{user}", s.getMember)
	bot("GET /guilds/{guild}/threads/active", s.getThreads)

	bot("GET /channels/{channel}", s.getChannel)
	bot("GET /channels/{channel}/messages", s.getMessages)
	bot("POST /channels/{channel}/messages", s.postMessage)
	bot("GET /channels/{channel}/messages/{message}", s.getMessage)
	bot("PATCH /channels/{channel}/messages/{message}", s.patchMessage)
	bot("DELETE /channels/{channel}/messages/{message}", s.deleteMessage)
	bot("POST /channels/{channel}/typing", func(c *call) (any, *apiError) {
		_, err := s.writable(c.param("channel"), false)
		return nil, err
	})
	bot("POST /channels/{channel}/threads", s.postThread)
	bot("POST /channels/{channel}/messages/{message}/threads", s.postThread)
	bot("PUT /channels/{channel}/thread-members/{user}", s.putThreadMember)
	bot("DELETE /channels/{channel}/thread-members/{user}", s.deleteThreadMember)

	bot("GET /applications/{application}/commands", s.getCommands)
	bot("PUT /applications/{application}/commands", s.putCommands)
	bot("GET /applications/{application}/guilds/{guild}/commands", s.getCommands)
	bot("PUT /applications/{application}/guilds/{guild}/commands", s.putCommands)

	open("POST /interactions/{interaction}/{token}/callback", s.callback)
	open("POST /webhooks/{application}/{token}", s.followUp)
	open("GET /webhooks/{application}/{token}/messages/{message}", s.getResponse)
	open("PATCH /webhooks/{application}/{token}/messages/{message}", s.patchResponse)
	open("DELETE /webhooks/{application}/{token}/messages/{message}", s.deleteResponse)

	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		s.handle(mux, method, "/", method+" unknown", false, func(*call) (any, *apiError) { return nil, apiErrors(0) })
	}
	return mux
}

func (s *Server) route(mux *http.ServeMux, route string, auth bool, f operation) {
	method, path, _ := strings.Cut(route, " ")
	for _, version := range []string{"/api/v9", "/api/v10"} {
		s.handle(mux, method, version+path, route, auth, f)
	}
}

func (s *Server) handle(mux *http.ServeMux, method, pattern, route string, auth bool, f operation) {
	mux.HandleFunc(method+" "+pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, route, auth, f) })
}

// maxBody bounds a request: ten files of 10 MiB are more than a bot sends.
const maxBody = 25 << 20

func (s *Server) serve(w http.ResponseWriter, r *http.Request, route string, auth bool, f operation) {
	c := &call{http: r, route: route}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		s.answer(w, apiErrorAnswer(&apiError{Status: http.StatusRequestEntityTooLarge, Code: 40005, Message: "Request entity too large"}))
		return
	}
	c.body = raw
	refused := c.multipart()

	s.mu.Lock()
	hooks := slices.Clone(s.hooks)
	s.mu.Unlock()
	for _, hook := range hooks {
		hook(route, Before)
	}

	s.mu.Lock()
	fault := s.fault(route)
	a := fault.instead()
	if fault.is(resetBefore) {
		s.log(c, 0, fault.name)
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	outcome := fault.name
	if a == nil {
		a = s.perform(c, auth, refused, f)
		if outcome == "" {
			outcome = a.outcome
		}
	}
	s.count(a)
	status := a.status
	if fault.is(resetAfter) {
		status = 0
	}
	s.log(c, status, outcome)
	s.touch()
	s.mu.Unlock()

	for _, hook := range hooks {
		hook(route, After)
	}
	switch {
	case fault.is(resetAfter):
		panic(http.ErrAbortHandler)
	case fault.is(slow):
		t := time.NewTimer(fault.delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
		case <-s.done:
		}
	case fault.is(truncated):
		a.body = a.body[:len(a.body)/2]
	}
	s.answer(w, a)
}

// perform does what is asked, if it may be. The caller holds mu.
func (s *Server) perform(c *call, auth bool, refused *apiError, f operation) *answer {
	if a := s.cloudflare(); a != nil {
		return a
	}
	if auth {
		scheme, token, _ := strings.Cut(c.http.Header.Get("Authorization"), " ")
		if scheme != "Bot" || !s.valid(token) {
			return apiErrorAnswer(&apiError{Status: http.StatusUnauthorized, Message: "401: Unauthorized"})
		}
	}
	headers, limited := s.limit(c)
	if limited != nil {
		return limited
	}
	if refused == nil && s.options.Check != nil {
		if err := s.options.Check(c.http, c.body); err != nil {
			refused = invalidForm("schema", "PUBLISHED_SCHEMA", "%v", err)
		}
	}
	var a *answer
	if refused != nil {
		a = apiErrorAnswer(refused)
	} else if v, err := f(c); err != nil {
		a = apiErrorAnswer(err)
	} else {
		a = &answer{status: c.status, outcome: "ok"}
		if v == nil {
			a.status = http.StatusNoContent
		} else {
			a.body = encode(v)
			if a.status == 0 {
				a.status = http.StatusOK
			}
		}
	}
	a.header = headers
	return a
}

func (s *Server) log(c *call, status int, outcome string) {
	s.requests = append(s.requests, Request{
		Method: c.http.Method, Route: c.route, Path: c.http.URL.Path, Query: c.http.URL.RawQuery,
		Body: string(c.body), Time: s.options.Now(), Status: status, Outcome: outcome,
	})
}

// answer is what goes back over HTTP.
type answer struct {
	status  int
	header  map[string]string
	html    bool
	body    []byte
	outcome string
	shared  bool // a 429 that does not count as an invalid request
}

func apiErrorAnswer(e *apiError) *answer {
	return &answer{status: e.Status, body: encode(e), outcome: e.Error()}
}

func (s *Server) answer(w http.ResponseWriter, a *answer) {
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	if a.html {
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	} else if len(a.body) > 0 {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// multipart takes payload_json and the files out of a form.
// https://discord.com/developers/docs/reference#uploading-files
func (c *call) multipart() *apiError {
	kind, params, err := mime.ParseMediaType(c.http.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil
	}
	reader := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	c.body = nil
	for {
		part, err := reader.NextPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return invalidForm("body", "INVALID_MULTIPART", "The form cannot be read.")
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return invalidForm("body", "INVALID_MULTIPART", "The form cannot be read.")
		}
		switch {
		case part.FormName() == "payload_json":
			c.body = data
		case part.FileName() != "":
			c.files = append(c.files, Attachment{Name: part.FileName(), Type: part.Header.Get("Content-Type"), Data: data})
		}
	}
}
