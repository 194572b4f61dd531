package showcase

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"html/template"
	"strconv"
	"sync"
	"time"

	"procurabot/adapters/discord/fakediscord"
	"procurabot/adapters/slack/fakeslack"
	"procurabot/bot"
	"procurabot/bot/bottest"
	"procurabot/internal/webpage"
)

// BotName is how the bot is mentioned on the page.
const BotName = "Procurabot"

// Person is on every platform that is shown.
type Person struct {
	bottest.Person
	Role bot.Role // as the page names it; nobody is given it here
}

// Channel is on every platform that is shown, or on one.
type Channel struct {
	bottest.Channel
	Only bot.Platform // "": on all
}

// Options say what is shown.
type Options struct {
	Slack    *fakeslack.Stage   // nil: not shown
	Discord  *fakediscord.Stage // nil: not shown
	People   []Person           // who open the page; the first is who opens it first
	Channels []Channel
	Now      func() time.Time // nil: time.Now
}

// Showcase is two platforms with the same people on them.
type Showcase struct {
	people    []Person
	channels  []Channel
	platforms []platform
	now       func() time.Time
	words     map[string]*webpage.Words

	mu       sync.Mutex
	revision int
	changed  chan struct{}       // closed when the revision grows
	refused  map[string]*refusal // by platform and person
}

// refusal is what a form was refused with, and what had been typed.
type refusal struct {
	form           string
	errors, values map[string]string
	number         int
}

// platform is one of the fakes, as a person sees it and acts on it.
type platform interface {
	id() string   // "slack"
	name() string // "Slack"
	// says reports whether the client would send the text there as it is.
	says(person, place, text string) bool
	say(ctx context.Context, person, place, text string) error
	has(place string) bool
	// messages are those that a person sees in a place, oldest first.
	messages(person, place string) []message
	press(ctx context.Context, person, place, message, button string) error
	form(person string) *form // nil: none is open
	// submit gives what was refused, by field.
	submit(ctx context.Context, person string, values map[string]string) (map[string]string, error)
	dismiss(ctx context.Context, person string) error
	longest() int // characters of a message
}

// message is one of a platform's, drawn.
type message struct {
	id       string
	at       time.Time
	author   string // a person's name; "" is the bot
	only     bool   // for the one who looks alone
	edited   bool
	thread   string // the message that began its thread
	answers  string // the message that it names as answered
	thinking bool   // the bot has asked for time
	raw      string // what was written, to tell its language and quote it
	pieces   []piece
}

// piece is one block of a message.
type piece struct {
	Kind    string // "text", "context", "buttons"; "other" is not drawn
	HTML    template.HTML
	Buttons []button
}

type button struct{ ID, Label, Style string }

// form is one that a person has open.
type form struct {
	id                    string
	title, submit, cancel string // submit and cancel may be the client's own: ""
	fields                []field
}

type field struct {
	Name, Label, Hint, Value string
	Long, Required           bool
	Max                      int
}

// New puts the people and the channels on the platforms.
func New(ctx context.Context, o Options) (*Showcase, error) {
	s := &Showcase{people: o.People, channels: o.Channels, now: o.Now, changed: make(chan struct{}), refused: map[string]*refusal{}}
	if s.now == nil {
		s.now = time.Now
	}
	var err error
	if s.words, err = readWords(); err != nil {
		return nil, err
	}
	stages := map[bot.Platform]bottest.Stage{}
	if o.Slack != nil {
		o.Slack.OnRequest(func(_ string, phase fakeslack.Phase) { s.touchIf(phase == fakeslack.After) })
		s.platforms, stages["slack"] = append(s.platforms, &slackView{stage: o.Slack, showcase: s}), o.Slack
	}
	if o.Discord != nil {
		o.Discord.OnRequest(func(_ string, phase fakediscord.Phase) { s.touchIf(phase == fakediscord.After) })
		s.platforms, stages["discord"] = append(s.platforms, &discordView{stage: o.Discord, showcase: s}), o.Discord
	}
	if len(s.platforms) == 0 || len(o.People) == 0 {
		return nil, errors.New("nothing is to be shown: name a platform and a person")
	}
	for platform, stage := range stages {
		for _, c := range o.Channels {
			if c.Only != "" && c.Only != platform {
				continue
			}
			if err := stage.AddChannel(ctx, c.Channel); err != nil {
				return nil, fmt.Errorf("make the channel %s: %w", c.Name, err)
			}
		}
		for _, p := range o.People {
			if err := stage.AddPerson(ctx, p.Person); err != nil {
				return nil, fmt.Errorf("add %s: %w", p.Name, err)
			}
		}
	}
	return s, nil
}

// named finds a person by the account that a platform knows.
func (s *Showcase) named(stage bottest.Stage, user string) string {
	for _, p := range s.people {
		if string(stage.Account(p.Name).User) == user {
			return p.Name
		}
	}
	return ""
}

// channelNamed finds a channel by its id on a platform.
func (s *Showcase) channelNamed(stage bottest.Stage, id string) string {
	for _, c := range s.channels {
		if string(stage.Spot(c.Name).Conversation) == id {
			return c.Name
		}
	}
	return ""
}

func (s *Showcase) platform(id string) platform {
	for _, p := range s.platforms {
		if p.id() == id {
			return p
		}
	}
	return nil
}

func (s *Showcase) touchIf(happened bool) {
	if happened {
		s.touch()
	}
}

// touch tells the pages that something may look different.
func (s *Showcase) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revision++
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Showcase) watch() (int, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revision, s.changed
}

// version differs when what it is made of does.
func version(of string) string {
	h := fnv.New64a()
	h.Write([]byte(of)) //nolint:errcheck // never fails
	return strconv.FormatUint(h.Sum64(), 36)
}
