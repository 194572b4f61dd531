// Command procurabot is the bot of the Procura+ participants.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // zones must be known on a machine that has none installed

	"github.com/alecthomas/kong"

	"procurabot/internal/database"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	environment := map[string]string{}
	for _, e := range os.Environ() {
		k, v, _ := strings.Cut(e, "=")
		environment[k] = v
	}
	os.Exit(run(ctx, os.Args[1:], environment, os.Stdin, os.Stdout, os.Stderr))
}

// program is what a subcommand may use of the world.
type program struct {
	ctx      context.Context
	env      map[string]string // with the settings of the file, where there is one
	file     string            // of settings, "" when there is none
	wrong    []string          // settings of the file that cannot be used
	in       io.Reader
	out, err io.Writer
}

// config reads the settings. It names everything that is wrong.
func (p *program) config() (config, error) {
	c, err := readConfig(p.env)
	var s *settingsError
	if errors.As(err, &s) || err == nil && len(p.wrong) > 0 {
		wrong := p.wrong
		if s != nil {
			wrong = append(wrong, s.problems...)
		}
		return config{}, &settingsError{wrong}
	}
	return c, err
}

type commands struct {
	Config string `help:"A file of settings (also PROCURABOT_CONFIG): lines such as slack_bot_token = \"xoxb-...\". The environment goes before it." placeholder:"FILE"`

	Run       runCommand       `cmd:"" help:"Runs the bot on Slack and Discord, as the settings say."`
	Doctor    doctorCommand    `cmd:"" help:"Says what is wrong with the set-up, and how to mend it."`
	Demo      demoCommand      `cmd:"" help:"Opens a page on which to try the bot, with no account anywhere."`
	Play      playCommand      `cmd:"" help:"Plays the conversation scripts of a folder and prints what differs."`
	Ask       askCommand       `cmd:"" help:"Answers questions on the command line, as JSON."`
	Eval      evalCommand      `cmd:"" help:"Measures the answer engine on files of your own: it learns from one and is asked another."`
	Phrases   phrasesCommand   `cmd:"" help:"Looks through the phrases that people ask with: which contradict each other, which are too few."`
	Questions questionsCommand `cmd:"" help:"Lists what was asked and not answered by the bot, like questions together."`
	Messages  messagesCommand  `cmd:"" help:"Checks, exports and imports the texts that the bot says."`
	Backup    backupCommand    `cmd:"" help:"Copies the database, also beside a running bot."`
	Restore   restoreCommand   `cmd:"" help:"Puts a copy in the place of the database, and holds what it had not sent."`
	Healthy   healthyCommand   `cmd:"" help:"Asks a running bot whether it is well."`
	Manifest  manifestCommand  `cmd:"" help:"Prints the manifest from which Slack makes the app."`
	Reference referenceCommand `cmd:"" help:"Prints what can be typed in chat, as a page."`
	Version   versionCommand   `cmd:"" help:"Prints the version."`
}

const description = `Procurabot answers the questions of the Procura+ participants, in English, French and German, on Slack and Discord.

Begin with: procurabot demo

The settings of "run" are environment variables, or lines of one file; docs/operating.md lists them all.
Exit codes: 0 done, 1 something failed or differs, 2 wrong use or settings.`

// run is the whole program. It gives the exit code.
func run(ctx context.Context, args []string, environment map[string]string, in io.Reader, out, errs io.Writer) int {
	errs = newRedactor(errs)
	var c commands
	code := -1
	parser, err := kong.New(&c, kong.Name("procurabot"), kong.Description(description), kong.Writers(out, errs),
		kong.Exit(func(n int) { code = n }), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(errs, "procurabot:", err)
		return 2
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if code >= 0 {
		return code // --help
	}
	if err != nil {
		fmt.Fprintf(errs, "procurabot: %s. See procurabot --help.\n", err)
		return 2
	}
	p := &program{ctx: ctx, env: environment, in: in, out: out, err: errs}
	if p.file = cmp.Or(c.Config, environment[prefix+"CONFIG"]); p.file != "" {
		if p.env, p.wrong, err = withFile(environment, p.file); err != nil {
			fmt.Fprintln(errs, "procurabot:", err)
			return 2
		}
	}
	err = k.Run(p)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errDiffers):
		return 1
	case usage(err):
		fmt.Fprintf(errs, "procurabot: %s\n", err)
		return 2
	}
	fmt.Fprintf(errs, "procurabot: %s\n", err)
	return 1
}

// errDiffers says that what was to be found has been printed.
var errDiffers = errors.New("something differs")

// usageError is something that the one who started the program can mend.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// usage reports whether an error is for the one who started the program.
func usage(err error) bool {
	var u usageError
	var s *settingsError
	var newer *database.NewerSchemaError
	return errors.As(err, &u) || errors.As(err, &s) || errors.As(err, &newer) ||
		errors.Is(err, database.ErrLocked)
}
