package bot

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Identifiers are opaque: only adapters make them or read meaning into them.
// They are stored, so an adapter's format is a promise.
type (
	Platform       string // "slack", "discord", "playground"
	SpaceID        string // Slack's team, Discord's guild; empty in Discord's direct messages
	UserID         string
	ConversationID string // a channel, a direct message, or a thread: a thread is a conversation of its own
	MessageID      string
	IncomingID     string // the same on every delivery of the same thing, unique within its platform
)

// Title is the platform's name as people write it.
func (p Platform) Title() Data {
	r, n := utf8.DecodeRuneInString(string(p))
	return Data(string(unicode.ToUpper(r)) + string(p)[n:])
}

// Account names one person on one platform. Realm is Slack's team; it is empty
// on Discord, whose users are global.
type Account struct {
	Platform Platform `json:"platform"`
	Realm    SpaceID  `json:"realm,omitempty"`
	User     UserID   `json:"user"`
}

// String gives the account as settings and commands write it: "slack:T1:U1",
// "discord::42".
func (a Account) String() string {
	return string(a.Platform) + ":" + string(a.Realm) + ":" + string(a.User)
}

// ParseAccount reads what String wrote.
func ParseAccount(s string) (Account, error) {
	parts := strings.SplitN(s, ":", 3)
	if len(parts) != 3 || parts[0] == "" || parts[2] == "" {
		return Account{}, fmt.Errorf("%q is no account: it must look like slack:T1:U1 or discord::42", s)
	}
	return Account{Platform(parts[0]), SpaceID(parts[1]), UserID(parts[2])}, nil
}

// Incoming is one thing that happened on a platform.
type Incoming struct {
	ID     IncomingID
	Space  SpaceID
	From   Account
	Name   string       // how the platform shows the person, "" when unknown
	Locale string       // the person's locale there ("fr-CA"), "" when unknown
	In     Place        // where it happened
	Reply  *ReplyHandle // how to answer privately and at once; nil where the platform offers no such way
	What   What
}

// Place is where something happened and where a public answer to it belongs.
type Place struct {
	Conversation ConversationID
	Replies      ConversationID // where a public answer goes: on Slack the thread; empty means Conversation
	Private      bool           // a direct message with the bot
	Home         bool           // the bot's home page, which is private too
	Locale       string         // of the channel or its space, "" when unknown
}

// ReplyHandle is a platform's short-lived way to answer one interaction
// privately. After Expires the same words go by direct message.
type ReplyHandle struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// What is one of Said, Commanded, Completing, Pressed, Submitted, HomeOpened.
type What interface{ what() }

// Said is free text addressed to the bot: by a mention, or in a direct
// message. Text has the mention of the bot removed. What is not addressed to
// the bot never becomes an Incoming.
type Said struct {
	Text    string
	Message MessageID // what a reply refers to
}

// Commanded is a slash command. A person named in it has been replaced by
// their Account.String. Slack gives everything after the command's
// name in Text; Discord gives the Path as registered and typed Options.
type Commanded struct {
	Path    []string // at least the command's name, without its slash
	Text    string
	Options map[string]string
}

// Completing asks for completions while a command is typed: it reads only.
type Completing struct {
	Path   []string
	Option string
	Prefix string
}

// Pressed is a button of a message of ours.
type Pressed struct {
	Button string // a feature's button id, "benefits.helpful"
	Value  string // what the button carries, at most 64 characters
}

// Submitted is a filled-in form.
type Submitted struct {
	Draft  string // the id that the engine gave the form when it was opened
	Values map[string]string
}

// HomeOpened is a look at the bot's home page, where a platform has one: it is
// made anew for the person each time.
type HomeOpened struct{}

func (Said) what()       {}
func (Commanded) what()  {}
func (Completing) what() {}
func (Pressed) what()    {}
func (Submitted) what()  {}
func (HomeOpened) what() {}
