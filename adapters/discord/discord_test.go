package discord_test

import (
	"testing"
	"time"

	"procurabot/adapters/adaptertest"
	"procurabot/adapters/discord/fakediscord"
	"procurabot/bot/bottest"
)

func TestContract(t *testing.T) {
	for name, stage := range map[string]func(func() time.Time) *fakediscord.Stage{
		"Gateway": fakediscord.NewStage, "signed HTTP": fakediscord.NewSignedStage,
	} {
		t.Run(name, func(t *testing.T) {
			adaptertest.Run(t, func(t *testing.T) bottest.Stage {
				s := stage(time.Now)
				t.Cleanup(s.Close)
				return s
			})
		})
	}
}
