package slack_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"procurabot/adapters/slack"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
)

// patient is an adapter that is not run, on a workspace with a channel that the
// bot is in and three that it cannot write in.
type patient struct {
	*fakeslack.Server
	t        *testing.T
	o        slack.Options
	channels []bot.ConversationID // the first is the one that it is in
}

func newPatient(t *testing.T, o fakeslack.Options) *patient {
	t.Helper()
	o.Now = func() time.Time { return noon }
	p := &patient{Server: fakeslack.New(o), t: t}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	for _, c := range []fakeslack.Channel{
		{Name: "lobby", BotIsMember: true}, {Name: "attic"}, {Name: "cellar", BotIsMember: true, Archived: true}, {Name: "vault", Private: true},
	} {
		p.channels = append(p.channels, bot.ConversationID(p.AddChannel(c).ID))
	}
	p.o = slack.Options{BotToken: p.BotToken(), AppToken: p.AppToken(), APIURL: p.URL(), HTTPClient: p.HTTPClient(), Dialer: p.Dialer(), Now: o.Now}
	return p
}

func (p *patient) look(channels ...bot.ConversationID) []bot.Check {
	p.t.Helper()
	a, err := slack.New(p.o)
	if err != nil {
		p.t.Fatal(err)
	}
	checks := a.Diagnose(p.t.Context(), nil, channels...)
	for _, c := range checks {
		for _, secret := range []string{p.BotToken(), p.AppToken(), p.SigningSecret(), "ticket"} {
			if strings.Contains(fmt.Sprint(c), secret) {
				p.t.Errorf("%+v holds %s", c, secret)
			}
		}
		if c.Name == "" || (c.Problem == "") != (c.Mend == "") || c.Problem == "" && c.Optional {
			p.t.Errorf("%+v is half a check", c)
		}
	}
	return checks
}

// wrong are the checks that found something.
func wrong(checks []bot.Check) []bot.Check {
	return slices.DeleteFunc(slices.Clone(checks), func(c bot.Check) bool { return c.Problem == "" })
}

func granted(t *testing.T, less ...string) []string {
	t.Helper()
	var all []string
	for _, s := range slack.Scopes() {
		if !slices.Contains(less, s.Name) {
			all = append(all, s.Name)
		}
	}
	return all
}

// A good set-up has no problem, and everything in it was looked at.
func TestDiagnoseOfAGoodSetUp(t *testing.T) {
	for way, want := range map[string][]string{
		"socket": {"connection to Slack", "clock", `bot token of the workspace "Fake" (T0FAKE001)`, "scopes", "Socket Mode", "channel "},
		"http":   {"connection to Slack", "clock", `bot token of the workspace "Fake" (T0FAKE001)`, "scopes", "signing secret", "channel "},
	} {
		t.Run(way, func(t *testing.T) {
			p := newPatient(t, fakeslack.Options{Scopes: granted(t)})
			if way == "http" {
				p.o.AppToken, p.o.SigningSecret = "", p.SigningSecret()
			}
			checks := p.look(p.channels[0]+"/1700000000.000100", "D0SOMEBODY")
			if len(wrong(checks)) > 0 {
				t.Errorf("found %+v", wrong(checks))
			}
			var names []string
			for _, c := range checks {
				names = append(names, c.Name)
			}
			if len(names) != len(want) {
				t.Fatalf("looked at %q, want %q", names, want)
			}
			for i := range want {
				if !strings.HasPrefix(names[i], want[i]) {
					t.Errorf("looked at %q, want %q", names, want)
				}
			}
			if n := len(p.Calls("chat.postMessage")); n != 0 {
				t.Errorf("%d messages were sent", n)
			}
		})
	}
}

