package discord

import (
	"strconv"
	"strings"
)

// permissions is a set of what somebody may do.
// https://discord.com/developers/docs/topics/permissions#permissions-bitwise-permission-flags
type permissions uint64

const (
	administrator     permissions = 1 << 3
	viewChannels      permissions = 1 << 10
	sendMessages      permissions = 1 << 11
	embedLinks        permissions = 1 << 14
	readHistory       permissions = 1 << 16
	sendInThreads     permissions = 1 << 38
	everything                    = ^permissions(0)
	neededPermissions             = viewChannels | sendMessages | sendInThreads | embedLinks | readHistory
	// vital is what the bot cannot answer in public without.
	vital = viewChannels | sendMessages
)

// names are as in the settings of a server, of those that the bot needs.
func (p permissions) names() string {
	var all []string
	for _, x := range []struct {
		bit  permissions
		name string
	}{
		{viewChannels, "View Channels"}, {sendMessages, "Send Messages"}, {sendInThreads, "Send Messages in Threads"},
		{embedLinks, "Embed Links"}, {readHistory, "Read Message History"},
	} {
		if p&x.bit != 0 {
			all = append(all, x.name)
		}
	}
	return strings.Join(all, ", ")
}

// bits reads what comes as a string of digits.
func bits(s string) permissions {
	n, _ := strconv.ParseUint(s, 10, 64)
	return permissions(n)
}

type role struct {
	ID          string `json:"id"`
	Permissions string `json:"permissions"`
}

// overwrite is what a channel allows or denies to a role or a member.
// https://discord.com/developers/docs/resources/channel#overwrite-object
type overwrite struct {
	ID    string `json:"id"`
	Type  int    `json:"type"` // 0 of a role, 1 of a member
	Allow string `json:"allow"`
	Deny  string `json:"deny"`
}

const memberOverwrite = 1

// standing is who the bot is in a guild.
type standing struct {
	guild, user, owner string
	roles              []role   // of the guild
	has                []string // the bot's, of these; everybody has the one with the guild's id
}

// inGuild is what the bot may do where no channel says otherwise.
// https://discord.com/developers/docs/topics/permissions#permission-overwrites
func (s standing) inGuild() permissions {
	if s.owner == s.user {
		return everything
	}
	var p permissions
	for _, r := range s.roles {
		if s.is(r.ID) {
			p |= bits(r.Permissions)
		}
	}
	if p&administrator != 0 {
		return everything
	}
	return p
}

// inChannel is what it may do in a channel with these overwrites: those of
// everybody come first, then those of its roles together, then its own.
func (s standing) inChannel(overwrites []overwrite) permissions {
	p := s.inGuild()
	if p == everything {
		return p
	}
	apply := func(of func(overwrite) bool) {
		var allow, deny permissions
		for _, o := range overwrites {
			if of(o) {
				allow, deny = allow|bits(o.Allow), deny|bits(o.Deny)
			}
		}
		p = p&^deny | allow
	}
	apply(func(o overwrite) bool { return o.Type != memberOverwrite && o.ID == s.guild })
	apply(func(o overwrite) bool { return o.Type != memberOverwrite && o.ID != s.guild && s.is(o.ID) })
	apply(func(o overwrite) bool { return o.Type == memberOverwrite && o.ID == s.user })
	return p
}

func (s standing) is(role string) bool {
	if role == s.guild {
		return true
	}
	for _, id := range s.has {
		if id == role {
			return true
		}
	}
	return false
}
