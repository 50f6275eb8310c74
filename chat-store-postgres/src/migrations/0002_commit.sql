-- The writing end of a commit: what the rules came to is written where the rooms are still as the rules saw them.
--
-- One call is one transaction of its own, so that no lock is held while a client is waited for. Each statement below
-- looks at the database anew (READ COMMITTED), so that those after the locks see what those who held them before wrote.
--
-- `mode`: 0 takes what rooms and keys it can at once and says which it could not; 1 waits 2 s at most; 2 waits as the
-- caller's transaction does.
-- `r_…`: the rooms, by the ids that the caller knows them by, which for rooms to be made are its own; what the rules
-- saw of them (`r_rules` NULL: to be made), and what becomes of them (`w_…`). A room that is `r_exact` must stand at
-- the same head too. The others have plain sends alone, which move to wherever the head is by now.
-- `m_…`: messages, in the order that ids are to be given in (the sender '' is the host; `m_words` is '' for one that is
-- not to be found). `n_…`: mentions. Both say which of `r_…` their room is.
-- `more`: everything else, as lists of rows under the names below.
--
-- The answer says for each of `r_…` its id, by how much positions and ordinals moved, and its latest time before: NULL
-- for one that was not written, because someone else holds it (`o_held`) or it is not as the rules saw it. `o_ids` are
-- the ids of the messages of the written rooms, in order.
--
-- The settings keep each statement to the keys that it is given, whatever the tables' sizes were when it was planned.
CREATE FUNCTION {s}commit_v1(
    mode integer,
    r_key bigint[], r_rules bigint[], r_exact boolean[], r_head bigint[], r_messages bigint[],
    w_head bigint[], w_at bigint[], w_messages bigint[], w_members bigint[], w_newest bigint[],
    m_room integer[], m_seq bigint[], m_ordinal bigint[], m_sender text[], m_client_id text[], m_digest bytea[],
    m_kind text[], m_content text[], m_at bigint[], m_reply_to bigint[], m_thread bigint[], m_mentions text[],
    m_attachments text[], m_metadata text[], m_words text[],
    n_user text[], n_room integer[], n_seq bigint[],
    more jsonb,
    OUT o_id bigint[], OUT o_shift bigint[], OUT o_counted bigint[], OUT o_at bigint[], OUT o_held bigint[],
    OUT o_ids bigint[]
) LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
DECLARE
    locked bigint[] := '{}';
    stale bigint[] := '{}';
    made record;
    place integer;
