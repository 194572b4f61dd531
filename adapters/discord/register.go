package discord

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"procurabot/bot"
	"procurabot/internal/markup"
)

// Limits of commands. https://discord.com/developers/docs/interactions/application-commands
const (
	maxName    = 32
	maxText    = 100 // of a description, a choice's name and its value
	maxChoices = 25
)

// Types of option.
// https://discord.com/developers/docs/interactions/application-commands#application-command-object-application-command-option-type
const (
	subCommand      = 1
	subCommandGroup = 2
	stringOption    = 3
	userOption      = 6
)

// manageGuild is the permission "Manage Server". It decides who sees an admin
// command; a server's admins can change that, so the engine asks again.
// https://discord.com/developers/docs/topics/permissions#permissions-bitwise-permission-flags
const manageGuild = "32"

// Where a command can be typed. Discord gives back what it took, and puts in all
// contexts where none were named, so that they always are.
// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object-interaction-context-types
const (
	inGuild = 0
	inBotDM = 1
)

// command is a word that can be typed after "/". The library's own type cannot
// leave out what is not set.
type command struct {
	Name         string            `json:"name"`
	Description  string            `json:"description"`
	Descriptions map[string]string `json:"description_localizations,omitempty"`
	Permissions  *string           `json:"default_member_permissions"`
	Contexts     []int             `json:"contexts"`
	Options      []*option         `json:"options,omitempty"`
}

type option struct {
	Type         int               `json:"type"`
	Name         string            `json:"name"`
	Names        map[string]string `json:"name_localizations,omitempty"`
	Description  string            `json:"description"`
	Descriptions map[string]string `json:"description_localizations,omitempty"`
	Required     bool              `json:"required,omitempty"`
	Autocomplete bool              `json:"autocomplete,omitempty"`
	Choices      []choice          `json:"choices,omitempty"`
	Options      []*option         `json:"options,omitempty"`
}

type choice struct {
	Name  string            `json:"name"`
	Names map[string]string `json:"name_localizations,omitempty"`
	Value string            `json:"value"`
}

// commandTable writes the engine's commands as Discord registers them. Names
// are the path's words, which is what comes back; people see and type those of
// their language.
func (a *Adapter) commandTable(r bot.Receiver) []*command {
	w := wording{r, a}
	var table []*command
	for _, c := range r.Commands() {
		if len(c.Path) < 2 || len(c.Path) > 3 {
			continue // the engine refuses such a path
		}
		at := slices.IndexFunc(table, func(x *command) bool { return x.Name == c.Path[0] })
		if at < 0 {
			top := &command{Name: c.Path[0], Contexts: []int{inGuild, inBotDM}}
			top.Description, top.Descriptions = w.groupDescription(c.Path[:1])
			if strings.HasSuffix(top.Name, "-admin") {
				p := manageGuild
				top.Permissions, top.Contexts = &p, []int{inGuild}
			}
			table, at = append(table, top), len(table)
		}
		into := &table[at].Options
		if len(c.Path) == 3 {
			group := slices.IndexFunc(*into, func(o *option) bool { return o.Name == c.Path[1] })
			if group < 0 {
				o := &option{Type: subCommandGroup, Name: c.Path[1], Names: w.in("commands."+strings.Join(c.Path[:2], ".")+".name", strings.ToLower)}
				o.Description, o.Descriptions = w.groupDescription(c.Path[:2])
				*into, group = append(*into, o), len(*into)
			}
			into = &(*into)[group].Options
		}
		*into = append(*into, w.subCommand(c.Command))
	}
	for _, c := range table {
		w.checkNames(c.Options)
	}
	return table
}

// wording finds the words of commands in all languages.
type wording struct {
	receiver bot.Receiver
	a        *Adapter
}

func (w wording) subCommand(c bot.Command) *option {
	o := &option{Type: subCommand, Name: c.Path[len(c.Path)-1], Names: w.in(c.ID+".name", strings.ToLower)}
	o.Description, o.Descriptions = w.description(c.ID+".description", o.Name)
	for _, x := range c.Options {
		o.Options = append(o.Options, w.option(c.ID, x))
	}
	// Discord wants required options first.
	slices.SortStableFunc(o.Options, func(x, y *option) int {
		switch {
		case x.Required && !y.Required:
			return -1
		case y.Required && !x.Required:
			return 1
		}
		return 0
	})
	return o
}

func (w wording) option(id string, x bot.Option) *option {
	o := &option{Type: stringOption, Name: x.Name, Names: w.in(id+"."+x.Name+".name", strings.ToLower), Required: x.Required}
	o.Description, o.Descriptions = w.description(id+"."+x.Name+".description", x.Name)
	switch {
	case x.Member:
		o.Type = userOption
	case x.Complete != nil || len(x.Choices) > maxChoices:
		o.Autocomplete = true
	default:
		for _, v := range x.Choices {
			message := id + "." + x.Name + "." + v + ".option"
			name := w.receiver.Text(bot.English, message)
			if name == message {
				name = v
			}
			o.Choices = append(o.Choices, choice{Name: markup.Cut(name, maxText, "…"), Names: w.in(message, short), Value: v})
		}
	}
	return o
}

