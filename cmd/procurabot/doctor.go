package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"procurabot/adapters/discord"
	"procurabot/adapters/slack"
	"procurabot/bot"
	"procurabot/internal/database"
)

type doctorCommand struct{}

func (doctorCommand) Help() string {
	return `Looks at the settings, the database, the backups, each platform and the public address, and says in plain words what is wrong
and how to mend it. It may be called before the bot runs or beside it, and changes nothing. A mark stands before each line: ok,
"?" for what the bot can do without, "!!" for what must be mended.

Exit codes: 0 all is right, 1 something must be mended, 2 the settings cannot be used.`
}

// diagnoseTime bounds all questions to one platform.
const diagnoseTime = 90 * time.Second

func (doctorCommand) Run(p *program) error {
	c, err := p.config()
	var wrong *settingsError
	if errors.As(err, &wrong) {
		for _, problem := range wrong.problems {
			fmt.Fprintf(p.out, "!!  settings: %s\n", problem)
		}
		return usageError{fmt.Errorf("%s: mend the settings first, then ask again", count(len(wrong.problems), "setting")+" cannot be used")}
	}
	if err != nil {
		return err
	}
	visit := &visit{ctx: p.ctx, out: newRedactor(p.out, c.secrets()...)}
	visit.checks("settings", settingsChecks(p))
	texts := c.Database
	if !visit.checks("database", databaseChecks(p.ctx, c.Database)) {
		texts = "" // those that ship
	}
	if c.BackupDir != "" {
		visit.checks("backups", []bot.Check{folderCheck("folder", c.BackupDir)})
	}
	connections, err := connect(c, newLog(io.Discard))
	if err != nil {
		return err
	}
	if connections.slack != nil {
		visit.slack(connections.slack, c)
	}
	if connections.discord != nil {
		if err := visit.discord(p, connections.discord, c, texts); err != nil {
			return err
		}
	}
	if c.public() {
		visit.checks("public address", publicChecks(p.ctx, c))
	}
	switch {
	case visit.wrong == 1:
		fmt.Fprintln(p.out, "one thing must be mended")
		return errDiffers
	case visit.wrong > 1:
		fmt.Fprintln(p.out, visit.wrong, "things must be mended")
		return errDiffers
	}
	fmt.Fprintln(p.out, "all is right")
	return nil
}

// visit prints what was looked at.
type visit struct {
	ctx   context.Context
	out   io.Writer
	wrong int
}

// checks reports whether nothing must be mended.
func (v *visit) checks(where string, checks []bot.Check) bool {
	before := v.wrong
	for _, c := range checks {
		switch {
		case c.Problem == "":
			fmt.Fprintf(v.out, "ok  %s: %s\n", where, c.Name)
			continue
		case c.Optional:
			fmt.Fprintf(v.out, " ?  %s: %s: %s\n", where, c.Name, c.Problem)
		default:
			v.wrong++
			fmt.Fprintf(v.out, "!!  %s: %s: %s\n", where, c.Name, c.Problem)
		}
		if c.Mend != "" {
			fmt.Fprintf(v.out, "    what to do: %s\n", strings.ReplaceAll(c.Mend, "\n", "\n    "))
		}
	}
	return v.wrong == before
}

func (v *visit) slack(a *slack.Adapter, c config) {
	ctx, cancel := context.WithTimeout(v.ctx, diagnoseTime)
	defer cancel()
	v.checks("Slack", a.Diagnose(ctx, c.named("slack"), c.channels("slack")...))
}

// discord compares the commands too: with the texts of a database, which may call
// them otherwise than those that ship.
func (v *visit) discord(p *program, a *discord.Adapter, c config, texts string) error {
	return apart(p, texts, parts{fit: learnLittle}, func(program *app) error {
		ctx, cancel := context.WithTimeout(v.ctx, diagnoseTime)
		defer cancel()
		v.checks("Discord", a.Diagnose(ctx, program.engine, c.channels("discord")...))
		return nil
	})
}

// channels are those of a platform that the settings name.
func (c config) channels(p bot.Platform) []bot.ConversationID {
	if c.editors != nil && c.editors.Platform == p {
		return []bot.ConversationID{c.editors.Conversation}
	}
	return nil
}

