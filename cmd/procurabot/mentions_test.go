package main

import (
	"fmt"
	"strings"
	"testing"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
)

// shouts are what somebody may write so that the bot, in saying it again, calls
// others. U, D and C stand for people and a channel that exist.
func shouts() []string {
	return []string{
		"@everyone", "@here", "@channel", "<!channel>", "<!here|here>", "<!everyone>", "<!subteam^S1>", "<!subteam^S1|@team>", "<@U>", "<@U|maja>", "<@D>", "<@!D>",
		"<@&1>", "<#C>", "<#C|lobby>", "<!date^0^{date}^https://example.org|x>", "</procura ask:1>",
		"&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;", "&#60;!channel&#62;", "\\<!channel\\>", "\\\\<@D>", "<\\@D>",
		"@\u200beveryone", "<\u200b!channel>", "<!\u2060channel>", "<@\u200dD>", "\u202e@everyone\u202c", "\u2066<!channel>\u2069", "\uff20everyone", "\uff1c!channel\uff1e", "<\u00ad@U>",
		"`<!channel>`", "``` <!channel> ```", "``` ``` @everyone ``` <@D> ```", "> <!here>", "> > ``` <@U>", "*<!channel>* _@here_ ~<@D>~", "||@everyone||",
		"[<!channel>](https://example.org)", "[x](https://example.org|<!channel>)", "<https://example.org|<!channel>>", "<<!channel>>", "<!chan\x00nel>",
		"{{.Name}} <!channel>", "{{template \"x\"}} @everyone", strings.Repeat("<!channel>", 20),
	}
}

// TestNobodyIsCalledByWhatPeopleWrite brings each of these through everything
// that shows to some what others wrote: questions to editors, answers, names.
func TestNobodyIsCalledByWhatPeopleWrite(t *testing.T) {
	t.Parallel()
	const everyone, calling = "mallory", "<!channel>@everyone<@&1>"
	shown := 0
	for _, way := range []struct{ asker, editors string }{{"discord", "slack"}, {"slack", "discord"}} {
		t.Run(way.asker+" asks "+way.editors, func(t *testing.T) {
			th := newTheatre(t, fakeslack.Options{}, way.editors, map[string]string{
				everyone: way.asker, calling: way.asker, "aoife": way.editors, "maja": "slack", "luc": "discord",
			})
			th.must(th.tenant.Grant(t.Context(), th.stage(way.editors).Account("aoife"), bot.Editor))
			lobby := th.discord.Spot("lobby")
			th.discord.Permit(string(lobby.Conversation), th.discord.ApplicationID(), fakediscord.Usual|fakediscord.MentionEveryone)
			editors := th.discord.Spot("editors")
			th.discord.Permit(string(editors.Conversation), th.discord.ApplicationID(), fakediscord.Usual|fakediscord.MentionEveryone)
			words := strings.NewReplacer("<@U", "<@"+string(th.slack.Account("maja").User), "@D>", "@"+string(th.discord.Account("luc").User)+">",
				"<#C", "<#"+string(th.slack.Spot("lobby").Conversation))
			ctx := t.Context()
			for i, shout := range shouts() {
				shout = words.Replace(shout)
				asker, place := everyone, "lobby"
				if i%2 == 1 {
					asker = calling
				}
				if i%3 == 2 {
					place = ""
				}
				th.must(th.stage(way.asker).Say(ctx, asker, place, fmt.Sprintf("@bot %s is the town of Ulm too small to join? %s", shout, shout)))
				th.on()
				th.press(way.asker, asker, "benefits.person")
				th.press(way.editors, "aoife", "benefits.answer")
				th.must(th.stage(way.editors).Submit(ctx, "aoife", map[string]string{"text": "No " + shout}))
				th.on()
				th.press(way.editors, "aoife", "benefits.send")
			}
			shown += th.nobodyIsCalled()
		})
	}
	t.Logf("%d messages were looked at", shown)
	if shown < 10*len(shouts()) {
		t.Errorf("only %d messages were looked at", shown)
	}
}

// nobodyIsCalled looks at everything that the bot said on both platforms. An
// answer in public on Discord calls its asker, and nobody else.
func (th *theatre) nobodyIsCalled() (looked int) {
	th.t.Helper()
	var all []fakeslack.Message
	for _, channel := range []string{"lobby", "editors"} {
		id := string(th.slack.Spot(channel).Conversation)
		all = append(all, th.slack.FromBot(id)...)
		for _, u := range th.slack.Members(id) {
			all = append(all, th.slack.FromBot(th.slack.DM(u))...)
		}
	}
	for _, m := range all {
		looked++
		if len(m.Alive) > 0 {
			th.t.Errorf("Slack: %v is alive in %q", m.Alive, m.Shown())
		}
	}
	for _, r := range th.discord.Requests() {
		if !strings.Contains(r.Body, `"content"`) {
			continue
		}
		looked++
		if !strings.Contains(r.Body, `"allowed_mentions":{"parse":[]`) {
			th.t.Errorf("Discord: %s lets mentions live: %s", r.Route, r.Body)
		}
	}
	for _, channel := range []string{"lobby", "editors"} {
		for _, m := range th.discord.Messages(string(th.discord.Spot(channel).Conversation)) {
			if m.Author != th.discord.ApplicationID() {
				continue
			}
			looked++
			if len(m.Written) > 0 {
				th.t.Errorf("Discord: %q holds %v", m.Content, m.Written)
			}
			asker := ""
			if of, ok := th.discord.Message(m.Reference); ok {
				asker = "<@" + of.Author + ">"
			}
			for _, p := range m.Pings {
				if p != asker {
					th.t.Errorf("Discord: %q calls %s", m.Content, p)
				}
			}
		}
	}
	return looked
}
