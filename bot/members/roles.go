package members

import (
	"slices"

	"procurabot/bot"
)

func (m *Members) give(t *bot.Turn) error {
	to, role, err := m.named(t)
	if err != nil {
		return err
	}
	given, err := giveRole(t.Tx, to.ID, role)
	if err != nil {
		return err
	}
	if !given {
		return m.say(t, "members.roles-had", to, role)
	}
	if err := m.Audit(t.Tx, t.Member.ID, "give role "+string(role), string(to.ID)); err != nil {
		return err
	}
	return m.say(t, "members.roles-given", to, role)
}

func (m *Members) take(t *bot.Turn) error {
	from, role, err := m.named(t)
	if err != nil {
		return err
	}
	if !slices.Contains(from.Roles, role) {
		return m.say(t, "members.roles-had-not", from, role)
	}
	taken, err := takeRole(t.Tx, from.ID, role)
	if err != nil {
		return err
	}
	if !taken {
		return bot.Refuse("members.roles-last-admin", nil)
	}
	if err := m.Audit(t.Tx, t.Member.ID, "take role "+string(role), string(from.ID)); err != nil {
		return err
	}
	return m.say(t, "members.roles-taken", from, role)
}

// named is the person and the role of a command. A person whom the bot has not
// met yet becomes a member, so that an administrator can prepare.
func (m *Members) named(t *bot.Turn) (bot.Member, bot.Role, error) {
	a, err := bot.ParseAccount(t.Args["person"])
	if err != nil {
		return bot.Member{}, "", bot.Refuse("bot.argument-member", bot.Values{"Given": bot.Data(t.Args["person"])})
	}
	who, err := m.Resolve(t.Tx, &bot.Incoming{From: a})
	return who, bot.Role(t.Args["role"]), err
}

func (m *Members) say(t *bot.Turn, id string, who bot.Member, r bot.Role) error {
	_, err := t.Reply(bot.Say{Phrase: bot.P(id, bot.Values{"Person": name(who.Name), "Role": roleName(r)})})
	return err
}

func list(t *bot.Turn) error {
	all, err := holders(t.Tx)
	if err != nil {
		return err
	}
	var people bot.Lines
	for _, h := range all {
		var roles bot.List
		for _, r := range h.roles {
			roles = append(roles, roleName(r))
		}
		people = append(people, bot.P("members.roles-line", bot.Values{"Person": name(h.name), "Roles": roles}))
	}
	_, err = t.Reply(bot.Say{Phrase: bot.P("members.roles-all", bot.Values{"People": people})})
	return err
}

// name is how a person is called, also one who has not been seen yet.
func name(n string) bot.Value {
	if n == "" {
		return bot.P("members.somebody.name", nil)
	}
	return bot.Data(n)
}

func roleName(r bot.Role) bot.Phrase { return bot.P("bot.role-"+string(r)+".name", nil) }
