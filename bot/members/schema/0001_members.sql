CREATE TABLE members_member (
	id       TEXT PRIMARY KEY,
	name     TEXT NOT NULL,
	language TEXT NOT NULL CHECK (language IN ('', 'en', 'fr', 'de')), -- own choice
	greeted  INTEGER NOT NULL DEFAULT 0 CHECK (greeted IN (0, 1)),
	since    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A member's accounts. The one used last is the one they are written to.
CREATE TABLE members_account (
	platform TEXT NOT NULL,
	realm    TEXT NOT NULL,
	user     TEXT NOT NULL,
	member   TEXT NOT NULL REFERENCES members_member (id) ON DELETE CASCADE,
	locale   TEXT NOT NULL CHECK (locale IN ('', 'en', 'fr', 'de')), -- what the platform said last
	since    INTEGER NOT NULL,
	PRIMARY KEY (platform, realm, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_account_member ON members_account (member);

CREATE TABLE members_role (
	member TEXT NOT NULL REFERENCES members_member (id) ON DELETE CASCADE,
	role   TEXT NOT NULL CHECK (role IN ('organiser', 'editor', 'admin')),
	since  INTEGER NOT NULL,
	PRIMARY KEY (member, role)
) STRICT, WITHOUT ROWID;

-- What people did in a role: who, what, to what. Never changed, only added to.
CREATE TABLE members_audit (
	id     TEXT PRIMARY KEY,
	at     INTEGER NOT NULL,
	actor  TEXT NOT NULL, -- a member, or 'settings'
	act    TEXT NOT NULL,
	object TEXT NOT NULL
) STRICT, WITHOUT ROWID;
