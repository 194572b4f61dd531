package fakediscord_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"

	"procurabot/adapters/discord/fakediscord"
)

// world is a town's guild with people, and a bot program on the real client.
type world struct {
	*fakediscord.Server
	bot     *discordgo.Session
	guild   fakediscord.Guild
	channel fakediscord.Channel
	luc     fakediscord.User
	heard   chan *discordgo.Message
	events  chan *discordgo.Event
}

const usual = discordgo.IntentsGuilds | discordgo.IntentsGuildMessages | discordgo.IntentsDirectMessages

// elsewhere sends requests for any host to the given one, as a program does
// whose API address is configured.
type elsewhere struct{ to *url.URL }

func (e elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = e.to.Scheme, e.to.Host
	return http.DefaultTransport.RoundTrip(r)
}

func newWorld(t *testing.T, o fakediscord.Options) *world {
	t.Helper()
	s := fakediscord.New(o)
	s.Start()
	t.Cleanup(s.Close)
	return populate(s)
}

func populate(s *fakediscord.Server) *world {
	w := &world{Server: s, heard: make(chan *discordgo.Message, 100), events: make(chan *discordgo.Event, 1000)}
	w.guild = s.AddGuild("Les communes", "fr")
	w.channel = s.AddChannel(w.guild.ID, "lobby", fakediscord.Text, 0)
	w.luc = s.AddUser(fakediscord.User{Name: "luc", GlobalName: "Luc", Locale: "fr"})
	return w
}

// client is a session that retries nothing by itself.
func (w *world) client(t *testing.T) *discordgo.Session {
	t.Helper()
	d, err := discordgo.New("Bot " + w.Token())
	if err != nil {
		t.Fatal(err)
	}
	d.Identify.Intents = usual
	d.ShouldRetryOnRateLimit, d.MaxRestRetries = false, 0
	d.Client, d.Dialer = w.HTTPClient(), w.Dialer()
	d.StateEnabled = false
	return d
}

// open connects the bot. The client's Close sleeps for a second, so the server
// is left to end the connection, and the session told not to come back.
//
// It waits for the first heartbeat, which the client sends from a goroutine of
// its own: one that gets going only when the connection has ended takes the next
// connection for its own, closes it, and so on from one to the next.
func (w *world) open(t *testing.T, d *discordgo.Session) {
	t.Helper()
	log.SetOutput(io.Discard)
	w.bot = d
	d.SyncEvents = true // else the client itself changes the order
	d.AddHandler(func(_ *discordgo.Session, m *discordgo.MessageCreate) { w.heard <- m.Message })
	d.AddHandler(func(_ *discordgo.Session, e *discordgo.Event) { w.events <- e })
	if err := d.Open(); err != nil {
		t.Fatal(err)
	}
	w.beats(t)
	t.Cleanup(func() {
		w.beats(t)
		d.ShouldReconnectOnError = false
		_ = d.Close()
	})
}

// beats returns when a heartbeat has come through every connection.
func (w *world) beats(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
	defer cancel()
	if err := w.Await(ctx, func() bool {
		return !slices.ContainsFunc(w.Sessions(), func(x fakediscord.Session) bool { return x.Connected && !x.Beating })
	}); err != nil {
		t.Error(err)
	}
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func next[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came in 20 s")
		panic("unreachable")
	}
}

