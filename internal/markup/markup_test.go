package markup

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("golden files: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := parseArchive(file)
			if err != nil {
				t.Fatal(err)
			}
			in := Text(strings.TrimSuffix(string(want.Files[0].Data), "\n"))
			got := &archive{Comment: want.Comment, Files: want.Files[:1:1]}
			for _, r := range []struct{ name, text string }{
				{"plain", Plain(in)}, {"slack", Slack(in)}, {"discord", Discord(in)}, {"html", strings.TrimSuffix(string(HTML(in)), "\n")},
			} {
				// Escapes make what is invisible visible in the file.
				text := strings.NewReplacer("\u200b", "{ZWSP}", "\u2060", "{WJ}").Replace(r.text)
				got.Files = append(got.Files, section{Name: r.name, Data: []byte(text + "\n")})
			}
			if *update {
				if err := os.WriteFile(file, got.format(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want.format()), string(got.format())); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// hostile reads testdata/hostile.txt.
func hostile(t testing.TB) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/hostile.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, l := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		if strings.HasPrefix(l, "//") {
			continue
		}
		quoted, err := strconv.QuotedPrefix(l)
		if err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		s, _ := strconv.Unquote(quoted)
		n := 1
		if times := l[len(quoted):]; times != "" {
			if _, err := fmt.Sscanf(times, " * %d", &n); err != nil {
				t.Fatalf("%s: %v", l, err)
			}
		}
		all = append(all, strings.Repeat(s, n))
	}
	return all
}

// templates are the places where data may stand.
var templates = []string{"%s", "a %s b", "x%sy", "- %s", "> %s", "*%s*", "_%s_", "`%s`", "*_%s_*", "[%s](https://example.org)", "a\n%s\nb", "@%s", "<@%s>", "<!%s>", "#%s", ":%s:"}

func excerpt(s string) string { return Cut(s, 200, "...") }

func TestHostileMentionsNothing(t *testing.T) {
	for _, s := range hostile(t) {
		places := templates
		if len(s) > 20_000 {
			places = []string{"<@%s>"} // what is long is here for its length
		}
		for _, template := range places {
			text := Text(strings.Replace(template, "%s", string(Escape(s)), 1))
			if alive := slackAlive(Slack(text)); alive != "" {
				t.Errorf("Slack, %q in %q: %s", excerpt(s), template, alive)
			}
			if alive := discordAlive(Discord(text)); alive != "" {
				t.Errorf("Discord, %q in %q: %s", excerpt(s), template, alive)
			}
		}
		if html := string(HTML(Escape(s))); regexp.MustCompile(`<(/?)(\w*)`).ReplaceAllStringFunc(html, func(tag string) string {
			switch strings.Trim(tag, "</") {
			case "p", "br":
				return ""
			}
			return tag
		}) != regexp.MustCompile(`</?(p|br)\b`).ReplaceAllString(html, "") || strings.Contains(html, "<script") {
			t.Errorf("HTML, %q: %q", excerpt(s), excerpt(html))
		}
	}
}

// What follows reads the platforms' syntax as they document it, and knows nothing
// of the renderers.

var (
	slackName        = regexp.MustCompile(`(?:^|[^\pL\pN\pM])[@#][\pL\pN_]+`)
	discordPing      = regexp.MustCompile(`(?i)@(everyone|here)|<@[!&]?\d+>`)
	discordCode      = regexp.MustCompile("`[^`]*`")
	discordReference = regexp.MustCompile(`<(#\d+|/[^>]+:\d+|a?:\w+:\d+|t:-?\d+(:\w)?|id:\w+)>`)
	discordEscaped   = regexp.MustCompile(`\\[^\pL\pN\s]`)
	discordURL       = regexp.MustCompile(`^https?://[^\s<>*~|\\` + "`" + `\[\]]+`)
	discordLineStart = regexp.MustCompile(`^[\s\p{Z}]*(#|>|-|\+|\d+[.)])`)
)

