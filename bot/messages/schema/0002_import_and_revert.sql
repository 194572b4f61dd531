-- A text may also be imported, and gone back to. Who imports is no member and
-- has only a name.
CREATE TABLE messages_history_wider (
	id       TEXT NOT NULL,
	language TEXT NOT NULL CHECK (language IN ('en', 'fr', 'de')),
	version  INTEGER NOT NULL CHECK (version > 0),
	member   TEXT NOT NULL, -- who did it; '' is a release, or who imported it
	name     TEXT NOT NULL CHECK ((why = 'imported') = (name <> '')),
	at       INTEGER NOT NULL,
	why      TEXT NOT NULL CHECK (why IN ('shipped', 'updated', 'edited', 'set-aside', 'withdrawn', 'imported', 'reverted')),
	text     TEXT NOT NULL CHECK (json_valid(text)),
	PRIMARY KEY (id, language, version)
) STRICT, WITHOUT ROWID;
INSERT INTO messages_history_wider SELECT id, language, version, member, '', at, why, text FROM messages_history;
DROP TABLE messages_history;
ALTER TABLE messages_history_wider RENAME TO messages_history;

-- Which translation was known to say what which English text says: shipped
-- together, or saved while that English text was in use.
CREATE TABLE messages_match (
	id       TEXT NOT NULL,
	language TEXT NOT NULL CHECK (language IN ('fr', 'de')),
	text     TEXT NOT NULL,
	english  TEXT NOT NULL,
	PRIMARY KEY (id, language, text, english)
) STRICT, WITHOUT ROWID;
INSERT INTO messages_match SELECT t.id, t.language, t.text, e.text
	FROM messages_text t JOIN messages_text e ON e.id = t.id AND e.language = 'en'
	WHERE t.language <> 'en' AND t.state <> 'review';
-- Where the English text was edited, its translations are reviewed because of that.
INSERT INTO messages_match SELECT t.id, t.language, t.shipped, e.shipped
	FROM messages_text t JOIN messages_text e ON e.id = t.id AND e.language = 'en'
	WHERE t.language <> 'en' AND t.state = 'review' AND e.state = 'edited'
	ON CONFLICT DO NOTHING;
