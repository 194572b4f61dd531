package fakediscord

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Types of option.
// https://discord.com/developers/docs/interactions/application-commands#application-command-object-application-command-option-type
const (
	optionSubcommand = 1
	optionGroup      = 2
	optionString     = 3
	optionInteger    = 4
	optionBoolean    = 5
	optionUser       = 6
	optionChannel    = 7
	optionNumber     = 10
	optionAttachment = 11
)

// Limits of commands.
// https://discord.com/developers/docs/interactions/application-commands#registering-a-command
const (
	maxName          = 32
	maxDescription   = 100
	maxChatCommands  = 100
	maxUserCommands  = 15
	maxCommandSize   = 8000
	maxDailyCreates  = 200
	maxCommandOption = 25
)

type command struct {
	ID           string            `json:"id"`
	Type         int               `json:"type"`
	Name         string            `json:"name"`
	Names        map[string]string `json:"name_localizations"`
	Description  string            `json:"description"`
	Descriptions map[string]string `json:"description_localizations"`
	Options      []*option         `json:"options"`
	Permissions  *string           `json:"default_member_permissions"`
	DMPermission *bool             `json:"dm_permission"`
	Contexts     *[]int            `json:"contexts"`

	Application string `json:"application_id"`
	Guild       string `json:"guild_id,omitempty"`
	Version     string `json:"version"`
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
	MinLength    *int              `json:"min_length,omitempty"`
	MaxLength    *int              `json:"max_length,omitempty"`
	MinValue     *float64          `json:"min_value,omitempty"`
	MaxValue     *float64          `json:"max_value,omitempty"`
	ChannelTypes []int             `json:"channel_types,omitempty"`
}

type choice struct {
	Name  string            `json:"name"`
	Names map[string]string `json:"name_localizations,omitempty"`
	Value any               `json:"value"`
}

// locales are the languages that a client can have.
// https://discord.com/developers/docs/reference#locales
func locales() []string {
	return strings.Fields("id da de en-GB en-US es-ES es-419 fr hr it lt hu nl no pl pt-BR ro fi sv-SE vi tr cs el bg ru uk hi th zh-CN ja zh-TW ko")
}

