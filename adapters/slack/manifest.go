package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"procurabot/bot"
	"procurabot/internal/markup"
)

// What a manifest holds (https://docs.slack.dev/reference/app-manifest).
const (
	mostCommands   = 50
	maxCommand     = 32
	maxDescription = 2000
	maxUsage       = 1000
	maxAppName     = 35
)

// Commands is the table of commands and their words; the engine is one.
type Commands interface {
	Commands() []bot.CommandInfo
	// Text gives a message in plain words, or its id where there is none.
	Text(l bot.Language, id string) string
}

// ManifestOptions are what a manifest says besides the commands.
type ManifestOptions struct {
	Name    string // of the app and of its user; "" is "Procurabot"
	Address string // public https address under which Handler is mounted; "" is Socket Mode
}

// Scope is a permission of the bot's token.
type Scope struct {
	Name    string
	Why     string // what it is for
	Without string // what the bot does where it is not granted; "" is nothing
}

// Scopes are all that the adapter uses (https://docs.slack.dev/reference/scopes).
func Scopes() []Scope {
	const (
		twice   = "may say something twice there after a broken connection"
		english = "answers there in English where a question's language is not clear"
	)
	return []Scope{
		{"commands", "slash commands, buttons and forms", ""},
		{"chat:write", "answering", ""},
		{"app_mentions:read", "hearing what is said to it in channels, and nothing else there", ""},
		{"im:history", "hearing what is said to it in direct messages; looking whether a message has arrived", ""},
		{"im:write", "writing to somebody who has not written first", ""},
		{"users:read", "names and languages of people", ""},
		{"channels:history", "looking whether a message has arrived in a public channel, so that it is not sent twice", twice},
		{"groups:history", "the same in a private channel", twice},
		{"channels:read", "the language of a public channel", english},
		{"groups:read", "the language of a private channel", english},
	}
}

// subscriptions are the events that the adapter takes. The last two tell that
// it will hear nothing more.
func subscriptions() []string {
	return []string{"app_mention", "message.im", "app_home_opened", "user_change", "app_uninstalled", "tokens_revoked"}
}

// manifest is what of an app's settings is ours. The library's own type leaves
// out what is false, and Slack takes a missing messages_tab_read_only_enabled
// for true.
type manifest struct {
	Display struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	} `json:"display_information"`
	Features struct {
		Home struct {
			Home     bool `json:"home_tab_enabled"`
			Messages bool `json:"messages_tab_enabled"`
			ReadOnly bool `json:"messages_tab_read_only_enabled"`
		} `json:"app_home"`
		User struct {
			Name   string `json:"display_name"`
			Online bool   `json:"always_online"`
		} `json:"bot_user"`
		Commands []slashCommand `json:"slash_commands,omitempty"`
	} `json:"features"`
	OAuth struct {
		Scopes struct {
			Bot []string `json:"bot"`
		} `json:"scopes"`
	} `json:"oauth_config"`
	Settings struct {
		Events struct {
			URL string   `json:"request_url,omitempty"`
			Bot []string `json:"bot_events"`
		} `json:"event_subscriptions"`
		Interactivity struct {
			Enabled bool   `json:"is_enabled"`
			URL     string `json:"request_url,omitempty"`
			Options string `json:"message_menu_options_url,omitempty"`
		} `json:"interactivity"`
		Org      bool `json:"org_deploy_enabled"`
		Socket   bool `json:"socket_mode_enabled"`
		Rotation bool `json:"token_rotation_enabled"` // cannot be switched off again
	} `json:"settings"`
}

type slashCommand struct {
	Command     string `json:"command"`
	URL         string `json:"url,omitempty"`
	Description string `json:"description"`
	Usage       string `json:"usage_hint,omitempty"`
	Escape      bool   `json:"should_escape"` // who is named arrives as an id
}

// Manifest writes the manifest from which Slack makes or changes the app, as
// JSON (https://docs.slack.dev/app-manifests/configuring-apps-with-app-manifests).
// It depends on nothing but what it is given.
func Manifest(c Commands, o ManifestOptions) ([]byte, error) {
	if o.Name == "" {
		o.Name = "Procurabot"
	}
	if markup.Length(o.Name) > maxAppName {
		return nil, fmt.Errorf("the name of an app has %d characters at most: %q", maxAppName, o.Name)
	}
	if o.Address != "" {
		if u, err := url.Parse(o.Address); err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, errors.New("the public address must be one such as https://bot.example.org")
		}
	}
	at := func(path string) string {
		if o.Address == "" {
			return ""
		}
		return strings.TrimSuffix(o.Address, "/") + path
	}
	var m manifest
	m.Display.Name, m.Display.Description = o.Name, "Answers questions about Procura+ in English, French and German"
	m.Features.Home.Home, m.Features.Home.Messages = true, true
	m.Features.User.Name, m.Features.User.Online = o.Name, true
	for _, s := range Scopes() {
		m.OAuth.Scopes.Bot = append(m.OAuth.Scopes.Bot, s.Name)
	}
	m.Settings.Events.URL, m.Settings.Events.Bot = at(EventsPath), subscriptions()
	m.Settings.Interactivity.Enabled = true
	m.Settings.Interactivity.URL, m.Settings.Interactivity.Options = at(InteractivePath), at(OptionsPath)
	m.Settings.Socket = o.Address == ""
	for _, word := range firstWords(c) {
		command := slashCommand{Command: "/" + word, URL: at(CommandsPath), Escape: true, Usage: usage(c, word)}
		command.Description = markup.Cut(text(c, bot.English, "commands."+word+".description", word), maxDescription, "…")
		if len(command.Command) > maxCommand {
			return nil, fmt.Errorf("the command %s is longer than %d characters", command.Command, maxCommand)
		}
		m.Features.Commands = append(m.Features.Commands, command)
	}
	if len(m.Features.Commands) > mostCommands {
		return nil, fmt.Errorf("an app has %d slash commands at most, there are %d", mostCommands, len(m.Features.Commands))
	}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the manifest: %w", err)
	}
	return append(raw, '\n'), nil
}

// firstWords are the slash commands: Slack knows no subcommands.
func firstWords(c Commands) []string {
	var words []string
	for _, command := range c.Commands() {
		if !slices.Contains(words, command.Path[0]) {
			words = append(words, command.Path[0])
		}
	}
	return words
}

// usage is what can follow a slash command, in each language that calls it
// otherwise: a manifest is not localised
// (https://docs.slack.dev/surfaces/app-design#localization).
func usage(c Commands, word string) string {
	var all []string
	for _, l := range bot.Languages() {
		var ways []string
		for _, command := range c.Commands() {
			if command.Path[0] != word || len(command.Path) < 2 {
				continue
			}
			way := command.Path[1] // of a group, whose word is the same in all languages
			if len(command.Path) == 2 {
				way = typedAs(c, l, command.Command)
			}
			if !slices.Contains(ways, way) {
				ways = append(ways, way)
			}
		}
		if hint := strings.Join(ways, " | "); hint != "" && !slices.Contains(all, hint) {
			all = append(all, hint)
		}
	}
	return markup.Cut(strings.Join(all, " · "), maxUsage, "…")
}

func typedAs(c Commands, l bot.Language, command bot.Command) string {
	way := text(c, l, command.ID+".name", command.Path[1])
	for _, o := range command.Options {
		if o.Required {
			way += " <" + text(c, l, command.ID+"."+o.Name+".name", o.Name) + ">"
		}
	}
	return way
}

func text(c Commands, l bot.Language, id, otherwise string) string {
	if t := c.Text(l, id); t != "" && t != id {
		return t
	}
	return otherwise
}
