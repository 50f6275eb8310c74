-- Rooms' logs and all that answers are made of. {s} is the schema that every name is in.
-- Times are microseconds since 1970 (UTC); an absent actor or sender is the host. Texts that order rows are compared
-- byte by byte, whatever the database's collation.

CREATE TABLE {s}meta (
    one boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (one),
    epoch text NOT NULL
);

INSERT INTO {s}meta (epoch) VALUES (replace(gen_random_uuid()::text, '-', ''));

-- Ids are given under the room's lock, so that a room's messages have ascending ones. None is given twice.
CREATE SEQUENCE {s}room_ids AS bigint;
CREATE SEQUENCE {s}message_ids AS bigint;

-- A deleted room keeps its row. `messages` is the ordinal of the latest message that counts as unread, `newest` the
-- latest message that is not deleted, `name_folded` the name in small letters, for searching. `rules` grows with every
-- change that is not a plain send: who looked at the room under the same number saw the same members, roles and bans.
-- `listed_at` is of its own so that a send changes no indexed column of a room that is not public.
CREATE TABLE {s}rooms (
    id bigint NOT NULL PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    name text,
    name_folded text COLLATE "C" NOT NULL,
    metadata text,
    subject text COLLATE "C",
    history text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    created_by text COLLATE "C",
    head bigint NOT NULL,
    at bigint NOT NULL,
    floor bigint NOT NULL,
    messages bigint NOT NULL,
    members bigint NOT NULL,
    newest bigint,
    deleted boolean NOT NULL,
    rules bigint NOT NULL,
    listed_at bigint GENERATED ALWAYS AS (CASE WHEN kind = 'public' AND NOT deleted THEN at END) STORED
) WITH (fillfactor = 60);

CREATE INDEX rooms_listed ON {s}rooms (listed_at, id) WHERE listed_at IS NOT NULL;

-- What names a room beside its id: ('direct', lesser user, greater user), ('subject', subject, ''),
-- ('made', maker, client_id).
CREATE TABLE {s}room_keys (
    kind text COLLATE "C" NOT NULL,
    a text COLLATE "C" NOT NULL,
    b text COLLATE "C" NOT NULL,
    room bigint NOT NULL,
    PRIMARY KEY (kind, a, b)
);

CREATE INDEX room_keys_room ON {s}room_keys (room);

CREATE TABLE {s}members (
    room bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    joined_at bigint NOT NULL,
    muted_until bigint,
    visible_from bigint NOT NULL,
    read bigint NOT NULL,
    delivered bigint NOT NULL,
    PRIMARY KEY (room, user_id)
) WITH (fillfactor = 80);

CREATE INDEX members_user ON {s}members (user_id, room);

-- Who becomes owner where the last one leaves.
CREATE INDEX members_standing ON {s}members (room, role, joined_at, user_id);

CREATE TABLE {s}bans (
    room bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    banned_by text COLLATE "C",
    at bigint NOT NULL,
    until bigint,
    PRIMARY KEY (room, user_id)
);

-- `ordinal` is how many messages that count as unread lie at or below, here and in room_events: what is unread is a
-- subtraction. `replies` and `last_reply` are of the thread that starts here. Lists and objects are JSON, NULL where
-- empty; as text, since a JSON text may name U+0000 where jsonb may not.
CREATE TABLE {s}messages (
    room bigint NOT NULL,
    seq bigint NOT NULL,
    id bigint NOT NULL,
    ordinal bigint NOT NULL,
    sender text COLLATE "C",
    client_id text COLLATE "C",
    digest bytea NOT NULL,
    kind text COLLATE "C" NOT NULL,
    content text NOT NULL,
    at bigint NOT NULL,
    edited_at bigint,
    version bigint NOT NULL,
    deleted boolean NOT NULL,
    reply_to bigint,
    thread bigint,
    mentions text,
    attachments text,
    metadata text,
    replies bigint NOT NULL,
    last_reply bigint,
    PRIMARY KEY (room, seq)
);

-- A send repeated under its key stores nothing. The host's sends share one space.
CREATE UNIQUE INDEX messages_sent ON {s}messages (room, coalesce(sender, ''), client_id);

CREATE INDEX messages_thread ON {s}messages (room, thread, seq) WHERE thread IS NOT NULL;

-- Every change that is no message: together with messages, every position from floor + 1 to head exactly once.
CREATE TABLE {s}room_events (
    room bigint NOT NULL,
    seq bigint NOT NULL,
    ordinal bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    actor text COLLATE "C",
    target bigint,
    body text,
    PRIMARY KEY (room, seq)
);

-- What a message said before.
CREATE TABLE {s}edits (
    room bigint NOT NULL,
    target bigint NOT NULL,
    version bigint NOT NULL,
    content text NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (room, target, version)
);

-- Reactions that stand, each with the position that it was made at.
CREATE TABLE {s}reactions (
    room bigint NOT NULL,
    target bigint NOT NULL,
    emoji text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (room, target, emoji, user_id)
);

-- Who is named in messages that count as unread and are not deleted.
CREATE TABLE {s}mentions (
    user_id text COLLATE "C" NOT NULL,
    room bigint NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (user_id, room, seq)
);

CREATE INDEX mentions_message ON {s}mentions (room, seq);

CREATE TABLE {s}profiles (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    name text NOT NULL,
    username text NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    avatar text,
    last_seen bigint
);
