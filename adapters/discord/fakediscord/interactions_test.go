package fakediscord_test

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"

	"procurabot/adapters/discord/fakediscord"
)

// asker presses one button again and again; the program under it answers by
// plain HTTP, so that a test can say things that the client would not.
type asker struct {
	w    *world
	post string
	came chan *discordgo.Interaction
}

func newAsker(t *testing.T, w *world) *asker {
	t.Helper()
	x := &asker{w: w, came: make(chan *discordgo.Interaction, 10)}
	d := w.client(t)
	d.AddHandler(func(_ *discordgo.Session, e *discordgo.InteractionCreate) { x.came <- e.Interaction })
	w.open(t, d)
	m := must[*discordgo.Message](t)(d.ChannelMessageSendComplex(w.channel.ID, &discordgo.MessageSend{Content: "x", Components: []discordgo.MessageComponent{
		discordgo.ActionsRow{Components: []discordgo.MessageComponent{discordgo.Button{Label: "x", CustomID: "x"}}}}}))
	x.post = m.ID
	return x
}

// press returns the interaction while the person still waits.
func (x *asker) press(t *testing.T) *discordgo.Interaction {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() { _, _ = x.w.Press(ctx, x.w.luc.ID, x.w.channel.ID, x.post, "x") }()
	return next(t, x.came)
}

func callback(i *discordgo.Interaction) string {
	return "/interactions/" + i.ID + "/" + i.Token + "/callback"
}

func (x *asker) answer(t *testing.T, body any) (int, int) {
	t.Helper()
	return x.w.do(t, "POST", callback(x.press(t)), body)
}

func message(flags int) object {
	return object{"type": 4, "data": object{"content": "x", "flags": flags}}
}

func TestFirstResponse(t *testing.T) {
	c := newClock()
	w := newWorld(t, fakediscord.Options{Now: c.Now})
	x := newAsker(t, w)
	for _, test := range []struct {
		name  string
		body  object
		after time.Duration
		code  int
	}{
		{"a message", message(0), 3 * time.Second, 0},
		{"too late", message(0), 3*time.Second + time.Millisecond, 10062},
		{"a deferral", object{"type": 5}, 0, 0},
		{"a private deferral", object{"type": 5, "data": object{"flags": 64}}, 0, 0},
		{"a deferral with another flag", object{"type": 5, "data": object{"flags": 64 | 1<<15}}, 0, 50035},
		{"an update later", object{"type": 6}, 0, 0},
		{"choices for a button", object{"type": 8, "data": object{"choices": []any{}}}, 0, 50035},
		{"a pong", object{"type": 1}, 0, 50035},
	} {
		i := x.press(t)
		c.Add(test.after)
		if _, code := w.do(t, "POST", callback(i), test.body); code != test.code {
			t.Errorf("%s: code %d, want %d", test.name, code, test.code)
		}
		if test.code != 0 {
			continue
		}
		if _, code := w.do(t, "POST", callback(i), message(0)); code != 40060 {
			t.Errorf("%s, again: code %d, want 40060", test.name, code)
		}
	}
	if _, code := w.do(t, "POST", "/interactions/1/none/callback", message(0)); code != 10062 {
		t.Errorf("an interaction that never was: code %d, want 10062", code)
	}
}

func TestNoModalAfterDeferralOrModal(t *testing.T) {
	w := newWorld(t, fakediscord.Options{})
	x := newAsker(t, w)
	modal := object{"type": 9, "data": object{"custom_id": "m", "title": "x", "components": []any{row(object{"type": 4, "custom_id": "i", "style": 1, "label": "l", "required": false})}}}
	i := x.press(t)
	if status, _ := w.do(t, "POST", callback(i), object{"type": 5}); status != 204 {
		t.Fatal("the deferral failed")
	}
	if _, code := w.do(t, "POST", callback(i), modal); code != 40060 {
		t.Errorf("a modal after a deferral: code %d, want 40060", code)
	}
	if status, code := x.answer(t, modal); status != 204 {
		t.Fatalf("the modal: code %d", code)
	}
	result := make(chan error, 1)
	go func() { _, err := w.Submit(t.Context(), w.luc.ID, nil); result <- err }()
	if _, code := w.do(t, "POST", callback(next(t, x.came)), modal); code != 50035 {
		t.Errorf("a modal after a modal: code %d, want 50035", code)
	}
	if err := next(t, result); !errors.Is(err, fakediscord.ErrNoResponse) {
		t.Errorf("the person reads %v, want %v", err, fakediscord.ErrNoResponse)
	}
	if w.Modal(w.luc.ID) == nil {
		t.Error("a form whose submission was not answered is gone")
	}
}

