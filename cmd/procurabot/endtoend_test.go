package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/internal/database"
)

// running is the program in this process.
type running struct {
	log  logbook
	stop context.CancelFunc
	code chan int
}

// begin starts the program with these settings and nothing else.
func begin(t *testing.T, settings map[string]string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{stop: stop, code: make(chan int, 1)}
	go func() { r.code <- run(ctx, []string{"run"}, settings, nil, io.Discard, &r.log) }()
	t.Cleanup(stop)
	return r
}

// end asks the program to stop and insists on a good end.
func (r *running) end(t *testing.T, ctx context.Context) {
	t.Helper()
	r.stop()
	if code := r.wait(t, ctx); code != 0 {
		t.Fatalf("stopped with exit code %d:\n%s", code, r.log.tail())
	}
}

func (r *running) wait(t *testing.T, ctx context.Context) int {
	t.Helper()
	select {
	case code := <-r.code:
		return code
	case <-ctx.Done():
		t.Fatalf("it does not end:\n%s", r.log.tail())
	}
	return -1
}

// privately does something on Slack and waits for the words that only this
// person is then told.
func (p *platforms) privately(t *testing.T, ctx context.Context, user, channel, words string, act func() error) fakeslack.Message {
	t.Helper()
	before := len(p.slack.Ephemerals(user, channel))
	if err := act(); err != nil {
		t.Fatal(err)
	}
	var found fakeslack.Message
	if err := p.await(ctx, func() bool {
		for _, m := range p.slack.Ephemerals(user, channel)[before:] {
			if strings.Contains(m.Shown(), words) {
				found = m
				return true
			}
		}
		return false
	}); err != nil {
		for _, m := range p.slack.Ephemerals(user, channel)[before:] {
			t.Log("shown:", m.Shown())
		}
		t.Fatalf("%q was never said: %v", words, err)
	}
	return found
}

// press presses a button of a message on Slack.
func (p *platforms) press(ctx context.Context, user string, m fakeslack.Message, button string) error {
	for _, e := range m.Elements() {
		if strings.HasSuffix(e.ActionID, ":"+button) {
			return p.slack.Press(ctx, user, m.Channel, m.TS, e.ActionID, e.Value)
		}
	}
	return fmt.Errorf("no button %s under %q", button, m.Shown())
}

// answered waits for what an interaction of Discord is answered with.
func (p *platforms) answered(t *testing.T, ctx context.Context, words string, x fakediscord.Interaction, err error) fakediscord.Message {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var m fakediscord.Message
	if err := p.await(ctx, func() bool {
		m, _ = p.discord.Message(x.Message.ID)
		return !m.Loading()
	}); err != nil {
		t.Fatalf("no answer: %v", err)
	}
	if !strings.Contains(m.Content, words) {
		t.Fatalf("%q is not in %q", words, m.Content)
	}
	return m
}

// saidOnSlack waits until the bot has said the words among messages of Slack.
func (p *platforms) saidOnSlack(t *testing.T, ctx context.Context, words string, messages func() []fakeslack.Message) fakeslack.Message {
	t.Helper()
	var found fakeslack.Message
	if err := p.await(ctx, func() bool {
		for _, m := range messages() {
			if m.FromBot() && strings.Contains(m.Shown(), words) {
				found = m
				return true
			}
		}
		return false
	}); err != nil {
		t.Fatalf("%q was never said: %v", words, err)
	}
	return found
}

