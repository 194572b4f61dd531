-- Every text the bot says, as it is in use. A text that differs from what was
-- shipped has been edited.
CREATE TABLE messages_text (
	id       TEXT NOT NULL,
	language TEXT NOT NULL CHECK (language IN ('en', 'fr', 'de')),
	version  INTEGER NOT NULL CHECK (version > 0),
	state    TEXT NOT NULL CHECK (state IN ('shipped', 'edited', 'review')),
	text     TEXT NOT NULL CHECK (json_valid(text)),    -- plural forms, what is said
	shipped  TEXT NOT NULL CHECK (json_valid(shipped)), -- what the last release says
	PRIMARY KEY (id, language),
	CHECK (state <> 'shipped' OR text = shipped)
) STRICT, WITHOUT ROWID;

-- Each version that a text ever had. Never changed, only added to.
CREATE TABLE messages_history (
	id       TEXT NOT NULL,
	language TEXT NOT NULL CHECK (language IN ('en', 'fr', 'de')),
	version  INTEGER NOT NULL CHECK (version > 0),
	member   TEXT NOT NULL, -- who did it; '' is a release
	at       INTEGER NOT NULL,
	why      TEXT NOT NULL CHECK (why IN ('shipped', 'updated', 'edited', 'set-aside', 'withdrawn')),
	text     TEXT NOT NULL CHECK (json_valid(text)),
	PRIMARY KEY (id, language, version)
) STRICT, WITHOUT ROWID;

-- What somebody typed while another was faster, until they come back to it.
CREATE TABLE messages_unsaved (
	token    TEXT PRIMARY KEY,
	member   TEXT NOT NULL,
	id       TEXT NOT NULL,
	language TEXT NOT NULL CHECK (language IN ('en', 'fr', 'de')),
	version  INTEGER NOT NULL, -- of the faster text, which they were shown
	text     TEXT NOT NULL CHECK (json_valid(text)),
	at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX messages_unsaved_at ON messages_unsaved (at);
