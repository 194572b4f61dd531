package fakeslack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Request is one call of the Web API, or one post to a response URL (method "response_url"), as it was logged.
type Request struct {
	Method  string
	Args    map[string]any // without the token
	At      time.Time
	Outcome string // "ok", an error code of Slack's, or the fault's kind; empty while it runs
	Fault   FaultKind
	// Accepted says whether the request took effect, whatever the answer was.
	Accepted bool
	// Unknown are arguments that the published list does not know, and that Slack would ignore; with Options.Specs alone.
	Unknown []string
}

// Requests is the log of calls, in the order in which they came.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request{}, s.requests...)
}

// Calls is the part of the log that names a method.
func (s *Server) Calls(method string) []Request {
	var list []Request
	for _, r := range s.Requests() {
		if r.Method == method {
			list = append(list, r)
		}
	}
	return list
}

// Phase is a point within a request.
type Phase string

const (
	// Before is when a request has been read and nothing has been done.
	Before Phase = "before"
	// After is when a request has taken effect and nothing has been answered.
	After Phase = "after"
)

// OnRequest adds a function that is called at both phases of every request, on the request's
// goroutine and without a lock, so that it may act on the server, block, or end the process.
func (s *Server) OnRequest(f func(method string, phase Phase)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onReq = append(s.onReq, f)
}

func (s *Server) hook(method string, phase Phase) {
	s.mu.Lock()
	hooks := append([]func(string, Phase){}, s.onReq...)
	s.mu.Unlock()
	for _, f := range hooks {
		f(method, phase)
	}
}

// args are a call's arguments, whichever way they came: a form's values are strings, a JSON body's are what they are.
type args map[string]any

const maxBody = 4 << 20

var errPostType = errors.New("invalid_post_type")

// readArgs takes arguments from the query, a form, a multipart form or JSON
// (https://docs.slack.dev/apis/web-api/#POST_bodies).
func readArgs(r *http.Request) (args, error) {
	a := args{}
	for k, v := range r.URL.Query() {
		a[k] = v[0]
	}
	if r.Method != http.MethodPost {
		return a, nil
	}
	r.Body = http.MaxBytesReader(nil, r.Body, maxBody)
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.ContentLength != 0 {
		return nil, errPostType
	}
	switch kind {
	case "application/json":
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, fmt.Errorf("read a JSON body: %w", err)
		}
		if len(raw) == 0 {
			return a, nil
		}
		var body map[string]any
		if err := json.Unmarshal(raw, &body); err != nil {
			return nil, errors.New("invalid_json")
		}
		for k, v := range body {
			a[k] = v
		}
	case "application/x-www-form-urlencoded":
		if err := r.ParseForm(); err != nil {
			return nil, errors.New("invalid_form_data")
		}
		for k, v := range r.PostForm {
			a[k] = v[0]
		}
	case "multipart/form-data":
		if err := r.ParseMultipartForm(maxBody); err != nil {
			return nil, errors.New("invalid_form_data")
		}
		for k, v := range r.MultipartForm.Value {
			a[k] = v[0]
		}
	case "":
	default:
		return nil, errPostType
	}
	return a, nil
}

func (a args) text(name string) string {
	switch v := a[name].(type) {
	case string:
		return v
	case nil:
		return ""
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		var list []string
		for _, x := range v {
			list = append(list, fmt.Sprint(x))
		}
		return strings.Join(list, ",")
	default:
		return fmt.Sprint(v)
	}
}

func (a args) truth(name string) bool {
	v := a.text(name)
	return v == "true" || v == "1"
}

func (a args) number(name string, otherwise int) int {
	n, err := strconv.Atoi(a.text(name))
	if err != nil {
		return otherwise
	}
	return n
}

// value decodes an argument that is JSON: as a string in a form, as itself in a JSON body.
func (a args) value(name string) (v any, present bool, err error) {
	v, present = a[name]
	if !present || v == nil {
		return nil, false, nil
	}
	if str, ok := v.(string); ok {
		if str == "" {
			return nil, false, nil
		}
		var out any
		if err := json.Unmarshal([]byte(str), &out); err != nil {
			return nil, true, fmt.Errorf("%s is not JSON", name)
		}
		return out, true, nil
	}
	return v, true, nil
}

func (a args) object(name string) (map[string]any, bool, error) {
	v, present, err := a.value(name)
	if err != nil || !present {
		return nil, present, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, true, fmt.Errorf("%s is not an object", name)
	}
	return m, true, nil
}