func TestTokenLife(t *testing.T) {
	c := newClock()
	w := newWorld(t, fakediscord.Options{Now: c.Now})
	x := newAsker(t, w)
	i := x.press(t)
	hook := "/webhooks/" + w.ApplicationID() + "/" + i.Token
	if _, code := w.do(t, "POST", hook, object{"content": "x"}); code != 10015 {
		t.Errorf("a follow-up before the first response: code %d, want 10015", code)
	}
	w.do(t, "POST", callback(i), object{"type": 5, "data": object{"flags": 64}})
	c.Add(15*time.Minute - time.Millisecond)
	for _, m := range []struct{ method, path string }{{"PATCH", "/messages/@original"}, {"POST", ""}, {"DELETE", "/messages/@original"}} {
		if status, code := w.do(t, m.method, hook+m.path, object{"content": "x"}); status >= 300 {
			t.Errorf("%s%s: code %d", m.method, m.path, code)
		}
	}
	if _, code := w.do(t, "GET", hook+"/messages/@original", nil); code != 10008 {
		t.Errorf("the deleted original: code %d, want 10008", code)
	}
	c.Add(time.Millisecond)
	if _, code := w.do(t, "POST", hook, object{"content": "x"}); code != 50027 {
		t.Errorf("a follow-up after 15 minutes: code %d, want 50027", code)
	}
}

func TestPings(t *testing.T) {
	w := newWorld(t, fakediscord.Options{})
	loud := w.AddChannel(w.guild.ID, "loud", fakediscord.Text, fakediscord.Usual|fakediscord.MentionEveryone)
	luc := "<@" + w.luc.ID + ">"
	said := must[string](t)(w.Say(t.Context(), w.luc.ID, loud.ID, "x", ""))
	for _, test := range []struct {
		name, channel string
		body          object
		want          []string
	}{
		{"all by default", loud.ID, object{"content": luc + " @everyone"}, []string{luc, "@everyone"}},
		{"not without the permission", w.channel.ID, object{"content": luc + " @everyone @here"}, []string{luc}},
		{"none parsed", loud.ID, object{"content": luc + " @everyone", "allowed_mentions": object{"parse": []any{}}}, nil},
		{"one listed", loud.ID, object{"content": luc + " <@" + w.ApplicationID() + ">", "allowed_mentions": object{"parse": []any{}, "users": []any{w.luc.ID}}}, []string{luc}},
		{"a reply", loud.ID, object{"content": "x", "message_reference": object{"message_id": said}}, []string{luc}},
		{"a silent reply", loud.ID, object{"content": "x", "message_reference": object{"message_id": said}, "allowed_mentions": object{"parse": []any{}}}, nil},
		{"a stranger", loud.ID, object{"content": "<@5>"}, nil},
	} {
		w.do(t, "POST", "/channels/"+test.channel+"/messages", test.body)
		all := w.Messages(test.channel)
		got := must[[]byte](t)(json.Marshal(all[len(all)-1].Pings))
		if want := must[[]byte](t)(json.Marshal(append([]string{}, test.want...))); string(got) != string(want) && !(string(got) == "null" && len(test.want) == 0) {
			t.Errorf("%s: %s, want %s", test.name, got, want)
		}
	}
}