// slackAlive returns the first mention in mrkdwn: https://docs.slack.dev/messaging/formatting-message-text
// A "<" that is not escaped starts a mention, a date or a link; @name and #name are
// parsed at a word's start where parsing is not off.
func slackAlive(s string) string {
	for rest := s; ; {
		_, after, found := strings.Cut(rest, "<")
		if !found {
			break
		}
		inner, tail, _ := strings.Cut(after, ">")
		if !strings.HasPrefix(inner, "https://example.org|") {
			return "<" + excerpt(inner)
		}
		rest = tail
	}
	return slackName.FindString(strings.ReplaceAll(s, "&#", ""))
}

// discordAlive returns the first mention in raw content, where a backslash does not
// matter to the server, or the first other reference without a backslash:
// https://docs.discord.com/developers/reference#message-formatting
func discordAlive(s string) string {
	if m := discordPing.FindString(s); m != "" {
		return m
	}
	s = discordCode.ReplaceAllString(s, "")
	return discordReference.FindString(discordEscaped.ReplaceAllString(s, "\x00"))
}

// slackMarks returns what would be styled: a mark that opens at a word's start
// and one of its kind that closes at a word's end of the same line, or a quote.
func slackMarks(s string) string {
	for _, line := range strings.Split(s, "\n") {
		if l := strings.TrimSpace(line); strings.HasPrefix(l, "&gt;") || strings.HasPrefix(l, ">") {
			return line
		}
		runes := []rune(line)
		isWord := func(i int) bool {
			return i >= 0 && i < len(runes) && (unicode.IsLetter(runes[i]) || unicode.IsNumber(runes[i]) || unicode.IsMark(runes[i]))
		}
		isSpace := func(i int) bool { return i < 0 || i >= len(runes) || unicode.IsSpace(runes[i]) }
		for _, mark := range "*_~`" {
			open := -1
			for i, r := range runes {
				if r != mark {
					continue
				}
				if open >= 0 && i > open+1 && !isSpace(i-1) && !isWord(i+1) {
					return string(runes[open : i+1])
				}
				if open < 0 && !isWord(i-1) && !isSpace(i+1) {
					open = i
				}
			}
		}
	}
	return ""
}

// discordMarks returns the first mark that is neither escaped nor inside an
// address that Discord links by itself.
func discordMarks(s string) string {
	start := true
	for i := 0; i < len(s); {
		if s[i] == '\\' && i+1 < len(s) {
			if r, size := utf8.DecodeRuneInString(s[i+1:]); !unicode.In(r, unicode.L, unicode.N) && !unicode.IsSpace(r) {
				i, start = i+1+size, false
				continue
			}
		}
		if s[i] == 'h' {
			if m := discordURL.FindString(s[i:]); m != "" {
				i, start = i+len(m), false
				continue
			}
		}
		if start {
			if m := discordLineStart.FindString(s[i:min(len(s), i+32)]); m != "" {
				return m
			}
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if strings.ContainsRune("*_~`|[]<", r) {
			return s[i:]
		}
		start = r == '\n'
		i += size
	}
	return ""
}

func TestCheckersSeeWhatIsAlive(t *testing.T) {
	for _, s := range []string{"<!channel>", "<@U1>", "x @everyone", "#general", "(@here)", "<https://evil.example|x>"} {
		if slackAlive(s) == "" {
			t.Errorf("slackAlive(%q) sees nothing", s)
		}
	}
	for _, s := range []string{"@everyone", `\@here`, `\<@1>`, "<#1>", "<t:1:F>", "</help:1>", "<a:x:1>"} {
		if discordAlive(s) == "" {
			t.Errorf("discordAlive(%q) sees nothing", s)
		}
	}
	for _, s := range []string{"*a*", "x _a b_.", "~a~", "`a`", "&gt; a", "(*a*)"} {
		if slackMarks(s) == "" {
			t.Errorf("slackMarks(%q) sees nothing", s)
		}
	}
	for _, s := range []string{"*a*", "a\n# b", " - a", "||a||", `\\*a*`, "[x](y)", "1. a"} {
		if discordMarks(s) == "" {
			t.Errorf("discordMarks(%q) sees nothing", s)
		}
	}
}

// anyText draws strings rich in what matters here.
var anyText = rapid.Custom(func(t *rapid.T) string {
	bits := []string{"*", "_", "`", "[", "]", "(", ")", "\\", "-", ">", " ", "\n", "\t", "a", "é", "1", ".", ":", "@", "#", "<", "~", "|", "https://", "example.org", "everyone", "](https://example.org)",
		"\u200b", "\u200d", "\ufe0f", "👍", "🏽", "\u0301", "\r", "\xff", "- ", "> ", "e\u0301", "&", "mailto:", "[x](https://example.org)", "*b*", "_i_", "`c`", "word. ", "**"}
	return strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(bits), rapid.String()), 0, 40).Draw(t, "bits"), "")
})

