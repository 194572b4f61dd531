package members

import "procurabot/bot"

const languageButton = "members.language"

// Feature is the members' language and the administration of roles.
func (m *Members) Feature() bot.Feature {
	person := bot.Option{Name: "person", Required: true, Member: true}
	role := bot.Option{Name: "role", Required: true}
	for _, r := range bot.Roles() {
		role.Choices = append(role.Choices, string(r))
	}
	language := bot.Option{Name: "language"}
	for _, l := range bot.Languages() {
		language.Choices = append(language.Choices, string(l))
	}
	return bot.Feature{
		Name: "members",
		Commands: []bot.Command{
			{ID: "members.language", Path: []string{"procura", "language"}, Options: []bot.Option{language}, Run: commandLanguage},
			{ID: "members.roles-give", Path: []string{"procura-admin", "roles", "give"}, Role: bot.Admin, Options: []bot.Option{person, role}, Run: m.give},
			{ID: "members.roles-take", Path: []string{"procura-admin", "roles", "take"}, Role: bot.Admin, Options: []bot.Option{person, role}, Run: m.take},
			{ID: "members.roles-list", Path: []string{"procura-admin", "roles", "list"}, Role: bot.Admin, Run: list},
		},
		Buttons: []bot.ButtonHandler{{ID: languageButton, Run: func(t *bot.Turn) error {
			return choose(t, bot.Language(t.Value))
		}}},
		Actions: []bot.Action{{ID: "members.language", Run: asked}},
		Welcome: welcome,
		Home:    home,
	}
}