func TestCommandsAreForThoseWhoMay(t *testing.T) {
	w := newWorld(t, fakediscord.Options{})
	w.do(t, "PUT", "/applications/"+w.ApplicationID()+"/commands", []any{
		object{"name": "admin", "description": "x", "default_member_permissions": "32", "contexts": []any{0}},
		object{"name": "ask", "description": "x", "options": []any{object{"type": 3, "name": "q", "description": "q", "required": true, "max_length": 3}}},
	})
	for name, act := range map[string]struct {
		channel, path string
		options       object
	}{
		"an unknown command":     {w.channel.ID, "none", nil},
		"without the permission": {w.channel.ID, "admin", nil},
		"not in direct messages": {w.DM(w.luc.ID), "admin", nil},
		"without the option":     {w.channel.ID, "ask", nil},
		"an unknown option":      {w.channel.ID, "ask", object{"q": "x", "r": "x"}},
		"too long":               {w.channel.ID, "ask", object{"q": "xxxx"}},
		"no string":              {w.channel.ID, "ask", object{"q": 1}},
	} {
		if i, err := w.Command(t.Context(), w.luc.ID, act.channel, act.path, act.options); err == nil || errors.Is(err, fakediscord.ErrNoResponse) || i.ID != "" {
			t.Errorf("%s: %+v, %v: the interaction went out", name, i, err)
		}
	}
}

func TestThreads(t *testing.T) {
	w := newWorld(t, fakediscord.Options{})
	d := w.client(t)
	thread, err := d.ThreadStartComplex(w.channel.ID, &discordgo.ThreadStart{Name: "pair", Type: discordgo.ChannelTypeGuildPrivateThread, AutoArchiveDuration: 10080})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Say(t.Context(), w.luc.ID, thread.ID, "x", ""); err == nil {
		t.Error("a stranger wrote in a private thread")
	}
	if err := d.ThreadMemberAdd(thread.ID, w.luc.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Say(t.Context(), w.luc.ID, thread.ID, "x", ""); err != nil {
		t.Error(err)
	}
	active := must[*discordgo.ThreadsList](t)(d.GuildThreadsActive(w.guild.ID))
	if len(active.Threads) != 1 || active.Threads[0].Name != "pair" {
		t.Errorf("active threads: %+v", active.Threads)
	}
	w.Permit(w.channel.ID, w.ApplicationID(), fakediscord.Usual&^fakediscord.CreatePrivateThreads)
	if _, err := d.ThreadStart(w.channel.ID, "two", discordgo.ChannelTypeGuildPrivateThread, 60); code(err) != 50013 {
		t.Errorf("without the permission: %v", err)
	}
}

func TestHistory(t *testing.T) {
	w := newWorld(t, fakediscord.Options{})
	d := w.client(t)
	var ids []string
	for range 5 {
		ids = append(ids, must[*discordgo.Message](t)(d.ChannelMessageSend(w.channel.ID, "x")).ID)
	}
	for name, test := range map[string]struct {
		limit                 int
		before, after, around string
		want                  []int
	}{
		"newest": {2, "", "", "", []int{4, 3}},
		"before": {2, ids[3], "", "", []int{2, 1}},
		"after":  {2, "", ids[0], "", []int{2, 1}},
		"around": {3, "", "", ids[2], []int{3, 2, 1}},
	} {
		got := must[[]*discordgo.Message](t)(d.ChannelMessages(w.channel.ID, test.limit, test.before, test.after, test.around))
		if len(got) != len(test.want) {
			t.Errorf("%s: %d messages, want %d", name, len(got), len(test.want))
			continue
		}
		for n, at := range test.want {
			if got[n].ID != ids[at] {
				t.Errorf("%s: message %d is %s, want %s", name, n, got[n].ID, ids[at])
			}
		}
	}
}

func TestSignedHTTP(t *testing.T) {
	w := newWorld(t, fakediscord.Options{})
	key := must[[]byte](t)(hex.DecodeString(w.PublicKey()))
	checks := true
	program := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if checks && !discordgo.VerifyInteraction(r, ed25519.PublicKey(key)) {
			out.WriteHeader(http.StatusUnauthorized)
			return
		}
		var i discordgo.Interaction
		if err := json.NewDecoder(r.Body).Decode(&i); err != nil {
			t.Error(err)
		}
		if i.Type == discordgo.InteractionPing {
			_, _ = io.WriteString(out, `{"type":1}`)
			return
		}
		_, _ = io.WriteString(out, `{"type":4,"data":{"content":"bonjour","flags":64}}`)
	}))
	t.Cleanup(program.Close)
	checks = false
	if err := w.SetEndpoint(t.Context(), program.URL, program.Client()); err == nil {
		t.Error("an endpoint that takes any signature was accepted")
	}
	checks = true
	if err := w.SetEndpoint(t.Context(), program.URL, program.Client()); err != nil {
		t.Fatal(err)
	}
	w.do(t, "PUT", "/applications/"+w.ApplicationID()+"/commands", []any{object{"name": "ask", "description": "x"}})
	i := must[fakediscord.Interaction](t)(w.Command(t.Context(), w.luc.ID, w.channel.ID, "ask", nil))
	if i.Message == nil || i.Message.Content != "bonjour" || !i.Message.Ephemeral() {
		t.Errorf("the answer is %+v", i)
	}
}