// content is the text of the spans and the breaks between lines.
func content(blocks []Block) string {
	var all []string
	for _, b := range blocks {
		for _, l := range b.Lines {
			all = append(all, l.text())
		}
	}
	return strings.Join(all, "\n")
}

func TestCleanIsIdempotentAndWellFormed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Clean(anyText.Draw(t, "s"))
		if again := Clean(s); again != s {
			t.Errorf("Clean(%q) = %q", s, again)
		}
		if !utf8.ValidString(s) || strings.Contains(s, "\n\n\n") || strings.ContainsAny(s, "\r\x00\u200b\u202e\u2066\ufeff") {
			t.Errorf("not clean: %q", s)
		}
	})
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"a\r\nb\rc":     "a\nb\nc",
		"e\u0301":       "é",
		"e\u200b\u0301": "é",
		"a\n\n\n\nb":    "a\n\nb",
		"\xffa":         "\uFFFDa",
		"👩‍👩‍👧‍👦 🏳️‍🌈 1️⃣": "👩‍👩‍👧‍👦 🏳️‍🌈 1️⃣",
		"a\u200db\ufe0f": "ab",
		"a\x00\x1b\tb":   "a\tb",
		"\U000e0041x":    "x",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func checkEscape(t interface{ Errorf(string, ...any) }, s string) {
	clean, e := Clean(s), Escape(s)
	if got := Plain(e); got != clean {
		t.Errorf("Plain(Escape(%q)) = %q, want %q", excerpt(s), excerpt(got), excerpt(clean))
	}
	if err := Check(e); err != nil {
		t.Errorf("Check(Escape(%q)): %v", excerpt(s), err)
	}
	if clean == "" {
		return
	}
	places := map[string]Span{
		"*%s*": {Bold: true}, "_%s_": {Italic: true}, "`%s`": {Code: true}, "x %s y": {}, "- %s": {}, "> %s": {}, "*_%s_*": {Bold: true, Italic: true},
	}
	if len(s) > 20_000 {
		places = map[string]Span{"*%s*": {Bold: true}}
	}
	for template, style := range places {
		before, after, _ := strings.Cut(strings.Trim(template, "*_`->"), "%s")
		blocks := Parse(Text(strings.Replace(template, "%s", string(e), 1)))
		if template[0] == '-' || template[0] == '>' {
			before = ""
		}
		if got := content(blocks); len(blocks) != 1 || got != before+clean+after {
			t.Errorf("%q in %q: %d blocks, %q, want %q", excerpt(s), template, len(blocks), excerpt(got), excerpt(before+clean+after))
			return
		}
		for _, l := range blocks[0].Lines {
			for _, span := range l {
				if strings.Trim(span.Text, " \t") != "" && span.styled("") != style {
					t.Errorf("%q in %q: style %+v", excerpt(s), template, span)
				}
			}
		}
	}
	for _, marks := range []string{slackMarks(Slack(e)), discordMarks(Discord(e)), slackAlive(Slack(e)), discordAlive(Discord(e))} {
		if marks != "" {
			t.Errorf("%q: alive: %s", excerpt(s), excerpt(marks))
		}
	}
}

