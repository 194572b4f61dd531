package benefits

import (
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"procurabot/bot"
	"procurabot/internal/database"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Schema is this feature's part of the database.
func Schema() fs.FS { return schemaFiles }

// keepTopic stores a topic with the dates of its English page.
func keepTopic(tx *database.Tx, topic, owner, review string) (changed bool, err error) {
	n, err := tx.Exec(`INSERT INTO benefits_topic (id, owner, review) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, review = excluded.review
		WHERE owner <> excluded.owner OR review <> excluded.review`, topic, owner, review)
	if err != nil {
		return false, fmt.Errorf("keep topic %s: %w", topic, err)
	}
	return n > 0, nil
}

// keepPage stores a page that ships, unless the same one is stored or an editor
// has changed it.
func keepPage(tx *database.Tx, p page) (changed bool, err error) {
	n, err := tx.Exec(`INSERT INTO benefits_text (topic, language, title, answer, source, state, shipped, at)
		VALUES (?, ?, ?, ?, ?, 'shipped', ?, ?)
		ON CONFLICT (topic, language) DO UPDATE SET title = excluded.title, answer = excluded.answer,
			source = excluded.source, shipped = excluded.shipped, at = excluded.at, version = version + 1
		WHERE state = 'shipped' AND shipped <> excluded.shipped`,
		p.Topic, p.Language, p.Title, p.Answer, p.Source, p.digest, database.Millis(tx.Now()))
	if err != nil || n == 0 {
		return false, wrap("keep page "+p.Topic, err)
	}
	if _, err := tx.Exec(`DELETE FROM benefits_phrase WHERE topic = ? AND language = ?`, p.Topic, p.Language); err != nil {
		return false, wrap("keep page "+p.Topic, err)
	}
	for _, phrase := range p.Phrases {
		if _, err := tx.Exec(`INSERT INTO benefits_phrase (topic, language, text) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			p.Topic, p.Language, phrase); err != nil {
			return false, wrap("keep page "+p.Topic, err)
		}
	}
	return true, nil
}

// dropPages removes texts that no longer ship and that nobody has edited, and
// the topics without any text.
func dropPages(tx *database.Tx, shipped string) (changed bool, err error) {
	n, err := tx.Exec(`DELETE FROM benefits_text WHERE state = 'shipped' AND topic || '/' || language NOT IN (SELECT value FROM json_each(?))`, shipped)
	if err != nil {
		return false, wrap("drop pages", err)
	}
	m, err := tx.Exec(`DELETE FROM benefits_topic WHERE id NOT IN (SELECT topic FROM benefits_text)`)
	return n+m > 0, wrap("drop topics", err)
}

// pages reads all knowledge, in order.
func pages(tx *database.Tx) (all []page, err error) {
	rows, err := tx.Query(`SELECT topic, language, title, answer, source FROM benefits_text ORDER BY topic, language`)
	if err != nil {
		return nil, wrap("read pages", err)
	}
	for rows.Next() {
		var p page
		if err := rows.Scan(&p.Topic, &p.Language, &p.Title, &p.Answer, &p.Source); err != nil {
			return nil, wrap("read pages", err)
		}
		all = append(all, p)
	}
	if err := rows.Err(); err != nil {
		return nil, wrap("read pages", err)
	}
	for i := range all {
		if all[i].Phrases, err = phrases(tx, all[i].Topic, all[i].Language); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func phrases(tx *database.Tx, topic string, l bot.Language) (all []string, err error) {
	rows, err := tx.Query(`SELECT text FROM benefits_phrase WHERE topic = ? AND language = ? ORDER BY text`, topic, l)
	if err != nil {
		return nil, wrap("read phrases", err)
	}
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, wrap("read phrases", err)
		}
		all = append(all, s)
	}
	return all, wrap("read phrases", rows.Err())
}

// findPage gives a topic's text in a language, in English where that is
// missing, in any where that is missing too; false when the topic is gone.
func findPage(tx *database.Tx, topic string, l bot.Language) (page, bool, error) {
	var p page
	err := tx.QueryRow(`SELECT topic, language, title, answer, source FROM benefits_text WHERE topic = ?
		ORDER BY language = ? DESC, language = 'en' DESC, language LIMIT 1`, topic, l).
		Scan(&p.Topic, &p.Language, &p.Title, &p.Answer, &p.Source)
	if errors.Is(err, sql.ErrNoRows) {
		return page{}, false, nil
	}
	return p, err == nil, wrap("find page", err)
}

// question is one question as it is stored: personal data has been blanked.
type question struct {
	id           string
	member       bot.MemberID
	account      bot.Account
	name         string // how the platform showed the asker, may be ""
	text         string
	language     bot.Language // of what the asker reads about it
	clear        bool         // language is the question's own
	place        *bot.Spot    // where it was asked in public; nil: in private
	outcome      string
	topic        string // "" when there is none
	confidence   float64
	state        string
	posted       string   // the outbox row that shows it to the editors
	postedIn     bot.Spot // where that is
	answeredBy   bot.MemberID
	answeredName string
}

// The states of a question.
const (
	stateOpen     = "open"     // answered automatically, or not at all
	stateAsked    = "asked"    // waits for a person
	stateAnswered = "answered" // by a person
)

func insertQuestion(tx *database.Tx, q question) error {
	var place any
	if q.place != nil {
		b, err := json.Marshal(q.place)
		if err != nil {
			return wrap("keep question", err)
		}
		place = string(b)
	}
	now := database.Millis(tx.Now())
	_, err := tx.Exec(`INSERT INTO benefits_question
		(id, member, platform, realm, user, name, text, language, clear, place, outcome, topic, confidence, at, ended)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		q.id, q.member, q.account.Platform, q.account.Realm, q.account.User, q.name, q.text, q.language, q.clear, place,
		q.outcome, q.topic, q.confidence, now, now)
	return wrap("keep question", err)
}

func findQuestion(tx *database.Tx, id string) (q question, found bool, err error) {
	var place, posted, postedIn, answeredBy, answeredName sql.NullString
	err = tx.QueryRow(`SELECT id, member, platform, realm, user, name, text, language, clear, place, outcome, topic, confidence,
		state, posted, posted_in, answered_by, answered_name FROM benefits_question WHERE id = ?`, id).
		Scan(&q.id, &q.member, &q.account.Platform, &q.account.Realm, &q.account.User, &q.name, &q.text, &q.language, &q.clear,
			&place, &q.outcome, &q.topic, &q.confidence, &q.state, &posted, &postedIn, &answeredBy, &answeredName)
	if errors.Is(err, sql.ErrNoRows) {
		return question{}, false, nil
	}
	if err != nil {
		return question{}, false, wrap("find question", err)
	}
	q.posted, q.answeredBy, q.answeredName = posted.String, bot.MemberID(answeredBy.String), answeredName.String
	if place.Valid {
		q.place = &bot.Spot{}
		if err := json.Unmarshal([]byte(place.String), q.place); err != nil {
			return question{}, false, wrap("find question", err)
		}
	}
	if postedIn.Valid {
		if err := json.Unmarshal([]byte(postedIn.String), &q.postedIn); err != nil {
			return question{}, false, wrap("find question", err)
		}
	}
	return q, true, nil
}

// chooseTopic records which of the proposed topics the asker meant.
func chooseTopic(tx *database.Tx, id, topic string) error {
	_, err := tx.Exec(`UPDATE benefits_question SET topic = ? WHERE id = ?`, topic, id)
	return wrap("choose topic", err)
}

// askPerson marks a question as waiting for a person; false when it was already.
func askPerson(tx *database.Tx, id, posted string, in bot.Spot) (bool, error) {
	where, err := json.Marshal(in)
	if err != nil {
		return false, wrap("ask a person", err)
	}
	n, err := tx.Exec(`UPDATE benefits_question SET state = 'asked', ended = NULL, posted = ?, posted_in = ?
		WHERE id = ? AND state = 'open'`, posted, string(where), id)
	return n == 1, wrap("ask a person", err)
}

// waiting counts a member's questions that wait for a person.
func waiting(tx *database.Tx, member bot.MemberID) (n int, err error) {
	err = tx.QueryRow(`SELECT COUNT(*) FROM benefits_question WHERE member = ? AND state = 'asked'`, member).Scan(&n)
	return n, wrap("count waiting questions", err)
}

// answerQuestion marks a question as answered; false when somebody was faster.
func answerQuestion(tx *database.Tx, id string, by bot.Member) (bool, error) {
	n, err := tx.Exec(`UPDATE benefits_question SET state = 'answered', answered_by = ?, answered_name = ?, ended = ?
		WHERE id = ? AND state = 'asked'`, by.ID, by.Name, database.Millis(tx.Now()), id)
	return n == 1, wrap("answer question", err)
}

// reply is what an editor wrote for a question.
type reply struct {
	id       string
	question string
	editor   bot.MemberID
	text     string
}

func saveReply(tx *database.Tx, r reply) error {
	_, err := tx.Exec(`INSERT INTO benefits_reply (id, question, editor, text, at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET text = excluded.text, at = excluded.at`,
		r.id, r.question, r.editor, r.text, database.Millis(tx.Now()))
	return wrap("save reply", err)
}

// findReply gives an editor's own reply; false when it is gone or another's.
func findReply(tx *database.Tx, id string, editor bot.MemberID) (r reply, found bool, err error) {
	err = tx.QueryRow(`SELECT id, question, editor, text FROM benefits_reply WHERE id = ? AND editor = ?`, id, editor).
		Scan(&r.id, &r.question, &r.editor, &r.text)
	if errors.Is(err, sql.ErrNoRows) {
		return reply{}, false, nil
	}
	return r, err == nil, wrap("find reply", err)
}

func rate(tx *database.Tx, question string, by bot.MemberID, helpful bool) error {
	_, err := tx.Exec(`INSERT INTO benefits_rating (question, member, helpful, at) VALUES (?, ?, ?, ?)
		ON CONFLICT (question, member) DO UPDATE SET helpful = excluded.helpful, at = excluded.at`,
		question, by, helpful, database.Millis(tx.Now()))
	return wrap("rate", err)
}

// forgetQuestions deletes questions that ended before a time, with what hangs on them.
func forgetQuestions(tx *database.Tx, before time.Time) error {
	_, err := tx.Exec(`DELETE FROM benefits_question WHERE ended < ?`, database.Millis(before))
	return wrap("forget questions", err)
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// storedModel is what was learned, by the fingerprint of what it was learned from.
type storedModel struct {
	fingerprint string
	model       []byte
}

// models are those that are stored: first the one of this fingerprint, then the newest.
func models(tx *database.Tx, fingerprint string) (all []storedModel, err error) {
	rows, err := tx.Query(`SELECT fingerprint, model FROM benefits_model ORDER BY fingerprint = ? DESC, at DESC`, fingerprint)
	if err != nil {
		return nil, fmt.Errorf("read what was learned: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var m storedModel
		if err := rows.Scan(&m.fingerprint, &m.model); err != nil {
			return nil, fmt.Errorf("read what was learned: %w", err)
		}
		all = append(all, m)
	}
	return all, rows.Err()
}

// keepModel stores a model and leaves the newest of the others.
func keepModel(tx *database.Tx, m storedModel) error {
	_, err := tx.Exec(`INSERT INTO benefits_model (fingerprint, model, at) VALUES (?, ?, ?)
		ON CONFLICT (fingerprint) DO UPDATE SET model = excluded.model, at = excluded.at`, m.fingerprint, m.model, tx.Now().UnixMilli())
	if err != nil {
		return err
	}
	_, err = tx.Exec(`DELETE FROM benefits_model WHERE fingerprint <> ? AND fingerprint NOT IN (
		SELECT fingerprint FROM benefits_model WHERE fingerprint <> ? ORDER BY at DESC LIMIT 1)`, m.fingerprint, m.fingerprint)
	return err
}

// unanswered are the questions since then that were not answered automatically,
// oldest first, each with the topic that was nearest.
func unanswered(tx *database.Tx, since time.Time) (texts, topics []string, err error) {
	rows, err := tx.Query(`SELECT text, topic FROM benefits_question WHERE outcome <> 'answer' AND at >= ? ORDER BY at, id`, since.UnixMilli())
	if err != nil {
		return nil, nil, fmt.Errorf("read unanswered questions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var text, topic string
		if err := rows.Scan(&text, &topic); err != nil {
			return nil, nil, fmt.Errorf("read unanswered questions: %w", err)
		}
		texts, topics = append(texts, text), append(topics, topic)
	}
	return texts, topics, rows.Err()
}
