package slack

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	slackgo "github.com/slack-go/slack"

	"procurabot/bot"
)

const (
	appsPage = "https://api.slack.com/apps"
	mostSkew = time.Minute // of the five minutes after which a signature is refused
)

// Diagnose looks at the set-up and says what is right and what is not, for
// whoever runs the bot. It may be called before Run or beside a bot that runs:
// it changes nothing and says nothing to anybody. Named is what the settings name,
// channels are those that the bot is to write in. Neither tokens nor names of people are in what it says.
//
// Over Socket Mode, where this adapter has no socket open itself, it opens one and
// closes it after the greeting, since only that shows whether Socket Mode is switched on and whether the network
// lets sockets through. An event that Slack sends over it in that moment comes
// again; somebody who presses a button in that moment has to press it again.
//
// Whether commands and events are set as the manifest has them cannot be asked
// with these tokens.
func (a *Adapter) Diagnose(ctx context.Context, named []bot.Named, channels ...bot.ConversationID) []bot.Check {
	began := a.now()
	me, err := a.api.AuthTestContext(ctx)
	err = limited(err)
	if err != nil && refusal(err) == "" {
		c := unreached("connection to Slack", err)
		c.Optional = false // nothing was looked at, so that nothing can be called right
		return []bot.Check{c}
	}
	checks := []bot.Check{{Name: "connection to Slack"}}
	if sent, err := http.ParseTime(me.Header.Get("Date")); err == nil {
		checks = append(checks, a.clock(sent.Sub(began.Add(a.now().Sub(began)/2))))
	}
	token := a.token(me, refusal(err))
	checks = append(checks, token)
	good := err == nil && me.BotID != ""
	app := ""
	if good {
		checks = append(checks, granted(me.Header.Get("X-OAuth-Scopes"))...)
		if b, err := a.api.GetBotInfoContext(ctx, slackgo.GetBotInfoParameters{Bot: me.BotID}); err == nil {
			app = b.AppID
		}
	}
	switch {
	case a.secret != "":
		checks = append(checks, a.signingSecret())
	case a.open.Load() > 0:
		of, _ := a.app.Load().(string)
		checks = append(checks, oneApp(app, of))
	default:
		checks = append(checks, a.appToken(ctx, app))
	}
	if !good {
		return checks
	}
	for _, c := range channels {
		id, _, _ := strings.Cut(string(c), "/")
		if !strings.HasPrefix(id, "D") { // a direct message needs no invitation
			checks = append(checks, a.channelOf(ctx, me, id))
		}
	}
	return append(checks, a.names(ctx, me, named)...)
}

// limited has a rate limit that Slack says with status 200 be one like any other.
func limited(err error) error {
	if refusal(err) == rateLimited {
		return &slackgo.RateLimitedError{RetryAfter: time.Minute}
	}
	return err
}

const rateLimited = "ratelimited"

func (a *Adapter) clock(skew time.Duration) bot.Check {
	c := bot.Check{Name: "clock"}
	if skew.Abs() <= mostSkew {
		return c
	}
	way := "behind"
	if skew < 0 {
		way = "ahead of"
	}
	c.Problem = fmt.Sprintf("this machine's clock is %s %s Slack's: what Slack signed more than five minutes ago is refused, "+
		"and a message that may have arrived is looked for at the wrong time", skew.Abs().Round(time.Second), way)
	c.Mend = "have the machine set its clock by NTP, for example with: timedatectl set-ntp true"
	return c
}

