package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	browserlog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"procurabot/locales"
)

var screens = flag.String("screens", "", "folder in which to save pictures of the page")

// axe is the accessibility checker that tools/package.json names.
const axe = "../../tools/node_modules/axe-core/axe.min.js"

const (
	soon  = 30 * time.Second      // by when a busy machine has shown what is awaited
	often = 20 * time.Millisecond // between two looks at the page
)

// need leaves a test out where what it needs is not installed. Nothing may be
// missing where changes are checked before they land.
func need(t *testing.T, what string, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is missing: %v", what, err)
	default:
		t.Skip(what)
	}
}

// TestDemo opens the page of the demo in Chromium and plays the people on it.
// Each part has a demo of its own; they share the browser.
func TestDemo(t *testing.T) {
	browser := startBrowser(t)
	testApp(t, parts{}) // learns what ships once, and not in each part at the same time
	for _, part := range []struct {
		name string
		play func(*testing.T, *demo)
	}{
		{"three people in three languages", askInThreeLanguages},
		{"a person answers", letAPersonAnswer},
		{"a message is edited", editAMessage},
		{"by keyboard alone", useTheKeyboard},
		{"time is moved on", moveTimeOn},
		{"hostile text", writeHostileText},
		{"accessible to all", checkAccessibility},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.play(t, startDemo(t, browser))
		})
	}
}

// strange is a question that no stored answer suits.
const strange = "Combien de chats habitent dans votre bureau ?"

func askInThreeLanguages(t *testing.T, d *demo) {
	p, second := d.open("ada", ""), d.open("greta", "lobby")
	second.eval(`window.neverLoadedAgain = true`)
	for _, q := range []struct{ who, at, language, topic, question string }{
		{"maja", "", "en", "travel-grants", "Would the network chip in for my train ticket and hotel?"},
		{"luc", "lobby", "fr", "study-tours", "@Procurabot Notre équipe rêve d'aller voir sur place comment font d'autres villes européennes"},
		{"greta", "lobby", "de", "who-can-join", "@Procurabot Kann unser kleines Dorf mit 300 Einwohnern überhaupt teilnehmen?"},
	} {
		page := knowledge(t, q.language, q.topic)
		if strings.Contains(page, strings.TrimPrefix(q.question, "@Procurabot ")) {
			t.Errorf("%q is a stored phrase", q.question)
		}
		answer := opening(page[strings.LastIndex(page, "+++\n")+4:])
		p.become(q.who, q.at)
		p.say(q.question)
		p.sees("by the bot, marked as "+q.language, `.bot .text[lang="`+q.language+`"]`, answer)
		if got := p.eval(`document.documentElement.lang`); got != q.language {
			t.Errorf("the page of %s is in %q", q.who, got)
		}
		if q.at != "" {
			second.sees("what was asked", ".written", q.question)
			second.sees("what was answered", ".replies .bot .text", answer)
		}
	}
	if second.eval(`window.neverLoadedAgain`) != true {
		t.Error("the second page was loaded again")
	}
}

func letAPersonAnswer(t *testing.T, d *demo) {
	const answer = "Trois chats, et ils vous saluent."
	luc, vera := d.open("luc", "lobby"), d.open("vera", "editors")
	luc.say("@Procurabot " + strange)
	luc.press(said(t, "fr", "benefits.person.button"))
	luc.sees("that the question was passed on", ".only .text", opening(said(t, "fr", "benefits.person-asked-public")))
	vera.press(said(t, "de", "benefits.answer.button"))
	vera.sees("the form", "dialog:modal h2", said(t, "de", "benefits.answer-form.title"))
	vera.write("dialog textarea", answer)
	vera.press(said(t, "de", "benefits.answer-form.button"))
	vera.sees("the preview", ".only .text", opening(said(t, "de", "benefits.preview")))
	vera.sees("the answer in the preview", ".only .text", answer)
	if luc.shows(".text", answer) {
		t.Error("the answer was sent before its preview was accepted")
	}
	vera.press(said(t, "de", "benefits.send.button"))
	vera.sees("that it was sent", ".only .text", said(t, "de", "benefits.sent"))
	luc.sees("who answers", ".replies .bot .text", opening(said(t, "fr", "benefits.person-answer")))
	luc.sees("the answer", ".replies .bot .text", answer)
}

