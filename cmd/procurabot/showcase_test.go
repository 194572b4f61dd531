package main

import (
	"bufio"
	"context"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestDemoOfPlatforms opens the page on which the demo shows Slack and Discord,
// and plays the people on both.
func TestDemoOfPlatforms(t *testing.T) {
	browser := startBrowser(t)
	testApp(t, parts{}) // learns what ships once, and not in each part at the same time
	for _, part := range []struct {
		name  string
		flags []string
		play  func(*testing.T, *demo)
	}{
		{"a question on both", []string{"--slack", "--discord"}, askOnBoth},
		{"a person answers on the other", []string{"--slack", "--discord"}, answerFromSlack},
		{"hostile text", []string{"--slack", "--discord"}, writeHostileTextOnBoth},
		{"slack alone", []string{"--slack"}, showSlackAlone},
		{"discord alone", []string{"--discord"}, showDiscordAlone},
		{"accessible to all", []string{"--slack", "--discord"}, checkBothForAll},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.play(t, startDemo(t, browser, part.flags...))
		})
	}
}

// on is what stands in the pane of a platform.
func on(platform, selector string) string { return "#pane-" + platform + " " + selector }

// pressOn presses the newest button that says something on one platform.
func (p *tab) pressOn(platform, label string) {
	p.t.Helper()
	newest := `[...document.querySelectorAll(` + quote(on(platform, "button")) + `)].filter(b => b.textContent === ` + quote(label) + `).at(-1)`
	p.until("there is a button "+label+" on "+platform, newest)
	p.click(newest)
}

func askOnBoth(t *testing.T, d *demo) {
	maja, luc := d.open("maja", "lobby"), d.open("luc", "lobby")
	luc.eval(`window.neverLoadedAgain = true`)
	maja.say("@Procurabot " + "Would the network chip in for my train ticket and hotel?")
	page := knowledge(t, "en", "travel-grants")
	answer := opening(page[strings.LastIndex(page, "+++\n")+4:])
	helpful := said(t, "en", "benefits.helpful.button")
	for _, platform := range []string{"slack", "discord"} {
		maja.sees("the answer on "+platform, on(platform, ".bot .text"), answer)
		luc.sees("it as well", on(platform, ".bot .text"), answer)
		luc.sees("the mention", on(platform, ".mention"), "@Procurabot")
	}
	maja.sees("Slack's context", on("slack", ".bot .context"), "Automatic answer")
	maja.sees("Discord's small print", on("discord", ".bot .small"), "Automatic answer")
	maja.sees("the answer in the thread", on("slack", ".replies .bot"), answer)
	maja.sees("what is answered", on("discord", ".answers"), "Maja")
	maja.pressOn("discord", helpful)
	maja.sees("thanks on Discord", on("discord", ".only .text"), said(t, "en", "benefits.thanks-helpful"))
	if maja.shows(on("slack", ".only .text"), "") {
		t.Error("a press on Discord was heard on Slack")
	}
	if luc.eval(`window.neverLoadedAgain`) != true {
		t.Error("the second page was loaded again")
	}
}

func answerFromSlack(t *testing.T, d *demo) {
	const answer = "Trois *chats*, et <ils> vous saluent."
	luc, vera := d.open("luc", "lobby"), d.open("vera", "editors")
	luc.click(`document.querySelector('input[name="on"][value="discord"]')`)
	luc.say("@Procurabot " + strange)
	luc.pressOn("discord", said(t, "fr", "benefits.person.button"))
	luc.sees("that the question was passed on", on("discord", ".only .text"), opening(said(t, "fr", "benefits.person-asked-public")))
	if luc.shows(on("slack", ".message"), "") {
		t.Error("what was for Discord alone is on Slack")
	}
	vera.sees("that the channel is not on Discord", on("discord", ".empty"), "Discord")
	vera.pressOn("slack", said(t, "de", "benefits.answer.button"))
	vera.sees("the form", "dialog.slack:modal h2", said(t, "de", "benefits.answer-form.title"))
	vera.press(said(t, "de", "benefits.answer-form.button"))
	vera.until("an empty field is refused", `document.querySelector("dialog:modal [aria-invalid]")`)
	vera.write("dialog textarea", answer)
	vera.press(said(t, "de", "benefits.answer-form.button"))
	// Slack has no escape for its marks: twins stand in their place.
	vera.sees("the preview", on("slack", ".only .text"), strings.ReplaceAll(answer, "*", "∗"))
	vera.pressOn("slack", said(t, "de", "benefits.send.button"))
	luc.sees("the answer, on Discord", on("discord", ".bot .text"), answer)
}

