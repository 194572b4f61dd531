package fakeslack_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"procurabot/adapters/slack/fakeslack"
)

func TestMessagesAreKeptChangedAndRead(t *testing.T) {
	w := newWorld(t, fakeslack.Options{HistoryScope: true})
	meta := slack.SlackMetadata{EventType: "outbox", EventPayload: map[string]any{"id": "o1"}}
	channel, ts, err := w.api.PostMessageContext(t.Context(), w.general.ID, slack.MsgOptionText("Bonjour", false),
		slack.MsgOptionBlocks(slack.NewSectionBlock(mrkdwn("Bonjour &lt;vous&gt;"), nil, nil)), slack.MsgOptionMetadata(meta))
	if err != nil || channel != w.general.ID {
		t.Fatalf("post: %q, %v", channel, err)
	}
	_, reply, err := w.api.PostMessageContext(t.Context(), w.general.ID, slack.MsgOptionText("in the thread", false), slack.MsgOptionTS(ts))
	if err != nil || reply <= ts {
		t.Fatalf("reply: %q after %q, %v", reply, ts, err)
	}
	if _, _, _, err = w.api.UpdateMessageContext(t.Context(), w.general.ID, ts, slack.MsgOptionText("Salut", false),
		slack.MsgOptionBlocks(slack.NewSectionBlock(mrkdwn("Salut &lt;vous&gt;"), nil, nil))); err != nil {
		t.Fatal(err)
	}
	m := w.Messages(w.general.ID)
	if len(m) != 2 || m[0].Text != "Salut" || !m[0].Edited || m[0].Shown() != "Salut <vous>" || m[1].ThreadTS != ts {
		t.Fatalf("messages: %+v", m)
	}

	got, err := w.api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: w.general.ID, IncludeAllMetadata: true})
	if err != nil || len(got.Messages) != 1 {
		t.Fatalf("history: %+v, %v", got, err)
	}
	if diff := cmp.Diff(meta, got.Messages[0].Metadata); diff != "" {
		t.Error(diff)
	}
	without, err := w.api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: w.general.ID})
	if err != nil || without.Messages[0].Metadata.EventType != "" {
		t.Errorf("metadata came unasked: %+v, %v", without.Messages[0].Metadata, err)
	}
	after, err := w.api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: w.general.ID, Oldest: ts})
	if err != nil || len(after.Messages) != 0 {
		t.Errorf("oldest is exclusive: %+v, %v", after, err)
	}
	replies, _, _, err := w.api.GetConversationRepliesContext(t.Context(), &slack.GetConversationRepliesParameters{ChannelID: w.general.ID, Timestamp: ts})
	if err != nil || len(replies) != 2 {
		t.Errorf("replies: %+v, %v", replies, err)
	}
	if _, _, err := w.api.DeleteMessageContext(t.Context(), w.general.ID, reply); err != nil {
		t.Fatal(err)
	}
	if left := w.Thread(w.general.ID, ts); len(left) != 1 {
		t.Errorf("after the deletion: %+v", left)
	}
}