// putCommands replaces all commands of the application, global or in a guild.
// https://discord.com/developers/docs/interactions/application-commands#bulk-overwrite-global-application-commands
func (s *Server) putCommands(c *call) (any, *apiError) {
	if c.param("application") != s.app {
		return nil, apiErrors(50001)
	}
	guild := c.param("guild")
	if guild != "" {
		if _, err := s.visibleGuild(guild); err != nil {
			return nil, apiErrors(50001)
		}
	}
	var list []*command
	if err := c.into(&list); err != nil {
		return nil, err
	}
	counts, names := map[int]int{}, map[string]bool{}
	for _, x := range list {
		if x.Type == 0 {
			x.Type = 1
		}
		x.settle(guild)
		if err := x.check(); err != nil {
			return nil, err
		}
		key := fmt.Sprint(x.Type, x.Name)
		if names[key] {
			return nil, invalidForm("name", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
		}
		names[key] = true
		counts[x.Type]++
	}
	if counts[1] > maxChatCommands || counts[2] > maxUserCommands || counts[3] > maxUserCommands {
		return nil, &apiError{Status: 400, Code: 30032, Message: "Maximum number of application commands reached (100)"}
	}
	for _, x := range list {
		x.Application, x.Guild, x.Version = s.app, guild, s.snowflake()
		at := slices.IndexFunc(s.commands[guild], func(old *command) bool { return old.Name == x.Name && old.Type == x.Type })
		if at >= 0 {
			x.ID = s.commands[guild][at].ID // an overwritten command keeps its id
			continue
		}
		x.ID = s.snowflake()
		if guild != "" {
			s.created = slices.DeleteFunc(s.created, func(t time.Time) bool { return s.options.Now().Sub(t) >= 24*time.Hour })
			if len(s.created) >= maxDailyCreates {
				return nil, apiErrors(30034)
			}
			s.created = append(s.created, s.options.Now())
		}
	}
	s.commands[guild] = list
	s.touch()
	return list, nil
}

// settle writes down what was left out, and takes away the space around texts.
// A command of no contexts is one of all; the older dm_permission counts where
// they are not named.
// https://discord.com/developers/docs/interactions/application-commands#interaction-contexts
func (x *command) settle(guild string) {
	if x.Contexts == nil && guild == "" {
		x.Contexts = &[]int{0, 1, 2}
		if x.DMPermission != nil && !*x.DMPermission {
			x.Contexts = &[]int{0}
		}
	}
	x.Description = strings.TrimSpace(x.Description)
	for locale, v := range x.Descriptions {
		x.Descriptions[locale] = strings.TrimSpace(v)
	}
	for _, o := range x.Options {
		o.settle()
	}
}

func (o *option) settle() {
	o.Description = strings.TrimSpace(o.Description)
	for locale, v := range o.Descriptions {
		o.Descriptions[locale] = strings.TrimSpace(v)
	}
	for _, inner := range o.Options {
		inner.settle()
	}
}

// getCommands leaves the localizations out unless asked for them.
// https://discord.com/developers/docs/interactions/application-commands#get-global-application-commands
func (s *Server) getCommands(c *call) (any, *apiError) {
	if c.param("application") != s.app {
		return nil, apiErrors(50001)
	}
	list := []any{}
	for _, x := range s.commands[c.param("guild")] {
		if c.http.URL.Query().Get("with_localizations") == "true" {
			list = append(list, x)
			continue
		}
		bare := *x
		bare.Names, bare.Descriptions, bare.Options = nil, nil, bareOptions(x.Options)
		list = append(list, &bare)
	}
	return list, nil
}

// Registered is how many global commands the application has.
func (s *Server) Registered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.commands[""])
}

func bareOptions(in []*option) []*option {
	var out []*option
	for _, o := range in {
		b := *o
		b.Names, b.Descriptions, b.Options, b.Choices = nil, nil, bareOptions(o.Options), nil
		for _, c := range o.Choices {
			c.Names = nil
			b.Choices = append(b.Choices, c)
		}
		out = append(out, &b)
	}
	return out
}

