package main

import (
	"errors"
	"fmt"
	"os"

	"procurabot/bot/messages"
	"procurabot/internal/database"
	"procurabot/locales"
)

type messagesCommand struct {
	Check messagesCheck `cmd:"" help:"Checks all texts in all languages, those that ship and those in the database."`
}

type messagesCheck struct{}

func (messagesCheck) Help() string {
	return `For each text: is there one in every language, does it parse, has it the placeholders and plural forms it needs, are its
marks closed, is it short enough for the tightest platform, is it translated. The texts of the database (PROCURABOT_DATABASE)
are checked where the file exists; a running bot is not disturbed. Exit code 1 when something is wrong.`
}

func (messagesCheck) Run(p *program) error {
	found := messages.Check(locales.Files(), messages.Tightest())
	checked := "the texts that ship"
	path := p.env["PROCURABOT_DATABASE"]
	if path == "" {
		path = "procurabot.db"
	}
	if _, err := os.Stat(path); err == nil {
		db, err := database.Open(p.ctx, path, database.Options{})
		if err != nil {
			return usageError{err}
		}
		err = db.View(p.ctx, func(tx *database.Tx) error {
			stored, err := messages.CheckStored(tx, messages.Tightest())
			found = append(found, stored...)
			return err
		})
		if err := errors.Join(err, db.Close()); err != nil {
			return fmt.Errorf("check the texts of %s: %w", path, err)
		}
		checked += " and those of " + path
	}
	wrong := 0
	for _, problem := range found {
		fmt.Fprintln(p.out, problem)
		if !problem.Warning {
			wrong++
		}
	}
	fmt.Fprintf(p.out, "checked %s: %d wrong, %d to look at\n", checked, wrong, len(found)-wrong)
	if wrong > 0 {
		return errDiffers
	}
	return nil
}