func TestEphemeralMessagesAreOnePersonsAndCannotBeUpdated(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	ts, err := w.api.PostEphemeralContext(t.Context(), w.general.ID, w.ann.ID, slack.MsgOptionText("for you", false))
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Messages(w.general.ID)) != 0 || len(w.Ephemerals(w.bob.ID, w.general.ID)) != 0 || len(w.Ephemerals(w.ann.ID, w.general.ID)) != 1 {
		t.Error("the ephemeral message is not Ann's alone")
	}
	_, _, _, err = w.api.UpdateMessageContext(t.Context(), w.general.ID, ts, slack.MsgOptionText("changed", false))
	if code(err) != "message_not_found" {
		t.Errorf("update: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	other := w.AddChannel(fakeslack.Channel{Name: "elsewhere", Members: []string{w.ann.ID}})
	closed := w.AddChannel(fakeslack.Channel{Name: "closed", BotIsMember: true, Archived: true})
	said := slack.MsgOptionText("x", false)
	post := func(channel string, options ...slack.MsgOption) error {
		_, _, err := w.api.PostMessageContext(t.Context(), channel, options...)
		return err
	}
	many := make([]string, 9)
	for i := range many {
		many[i] = w.AddUser(fakeslack.User{Name: "u"}).ID
	}
	tests := []struct {
		name, want string
		err        func() error
	}{
		{"unknown channel", "channel_not_found", func() error { return post("C404", said) }},
		{"private channel without the bot", "channel_not_found", func() error { return post(w.private.ID, said) }},
		{"public channel without the bot", "not_in_channel", func() error { return post(other.ID, said) }},
		{"archived", "is_archived", func() error { return post(closed.ID, said) }},
		{"nothing to say", "no_text", func() error { return post(w.general.ID) }},
		{"a reply to an ephemeral message", "cannot_reply_to_message", func() error {
			ts, err := w.api.PostEphemeralContext(t.Context(), w.general.ID, w.ann.ID, said)
			if err != nil {
				return err
			}
			return post(w.general.ID, said, slack.MsgOptionTS(ts))
		}},
		{"no channel", "invalid_arguments", func() error { return post("", said) }},
		{"metadata without a type", "invalid_metadata_format", func() error {
			return post(w.general.ID, said, slack.MsgOptionMetadata(slack.SlackMetadata{EventPayload: map[string]any{"id": "1"}}))
		}},
		{"history without the scope", "missing_scope", func() error {
			_, err := w.api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: w.general.ID})
			return err
		}},
		{"unknown user", "user_not_found", func() error { _, err := w.api.GetUserInfoContext(t.Context(), "U404"); return err }},
		{"nine people", "too_many_users", func() error {
			_, _, _, err := w.api.OpenConversationContext(t.Context(), &slack.OpenConversationParameters{Users: many})
			return err
		}},
		{"a stranger's token", "invalid_auth", func() error {
			_, err := slack.New("xoxb-other", slack.OptionAPIURL(w.URL()), slack.OptionHTTPClient(w.HTTPClient())).AuthTestContext(t.Context())
			return err
		}},
		{"the wrong kind of token", "not_allowed_token_type", func() error {
			_, err := slack.New(w.AppToken(), slack.OptionAPIURL(w.URL()), slack.OptionHTTPClient(w.HTTPClient())).GetTeamInfoContext(t.Context())
			return err
		}},
		{"a method that the fake lacks", "unknown_method", func() error { return w.api.ArchiveConversationContext(t.Context(), w.general.ID) }},
		{"another's message", "cant_update_message", func() error {
			ts, err := w.Say(t.Context(), w.ann.ID, w.general.ID, "mine", "")
			if err != nil {
				return err
			}
			_, _, _, err = w.api.UpdateMessageContext(t.Context(), w.general.ID, ts, said)
			return err
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := code(tt.err()); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	w.Revoke(w.BotToken(), "token_revoked")
	if got := code(post(w.general.ID, said)); got != "token_revoked" {
		t.Errorf("after the token was revoked: %q", got)
	}
}

func TestTimestampsAreUniqueWhenTheClockStands(t *testing.T) {
	at := time.Unix(1_790_000_000, 0)
	w := newWorld(t, fakeslack.Options{Now: func() time.Time { return at }})
	var before string
	for range 5 {
		_, ts, err := w.api.PostMessageContext(t.Context(), w.general.ID, slack.MsgOptionText("x", false))
		if err != nil || ts <= before || len(ts) != len("1790000000.000000") {
			t.Fatalf("%q after %q: %v", ts, before, err)
		}
		before = ts
	}
}

func TestConversationsAndPeople(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	open := func(users ...string) string {
		t.Helper()
		c, _, _, err := w.api.OpenConversationContext(t.Context(), &slack.OpenConversationParameters{Users: users})
		if err != nil {
			t.Fatal(err)
		}
		return c.ID
	}
	if one, two := open(w.ann.ID, w.bob.ID), open(w.bob.ID, w.ann.ID); one != two {
		t.Errorf("the same people have two conversations: %s, %s", one, two)
	}
	if open(w.ann.ID) != w.DM(w.ann.ID) {
		t.Error("two direct messages with one person")
	}
	info, err := w.api.GetConversationInfoContext(t.Context(), &slack.GetConversationInfoInput{ChannelID: w.general.ID, IncludeLocale: true})
	if err != nil || info.Locale != "de-DE" || !info.IsMember {
		t.Errorf("info: %+v, %v", info, err)
	}
	user, err := w.api.GetUserInfoContext(t.Context(), w.ann.ID)
	if err != nil || user.Locale != "fr-FR" || user.TZ != "Europe/Paris" || !user.IsAdmin {
		t.Errorf("user: %+v, %v", user, err)
	}
	members, next, err := w.api.GetUsersInConversationContext(t.Context(), &slack.GetUsersInConversationParameters{ChannelID: w.general.ID, Limit: 2})
	if err != nil || len(members) != 2 || next == "" {
		t.Fatalf("first page: %v, %q, %v", members, next, err)
	}
	rest, next, err := w.api.GetUsersInConversationContext(t.Context(), &slack.GetUsersInConversationParameters{ChannelID: w.general.ID, Limit: 2, Cursor: next})
	if err != nil || len(rest) != 1 || next != "" {
		t.Errorf("second page: %v, %q, %v", rest, next, err)
	}
	all, err := w.api.GetUsersContext(t.Context(), slack.GetUsersOptionLimit(1))
	if err != nil || len(all) != 3 {
		t.Errorf("users: %d, %v", len(all), err)
	}
	channels, _, err := w.api.GetConversationsContext(t.Context(), &slack.GetConversationsParameters{Types: []string{"public_channel", "private_channel"}})
	if err != nil || len(channels) != 1 {
		t.Errorf("the bot lists a private channel that it is not in: %+v, %v", channels, err)
	}
	team, err := w.api.GetTeamInfoContext(t.Context())
	if err != nil || team.ID != w.TeamID() {
		t.Errorf("team: %+v, %v", team, err)
	}
	auth, err := w.api.AuthTestContext(t.Context())
	if err != nil || auth.UserID != w.BotUser() || auth.BotID != w.BotID() {
		t.Errorf("auth: %+v, %v", auth, err)
	}
}

func TestReactionsAndFiles(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	_, ts, err := w.api.PostMessageContext(t.Context(), w.general.ID, slack.MsgOptionText("x", false))
	if err != nil {
		t.Fatal(err)
	}
	item := slack.NewRefToMessage(w.general.ID, ts)
	if err := w.api.AddReactionContext(t.Context(), "eyes", item); err != nil {
		t.Fatal(err)
	}
	if got := code(w.api.AddReactionContext(t.Context(), "eyes", item)); got != "already_reacted" {
		t.Errorf("twice: %q", got)
	}
	f, err := w.api.UploadFileContext(t.Context(), slack.UploadFileParameters{
		Channel: w.general.ID, Filename: "event.ics", Title: "Event", Content: "BEGIN", FileSize: 5, InitialComment: "the date"})
	if err != nil {
		t.Fatal(err)
	}
	name, data, shared := w.FileData(f.ID)
	if name != "event.ics" || string(data) != "BEGIN" || !shared {
		t.Errorf("file: %q %q %v", name, data, shared)
	}
	if m := w.FromBot(w.general.ID); len(m) != 2 || m[1].Files[0] != f.ID || m[0].Reactions()["eyes"][0] != w.BotUser() {
		t.Errorf("messages: %+v", m)
	}
}

func TestWhatComesAlive(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	tests := []struct {
		name    string
		options []slack.MsgOption
		want    []string
	}{
		{"escaped", []slack.MsgOption{slack.MsgOptionText("<!channel> <@U1> @here #general", true)}, nil},
		{"raw", []slack.MsgOption{slack.MsgOptionText("<!channel> and <@U1|x> on <!date^1^{date}|x>", false)}, []string{"<!channel>", "<@U1>"}},
		{"link_names", []slack.MsgOption{slack.MsgOptionText("@here, #general and @nobody", false), slack.MsgOptionLinkNames(true)}, []string{"@here", "#general"}},
		{"verbatim block", []slack.MsgOption{slack.MsgOptionBlocks(slack.NewSectionBlock(mrkdwn("@everyone #general"), nil, nil))}, nil},
		{"block that parses", []slack.MsgOption{slack.MsgOptionBlocks(slack.NewSectionBlock(
			slack.NewTextBlockObject(slack.MarkdownType, "@everyone, ask ann@bob.eu in #general", false, false), nil, nil))}, []string{"@everyone", "#general"}},
		{"plain text", []slack.MsgOption{slack.MsgOptionBlocks(slack.NewHeaderBlock(plain("<!channel> @here")))}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, ts, err := w.api.PostMessageContext(t.Context(), w.general.ID, tt.options...)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range w.Messages(w.general.ID) {
				if m.TS == ts {
					if diff := cmp.Diff(tt.want, m.Alive); diff != "" {
						t.Error(diff)
					}
				}
			}
		})
	}
}

func TestAReplyToAMessageThatIsGoneStandsInTheChannel(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	_, _, m, err := w.api.PostMessageWithResponseContext(t.Context(), w.general.ID, slack.MsgOptionText("x", false), slack.MsgOptionTS("1.000000"))
	if err != nil || m.ThreadTimestamp != "" || w.Messages(w.general.ID)[0].ThreadTS != "" {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestTextWithoutBlocksRemovesTheBlocks(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	_, ts, err := w.api.PostMessageContext(t.Context(), w.general.ID, slack.MsgOptionText("x", false),
		slack.MsgOptionBlocks(slack.NewHeaderBlock(plain("x"))))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err = w.api.UpdateMessageContext(t.Context(), w.general.ID, ts, slack.MsgOptionText("y", false)); err != nil {
		t.Fatal(err)
	}
	if got := w.Messages(w.general.ID)[0].Shown(); got != "y" {
		t.Errorf("a person reads %q", got)
	}
}

func TestLongTexts(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	_, ts, err := w.api.PostMessageContext(t.Context(), w.general.ID, slack.MsgOptionText(strings.Repeat("é", 40001), false))
	if err != nil || len([]rune(w.Messages(w.general.ID)[0].Text)) != 40000 {
		t.Errorf("a post is cut at 40,000 characters: %v", err)
	}
	_, _, _, err = w.api.UpdateMessageContext(t.Context(), w.general.ID, ts, slack.MsgOptionText(strings.Repeat("é", 4001), false))
	if code(err) != "msg_too_long" {
		t.Errorf("an update is refused above 4,000 characters: %v", err)
	}
}

func TestManyPostAtOnce(t *testing.T) {
	w := newWorld(t, fakeslack.Options{})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 5 {
				if _, _, err := w.api.PostMessageContext(t.Context(), w.general.ID, slack.MsgOptionText("x", false)); err != nil {
					t.Error(err)
				}
				w.Messages(w.general.ID)
			}
		})
	}
	group.Wait()
	m := w.Messages(w.general.ID)
	if len(m) != 40 || len(w.Requests()) != 40 {
		t.Fatalf("%d messages, %d requests", len(m), len(w.Requests()))
	}
	for i := 1; i < len(m); i++ {
		if m[i].TS <= m[i-1].TS {
			t.Errorf("%s after %s", m[i].TS, m[i-1].TS)
		}
	}
}