func TestEscapedDataIsData(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkEscape(t, anyText.Draw(t, "s")) })
	for _, s := range hostile(t) {
		checkEscape(t, s)
	}
}

func TestFormatParsesBack(t *testing.T) {
	for _, in := range []Text{"*b*_*A*_", "_*A*_*b*", "*b*_*A*_*c*", "_b_*_A_*", "x[*a*](https://example.org)"} {
		if diff := cmp.Diff(Parse(in), Parse(format(Parse(in)))); diff != "" {
			t.Errorf("%q\n%s", in, diff)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		in := Clean(anyText.Draw(t, "s"))
		blocks := Parse(Text(in))
		if diff := cmp.Diff(blocks, Parse(format(blocks))); diff != "" {
			t.Errorf("%q, formatted %q\n%s", in, format(blocks), diff)
		}
	})
}

// bare is what Split keeps: all but blanks, breaks, and what starts a quoted line.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\n' || r == '>' || r == '•' {
			return -1
		}
		return r
	}, s)
}

func checkSplit(t interface{ Errorf(string, ...any) }, text Text, limit int) {
	var all strings.Builder
	for _, piece := range Split(text, limit) {
		plain := Plain(piece)
		if n := Length(plain); n > max(limit, 16) {
			t.Errorf("Split(%q, %d): piece of %d: %q", excerpt(string(text)), limit, n, excerpt(plain))
		}
		all.WriteString(plain)
	}
	if got, want := bare(all.String()), bare(Plain(text)); got != want {
		t.Errorf("Split(%q, %d) = %q, want %q", excerpt(string(text)), limit, excerpt(got), excerpt(want))
	}
}

func TestSplitKeepsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkSplit(t, Text(Clean(anyText.Draw(t, "s"))), rapid.IntRange(1, 60).Draw(t, "limit"))
	})
	checkSplit(t, "*b*[x](https://example.org)", 16) // a link that becomes text beside a mark
	for _, s := range hostile(t) {
		checkSplit(t, Escape(s), 2000)
		checkSplit(t, Text(Clean(s)), 1900)
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		in    Text
		limit int
		want  []Text
	}{
		{"One paragraph.\n\nAnother one.", 20, []Text{"One paragraph.", "Another one."}},
		{"A line here.\nA second line.", 20, []Text{"A line here.", "A second line."}},
		{"One sentence. *Two words* end.", 16, []Text{"One sentence.", "*Two words* end."}},
		{"*one two three four*", 16, []Text{"*one two three*", "*four*"}},
		{"*_abcdefghijklmnopqrst_*", 16, []Text{"*_abcdefghijklmnop_*", "*_qrst_*"}},
		{"- one two three four", 16, []Text{"- one two three", "four"}},
		{"> one two three four", 16, []Text{"> one two three", "> four"}},
		{"text text [a](mailto:b@c)", 18, []Text{"text text", "[a](mailto:b@c)"}},
	} {
		var got []Text
		for _, p := range Split(c.in, c.limit) {
			got = append(got, Text(strings.ReplaceAll(string(p), `\ `, " ")))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("Split(%q, %d)\n%s", c.in, c.limit, diff)
		}
	}
}