// Each fault is found, alone, and said with what to do.
func TestDiagnoseFindsEachFault(t *testing.T) {
	code := func(method, code string) func(*patient) {
		return func(p *patient) {
			p.Fault(fakeslack.Fault{Method: method, Kind: fakeslack.Code, Code: code, Times: -1})
		}
	}
	status := func(method string, kind fakeslack.FaultKind, n int) func(*patient) {
		return func(p *patient) {
			p.Fault(fakeslack.Fault{Method: method, Kind: kind, Status: n, RetryAfter: 7, Times: -1})
		}
	}
	type of = fakeslack.Options
	for name, test := range map[string]struct {
		o            fakeslack.Options
		plant        func(*patient)
		at           int // the channel that is asked for
		problem      string
		mend         string
		optional     bool
		looksNoLower bool // nothing else can be looked at
	}{
		"revoked":         {plant: func(p *patient) { p.Revoke(p.BotToken(), "token_revoked") }, problem: "bot token has been revoked", mend: "Install App"},
		"expired":         {plant: func(p *patient) { p.Revoke(p.BotToken(), "token_expired") }, problem: "has run out", mend: "Install App"},
		"removed":         {plant: func(p *patient) { p.Revoke(p.BotToken(), "account_inactive") }, problem: "removed from its workspace", mend: "Install App"},
		"of nobody":       {plant: func(p *patient) { p.o.BotToken = "xoxb-mistyped" }, problem: "does not accept the bot token (invalid_auth)", mend: "OAuth & Permissions"},
		"moved":           {plant: code("auth.test", "team_added_to_org"), problem: "takes nothing for now", mend: "administrators"},
		"a person's":      {o: of{PersonToken: true}, problem: "a person's", mend: "Bot User OAuth Token"},
		"scopes":          {o: of{Scopes: granted(t, "im:write", "chat:write")}, problem: "lacks chat:write, im:write", mend: "manifest"},
		"a scope":         {o: of{Scopes: granted(t, "groups:history")}, problem: "may say something twice", mend: "manifest", optional: true},
		"no app token":    {plant: func(p *patient) { p.o.AppToken = "xapp-mistyped" }, problem: "does not accept the app-level token (invalid_auth)", mend: "App-Level Tokens"},
		"revoked too":     {plant: func(p *patient) { p.Revoke(p.AppToken(), "token_revoked") }, problem: "app-level token (token_revoked)", mend: "App-Level Tokens"},
		"its scope":       {plant: code("apps.connections.open", "missing_scope"), problem: "lacks the scope connections:write", mend: "App-Level Tokens"},
		"asked too often": {plant: status("apps.connections.open", fakeslack.RateLimited, 0), problem: "too often", mend: "in 7s", optional: true},
		"switched off":    {plant: func(p *patient) { p.SocketMode(false) }, problem: "Socket Mode is switched off", mend: `"Socket Mode"`},
		"two apps":        {o: of{BotApp: "A0OTHER"}, problem: "two apps: the bot token of A0OTHER, the app-level token of A0FAKEAPP", mend: "same app"},
		"a slow clock":    {plant: func(p *patient) { p.o.Now = func() time.Time { return noon.Add(-90 * time.Second) } }, problem: "1m30s behind", mend: "NTP"},
		"a fast clock":    {plant: func(p *patient) { p.o.Now = func() time.Time { return noon.Add(10 * time.Minute) } }, problem: "10m0s ahead of", mend: "NTP"},
		"a minute":        {plant: func(p *patient) { p.o.Now = func() time.Time { return noon.Add(61 * time.Second) } }, problem: "1m1s ahead of", mend: "NTP"},
		"no secret": {plant: func(p *patient) {
			p.o.SigningSecret = "Signing Secret"
		}, problem: "PROCURABOT_SLACK_SIGNING_SECRET is not of the form", mend: "App Credentials"},
		"not in it":        {at: 1, problem: "not in this channel", mend: "/invite @procurabot"},
		"archived":         {at: 2, problem: "archived", mend: "unarchive"},
		"private":          {at: 3, problem: `no such channel in the workspace "Fake" (T0FAKE001)`, mend: "/invite @procurabot"},
		"not to be asked":  {plant: code("conversations.info", "missing_scope"), problem: "cannot be asked", mend: "/invite @procurabot", optional: true},
		"a first limit":    {plant: status("auth.test", fakeslack.RateLimited, 0), problem: "too often", mend: "in 7s", looksNoLower: true},
		"a first refusal":  {plant: status("auth.test", fakeslack.RateLimitedBody, 0), problem: "too often", mend: "in 1m0s", looksNoLower: true},
		"a status":         {plant: status("auth.test", fakeslack.Status, 503), problem: "status 503", mend: "slack-status.com", looksNoLower: true},
		"a proxy's status": {plant: status("auth.test", fakeslack.Status, 407), problem: "in Slack's place, with status 407", mend: "HTTPS_PROXY", looksNoLower: true},
		"a proxy's page":   {plant: status("auth.test", fakeslack.HTMLBody, 0), problem: "a page comes", mend: "HTTPS_PROXY", looksNoLower: true},
	} {
		t.Run(name, func(t *testing.T) {
			if test.o.Scopes == nil {
				test.o.Scopes = granted(t)
			}
			p := newPatient(t, test.o)
			if test.plant != nil {
				test.plant(p)
			}
			checks := p.look(p.channels[test.at])
			found := wrong(checks)
			if len(found) != 1 || !strings.Contains(found[0].Problem, test.problem) || !strings.Contains(found[0].Mend, test.mend) || found[0].Optional != test.optional {
				t.Errorf("found %+v", found)
			}
			if test.looksNoLower != (len(checks) == 1) {
				t.Errorf("looked at %+v", checks)
			}
		})
	}
}

