-- Until when users of a room may not write, members or not: a mute outlasts leaving. The member's own row says it too,
-- for whoever reads members.
CREATE TABLE {p}mutes (
    room INTEGER NOT NULL,
    user TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;

INSERT INTO {p}mutes (room, user, until)
    SELECT room, user, muted_until FROM {p}members WHERE muted_until IS NOT NULL;

CREATE TABLE {p}blocks (
    user TEXT NOT NULL,
    blocked TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (user, blocked)
) STRICT, WITHOUT ROWID;

-- Reports with their own copy of what was said: they outlast the message and the room.
CREATE TABLE {p}reports (
    id INTEGER NOT NULL PRIMARY KEY,
    room INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    message INTEGER NOT NULL,
    sender TEXT,
    content TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    reporter TEXT NOT NULL,
    reason TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    decided_by TEXT,
    decided_at INTEGER
) STRICT;

CREATE UNIQUE INDEX {p}reports_once ON {p}reports (room, seq, reporter);

CREATE INDEX {p}reports_status ON {p}reports (status, id);

CREATE INDEX {p}reports_room ON {p}reports (room, id);

-- What moderators did. It outlasts the room.
CREATE TABLE {p}audit (
    id INTEGER NOT NULL PRIMARY KEY,
    room INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT,
    action TEXT NOT NULL,
    user TEXT,
    seq INTEGER,
    until INTEGER,
    role TEXT,
    report INTEGER
) STRICT;

CREATE INDEX {p}audit_room ON {p}audit (room, id);