// named are the accounts and, in the same form, the channel that the settings name
// on a platform, by setting.
func (c config) named(p bot.Platform) []bot.Named {
	var all []bot.Named
	for _, a := range c.admins {
		if a.Platform == p {
			all = append(all, bot.Named{Setting: prefix + "ADMINS", Space: a.Realm, User: a.User})
		}
	}
	if c.editors != nil && c.editors.Platform == p {
		all = append(all, bot.Named{Setting: prefix + "EDITORS_CHANNEL", Space: c.editors.Space})
	}
	return all
}

func settingsChecks(p *program) []bot.Check {
	checks := []bot.Check{{Name: "read"}}
	for _, name := range strangers(p.env) {
		checks = append(checks, bot.Check{
			Name: name, Problem: "there is no such setting", Mend: "look for a typing error: procurabot run --help lists them all", Optional: true,
		})
	}
	if path := p.file; path != "" {
		private := bot.Check{Name: "file"}
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
			private.Problem = fmt.Sprintf("%s can be read by others on this machine, and holds tokens", path)
			private.Mend, private.Optional = "chmod 600 "+path, true
		}
		checks = append(checks, private)
	}
	if p.env[prefix+"ADMINS"] == "" {
		checks = append(checks, bot.Check{
			Name: "administrators", Problem: "PROCURABOT_ADMINS names nobody, so nobody can give roles, unless one was given before",
			Mend: "name yourself: slack:TEAM:MEMBER or discord::USER. docs/slack.md and docs/discord.md say where the ids are", Optional: true,
		})
	}
	return checks
}

// databaseChecks opens it as run does; a bot may be running on it.
func databaseChecks(ctx context.Context, path string) []bot.Check {
	if !exists(path) {
		c := folderCheck("folder", filepath.Dir(path))
		c.Name = "is made at the first start"
		return []bot.Check{c}
	}
	c := bot.Check{Name: path}
	db, err := database.Open(ctx, path, database.Options{})
	if err != nil {
		c.Problem, c.Mend = err.Error(), "the program that wrote it last can open it; or bring a copy back with procurabot restore"
		if errors.Is(err, fs.ErrPermission) {
			c.Mend = "start the program as the user who owns the file, or give it to the user who starts the program"
		}
		return []bot.Check{c}
	}
	if err := db.Close(); err != nil {
		c.Problem = err.Error()
	}
	return []bot.Check{c, folderCheck("folder", filepath.Dir(path))}
}

// folderCheck tries whether a file can be written.
func folderCheck(name, folder string) bot.Check {
	c := bot.Check{Name: name}
	f, err := os.CreateTemp(folder, ".procurabot-doctor-*")
	if err != nil {
		c.Problem = fmt.Sprintf("nothing can be written in %s (%v)", folder, err)
		c.Mend = "make the folder, make room on its disk, or give it to the user who starts the program"
		return c
	}
	_ = f.Close()
	_ = os.Remove(f.Name())
	return c
}

// publicChecks asks the program itself, from outside, as a platform would. An
// unsigned request is refused by it and by nothing else in this way.
func publicChecks(ctx context.Context, c config) []bot.Check {
	if c.PublicAddress == "" {
		return []bot.Check{{
			Name: "setting", Problem: "PROCURABOT_PUBLIC_ADDRESS is not set, so it is not known where the platforms call", Optional: true,
			Mend: "set it to the https address that is passed on to " + c.PublicListen,
		}}
	}
	client := &http.Client{Transport: c.transport(), Timeout: callTime}
	var checks []bot.Check
	for _, path := range c.callbacks() {
		check := bot.Check{Name: path}
		address := strings.TrimSuffix(c.PublicAddress, "/") + path
		if problem := callback(ctx, client, address); problem != "" {
			check.Problem = problem
			check.Mend = "the bot must be running, and what stands in front of it must pass " + address + " on to " + c.PublicListen + ", with body and headers as they are"
		}
		checks = append(checks, check)
	}
	return checks
}

// callbacks are the paths that platforms call.
func (c config) callbacks() []string {
	var paths []string
	if c.SlackSecret != "" {
		paths = append(paths, slack.EventsPath)
	}
	if c.DiscordPublicKey != "" {
		paths = append(paths, discordPath)
	}
	return paths
}

func callback(ctx context.Context, client *http.Client, address string) (problem string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader("{}"))
	if err != nil {
		return err.Error()
	}
	got, err := client.Do(r)
	if err != nil {
		return fmt.Sprintf("nothing answers (%v)", err)
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusUnauthorized {
		return fmt.Sprintf("the answer to a request without a signature is %s, not 401: it does not come from the bot", got.Status)
	}
	return ""
}