// TestEndToEnd is a day of the whole program on both platforms, from an empty
// folder and environment variables alone.
func TestEndToEnd(t *testing.T) {
	p, ctx := openPlatforms(t), limit(t, 2*time.Minute)
	ada := p.slack.AddUser(fakeslack.User{Name: "ada"}).ID
	maja := p.slack.AddUser(fakeslack.User{Name: "maja"}).ID
	vera := p.slack.AddUser(fakeslack.User{Name: "vera", Locale: "de-DE"}).ID
	lobby := p.slack.AddChannel(fakeslack.Channel{Name: "lobby", Members: []string{ada, maja, vera}, BotIsMember: true}).ID
	luc := p.discord.AddUser(fakediscord.User{Name: "luc", Locale: "fr"}).ID
	salon := p.discord.AddChannel(p.guild, "salon", fakediscord.Text, 0).ID
	if err := p.slack.Join(ctx, vera, p.editors); err != nil && !errors.Is(err, fakeslack.ErrNotConnected) {
		t.Fatal(err)
	}
	settings := p.settings()
	settings["PROCURABOT_ADMINS"] = "slack:" + p.team + ":" + ada
	began := time.Now()
	r := begin(t, settings)
	if err := p.connected(ctx); err != nil {
		t.Fatalf("%v\n%s", err, r.log.tail())
	}

	// Three people ask in three languages, in words of their own.
	ts, err := p.slack.Say(ctx, maja, lobby, p.slack.Mention()+" Would a tiny village council be welcome with you?", "")
	if err != nil {
		t.Fatal(err)
	}
	answer := p.saidOnSlack(t, ctx, "", func() []fakeslack.Message { return p.slack.Thread(lobby, ts) })
	t.Logf("%s from the start to the first answer", time.Since(began).Round(time.Millisecond))
	x, err := p.discord.Command(ctx, luc, salon, "procura ask", map[string]any{"question": "y a-t-il une aide pour le train quand on vient à votre rencontre ?"})
	toLuc := p.answered(t, ctx, "", x, err)
	if _, err := p.slack.Say(ctx, vera, p.slack.DM(vera), "Wer zahlt uns die Bahnfahrt, wenn wir zu eurem Treffen kommen?", ""); err != nil {
		t.Fatal(err)
	}
	toVera := p.saidOnSlack(t, ctx, "", func() []fakeslack.Message { return p.slack.Messages(p.slack.DM(vera)) })
	p.expectTopics(t, ctx, map[string]string{
		"en who-can-join": answer.Shown(), "fr travel-grants": toLuc.Content, "de travel-grants": toVera.Shown(),
	})

	// An administrator of the settings makes an editor.
	p.privately(t, ctx, ada, lobby, "editor", func() error {
		_, err := p.slack.Command(ctx, ada, lobby, "/procura-admin", "roles give <@"+vera+"|vera> editor")
		return err
	})
	// Nobody else can.
	p.privately(t, ctx, maja, lobby, "administrator", func() error {
		_, err := p.slack.Command(ctx, maja, lobby, "/procura-admin", "roles give <@"+maja+"|maja> admin")
		return err
	})

	// One asks for a person on Discord; an editor answers by a form on Slack.
	x, err = p.discord.Press(ctx, luc, salon, toLuc.ID, customID(toLuc, "benefits.person"))
	p.answered(t, ctx, "secrétariat", x, err)
	post := p.saidOnSlack(t, ctx, "une aide pour le train", func() []fakeslack.Message { return p.slack.Messages(p.editors) })
	if err := p.press(ctx, vera, post, "benefits.answer"); err != nil {
		t.Fatal(err)
	}
	const written = "Oui : écrivez-nous, nous payons le train."
	preview := p.privately(t, ctx, vera, p.editors, written, func() error {
		result, err := p.submit(ctx, vera, map[string]string{"text": written})
		if err == nil && !result.Closed {
			err = fmt.Errorf("the form stays: %v", result.Errors)
		}
		return err
	})
	p.privately(t, ctx, vera, p.editors, "", func() error { return p.press(ctx, vera, preview, "benefits.send") })
	if err := p.await(ctx, func() bool {
		return slices.ContainsFunc(p.discord.Messages(p.discord.DM(luc)), func(m fakediscord.Message) bool { return strings.Contains(m.Content, written) })
	}); err != nil {
		t.Fatal("the asker never saw the answer")
	}
	p.saidOnSlack(t, ctx, written, func() []fakeslack.Message { return p.slack.Messages(p.editors) })

	// An administrator edits a text, and the next answer has it.
	const thanks = "Merrily noted, dear colleague."
	if _, err := p.slack.Command(ctx, ada, lobby, "/procura-admin", "messages edit benefits.thanks-helpful en"); err != nil {
		t.Fatal(err)
	}
	p.privately(t, ctx, ada, lobby, thanks, func() error {
		result, err := p.submit(ctx, ada, map[string]string{"other": thanks})
		if err == nil && !result.Closed {
			err = fmt.Errorf("the form stays: %v", result.Errors)
		}
		return err
	})
	p.privately(t, ctx, maja, lobby, thanks, func() error { return p.press(ctx, maja, answer, "benefits.helpful") })

	// A second run on the same file says so and goes.
	var second logbook
	if code := run(ctx, []string{"run"}, settings, nil, io.Discard, &second); code != 2 || !oneSentence(second.String()) ||
		!strings.Contains(second.String(), "another run") {
		t.Errorf("the second run: exit code %d, %q", code, second.String())
	}

	p.stopInTheMiddle(t, ctx, r, settings)
}

