package benefits

import "procurabot/bot"

// home says how to ask, and which of the member's questions wait for a person.
func home(t *bot.Turn) (bot.Say, error) {
	n, err := waiting(t.Tx, t.Member.ID)
	if err != nil {
		return bot.Say{}, err
	}
	state := bot.P("benefits.home-none", nil)
	if n > 0 {
		state = bot.Phrase{ID: "benefits.home-waiting", Count: &n}
	}
	return bot.Say{Phrase: bot.P("benefits.home", bot.Values{"Waiting": state})}, nil
}
