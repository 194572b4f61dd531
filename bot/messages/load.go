package messages

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"

	"procurabot/bot"
	"procurabot/internal/database"
)

// release is what the files of one release say.
type release map[key]Forms

func readRelease(files fs.FS) (release, error) {
	r := release{}
	for _, l := range bot.Languages() {
		if err := r.read(files, l); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// read adds one language's file.
func (r release) read(files fs.FS, l bot.Language) error {
	name := "active." + string(l) + ".toml"
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	file, err := i18n.ParseMessageFileBytes(content, name, map[string]i18n.UnmarshalFunc{"toml": toml.Unmarshal})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, m := range file.Messages {
		if m.Zero != "" || m.Two != "" || m.Few != "" {
			return fmt.Errorf("%s: %q has a plural form that none of the languages has", name, m.ID)
		}
		r[key{m.ID, l}] = Forms{One: m.One, Many: m.Many, Other: m.Other}
	}
	return nil
}

// keys lists the texts in order.
func (r release) keys() []key {
	keys := make([]key, 0, len(r))
	for k := range r {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

func (r release) rows() []row {
	rows := make([]row, 0, len(r))
	for _, k := range r.keys() {
		rows = append(rows, row{key: k, Version: 1, State: Shipped, Text: r[k], Shipped: r[k]})
	}
	return rows
}

// Changes is what a release changed in the database.
type Changes struct {
	New, Updated, Withdrawn int
	Review                  []string // texts that somebody should look at: "bot.fault (fr)"
	SetAside                []string // edited texts that no longer fit and are not said any more
}

// Load brings the files of this release into the database and reads the book, and
// from then on follows what other processes write. It is done at every start; the
// second time it changes nothing.
func (m *Messages) Load(ctx context.Context, db *database.DB) (Changes, error) {
	var changes Changes
	err := db.Update(ctx, func(tx *database.Tx) error {
		changes = Changes{}
		changed, err := m.load(tx, &changes)
		if err != nil {
			return err
		}
		if changed {
			if err := tx.Bump(); err != nil {
				return err
			}
		}
		_, err = m.at(tx)
		return err
	})
	if err != nil {
		return Changes{}, fmt.Errorf("load messages: %w", err)
	}
	db.Follow(func(ctx context.Context) {
		// What has been imported is to be known before somebody types a command by its new name. Where this fails, the next
		// turn reads it.
		_ = db.Update(ctx, func(tx *database.Tx) error {
			_, err := m.at(tx)
			return err
		})
	})
	return changes, nil
}

func (m *Messages) load(tx *database.Tx, changes *Changes) (changed bool, err error) {
	stored, err := readTexts(tx)
	if err != nil {
		return false, err
	}
	old := make(map[key]row, len(stored))
	for _, r := range stored {
		old[r.key] = r
	}
	for _, k := range m.shipped.keys() {
		text, source := m.shipped[k], m.shipped[key{k.ID, bot.English}]
		before, known := old[k]
		if !known {
			changes.New++
			changed = true
			if err := insertText(tx, row{key: k, State: Shipped, Text: text, Shipped: text}); err != nil {
				return false, err
			}
			if err := insertMatch(tx, k, text, source); err != nil {
				return false, err
			}
			continue
		}
		english, wasThere := old[key{k.ID, bot.English}]
		after, why := before.upgrade(text, source, wasThere && english.Shipped != source)
		if after == before {
			continue
		}
		changed = true
		switch {
		case why == whySetAside:
			changes.SetAside = append(changes.SetAside, k.String())
		case why == whyUpdated:
			changes.Updated++
		case after.State == Review && before.State != Review:
			changes.Review = append(changes.Review, k.String())
		}
		if err := replaceText(tx, before.Version, after, author{}, why); err != nil {
			return false, err
		}
		switch {
		case after.State == Shipped:
			err = insertMatch(tx, k, text, source)
		case why == whySetAside || text != before.Shipped:
			err = dropMatches(tx, k) // the release has a reason of its own for the review
		}
		if err != nil {
			return false, err
		}
	}
	for _, r := range stored {
		if _, still := m.shipped[r.key]; !still {
			changes.Withdrawn++
			changed = true
			if err := withdrawText(tx, r); err != nil {
				return false, err
			}
		}
	}
	return changed, nil
}

// upgrade is what becomes of a text when a release ships text for it, translated
// from source. Why is "" when the text stays.
func (r row) upgrade(text, source Forms, sourceChanged bool) (after row, why reason) {
	after = r
	after.Shipped = text
	edited := r.Text != r.Shipped
	switch {
	case text == r.Shipped && !sourceChanged:
		return r, ""
	case r.Text == text && edited:
		after.State = Shipped // the release has taken the edited text over
	case edited && len(misfits(r.key, r.Text, source)) > 0:
		after.Text, after.State, why = text, Review, whySetAside
	case edited:
		after.State = Review
	case text != r.Text:
		after.Text, after.State, why = text, Shipped, whyUpdated
	default:
		after.State = Review // the English has changed and its translation has not
	}
	if why != "" {
		after.Version++
	}
	return after, why
}
