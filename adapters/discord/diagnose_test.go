package discord_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"procurabot/adapters/discord"
	"procurabot/adapters/discord/fakediscord"
	"procurabot/bot"
)

// newSick is a scene of today, whose bot has run once and written its commands.
func newSick(t *testing.T, o fakediscord.Options) *scene {
	t.Helper()
	o.Now = time.Now
	s := newSceneOn(t, func(func() time.Time) *fakediscord.Stage { return fakediscord.NewStageOn(o) })
	ctx, stop := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	a := s.patient(discord.Options{})
	go func() { ended <- a.Run(ctx, s.engine) }()
	s.must(s.WaitConnected(s.ctx))
	stop()
	s.must(<-ended)
	return s
}

// patient is an adapter to be looked at.
func (s *scene) patient(o discord.Options) *discord.Adapter {
	s.t.Helper()
	if o.BotToken == "" {
		o.BotToken = s.Token()
	}
	o.APIURL, o.HTTPClient, o.Dialer = s.URL(), s.HTTPClient(), s.Dialer()
	a, err := discord.New(o)
	s.must(err)
	return a
}

func TestDiagnose(t *testing.T) {
	later := func() time.Time { return time.Now().Add(10 * time.Minute) }
	for name, test := range map[string]struct {
		discord  fakediscord.Options
		options  discord.Options
		plant    func(s *scene)
		check    string
		optional bool
		says     []string
	}{
		"Bot before the token":   {options: discord.Options{BotToken: "Bot a.b.c"}, check: "bot token", says: []string{`"Bot "`, "left out", "Bot page"}},
		"a client secret":        {options: discord.Options{BotToken: strings.Repeat("aB3-", 8)}, check: "bot token", says: []string{"client secret", "Bot page"}},
		"a public key":           {options: discord.Options{BotToken: strings.Repeat("0123abcd", 8)}, check: "bot token", says: []string{"public key"}},
		"an id":                  {options: discord.Options{BotToken: "123456789012345678"}, check: "bot token", says: []string{"id"}},
		"quotation marks":        {options: discord.Options{BotToken: `"a.b.c"`}, check: "bot token", says: []string{"quotation marks"}},
		"half a token":           {options: discord.Options{BotToken: "a.b"}, check: "bot token", says: []string{"three parts"}},
		"a token that was reset": {plant: func(s *scene) { s.Revoke() }, check: "bot token", says: []string{"refuses", "Reset Token"}},
		"Cloudflare":             {plant: func(s *scene) { s.Fail("GET /users/@me", 1, fakediscord.HTMLBody(429)) }, check: "connection", says: []string{"address", "wait"}},
		"an outage":              {plant: func(s *scene) { s.Fail("GET /users/@me", 1, fakediscord.Status(503)) }, check: "connection", says: []string{"503", "discordstatus"}},
		"a fast clock":           {options: discord.Options{Now: later}, check: "clock", optional: true, says: []string{"fast", "NTP"}},
		"a fast clock, and signed interactions": {options: discord.Options{Now: later, PublicKey: fakediscord.New(fakediscord.Options{}).PublicKey()},
			plant: (*scene).serveSigned, check: "clock", says: []string{"fast", "signed interactions"}},
		"a slow clock": {options: discord.Options{Now: func() time.Time { return time.Now().Add(-2 * time.Minute) }}, check: "clock", optional: true,
			says: []string{"slow"}},
		"an endpoint that nobody serves": {plant: (*scene).serveSigned, check: "interactions", says: []string{"PROCURABOT_DISCORD_PUBLIC_KEY is not set", "/information"}},
		"a key without an endpoint": {options: discord.Options{PublicKey: fakediscord.New(fakediscord.Options{}).PublicKey()}, check: "interactions", optional: true,
			says: []string{"no Interactions Endpoint URL", "/discord/interactions"}},
		"another application's key": {options: discord.Options{PublicKey: strings.Repeat("00", 32)}, check: "interactions", says: []string{"not this application's"}},
		"privileged intents": {discord: fakediscord.Options{Privileged: fakediscord.IntentMembers | fakediscord.IntentMessageContent}, check: "intents", optional: true,
			says: []string{"Server Members Intent, Message Content Intent", "/bot"}},
		"a code grant": {plant: func(s *scene) { s.RequireCodeGrant() }, check: "invitation", says: []string{"Code Grant", "/bot"}},
		"few sessions": {discord: fakediscord.Options{Sessions: 50}, plant: func(s *scene) {
			for range 45 {
				s.must(s.begin())
			}
		}, check: "sessions", says: []string{"only 4 of 50"}},
		"on no server": {plant: func(s *scene) { s.Leave(s.ApplicationID(), string(s.lobby().Space)) }, check: "servers",
			says: []string{"no server", "scope=bot+applications.commands", "permissions=274877991936"}},
		"it may not write": {plant: func(s *scene) { s.give(fakediscord.Usual &^ fakediscord.SendMessages) }, check: "permissions on Network fr", says: []string{"lacks Send Messages", "Roles"}},
		"it may not look back": {plant: func(s *scene) {
			s.give(fakediscord.Usual &^ (fakediscord.ReadMessageHistory | fakediscord.SendMessagesInThreads))
		}, check: "permissions on Network fr",
			optional: true, says: []string{"lacks Send Messages in Threads, Read Message History"}},
		"an administrator in a channel that is closed": {plant: func(s *scene) { s.give(fakediscord.Administrator) }},
		"other commands": {plant: func(s *scene) { s.engine.commands = s.engine.commands[:2] }, check: "commands", optional: true, says: []string{"procurabot run"}},
		"nothing":        {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSick(t, test.discord)
			a := s.patient(test.options)
			if test.plant != nil {
				test.plant(s)
			}
			sessions := s.Identified()
			checks := a.Diagnose(s.ctx, s.engine)
			if test.check == "" {
				for _, c := range checks {
					if c.Problem != "" {
						t.Errorf("%+v", c)
					}
				}
			} else {
				finds(t, checks, test.check, test.optional, test.says...)
			}
			token := test.options.BotToken
			if token == "" {
				token = s.Token()
			}
			for _, c := range checks {
				if strings.Contains(c.Problem+c.Mend, token) {
					t.Errorf("%+v holds the token", c)
				}
			}
			if s.Identified() != sessions {
				t.Error("it connected to the Gateway")
			}
			for _, r := range s.Requests() {
				if r.Method != http.MethodGet && r.Route != "PUT /applications/{application}/commands" {
					t.Errorf("it asked %s", r.Route)
				}
			}
		})
	}
}