// expectTopics holds that each answer is a topic's page in a language.
func (p *platforms) expectTopics(t *testing.T, ctx context.Context, answers map[string]string) {
	t.Helper()
	db, err := database.Open(ctx, p.database(), database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for what, shown := range answers {
		language, topic, _ := strings.Cut(what, " ")
		var page string
		if err := db.View(ctx, func(tx *database.Tx) error {
			return tx.QueryRow(`SELECT answer FROM benefits_text WHERE topic = ? AND language = ?`, topic, language).Scan(&page)
		}); err != nil {
			t.Fatal(err)
		}
		// The beginning, as far as nothing in it is marked up.
		words := page[:strings.IndexAny(page+"*", "*_[{\n.")]
		if len(words) < 20 || !strings.Contains(shown, words) {
			t.Errorf("the answer to %s is %q, without %q", what, shown, words)
		}
	}
}

// stopInTheMiddle asks the program to stop while people ask, starts it again,
// and finds each answered once. No secret is left anywhere.
func (p *platforms) stopInTheMiddle(t *testing.T, ctx context.Context, r *running, settings map[string]string) {
	t.Helper()
	type ask struct{ user, channel, id string }
	var mu sync.Mutex
	var slackers, deferred []ask
	tookSlack, tookDiscord := make(chan struct{}, 64), make(chan struct{}, 64)
	asking, enough := context.WithCancel(ctx)
	var people sync.WaitGroup
	for i := range 24 {
		u := p.slack.AddUser(fakeslack.User{Name: fmt.Sprint("stranger", i)}).ID
		channel := p.slack.AddChannel(fakeslack.Channel{Name: fmt.Sprint("corner", i), Members: []string{u}, BotIsMember: true}).ID
		d := p.discord.AddUser(fakediscord.User{Name: fmt.Sprint("passer", i)}).ID
		yard := p.discord.AddChannel(p.guild, fmt.Sprint("yard", i), fakediscord.Text, 0).ID
		people.Go(func() {
			ts, err := p.slack.Say(asking, u, channel, p.slack.Mention()+" Are we of Quincewater too small to join?", "")
			mu.Lock()
			defer mu.Unlock()
			slackers = append(slackers, ask{u, channel, ts})
			if err == nil {
				tookSlack <- struct{}{}
			}
		})
		people.Go(func() {
			x, err := p.discord.Command(asking, d, yard, "procura ask", map[string]any{"question": "Are we of Quincewater too small to join?"})
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			deferred = append(deferred, ask{d, yard, x.Message.ID})
			tookDiscord <- struct{}{}
		})
	}
	for range 4 {
		for _, took := range []chan struct{}{tookSlack, tookDiscord} {
			select {
			case <-took:
			case <-ctx.Done():
				t.Fatalf("nobody is heard:\n%s", r.log.tail())
			}
		}
	}
	r.end(t, ctx)
	enough()
	people.Wait()
	if err := p.gone(ctx); err != nil {
		t.Fatal(err)
	}
	p.leaveBehind(t)

	again := begin(t, settings)
	if err := p.connected(ctx); err != nil {
		t.Fatalf("%v\n%s", err, again.log.tail())
	}
	missed, err := p.slack.Redeliver(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range slackers {
		p.saidOnSlack(t, ctx, "", func() []fakeslack.Message { return p.slack.Thread(a.channel, a.id) })
	}
	for _, a := range deferred {
		p.answered(t, ctx, "", fakediscord.Interaction{Message: &fakediscord.Message{ID: a.id}}, nil)
	}
	p.settled(t, ctx)
	again.end(t, ctx)
	if err := p.gone(ctx); err != nil {
		t.Fatal(err)
	}
	for _, a := range slackers {
		if n := len(p.slack.Thread(a.channel, a.id)) - 1; n != 1 {
			t.Errorf("somebody was answered %d times", n)
		}
	}
	inside(t, p.database(), func(tx *database.Tx) error {
		wrong, err := whole(tx)
		if wrong != "" {
			t.Error(wrong)
		}
		if err != nil {
			return err
		}
		rows, err := rowsOf(tx)
		for _, row := range rows {
			if row.state != "sent" {
				t.Errorf("%s is %s: %s", row.key, row.state, row.reason)
			}
		}
		return err
	})
	t.Logf("stopped in the middle: %d on Slack of which %d came again, %d on Discord had been promised an answer", len(slackers), missed, len(deferred))
	p.noSecrets(t, r.log.String()+again.log.String())
}

// leftBehind is what was deleted and yet is in the file.
const leftBehind = "a-token-long-deleted"

// leaveBehind leaves many copies of a deleted token in the file, as SQLite does
// of other tokens when it happens to move a row between pages.
func (p *platforms) leaveBehind(t *testing.T) {
	t.Helper()
	db, err := database.Open(t.Context(), p.database(), database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		`PRAGMA secure_delete = off`, `CREATE TABLE behind (token TEXT) STRICT`,
		`INSERT INTO behind SELECT replace(hex(zeroblob(10000)), '00', '` + leftBehind + ` ')`, `DROP TABLE behind`,
	} {
		if err := db.Update(t.Context(), func(tx *database.Tx) error {
			_, err := tx.Exec(query)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(p.database())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte(leftBehind)) {
		t.Fatal("nothing was left behind")
	}
}

// noSecrets looks for what must not be left in logs and files: tokens, also
// those that answer one interaction, and in logs what people wrote. The files
// are searched as they are, with whatever SQLite left in them.
func (p *platforms) noSecrets(t *testing.T, log string) {
	t.Helper()
	secrets := map[string]string{
		"Slack's bot token": p.slack.BotToken(), "Slack's app token": p.slack.AppToken(), "Discord's token": p.discord.Token(),
		"an interaction's token": "aW50ZXJhY3Rpb246", "a response URL": "/commands/" + p.team,
		"a deleted token": leftBehind,
	}
	if len(log) == 0 {
		t.Error("nothing was logged")
	}
	for what, secret := range secrets {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %s", what)
		}
	}
	for _, said := range []string{"Quincewater", "village council", "une aide pour le train", "Bahnfahrt", "nous payons le train"} {
		if strings.Contains(log, said) {
			t.Errorf("the log has what somebody wrote: %q", said)
		}
	}
	files, err := os.ReadDir(p.home)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		p.search(t, filepath.Join(p.home, f.Name()), secrets)
	}
}

func (p *platforms) search(t *testing.T, path string, secrets map[string]string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, secret := range secrets {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("%s has %s", filepath.Base(path), what)
		}
	}
}

// oneSentence holds for what is said to whoever started the program wrongly.
func oneSentence(s string) bool {
	return strings.HasPrefix(s, "procurabot: ") && strings.Count(s, "\n") == 1 && strings.HasSuffix(s, "\n")
}

// TestCannotStart: whatever keeps the program from starting is one sentence,
// with exit code 2.
func TestCannotStart(t *testing.T) {
	folder := t.TempDir()
	good := map[string]string{"PROCURABOT_DISCORD_BOT_TOKEN": "canary-token", "PROCURABOT_DATABASE": filepath.Join(folder, "good.db")}
	with := func(changes ...string) map[string]string {
		settings := maps.Clone(good)
		for i := 0; i < len(changes); i += 2 {
			settings["PROCURABOT_"+changes[i]] = changes[i+1]
		}
		return settings
	}
	newer := filepath.Join(folder, "newer.db")
	db, err := database.Open(t.Context(), newer, database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(`INSERT INTO database_version (component, version) VALUES ('outbox', 99)`)
		return err
	}), db.Close()); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(folder, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		settings map[string]string
		says     []string
	}{
		"nothing is set": {map[string]string{}, []string{"SLACK_BOT_TOKEN", "DISCORD_BOT_TOKEN", "procurabot demo"}},
		"all is wrong": {with("ADMINS", "ada,slack:T1", "EDITORS_CHANNEL", "slack:T1:C1", "EDITORS_LANGUAGE", "it", "ZONE", "Nowhere/Atall",
			"KEEP_QUESTIONS", "soon", "DISCORD_API_URL", "discord", "SLACK_API_URL", "ftp://slack"),
			[]string{`"ada"`, `"slack:T1"`, "EDITORS_CHANNEL", "EDITORS_LANGUAGE", "ZONE", "KEEP_QUESTIONS", "DISCORD_API_URL", "SLACK_API_URL"}},
		"half of Slack":        {with("SLACK_BOT_TOKEN", "canary-token"), []string{"SLACK_BOT_TOKEN", "xoxb-", "SLACK_APP_TOKEN", "xapp-"}},
		"a newer schema":       {with("DATABASE", newer), []string{"newer than this program", "outbox"}},
		"no database":          {with("DATABASE", text), []string{"not a SQLite database"}},
		"a folder that is not": {with("DATABASE", filepath.Join(folder, "not", "here.db")), []string{"the folder", "does not exist"}},
		"a folder of others":   {with("DATABASE", filepath.Join(readOnly(t), "x.db")), []string{"x.db"}},
		"a folder for a file":  {with("DATABASE", folder), []string{folder, "folder"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs logbook
			code := run(limit(t, 20*time.Second), []string{"run"}, test.settings, nil, &out, &errs)
			said := errs.String()
			if code != 2 || !oneSentence(said) || out.String() != "" {
				t.Errorf("exit code %d, %q, %q", code, said, out.String())
			}
			for _, words := range test.says {
				if !strings.Contains(said, words) {
					t.Errorf("%q is not in %q", words, said)
				}
			}
			if strings.Contains(said, "canary") {
				t.Errorf("a token in %q", said)
			}
		})
	}
}

