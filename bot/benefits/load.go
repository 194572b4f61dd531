package benefits

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"procurabot/bot"
	"procurabot/internal/database"
	"procurabot/internal/markup"
)

// Load brings the pages that ship into the database and makes the library. A
// text that an editor has changed stays as it is; one that no longer ships goes.
func (b *Benefits) Load(ctx context.Context, db *database.DB) error {
	shipped, err := readPages(b.files)
	if err != nil {
		return fmt.Errorf("load benefits: %w", err)
	}
	if err := db.Update(ctx, func(tx *database.Tx) error { return store(tx, shipped) }); err != nil {
		return fmt.Errorf("load benefits: %w", err)
	}
	b.db = db
	if _, err := b.current(ctx); err != nil {
		return fmt.Errorf("load benefits: %w", err)
	}
	return nil
}

func store(tx *database.Tx, shipped []page) error {
	var keys []string
	var changed bool
	note := func(c bool, err error) error {
		changed = changed || c
		return err
	}
	dated := map[string]bool{}
	for _, p := range shipped { // English first: its owner and date are the topic's
		keys = append(keys, p.Topic+"/"+string(p.Language))
		if !dated[p.Topic] {
			dated[p.Topic] = true
			if err := note(keepTopic(tx, p.Topic, p.owner, p.review)); err != nil {
				return err
			}
		}
		if err := note(keepPage(tx, p)); err != nil {
			return err
		}
	}
	list, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	if err := note(dropPages(tx, string(list))); err != nil {
		return err
	}
	if changed {
		return tx.Bump()
	}
	return nil
}

// page is a topic's text in one language.
type page struct {
	Topic    string
	Language bot.Language
	Title    string
	Answer   string // marked text with the placeholder {{.Contact}}
	Source   string
	Phrases  []string

	owner, review string // of the file alone
	digest        string // of the file
}

// readPages reads benefits/<language>/<topic>.md, English first.
func readPages(files fs.FS) ([]page, error) {
	var all []page
	for _, l := range bot.Languages() {
		names, err := fs.Glob(files, path.Join("benefits", string(l), "*.md"))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := fs.ReadFile(files, name)
			if err != nil {
				return nil, err
			}
			p, err := parsePage(string(text))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			p.Topic, p.Language = strings.TrimSuffix(path.Base(name), ".md"), l
			if len(p.Topic) > maxTopic {
				return nil, fmt.Errorf("%s: a topic's name has at most %d characters", name, maxTopic)
			}
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no page in benefits/*/*.md")
	}
	return all, nil
}

// maxTopic leaves room for a question's id in a button's value.
const maxTopic = 40

// parsePage reads front matter in TOML between two lines "+++", then the answer.
func parsePage(text string) (page, error) {
	sum := sha256.Sum256([]byte(text))
	text = strings.ReplaceAll(text, "\r\n", "\n")
	rest, ok := strings.CutPrefix(text, "+++\n")
	head, answer, closed := strings.Cut(rest, "\n+++\n")
	if !ok || !closed {
		return page{}, fmt.Errorf("the front matter must stand between two lines \"+++\"")
	}
	var matter struct {
		Title   string    `toml:"title"`
		Owner   string    `toml:"owner"`
		Review  time.Time `toml:"review"`
		Source  string    `toml:"source"`
		Phrases []string  `toml:"phrases"`
	}
	meta, err := toml.Decode(head, &matter)
	if err != nil {
		return page{}, fmt.Errorf("front matter: %w", err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return page{}, fmt.Errorf("front matter: nobody reads %q", unknown[0].String())
	}
	for name, missing := range map[string]bool{
		"a title": matter.Title == "", "an owner": matter.Owner == "", "a review date": matter.Review.IsZero(),
		"a source": matter.Source == "", "phrases": len(matter.Phrases) == 0,
	} {
		if missing {
			return page{}, fmt.Errorf("front matter: it lacks %s", name)
		}
	}
	p := page{
		Title: markup.Clean(matter.Title), Answer: strings.TrimSpace(markup.Clean(answer)), Source: markup.Clean(matter.Source),
		Phrases: matter.Phrases, owner: matter.Owner, review: matter.Review.Format(time.DateOnly),
		digest: hex.EncodeToString(sum[:8]),
	}
	if p.Answer == "" {
		return page{}, fmt.Errorf("there is no answer below the front matter")
	}
	if err := markup.Check(markup.Text(p.Answer)); err != nil {
		return page{}, fmt.Errorf("answer: %w", err)
	}
	return p, nil
}
