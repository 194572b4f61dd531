package discord

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"procurabot/bot"
	"procurabot/internal/network"
)

const portal = "https://discord.com/developers/applications"

// Flags of an application: privileged intents that are switched on, for few
// servers or for many.
// https://discord.com/developers/docs/resources/application#application-object-application-flags
const (
	presenceFlags = 1<<12 | 1<<13
	memberFlags   = 1<<14 | 1<<15
	contentFlags  = 1<<18 | 1<<19
)

// Diagnose looks at what can be wrong between the bot and Discord, and in the
// given channels. It only reads, and opens no connection to the Gateway. With a
// receiver it compares the commands that Discord has with those that the receiver
// names. What can only be known after something else has been mended is left out.
func (a *Adapter) Diagnose(ctx context.Context, r bot.Receiver, channels ...bot.ConversationID) []bot.Check {
	d := &diagnosis{a: a}
	if what := notAToken(a.token); what != "" {
		d.problem("bot token", "PROCURABOT_DISCORD_BOT_TOKEN is wrong: "+what,
			"copy the token from the Bot page of "+portal+" (Reset Token, if it was not kept)")
		return d.checks
	}
	if !d.whoAmI(ctx) {
		return d.checks
	}
	d.application(ctx)
	d.gateway(ctx)
	d.servers(ctx)
	for _, c := range channels {
		d.channel(ctx, string(c))
	}
	if r != nil {
		d.commands(ctx, r)
	}
	return d.checks
}

// diagnosis is what one look has found so far.
type diagnosis struct {
	a      *Adapter
	checks []bot.Check
	self   string // the bot's user
	app    string // the application's id
	stands map[string]standing
}

func (d *diagnosis) add(c bot.Check)  { d.checks = append(d.checks, c) }
func (d *diagnosis) good(name string) { d.add(bot.Check{Name: name}) }
func (d *diagnosis) problem(name, problem, mend string) {
	d.add(bot.Check{Name: name, Problem: problem, Mend: mend})
}
func (d *diagnosis) advise(name, problem, mend string) {
	d.add(bot.Check{Name: name, Problem: problem, Mend: mend, Optional: true})
}

// unanswered is a question to which there was no usable answer.
func (d *diagnosis) unanswered(name string, err error) {
	d.problem(name, "Discord did not answer as it should: "+err.Error(), "try again in a few minutes; https://discordstatus.com says whether Discord has difficulties")
}

func (d *diagnosis) page(page string) string { return portal + "/" + d.app + "/" + page }

func (d *diagnosis) invitation() string {
	return fmt.Sprintf("https://discord.com/oauth2/authorize?client_id=%s&scope=bot+applications.commands&permissions=%d", d.app, neededPermissions)
}

// whoAmI tells whether Discord can be reached and takes the token, without which
// there is nothing more to ask.
func (d *diagnosis) whoAmI(ctx context.Context) bool {
	var me struct {
		ID string `json:"id"`
	}
	asked := d.a.now()
	header, err := d.a.ask(ctx, http.MethodGet, "users/@me", nil, &me)
	var f *failure
	switch {
	case errors.As(err, &f) && f.status == 0:
		d.add(unreachable("connection", d.a.transport.to.Hostname(), f.err))
		return false
	case errors.As(err, &f) && f.status == http.StatusUnauthorized && !f.html:
		d.good("connection")
		d.problem("bot token", "Discord refuses PROCURABOT_DISCORD_BOT_TOKEN: it was reset, or belongs to nothing that is still there",
			"Reset Token on the Bot page of "+portal+", and set the new one")
		return false
	case errors.As(err, &f) && f.html && f.status < http.StatusInternalServerError:
		d.problem("connection", "Discord, or whatever stands before it, refuses this machine's address: "+err.Error(),
			"wait an hour without starting the bot; if it stays so, ask whoever runs the network's proxy")
		return false
	case err != nil:
		d.unanswered("connection", err)
		return false
	}
	d.self = me.ID
	d.good("connection")
	d.good("bot token")
	d.clock(header.Get("Date"), asked)
	return true
}

// maxSkew is how far the clock may be from Discord's before it is said. What was
// missed is looked for by its time, and signed requests are taken for maxAge.
const maxSkew = 30 * time.Second

func (d *diagnosis) clock(date string, asked time.Time) {
	there, err := http.ParseTime(date)
	if err != nil {
		return
	}
	off := d.a.now().Sub(there)
	if early := asked.Sub(there); early > 0 && early < off {
		off = early // the answer took its time
	}
	if off.Abs() <= maxSkew {
		d.good("clock")
		return
	}
	how := "fast"
	if off < 0 {
		how = "slow"
	}
	d.add(bot.Check{
		Name: "clock", Problem: fmt.Sprintf("this machine's clock is %s %s: what was said while a connection was broken may be missed, and signed interactions are refused when it is more than five minutes", off.Abs().Round(time.Second), how),
		Mend: "let the machine keep time by NTP (timedatectl set-ntp true)", Optional: d.a.endpoint == nil || off.Abs() <= maxAge,
	})
}

