package benefits

import (
	"context"
	"fmt"
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
	err := b.db.View(ctx, func(tx *database.Tx) error {
		texts, topics = nil, nil
		rows, err := tx.Query(`SELECT text, topic FROM benefits_question WHERE outcome <> 'answer' AND at >= ? ORDER BY at, id`, since.UnixMilli())
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var text, topic string
			if err := rows.Scan(&text, &topic); err != nil {
				return err
			}
			texts, topics = append(texts, text), append(topics, topic)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read unanswered questions: %w", err)
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
