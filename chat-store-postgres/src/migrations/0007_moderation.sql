-- Until when users of a room may not write, members or not: a mute outlasts leaving. The member's own row says it too,
-- for whoever reads members.
CREATE TABLE {s}mutes (
    room bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    until bigint NOT NULL,
    PRIMARY KEY (room, user_id)
);

INSERT INTO {s}mutes (room, user_id, until)
    SELECT room, user_id, muted_until FROM {s}members WHERE muted_until IS NOT NULL;

CREATE TABLE {s}blocks (
    user_id text COLLATE "C" NOT NULL,
    blocked text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (user_id, blocked)
);

-- Reports with their own copy of what was said: they outlast the message and the room.
CREATE TABLE {s}reports (
    id bigint NOT NULL PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    room bigint NOT NULL,
    seq bigint NOT NULL,
    message bigint NOT NULL,
    sender text COLLATE "C",
    content text NOT NULL,
    sent_at bigint NOT NULL,
    reporter text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    status text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    decided_by text COLLATE "C",
    decided_at bigint
);

CREATE UNIQUE INDEX reports_once ON {s}reports (room, seq, reporter);

CREATE INDEX reports_status ON {s}reports (status, id);

CREATE INDEX reports_room ON {s}reports (room, id);

-- What moderators did. It outlasts the room.
CREATE TABLE {s}audit (
    id bigint NOT NULL PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    room bigint NOT NULL,
    at bigint NOT NULL,
    actor text COLLATE "C",
    action text COLLATE "C" NOT NULL,
    user_id text COLLATE "C",
    seq bigint,
    until bigint,
    role text COLLATE "C",
    report bigint
);

CREATE INDEX audit_room ON {s}audit (room, id);

-- What the rules may look at beside load_v1, as JSON lists of rows: until when the users `u_…` are muted, which of the
-- pairs `b_…` stand, and in which of the direct rooms `p_rooms` who is blocked by the other. `ord` counts from 0.
CREATE FUNCTION {s}load_moderation_v1(
    u_room bigint[], u_user text[], b_user text[], b_other text[], p_rooms bigint[],
    OUT o_mutes text, OUT o_blocks text, OUT o_peers text
) LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
BEGIN
    SELECT json_agg(json_build_array(n.ord - 1, t.until)) INTO o_mutes
    FROM unnest(u_room, u_user) WITH ORDINALITY AS n (room, user_id, ord)
    JOIN {s}mutes t ON t.room = n.room AND t.user_id = n.user_id;
    IF cardinality(b_user) > 0 THEN
        SELECT json_agg(json_build_array(n.ord - 1)) INTO o_blocks
        FROM unnest(b_user, b_other) WITH ORDINALITY AS n (user_id, other, ord)
        JOIN {s}blocks x ON x.user_id = n.user_id AND x.blocked = n.other;
    END IF;
    IF cardinality(p_rooms) > 0 THEN
        SELECT json_agg(json_build_array(m.room, m.user_id)) INTO o_peers
        FROM {s}rooms r JOIN {s}members m ON m.room = r.id
        JOIN {s}members o ON o.room = m.room AND o.user_id <> m.user_id
        JOIN {s}blocks x ON x.user_id = o.user_id AND x.blocked = m.user_id
        WHERE r.id = ANY (p_rooms) AND r.kind = 'direct';
    END IF;
END
$body$;

-- Holds what the rules saw: that none of the pairs stands. Whoever wants to block must wait until the caller's
-- transaction has ended, and where one stands by now the transaction is undone, to be judged again. The locks are taken
-- in one order, and before those of rooms, as block_v1 takes them. `mode` is commit_v1's; the answer is 0.
CREATE FUNCTION {s}hold_blocks_v1(mode integer, p_user text[], p_other text[])
RETURNS integer LANGUAGE plpgsql VOLATILE AS $body$
DECLARE
    held record;
BEGIN
    IF cardinality(p_user) = 0 THEN
        RETURN 0;
    END IF;
    IF mode = 1 THEN
        PERFORM set_config('lock_timeout', '2000', true);
    END IF;
    FOR held IN
        SELECT DISTINCT {s}key_lock_v1('blocks', n.user_id, '') AS lock FROM unnest(p_user) AS n (user_id) ORDER BY 1
    LOOP
        IF mode <> 0 THEN
            PERFORM pg_advisory_xact_lock_shared(held.lock);
        ELSIF NOT pg_try_advisory_xact_lock_shared(held.lock) THEN
            RAISE EXCEPTION 'someone else holds the blocks' USING ERRCODE = 'lock_not_available';
        END IF;
    END LOOP;
    PERFORM 1 FROM unnest(p_user, p_other) AS n (user_id, other)
    JOIN {s}blocks x ON x.user_id = n.user_id AND x.blocked = n.other;
    IF FOUND THEN
        RAISE EXCEPTION 'a block came in between' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN 0;
