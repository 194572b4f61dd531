package bot

import (
	"strconv"

	"procurabot/internal/markup"
	"procurabot/internal/outbox"
)

// lane names the queue that keeps the order of what one conversation, or one
// person in private, is told.
func lane(to Target, class outbox.Class) string {
	where := string(to.Conversation)
	if where == "" {
		where = "@" + string(to.Account.User)
		if to.Home {
			where += "/home"
		}
	}
	space := to.Space
	if where[0] == '@' {
		space = to.Account.Realm
	}
	return string(to.Platform) + "/" + string(space) + "/" + where + "/" + strconv.Itoa(int(class))
}

// fit cuts a body into as many messages as the platform needs. The small print
// and the buttons stand below the last.
func fit(b Body, limits Limits) []Body {
	for i := range b.Buttons {
		b.Buttons[i].Label = markup.Cut(b.Buttons[i].Label, limits.Label, "…")
	}
	if len(b.Buttons) > limits.Buttons {
		b.Buttons = b.Buttons[:limits.Buttons]
	}
	if markup.Bound(b.Text)+markup.Bound(b.Note) <= limits.Text {
		return []Body{b}
	}
	room := limits.Text - markup.Length(limits.Render(b.Note))
	texts := pieces(b.Text, room, room, limits)
	bodies := make([]Body, len(texts))
	for i, t := range texts {
		bodies[i].Text = t
	}
	last := &bodies[len(bodies)-1]
	last.Note, last.Buttons = b.Note, b.Buttons
	return bodies
}

// pieces splits text so that each piece, as the platform writes it, has room.
// Escapes make text longer than it reads, so what is still too long is split
// again at half the length.
func pieces(t markup.Text, size, room int, limits Limits) []markup.Text {
	if markup.Length(limits.Render(t)) <= room || size < 16 {
		return []markup.Text{t}
	}
	var out []markup.Text
	for _, piece := range markup.Split(t, size) {
		if markup.Length(limits.Render(piece)) <= room {
			out = append(out, piece)
			continue
		}
		out = append(out, pieces(piece, size/2, room, limits)...)
	}
	return out
}
