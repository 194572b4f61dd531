package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"procurabot/adapters/playground"
	"procurabot/bot"
	"procurabot/bot/bottest"
	"procurabot/internal/database"
)

type playCommand struct {
	Dir    string `arg:"" help:"Folder with conversation scripts (*.txt, or several in a *.txtar)."`
	Update bool   `help:"Write what was seen into the scripts of *.txt files."`
}

func (playCommand) Help() string {
	return `A script says who is there, what they do, and all that they then see; docs/scripts.md describes the form.
Each is played against a fresh engine with all features. Exit code 1 when something differs.`
}

func (c playCommand) Run(p *program) error {
	scripts, err := readScripts(c.Dir)
	if err != nil {
		return usageError{err}
	}
	fit, differ := learnOnce(fitCached), 0
	for _, s := range scripts {
		r, err := bottest.Play(p.ctx, s.name, s.text, bottest.Options{Build: building(fit), Stage: rooms})
		if err != nil {
			fmt.Fprintf(p.out, "FAIL %s\n  %s\n", s.name, err)
			differ++
			continue
		}
		if len(r.Differs) == 0 {
			fmt.Fprintf(p.out, "ok   %s\n", s.name)
			continue
		}
		if c.Update && strings.HasSuffix(s.path, ".txt") {
			if err := os.WriteFile(s.path, []byte(r.Text), 0o644); err != nil {
				return err
			}
			fmt.Fprintf(p.out, "new  %s\n", s.name)
			continue
		}
		differ++
		fmt.Fprintf(p.out, "FAIL %s\n", s.name)
		for _, d := range r.Differs {
			fmt.Fprintf(p.out, "  %s", strings.ReplaceAll(d.String(), "\n", "\n  "))
			fmt.Fprintln(p.out)
		}
	}
	fmt.Fprintf(p.out, "%d scripts, %d differ\n", len(scripts), differ)
	if differ > 0 {
		return errDiffers
	}
	return nil
}

type scriptFile struct{ path, name, text string }

func readScripts(dir string) ([]scriptFile, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt*"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	var all []scriptFile
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		name := filepath.Base(path)
		switch filepath.Ext(path) {
		case ".txt":
			all = append(all, scriptFile{path, name, string(b)})
		case ".txtar":
			archive := txtar.Parse(b)
			if len(archive.Files) == 0 {
				all = append(all, scriptFile{path, name, string(b)})
			}
			for _, f := range archive.Files {
				all = append(all, scriptFile{path, name + "/" + f.Name, string(f.Data)})
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no script (*.txt, *.txtar) in %s", dir)
	}
	return all, nil
}

// rooms is the platform that scripts are played on here.
func rooms(_ context.Context, platform string, now func() time.Time) (bottest.Stage, error) {
	return playground.New(playground.Options{Platform: bot.Platform(platform), Now: now}), nil
}

// building makes the whole program for a script: all features, a file that is not
// flushed (a script that is cut off is played again), sends inline.
func building(fit fitting) func(context.Context, bottest.House) (*bottest.Tenant, error) {
	return func(ctx context.Context, h bottest.House) (*bottest.Tenant, error) { return build(ctx, h, fit) }
}

func build(ctx context.Context, h bottest.House, fit fitting) (*bottest.Tenant, error) {
	db, err := database.Open(ctx, h.Path, database.Options{Now: h.Now, Random: h.Random, Synchronous: "OFF"})
	if err != nil {
		return nil, err
	}
	a, err := newApp(ctx, parts{
		db: db, adapters: h.Adapters, editors: h.Editors, contact: "secretariat@procura.example",
		log: slog.New(slog.DiscardHandler), directory: h.Directory, phrasebook: h.Phrasebook,
		fit: fit,
	})
	if err != nil {
		db.Close()
		return nil, err
	}
	return &bottest.Tenant{Engine: a.engine, DB: db, Grant: a.grant, Close: a.close, Settled: a.benefits.Settled}, nil
}

// grant gives somebody a role, as the settings do for administrators.
func (a *app) grant(ctx context.Context, to bot.Account, r bot.Role) error {
	return a.db.Update(ctx, func(tx *database.Tx) error { return a.members.Grant(tx, "settings", to, r) })
}
