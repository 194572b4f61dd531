-- What can be asked about. The pages that ship are loaded at each start; a text
-- that an editor has changed is 'edited' and is never written over.
CREATE TABLE benefits_topic (
	id     TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 40),
	owner  TEXT NOT NULL,
	review TEXT NOT NULL CHECK (review GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]')
) STRICT, WITHOUT ROWID;

CREATE TABLE benefits_text (
	topic    TEXT NOT NULL REFERENCES benefits_topic (id) ON DELETE CASCADE,
	language TEXT NOT NULL CHECK (language IN ('en', 'fr', 'de')),
	title    TEXT NOT NULL CHECK (title <> ''),
	answer   TEXT NOT NULL CHECK (answer <> ''),
	source   TEXT NOT NULL,
	version  INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
	state    TEXT NOT NULL CHECK (state IN ('shipped', 'edited')),
	shipped  TEXT NOT NULL,
	at       INTEGER NOT NULL,
	PRIMARY KEY (topic, language)
) STRICT, WITHOUT ROWID;

-- How people ask.
CREATE TABLE benefits_phrase (
	topic    TEXT NOT NULL,
	language TEXT NOT NULL,
	text     TEXT NOT NULL CHECK (text <> ''),
	PRIMARY KEY (topic, language, text),
	FOREIGN KEY (topic, language) REFERENCES benefits_text (topic, language) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What was asked, without personal data. 'open' was answered automatically or
-- not at all, 'asked' waits for a person, 'answered' was answered by one.
-- "clear" says that the question's own words named its language.
CREATE TABLE benefits_question (
	id          TEXT PRIMARY KEY,
	member      TEXT NOT NULL,
	platform    TEXT NOT NULL,
	realm       TEXT NOT NULL,
	user        TEXT NOT NULL,
	name        TEXT NOT NULL,
	text        TEXT NOT NULL,
	language    TEXT NOT NULL CHECK (language IN ('en', 'fr', 'de')),
	clear       INTEGER NOT NULL CHECK (clear IN (0, 1)),
	place       TEXT CHECK (place IS NULL OR json_valid(place)),
	outcome     TEXT NOT NULL CHECK (outcome IN ('answer', 'choices', 'unknown')),
	topic       TEXT NOT NULL,
	confidence  REAL NOT NULL,
	state       TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'asked', 'answered')),
	posted      TEXT,
	posted_in   TEXT CHECK (posted_in IS NULL OR json_valid(posted_in)),
	answered_by TEXT,
	answered_name TEXT,
	at          INTEGER NOT NULL,
	ended       INTEGER,
	CHECK ((state = 'asked') = (ended IS NULL)),
	CHECK ((state = 'answered') = (answered_by IS NOT NULL)),
	CHECK (state = 'open' OR posted IS NOT NULL AND posted_in IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX benefits_question_ended ON benefits_question (ended) WHERE ended IS NOT NULL;
CREATE INDEX benefits_question_member ON benefits_question (member);

-- What an editor wrote: kept while it is looked at before it is sent, and with
-- its question after that.
CREATE TABLE benefits_reply (
	id       TEXT PRIMARY KEY,
	question TEXT NOT NULL REFERENCES benefits_question (id) ON DELETE CASCADE,
	editor   TEXT NOT NULL,
	text     TEXT NOT NULL,
	at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX benefits_reply_question ON benefits_reply (question);

-- Whether an answer helped: once a member and question, the last one wins.
CREATE TABLE benefits_rating (
	question TEXT NOT NULL REFERENCES benefits_question (id) ON DELETE CASCADE,
	member   TEXT NOT NULL,
	helpful  INTEGER NOT NULL CHECK (helpful IN (0, 1)),
	at       INTEGER NOT NULL,
	PRIMARY KEY (question, member)
) STRICT, WITHOUT ROWID;
