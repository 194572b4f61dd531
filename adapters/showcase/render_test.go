package showcase

import (
	"bytes"
	"flag"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"procurabot/internal/markup"
)

var update = flag.Bool("update", false, "write golden files anew")

// known is a reader in French who knows one person and one channel.
func known(t *testing.T) reader {
	t.Helper()
	all, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	return reader{
		user:    func(id string) string { return map[string]string{"U1": "Luc", "41": "Luc"}[id] },
		channel: func(id string) string { return map[string]string{"C1": "lobby", "42": "lobby"}[id] },
		alive:   func(mention string) bool { return mention == "@here" },
		words:   all["fr"], zone: time.UTC,
	}
}

func golden(t *testing.T, name string, texts []string, draw func(string) template.HTML) {
	t.Helper()
	var b bytes.Buffer
	for _, text := range texts {
		fmt.Fprintf(&b, "%s\n---\n%s\n\n", text, strings.ReplaceAll(string(draw(text)), "</p><", "</p>\n<"))
	}
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%s differs; it now is:\n%s", path, b.Bytes())
	}
}

func TestSlackDrawsMrkdwn(t *testing.T) {
	golden(t, "mrkdwn", []string{
		"*Yes*, towns of _any_ size &amp; &lt;kind&gt;\n• see <https://example.org/rules?a=1&amp;b=2|the rules>\n> quoted `code`\n\nend",
		"*bold _both_* ~gone~ 2*3*4 snake_case_name * not * *a",
		"`*code* &lt;b&gt;` and ```\nfenced *text*\n``` after",
		"<@U1> in <#C1> and <@U9>, <!here>",
		"<https://example.org> <mailto:a@example.org|a@example.org> <javascript:alert(1)|here>",
		"on <!date^1775034300^{date} at {time}|1 April> and <!date^x^{date}|then>",
		"&gt; typed quote\n&amp;lt; ∗twin∗ @\u2060name",
	}, mrkdwn{known(t)}.html)
}

func TestDiscordDrawsMarkdown(t *testing.T) {
	golden(t, "markdown", []string{
		"**Non** : voir [le guide](<https://example.org/a_b>).\n- un\n- deux\n-# Réponse automatique\n> cité",
		"**bold _both_** *it* __under__ ~~gone~~ snake_case_name 2 * 3 * 4 \\*plain\\* \\<b\\>",
		"`*code* <b>` ```\n```\nfenced *text*\n```",
		"<@41> in <#42> and <@99>, @here but not @everyone",
		"https://example.org/a_b_c. <https://example.org/x> [x](javascript:alert(1))",
		"at <t:1775034300:F>, <t:1775034300:t>, <t:1775034300:d>",
		"# Title\n@\u200beveryone \\[a\\](b) **open",
	}, markdown{known(t)}.html)
}

// tags are all that may stand in what is drawn.
var tags = regexp.MustCompile(`</?(?:p|div|strong|em|s|u|code|time|span|a)(?: (?:dir="auto"|class="[a-z]+"|datetime="[0-9TZ:-]+"|href="(?:https?|mailto):[^"<>]*"|rel="[a-z ]+"|target="_blank"))*>`)

// FuzzDrawingIsInert: whatever a platform has stored, drawing it brings no
// markup to life, and loses none of the words between.
func FuzzDrawingIsInert(f *testing.F) {
	for _, text := range []string{
		`<script>alert(1)</script><img src=x onerror=alert(1)>`, `"><a href="javascript:alert(1)">x</a>`, "\u202edrakcab\n*_`<@U1|x>`_*",
		`[a"b](<https://e.org/"onclick="x>)`, `<https://e.org/"onclick="x|y"z>`, `<!date^1^{date}^javascript:x|y>`, "```", "> <\n&gt;", `<t:99999999999:F>`,
		`<mailto:"><b>|x>`, `**a*b**c*`, "\xff\xfe*a*", "<!date>", "<!date^>", "\\",
	} {
		f.Add(text)
	}
	all, err := readWords()
	if err != nil {
		f.Fatal(err)
	}
	r := reader{
		user: func(string) string { return `<b>"` }, channel: func(string) string { return `<i>` },
		alive: func(string) bool { return true }, words: all["de"], zone: time.UTC,
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, drawn := range map[string]template.HTML{
			"mrkdwn": mrkdwn{r}.html(text), "markdown": markdown{r}.html(text),
			"what the bot says to Slack":   mrkdwn{r}.html(markup.Slack(markup.Escape(text))),
			"what the bot says to Discord": markdown{r}.html(markup.Discord(markup.Escape(text))),
		} {
			if rest := tags.ReplaceAllString(string(drawn), ""); strings.ContainsAny(rest, `<>"`) {
				t.Errorf("%s: %q became %q, of which is left %q", name, text, drawn, rest)
			}
			if directions.MatchString(string(drawn)) {
				t.Errorf("%s: the order of words reaches out of %q", name, drawn)
			}
		}
	})
}
