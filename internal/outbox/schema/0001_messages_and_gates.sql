-- One row is one message on its way. Times are UTC milliseconds. See the package comment for the life of a row.
CREATE TABLE outbox_messages (
    id       TEXT    NOT NULL PRIMARY KEY,
    key      TEXT    NOT NULL UNIQUE CHECK (key <> ''),
    route    TEXT    NOT NULL CHECK (route <> ''),
    lane     TEXT    NOT NULL CHECK (lane <> ''),
    place    INTEGER NOT NULL CHECK (place > 0),         -- the order within the lane, whatever clocks do to ids
    head     INTEGER NOT NULL CHECK (head IN (0, 1)),    -- first of the lane's open rows: the only one that may be claimed
    gate     TEXT    NOT NULL,
    class    INTEGER NOT NULL CHECK (class IN (1, 2, 3)),
    batch    TEXT    NOT NULL,
    replaces TEXT    NOT NULL,
    state    TEXT    NOT NULL CHECK (state IN ('pending', 'sending', 'uncertain', 'asking', 'sent', 'held', 'dead', 'expired')),
    since    INTEGER NOT NULL,                           -- when it could first have been sent; never changes
    due      INTEGER NOT NULL,                           -- when it may next be tried; only ever later
    expires  INTEGER,
    unknown  INTEGER NOT NULL CHECK (unknown IN (0, 1)), -- 0 resend, 1 hold
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    asks     INTEGER NOT NULL CHECK (asks >= 0),         -- questions since the last attempt that had no answer
    first    INTEGER,                                    -- when the first attempt began
    unsure   INTEGER NOT NULL CHECK (unsure IN (0, 1)),  -- an earlier attempt may have arrived
    owner    TEXT,                                       -- whose claim; new with every claim
    lease    INTEGER,                                    -- when the claim ends
    receipt  TEXT,
    ended    INTEGER,
    reason   TEXT,
    payload  BLOB,                                       -- last, so that counting rows does not read it

    CHECK ((owner IS NOT NULL) = (state IN ('sending', 'asking'))),
    CHECK ((lease IS NOT NULL) = (state IN ('sending', 'asking'))),
    CHECK ((ended IS NOT NULL) = (state IN ('sent', 'held', 'dead', 'expired'))),
    CHECK ((receipt IS NOT NULL) = (state = 'sent')),
    CHECK ((reason IS NOT NULL) = (state IN ('held', 'dead', 'expired'))),
    CHECK ((payload IS NULL) = (state IN ('sent', 'expired'))),
    CHECK (head = 0 OR state IN ('pending', 'sending', 'uncertain', 'asking')),
    CHECK (head = 1 OR state NOT IN ('sending', 'uncertain', 'asking')),
    CHECK (state NOT IN ('sending', 'uncertain', 'asking', 'sent') OR first IS NOT NULL),
    CHECK (replaces <> id)
) STRICT;

-- At most one head a lane, so at most one in flight a lane.
CREATE UNIQUE INDEX outbox_heads ON outbox_messages (lane) WHERE head = 1;
CREATE UNIQUE INDEX outbox_places ON outbox_messages (lane, place) WHERE state IN ('pending', 'sending', 'uncertain', 'asking');
CREATE INDEX outbox_ready ON outbox_messages (class, due, id, gate, route, state) WHERE head = 1 AND state IN ('pending', 'uncertain');
CREATE INDEX outbox_leases ON outbox_messages (lease, id) WHERE lease IS NOT NULL;
CREATE INDEX outbox_expiries ON outbox_messages (expires) WHERE expires IS NOT NULL AND state = 'pending';
CREATE INDEX outbox_ended ON outbox_messages (ended) WHERE ended IS NOT NULL;
CREATE INDEX outbox_edits ON outbox_messages (replaces) WHERE replaces <> '' AND state IN ('pending', 'sending', 'uncertain', 'asking');

-- What a receiver asked to hold, a path, and until when. It holds everything at and below it.
CREATE TABLE outbox_gates (
    name  TEXT    NOT NULL PRIMARY KEY CHECK (name <> ''),
    until INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_gates_until ON outbox_gates (until);