// Tokens of an app that rotates them run out while the bot runs.
func TestDiagnoseWarnsOfRotation(t *testing.T) {
	p := newPatient(t, fakeslack.Options{Scopes: granted(t), Rotates: true})
	p.o.BotToken = p.BotToken()
	if found := wrong(p.look()); len(found) != 1 || !strings.Contains(found[0].Problem, "twelve hours") {
		t.Errorf("found %+v", found)
	}
}

// Beside a bot that runs, its sockets are as many as before.
func TestDiagnoseBesideABotThatRuns(t *testing.T) {
	w := newWorld(t, fakeslack.Options{Scopes: granted(t)})
	a := w.connect(slack.Options{Now: time.Now})
	if found := wrong(a.Diagnose(t.Context(), nil, w.Spot("lobby").Conversation)); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
	if a.Ready() || !w.adapter.Ready() {
		t.Errorf("ready: who looks %v, who runs %v", a.Ready(), w.adapter.Ready())
	}
	w.must(w.WaitConnected(w.soon(), slack.Connections))
	w.must(w.Say(t.Context(), "luc", "", "still there?"))
	if n := len(w.engine.all()); n != 1 {
		t.Errorf("heard %d", n)
	}
}

// A socket too many is found, and what is wrong with one is said of it.
func TestDiagnoseOfSockets(t *testing.T) {
	w := newWorld(t, fakeslack.Options{Scopes: granted(t)})
	busy := w.connect(slack.Options{Sockets: 8})
	ended := make(chan error, 1)
	go func() { ended <- busy.Run(t.Context(), w.engine) }()
	w.must(w.WaitConnected(w.soon(), 10))
	found := wrong(w.connect(slack.Options{}).Diagnose(t.Context(), nil))
	if len(found) != 1 || !strings.Contains(found[0].Problem, "10 sockets") {
		t.Errorf("found %+v", found)
	}
	refusing := w.Dialer()
	refusing.Proxy, refusing.NetDialContext = nil, w.Host(http.NotFoundHandler()).Transport.(*http.Transport).DialContext
	p := newPatient(t, fakeslack.Options{Scopes: granted(t)})
	p.o.Dialer = refusing
	found = wrong(p.look())
	if len(found) != 1 || found[0].Name != "Socket Mode" || !strings.Contains(found[0].Problem, "status 404") || !strings.Contains(found[0].Mend, "WebSockets") {
		t.Errorf("found %+v", found)
	}
}
