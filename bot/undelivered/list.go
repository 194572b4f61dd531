package undelivered

import (
	"strconv"
	"strings"
	"time"

	"procurabot/bot"
	"procurabot/internal/markup"
	"procurabot/internal/outbox"
)

// maxShown is how many letters a page has: with [More] there is a button for
// each on the tightest platform.
const maxShown = 4

// maxStart is how much of a text the list shows, in UTF-16 code units.
const maxStart = 80

func list(t *bot.Turn) error { return page(t, outbox.Mark{}) }

// more shows the next page. Its value is the end of the page before, so that
// nothing is skipped or shown twice when letters come and go.
func more(t *bot.Turn) error {
	ended, number, _ := strings.Cut(t.Value, " ")
	ms, err := strconv.ParseInt(ended, 10, 64)
	if err != nil {
		return list(t)
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		return list(t)
	}
	return page(t, outbox.Mark{Ended: time.UnixMilli(ms), Number: n})
}

func page(t *bot.Turn, after outbox.Mark) error {
	tally, err := t.Letters().Tally()
	if err != nil {
		return err
	}
	letters, further, err := t.Letters().Page(after, maxShown)
	if err != nil {
		return err
	}
	_, err = t.Reply(listed(tally, letters, further))
	return err
}

func listed(tally outbox.Tally, letters []bot.Letter, further bool) bot.Say {
	switch {
	case tally.Held+tally.Dead == 0 && tally.Waiting > 0:
		return bot.Say{Phrase: bot.Phrase{ID: "undelivered.listed-waiting", Count: &tally.Waiting}}
	case tally.Held+tally.Dead == 0:
		return bot.Say{Phrase: bot.P("undelivered.listed-none", nil)}
	case len(letters) == 0:
		return bot.Say{Phrase: bot.P("undelivered.listed-end", nil)}
	}
	var lines bot.Lines
	say := bot.Say{}
	for _, l := range letters {
		lines = append(lines, bot.P("undelivered.line", bot.Values{
			"Number": figure(l.Number), "State": stateName(l.State), "When": bot.Moment(l.Ended),
			"Where": where(l), "Reason": reason(l), "Start": bot.Data(start(l.Body)),
		}))
		label := bot.P("undelivered.show.button", bot.Values{"Number": figure(l.Number)})
		say.Buttons = append(say.Buttons, bot.Press{Button: showButton, Value: value(l), Label: &label})
	}
	if further {
		last := letters[len(letters)-1]
		say.Buttons = append(say.Buttons, bot.Press{
			Button: moreButton, Value: strconv.FormatInt(last.Ended.UnixMilli(), 10) + " " + strconv.Itoa(last.Number),
		})
	}
	say.Phrase = bot.P("undelivered.listed", bot.Values{
		"Dead": figure(tally.Dead), "Held": figure(tally.Held), "Waiting": figure(tally.Waiting), "Messages": lines,
	})
	if tally.Held > 1 {
		note := bot.P("undelivered.listed-note", nil)
		say.Note = &note
	}
	return say
}

// start is the beginning of a text, on one line.
func start(b bot.Body) string {
	return markup.Cut(strings.Join(strings.Fields(markup.Plain(b.Text)), " "), maxStart, "…")
}

func figure(n int) bot.Formatted { return func(bot.Language) string { return strconv.Itoa(n) } }

func stateName(s outbox.State) bot.Phrase { return bot.P("undelivered.state-"+string(s), nil) }

// where says whom a letter was to reach. What answers a member and refers to no
// message of theirs is for them alone.
func where(l bot.Letter) bot.Phrase {
	values := bot.Values{"Platform": l.To.Platform.Title(), "Channel": bot.Data(l.To.Conversation), "Person": bot.P("undelivered.somebody.name", nil)}
	if l.Reader.Name != "" {
		values["Person"] = bot.Data(l.Reader.Name)
	}
	switch {
	case l.To.Account.User == "":
		return bot.P("undelivered.where-channel", values)
	case l.To.Answering != "":
		return bot.P("undelivered.where-answer", values)
	}
	return bot.P("undelivered.where-private", values)
}
