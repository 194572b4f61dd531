-- Times are UTC milliseconds.
CREATE TABLE schedule_slots (
    name   TEXT    NOT NULL PRIMARY KEY CHECK (name <> ''),
    done   INTEGER NOT NULL,                   -- every occurrence up to here is done, skipped or given up
    tries  INTEGER NOT NULL CHECK (tries >= 0),
    retry  INTEGER,                            -- of a failing occurrence: when it is tried again
    reason TEXT,                               -- why the last try failed; NULL after one that did not
    CHECK ((retry IS NOT NULL) = (tries > 0)),
    CHECK (tries = 0 OR reason IS NOT NULL)
) STRICT;

CREATE TABLE schedule_work (
    key     TEXT    NOT NULL PRIMARY KEY CHECK (key <> ''),
    kind    TEXT    NOT NULL CHECK (kind <> ''),
    state   TEXT    NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
    wanted  INTEGER NOT NULL,                  -- when it was to be done; never changes
    due     INTEGER NOT NULL,                  -- when it is next tried
    tries   INTEGER NOT NULL CHECK (tries >= 0),
    ended   INTEGER,
    reason  TEXT,                              -- why the last try failed
    payload BLOB,
    CHECK ((ended IS NOT NULL) = (state IN ('done', 'failed'))),
    CHECK ((payload IS NULL) = (state = 'done')),
    CHECK (state <> 'failed' OR (tries > 0 AND reason IS NOT NULL)),
    CHECK (state <> 'waiting' OR (reason IS NOT NULL) = (tries > 0))
) STRICT;
CREATE INDEX schedule_work_due ON schedule_work (kind, due, key) WHERE state = 'waiting';
CREATE INDEX schedule_work_ended ON schedule_work (ended) WHERE ended IS NOT NULL;
