package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

type healthyCommand struct {
	Ready bool `help:"Asks whether it does all its work, and not only whether it is alive."`
}

func (healthyCommand) Help() string {
	return `Asks the private listener of a running bot (PROCURABOT_PRIVATE_LISTEN) and says what it says. Exit code 1 where something is
wrong, 2 where nothing answers: for a container, which has no other program to ask with.`
}

func (c healthyCommand) Run(p *program) error {
	address := p.env[prefix+"PRIVATE_LISTEN"]
	if address == "" {
		return usageError{errors.New("PROCURABOT_PRIVATE_LISTEN is not set: there is nothing to ask")}
	}
	if strings.HasPrefix(address, ":") {
		address = "127.0.0.1" + address
	}
	path := "/healthz"
	if c.Ready {
		path = "/readyz"
	}
	ctx, cancel := context.WithTimeout(p.ctx, lookTime+callTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return usageError{err}
	}
	// No proxy stands between a program and itself.
	got, err := (&http.Client{Transport: &http.Transport{}}).Do(r)
	if err != nil {
		return usageError{fmt.Errorf("nothing answers at %s: is the bot running, with the same settings? (%w)", address, err)}
	}
	defer got.Body.Close()
	said, err := io.ReadAll(io.LimitReader(got.Body, 64<<10))
	fmt.Fprint(p.out, cmp.Or(string(said), got.Status+"\n"))
	if err != nil || got.StatusCode != http.StatusOK {
		return errDiffers
	}
	return nil
}