func writeHostileTextOnBoth(t *testing.T, d *demo) {
	const override = "\u202e" // shows what follows from right to left
	const hostile = `<script>window.hostile=1</script> <img src=x onerror="window.hostile=1"> &lt;b&gt; ` +
		`[here](javascript:alert(1)) <javascript:alert(1)|x> *bold* @everyone <!channel> ` + override + `drakcab`
	maja := d.open("maja", "lobby")
	maja.say("@Procurabot How many cats live in your office? " + hostile)
	person := said(t, "en", "benefits.person.button")
	maja.pressOn("slack", person)
	maja.pressOn("discord", person)
	vera := d.open("vera", "editors")
	vera.until("both questions are there", `[...document.querySelectorAll(".bot blockquote, .bot .quote")].filter(e => e.textContent.includes("<script>window.hostile=1</script>")).length === 2`)
	for _, p := range []*tab{maja, vera} {
		for what, alive := range map[string]string{
			"an element":  `[...document.querySelectorAll(".messages :is(script, style, iframe, object, textarea, img, a[href^=javascript])")].map(e => e.outerHTML).join()`,
			"a mention":   `[...document.querySelectorAll(".messages .bot .mention")].map(e => e.outerHTML).join()`,
			"a script":    `window.hostile ?? ""`,
			"an override": `document.body.textContent.includes("\u202e") ? "kept" : ""`,
		} {
			if got := p.eval(alive); got != "" {
				t.Errorf("hostile text brought %s to life for %s: %v", what, p.who, got)
			}
		}
	}
}

func showSlackAlone(t *testing.T, d *demo) {
	p := d.open("ada", "lobby")
	p.say("/procura-admin messages edit help.thanks en")
	p.sees("the form", "dialog.slack:modal h2", said(t, "en", "messages.edit-form.title"))
	if got := p.eval(`document.querySelectorAll(".pane.discord, fieldset, #tabs").length`); got != 0.0 {
		t.Errorf("%v things on the page are for two platforms", got)
	}
}

func showDiscordAlone(t *testing.T, d *demo) {
	p := d.open("ada", "")
	p.say("/procura help")
	p.sees("the help", on("discord", ".bot .text"), "/procura ask")
	p.do(chromedp.Click(chromedp.ID("text")))
	p.insert("/procura-admin roles list")
	p.click(`document.querySelector("#say .send")`)
	p.sees("that Discord keeps it out of direct messages", ".problem", "Discord")
	p.become("ada", "editors")
	p.say("/procura-admin messages edit help.thanks en")
	p.sees("the form", "dialog.discord:modal h2", said(t, "en", "messages.edit-form.title"))
	p.write("dialog textarea", "You are most welcome.")
	p.press("Submit")
	p.sees("that it was saved", on("discord", ".bot .text"), opening(said(t, "en", "messages.saved")))
}

func checkBothForAll(t *testing.T, d *demo) {
	source, err := os.ReadFile(axe)
	need(t, "axe-core", err)
	p := d.open("maja", "")
	p.check(t, source, "both-empty")

	p.become("greta", "lobby")
	p.say("@Procurabot Kann unser kleines Dorf mit 300 Einwohnern überhaupt teilnehmen?")
	person := said(t, "de", "benefits.person.button")
	for _, platform := range []string{"slack", "discord"} {
		p.pressOn(platform, person)
		p.sees("that the question was passed on", on(platform, ".only .text"), opening(said(t, "de", "benefits.person-asked-public")))
	}
	p.check(t, source, "both-conversation")

	p.become("vera", "editors")
	p.pressOn("slack", said(t, "de", "benefits.answer.button"))
	p.until("there is a form", `document.querySelector("dialog:modal")`)
	p.press(said(t, "de", "benefits.answer-form.button"))
	p.until("a field is refused", `document.querySelector("dialog:modal [aria-invalid]")`)
	p.check(t, source, "both-form")
}

