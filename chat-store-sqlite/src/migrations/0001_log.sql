-- Rooms' logs and all that answers are made of. {p} is the prefix of every name.
-- Times are microseconds since 1970 (UTC); an absent actor or sender is the host.

-- One row. The counters are the greatest ids ever given: an id is not given twice.
CREATE TABLE {p}meta (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    epoch TEXT NOT NULL,
    last_room INTEGER NOT NULL,
    last_message INTEGER NOT NULL
) STRICT;

INSERT INTO {p}meta (one, epoch, last_room, last_message) VALUES (1, lower(hex(randomblob(16))), 0, 0);

-- A deleted room keeps its row. `messages` is the ordinal of the latest message that counts as unread,
-- `newest` the latest message that is not deleted, `name_folded` the name in small letters, for searching.
CREATE TABLE {p}rooms (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT,
    name_folded TEXT NOT NULL,
    metadata TEXT,
    subject TEXT,
    history TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT,
    head INTEGER NOT NULL,
    at INTEGER NOT NULL,
    floor INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    members INTEGER NOT NULL,
    newest INTEGER,
    deleted INTEGER NOT NULL
) STRICT;

CREATE INDEX {p}rooms_public ON {p}rooms (at, id) WHERE kind = 'public' AND deleted = 0;

-- What names a room beside its id: ('direct', lesser user, greater user), ('subject', subject, ''),
-- ('made', maker, client_id).
CREATE TABLE {p}room_keys (
    kind TEXT NOT NULL,
    a TEXT NOT NULL,
    b TEXT NOT NULL,
    room INTEGER NOT NULL,
    PRIMARY KEY (kind, a, b)
) STRICT, WITHOUT ROWID;

CREATE INDEX {p}room_keys_room ON {p}room_keys (room);

CREATE TABLE {p}members (
    room INTEGER NOT NULL,
    user TEXT NOT NULL,
    role TEXT NOT NULL,
    joined_at INTEGER NOT NULL,
    muted_until INTEGER,
    visible_from INTEGER NOT NULL,
    read INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX {p}members_user ON {p}members (user, room);

-- Who becomes owner where the last one leaves.
CREATE INDEX {p}members_standing ON {p}members (room, role, joined_at, user);

CREATE TABLE {p}bans (
    room INTEGER NOT NULL,
    user TEXT NOT NULL,
    banned_by TEXT,
    at INTEGER NOT NULL,
    until INTEGER,
    PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;

-- `ordinal` is how many messages that count as unread lie at or below, here and in room_events: what is unread is a
-- subtraction. `replies` and `last_reply` are of the thread that starts here. Lists and objects are JSON, NULL where
-- empty. The row id is the global id, so that the log of all rooms grows at one end of the file.
CREATE TABLE {p}messages (
    id INTEGER NOT NULL PRIMARY KEY,
    room INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    sender TEXT,
    client_id TEXT,
    digest BLOB NOT NULL,
    kind TEXT NOT NULL,
    content TEXT NOT NULL,
    at INTEGER NOT NULL,
    edited_at INTEGER,
    version INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    reply_to INTEGER,
    thread INTEGER,
    mentions TEXT,
    attachments TEXT,
    metadata TEXT,
    replies INTEGER NOT NULL,
    last_reply INTEGER
) STRICT;

CREATE UNIQUE INDEX {p}messages_log ON {p}messages (room, seq);

-- A send repeated under its key stores nothing. The host's sends share one space.
CREATE UNIQUE INDEX {p}messages_sent ON {p}messages (room, ifnull(sender, ''), client_id);

CREATE INDEX {p}messages_thread ON {p}messages (room, thread, seq) WHERE thread IS NOT NULL;

-- Every change that is no message: together with messages, every position from floor + 1 to head exactly once.
CREATE TABLE {p}room_events (
    room INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT,
    target INTEGER,
    body TEXT,
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;

-- What a message said before.
CREATE TABLE {p}edits (
    room INTEGER NOT NULL,
    target INTEGER NOT NULL,
    version INTEGER NOT NULL,
    content TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (room, target, version)
) STRICT, WITHOUT ROWID;

-- Reactions that stand, each with the position that it was made at.
CREATE TABLE {p}reactions (
    room INTEGER NOT NULL,
    target INTEGER NOT NULL,
    emoji TEXT NOT NULL,
    user TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (room, target, emoji, user)
) STRICT, WITHOUT ROWID;

-- Who is named in messages that count as unread and are not deleted.
CREATE TABLE {p}mentions (
    user TEXT NOT NULL,
    room INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (user, room, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX {p}mentions_message ON {p}mentions (room, seq);

CREATE TABLE {p}profiles (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    username TEXT NOT NULL,
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    avatar TEXT,
    last_seen INTEGER
) STRICT, WITHOUT ROWID;
