-- What was learned from the knowledge, by the fingerprint of what it was learned
-- from: the newest and the one before it.
CREATE TABLE benefits_model (
	fingerprint TEXT PRIMARY KEY CHECK (length(fingerprint) = 64),
	model       BLOB NOT NULL,
	at          INTEGER NOT NULL
) STRICT;
