package members

import (
	"strings"

	"procurabot/bot"
	"procurabot/internal/markup"
)

// commandLanguage is /procura language.
func commandLanguage(t *bot.Turn) error {
	if l := t.Args["language"]; l != "" {
		return choose(t, bot.Language(l))
	}
	return ask(t, bot.P("members.language-ask", nil))
}

// asked is "parlez-moi en français": the language that the words name.
func asked(t *bot.Turn) error {
	said, _ := t.In.What.(bot.Said)
	words := strings.ToLower(said.Text)
	for _, named := range bot.Languages() {
		for _, reader := range bot.Languages() {
			name := markup.Plain(bot.P("bot.language-"+string(named)+".name", nil).Render(t.Book, reader))
			if strings.Contains(words, strings.ToLower(name)) {
				return choose(t, named)
			}
		}
	}
	return ask(t, bot.P("members.language-ask", nil))
}

func choose(t *bot.Turn, l bot.Language) error {
	if !l.Known() {
		return ask(t, bot.P("members.language-ask", nil))
	}
	if err := setLanguage(t.Tx, t.Member.ID, l); err != nil {
		return err
	}
	t.Member.Language, t.Member.Greeted = l, true
	t.Lang = l
	_, err := t.Reply(bot.Say{Phrase: bot.P("members.language-set", nil)})
	return err
}

func ask(t *bot.Turn, question bot.Phrase) error {
	_, err := t.Reply(bot.Say{Phrase: question, Buttons: languageButtons()})
	return err
}

func languageButtons() []bot.Press {
	var all []bot.Press
	for _, l := range bot.Languages() {
		label := bot.P("members.language-"+string(l)+".button", nil)
		all = append(all, bot.Press{Button: languageButton, Value: string(l), Label: &label})
	}
	return all
}

// home is what the bot knows of a member.
func home(t *bot.Turn) (bot.Say, error) {
	var roles bot.List
	for _, r := range t.Member.Roles {
		roles = append(roles, bot.P("bot.role-"+string(r)+".name", nil))
	}
	if roles == nil {
		roles = bot.List{bot.P("members.home-no-role", nil)}
	}
	return bot.Say{
		Phrase:  bot.P("members.home", bot.Values{"Language": bot.P("bot.language-"+string(t.Lang)+".name", nil), "Roles": roles}),
		Buttons: languageButtons(),
	}, nil
}

// welcome asks a new member for their language once, where nobody else reads.
func welcome(t *bot.Turn) error {
	if err := setGreeted(t.Tx, t.Member.ID); err != nil {
		return err
	}
	if t.Member.Language != "" {
		return nil
	}
	return ask(t, bot.P("members.welcome", nil))
}