func (w wording) groupDescription(path []string) (string, map[string]string) {
	return w.description("commands."+strings.Join(path, ".")+".description", path[len(path)-1])
}

func (w wording) description(id, fallback string) (string, map[string]string) {
	text := w.receiver.Text(bot.English, id)
	if text == id || short(text) == "" { // there is no such message
		return fallback, nil
	}
	return short(text), w.in(id, short)
}

// short is a text as Discord keeps it: it takes away the space around one.
func short(s string) string {
	return strings.TrimSpace(markup.Cut(strings.TrimSpace(s), maxText, "…"))
}

// in gives a message by Discord's locales, nil where there is none.
// https://discord.com/developers/docs/reference#locales
func (w wording) in(id string, form func(string) string) map[string]string {
	texts := map[string]string{}
	for _, l := range bot.Languages() {
		text := w.receiver.Text(l, id)
		if text == id || form(text) == "" {
			continue
		}
		locales := []string{string(l)}
		if l == bot.English {
			locales = []string{"en-GB", "en-US"}
		}
		for _, locale := range locales {
			texts[locale] = form(text)
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return texts
}

// checkNames leaves out localized names that Discord would refuse, with the
// whole table: they break its pattern, or are another's name.
// https://discord.com/developers/docs/interactions/application-commands#application-command-object-application-command-naming
func (w wording) checkNames(options []*option) {
	pattern := regexp.MustCompile(`^[-_'\p{L}\p{N}\p{Devanagari}\p{Thai}]+$`)
	taken := map[string]*option{} // "locale name", and " name" for the default ones
	for _, o := range options {
		taken[" "+o.Name] = o
	}
	for _, o := range options {
		for _, locale := range []string{"en-GB", "en-US", "fr", "de"} {
			name, ok := o.Names[locale]
			if !ok {
				continue
			}
			valid := pattern.MatchString(name) && utf8.RuneCountInString(name) <= maxName && strings.ToLower(name) == name
			other, another := taken[" "+name]
			twin := taken[locale+" "+name]
			if !valid || another && other != o || twin != nil {
				delete(o.Names, locale)
				w.a.log.Warn("a command's localized name cannot be used", "command", o.Name, "locale", locale, "name", name)
				continue
			}
			taken[locale+" "+name] = o
		}
		w.checkNames(o.Options)
	}
}

// register makes Discord's commands those of the table. It asks first which
// there are: the same again would be pointless, and every person's client would
// load it anew. So nothing needs to be remembered, over a restart or a new
// database. An error ends the run; false is to be tried again.
// https://discord.com/developers/docs/interactions/application-commands#bulk-overwrite-global-application-commands
func (a *Adapter) register(ctx context.Context, table []*command) (bool, error) {
	err := a.overwrite(ctx, table)
	switch {
	case err == nil:
		return true, nil
	case a.refused.Load():
		return false, errToken
	case ctx.Err() != nil:
		return false, nil
	}
	a.log.Error("the commands could not be registered, trying again", "err", err)
	return false, nil
}

func (a *Adapter) overwrite(ctx context.Context, table []*command) error {
	var application struct {
		ID string `json:"id"`
	}
	if err := a.request(ctx, http.MethodGet, "applications/@me", nil, &application); err != nil {
		return fmt.Errorf("ask who the bot is: %w", err)
	}
	path := "applications/" + application.ID + "/commands"
	there, err := a.registered(ctx, application.ID)
	if err != nil {
		return fmt.Errorf("read the commands: %w", err)
	}
	if same(there, table) {
		return nil
	}
	if err := a.request(ctx, http.MethodPut, path, table, nil); err != nil {
		return fmt.Errorf("write the commands: %w", err)
	}
	a.log.Info("commands registered", "commands", len(table))
	return nil
}

// registered reads the commands that Discord has.
func (a *Adapter) registered(ctx context.Context, application string) (there []*command, err error) {
	err = a.request(ctx, http.MethodGet, "applications/"+application+"/commands?with_localizations=true", nil, &there)
	return there, err
}

// same compares what we write of a command, whatever else Discord adds to it.
func same(there, here []*command) bool {
	byName := func(x, y *command) int { return strings.Compare(x.Name, y.Name) }
	there, here = slices.SortedFunc(slices.Values(there), byName), slices.SortedFunc(slices.Values(here), byName)
	x, errX := json.Marshal(there)
	y, errY := json.Marshal(here)
	return errX == nil && errY == nil && string(x) == string(y)
}

// registerLater tries again until it works; stop ends that.
func (a *Adapter) registerLater(ctx context.Context, table []*command) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for wait := time.Minute; ; wait = min(2*wait, time.Hour) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			if ok, err := a.register(ctx, table); ok || err != nil {
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}