// unreachable says in plain words why there was no answer, and what to set.
func unreachable(name, host string, err error) bot.Check {
	there := network.Platform{Name: "Discord (" + host + ")", Allow: "https://discord.com and https://gateway.discord.gg, WebSockets (wss) included"}
	c := bot.Check{Name: name}
	c.Problem, c.Mend = there.Why(err)
	return c
}

// application looks at what is set in the portal.
func (d *diagnosis) application(ctx context.Context) {
	var app struct {
		ID        string  `json:"id"`
		Endpoint  *string `json:"interactions_endpoint_url"`
		Key       string  `json:"verify_key"`
		Flags     int     `json:"flags"`
		CodeGrant bool    `json:"bot_require_code_grant"`
	}
	if err := d.a.request(ctx, http.MethodGet, "applications/@me", nil, &app); err != nil {
		d.unanswered("application", err)
		return
	}
	d.app = app.ID
	byHTTP, endpoint := app.Endpoint != nil && *app.Endpoint != "", d.a.endpoint
	switch page := d.page("information"); {
	case endpoint != nil && !strings.EqualFold(app.Key, hex.EncodeToString(endpoint.key)):
		d.problem("interactions", "PROCURABOT_DISCORD_PUBLIC_KEY is not this application's: every interaction by HTTP is refused", "copy Public Key from "+page)
	case byHTTP && endpoint == nil:
		d.problem("interactions", "Discord sends commands, buttons and forms to the Interactions Endpoint URL, but PROCURABOT_DISCORD_PUBLIC_KEY is not set: nobody takes them",
			"set it to the Public Key on "+page+", or empty the field Interactions Endpoint URL there")
	case !byHTTP && endpoint != nil:
		d.advise("interactions", "PROCURABOT_DISCORD_PUBLIC_KEY is set, but there is no Interactions Endpoint URL: interactions come by the Gateway",
			"set the URL on "+page+" (the bot's public address with /discord/interactions), or leave the key out")
	default:
		d.good("interactions")
	}
	var on []string
	for _, x := range []struct {
		flags int
		name  string
	}{{presenceFlags, "Presence Intent"}, {memberFlags, "Server Members Intent"}, {contentFlags, "Message Content Intent"}} {
		if app.Flags&x.flags != 0 {
			on = append(on, x.name)
		}
	}
	if len(on) > 0 {
		d.advise("intents", "the application may hear more than the bot needs: "+strings.Join(on, ", "), "switch it off under Privileged Gateway Intents on "+d.page("bot"))
	} else {
		d.good("intents")
	}
	if app.CodeGrant {
		d.problem("invitation", "Requires OAuth2 Code Grant is on: the bot cannot be invited to a server", "switch it off on "+d.page("bot"))
	}
}

// gateway asks how many sessions may begin, and whether the Gateway's machine can
// be reached; it is not the one that answered so far.
func (d *diagnosis) gateway(ctx context.Context) {
	var answer struct {
		URL   string `json:"url"`
		Limit struct {
			Total     int   `json:"total"`
			Remaining *int  `json:"remaining"`
			Reset     int64 `json:"reset_after"`
		} `json:"session_start_limit"`
	}
	if err := d.a.request(ctx, http.MethodGet, "gateway/bot", nil, &answer); err != nil {
		d.unanswered("sessions", err)
		return
	}
	if left := answer.Limit.Remaining; left != nil && *left <= max(sparedStarts, answer.Limit.Total/10) {
		wait := time.Duration(answer.Limit.Reset) * time.Millisecond
		d.add(bot.Check{
			Name:    "sessions",
			Problem: fmt.Sprintf("only %d of %d connections may begin in the next %s: something ended those before again and again", *left, answer.Limit.Total, wait.Round(time.Minute)),
			Mend:    "look for a second program with the same token, and in the log for why connections end; the bot waits by itself, and Discord resets the token at the last", Optional: *left > sparedStarts,
		})
	} else {
		d.good("sessions")
	}
	at, err := url.Parse(answer.URL)
	if err != nil || at.Host == "" {
		d.unanswered("gateway", errors.New("it names no address of the Gateway"))
		return
	}
	plain := url.URL{Scheme: "https", Host: at.Host, Path: "/"}
	if at.Scheme == "ws" {
		plain.Scheme = "http"
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, plain.String(), nil)
	if err == nil {
		var res *http.Response
		if res, err = d.a.transport.next.RoundTrip(req); err == nil {
			res.Body.Close() // whatever it says to this, it is there
			d.good("gateway")
			return
		}
	}
	d.add(unreachable("gateway", at.Hostname(), cause(err)))
}

