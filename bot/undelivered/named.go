package undelivered

import (
	"regexp"
	"strconv"
	"strings"

	"procurabot/bot"
	"procurabot/internal/markup"
)

// about does something with one letter that still waits for a decision.
type about func(t *bot.Turn, l bot.Letter) error

// numbered takes "12", and "No. 12" as the list writes it in any language.
var numbered = regexp.MustCompile(`^\D*?(\d{1,9})\.?$`)

// typed names a letter by the number that was typed.
func typed(do about) func(*bot.Turn) error {
	return func(t *bot.Turn) error {
		given := t.Args["number"]
		m := numbered.FindStringSubmatch(given)
		if m == nil {
			return unknown(given)
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return unknown(given)
		}
		l, found, err := t.Letters().Numbered(n)
		if err != nil {
			return err
		}
		if !found {
			return unknown(given)
		}
		return undecided(t, l, do)
	}
}

// pressed names a letter by a button's value. Numbers begin anew once all
// letters are forgotten, so that the value of an old button has the id too.
func pressed(do about) func(*bot.Turn) error {
	return func(t *bot.Turn) error {
		number, id, _ := strings.Cut(t.Value, " ")
		l, found, err := t.Letters().Find(id)
		if err != nil {
			return err
		}
		if !found {
			return unknown(number)
		}
		return undecided(t, l, do)
	}
}

func value(l bot.Letter) string { return strconv.Itoa(l.Number) + " " + l.ID }

// undecided goes on where nobody has decided yet, else says what came of it.
func undecided(t *bot.Turn, l bot.Letter, do about) error {
	if l.Undecided() {
		return do(t, l)
	}
	return settled(l)
}

func unknown(given string) error {
	return bot.Refuse("undelivered.unknown", bot.Values{"Given": bot.Data(given)})
}

// orAll takes the word "all", in any language, to another handler.
func orAll(all, one func(*bot.Turn) error) func(*bot.Turn) error {
	return func(t *bot.Turn) error {
		given := strings.ToLower(t.Args["number"])
		if given == "all" {
			return all(t)
		}
		for _, l := range bot.Languages() {
			if given == strings.ToLower(markup.Plain(bot.P("undelivered.all.option", nil).Render(t.Book, l))) {
				return all(t)
			}
		}
		return one(t)
	}
}
