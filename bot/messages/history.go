package messages

import (
	"math"
	"strconv"
	"strings"
	"unicode"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
)

// The buttons of a text's history. Going back is never one press: the first shows
// what would come, the second does it.
const (
	backButton    = "messages.back"
	confirmButton = "messages.confirm-revert"
	undoLabel     = "messages.undo-revert.button"
)

// maxShown is how many versions one answer shows: with the present one there is a
// button for each of the others on the tightest platform.
const maxShown = 5

// maxExcerpt is how much of a text the history shows, in UTF-16 code units.
const maxExcerpt = 120

// history lists the versions of a text, newest first.
func (m *Messages) history(t *bot.Turn) error {
	b, err := m.at(t.Tx)
	if err != nil {
		return err
	}
	r, ok := b.row(t.Args["id"], bot.Language(t.Args["language"]))
	if !ok {
		return unknown(t.Args["id"])
	}
	all, err := readVersions(t.Tx, r.key, math.MaxInt, math.MaxInt)
	if err != nil {
		return err
	}
	say := bot.Say{}
	var lines bot.Lines
	offered := map[Forms]bool{r.Text: true}
	for i, v := range all[:min(len(all), maxShown)] {
		head, err := m.versionHead(t.Tx, v)
		if err != nil {
			return err
		}
		lines = append(lines, head)
		if i+1 < len(all) && all[i+1].Text != v.Text {
			before, after := excerpts(all[i+1].Text, v.Text)
			lines = append(lines, bot.P("messages.history-before", bot.Values{"Text": bot.Data(before)}),
				bot.P("messages.history-after", bot.Values{"Text": bot.Data(after)}))
		} else {
			_, text := excerpts(Forms{}, v.Text)
			lines = append(lines, bot.P("messages.raw", bot.Values{"Text": bot.Data(text)}))
		}
		if !offered[v.Text] && t.Member.Has(bot.Admin) {
			offered[v.Text] = true
			say.Buttons = append(say.Buttons, back(r, v.Number, "messages.back.button"))
		}
	}
	say.Phrase = bot.P("messages.history", bot.Values{
		"ID": bot.Data(r.ID), "Language": languageName(r.Language), "Versions": lines,
	})
	if older := len(all) - maxShown; older > 0 {
		say.Note = &bot.Phrase{ID: "messages.history-older", Count: &older}
	}
	_, err = t.Reply(say)
	return err
}

// versionHead is the line above a version: its number, when and by whom.
func (m *Messages) versionHead(tx *database.Tx, v version) (bot.Phrase, error) {
	why, err := m.why(tx, v)
	return bot.P("messages.history-version", bot.Values{
		"Version": figure(v.Number), "When": bot.Moment(v.At), "Why": why,
	}), err
}

// why says what made a version, and who.
func (m *Messages) why(tx *database.Tx, v version) (bot.Phrase, error) {
	values := bot.Values{}
	switch v.Why {
	case whyImported:
		values["Person"] = bot.Data(v.By.Name)
	case whyEdited, whyReverted:
		by, err := m.person(tx, v)
		if err != nil {
			return bot.Phrase{}, err
		}
		values["Person"] = by
	}
	return bot.P("messages.why-"+string(v.Why), values), nil
}

// excerpts give two texts on one line each, from a little before where they begin
// to differ.
func excerpts(before, after Forms) (string, string) {
	x, y := []rune(oneLine(before)), []rune(oneLine(after))
	same := 0
	for same < len(x) && same < len(y) && x[same] == y[same] {
		same++
	}
	cut := func(runes []rune) string {
		// The difference is to be in sight, with the word before it.
		from := same - maxExcerpt/4
		for from > max(0, same-maxExcerpt/2) && !unicode.IsSpace(runes[from-1]) {
			from--
		}
		if from <= 0 {
			return markup.Cut(string(runes), maxExcerpt, "…")
		}
		return "…" + markup.Cut(string(runes[from:]), maxExcerpt-1, "…")
	}
	return cut(x), cut(y)
}

func oneLine(f Forms) string {
	var forms []string
	for _, s := range f.all() {
		forms = append(forms, strings.Join(strings.Fields(s), " "))
	}
	return strings.Join(forms, " / ")
}

// goingBack names a version to go back to, and the version that was in use when
// somebody was shown it. It is the value of a button.
type goingBack struct {
	ID       string
	Language bot.Language
	Version  int
	Over     int
}

// back is a button that leads to a version by way of its preview.
func back(r row, number int, label string) bot.Press {
	l := bot.P(label, bot.Values{"Version": figure(number)})
	return bot.Press{Button: backButton, Value: goingBack{r.ID, r.Language, number, r.Version}.value(), Label: &l}
}

// value is in order of what is short, so that an id may be long.
func (g goingBack) value() string {
	return strconv.Itoa(g.Version) + " " + strconv.Itoa(g.Over) + " " + string(g.Language) + " " + g.ID
}

func parseGoingBack(value string) (g goingBack, ok bool) {
	parts := strings.SplitN(value, " ", 4)
	if len(parts) != 4 {
		return goingBack{}, false
	}
	version, err := strconv.Atoi(parts[0])
	if err != nil {
		return goingBack{}, false
	}
	over, err := strconv.Atoi(parts[1])
	return goingBack{parts[3], bot.Language(parts[2]), version, over}, err == nil
}

