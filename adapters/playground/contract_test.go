package playground_test

import (
	"testing"
	"time"

	"procurabot/adapters/adaptertest"
	"procurabot/adapters/playground"
	"procurabot/bot"
	"procurabot/bot/bottest"
)

func TestContract(t *testing.T) {
	for _, platform := range []bot.Platform{"playground", "slack", "discord"} {
		t.Run(string(platform), func(t *testing.T) {
			adaptertest.Run(t, func(*testing.T) bottest.Stage {
				clock := bottest.NewClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
				return playground.New(playground.Options{Platform: platform, Now: clock.Now})
			})
		})
	}
}