func editAMessage(t *testing.T, d *demo) {
	const text = "Good day! I have learnt a new greeting."
	ada := d.open("ada", "")
	ada.say("/procura-admin messages edit help.hello en")
	ada.sees("the form", "dialog:modal h2", said(t, "en", "messages.edit-form.title"))
	if got := ada.eval(`document.querySelector("dialog textarea").value`); got != said(t, "en", "help.hello") {
		t.Errorf("the form begins with %q", got)
	}
	ada.write("dialog textarea", text)
	ada.press(said(t, "en", "messages.edit-form.button"))
	ada.sees("that it was saved", ".bot .text", opening(said(t, "en", "messages.saved")))
	ada.become("maja", "")
	ada.say("Hello")
	ada.sees("the new greeting, as Maja", ".bot .text", text)
}

func useTheKeyboard(t *testing.T, d *demo) {
	const focus = `document.activeElement`
	p := d.open("luc", "lobby")
	for _, link := range []string{"#log", "#text"} {
		p.become("luc", "lobby")
		p.tabTo("the link to "+link, focus+`.hash === "`+link+`" && `+focus+`.getBoundingClientRect().top >= 0`)
		p.keys(kb.Enter)
		p.until("the focus is in "+link, focus+`.matches("`+link+`")`)
	}
	p.become("luc", "lobby")
	p.tabTo("the field to write in", focus+`.matches("#text")`)
	p.keys("@Procurabot " + strange + kb.Enter)
	person := button(said(t, "fr", "benefits.person.button"))
	p.until("there is a button", person)
	p.tabTo("the button, backwards", focus+` === `+person, chromedp.KeyModifiers(chromedp.ModifierShift))
	p.keys(kb.Enter)
	p.sees("that the question was passed on", ".only .text", opening(said(t, "fr", "benefits.person-asked-public")))

	p.become("vera", "editors")
	answer := button(said(t, "de", "benefits.answer.button"))
	p.tabTo("the button", focus+` === `+answer)
	p.keys(kb.Enter)
	p.until("the focus is in the form", focus+`.matches("dialog:modal textarea")`)
	p.keys("Katzen")
	p.until("it takes what is typed", focus+`.value === "Katzen"`)
	for range 6 { // more than the form has
		p.keys(kb.Tab)
		if p.eval(`!!`+focus+`.closest("dialog") || `+focus+` === document.body`) != true {
			t.Error("the focus leaves the form for the page behind it")
		}
	}
	p.keys(kb.Escape)
	p.until("the form is closed and the focus back", `!document.querySelector("dialog") && `+focus+` === `+answer)
}

func moveTimeOn(t *testing.T, d *demo) {
	p := d.open("luc", "")
	p.say(strange)
	p.press(said(t, "fr", "benefits.person.button"))
	p.sees("that the question was passed on", ".text", opening(said(t, "fr", "benefits.person-asked-private")))
	p.become("vera", "editors")
	p.until("there is a question", button(said(t, "de", "benefits.answer.button")))
	// A weekend may lie within three days, and does not count.
	for range 2 {
		const now = `document.querySelector('[data-part="now"]').textContent`
		before := p.eval(now)
		p.click(`document.querySelector('button[name="step"][value="days"]')`)
		p.until("time has moved on", now+` !== `+quote(before))
	}
	reminder := opening(said(t, "de", "benefits.editors-reminder"))
	p.sees("the reminder", ".bot .text", reminder)
	p.sees("the question in it", ".bot .text:has(blockquote)", strange)
	if n := p.eval(`[...document.querySelectorAll(".bot .text")].filter(e => e.textContent.includes(` + quote(reminder) + `)).length`); n != 1.0 {
		t.Errorf("there are %v reminders", n)
	}
	p.become("luc", "")
	p.sees("that the question is not forgotten", ".bot .text", opening(said(t, "fr", "benefits.waiting")))
}