// revert shows an earlier version, by its number or the one before the present.
func (m *Messages) revert(t *bot.Turn) error {
	b, err := m.at(t.Tx)
	if err != nil {
		return err
	}
	r, ok := b.row(t.Args["id"], bot.Language(t.Args["language"]))
	if !ok {
		return unknown(t.Args["id"])
	}
	typed := strings.TrimSpace(t.Args["version"])
	if typed != "" {
		number, err := strconv.Atoi(typed)
		if err != nil {
			return noVersion(r, typed)
		}
		return m.offer(t, b, r, number)
	}
	number, err := lastOtherVersion(t.Tx, r.key, r.Text)
	if err != nil {
		return err
	}
	if number == 0 {
		return bot.Refuse("messages.revert-nothing", bot.Values{"ID": bot.Data(r.ID), "Language": languageName(r.Language)})
	}
	return m.offer(t, b, r, number)
}

// back shows the version that a button leads to.
func (m *Messages) back(t *bot.Turn) error {
	g, ok := parseGoingBack(t.Value)
	if !ok {
		return unknown(t.Value)
	}
	b, err := m.at(t.Tx)
	if err != nil {
		return err
	}
	r, ok := b.row(g.ID, g.Language)
	if !ok {
		return unknown(g.ID)
	}
	return m.offer(t, b, r, g.Version)
}

func noVersion(r row, typed string) error {
	return bot.Refuse("messages.revert-unknown", bot.Values{
		"ID": bot.Data(r.ID), "Language": languageName(r.Language), "Version": bot.Data(typed),
	})
}

// earlier gives a version that can be gone back to, and what is to be said about
// its text, or refuses.
func (m *Messages) earlier(tx *database.Tx, b *book, r row, number int) (version, []Problem, error) {
	v, ok, err := findVersion(tx, r.key, number)
	if err != nil {
		return version{}, nil, err
	}
	if !ok {
		return version{}, nil, noVersion(r, strconv.Itoa(number))
	}
	if v.Text == r.Text {
		return version{}, nil, bot.Refuse("messages.revert-same", bot.Values{
			"ID": bot.Data(r.ID), "Language": languageName(r.Language), "Version": figure(number),
		})
	}
	problems := m.limits.text(r.key, v.Text, b.source(r.ID), b.command(r.ID))
	var reasons bot.Lines
	for _, p := range problems {
		if !p.Warning {
			reasons = append(reasons, p.Phrase())
		}
	}
	if len(reasons) > 0 {
		return version{}, nil, bot.Refuse("messages.revert-unfit", bot.Values{"Version": figure(number), "Reasons": reasons})
	}
	return v, problems, nil
}

// offer shows how a version reads and asks whether to go back to it.
func (m *Messages) offer(t *bot.Turn, b *book, r row, number int) error {
	v, _, err := m.earlier(t.Tx, b, r, number)
	if err != nil {
		return err
	}
	why, err := m.why(t.Tx, v)
	if err != nil {
		return err
	}
	then := r
	then.Text = v.Text
	preview, err := sampledAlone(then)
	if err != nil {
		return err
	}
	_, err = t.Reply(bot.Say{
		Phrase: bot.P("messages.revert-preview", bot.Values{
			"ID": bot.Data(r.ID), "Language": languageName(r.Language), "Version": figure(number), "Why": why,
			"When": bot.Moment(v.At), "Preview": bot.Marked(preview), "Current": figure(r.Version),
		}),
		Buttons: []bot.Press{{
			Button: confirmButton, Style: bot.Primary, Value: goingBack{r.ID, r.Language, number, r.Version}.value(),
		}},
	})
	return err
}

// confirm goes back to a version, unless the text is another by now than the one
// that was shown as present.
func (m *Messages) confirm(t *bot.Turn) error {
	g, ok := parseGoingBack(t.Value)
	if !ok {
		return unknown(t.Value)
	}
	b, err := m.at(t.Tx)
	if err != nil {
		return err
	}
	r, ok := b.row(g.ID, g.Language)
	if !ok {
		return unknown(g.ID)
	}
	if r.Version != g.Over {
		now, _, err := findVersion(t.Tx, r.key, r.Version)
		if err != nil {
			return err
		}
		by, err := m.person(t.Tx, now)
		if err != nil {
			return err
		}
		return bot.Refuse("messages.revert-overtaken", bot.Values{"Person": by})
	}
	v, problems, err := m.earlier(t.Tx, b, r, g.Version)
	if err != nil {
		return err
	}
	after, err := change(t.Tx, b, r, v.Text, author{Member: t.Member.ID}, whyReverted)
	if err != nil {
		return err
	}
	if err := m.people.Audit(t.Tx, t.Member.ID, "revert message", r.key.String()); err != nil {
		return err
	}
	return m.saved(t, b, after, problems, func(*book) bot.Say {
		return bot.Say{
			Phrase: bot.P("messages.reverted", bot.Values{
				"ID": bot.Data(r.ID), "Language": languageName(r.Language), "Version": figure(v.Number), "Current": figure(after.Version),
			}),
			Buttons: []bot.Press{back(after, r.Version, undoLabel)},
		}
	})
}