// serveSigned gives the application an endpoint.
func (s *scene) serveSigned() {
	signed := s.patient(discord.Options{PublicKey: s.PublicKey()})
	s.must(s.SetEndpoint(s.ctx, "http://program.invalid/discord/interactions", s.Reach(signed.Handler())))
}

// begin connects once, and leaves.
func (s *scene) begin() error {
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	d := s.Dialer()
	c, _, err := d.DialContext(ctx, "ws://gateway.invalid/gateway", nil)
	if err != nil {
		return err
	}
	defer c.Close()
	before := s.Identified()
	if err := c.WriteJSON(map[string]any{"op": 2, "d": map[string]any{"token": s.Token(), "intents": 1}}); err != nil {
		return err
	}
	return s.Await(ctx, func() bool { return s.Identified() > before })
}

// give sets what the bot may do in luc's server.
func (s *scene) give(p fakediscord.Permissions) {
	s.Join(s.ApplicationID(), string(s.lobby().Space), p)
}

func TestDiagnoseChannels(t *testing.T) {
	s := newSick(t, fakediscord.Options{})
	lobby := string(s.lobby().Conversation)
	thread := s.AddThread(lobby, "a thread").ID
	a := s.patient(discord.Options{})
	look := func(channel string) []bot.Check { return a.Diagnose(s.ctx, nil, bot.ConversationID(channel)) }
	for _, c := range append(look(lobby), look(thread)...) {
		if c.Problem != "" {
			t.Errorf("%+v", c)
		}
	}
	finds(t, look("1"), "channel 1", false, "no such channel", "Copy Channel ID")
	finds(t, look(s.DM(string(s.Account("luc").User))), "channel "+s.DM(string(s.Account("luc").User)), false, "no channel of a server")
	s.Permit(lobby, s.ApplicationID(), fakediscord.Usual&^fakediscord.EmbedLinks)
	finds(t, look(lobby), "channel #lobby", true, "lacks Embed Links")
	finds(t, look(thread), "channel #a thread", true, "lacks Embed Links")
	s.Permit(lobby, s.ApplicationID(), fakediscord.ViewChannel)
	finds(t, look(lobby), "channel #lobby", false, "lacks Send Messages", "Permissions")
	s.Permit(lobby, s.ApplicationID(), fakediscord.Nothing)
	finds(t, look(lobby), "channel "+lobby, false, "cannot see it")
}