func writeHostileText(t *testing.T, d *demo) {
	const override = "\u202e" // shows what follows from right to left
	const hostile = `<script>window.hostile=1</script> <img src=x onerror="window.hostile=1"> &lt;img onerror=alert(1)&gt; ` +
		`[here](javascript:alert(1)) {{.Contact}} *bold* @everyone ` + override + `drakcab`
	shown := strings.ReplaceAll(hostile, override, "")
	maja, vera := d.open("maja", "lobby"), d.open("vera", "editors")
	maja.say("@Procurabot How many cats live in your office? " + hostile)
	maja.sees("her words", ".written", shown)
	maja.press(said(t, "en", "benefits.person.button"))
	vera.sees("them in the bot's words", ".bot blockquote", shown)
	vera.press(said(t, "de", "benefits.answer.button"))
	vera.until("there is a form", `document.querySelector("dialog:modal")`)
	vera.write("dialog textarea", "</textarea>"+hostile)
	vera.press(said(t, "de", "benefits.answer-form.button"))
	vera.sees("the preview", ".only .text", "</textarea>"+shown)
	vera.press(said(t, "de", "benefits.change.button"))
	vera.until("it is in the form", `document.querySelector("dialog:modal textarea")?.value.startsWith("</textarea><script>")`)
	vera.keys(kb.Escape)
	vera.until("the form is closed", `!document.querySelector("dialog")`)
	vera.press(said(t, "de", "benefits.send.button"))
	maja.sees("the answer", ".replies .bot .text", "</textarea>"+shown)
	for _, p := range []*tab{maja, vera} {
		for what, alive := range map[string]string{
			"an element":  `[...document.querySelectorAll("#messages :is(script, style, iframe, object, textarea, img:not(.face), a[href^=javascript], .written *, blockquote :not(p, br))")].map(e => e.outerHTML).join()`,
			"a script":    `window.hostile ?? ""`,
			"an override": `document.body.textContent.includes("\u202e") ? "kept" : ""`,
		} {
			if got := p.eval(alive); got != "" {
				t.Errorf("hostile text brought %s to life for %s: %v", what, p.who, got)
			}
		}
	}
}

func checkAccessibility(t *testing.T, d *demo) {
	source, err := os.ReadFile(axe)
	need(t, "axe-core", err)
	p := d.open("maja", "")
	p.check(t, source, "empty")

	const long = "@Procurabot Ist die Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft eingeladen? " +
		"https://example.org/an-address-without-any-space/and-without-an-end/which-must-break-somewhere.html"
	passedOn := opening(said(t, "de", "benefits.person-asked-public"))
	p.become("greta", "lobby")
	p.say("@Procurabot Kann unser kleines Dorf mit 300 Einwohnern überhaupt teilnehmen?")
	p.press(said(t, "de", "benefits.person.button"))
	p.sees("that the question was passed on", ".only .text", passedOn)
	p.say(long)
	p.until("there is an answer", `document.querySelectorAll(".replies .bot:not(.only)").length === 2`)
	p.say("Niemand hört das.")
	p.until("there is a notice", `document.querySelector(".problem[role=status]")`)
	p.check(t, source, "conversation")

	p.become("vera", "editors")
	p.press(said(t, "de", "benefits.answer.button"))
	p.until("there is a form", `document.querySelector("dialog:modal")`)
	p.press(said(t, "de", "benefits.answer-form.button"))
	p.until("a field is refused", `document.querySelector("dialog:modal [aria-invalid]")`)
	p.check(t, source, "form")
}

// check looks for whoever a scene keeps out, on screens large and small, in
// light and in dark.
func (p *tab) check(t *testing.T, axe []byte, scene string) {
	t.Helper()
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"desktop", 1280, 900}, {"phone", 390, 844}, {"narrow", 320, 568}} {
		p.do(chromedp.EmulateViewport(size.width, size.height))
		if wide := p.eval(`[document.documentElement, ...document.querySelectorAll("[role=log], #side, dialog")]
			.filter(e => e.scrollWidth > e.clientWidth).map(e => e.tagName + "#" + e.id).join()`); wide != "" {
			t.Errorf("%s, %s: must be scrolled sideways: %s", scene, size.name, wide)
		}
		if size.name == "narrow" {
			continue
		}
		for _, scheme := range []string{"light", "dark"} {
			p.scheme(scheme)
			p.picture(size.name + "-" + scheme + "-" + scene)
			for _, v := range p.violations(axe) {
				t.Errorf("%s, %s, %s: %s", scene, size.name, scheme, v)
			}
		}
	}
	p.do(chromedp.EmulateViewport(1280, 900))
}