// TestPictureOfBoth takes the picture of the documents, where -screens asks for it.
func TestPictureOfBoth(t *testing.T) {
	if *screens == "" {
		return
	}
	d := startDemo(t, startBrowser(t), "--slack", "--discord")
	luc, maja := d.open("luc", "lobby"), d.open("maja", "lobby")
	luc.say("@Procurabot Qui paie le train pour aller à la conférence ?")
	for _, platform := range []string{"slack", "discord"} {
		maja.until("there is an answer on "+platform, `document.querySelector(`+quote(on(platform, ".bot"))+`)`)
	}
	maja.say("@Procurabot How many cats live in your office?")
	for _, platform := range []string{"slack", "discord"} {
		maja.pressOn(platform, said(t, "en", "benefits.person.button"))
		maja.sees("that the question was passed on", on(platform, ".only .text"), opening(said(t, "en", "benefits.person-asked-public")))
	}
	maja.do(chromedp.EmulateViewport(1280, 1024))
	maja.eval(`document.activeElement.blur()`)
	maja.eval(`for (const log of document.querySelectorAll("[role=log]")) log.scrollTop = log.scrollHeight`)
	maja.picture("both")
}

// TestDemoByForms plays the page of both platforms as a browser without
// JavaScript does.
func TestDemoByForms(t *testing.T) {
	d := startDemo(t, nil, "--slack", "--discord")
	b := &plainBrowser{t, d.url}
	b.post("/say", "as", "Luc", "at", "lobby", "text", "@Procurabot "+strange)
	asked := b.until("the question is answered on both", "?as=Luc&at=lobby", func(page string) bool {
		return strings.Count(page, "benefits.person") == 2
	})
	for _, want := range []string{
		`<span class="mention">@Procurabot</span> Combien de chats`, `<div class="context">`, `class="small"`, `<html lang="fr">`,
	} {
		if !strings.Contains(asked, want) {
			t.Errorf("the page lacks %q:\n%s", want, asked)
		}
	}
	pressed := regexp.MustCompile(`name="on" value="discord"><input type="hidden" name="message" value="([^"]+)"><input type="hidden" name="button" value="(benefits.person[^"]*)"`).FindStringSubmatch(asked)
	if pressed == nil {
		t.Fatalf("there is no button on Discord:\n%s", asked)
	}
	label := said(t, "fr", "benefits.person.button")
	b.post("/press", "as", "Luc", "at", "lobby", "on", "discord", "message", pressed[1], "button", pressed[2], "label", label)
	passed := opening(said(t, "fr", "benefits.person-asked-public"))
	page := b.until("the question was passed on", "?as=Luc&at=lobby", func(page string) bool { return strings.Contains(page, passed) })
	if strings.Count(page, passed) != 1 {
		t.Error("a press on Discord was heard on Slack")
	}
	if other := b.get("?as=Greta&at=lobby"); strings.Contains(other, passed) {
		t.Error("Greta sees what is for Luc alone")
	}
	waiting := b.until("the editors are asked on Slack", "?as=Vera&at=editors", func(page string) bool {
		return strings.Contains(page, html.EscapeString(strange)) || strings.Contains(page, strange)
	})
	if !strings.Contains(waiting, "Diesen Kanal gibt es auf Discord nicht") {
		t.Error("nothing says that the channel is on Slack alone")
	}
}

// plainBrowser is a browser without JavaScript.
type plainBrowser struct {
	t   *testing.T
	url string
}

func (b *plainBrowser) read(r *http.Response, err error) string {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		b.t.Fatalf("status %d, %v: %s", r.StatusCode, err, text)
	}
	return string(text)
}

func (b *plainBrowser) get(query string) string {
	b.t.Helper()
	return b.read(http.Get(b.url + query))
}

func (b *plainBrowser) post(path string, pairs ...string) string {
	b.t.Helper()
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return b.read(http.PostForm(strings.TrimSuffix(b.url, "/")+path, v))
}

// until looks at a page whenever the stream says that something has changed.
func (b *plainBrowser) until(what, query string, seen func(page string) bool) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), soon)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"live", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	stream, err := http.DefaultClient.Do(q)
	if err != nil {
		b.t.Fatal(err)
	}
	defer stream.Body.Close()
	for news := bufio.NewScanner(stream.Body); news.Scan(); {
		if news.Text() != "" {
			continue // within one piece of news
		}
		if page := b.get(query); seen(page) {
			return page
		}
	}
	b.t.Fatalf("not so: %s:\n%s", what, b.get(query))
	return ""
}
