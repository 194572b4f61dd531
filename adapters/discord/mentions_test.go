package discord_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/bot"
	"procurabot/internal/markup"
)

// hostile is what somebody may write so that the bot, in saying it again,
// mentions others. USER, ROLE and CHANNEL stand for ids that exist.
func hostile() []string {
	return []string{
		"@everyone", "@here", "@Everyone @HERE", "<@USER>", "<@!USER>", "<@&ROLE>", "<#CHANNEL>", "</procura ask:USER>",
		"@\u200beveryone", "\u200b@everyone\u200b", "@\u2060here", "@\ufeffeveryone", "@\u00adeveryone", "<\u200b@USER>", "<@\u200bUSER>", "<@USER\u200d>",
		"\u202e@everyone\u202c", "\u202eenoyreve@", "\u2066<@USER>\u2069", "\u200f@here\u200e", "<\u202e@USER>",
		"\uff20everyone", "\ufe6beveryone", "\uff1c@USER\uff1e", "\uff1c\uff20USER\uff1e", "@\uff45veryone",
		"[@everyone](https://example.org)", "[x](https://example.org/@everyone)", "[<@USER>](https://example.org)", "[x](<https://example.org/<@USER>>)",
		"[x](https://example.org \"@here\")", "<https://example.org/@everyone>", "https://example.org/<@USER>", "https://example.org/@here", "mailto:a@everyone",
		"[x](<@USER>)", "](<@USER>)[", "![@here](https://example.org/a.png)",
		"`@everyone`", "```\n@everyone\n```", "``` ``` <@USER> ``` ```", "\\`@here\\`", "||@everyone||", "~~<@USER>~~", "**@every**one", "@**everyone**", "@every\\one",
		"\\<@USER>", "\\\\<@USER>", "\\\\\\<@USER>", "\\@everyone", "<@\\USER>", "> @everyone", "-# @here", "# <@USER>", "- <@USER>", "1. @everyone",
		"<!channel>", "<!here|x>", "<!subteam^S1>", "&lt;@USER&gt;", "&#64;everyone", "%40everyone", "{{.Everyone}} @{{everyone}}",
		"@@everyone", "<<@USER>>", "<@<@USER>>", "<@USER><@USER>", "a\u0000@everyone", "@every\u0000one", "<@\nUSER>", "@\neveryone", "<id:customize> <a:x:USER> <t:0:R> @everyone",
		strings.Repeat("@everyone ", 30), strings.Repeat("\\", 99) + "<@USER>",
	}
}

// TestNobodyIsMentionedByWhatIsSaid sends each of these by every way there is,
// where the bot may mention everybody. Nobody hears of it; and escaped data would
// mention nobody even if allowed_mentions were left out.
func TestNobodyIsMentionedByWhatIsSaid(t *testing.T) {
	sent := 0
	for part := range slices.Chunk(hostile(), 10) {
		sent += mentionsNobody(t, part)
	}
	if sent < 700 {
		t.Errorf("only %d messages were looked at", sent)
	}
}

