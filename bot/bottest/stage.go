// Package bottest plays conversation scripts against a real engine on a real
// database file.
//
// A script (docs/scripts.md) names people and channels, lets people say, type,
// press and submit, moves time on, and states with lines that begin with "|"
// all that people then see, in order. The platforms that people are on are
// stages: the playground's rooms, or a fake Slack and a fake Discord with the
// real client libraries between them and the engine. The same script gives the
// same words on all of them.
package bottest

import (
	"context"

	"procurabot/bot"
)

// Stage is one platform as the people on it see it.
//
// Each act returns when the platform has handed the thing over and the bot has
// acknowledged it, or when the platform would show a failure, as an error.
type Stage interface {
	AddPerson(ctx context.Context, p Person) error
	AddChannel(ctx context.Context, c Channel) error
	// Say writes free text. Place is "#channel", or "" for a direct message to
	// the bot. "@bot" in the text is the platform's mention of the bot.
	Say(ctx context.Context, person, place, text string) error
	// Command types a slash command as a person would: "/procura ask are we too small?".
	Command(ctx context.Context, person, place, line string) error
	// Complete gives what is proposed for a command typed so far.
	Complete(ctx context.Context, person, place, line string) ([]string, error)
	// Press presses the button with that label on the newest message that the
	// person can see and that has one.
	Press(ctx context.Context, person, label string) error
	// Submit sends the form that the person has open; values by field name.
	Submit(ctx context.Context, person string, values map[string]string) error
	// Account and Spot name a person and a channel as settings do.
	Account(person string) bot.Account
	Spot(channel string) bot.Spot
	// Adapter connects the bot to the platform; a restarted bot connects anew,
	// while the platform and what was said on it stay.
	Adapter(ctx context.Context) (bot.Adapter, error)
	// Seen gives what has become visible since it was last asked, in order.
	Seen() []Seen
}

// Faulty is a stage that can misbehave: "429", "500", "reset" make its next
// answer to the bot fail in that way; "closed", "gone", "forbidden", "unfit" and
// "refuse" make it refuse a message for good.
type Faulty interface {
	Fault(kind string) error
}

// Lenient is a stage whose people may type what the platforms' own programs
// would not let them send: a field that is too long, or left empty. What comes
// from a program of somebody's own must be refused all the same.
type Lenient interface {
	Lenient() bool
}

// Person is somebody on a platform.
type Person struct {
	Name   string
	Locale string // the platform's setting, "fr"
}

// Channel is a room that everybody on the platform is in, the bot too.
type Channel struct {
	Name   string // without "#"
	Locale string
}

// Seen is one thing that the bot showed. Text is what a person reads: marks
// and escapes of the platform are gone ([markup.Plain] of what was said).
type Seen struct {
	Place   string // "#channel", or "" for a direct message
	To      string // whom it is for: the reader in private, in public whoever is answered; may be ""
	Private bool   // only To can read it
	Edited  bool   // an earlier message now reads so
	Text    string
	Note    string            // the small print
	Buttons []string          // labels
	Form    *SeenForm         // a form that opened for To
	Errors  map[string]string // a refused form: by field name, why
}

// SeenForm is a form as a person sees it.
type SeenForm struct {
	Title  string
	Fields []SeenField
}

// SeenField is one field of a form.
type SeenField struct {
	Name, Label, Value string
}