// ---- what the program says

// said is a text of the bot as it is shipped.
func said(t *testing.T, language, id string) string {
	t.Helper()
	texts := map[string]any{}
	if _, err := toml.DecodeFS(locales.Files(), "active."+language+".toml", &texts); err != nil {
		t.Fatal(err)
	}
	text, ok := texts[id].(string)
	if !ok {
		t.Fatalf("there is no text %s in %q", id, language)
	}
	return text
}

func knowledge(t *testing.T, language, topic string) string {
	t.Helper()
	text, err := fs.ReadFile(locales.Files(), "benefits/"+language+"/"+topic+".md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// opening is what a text begins with that holds no placeholder and no mark.
func opening(text string) string {
	return strings.TrimSpace(regexp.MustCompile(`^[^{*_\n]*`).FindString(text))
}

// ---- the demo

type demo struct {
	t       *testing.T
	browser context.Context
	url     string
}

// startDemo runs the program until the test ends.
func startDemo(t *testing.T, browser context.Context, flags ...string) *demo {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code := run(ctx, append([]string{"demo", "--listen", "127.0.0.1:0"}, flags...), nil, nil, in, t.Output())
		in.Close()
		ended <- code
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != 0 {
			t.Errorf("the demo ended with %d", code)
		}
	})
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("the demo said %q and no more: %v", line, err)
	}
	go io.Copy(io.Discard, lines) //nolint:errcheck // ends with the demo
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+/`).FindString(line)
	if address == "" {
		t.Fatalf("the demo gives no address: %q", line)
	}
	return &demo{t, browser, address}
}

// ---- the browser

// startBrowser gives the context of a Chromium in which tabs can be opened.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	need(t, "chromium", err)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(chromium), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true))
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("stop Chromium: %v", err)
		}
	})
	return ctx
}

// tab is the page as one person has it open.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string // of the demo
	who string

	mu    sync.Mutex
	wrong []string // what the browser complained about
}

// open opens the page for a person, at a channel or at their private
// conversation.
func (d *demo) open(who, at string) *tab {
	d.t.Helper()
	p := &tab{t: d.t, url: d.url}
	ctx, cancel := chromedp.NewContext(d.browser, chromedp.WithListener(p.listen))
	p.ctx = ctx
	d.t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, w := range p.wrong {
			d.t.Errorf("a page has %s", w)
		}
	})
	d.t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // the tab lives as long as the context of this
		d.t.Fatal(err)
	}
	p.do(chromedp.EmulateViewport(1280, 900), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		// Several tabs have the focus at once, as in windows of several people.
		_, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	}))
	p.scheme("light")
	p.become(who, at)
	return p
}

// become turns the page over to another person, or to another place.
func (p *tab) become(who, at string) {
	p.t.Helper()
	p.who = who
	q := url.Values{"as": {who}}
	if at != "" {
		q.Set("at", at)
	}
	p.do(chromedp.Navigate(p.url + "?" + q.Encode()))
}

func (p *tab) listen(event any) {
	var wrong string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		wrong = "an exception: " + (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error()
	case *browserlog.EventEntryAdded:
		wrong = fmt.Sprintf("%s: %s", e.Entry.Level, e.Entry.Text)
	case *page.EventJavascriptDialogOpening:
		wrong = "a dialog opened: " + e.Message
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrong = append(p.wrong, wrong)
}

// do gives up when it takes too long.
func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, soon)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("on the page of %s: %v", p.who, err)
	}
}

// eval gives what an expression is worth on the page, as JSON has it.
func (p *tab) eval(expression string) any {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, soon)
	defer cancel()
	raw, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("on the page of %s: %v", p.who, err)
	}
	if len(raw) == 0 {
		return nil
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		p.t.Fatalf("on the page of %s: %s: %v", p.who, raw, err)
	}
	return value
}

// until waits until an expression is true on the page.
func (p *tab) until(what, expression string) {
	p.t.Helper()
	_, err := chromedp.Run(p.ctx, chromedp.Poll[chromedp.Void](`!!(`+expression+`)`,
		chromedp.WithPollingInterval(often), chromedp.WithPollingTimeout(soon)))
	if err != nil {
		p.t.Fatalf("on the page of %s, not so: %s: %v\n%v", p.who, what, err, p.eval(`document.activeElement.outerHTML.slice(0, 200) + JSON.stringify(document.activeElement.value ?? "") + "\n" + document.querySelector("main").innerText`))
	}
}

// holding is an expression for an element that shows a text, however its spaces
// are.
func holding(selector, text string) string {
	return `[...document.querySelectorAll(` + quote(selector) + `)].some(e => e.textContent.replace(/\s+/g, " ").includes(` +
		quote(strings.Join(strings.Fields(text), " ")) + `))`
}

func (p *tab) sees(what, selector, text string) {
	p.t.Helper()
	p.until("sees "+what+": "+text, holding(selector, text))
}

func (p *tab) shows(selector, text string) bool {
	p.t.Helper()
	return p.eval(holding(selector, text)) == true
}

// button is an expression for the newest button that says something.
func button(label string) string {
	return `[...document.querySelectorAll(".messages button, dialog:modal button")].filter(b => b.textContent === ` + quote(label) + `).at(-1)`
}

func (p *tab) press(label string) {
	p.t.Helper()
	p.click(button(label))
}

func (p *tab) click(expression string) {
	p.t.Helper()
	p.do(chromedp.Click(chromedp.JSPath(expression)))
}

// write replaces what is in a field.
func (p *tab) write(selector, text string) {
	p.t.Helper()
	p.eval(`document.querySelector(` + quote(selector) + `).select()`)
	p.insert(text)
}

func (p *tab) insert(text string) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}))
}

// say writes a message and sends it.
func (p *tab) say(text string) {
	p.t.Helper()
	p.do(chromedp.Click(chromedp.ID("text")))
	p.insert(text)
	p.keys(kb.Enter)
	p.until("it was sent", `document.getElementById("text").value === ""`)
}

func (p *tab) keys(keys string, o ...chromedp.KeyOption) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys, o...))
}

// tabTo presses Tab until the focus is where it is to be.
func (p *tab) tabTo(what, expression string, o ...chromedp.KeyOption) {
	p.t.Helper()
	const patience = 40 // more than the page has before its conversation
	for range patience {
		p.keys(kb.Tab, o...)
		if p.eval(`!!(`+expression+`)`) == true {
			return
		}
	}
	p.t.Fatalf("%s is not within %d presses of Tab for %s", what, patience, p.who)
}

// scheme has the browser prefer light or dark, and nothing moving.
func (p *tab) scheme(scheme string) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	}))
}

func (p *tab) picture(name string) {
	p.t.Helper()
	if *screens == "" {
		return
	}
	b, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*screens, name+".png"), b, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// violations are what axe finds that keeps people out.
func (p *tab) violations(axe []byte) []string {
	p.t.Helper()
	if p.eval(`typeof axe`) != "object" {
		p.eval(string(axe) + "; undefined")
	}
	var found []struct {
		ID, Impact, Help string
		Nodes            []struct{ HTML, FailureSummary string }
	}
	b, err := json.Marshal(p.eval(`axe.run({resultTypes: ["violations"]}).then(r => r.violations)`))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := json.Unmarshal(b, &found); err != nil {
		p.t.Fatal(err)
	}
	var all []string
	for _, f := range found {
		for _, n := range f.Nodes {
			v := fmt.Sprintf("%s (%s): %s\n%s\n%s", f.ID, f.Impact, f.Help, n.HTML, n.FailureSummary)
			if slices.Contains([]string{"serious", "critical"}, f.Impact) {
				all = append(all, v)
			} else {
				p.t.Log(v)
			}
		}
	}
	return all
}

func quote(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and what JSON gave always can be
	}
	return string(b)
}
