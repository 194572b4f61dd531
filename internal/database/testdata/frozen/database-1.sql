-- One row a component (a feature, the outbox, this package): the number of the last migration applied.
CREATE TABLE database_version (
    component TEXT PRIMARY KEY,
    version   INTEGER NOT NULL CHECK (version > 0)
) STRICT;

-- One row in all. Its token changes whenever anybody bumps it, in whichever process.
CREATE TABLE database_revision (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    token TEXT NOT NULL
) STRICT;

INSERT INTO database_revision (one, token) VALUES (1, '');

INSERT INTO database_version (component, version) VALUES ('database', 1);
