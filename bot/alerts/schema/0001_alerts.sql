-- What is wrong now and the administrators have been told of. A row goes when it
-- is right again, so that the next time is told anew.
CREATE TABLE alerts_open (
	kind    TEXT NOT NULL CHECK (kind <> ''),
	subject TEXT NOT NULL,
	at      INTEGER NOT NULL,
	PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;

-- One row, written again and again: whether the database can be written at all.
CREATE TABLE alerts_probe (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	at INTEGER NOT NULL
) STRICT;
