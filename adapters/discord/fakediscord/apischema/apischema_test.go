package apischema_test

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/bwmarrin/discordgo"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/discord/fakediscord/apischema"
)

func find(t *testing.T) *apischema.Schema {
	t.Helper()
	s, err := apischema.Find()
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("requests are not compared with Discord's description: shared/specs/discord_openapi.json is absent")
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestClient sends what the real client makes through the description: no false alarm.
func TestClient(t *testing.T) {
	f := fakediscord.New(fakediscord.Options{Check: find(t).Check})
	f.Start()
	t.Cleanup(f.Close)
	guild := f.AddGuild("Les communes", "fr")
	channel := f.AddChannel(guild.ID, "lobby", fakediscord.Text, 0)
	luc := f.AddUser(fakediscord.User{Name: "luc"})
	d, err := discordgo.New("Bot " + f.Token())
	if err != nil {
		t.Fatal(err)
	}
	d.Client = f.HTTPClient()

	check := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	check(d.Gateway())
	check(d.GatewayBot())
	check(d.User("@me"))
	check(d.UserChannelCreate(luc.ID))
	check(d.Channel(channel.ID))
	check(d.Guild(guild.ID))
	check(d.GuildMember(guild.ID, luc.ID))
	one, err := d.ChannelMessageSend(channel.ID, "un")
	check(one, err)
	check(d.ChannelMessageSendComplex(channel.ID, &discordgo.MessageSend{
		Content: "x", Reference: one.Reference(), AllowedMentions: &discordgo.MessageAllowedMentions{Parse: []discordgo.AllowedMentionType{}},
		Embeds: []*discordgo.MessageEmbed{{Title: "t", Description: "d", Fields: []*discordgo.MessageEmbedField{{Name: "n", Value: "v"}}}},
		Components: []discordgo.MessageComponent{discordgo.ActionsRow{Components: []discordgo.MessageComponent{
			discordgo.Button{Label: "x", CustomID: "x"}, discordgo.Button{Label: "y", Style: discordgo.LinkButton, URL: "https://example.org"}}}},
	}))
	check(d.ChannelMessageSendComplex(channel.ID, &discordgo.MessageSend{Content: "x", Files: []*discordgo.File{{Name: "a.ics", ContentType: "text/calendar", Reader: strings.NewReader("BEGIN")}}}))
	check(d.ChannelMessageEdit(channel.ID, one.ID, "deux"))
	check(d.ChannelMessages(channel.ID, 10, "", one.ID, ""))
	check(nil, d.ChannelMessageDelete(channel.ID, one.ID))
	thread, err := d.ThreadStartComplex(channel.ID, &discordgo.ThreadStart{Name: "pair", Type: discordgo.ChannelTypeGuildPrivateThread, AutoArchiveDuration: 10080})
	check(thread, err)
	check(nil, d.ThreadMemberAdd(thread.ID, luc.ID))
	check(d.GuildThreadsActive(guild.ID))
	check(d.ApplicationCommandBulkOverwrite(f.ApplicationID(), "", []*discordgo.ApplicationCommand{{
		Name: "ask", Description: "Ask", NameLocalizations: &map[discordgo.Locale]string{discordgo.French: "demander"},
		Options: []*discordgo.ApplicationCommandOption{{Type: discordgo.ApplicationCommandOptionString, Name: "q", Description: "q", Required: true, Autocomplete: true}},
	}}))
	check(d.ApplicationCommands(f.ApplicationID(), ""))
}

// TestRefusals has bodies that the description, or else a rule of the fake, refuses.
func TestRefusals(t *testing.T) {
	f := fakediscord.New(fakediscord.Options{Check: find(t).Check})
	f.Start()
	t.Cleanup(f.Close)
	channel := f.AddChannel(f.AddGuild("x", "fr").ID, "lobby", fakediscord.Text, 0)
	messages, commands := "/channels/"+channel.ID+"/messages", "/applications/"+f.ApplicationID()+"/commands"
	for name, test := range map[string]struct{ method, path, body string }{
		"content that is no text":     {"POST", messages, `{"content":1}`},
		"content too long":            {"POST", messages, `{"content":"` + strings.Repeat("x", 2001) + `"}`},
		"an unknown mention type":     {"POST", messages, `{"content":"x","allowed_mentions":{"parse":["all"]}}`},
		"a component of no type":      {"POST", messages, `{"content":"x","components":[{"type":99}]}`},
		"a button without a style":    {"POST", messages, `{"content":"x","components":[{"type":1,"components":[{"type":2,"label":"x","custom_id":"x"}]}]}`},
		"an id that is none":          {"POST", messages, `{"content":"x","message_reference":{"message_id":"abc"}}`},
		"a limit over 100":            {"GET", messages + "?limit=101", ``},
		"a command of no type":        {"PUT", commands, `[{"name":"x","description":"x","type":9}]`},
		"a command with a capital":    {"PUT", commands, `[{"name":"X","description":"x"}]`},
		"a command without a purpose": {"PUT", commands, `[{"name":"x"}]`},
	} {
		r, err := http.NewRequest(test.method, f.URL()+"/api/v9"+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bot "+f.Token())
		r.Header.Set("Content-Type", "application/json")
		resp, err := f.HTTPClient().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d: %s", name, resp.StatusCode, body)
		}
	}
}

// A form with labels is as the description has it: what is refused is that nobody
// did anything that it could answer.
func TestLabels(t *testing.T) {
	f := fakediscord.New(fakediscord.Options{Check: find(t).Check})
	f.Start()
	t.Cleanup(f.Close)
	form, err := os.ReadFile("../../testdata/form.golden")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(form), "\n")
	for name, test := range map[string]struct {
		body   string
		status int
	}{
		"as the adapter sends it":     {body, http.StatusNotFound},
		"a label without what it has": {strings.Replace(body, `"component":`, `"nothing":`, 1), http.StatusBadRequest},
	} {
		resp, err := f.HTTPClient().Post(f.URL()+"/api/v9/interactions/1/t/callback", "application/json", strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != test.status {
			t.Errorf("%s: status %d: %s", name, resp.StatusCode, answer)
		}
	}
}
