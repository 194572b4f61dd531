-- Each incoming thing that was handled, by the id its platform gives it. What
-- the platform was shown at once is kept, so that a second delivery gets the same.
CREATE TABLE bot_seen (
	platform TEXT NOT NULL,
	id       TEXT NOT NULL,
	at       INTEGER NOT NULL,
	shown    TEXT,
	PRIMARY KEY (platform, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX bot_seen_at ON bot_seen (at);

-- A form that was opened and not yet accepted.
CREATE TABLE bot_draft (
	id     TEXT PRIMARY KEY,
	form   TEXT NOT NULL,
	member TEXT NOT NULL,
	state  TEXT NOT NULL,
	fields TEXT NOT NULL CHECK (json_valid(fields)),
	at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bot_draft_at ON bot_draft (at);