END
$body$;

-- The rest of what commit_v1 writes: mutes and the audit trail, of the rooms that it wrote.
CREATE FUNCTION {s}moderate_v1(more jsonb, s_key bigint[], s_id bigint[])
RETURNS integer LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
BEGIN
    IF more ? 'dropped' THEN
        DELETE FROM {s}mutes t USING jsonb_array_elements(more -> 'dropped') AS n
        WHERE t.room = (n ->> 0)::bigint AND t.room = ANY (s_id);
    END IF;
    IF more ? 'unmuted' THEN
        DELETE FROM {s}mutes t USING jsonb_array_elements(more -> 'unmuted') AS n
        WHERE t.room = (n ->> 0)::bigint AND t.user_id = n ->> 1 AND t.room = ANY (s_id);
    END IF;
    IF more ? 'muted' THEN
        INSERT INTO {s}mutes (room, user_id, until)
        SELECT (n ->> 0)::bigint, n ->> 1, (n ->> 2)::bigint
        FROM jsonb_array_elements(more -> 'muted') AS n WHERE (n ->> 0)::bigint = ANY (s_id)
        ON CONFLICT (room, user_id) DO UPDATE SET until = excluded.until;
    END IF;
    IF more ? 'audit' THEN
        INSERT INTO {s}audit (room, at, actor, action, user_id, seq, until, role, report)
        SELECT s.id, (n ->> 1)::bigint, n ->> 2, n ->> 3, n ->> 4, (n ->> 5)::bigint, (n ->> 6)::bigint, n ->> 7,
            (n ->> 8)::bigint
        FROM jsonb_array_elements(more -> 'audit') WITH ORDINALITY AS a (n, ord)
        JOIN unnest(s_key, s_id) AS s (key, id) ON s.key = (n ->> 0)::bigint AND s.id IS NOT NULL ORDER BY a.ord;
    END IF;
    RETURN 0;
END
$body$;

-- What was remembered of the direct room of a pair does not hold any more: its row is taken, and its rules count on.
CREATE FUNCTION {s}touch_pair_v1(one text, other text) RETURNS void LANGUAGE plpgsql VOLATILE AS $body$
BEGIN
    UPDATE {s}rooms r SET rules = r.rules + 1 FROM {s}room_keys k
    WHERE k.kind = 'direct' AND k.a = least(one COLLATE "C", other COLLATE "C")
        AND k.b = greatest(one COLLATE "C", other COLLATE "C") AND r.id = k.room;
END
$body$;

-- 0: it stands from now on; 1: it stood; 2: there are as many as may be. Whatever was judged without it is committed
-- before it or judged again.
CREATE FUNCTION {s}block_v1(who text, other text, at bigint, most bigint)
RETURNS integer LANGUAGE plpgsql VOLATILE AS $body$
BEGIN
    PERFORM set_config('lock_timeout', '2000', true);
    PERFORM pg_advisory_xact_lock({s}key_lock_v1('blocks', who, ''));
    PERFORM 1 FROM {s}blocks x WHERE x.user_id = who AND x.blocked = other;
    IF FOUND THEN
        RETURN 1;
    END IF;
    IF (SELECT count(*) FROM {s}blocks x WHERE x.user_id = who) >= most THEN
        RETURN 2;
    END IF;
    INSERT INTO {s}blocks (user_id, blocked, at) VALUES (who, other, at);
    PERFORM {s}touch_pair_v1(who, other);
    RETURN 0;
END
$body$;

-- Says whether there was one.
CREATE FUNCTION {s}unblock_v1(who text, other text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $body$
BEGIN
    PERFORM set_config('lock_timeout', '2000', true);
    PERFORM pg_advisory_xact_lock({s}key_lock_v1('blocks', who, ''));
    DELETE FROM {s}blocks x WHERE x.user_id = who AND x.blocked = other;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM {s}touch_pair_v1(who, other);
    RETURN true;
END
$body$;
