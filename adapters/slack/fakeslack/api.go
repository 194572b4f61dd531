package fakeslack

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// answer is a method's result; fail makes an error of it.
type answer map[string]any

func fail(code string, messages ...string) answer {
	a := answer{"ok": false, "error": code}
	if len(messages) > 0 {
		list := []string{}
		for _, m := range messages {
			list = append(list, "[ERROR] "+m)
		}
		a["response_metadata"] = map[string]any{"messages": list}
	}
	return a
}

// DefaultScopes are those of a bot that answers mentions, commands and direct messages, and knows whom it talks to
// (https://docs.slack.dev/reference/scopes).
func DefaultScopes() []string {
	return []string{
		"app_mentions:read", "channels:read", "chat:write", "commands", "files:write", "groups:read",
		"im:history", "im:read", "im:write", "mpim:read", "mpim:write", "reactions:write", "team:read", "users:read",
	}
}

// method is one row of the Web API: what a call needs, and what it does under the lock.
type method struct {
	run      func(*Server, args) answer
	required []string
	// scopes: the token needs one of them. Methods on conversations choose by the conversation's kind instead.
	scopes []string
	app    bool // wants the app-level token
	tier   int  // 1 to 4 (https://docs.slack.dev/apis/web-api/rate-limits); 0 has a rule of its own or none
}

// methods is built anew for each call: a table, not a state.
func methods() map[string]method {
	return map[string]method{
		"auth.test":                    {run: (*Server).authTest},
		"bots.info":                    {run: (*Server).botsInfo, scopes: []string{"users:read"}, tier: 3},
		"apps.connections.open":        {run: (*Server).connectionsOpen, app: true, tier: 1},
		"chat.postMessage":             {run: (*Server).postMessage, required: []string{"channel"}, scopes: []string{"chat:write"}},
		"chat.postEphemeral":           {run: (*Server).postEphemeral, required: []string{"channel", "user"}, scopes: []string{"chat:write"}, tier: 4},
		"chat.update":                  {run: (*Server).update, required: []string{"channel", "ts"}, scopes: []string{"chat:write"}, tier: 3},
		"chat.delete":                  {run: (*Server).deleteMessage, required: []string{"channel", "ts"}, scopes: []string{"chat:write"}, tier: 3},
		"conversations.open":           {run: (*Server).conversationsOpen, tier: 3},
		"conversations.info":           {run: (*Server).conversationsInfo, required: []string{"channel"}, tier: 3},
		"conversations.history":        {run: (*Server).history, required: []string{"channel"}, tier: 3},
		"conversations.replies":        {run: (*Server).replies, required: []string{"channel", "ts"}, tier: 3},
		"conversations.members":        {run: (*Server).conversationsMembers, required: []string{"channel"}, tier: 4},
		"conversations.list":           {run: (*Server).conversationsList, tier: 2},
		"users.info":                   {run: (*Server).usersInfo, required: []string{"user"}, scopes: []string{"users:read"}, tier: 4},
		"users.list":                   {run: (*Server).usersList, scopes: []string{"users:read"}, tier: 2},
		"team.info":                    {run: (*Server).teamInfo, scopes: []string{"team:read"}, tier: 3},
		"views.open":                   {run: (*Server).viewsOpen, required: []string{"view"}, tier: 4},
		"views.push":                   {run: (*Server).viewsPush, required: []string{"view"}, tier: 4},
		"views.update":                 {run: (*Server).viewsUpdate, required: []string{"view"}, tier: 4},
		"views.publish":                {run: (*Server).viewsPublish, required: []string{"user_id", "view"}, tier: 4},
		"reactions.add":                {run: (*Server).reactionsAdd, required: []string{"channel", "name", "timestamp"}, scopes: []string{"reactions:write"}, tier: 3},
		"files.getUploadURLExternal":   {run: (*Server).filesGetURL, required: []string{"filename", "length"}, scopes: []string{"files:write"}, tier: 4},
		"files.completeUploadExternal": {run: (*Server).filesComplete, required: []string{"files"}, scopes: []string{"files:write"}, tier: 4},
	}
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.o.Now().UTC().Format(http.TimeFormat))
	name := r.PathValue("method")
	a, err := readArgs(r)
	token := ""
	if err == nil {
		token = a.text("token")
		delete(a, "token")
	}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		token = bearer
	}
	s.handle(w, r, name, a, func() answer {
		if err != nil {
			return fail(err.Error())
		}
		return s.call(name, token, a)
	})
}

