package playground

import (
	"context"
	"fmt"
	"strings"

	"procurabot/bot"
)

// command types a slash command. Like Slack the rooms hand over the text after
// its name, like Discord the path as registered and typed options.
func (r *Rooms) command(ctx context.Context, p *person, at place, line string) error {
	words := strings.TrimPrefix(strings.TrimSpace(line), "/")
	r.mu.Lock()
	words = r.nameAccounts(words)
	r.mu.Unlock()
	what := bot.Commanded{}
	if r.likeDiscord() {
		l, err := r.connected(ctx)
		if err != nil {
			return err
		}
		c, rest, ok := match(l.bot, words)
		l.acts.Done()
		if !ok {
			return fmt.Errorf("no command %q is offered on Discord", line)
		}
		what.Path, what.Options = c.Path, split(c.Options, rest)
	} else {
		name, rest, _ := strings.Cut(words, " ")
		what.Path, what.Text = []string{name}, strings.TrimSpace(rest)
	}
	return r.interact(ctx, p, at, what)
}

// nameAccounts replaces "@maja" by Maja's account. It needs the lock.
func (r *Rooms) nameAccounts(line string) string {
	words := strings.Split(line, " ")
	for i, w := range words {
		name, ok := strings.CutPrefix(w, "@")
		if !ok {
			continue
		}
		for _, p := range r.people {
			if strings.EqualFold(p.name, name) || strings.EqualFold(string(p.id), name) {
				words[i] = r.account(p).String()
			}
		}
	}
	return strings.Join(words, " ")
}

// match finds the command that a line begins with. Its last word may be in any
// of the languages.
func match(to bot.Receiver, line string) (c bot.CommandInfo, rest string, ok bool) {
	for _, c := range to.Commands() {
		rest, ok := line, true
		for i, want := range c.Path {
			var word string
			word, rest, _ = strings.Cut(strings.TrimLeft(rest, " "), " ")
			word = strings.ToLower(word)
			ok = ok && (word == want || i == len(c.Path)-1 && named(to, c, word))
		}
		if ok {
			return c, strings.TrimLeft(rest, " "), true
		}
	}
	return bot.CommandInfo{}, "", false
}

func named(to bot.Receiver, c bot.CommandInfo, word string) bool {
	for _, l := range bot.Languages() {
		if word != "" && strings.ToLower(to.Text(l, c.ID+".name")) == word {
			return true
		}
	}
	return false
}

// split gives each option a word of the line and the last one the rest.
func split(options []bot.Option, line string) map[string]string {
	values := map[string]string{}
	for i, o := range options {
		v := line
		if i < len(options)-1 {
			v, line, _ = strings.Cut(line, " ")
			line = strings.TrimLeft(line, " ")
		}
		if v = strings.TrimSpace(v); v != "" {
			values[o.Name] = v
		}
	}
	return values
}

// proposal is something that can be typed on.
type proposal struct {
	Line  string `json:"line"`  // the whole line once it is taken
	Label string `json:"label"` // what is shown
	About string `json:"about,omitempty"`
}

// maxProposals is what fits below a line without hiding the room.
const maxProposals = 8

// propose gives what a command that was typed so far could become.
func (r *Rooms) propose(ctx context.Context, p *person, at place, line string) ([]proposal, error) {
	l, err := r.connected(ctx)
	if err != nil {
		return nil, err
	}
	defer l.acts.Done()
	language := speaks(p)
	typed := strings.TrimPrefix(line, "/")
	c, rest, ok := match(l.bot, typed)
	if !ok || len(strings.TrimRight(typed, " ")) == len(typed) && rest == "" {
		var all []proposal
		for _, c := range l.bot.Commands() {
			path := strings.Join(c.Path, " ")
			if !strings.HasPrefix(path, strings.ToLower(typed)) {
				continue
			}
			all = append(all, describeCommand(l.bot, language, c))
		}
		return all[:min(len(all), maxProposals)], nil
	}
	option, before, prefix, ok := cursor(c.Options, rest)
	if !ok {
		return nil, nil
	}
	head := line[:len(line)-len(rest)] + before
	return r.proposeValues(ctx, l, p, at, c, option, head, prefix)
}

func describeCommand(to bot.Receiver, l bot.Language, c bot.CommandInfo) proposal {
	path := "/" + strings.Join(c.Path, " ")
	d := proposal{Line: path, Label: path, About: to.Text(l, c.ID+".description")}
	for _, o := range c.Options {
		d.Label += " " + optionName(to, l, c, o)
	}
	if len(c.Options) > 0 {
		d.Line += " "
	}
	return d
}

func optionName(to bot.Receiver, l bot.Language, c bot.CommandInfo, o bot.Option) string {
	name := to.Text(l, c.ID+"."+o.Name+".name")
	if o.Required {
		return "<" + name + ">"
	}
	return "[" + name + "]"
}

// cursor finds the option that is being typed: what stands before it, and its
// beginning.
func cursor(options []bot.Option, rest string) (o bot.Option, before, prefix string, ok bool) {
	if len(options) == 0 {
		return bot.Option{}, "", "", false
	}
	for _, o := range options[:len(options)-1] {
		word, more, ended := strings.Cut(rest, " ")
		if !ended {
			return o, before, word, true
		}
		before += word + " "
		rest = more
	}
	return options[len(options)-1], before, rest, true
}

func (r *Rooms) proposeValues(ctx context.Context, l *link, p *person, at place, c bot.CommandInfo, o bot.Option, head, prefix string) ([]proposal, error) {
	var all []proposal
	r.mu.Lock()
	in := r.incoming(p, at, bot.Completing{Path: c.Path, Option: o.Name, Prefix: prefix})
	if o.Member {
		for _, other := range r.people {
			if strings.HasPrefix(strings.ToLower("@"+other.name), strings.ToLower(prefix)) {
				all = append(all, proposal{Line: head + "@" + string(other.id) + " ", Label: "@" + other.name})
			}
		}
	}
	r.mu.Unlock()
	if o.Member {
		return all[:min(len(all), maxProposals)], nil
	}
	shown, err := l.bot.Receive(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("complete: %w", err)
	}
	for _, choice := range shown.Choices {
		all = append(all, proposal{Line: head + choice.Value, Label: choice.Label})
	}
	return all[:min(len(all), maxProposals)], nil
}