// readOnly is a folder in which nothing can be made. The superuser is stopped by
// a file system alone.
func readOnly(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if syscall.Mount("tmpfs", folder, "tmpfs", syscall.MS_RDONLY, "size=1m") == nil {
		t.Cleanup(func() {
			if err := syscall.Unmount(folder, 0); err != nil {
				t.Error(err)
			}
		})
		return folder
	}
	if os.Geteuid() == 0 {
		t.Log("this superuser may not mount: /proc stands in for a folder that cannot be written")
		return "/proc"
	}
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestWrongToken: a platform that refuses its token says so in one entry of the
// log, and the other goes on.
func TestWrongToken(t *testing.T) {
	for name, test := range map[string]struct {
		change []string // settings
		says   string
		left   []string // platforms that go on
	}{
		"Slack's bot token": {[]string{"PROCURABOT_SLACK_BOT_TOKEN", "xoxb-canary"}, "PROCURABOT_SLACK_BOT_TOKEN", []string{"discord"}},
		"Slack's app token": {[]string{"PROCURABOT_SLACK_APP_TOKEN", "xapp-canary"}, "PROCURABOT_SLACK_APP_TOKEN", []string{"discord"}},
		"Discord's token":   {[]string{"PROCURABOT_DISCORD_BOT_TOKEN", "canary"}, "PROCURABOT_DISCORD_BOT_TOKEN", []string{"slack"}},
		"both":              {[]string{"PROCURABOT_SLACK_BOT_TOKEN", "xoxb-canary", "PROCURABOT_DISCORD_BOT_TOKEN", "canary"}, "PROCURABOT_SLACK_BOT_TOKEN", nil},
	} {
		t.Run(name, func(t *testing.T) {
			p, ctx := openPlatforms(t), limit(t, time.Minute)
			settings := p.settings()
			for i := 0; i < len(test.change); i += 2 {
				settings[test.change[i]] = test.change[i+1]
			}
			r := begin(t, settings)
			failed := "a platform has failed and is left alone until the next start"
			if err := r.log.await(ctx, func() bool { return len(r.log.entries(failed)) == 2-len(test.left) }); err != nil {
				t.Fatalf("%v\n%s", err, r.log.tail())
			}
			for _, platform := range test.left {
				p.greets(t, ctx, platform)
			}
			if len(test.left) > 0 {
				r.end(t, ctx)
			} else if code := r.wait(t, ctx); code != 1 {
				t.Errorf("with no platform left: exit code %d", code)
			}
			said := r.log.String()
			if !strings.Contains(said, test.says) || strings.Contains(said, "canary") {
				t.Errorf("it says:\n%s", said)
			}
			if n := len(r.log.entries(failed)); n != 2-len(test.left) {
				t.Errorf("it says so %d times:\n%s", n, said)
			}
		})
	}
}

// greets asks something on a platform and waits for the answer.
func (p *platforms) greets(t *testing.T, ctx context.Context, platform string) {
	t.Helper()
	if platform == "discord" {
		if err := p.discord.WaitConnected(ctx); err != nil {
			t.Fatal(err)
		}
		u := p.discord.AddUser(fakediscord.User{Name: "luc"}).ID
		room := p.discord.AddChannel(p.guild, "room", fakediscord.Text, 0).ID
		x, err := p.discord.Command(ctx, u, room, "procura ask", map[string]any{"question": "Who can join?"})
		p.answered(t, ctx, "", x, err)
		return
	}
	if err := p.slack.WaitConnected(ctx, 2); err != nil {
		t.Fatal(err)
	}
	u := p.slack.AddUser(fakeslack.User{Name: "maja"}).ID
	if _, err := p.slack.Say(ctx, u, p.slack.DM(u), "Who can join?", ""); err != nil {
		t.Fatal(err)
	}
	p.saidOnSlack(t, ctx, "", func() []fakeslack.Message { return p.slack.Messages(p.slack.DM(u)) })
}

// TestStopWhileItStarts: whenever a stop comes, it is no failure.
func TestStopWhileItStarts(t *testing.T) {
	p := openPlatforms(t)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	var log logbook
	if code := run(stopped, []string{"run"}, p.settings(), nil, io.Discard, &log); code != 0 || log.String() != "" {
		t.Errorf("exit code %d, %q", code, log.String())
	}
}

// TestRefusedByThePlatform: what a platform says of a message is done, through
// all layers: no is no, and wait is wait.
func TestRefusedByThePlatform(t *testing.T) {
	p, ctx := openPlatforms(t), limit(t, time.Minute)
	u := p.slack.AddUser(fakeslack.User{Name: "maja"}).ID
	room := p.slack.AddChannel(fakeslack.Channel{Name: "room", Members: []string{u}, BotIsMember: true}).ID
	d := p.discord.AddUser(fakediscord.User{Name: "luc"}).ID
	salon := p.discord.AddChannel(p.guild, "salon", fakediscord.Text, 0).ID
	const discordRoute = "POST /channels/{channel}/messages"
	r := begin(t, p.settings())
	if err := p.connected(ctx); err != nil {
		t.Fatalf("%v\n%s", err, r.log.tail())
	}
	mention := func() {
		t.Helper()
		if _, err := p.slack.Say(ctx, u, room, p.slack.Mention()+" Who can join?", ""); err != nil {
			t.Fatal(err)
		}
		if _, err := p.discord.Say(ctx, d, salon, p.discord.Mention()+" Who can join?", ""); err != nil {
			t.Fatal(err)
		}
	}

	p.slack.Fault(fakeslack.Fault{Method: "chat.postMessage", Kind: fakeslack.Code, Code: "is_archived"})
	p.discord.Fail(discordRoute, 1, fakediscord.Code(50013))
	mention()
	if err := r.log.await(limit(t, 20*time.Second), func() bool { return len(r.log.entries("a message will not be sent")) == 2 }); err != nil {
		t.Errorf("what is refused for good is tried again:\n%s", r.log.tail())
	}
	for _, m := range p.slack.FromBot(room) {
		t.Errorf("said after it was refused: %q", m.Shown())
	}

	const wait = 2 * time.Second
	p.slack.Fault(fakeslack.Fault{Method: "chat.postMessage", Kind: fakeslack.RateLimited, RetryAfter: 2})
	p.discord.Fail(discordRoute, 1, fakediscord.RateLimited(wait, "user", false))
	before, beforeD := len(p.slack.Calls("chat.postMessage")), len(p.posts(discordRoute))
	mention()
	if err := p.await(ctx, func() bool {
		return len(p.slack.Calls("chat.postMessage")) >= before+2 && len(p.posts(discordRoute)) >= beforeD+2
	}); err != nil {
		t.Fatalf("%v\n%s", err, r.log.tail())
	}
	if calls := p.slack.Calls("chat.postMessage")[before:]; calls[1].At.Sub(calls[0].At) < wait {
		t.Errorf("Slack asked for %s and got %s", wait, calls[1].At.Sub(calls[0].At))
	}
	if calls := p.posts(discordRoute)[beforeD:]; calls[1].Time.Sub(calls[0].Time) < wait {
		t.Errorf("Discord asked for %s and got %s", wait, calls[1].Time.Sub(calls[0].Time))
	}
	r.end(t, ctx)
	inside(t, p.database(), func(tx *database.Tx) error {
		rows, err := rowsOf(tx)
		states := map[string]int{}
		for _, row := range rows {
			states[row.state]++
			if row.state == "dead" && row.reason == "" {
				t.Errorf("%s is dead without a reason", row.key)
			}
		}
		if !maps.Equal(states, map[string]int{"dead": 2, "sent": 2}) {
			t.Errorf("the outbox holds %v", states)
		}
		return err
	})
}

func (p *platforms) posts(route string) (all []fakediscord.Request) {
	for _, r := range p.discord.Requests() {
		if r.Route == route {
			all = append(all, r)
		}
	}
	return all
}