// handle is the way of every request, response URLs included: log, hook, fault, effect, hook, fault, answer.
func (s *Server) handle(w http.ResponseWriter, r *http.Request, name string, a args, run func() answer) {
	s.mu.Lock()
	index := len(s.requests)
	logged := map[string]any{}
	for k, v := range a {
		logged[k] = v
	}
	s.requests = append(s.requests, Request{Method: name, Args: logged, At: s.o.Now(), Unknown: s.o.Specs.unknown(name, a)})
	f := s.takeFault(name)
	s.requests[index].Fault = f.Kind
	s.mu.Unlock()
	finish := func(outcome string, accepted bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requests[index].Outcome, s.requests[index].Accepted = outcome, accepted
	}

	s.hook(name, Before)
	// The log is written before the answer, so that whoever has the answer finds it there.
	if f.stops() {
		finish(string(f.Kind), false)
	}
	if f.before(s, w, r) {
		finish(string(f.Kind), false)
		return
	}
	s.mu.Lock()
	result := s.limit(name, a)
	if result == nil {
		result = run()
	}
	s.mu.Unlock()
	accepted := result["error"] == nil
	outcome := "ok"
	if code, ok := result["error"].(string); ok {
		outcome = code
	}
	if accepted {
		s.hook(name, After)
	}
	if f.Kind != "" && f.Kind != Slow {
		outcome = string(f.Kind)
	}
	finish(outcome, accepted)
	if f.after(s, w, result) {
		return
	}
	s.write(w, result)
}

func (s *Server) write(w http.ResponseWriter, result answer) {
	status := http.StatusOK
	if after, ok := result["retry_after"].(string); ok {
		// https://docs.slack.dev/apis/web-api/rate-limits: 429 with the seconds in Retry-After.
		w.Header().Set("Retry-After", after)
		status = http.StatusTooManyRequests
		delete(result, "retry_after")
	}
	if n, ok := result["http_status"].(int); ok {
		status = n
		delete(result, "http_status")
	}
	w.Header().Set("X-OAuth-Scopes", joined(s.o.Scopes))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(result)
}

// call checks what every method checks, and runs it. The caller holds s.mu.
func (s *Server) call(name, token string, a args) answer {
	m, known := methods()[name]
	if !known {
		return fail("unknown_method")
	}
	// https://docs.slack.dev/reference/methods/auth.test#errors: the common error codes.
	switch {
	case token == "":
		return fail("not_authed")
	case s.revoked[token] != "":
		return fail(s.revoked[token])
	case token != s.BotToken() && token != s.AppToken():
		return fail("invalid_auth")
	case m.app != (token == s.AppToken()):
		return fail("not_allowed_token_type")
	}
	if len(m.scopes) > 0 {
		if denied := s.need(m.scopes...); denied != nil {
			return denied
		}
	}
	for _, arg := range m.required {
		if a.text(arg) == "" {
			return fail("invalid_arguments", "missing required field: "+arg)
		}
	}
	if messages := s.o.Specs.request(name, a); len(messages) > 0 {
		return fail("invalid_arguments", messages...)
	}
	result := m.run(s, a)
	if result["error"] == nil {
		result["ok"] = true
	}
	return result
}

// need refuses unless the token has one of the scopes (https://docs.slack.dev/reference/scopes).
func (s *Server) need(scopes ...string) answer {
	for _, scope := range scopes {
		if slices.Contains(s.o.Scopes, scope) {
			return nil
		}
	}
	a := fail("missing_scope")
	a["needed"], a["provided"] = joined(scopes), joined(s.o.Scopes)
	return a
}

func (s *Server) authTest(args) answer {
	a := answer{
		"url": s.base + "/", "team": s.o.Team, "team_id": s.o.TeamID, "user": s.bot.Name, "user_id": s.bot.ID,
		"is_enterprise_install": false,
	}
	if !s.o.PersonToken {
		a["bot_id"] = s.BotID()
	}
	return a
}

// botsInfo is a bot object (https://docs.slack.dev/reference/methods/bots.info).
func (s *Server) botsInfo(a args) answer {
	if a.text("bot") != s.BotID() {
		return fail("bot_not_found")
	}
	app := s.o.BotApp
	if app == "" {
		app = s.AppID()
	}
	return answer{"bot": map[string]any{
		"id": s.BotID(), "deleted": false, "name": s.bot.Name, "updated": s.bot.updated.Unix(), "app_id": app, "user_id": s.bot.ID,
		"icons": map[string]any{},
	}}
}

func (s *Server) teamInfo(args) answer {
	return answer{"team": map[string]any{
		"id": s.o.TeamID, "name": s.o.Team, "domain": strings.ToLower(s.o.Team), "email_domain": "", "locale": "en-US",
		"icon": map[string]any{"image_default": true},
	}}
}