// event returns the next event of this name.
func (w *world) event(t *testing.T, name string) *discordgo.Event {
	t.Helper()
	for {
		if e := next(t, w.events); e.Type == name {
			return e
		}
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func commands() []*discordgo.ApplicationCommand {
	return []*discordgo.ApplicationCommand{{
		Name: "procura", Description: "Ask about joint procurement",
		NameLocalizations: &map[discordgo.Locale]string{discordgo.French: "procura", discordgo.German: "beschaffung"},
		Options: []*discordgo.ApplicationCommandOption{
			{Type: discordgo.ApplicationCommandOptionSubCommand, Name: "ask", Description: "Ask a question", Options: []*discordgo.ApplicationCommandOption{
				{Type: discordgo.ApplicationCommandOptionString, Name: "question", Description: "What to ask", Required: true},
				{Type: discordgo.ApplicationCommandOptionString, Name: "topic", Description: "About what", Autocomplete: true},
			}},
			{Type: discordgo.ApplicationCommandOptionSubCommand, Name: "profile", Description: "Your profile"},
		},
	}}
}

func TestConversation(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		w := newWorld(t, fakediscord.Options{})
		converse(t, w, w.client(t))
	})
	t.Run("TCP", func(t *testing.T) {
		s := fakediscord.New(fakediscord.Options{})
		if err := s.StartTCP("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		w := populate(s)
		d := w.client(t)
		to := must[*url.URL](t)(url.Parse(s.URL()))
		d.Client, d.Dialer = &http.Client{Transport: elsewhere{to}}, websocket.DefaultDialer
		converse(t, w, d)
	})
}

func converse(t *testing.T, w *world, d *discordgo.Session) {
	ctx := deadline(t)
	d.AddHandler(respond)
	w.open(t, d)
	id := must[string](t)

	t.Run("a mention carries its text, a bare message does not", func(t *testing.T) {
		id(w.Say(ctx, w.luc.ID, w.channel.ID, "rien pour toi", ""))
		if m := next(t, w.heard); m.Content != "" || m.Author.ID != w.luc.ID || m.GuildID != w.guild.ID {
			t.Errorf("heard %q of %s in %q, want no text of %s in %s", m.Content, m.Author.ID, m.GuildID, w.luc.ID, w.guild.ID)
		}
		said := id(w.Say(ctx, w.luc.ID, w.channel.ID, w.Mention()+" bonjour", ""))
		m := next(t, w.heard)
		if m.ID != said || m.Content != w.Mention()+" bonjour" || len(m.Mentions) != 1 || m.Mentions[0].ID != w.ApplicationID() {
			t.Errorf("heard %+v", m)
		}
		answer, err := d.ChannelMessageSendReply(w.channel.ID, "Bonjour <@"+w.luc.ID+">", m.Reference())
		if err != nil {
			t.Fatal(err)
		}
		next(t, w.heard) // its own
		last := w.Messages(w.channel.ID)[2]
		if last.ID != answer.ID || last.Reference != said || len(last.Pings) != 1 {
			t.Errorf("the answer is %+v", last)
		}
		id(w.Say(ctx, w.luc.ID, w.channel.ID, "et encore", answer.ID))
		if m := next(t, w.heard); m.Content != "et encore" {
			t.Errorf("a reply to the bot mentions it, heard %q", m.Content)
		}
	})

	t.Run("a direct message", func(t *testing.T) {
		id(w.Say(ctx, w.luc.ID, w.DM(w.luc.ID), "bonjour", ""))
		if m := next(t, w.heard); m.Content != "bonjour" || m.GuildID != "" {
			t.Errorf("heard %+v", m)
		}
		one := must[*discordgo.Channel](t)(d.UserChannelCreate(w.luc.ID))
		two := must[*discordgo.Channel](t)(d.UserChannelCreate(w.luc.ID))
		if one.ID != two.ID || one.ID != w.DM(w.luc.ID) {
			t.Errorf("three ways to one DM: %s, %s, %s", one.ID, two.ID, w.DM(w.luc.ID))
		}
	})

	t.Run("a command deferred, then its text", func(t *testing.T) {
		must[[]*discordgo.ApplicationCommand](t)(d.ApplicationCommandBulkOverwrite(w.ApplicationID(), "", commands()))
		i := must[fakediscord.Interaction](t)(w.Command(ctx, w.luc.ID, w.channel.ID, "procura ask", map[string]any{"question": "combien ?"}))
		if i.Response != fakediscord.ResponseDeferred || !i.Message.Ephemeral() {
			t.Fatalf("the first response is %+v", i)
		}
		err := w.Await(ctx, func() bool { m, _ := w.Message(i.Message.ID); return m.Content == "fr fr combien ?" })
		if err != nil {
			t.Fatal(err, w.Ephemerals(w.luc.ID))
		}
		m, _ := w.Message(i.Message.ID)
		if m.Loading() || !m.Ephemeral() {
			t.Errorf("after the edit: %+v", m)
		}
		if err := w.Await(ctx, func() bool { return len(w.Ephemerals(w.luc.ID)) == 2 }); err != nil {
			t.Fatal("no follow-up:", err)
		}
	})

	t.Run("autocompletion", func(t *testing.T) {
		got := must[[]fakediscord.Choice](t)(w.Complete(ctx, w.luc.ID, w.channel.ID, "procura ask", "topic", "so", map[string]any{"question": "x"}))
		if len(got) != 1 || got[0].Name != "software" || got[0].Value != "so" {
			t.Errorf("suggestions are %+v", got)
		}
	})

	t.Run("a button opens a form", func(t *testing.T) {
		post, err := d.ChannelMessageSendComplex(w.channel.ID, &discordgo.MessageSend{Content: "Utile ?", Components: []discordgo.MessageComponent{
			discordgo.ActionsRow{Components: []discordgo.MessageComponent{
				discordgo.Button{Label: "Utile", CustomID: "yes", Style: discordgo.PrimaryButton},
				discordgo.Button{Label: "Demander", CustomID: "form"},
			}},
			discordgo.ActionsRow{Components: []discordgo.MessageComponent{
				discordgo.SelectMenu{CustomID: "pick", Options: []discordgo.SelectMenuOption{{Label: "A", Value: "a"}, {Label: "B", Value: "b"}}},
			}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		act := must[fakediscord.Interaction](t)
		if i := act(w.Press(ctx, w.luc.ID, w.channel.ID, post.ID, "yes")); i.Response != fakediscord.ResponseUpdate || i.Message.Content != "Merci" {
			t.Errorf("the press gave %+v", i)
		}
		if _, err := w.Press(ctx, w.luc.ID, w.channel.ID, post.ID, "form"); err == nil {
			t.Error("the update took the buttons away, and yet one was pressed")
		}
		post, err = d.ChannelMessageSendComplex(w.channel.ID, &discordgo.MessageSend{Content: "Encore", Components: post.Components})
		if err != nil {
			t.Fatal(err)
		}
		if i := act(w.Select(ctx, w.luc.ID, w.channel.ID, post.ID, "pick", "b")); i.Message.Content != "b" {
			t.Errorf("the choice gave %+v", i.Message)
		}
		if i := act(w.Press(ctx, w.luc.ID, w.channel.ID, post.ID, "form")); i.Modal == nil || i.Modal.Fields[0].CustomID != "text" {
			t.Fatalf("the press gave %+v", i)
		}
		if _, err := w.Submit(ctx, w.luc.ID, map[string]string{"text": "ab"}); err == nil {
			t.Error("two characters passed where three are needed")
		}
		if i := act(w.Submit(ctx, w.luc.ID, map[string]string{"text": "une question"})); i.Message == nil || i.Message.Content != "une question" {
			t.Errorf("the form gave %+v", i)
		}
		if w.Modal(w.luc.ID) != nil {
			t.Error("the form is still open")
		}
	})
}

// respond is a small program.
func respond(d *discordgo.Session, e *discordgo.InteractionCreate) {
	say := func(kind discordgo.InteractionResponseType, data *discordgo.InteractionResponseData) {
		_ = d.InteractionRespond(e.Interaction, &discordgo.InteractionResponse{Type: kind, Data: data})
	}
	switch e.Type {
	case discordgo.InteractionApplicationCommand:
		say(discordgo.InteractionResponseDeferredChannelMessageWithSource, &discordgo.InteractionResponseData{Flags: discordgo.MessageFlagsEphemeral})
		question := e.ApplicationCommandData().Options[0].Options[0].StringValue()
		content := string(e.Locale) + " " + string(*e.GuildLocale) + " " + question
		_, _ = d.InteractionResponseEdit(e.Interaction, &discordgo.WebhookEdit{Content: &content})
		_, _ = d.FollowupMessageCreate(e.Interaction, true, &discordgo.WebhookParams{Content: "encore", Flags: discordgo.MessageFlagsEphemeral})
	case discordgo.InteractionApplicationCommandAutocomplete:
		prefix := ""
		for _, o := range e.ApplicationCommandData().Options[0].Options {
			if o.Focused {
				prefix = o.StringValue()
			}
		}
		say(discordgo.InteractionApplicationCommandAutocompleteResult, &discordgo.InteractionResponseData{
			Choices: []*discordgo.ApplicationCommandOptionChoice{{Name: "software", Value: prefix}}})
	case discordgo.InteractionMessageComponent:
		switch data := e.MessageComponentData(); data.CustomID {
		case "yes":
			say(discordgo.InteractionResponseUpdateMessage, &discordgo.InteractionResponseData{Content: "Merci", Components: []discordgo.MessageComponent{}})
		case "pick":
			say(discordgo.InteractionResponseChannelMessageWithSource, &discordgo.InteractionResponseData{Content: data.Values[0]})
		case "form":
			say(discordgo.InteractionResponseModal, &discordgo.InteractionResponseData{CustomID: "ask", Title: "Demander", Components: []discordgo.MessageComponent{
				discordgo.ActionsRow{Components: []discordgo.MessageComponent{discordgo.TextInput{
					CustomID: "text", Label: "Question", Style: discordgo.TextInputShort, Required: true, MinLength: 3, MaxLength: 20}}}}})
		}
	case discordgo.InteractionModalSubmit:
		in := e.ModalSubmitData().Components[0].(*discordgo.ActionsRow).Components[0].(*discordgo.TextInput)
		say(discordgo.InteractionResponseChannelMessageWithSource, &discordgo.InteractionResponseData{Content: in.Value, Flags: discordgo.MessageFlagsEphemeral})
	}
}

// send posts a message with a nonce, for which discordgo has no field.
func send(d *discordgo.Session, channel, content, nonce string) (*discordgo.Message, error) {
	body, err := d.RequestWithBucketID("POST", discordgo.EndpointChannelMessages(channel),
		map[string]any{"content": content, "nonce": nonce, "enforce_nonce": true}, discordgo.EndpointChannelMessages(channel))
	if err != nil {
		return nil, err
	}
	m := &discordgo.Message{}
	return m, json.Unmarshal(body, m)
}

// clock is a time that moves by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 6, 16, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