BEGIN
    o_held := '{}';
    IF mode = 1 THEN
        PERFORM set_config('lock_timeout', '2000', true);
    END IF;

    IF mode = 0 THEN
        SELECT coalesce(array_agg(l.id), '{}') INTO locked FROM (
            SELECT r.id FROM {s}rooms r WHERE r.id = ANY (r_key)
            ORDER BY r.id FOR NO KEY UPDATE SKIP LOCKED) l;
        SELECT coalesce(array_agg(x.key), '{}') INTO o_held FROM unnest(r_key, r_rules) AS x (key, rules)
        WHERE x.rules IS NOT NULL AND x.key <> ALL (locked);
    ELSE
        SELECT coalesce(array_agg(l.id), '{}') INTO locked FROM (
            SELECT r.id FROM {s}rooms r WHERE r.id = ANY (r_key) ORDER BY r.id FOR NO KEY UPDATE) l;
    END IF;

    -- Keys of rooms to be made are held by their hashes: there is no row to hold as yet.
    IF more ? 'keys' THEN
        FOR made IN
            SELECT (n ->> 3)::bigint AS key, {s}key_lock_v1(n ->> 0, n ->> 1, n ->> 2) AS lock
            FROM jsonb_array_elements(more -> 'keys') AS n ORDER BY 2
        LOOP
            IF mode <> 0 THEN
                PERFORM pg_advisory_xact_lock(made.lock);
            ELSIF NOT pg_try_advisory_xact_lock(made.lock) THEN
                o_held := o_held || made.key;
            END IF;
        END LOOP;
        SELECT coalesce(array_agg((n ->> 3)::bigint), '{}') INTO stale
        FROM jsonb_array_elements(more -> 'keys') AS n
        JOIN {s}room_keys k ON k.kind = n ->> 0 AND k.a = n ->> 1 AND k.b = n ->> 2;
    END IF;

    -- A repeat that came in between: the rules must see it.
    SELECT stale || coalesce(array_agg(t.room), '{}') INTO stale
    FROM unnest(m_room, m_sender, m_client_id) AS m (room, sender, client_id)
    JOIN {s}messages t
        ON t.room = r_key[m.room] AND coalesce(t.sender, '') = m.sender AND t.client_id = m.client_id;

    SELECT array_agg(r.id ORDER BY x.ord), array_agg(r.head - x.head ORDER BY x.ord),
        array_agg(r.messages - x.messages ORDER BY x.ord), array_agg(r.at ORDER BY x.ord)
    INTO o_id, o_shift, o_counted, o_at
    FROM unnest(r_key, r_rules, r_exact, r_head, r_messages) WITH ORDINALITY
        AS x (key, rules, exact, head, messages, ord)
    LEFT JOIN {s}rooms r ON r.id = x.key AND r.rules = x.rules AND (r.head = x.head OR NOT x.exact)
        AND x.key = ANY (locked) AND x.key <> ALL (stale);

    IF more ? 'created' THEN
        FOR made IN
            SELECT (n.cells ->> 0)::bigint AS key
            FROM jsonb_array_elements(more -> 'created') WITH ORDINALITY AS n (cells, ord) ORDER BY n.ord
        LOOP
            CONTINUE WHEN made.key = ANY (o_held) OR made.key = ANY (stale);
            place := array_position(r_key, made.key);
            o_id[place] := nextval('{s}room_ids');
            o_shift[place] := 0;
            o_counted[place] := 0;
            o_at[place] := 0;
        END LOOP;
        INSERT INTO {s}rooms (id, kind, name, name_folded, metadata, subject, history, created_at, created_by, head,
            at, floor, messages, members, newest, deleted, rules)
        SELECT s.id, n ->> 1, n ->> 2, n ->> 3, n ->> 4, n ->> 5, n ->> 6, (n ->> 7)::bigint, n ->> 8, 0,
            (n ->> 7)::bigint, 0, 0, 0, NULL, false, 0
        FROM jsonb_array_elements(more -> 'created') AS n
        JOIN unnest(r_key, o_id) AS s (key, id) ON s.key = (n ->> 0)::bigint AND s.id IS NOT NULL;
        INSERT INTO {s}room_keys (kind, a, b, room)
        SELECT n ->> 0, n ->> 1, n ->> 2, s.id FROM jsonb_array_elements(more -> 'keys') AS n
        JOIN unnest(r_key, o_id) AS s (key, id) ON s.key = (n ->> 3)::bigint AND s.id IS NOT NULL;
    END IF;

    -- Members' rows are always taken in one order, as advance_v1 takes them.
    IF more ? 'members' OR more ? 'gone' OR more ? 'dropped' THEN
        PERFORM 1 FROM {s}members m JOIN (
            SELECT (n ->> 0)::bigint AS room, n ->> 1 AS user_id
            FROM jsonb_array_elements(coalesce(more -> 'members', '[]') || coalesce(more -> 'gone', '[]')) AS n
            UNION SELECT r_key[p.room], p.sender FROM unnest(m_room, m_sender) AS p (room, sender)
            UNION SELECT d.room, d.user_id FROM jsonb_array_elements(more -> 'dropped') AS n
            JOIN {s}members d ON d.room = (n ->> 0)::bigint) x ON x.room = m.room AND x.user_id = m.user_id
        WHERE x.room = ANY (o_id) ORDER BY m.room, m.user_id FOR NO KEY UPDATE OF m;
    ELSIF cardinality(m_room) > 0 THEN
        PERFORM 1 FROM {s}members m JOIN (
            SELECT DISTINCT o_id[p.room] AS room, p.sender FROM unnest(m_room, m_sender) AS p (room, sender)) x
            ON x.room = m.room AND x.sender = m.user_id
        ORDER BY m.room, m.user_id FOR NO KEY UPDATE OF m;
    END IF;

    IF more ? 'dropped' THEN
        PERFORM {s}forget_v1(array_agg(x.key)) FROM (
            SELECT (n ->> 0)::bigint AS key FROM jsonb_array_elements(more -> 'dropped') AS n) x
        WHERE x.key = ANY (o_id);
    END IF;

    IF cardinality(m_room) > 0 THEN
        WITH given AS MATERIALIZED (
            SELECT nextval('{s}message_ids') AS new_id, x.* FROM (
                SELECT o_id[m.room] AS id, m.seq + o_shift[m.room] AS seq, m.ordinal + o_counted[m.room] AS ordinal,
                    nullif(m.sender, '') AS sender, m.client_id, m.digest, m.kind, m.content,
                    greatest(m.at, o_at[m.room]) AS at, m.reply_to, m.thread, m.mentions, m.attachments, m.metadata,
                    m.words
                FROM unnest(m_room, m_seq, m_ordinal, m_sender, m_client_id, m_digest, m_kind, m_content, m_at,
                    m_reply_to, m_thread, m_mentions, m_attachments, m_metadata, m_words) WITH ORDINALITY
                    AS m (room, seq, ordinal, sender, client_id, digest, kind, content, at, reply_to, thread, mentions,
                        attachments, metadata, words, ord)
                WHERE o_id[m.room] IS NOT NULL ORDER BY m.ord) x),
        put AS (
            INSERT INTO {s}messages (room, seq, id, ordinal, sender, client_id, digest, kind, content, at, edited_at,
                version, deleted, reply_to, thread, mentions, attachments, metadata, replies, last_reply)
            SELECT x.id, x.seq, x.new_id, x.ordinal, x.sender, x.client_id, x.digest, x.kind, x.content, x.at, NULL, 1,
                false, x.reply_to, x.thread, x.mentions, x.attachments, x.metadata, 0, NULL
            FROM given x),
        searchable AS (
            INSERT INTO {s}search (id, room, seq, words)
            SELECT x.new_id, x.id, x.seq, {s}search_words_v1(x.new_id, x.id, x.words) FROM given x WHERE x.words <> '')
        SELECT array_agg(x.new_id ORDER BY x.new_id) INTO o_ids FROM given x;
    END IF;

    IF more IS NOT NULL THEN
        PERFORM {s}write_v1(more, r_key, o_id, o_shift);
    END IF;

    -- What one sends oneself is read.
    IF cardinality(m_room) > 0 THEN
        UPDATE {s}members m SET read = greatest(m.read, x.seq), delivered = greatest(m.delivered, x.seq)
        FROM (
            SELECT o_id[p.room] AS id, p.sender, max(p.seq + o_shift[p.room]) AS seq
            FROM unnest(m_room, m_seq, m_sender) AS p (room, seq, sender)
            WHERE p.sender <> '' AND o_id[p.room] IS NOT NULL GROUP BY 1, 2) x
        WHERE m.room = x.id AND m.user_id = x.sender;
    END IF;
    IF cardinality(n_room) > 0 THEN
        INSERT INTO {s}mentions (user_id, room, seq)
        SELECT n.user_id, o_id[n.room], n.seq + o_shift[n.room]
        FROM unnest(n_user, n_room, n_seq) AS n (user_id, room, seq) WHERE o_id[n.room] IS NOT NULL
        ON CONFLICT DO NOTHING;
    END IF;

    UPDATE {s}rooms r SET head = w.head + w.shift, at = greatest(r.at, w.at), messages = w.messages + w.counted,
        members = coalesce(w.members, r.members), newest = coalesce(w.newest + w.shift, r.newest),
        rules = r.rules + w.exact::integer
    FROM unnest(o_id, o_shift, o_counted, r_exact, w_head, w_at, w_messages, w_members, w_newest)
        AS w (id, shift, counted, exact, head, at, messages, members, newest)
    WHERE r.id = w.id;

    IF more ? 'dropped' THEN
        UPDATE {s}rooms r SET floor = (n ->> 1)::bigint, newest = NULL, deleted = true
        FROM jsonb_array_elements(more -> 'dropped') AS n
        WHERE r.id = (n ->> 0)::bigint AND r.id = ANY (o_id);
    END IF;
    IF more ? 'newest' THEN
        UPDATE {s}rooms r SET newest = (
            SELECT max(m.seq) FROM {s}messages m WHERE m.room = r.id AND NOT m.deleted)
        FROM jsonb_array_elements(more -> 'newest') AS n
        WHERE r.id = (n ->> 0)::bigint AND r.id = ANY (o_id);
    END IF;
END
$body$;