// token says what auth.test means (https://docs.slack.dev/reference/methods/auth.test#errors).
func (a *Adapter) token(me *slackgo.AuthTestResponse, code string) bot.Check {
	c := bot.Check{Name: "bot token", Mend: `copy "Bot User OAuth Token" (xoxb-...) from "OAuth & Permissions" of the app at ` + appsPage +
		" into PROCURABOT_SLACK_BOT_TOKEN"}
	const again = `install the app again under "Install App" at ` + appsPage + ", and copy the new token into PROCURABOT_SLACK_BOT_TOKEN"
	switch {
	case code == "token_revoked":
		c.Problem, c.Mend = "the bot token has been revoked", again
	case code == "token_expired":
		c.Problem, c.Mend = "the bot token has run out", again
	case code == "account_inactive":
		c.Problem, c.Mend = "the app has been removed from its workspace, or the workspace is gone", again
	case suspended(code):
		c.Problem = "the workspace takes nothing for now (" + code + "): it is being moved, or its administrators have suspended it"
		c.Mend = "ask the workspace's administrators; what waits is sent afterwards"
	case code != "":
		c.Problem = "Slack does not accept the bot token (" + name(code) + ")"
	case me.BotID == "":
		c.Problem = "the token is a person's, not the bot's"
	case a.rotates:
		c.Problem = "the app rotates its tokens: this one runs out within twelve hours, and the bot does not renew it"
		c.Mend = "token rotation cannot be switched off again: make the app anew from the manifest at " + appsPage + ", where it is off"
	default:
		return bot.Check{Name: fmt.Sprintf("bot token of the workspace %q (%s)", me.Team, me.TeamID)}
	}
	return c
}

// granted compares the scopes of the token with those that are used.
func granted(header string) []bot.Check {
	if header == "" {
		return []bot.Check{{
			Name: "scopes", Optional: true, Problem: "Slack's answer does not say which scopes the bot token has: a proxy may have taken it out",
			Mend: `compare "OAuth & Permissions" of the app at ` + appsPage + " with docs/slack.md",
		}}
	}
	var have, need []string
	for s := range strings.SplitSeq(header, ",") {
		have = append(have, strings.TrimSpace(s))
	}
	const mend = `paste the manifest that "procurabot manifest slack" writes under "App Manifest" of the app at ` + appsPage +
		`, save it, and install the app again under "Install App"`
	var checks []bot.Check
	for _, s := range Scopes() {
		switch {
		case slices.Contains(have, s.Name):
		case s.Without == "":
			need = append(need, s.Name)
		default:
			checks = append(checks, bot.Check{Name: "scope " + s.Name, Problem: "without it the bot " + s.Without, Mend: mend, Optional: true})
		}
	}
	first := bot.Check{Name: "scopes"}
	if need != nil {
		first.Problem, first.Mend = "the bot token lacks "+strings.Join(need, ", "), mend
	}
	return append([]bot.Check{first}, checks...)
}

var secretForm = regexp.MustCompile(`^[0-9a-z]{32}$`)

// signingSecret can only look at the form: Slack tells nobody whether it is right.
func (a *Adapter) signingSecret() bot.Check {
	c := bot.Check{Name: "signing secret"}
	if !secretForm.MatchString(a.secret) {
		c.Problem = "PROCURABOT_SLACK_SIGNING_SECRET is not of the form of a signing secret, 32 digits and letters: all that Slack sends would be refused"
		c.Mend = `copy "Signing Secret" from "Basic Information", "App Credentials" of the app at ` + appsPage
	}
	return c
}

