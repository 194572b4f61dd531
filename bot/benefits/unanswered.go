package benefits

import (
	"context"
	"time"

	"procurabot/internal/database"
	"procurabot/internal/retrieval"
)

// Matter is several questions about the same thing, oldest first.
type Matter struct {
	Questions []string // without personal data
	Topic     string   // the nearest to the first; "" when nothing was near
}

// Unanswered gives what was asked since then and not answered automatically, like
// questions together, the most frequent first: what phrases and pages are missing
// for.
func (b *Benefits) Unanswered(ctx context.Context, since time.Time) ([]Matter, error) {
	var texts, topics []string
	err := b.db.View(ctx, func(tx *database.Tx) (err error) {
		texts, topics, err = unanswered(tx, since)
		return err
	})
	if err != nil {
		return nil, err
	}
	var all []Matter
	for _, group := range retrieval.Group(texts) {
		m := Matter{Topic: topics[group[0]]}
		for _, i := range group {
			m.Questions = append(m.Questions, texts[i])
		}
		all = append(all, m)
	}
	return all, nil
}
