-- commit_files_v1 on commit_v2: what it takes, writes and answers is the same, and is described there (nodes of the
-- version before call it still, and commit_v1 by it).
CREATE FUNCTION {s}commit_files_v2(
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
    free text[];
    rules bigint[] := r_rules;
BEGIN
    IF more ? 'attached' THEN
        SELECT coalesce(array_agg(l.id), '{}') INTO free FROM (
            SELECT a.id FROM {s}attachments a
            WHERE a.id IN (SELECT n ->> 0 FROM jsonb_array_elements(more -> 'attached') AS n)
                AND a.room IS NULL AND a.file IS NOT NULL AND NOT a.removed
            ORDER BY a.id FOR NO KEY UPDATE SKIP LOCKED) l;
        SELECT array_agg(CASE WHEN EXISTS (
                SELECT 1 FROM jsonb_array_elements(more -> 'attached') AS n
                WHERE (n ->> 1)::bigint = x.key AND n ->> 0 <> ALL (free)) THEN -1 ELSE x.rules END ORDER BY x.ord)
        INTO rules FROM unnest(r_key, r_rules) WITH ORDINALITY AS x (key, rules, ord);
    END IF;

    SELECT c.o_id, c.o_shift, c.o_counted, c.o_at, c.o_held, c.o_ids
    INTO o_id, o_shift, o_counted, o_at, o_held, o_ids
    FROM {s}commit_v2(mode, r_key, rules, r_exact, r_head, r_messages, w_head, w_at, w_messages, w_members, w_newest,
        m_room, m_seq, m_ordinal, m_sender, m_client_id, m_digest, m_kind, m_content, m_at, m_reply_to, m_thread,
        m_mentions, m_attachments, m_metadata, m_words, n_user, n_room, n_seq, more) AS c;

    IF more ? 'attached' THEN
        UPDATE {s}attachments a SET room = s.id, seq = (n ->> 2)::bigint + s.shift
        FROM jsonb_array_elements(more -> 'attached') AS n
        JOIN unnest(r_key, o_id, o_shift) AS s (key, id, shift) ON s.key = (n ->> 1)::bigint AND s.id IS NOT NULL
        WHERE a.id = n ->> 0;
    END IF;
    IF more ? 'detached' THEN
        UPDATE {s}attachments a SET file = NULL, removed = true
        FROM jsonb_array_elements(more -> 'detached') AS n
        WHERE a.room = (n ->> 0)::bigint AND a.seq = (n ->> 1)::bigint AND a.room = ANY (o_id);
    END IF;
    IF more ? 'dropped' THEN
        UPDATE {s}attachments a SET file = NULL, removed = true
        FROM jsonb_array_elements(more -> 'dropped') AS n
        WHERE a.room = (n ->> 0)::bigint AND a.room = ANY (o_id);
    END IF;
END
$body$;