// An endpoint that passed once, and later takes any signature, is removed.
func TestChecksOfTheEndpoint(t *testing.T) {
	w := newWorld(t, fakediscord.Options{})
	key := must[[]byte](t)(hex.DecodeString(w.PublicKey()))
	lax := false
	client := w.Reach(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if !discordgo.VerifyInteraction(r, ed25519.PublicKey(key)) && !lax {
			out.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(out, `{"type":1}`)
	}))
	if err := w.SetEndpoint(t.Context(), "http://program.invalid/", client); err != nil {
		t.Fatal(err)
	}
	if err := w.CheckEndpoint(t.Context()); err != nil || w.EndpointRemoved() {
		t.Errorf("a check that passes: %v, removed: %v", err, w.EndpointRemoved())
	}
	lax = true
	if err := w.CheckEndpoint(t.Context()); err == nil || !w.EndpointRemoved() {
		t.Errorf("a check that fails: %v, removed: %v", err, w.EndpointRemoved())
	}
	w.do(t, "PUT", "/applications/"+w.ApplicationID()+"/commands", []any{object{"name": "ask", "description": "x"}})
	if _, err := w.Command(t.Context(), w.luc.ID, w.channel.ID, "ask", nil); !errors.Is(err, fakediscord.ErrNoResponse) {
		t.Errorf("an interaction with no endpoint: %v", err)
	}
}

// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-callback
func TestAcceptedHasNoBody(t *testing.T) {
	w := newWorld(t, fakediscord.Options{ResponseDue: 200 * time.Millisecond})
	key := must[[]byte](t)(hex.DecodeString(w.PublicKey()))
	client := w.Reach(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if !discordgo.VerifyInteraction(r, ed25519.PublicKey(key)) {
			out.WriteHeader(http.StatusUnauthorized)
			return
		}
		var i discordgo.Interaction
		_ = json.NewDecoder(r.Body).Decode(&i)
		if i.Type != discordgo.InteractionPing {
			out.WriteHeader(http.StatusAccepted)
		}
		_, _ = io.WriteString(out, `{"type":1}`)
	}))
	if err := w.SetEndpoint(t.Context(), "http://program.invalid/", client); err != nil {
		t.Fatal(err)
	}
	w.do(t, "PUT", "/applications/"+w.ApplicationID()+"/commands", []any{object{"name": "ask", "description": "x"}})
	if _, err := w.Command(t.Context(), w.luc.ID, w.channel.ID, "ask", nil); !errors.Is(err, fakediscord.ErrNoResponse) {
		t.Errorf("an interaction that nobody answered: %v", err)
	}
}
