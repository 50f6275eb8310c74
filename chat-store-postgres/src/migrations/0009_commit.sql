-- commit_v1 at less cost: what it takes, writes and answers is the same, and is described there (nodes of the version
-- before call it still). Each statement goes over a batch's lists by subscript, where a list of fifteen columns at once
-- was put together for each; a row that was found and locked is written where it lies; no list is sorted that comes in
-- order.
CREATE FUNCTION {s}commit_v2(
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
    places tid[];
    reads bigint[];
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
    FROM generate_subscripts(m_room, 1) AS i
    JOIN {s}messages t
        ON t.room = r_key[m_room[i]] AND coalesce(t.sender, '') = m_sender[i] AND t.client_id = m_client_id[i];

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
    END IF;

    IF more ? 'dropped' THEN
        PERFORM {s}forget_v1(array_agg(x.key)) FROM (
            SELECT (n ->> 0)::bigint AS key FROM jsonb_array_elements(more -> 'dropped') AS n) x
        WHERE x.key = ANY (o_id);
    END IF;

    IF cardinality(m_room) > 0 THEN
        -- The k-th id is the k-th message's, and there is none for a message that is not written.
        SELECT array_agg(CASE WHEN o_id[m_room[i]] IS NOT NULL THEN nextval('{s}message_ids') END) INTO o_ids
        FROM generate_subscripts(m_room, 1) AS i;
        INSERT INTO {s}messages (room, seq, id, ordinal, sender, client_id, digest, kind, content, at, edited_at,
            version, deleted, reply_to, thread, mentions, attachments, metadata, replies, last_reply)
        SELECT o_id[m_room[i]], m_seq[i] + o_shift[m_room[i]], o_ids[i], m_ordinal[i] + o_counted[m_room[i]],
            nullif(m_sender[i], ''), m_client_id[i], m_digest[i], m_kind[i], m_content[i],
            greatest(m_at[i], o_at[m_room[i]]), NULL, 1, false, m_reply_to[i], m_thread[i], m_mentions[i],
            m_attachments[i], m_metadata[i], 0, NULL
        FROM generate_subscripts(m_room, 1) AS i WHERE o_ids[i] IS NOT NULL;
        INSERT INTO {s}search (id, room, seq, words)
        SELECT o_ids[i], o_id[m_room[i]], m_seq[i] + o_shift[m_room[i]],
            {s}search_words_v1(o_ids[i], o_id[m_room[i]], m_words[i])
        FROM generate_subscripts(m_room, 1) AS i WHERE o_ids[i] IS NOT NULL AND m_words[i] <> '';
        o_ids := array_remove(o_ids, NULL);
    END IF;

    IF more IS NOT NULL THEN
        PERFORM {s}write_v1(more, r_key, o_id, o_shift);
    END IF;

    -- What one sends oneself is read. The rows are taken in the order of advance_v1, and found once.
    IF cardinality(m_room) > 0 THEN
        SELECT array_agg(l.place), array_agg(l.seq) INTO places, reads FROM (
            SELECT m.ctid AS place, x.seq FROM (
                SELECT o_id[m_room[i]] AS room, m_sender[i] AS sender, max(m_seq[i] + o_shift[m_room[i]]) AS seq
                FROM generate_subscripts(m_room, 1) AS i GROUP BY 1, 2) x
            JOIN {s}members m ON m.room = x.room AND m.user_id = x.sender
            ORDER BY m.room, m.user_id FOR NO KEY UPDATE OF m) l;
        -- A row that is held stays where it is.
        UPDATE {s}members m SET read = greatest(m.read, x.seq), delivered = greatest(m.delivered, x.seq)
        FROM unnest(places, reads) AS x (place, seq) WHERE m.ctid = x.place;
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

-- The list is read by each search, and who fills it clears it: twice the words make each of them cheaper to clear by
-- half, and more than these by little.
ALTER INDEX {s}search_words SET (gin_pending_list_limit = 512);