func TestThePublishedSchemasCatchMisspeltFields(t *testing.T) {
	published, err := specs()
	if errors.Is(err, fakeslack.ErrNoSpecs) {
		t.Log("not checked: ../shared/specs is not beside the repository")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, fakeslack.Options{Specs: published})
	got, messages, err := w.call(t.Context(), "chat.postMessage", map[string]string{
		"channel": w.general.ID, "blocks": `[{"type":"section","text":{"type":"mrkdwn","text":"x","verbatm":true}}]`})
	if got != "invalid_blocks" || len(messages) != 1 || err != nil {
		t.Errorf("%q %q, %v", got, messages, err)
	}
	got, _, err = w.call(t.Context(), "chat.postMessage", map[string]string{"channel": w.general.ID, "text": "x", "unfurl_links": "perhaps"})
	if got != "invalid_arguments" || err != nil {
		t.Errorf("a boolean: %q, %v", got, err)
	}
	if _, _, err = w.call(t.Context(), "chat.postMessage", map[string]string{"channel": w.general.ID, "text": "x", "thread": "1"}); err != nil {
		t.Fatal(err)
	}
	log := w.Calls("chat.postMessage")
	if unknown := log[len(log)-1].Unknown; len(unknown) != 1 || unknown[0] != "thread" {
		t.Errorf("unknown arguments: %q", unknown)
	}
}