func mentionsNobody(t *testing.T, hostile []string) (sent int) {
	s := newScene(t).run()
	lobby := s.lobby()
	s.Permit(string(lobby.Conversation), s.ApplicationID(), fakediscord.Usual|fakediscord.MentionEveryone)
	words := strings.NewReplacer("USER", string(s.Account("greta").User), "ROLE", string(lobby.Space), "CHANNEL", string(lobby.Conversation))
	s.must(s.Say(s.ctx, "luc", "lobby", "@bot hello"))
	asked := s.hears()
	answering := lobby
	answering.Account, answering.Answering = asked.From, asked.What.(bot.Said).Message
	for _, data := range hostile {
		data = words.Replace(data)
		in := s.commands("/procura ask x")
		follow := privately(in)
		follow.FollowUp = true
		// As data, as an editor's own text, and as the words of a link of theirs.
		for kind, text := range map[string]markup.Text{
			"data": "You wrote: " + markup.Escape(data), "marked": markup.Text("You wrote: " + data), "linked": "[" + markup.Escape(data) + "](https://example.org/x)",
		} {
			e := func(to bot.Target) bot.Envelope {
				e := s.envelope(to, string(text))
				e.Body.Note = "Source: " + markup.Escape(data)
				e.Body.Buttons = []bot.Button{{ID: "test.one", Label: markup.Cut(data, 70, "…")}}
				return e
			}
			var ids []bot.MessageID
			ways := []bot.Target{lobby, answering, privately(in), follow, {Account: s.Account("luc")}}
			if kind != "data" {
				ways = ways[:2]
			}
			for _, to := range ways {
				id, err := s.adapter.Send(s.ctx, e(to))
				s.must(err)
				ids = append(ids, id)
			}
			edit := e(lobby)
			edit.Replaces = ids[0]
			id, err := s.adapter.Send(s.ctx, edit)
			s.must(err)
			for way, id := range append(ids, id) {
				_, bare, _ := strings.Cut(string(id), ":")
				m, ok := s.Message(bare)
				if !ok {
					t.Fatalf("%q: message %d is not there", data, way)
				}
				sent++
				var want []string
				if way == 1 { // an answer in public tells its asker, and nobody else
					want = []string{"<@" + string(asked.From.User) + ">"}
				}
				if fmt.Sprint(m.Pings) != fmt.Sprint(want) {
					t.Errorf("%s %q, way %d: it mentions %v", kind, data, way, m.Pings)
				}
				if kind == "data" && len(m.Written) > 0 {
					t.Errorf("%q, way %d: %q holds the mentions %v", data, way, m.Content, m.Written)
				}
			}
		}
	}
	return sent
}

// Every request that writes a message says that nothing in it is to be parsed,
// whichever way it goes.
func TestEveryMessageForbidsMentions(t *testing.T) {
	s := newScene(t).run()
	notice := bot.Immediate{Notice: "Later @everyone"}
	s.must(s.Say(s.ctx, "luc", "lobby", "@bot hello"))
	asked := s.hears()
	to := s.lobby()
	to.Account, to.Answering = asked.From, asked.What.(bot.Said).Message
	id, err := s.adapter.Send(s.ctx, s.envelope(to, "x"))
	s.must(err)
	edit := s.envelope(to, "y")
	edit.Replaces = id
	s.must(second(s.adapter.Send(s.ctx, edit)))
	s.must(second(s.adapter.Send(s.ctx, s.envelope(bot.Target{Account: asked.From}, "x"))))
	in := s.commands("/procura ask x")
	s.must(second(s.adapter.Send(s.ctx, s.envelope(privately(in), "x"))))
	follow := privately(in)
	follow.FollowUp = true
	s.must(second(s.adapter.Send(s.ctx, s.envelope(follow, "x"))))
	for _, opens := range []bool{true, false} {
		s.engine.will(opens, func(bot.Incoming) (bot.Immediate, error) { return notice, errors.New("the disk is full") })
		s.commands("/procura ask x")
	}
	s.must(s.Await(s.ctx, func() bool { return s.asked("PATCH /webhooks/{application}/{token}/messages/{message}") == 2 }))
	seen := map[string]bool{}
	for _, r := range s.Requests() {
		body := []byte(r.Body)
		var first struct {
			Type int             `json:"type"`
			Data json.RawMessage `json:"data"`
		}
		if json.Unmarshal(body, &first) == nil && first.Type == fakediscord.ResponseMessage {
			body = first.Data
		}
		var m struct {
			Content *string `json:"content"`
			Allowed *struct {
				Parse []string `json:"parse"`
				Users []string `json:"users"`
				Roles []string `json:"roles"`
			} `json:"allowed_mentions"`
		}
		if json.Unmarshal(body, &m) != nil || m.Content == nil {
			continue
		}
		seen[r.Route] = true
		if m.Allowed == nil || m.Allowed.Parse == nil || len(m.Allowed.Parse)+len(m.Allowed.Users)+len(m.Allowed.Roles) > 0 {
			t.Errorf("%s: %s", r.Route, r.Body)
		}
	}
	if len(seen) != 5 {
		t.Errorf("messages were written by %v, want five ways", seen)
	}
}