// appToken opens a socket, waits for its greeting and closes it. App is whose
// bot token it is, "" where that is not known.
func (a *Adapter) appToken(ctx context.Context, app string) bot.Check {
	c := bot.Check{Name: "app-level token"}
	_, address, err := a.api.StartSocketModeContext(ctx)
	switch code := refusal(err); {
	case code == scopeNeeded:
		c.Problem = "the app-level token lacks the scope connections:write"
		c.Mend = `make one with it under "Basic Information", "App-Level Tokens" of the app at ` + appsPage + ", for PROCURABOT_SLACK_APP_TOKEN"
		return c
	case code == rateLimited:
		return unreached(c.Name, limited(err))
	case code != "":
		c.Problem = "Slack does not accept the app-level token (" + name(code) + ")"
		c.Mend = `copy a token (xapp-...) from "Basic Information", "App-Level Tokens" of the app at ` + appsPage + " into PROCURABOT_SLACK_APP_TOKEN"
		return c
	case err != nil:
		return unreached(c.Name, err)
	}
	c.Name = "Socket Mode"
	hello, err := a.greeting(ctx, address)
	switch {
	case err != nil:
		return unreached(c.Name, err)
	case hello.Reason == "link_disabled":
		c.Problem = "Socket Mode is switched off"
		c.Mend = `switch it on under "Socket Mode" of the app at ` + appsPage + ", or give PROCURABOT_SLACK_SIGNING_SECRET to have Slack deliver by HTTP"
	case hello.Reason == "too_many_websockets":
		c.Problem = fmt.Sprintf("the app has %d sockets open already: Slack allows no more", mostSockets)
		c.Mend = "end the other programs that use this app-level token, or give each installation an app of its own"
	case hello.Type == "disconnect":
		c.Problem, c.Optional = "Slack asks the socket to go at once ("+name(hello.Reason)+")", true
		c.Mend = "look again in a minute"
	default:
		return oneApp(app, hello.Info.App)
	}
	return c
}

// oneApp compares whose the bot token is with whose the sockets are; "" is not known.
func oneApp(tokens, sockets string) bot.Check {
	c := bot.Check{Name: "Socket Mode"}
	if tokens != "" && sockets != "" && tokens != sockets {
		c.Problem = fmt.Sprintf("the two tokens are of two apps: the bot token of %s, the app-level token of %s", tokens, sockets)
		c.Mend = "copy both from the same app at " + appsPage
	}
	return c
}

// greeting is what Slack says first on a socket
// (https://docs.slack.dev/apis/events-api/using-socket-mode#connect).
type greeting struct {
	Type   string         `json:"type"`
	Reason string         `json:"reason"`
	Info   connectionInfo `json:"connection_info"`
}

func (a *Adapter) greeting(ctx context.Context, address string) (greeting, error) {
	ctx, cancel := context.WithTimeout(ctx, httpTimeout)
	defer cancel()
	conn, answer, err := a.dialer.DialContext(ctx, address, nil)
	if err != nil {
		if errors.Is(err, websocket.ErrBadHandshake) && answer != nil {
			err = slackgo.StatusCodeError{Code: answer.StatusCode, Status: answer.Status}
		}
		return greeting{}, err
	}
	defer conn.Close()
	if until, ok := ctx.Deadline(); ok {
		if err := conn.SetReadDeadline(until); err != nil {
			return greeting{}, err
		}
	}
	_, raw, err := conn.ReadMessage()
	if err != nil {
		return greeting{}, err
	}
	var g greeting
	return g, json.Unmarshal(raw, &g)
}

// channelOf asks whether the bot can write in a channel.
func (a *Adapter) channelOf(ctx context.Context, me *slackgo.AuthTestResponse, id string) bot.Check {
	c := bot.Check{Name: "channel " + id}
	invite := "invite it there: /invite @" + cmp.Or(me.User, "Procurabot")
	channel, err := a.api.GetConversationInfoContext(ctx, &slackgo.GetConversationInfoInput{ChannelID: id})
	switch code := refusal(err); {
	case code == scopeNeeded:
		c.Problem, c.Optional = "whether the bot is in this channel cannot be asked without the scopes channels:read and groups:read", true
		c.Mend = "if it is not, " + invite
	case code == "channel_not_found":
		c.Problem = fmt.Sprintf("the bot sees no such channel in the workspace %q (%s)", me.Team, me.TeamID)
		c.Mend = "if the id is that of the channel's address in the browser, and the workspace is the right one, the channel is private: " + invite
	case code != "":
		c.Problem, c.Mend = "Slack says nothing of this channel ("+name(code)+")", "check the id: it is in the channel's address in the browser"
	case err != nil:
		return unreached(c.Name, err)
	case channel.IsArchived:
		c.Problem, c.Mend = "the channel is archived: nobody can write in it", "unarchive it, or choose another"
	case !channel.IsMember:
		c.Problem, c.Mend = "the bot is not in this channel", invite
	}
	return c
}