func TestCutBreaksNoGrapheme(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, limit := anyText.Draw(t, "s"), rapid.IntRange(0, 50).Draw(t, "limit")
		got := Cut(s, limit, "…")
		if Length(got) > limit {
			t.Errorf("Cut(%q, %d) = %q", s, limit, got)
		}
		kept := strings.TrimSuffix(got, "…")
		if !strings.HasPrefix(s, kept) {
			t.Fatalf("Cut(%q, %d) = %q", s, limit, got)
		}
		ends := map[int]bool{0: true}
		for g := uniseg.NewGraphemes(s); g.Next(); {
			_, end := g.Positions()
			ends[end] = true
		}
		if !ends[len(kept)] {
			t.Errorf("Cut(%q, %d) = %q breaks a grapheme", s, limit, got)
		}
	})
	if got := Cut("https://example.org\r\nAA", 22, "…"); got != "https://example.org…" {
		t.Errorf("at CRLF: %q", got)
	}
	if got := Cut("several words here", 10, "…"); got != "several…" {
		t.Errorf("between words: %q", got)
	}
	if got := Cut("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 15, "…"); got != "👩‍👩‍👧‍👦…" {
		t.Errorf("between families: %q", got)
	}
}

func TestCheck(t *testing.T) {
	for in, want := range map[Text]*Problem{
		"*bold* _it_ `c` [l](https://x) a_b 2*3*4 [x]": nil,
		"[open]({{.URL}})":      nil,
		"`C:\\\\dir *`":         nil,
		"- a\n\nb *c":           {Unclosed, 7, "*c"},
		"see `x":                {Unclosed, 4, "`x"},
		"**b**":                 {Doubled, 0, "**b**"},
		"a [](https://x)":       {EmptyLink, 2, "[](https://x)"},
		"a [x]()":               {EmptyLink, 2, "[x]()"},
		"[x](javascript:alert)": {Scheme, 0, "[x](javascript:alert)"},
		"[x](example.org)":      {Scheme, 0, "[x](example.org)"},
		"[x](https://a":         {Unclosed, 0, "[x](https://a"},
		"a\\{x}":                {Backslash, 1, "\\{x}"},
		`a\\b\*c \\`:            nil,
		`\\x\y`:                 {Backslash, 3, `\y`},
		"- ":                    {EmptyBullet, 0, "- "},
	} {
		got, _ := Check(in).(*Problem)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Check(%q)\n%s", in, diff)
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range hostile(f) {
		if len(s) < 1000 {
			f.Add(s)
		}
	}
	f.Fuzz(func(t *testing.T, s string) { checkEscape(t, s) })
}

func FuzzMarked(f *testing.F) {
	for _, s := range hostile(f) {
		if len(s) < 1000 {
			f.Add(s, 40)
		}
	}
	f.Add("- *a _b_* [c](https://example.org)\n> `d`", 16)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		text := Text(Clean(s))
		checkSplit(t, text, min(limit, 1<<20))
		blocks := Parse(text)
		if diff := cmp.Diff(blocks, Parse(format(blocks))); diff != "" {
			t.Error(diff)
		}
		if alive := discordAlive(Discord(text)); alive != "" {
			t.Errorf("Discord: %s", alive)
		}
	})
}

// BenchmarkLinear: the time of each must grow tenfold from 10k to 100k, not more.
func BenchmarkLinear(b *testing.B) {
	for name, unit := range map[string]string{
		"prose": "Some *marked* words, a [link](https://example.org) and `code`. ", "brackets": "](", "links": "[a](", "marks": "*a ", "ticks": "`a ", "blanks": "*\\ * ", "colons": ":a", "letters": "x", "mentions": "<@1>",
	} {
		for _, size := range []int{10_000, 100_000} {
			s := strings.Repeat(unit, size/len(unit))
			for work, do := range map[string]func(){
				"escape":  func() { Escape(s) },
				"render":  func() { Slack(Text(s)); Discord(Text(s)); HTML(Text(s)); Plain(Text(s)) },
				"escaped": func() { e := Escape(s); Slack(e); Discord(e) },
				"split":   func() { Split(Text(s), 2000) },
				"check":   func() { _ = Check(Text(s)) },
			} {
				b.Run(fmt.Sprintf("%s/%s/%d", name, work, size), func(b *testing.B) {
					for b.Loop() {
						do()
					}
				})
			}
		}
	}
}
