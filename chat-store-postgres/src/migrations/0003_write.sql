-- The rest of what a commit writes: what is not a plain send. Called by commit_v1 with its lists of rows, under the
-- locks that it took.

CREATE FUNCTION {s}key_lock_v1(kind text, a text, b text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $body$
    SELECT hashtextextended(concat_ws(chr(31), '{n}', kind, a, b), 0)
$body$;

CREATE FUNCTION {s}forget_v1(dropped bigint[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $body$
BEGIN
    DELETE FROM {s}search t USING {s}messages m WHERE m.room = ANY (dropped) AND t.id = m.id;
    DELETE FROM {s}messages t WHERE t.room = ANY (dropped);
    DELETE FROM {s}room_events t WHERE t.room = ANY (dropped);
    DELETE FROM {s}members t WHERE t.room = ANY (dropped);
    DELETE FROM {s}bans t WHERE t.room = ANY (dropped);
    DELETE FROM {s}room_keys t WHERE t.room = ANY (dropped);
    DELETE FROM {s}edits t WHERE t.room = ANY (dropped);
    DELETE FROM {s}reactions t WHERE t.room = ANY (dropped);
    DELETE FROM {s}mentions t WHERE t.room = ANY (dropped);
END
$body$;

CREATE FUNCTION {s}write_v1(more jsonb, s_key bigint[], s_id bigint[], s_shift bigint[])
RETURNS void LANGUAGE plpgsql VOLATILE AS $body$
BEGIN
    IF more ? 'put_rooms' THEN
        UPDATE {s}rooms r SET name = n ->> 1, name_folded = n ->> 2, metadata = n ->> 3, history = n ->> 4
        FROM jsonb_array_elements(more -> 'put_rooms') AS n
        WHERE r.id = (n ->> 0)::bigint AND r.id = ANY (s_id);
    END IF;
    IF more ? 'events' THEN
        INSERT INTO {s}room_events (room, seq, ordinal, kind, at, actor, target, body)
        SELECT s.id, (n ->> 1)::bigint, (n ->> 2)::bigint, n ->> 3, (n ->> 4)::bigint, n ->> 5, (n ->> 6)::bigint, n ->> 7
        FROM jsonb_array_elements(more -> 'events') AS n
        JOIN unnest(s_key, s_id) AS s (key, id) ON s.key = (n ->> 0)::bigint AND s.id IS NOT NULL;
    END IF;
    IF more ? 'changed' THEN
        UPDATE {s}messages m SET content = n ->> 2, edited_at = (n ->> 3)::bigint, version = (n ->> 4)::bigint,
            deleted = (n ->> 5)::boolean, mentions = n ->> 6, attachments = n ->> 7, metadata = n ->> 8
        FROM jsonb_array_elements(more -> 'changed') AS n
        WHERE m.room = (n ->> 0)::bigint AND m.seq = (n ->> 1)::bigint AND m.room = ANY (s_id);
        DELETE FROM {s}search t USING jsonb_array_elements(more -> 'changed') AS n, {s}messages m
        WHERE m.room = (n ->> 0)::bigint AND m.seq = (n ->> 1)::bigint AND m.room = ANY (s_id) AND t.id = m.id;
        INSERT INTO {s}search (id, room, seq, words)
        SELECT m.id, m.room, m.seq, {s}search_words_v1(m.id, m.room, n ->> 9)
        FROM jsonb_array_elements(more -> 'changed') AS n, {s}messages m
        WHERE m.room = (n ->> 0)::bigint AND m.seq = (n ->> 1)::bigint AND m.room = ANY (s_id) AND n ->> 9 <> '';
    END IF;
    IF more ? 'replies' THEN
        UPDATE {s}messages m SET replies = m.replies + (n ->> 2)::bigint,
            last_reply = greatest(m.last_reply, (n ->> 3)::bigint + s.shift)
        FROM jsonb_array_elements(more -> 'replies') AS n
        JOIN unnest(s_id, s_shift) AS s (id, shift) ON s.id = (n ->> 0)::bigint
        WHERE m.room = s.id AND m.seq = (n ->> 1)::bigint;
    END IF;
    IF more ? 'cleared' THEN
        DELETE FROM {s}edits t USING jsonb_array_elements(more -> 'cleared') AS n
        WHERE t.room = (n ->> 0)::bigint AND t.target = (n ->> 1)::bigint AND t.room = ANY (s_id);
        DELETE FROM {s}reactions t USING jsonb_array_elements(more -> 'cleared') AS n
        WHERE t.room = (n ->> 0)::bigint AND t.target = (n ->> 1)::bigint AND t.room = ANY (s_id);
    END IF;
    IF more ? 'edits' THEN
        INSERT INTO {s}edits (room, target, version, content, at)
        SELECT (n ->> 0)::bigint, (n ->> 1)::bigint, (n ->> 2)::bigint, n ->> 3, (n ->> 4)::bigint
        FROM jsonb_array_elements(more -> 'edits') AS n WHERE (n ->> 0)::bigint = ANY (s_id);
    END IF;
    IF more ? 'unmentioned' THEN
        DELETE FROM {s}mentions t USING jsonb_array_elements(more -> 'unmentioned') AS n
        WHERE t.user_id = n ->> 0 AND t.room = (n ->> 1)::bigint AND t.seq = (n ->> 2)::bigint
            AND t.room = ANY (s_id);
    END IF;
    IF more ? 'unreacted' THEN
        DELETE FROM {s}reactions t USING jsonb_array_elements(more -> 'unreacted') AS n
        WHERE t.room = (n ->> 0)::bigint AND t.target = (n ->> 1)::bigint AND t.emoji = n ->> 2 AND t.user_id = n ->> 3
            AND t.room = ANY (s_id);
    END IF;
    IF more ? 'reacted' THEN
        INSERT INTO {s}reactions (room, target, emoji, user_id, seq)
        SELECT (n ->> 0)::bigint, (n ->> 1)::bigint, n ->> 2, n ->> 3, (n ->> 4)::bigint
        FROM jsonb_array_elements(more -> 'reacted') AS n WHERE (n ->> 0)::bigint = ANY (s_id)
        ON CONFLICT (room, target, emoji, user_id) DO UPDATE SET seq = excluded.seq;
    END IF;
    -- Who comes back begins anew: the old row is gone first. Pointers of one who stayed are not the rules' to move.
    IF more ? 'gone' THEN
        DELETE FROM {s}members t USING jsonb_array_elements(more -> 'gone') AS n
        WHERE t.room = (n ->> 0)::bigint AND t.user_id = n ->> 1 AND t.room = ANY (s_id);
    END IF;
    IF more ? 'members' THEN
        INSERT INTO {s}members (room, user_id, role, joined_at, muted_until, visible_from, read, delivered)
        SELECT s.id, n ->> 1, n ->> 2, (n ->> 3)::bigint, (n ->> 4)::bigint, (n ->> 5)::bigint, (n ->> 6)::bigint,
            (n ->> 7)::bigint
        FROM jsonb_array_elements(more -> 'members') AS n
        JOIN unnest(s_key, s_id) AS s (key, id) ON s.key = (n ->> 0)::bigint AND s.id IS NOT NULL
        ON CONFLICT (room, user_id) DO UPDATE SET role = excluded.role, joined_at = excluded.joined_at,
            muted_until = excluded.muted_until;
    END IF;
    IF more ? 'unbanned' THEN
        DELETE FROM {s}bans t USING jsonb_array_elements(more -> 'unbanned') AS n
        WHERE t.room = (n ->> 0)::bigint AND t.user_id = n ->> 1 AND t.room = ANY (s_id);
    END IF;
    IF more ? 'banned' THEN
        INSERT INTO {s}bans (room, user_id, banned_by, at, until)
        SELECT (n ->> 0)::bigint, n ->> 1, n ->> 2, (n ->> 3)::bigint, (n ->> 4)::bigint
        FROM jsonb_array_elements(more -> 'banned') AS n WHERE (n ->> 0)::bigint = ANY (s_id)
        ON CONFLICT (room, user_id) DO UPDATE SET banned_by = excluded.banned_by, at = excluded.at,
            until = excluded.until;
    END IF;
END
$body$;

-- Lifts a ban. What the rules saw of the room does not hold any more, so that its row is taken first.
CREATE FUNCTION {s}lift_ban_v1(in_room bigint, whom text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $body$
BEGIN
    PERFORM set_config('lock_timeout', '2000', true);
    PERFORM 1 FROM {s}rooms r WHERE r.id = in_room FOR NO KEY UPDATE;
    DELETE FROM {s}bans t WHERE t.room = in_room AND t.user_id = whom;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE {s}rooms r SET rules = r.rules + 1 WHERE r.id = in_room;
    RETURN true;
END
$body$;

-- Moves pointers, each row once to the greatest that is asked for, and says where they stood before. Rows are taken in
-- one order, as commit_v1 takes them. With `patient` false those that someone else holds are left out.
CREATE FUNCTION {s}advance_v1(patient boolean, p_room bigint[], p_user text[], p_read bigint[], p_delivered bigint[])
RETURNS TABLE (o_room bigint, o_user text, o_read bigint, o_delivered bigint, o_head bigint)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
DECLARE
    held record;
BEGIN
    IF patient THEN
        PERFORM set_config('lock_timeout', '2000', true);
        SELECT array_agg(l.room) AS room, array_agg(l.user_id) AS user_id, array_agg(l.read) AS read,
            array_agg(l.delivered) AS delivered INTO held
        FROM (
            SELECT m.room, m.user_id, m.read, m.delivered FROM {s}members m
            JOIN (SELECT DISTINCT n.room, n.user_id FROM unnest(p_room, p_user) AS n (room, user_id)) x
                ON x.room = m.room AND x.user_id = m.user_id
            ORDER BY m.room, m.user_id FOR NO KEY UPDATE OF m) l;
    ELSE
        SELECT array_agg(l.room) AS room, array_agg(l.user_id) AS user_id, array_agg(l.read) AS read,
            array_agg(l.delivered) AS delivered INTO held
        FROM (
            SELECT m.room, m.user_id, m.read, m.delivered FROM {s}members m
            JOIN (SELECT DISTINCT n.room, n.user_id FROM unnest(p_room, p_user) AS n (room, user_id)) x
                ON x.room = m.room AND x.user_id = m.user_id
            ORDER BY m.room, m.user_id FOR NO KEY UPDATE OF m SKIP LOCKED) l;
    END IF;
    RETURN QUERY
    WITH wanted AS (
        SELECT h.room, h.user_id, h.read, h.delivered, r.head,
            least(greatest(h.read, n.read), greatest(h.read, r.head)) AS to_read,
            least(greatest(h.delivered, n.delivered), greatest(h.delivered, r.head)) AS to_delivered
        FROM unnest(held.room, held.user_id, held.read, held.delivered) AS h (room, user_id, read, delivered)
        JOIN (
            SELECT p.room, p.user_id, max(p.read) AS read, max(p.delivered) AS delivered
            FROM unnest(p_room, p_user, p_read, p_delivered) AS p (room, user_id, read, delivered)
            GROUP BY p.room, p.user_id) n ON n.room = h.room AND n.user_id = h.user_id
        JOIN {s}rooms r ON r.id = h.room),
    moved AS (
        UPDATE {s}members m SET read = w.to_read, delivered = greatest(w.to_delivered, w.to_read)
        FROM wanted w WHERE m.room = w.room AND m.user_id = w.user_id
            AND (m.read < w.to_read OR m.delivered < greatest(w.to_delivered, w.to_read)))
    SELECT w.room, w.user_id, w.read, w.delivered, w.head FROM wanted w;
END
$body$;