// servers looks at what the bot may do in each of its servers.
func (d *diagnosis) servers(ctx context.Context) {
	var guilds []struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	if err := d.a.request(ctx, http.MethodGet, "users/@me/guilds?limit=200", nil, &guilds); err != nil {
		d.unanswered("servers", err)
		return
	}
	if len(guilds) == 0 {
		d.problem("servers", "the bot is on no server", "open "+d.invitation()+" and choose one; you need Manage Server there")
		return
	}
	d.good("servers")
	for _, g := range guilds {
		name := "permissions on " + g.Name
		s, err := d.stand(ctx, g.ID)
		if err != nil {
			d.unanswered(name, err)
			continue
		}
		d.permitted(name, s.inGuild(), "open "+d.invitation()+" again and choose this server, or give them to the bot's role (Server Settings, Roles)")
	}
}

// stand asks who the bot is in a guild, once.
func (d *diagnosis) stand(ctx context.Context, guild string) (standing, error) {
	if s, ok := d.stands[guild]; ok {
		return s, nil
	}
	var g struct {
		Owner string `json:"owner_id"`
		Roles []role `json:"roles"`
	}
	if err := d.a.request(ctx, http.MethodGet, "guilds/"+guild, nil, &g); err != nil {
		return standing{}, err
	}
	var m struct {
		Roles []string `json:"roles"`
	}
	if err := d.a.request(ctx, http.MethodGet, "guilds/"+guild+"/members/"+d.self, nil, &m); err != nil {
		return standing{}, err
	}
	s := standing{guild: guild, user: d.self, owner: g.Owner, roles: g.Roles, has: m.Roles}
	if d.stands == nil {
		d.stands = map[string]standing{}
	}
	d.stands[guild] = s
	return s, nil
}

// permitted compares what the bot may do with what it needs.
func (d *diagnosis) permitted(name string, may permissions, mend string) {
	lacks := neededPermissions &^ may
	if lacks == 0 {
		d.good(name)
		return
	}
	d.add(bot.Check{Name: name, Problem: "the bot lacks " + lacks.names(), Mend: mend, Optional: lacks&vital == 0})
}

// channel looks at what the bot may do in a channel; in a thread, in the channel
// that it belongs to. https://discord.com/developers/docs/topics/threads#permissions
func (d *diagnosis) channel(ctx context.Context, id string) {
	name := "channel " + id
	type place struct {
		Type       int         `json:"type"`
		Guild      string      `json:"guild_id"`
		Parent     string      `json:"parent_id"`
		Name       string      `json:"name"`
		Overwrites []overwrite `json:"permission_overwrites"`
	}
	const mend = "open the channel's settings, Permissions, add the bot, and allow what is missing"
	var c place
	err := d.a.request(ctx, http.MethodGet, "channels/"+id, nil, &c)
	if err == nil && c.Type >= 10 && c.Type <= 12 { // a thread
		var parent place
		if err = d.a.request(ctx, http.MethodGet, "channels/"+c.Parent, nil, &parent); err == nil {
			c.Overwrites = parent.Overwrites
		}
	}
	switch {
	case refusedWith(err, noAccess):
		d.problem(name, "the bot cannot see it", mend)
		return
	case refusedWith(err, unknownChannel):
		d.problem(name, "there is no such channel where the bot is", "copy its id again (User Settings, Advanced, Developer Mode; right-click the channel, Copy Channel ID), and see that the bot is on its server")
		return
	case err != nil:
		d.unanswered(name, err)
		return
	case c.Guild == "":
		d.problem(name, "it is no channel of a server", "give the id of a text channel")
		return
	}
	name = "channel #" + c.Name
	s, err := d.stand(ctx, c.Guild)
	if err != nil {
		d.unanswered(name, err)
		return
	}
	d.permitted(name, s.inChannel(c.Overwrites), mend)
}

// commands compares what people can type with what the bot answers to.
func (d *diagnosis) commands(ctx context.Context, r bot.Receiver) {
	if d.app == "" {
		return
	}
	there, err := d.a.registered(ctx, d.app)
	switch {
	case err != nil:
		d.unanswered("commands", err)
	case !same(there, d.a.commandTable(r)):
		d.advise("commands", "Discord has other commands than this version of the bot", "start procurabot run: it writes them at each start")
	default:
		d.good("commands")
	}
}