// checkName holds the pattern of names: letters, digits, "-", "_" and "'", in
// lower case where a letter has one.
// https://discord.com/developers/docs/interactions/application-commands#application-command-object-application-command-naming
func checkName(field, name string) *apiError {
	if n := utf8.RuneCountInString(name); n < 1 || n > maxName {
		return tooLong(field, maxName)
	}
	if !regexp.MustCompile(`^[-_'\p{L}\p{N}\p{Devanagari}\p{Thai}]+$`).MatchString(name) || strings.ToLower(name) != name {
		return invalidForm(field, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
	}
	return nil
}

func checkLocalized(field string, texts map[string]string, check func(field, value string) *apiError) *apiError {
	for locale, v := range texts {
		if !slices.Contains(locales(), locale) {
			return invalidForm(field+"_localizations", "ENUM_TYPE_COERCE", "Value %q is not a valid enum value.", locale)
		}
		if err := check(field+"_localizations."+locale, v); err != nil {
			return err
		}
	}
	return nil
}

func checkDescription(field, v string) *apiError {
	if n := utf8.RuneCountInString(v); n < 1 || n > maxDescription {
		return tooLong(field, maxDescription)
	}
	return nil
}

func (x *command) check() *apiError {
	name := checkName
	if x.Type != 1 {
		// User and message commands may have capitals and spaces, and no description.
		name = func(field, v string) *apiError {
			if n := utf8.RuneCountInString(v); n < 1 || n > maxName {
				return tooLong(field, maxName)
			}
			return nil
		}
		if x.Description != "" || len(x.Options) > 0 {
			return invalidForm("description", "APPLICATION_COMMAND_DESCRIPTION_INVALID", "Only chat commands have a description and options")
		}
	}
	if x.Type < 1 || x.Type > 4 {
		return invalidForm("type", "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4}.")
	}
	if err := name("name", x.Name); err != nil {
		return err
	}
	if err := checkLocalized("name", x.Names, name); err != nil {
		return err
	}
	if x.Type == 1 {
		if err := checkDescription("description", x.Description); err != nil {
			return err
		}
		if err := checkLocalized("description", x.Descriptions, checkDescription); err != nil {
			return err
		}
	}
	if x.Permissions != nil {
		if _, err := strconv.ParseUint(*x.Permissions, 10, 64); err != nil {
			return invalidForm("default_member_permissions", "NUMBER_TYPE_COERCE", "Value is not a number.")
		}
	}
	if err := checkOptions(x.Options, 0); err != nil {
		return err
	}
	if size := longest(x.Name, x.Names) + longest(x.Description, x.Descriptions) + optionsSize(x.Options); size > maxCommandSize {
		return invalidForm("options", "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size (%d)", maxCommandSize)
	}
	return nil
}

// longest counts a text with localizations by its longest form.
func longest(v string, localized map[string]string) int {
	n := utf8.RuneCountInString(v)
	for _, l := range localized {
		n = max(n, utf8.RuneCountInString(l))
	}
	return n
}

func optionsSize(list []*option) int {
	n := 0
	for _, o := range list {
		n += longest(o.Name, o.Names) + longest(o.Description, o.Descriptions) + optionsSize(o.Options)
		for _, c := range o.Choices {
			n += longest(c.Name, c.Names)
			if v, ok := c.Value.(string); ok {
				n += utf8.RuneCountInString(v)
			}
		}
	}
	return n
}

// checkOptions checks options at a depth: 0 in the command, 1 in a group.
// https://discord.com/developers/docs/interactions/application-commands#subcommands-and-subcommand-groups
func checkOptions(list []*option, depth int) *apiError {
	if len(list) > maxCommandOption {
		return invalidForm("options", "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", maxCommandOption)
	}
	names, optional, nested := map[string]bool{}, false, 0
	for _, o := range list {
		if err := checkName("options.name", o.Name); err != nil {
			return err
		}
		if err := checkLocalized("options.name", o.Names, checkName); err != nil {
			return err
		}
		if err := checkDescription("options.description", o.Description); err != nil {
			return err
		}
		if err := checkLocalized("options.description", o.Descriptions, checkDescription); err != nil {
			return err
		}
		if names[o.Name] {
			return invalidForm("options.name", "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "Option name already exists")
		}
		names[o.Name] = true
		switch o.Type {
		case optionSubcommand, optionGroup:
			nested++
			if o.Type == optionGroup && depth > 0 || depth > 1 {
				return invalidForm("options.type", "APPLICATION_COMMAND_OPTIONS_NESTING", "Sub-command groups nest at most one level deep")
			}
			if o.Type == optionGroup {
				for _, sub := range o.Options {
					if sub.Type != optionSubcommand {
						return invalidForm("options.type", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "A group holds sub-commands alone")
					}
				}
			}
			if err := checkOptions(o.Options, 1+depth); err != nil {
				return err
			}
			continue
		}
		if o.Type < optionString || o.Type > optionAttachment {
			return invalidForm("options.type", "BASE_TYPE_CHOICES", "Value must be one of {1, ..., 11}.")
		}
		if o.Required && optional {
			return invalidForm("options.required", "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options must be placed before non-required options")
		}
		optional = optional || !o.Required
		if err := o.checkChoices(); err != nil {
			return err
		}
	}
	if nested > 0 && nested < len(list) {
		return invalidForm("options.type", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Sub-command and sub-command group option types are mutually exclusive to all other types")
	}
	for _, o := range list {
		for locale, v := range o.Names {
			if v != o.Name && names[v] {
				return invalidForm("options.name_localizations."+locale, "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "A localized name is another option's name")
			}
		}
	}
	return nil
}

func (o *option) checkChoices() *apiError {
	if len(o.Choices) > maxCommandOption {
		return invalidForm("options.choices", "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", maxCommandOption)
	}
	valued := o.Type == optionString || o.Type == optionInteger || o.Type == optionNumber
	if o.Autocomplete && (len(o.Choices) > 0 || !valued) || len(o.Choices) > 0 && !valued {
		return invalidForm("options.autocomplete", "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID", "Autocomplete and choices exclude each other and need a text or number")
	}
	names := map[string]bool{}
	for _, c := range o.Choices {
		if err := checkDescription("options.choices.name", c.Name); err != nil {
			return err
		}
		if err := checkLocalized("options.choices.name", c.Names, checkDescription); err != nil {
			return err
		}
		if v, ok := c.Value.(string); ok != (o.Type == optionString) || utf8.RuneCountInString(v) > 100 {
			return invalidForm("options.choices.value", "BASE_TYPE_BAD_TYPE", "Must be of the option's type and 100 or fewer in length.")
		}
		if names[c.Name] {
			return invalidForm("options.choices.name", "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS", "Choice name already exists")
		}
		names[c.Name] = true
	}
	if o.MinLength != nil && (*o.MinLength < 0 || *o.MinLength > 6000) || o.MaxLength != nil && (*o.MaxLength < 1 || *o.MaxLength > 6000) {
		return invalidForm("options.max_length", "NUMBER_TYPE_MAX", "min_length is 0 to 6000, max_length 1 to 6000.")
	}
	return nil
}

// command finds a registered command that the user may use here. A guild's
// own command hides a global one of the same name.
func (s *Server) command(c *channel, user, path string) (*command, error) {
	word, _, _ := strings.Cut(path, " ")
	var found *command
	for _, guild := range []string{"", c.Guild} {
		for _, x := range s.commands[guild] {
			if x.Name == word && x.Type == 1 {
				found = x
			}
		}
	}
	if found == nil {
		return nil, fmt.Errorf("not registered")
	}
	context := 0
	if c.Kind == DM {
		context = 1
	}
	if found.Contexts != nil && !slices.Contains(*found.Contexts, context) ||
		found.Contexts == nil && found.DMPermission != nil && !*found.DMPermission && context == 1 {
		return nil, fmt.Errorf("not usable in context %d", context)
	}
	p := s.permissions(c, user)
	if found.Permissions != nil && c.Kind != DM {
		// "0" is for administrators alone.
		needed, _ := strconv.ParseUint(*found.Permissions, 10, 64)
		if needed == 0 && !p.has(Administrator) || !p.has(Permissions(needed)) {
			return nil, fmt.Errorf("user %s lacks the command's permissions", user)
		}
	}
	if c.Kind != DM && !p.has(UseCommands) {
		return nil, fmt.Errorf("user %s may not use commands here", user)
	}
	return found, nil
}

// commandData is the data of a command, with default names whatever the
// person's language, or of a completion when an option has the focus.
// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object-application-command-data-structure
func (s *Server) commandData(x *command, c *channel, path string, values map[string]any, focus string) (map[string]any, error) {
	words := strings.Fields(path)[1:]
	options, wrap := x.Options, func(inner []any) []any { return inner }
	for n, w := range words {
		at := slices.IndexFunc(options, func(o *option) bool { return o.Name == w && o.Type <= optionGroup })
		if at < 0 {
			return nil, fmt.Errorf("no sub-command %q", strings.Join(words[:n+1], " "))
		}
		o, outer := options[at], wrap
		wrap = func(inner []any) []any {
			return outer([]any{map[string]any{"name": o.Name, "type": o.Type, "options": inner}})
		}
		options = o.Options
	}
	if slices.ContainsFunc(options, func(o *option) bool { return o.Type <= optionGroup }) {
		return nil, fmt.Errorf("a sub-command is needed")
	}
	for name := range values {
		if !slices.ContainsFunc(options, func(o *option) bool { return o.Name == name }) {
			return nil, fmt.Errorf("no option %q", name)
		}
	}
	resolved, given := s.newResolved(c.Guild), []any{}
	for _, o := range options {
		v, ok := values[o.Name]
		if !ok {
			if o.Required && focus == "" {
				return nil, fmt.Errorf("option %q is required", o.Name)
			}
			continue
		}
		entry := map[string]any{"name": o.Name, "type": o.Type, "value": v}
		if o.Name == focus {
			if !o.Autocomplete {
				return nil, fmt.Errorf("option %q is not completed", o.Name)
			}
			entry["focused"] = true // an unfinished value is not checked
		} else if err := o.accept(v, resolved); err != nil {
			return nil, fmt.Errorf("option %q: %w", o.Name, err)
		}
		given = append(given, entry)
	}
	data := map[string]any{"id": x.ID, "name": x.Name, "type": x.Type, "options": wrap(given)}
	if x.Guild != "" {
		data["guild_id"] = x.Guild
	}
	if r := resolved.json(); len(r) > 0 {
		data["resolved"] = r
	}
	return data, nil
}

// accept checks a value as the client does before it sends the command.
func (o *option) accept(v any, r *resolved) error {
	switch o.Type {
	case optionString:
		t, ok := v.(string)
		if !ok {
			return fmt.Errorf("%T is no string", v)
		}
		n := utf8.RuneCountInString(t)
		if o.MinLength != nil && n < *o.MinLength || o.MaxLength != nil && n > *o.MaxLength || n > 6000 || n == 0 {
			return fmt.Errorf("%d characters are not allowed", n)
		}
	case optionInteger, optionNumber:
		f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
		if err != nil || o.Type == optionInteger && f != float64(int64(f)) {
			return fmt.Errorf("%v is no number of this type", v)
		}
		if o.MinValue != nil && f < *o.MinValue || o.MaxValue != nil && f > *o.MaxValue {
			return fmt.Errorf("%v is out of range", v)
		}
	case optionBoolean:
		if _, ok := v.(bool); !ok {
			return fmt.Errorf("%T is no boolean", v)
		}
	case optionUser:
		id, _ := v.(string)
		return r.user(id)
	case optionChannel:
		id, _ := v.(string)
		return r.channel(id)
	default:
		return fmt.Errorf("options of type %d are not imitated", o.Type)
	}
	if len(o.Choices) > 0 && !slices.ContainsFunc(o.Choices, func(c choice) bool { return fmt.Sprint(c.Value) == fmt.Sprint(v) }) {
		return fmt.Errorf("%v is not among the choices", v)
	}
	return nil
}

// resolved is the data of the users and channels that an interaction names.
// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object-resolved-data-structure
type resolved struct {
	server                   *Server
	guild                    string
	users, members, channels map[string]any
}

func (s *Server) newResolved(guild string) *resolved {
	return &resolved{server: s, guild: guild, users: map[string]any{}, members: map[string]any{}, channels: map[string]any{}}
}

func (r *resolved) user(id string) error {
	u := r.server.users[id]
	if u == nil {
		return fmt.Errorf("no user %q", id)
	}
	r.users[id] = r.server.userJSON(u)
	if m := r.server.members[[2]string{r.guild, id}]; m != nil {
		j := r.server.memberJSON(m, false)
		j["permissions"] = m.Permissions.String()
		r.members[id] = j
	}
	return nil
}

func (r *resolved) channel(id string) error {
	c := r.server.channels[id]
	if c == nil || c.Guild != r.guild {
		return fmt.Errorf("no channel %q", id)
	}
	r.channels[id] = map[string]any{"id": c.ID, "name": c.Name, "type": int(c.Kind), "parent_id": nullable(c.Parent), "permissions": Usual.String()}
	return nil
}

func (r *resolved) json() map[string]any {
	j := map[string]any{}
	for name, m := range map[string]map[string]any{"users": r.users, "members": r.members, "channels": r.channels} {
		if len(m) > 0 {
			j[name] = m
		}
	}
	return j
}
