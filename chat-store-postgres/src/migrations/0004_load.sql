-- What the rules may look at, as JSON lists of rows: one statement of the caller's, so that all of it is of one
-- snapshot. Columns are as `columns.rs` reads them; `ord` counts what was asked for from 0.
CREATE FUNCTION {s}load_v1(
    p_rooms bigint[], k_kind text[], k_a text[], k_b text[], u_room bigint[], u_user text[], s_rooms bigint[],
    s_limit bigint, m_room bigint[], m_seq bigint[], c_room bigint[], c_sender text[], c_client_id text[],
    x_room bigint[], x_target bigint[], x_user text[],
    OUT o_rooms text, OUT o_keys text, OUT o_users text, OUT o_standing text, OUT o_messages text, OUT o_sent text,
    OUT o_reactions text
) LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
BEGIN
    SELECT json_agg(json_build_array(r.id, r.kind, r.name, r.metadata, r.subject, r.history, r.created_at, r.created_by,
            r.head, r.at, r.messages, r.members, r.deleted, r.rules)) INTO o_rooms
    FROM {s}rooms r WHERE r.id = ANY (p_rooms);
    IF cardinality(k_kind) > 0 THEN
        SELECT json_agg(json_build_array(n.ord - 1, r.id, r.kind, r.name, r.metadata, r.subject, r.history, r.created_at, r.created_by,
            r.head, r.at, r.messages, r.members, r.deleted, r.rules)) INTO o_keys
        FROM unnest(k_kind, k_a, k_b) WITH ORDINALITY AS n (kind, a, b, ord)
        JOIN {s}room_keys k ON k.kind = n.kind AND k.a = n.a AND k.b = n.b
        JOIN {s}rooms r ON r.id = k.room;
    END IF;
    SELECT json_agg(json_build_array(n.ord - 1, m.role, m.joined_at, m.muted_until, m.visible_from, m.read,
            m.delivered, b.user_id IS NOT NULL, b.banned_by, b.at, b.until)) INTO o_users
    FROM unnest(u_room, u_user) WITH ORDINALITY AS n (room, user_id, ord)
    LEFT JOIN {s}members m ON m.room = n.room AND m.user_id = n.user_id
    LEFT JOIN {s}bans b ON b.room = n.room AND b.user_id = n.user_id
    WHERE m.user_id IS NOT NULL OR b.user_id IS NOT NULL;
    IF cardinality(s_rooms) > 0 THEN
        SELECT json_agg(json_build_array(m.room, m.user_id, m.role, m.joined_at, m.muted_until, m.visible_from, m.read,
            m.delivered)) INTO o_standing
        FROM unnest(s_rooms) AS n (room)
        CROSS JOIN unnest(ARRAY['owner', 'moderator', 'member']) AS k (role)
        CROSS JOIN LATERAL (
            SELECT * FROM {s}members s WHERE s.room = n.room AND s.role = k.role
            ORDER BY s.joined_at, s.user_id LIMIT s_limit) AS m;
    END IF;
    IF cardinality(m_room) > 0 THEN
        SELECT json_agg(json_build_array(m.id, m.room, m.seq, m.sender, m.kind, m.content, m.at, m.edited_at,
            m.version, m.deleted, m.reply_to, m.thread, m.mentions, m.attachments, m.metadata, m.client_id,
            encode(m.digest, 'hex'))) INTO o_messages
        FROM unnest(m_room, m_seq) AS n (room, seq) JOIN {s}messages m ON m.room = n.room AND m.seq = n.seq;
    END IF;
    IF cardinality(c_room) > 0 THEN
        SELECT json_agg(json_build_array(m.id, m.room, m.seq, m.sender, m.kind, m.content, m.at, m.edited_at,
            m.version, m.deleted, m.reply_to, m.thread, m.mentions, m.attachments, m.metadata, m.client_id,
            encode(m.digest, 'hex'))) INTO o_sent
        FROM unnest(c_room, c_sender, c_client_id) AS n (room, sender, client_id)
        JOIN {s}messages m ON m.room = n.room AND coalesce(m.sender, '') = n.sender AND m.client_id = n.client_id;
    END IF;
    IF cardinality(x_room) > 0 THEN
        SELECT json_agg(json_build_array(g.ord - 1, g.emoji, g.count, g.mine)) INTO o_reactions
        FROM (
            SELECT n.ord, x.emoji, count(*) AS count, bool_or(x.user_id = n.user_id) AS mine
            FROM unnest(x_room, x_target, x_user) WITH ORDINALITY AS n (room, target, user_id, ord)
            JOIN {s}reactions x ON x.room = n.room AND x.target = n.target GROUP BY n.ord, x.emoji) AS g;
    END IF;
END
$body$;
