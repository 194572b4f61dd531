package bot

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"procurabot/internal/markup"
)

// CommandInfo is a command as platforms register it and help shows it.
type CommandInfo struct {
	Command
	Feature string
}

// Usage is how the command is typed, its options named in the reader's
// language: "/procura ask <question>".
func (c Command) Usage() Value { return usage(c) }

type usage Command

func (u usage) text(b Book, l Language) markup.Text {
	text := markup.Escape("/" + strings.Join(u.Path, " "))
	for _, o := range u.Options {
		name := P(u.ID+"."+o.Name+".name", nil).Render(b, l)
		if o.Required {
			text += markup.Escape(" <") + name + markup.Escape(">")
		} else {
			text += markup.Escape(" [") + name + markup.Escape("]")
		}
	}
	return text
}

// commandTable finds commands by their words. A word is a command or a group
// of commands, never both: Discord knows nothing else
// (https://discord.com/developers/docs/interactions/application-commands#subcommands-and-subcommand-groups).
type commandTable struct {
	commands []CommandInfo
}

func (t *commandTable) add(feature string, c Command) error {
	path := strings.Join(c.Path, " ")
	if len(c.Path) < 2 || len(c.Path) > 3 {
		return fmt.Errorf("feature %s: command %q must have two or three words", feature, path)
	}
	for _, other := range t.commands {
		n := min(len(other.Path), len(c.Path))
		if slices.Equal(other.Path[:n], c.Path[:n]) {
			return fmt.Errorf("features %s and %s both claim the command /%s", other.Feature, feature, path)
		}
	}
	t.commands = append(t.commands, CommandInfo{c, feature})
	return nil
}

// unknownCommand says that no command has these words, and which ones have
// words like them.
type unknownCommand struct {
	typed   string
	nearest []string // whole commands, "/procura ask"
}

func (u *unknownCommand) Error() string { return "unknown command" }

// find resolves what was typed. Words may be given in any of the three
// languages; arguments come typed, or as the rest of the text.
func (t *commandTable) find(in Commanded, b Book) (*CommandInfo, Args, error) {
	words, rest := append([]string(nil), in.Path...), in.Text
	candidates := t.commands
	for depth := 0; ; depth++ {
		if depth == len(words) {
			word, more := cutWord(rest)
			if word == "" && slices.ContainsFunc(candidates, func(c CommandInfo) bool { return c.Path[depth] == "help" }) {
				word = "help" // "/procura" alone
			}
			words, rest = append(words, word), more
		}
		var next []CommandInfo
		for _, c := range candidates {
			if depth < len(c.Path) && t.names(c, depth, words[depth], b) {
				next = append(next, c)
			}
		}
		if len(next) == 0 {
			return nil, nil, t.unknown(words, candidates, depth, b)
		}
		if len(next) == 1 && len(next[0].Path) == depth+1 {
			c := next[0]
			if len(in.Options) > 0 || rest == "" {
				return &c, Args(cloneArgs(in.Options)), nil
			}
			return &c, c.split(rest), nil
		}
		candidates = next
	}
}

func cloneArgs(options map[string]string) map[string]string {
	args := make(map[string]string, len(options))
	for k, v := range options {
		args[k] = strings.TrimSpace(v)
	}
	return args
}

// names reports whether a word is the command's word at this depth, in its own
// form or in one of the languages.
func (t *commandTable) names(c CommandInfo, depth int, word string, b Book) bool {
	word = strings.ToLower(word)
	return c.Path[depth] == word || slices.Contains(c.words(depth, b), word)
}

// words are what a command is called at this depth: its own form, and at the end
// of its path its name in each language.
func (c Command) words(depth int, b Book) []string {
	words := []string{c.Path[depth]}
	if depth != len(c.Path)-1 || b == nil {
		return words
	}
	for _, l := range Languages() {
		words = append(words, strings.ToLower(markup.Plain(P(c.ID+".name", nil).Render(b, l))))
	}
	return words
}

func (t *commandTable) unknown(words []string, siblings []CommandInfo, depth int, b Book) error {
	typed := strings.TrimSpace(strings.Join(words, " "))
	u := &unknownCommand{typed: "/" + typed}
	seen := map[string]bool{}
	type scored struct {
		path     string
		distance int
	}
	var all []scored
	for _, c := range siblings {
		if depth >= len(c.Path) {
			continue
		}
		path := "/" + strings.Join(c.Path, " ")
		if !seen[path] {
			seen[path] = true
			nearest := math.MaxInt
			for _, word := range c.words(depth, b) {
				nearest = min(nearest, distance(strings.ToLower(words[depth]), word))
			}
			all = append(all, scored{path, nearest})
		}
	}
	slices.SortStableFunc(all, func(a, b scored) int { return a.distance - b.distance })
	for _, s := range all[:min(len(all), 3)] {
		u.nearest = append(u.nearest, s.path)
	}
	return u
}

// split gives the text after a command to its options, a word each, the rest
// of the line to the last.
func (c Command) split(text string) Args {
	args := Args{}
	for i, o := range c.Options {
		if i == len(c.Options)-1 {
			if text = strings.TrimSpace(text); text != "" {
				args[o.Name] = text
			}
			break
		}
		var word string
		if word, text = cutWord(text); word != "" {
			args[o.Name] = word
		}
	}
	return args
}

// check refuses arguments that are missing or are none of an option's choices,
// and brings choices into their own form.
func (c Command) check(args Args, b Book) error {
	for _, o := range c.Options {
		v, given := args[o.Name]
		if !given || v == "" {
			if o.Required {
				return Refuse("bot.argument-missing", Values{"Option": P(c.ID+"."+o.Name+".name", nil), "Command": Data("/" + strings.Join(c.Path, " "))})
			}
			continue
		}
		if o.Member {
			if _, err := ParseAccount(v); err != nil {
				return Refuse("bot.argument-member", Values{"Given": Data(v)})
			}
		}
		if len(o.Choices) == 0 {
			continue
		}
		choice, ok := c.choice(o, v, b)
		if !ok {
			return Refuse("bot.argument-choice", Values{"Given": Data(v), "Choices": Formatted(func(Language) string { return strings.Join(o.Choices, ", ") })})
		}
		args[o.Name] = choice
	}
	return nil
}

func (c Command) choice(o Option, given string, b Book) (string, bool) {
	given = strings.ToLower(given)
	for _, choice := range o.Choices {
		if choice == given {
			return choice, true
		}
		for _, l := range Languages() {
			if strings.ToLower(markup.Plain(P(c.ID+"."+o.Name+"."+choice+".option", nil).Render(b, l))) == given {
				return choice, true
			}
		}
	}
	return "", false
}

func cutWord(s string) (word, rest string) {
	s = strings.TrimSpace(s)
	i := strings.IndexFunc(s, func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '\u00a0' })
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimSpace(s[i:])
}

// distance is the number of single edits between two short words (Levenshtein).
// Only the first 32 runes count: no command is longer.
func distance(a, b string) int {
	ra, rb := []rune(a), []rune(b)
	ra, rb = ra[:min(len(ra), 32)], rb[:min(len(rb), 32)]
	row := make([]int, len(rb)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range ra {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range rb {
			cost := diagonal
			if x != y {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(rb)]
}
