package discord_test

import (
	"testing"
	"time"

	"procurabot/adapters/adaptertest"
	"procurabot/adapters/discord/fakediscord"
	"procurabot/bot/bottest"
)

func TestContract(t *testing.T) {
	adaptertest.Run(t, func(t *testing.T) bottest.Stage {
		s := fakediscord.NewStage(time.Now)
		t.Cleanup(s.Close)
		return s
	})
}
