-- The index of messages' words. The words come from the rules in Rust; here each is kept under its block of ids, as
-- 'block/word', and the message's room as 'block/#room'. So the newest block is asked first, a question looks at no
-- more than it names, and new words go to one part of the index. No word has a '/' or a '#' in it.
--
-- A row is there for each message that can be found: none that is deleted, of kind 'system' or without a word.
CREATE TABLE {s}search (
    id bigint NOT NULL PRIMARY KEY,
    room bigint NOT NULL,
    seq bigint NOT NULL,
    words tsvector NOT NULL
);

-- New words wait in a list, which each search reads too and the write that fills it up clears: it is kept short.
CREATE INDEX search_words ON {s}search USING gin (words) WITH (fastupdate = on, gin_pending_list_limit = 256);

-- What the index keeps of a message: `words` is '/one /two'.
CREATE FUNCTION {s}search_words_v1(id bigint, room bigint, words text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $body$
    SELECT array_to_tsvector(string_to_array(
        replace(words || ' /#' || room::text, '/', to_hex(id >> 14) || '/'), ' '))
$body$;

-- The newest messages below `before` that the index names for a question, at most `most` of them, and the id that it
-- goes on below, NULL where nothing is left. After `millis` it stops wherever it is.
--
-- `asked` is a tsquery of '/word'. `in_room` NULL: in all rooms; otherwise in these, in each above its `in_from`.
-- Nothing here is to be found by going through the table: whatever its size was when a statement was planned, the index
-- is asked.
CREATE FUNCTION {s}search_v1(
    asked text, in_room bigint[], in_from bigint[], by_sender text, before bigint, most bigint, millis double precision,
    OUT o_room bigint[], OUT o_seq bigint[], OUT o_next bigint
) LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET jit = off AS $body$
DECLARE
    ends timestamptz := clock_timestamp() + millis * interval '1 millisecond';
    began timestamptz;
    span bigint := 1;
    latest bigint;
    first bigint;
    question tsquery;
    found record;
BEGIN
    o_room := '{}';
    o_seq := '{}';
    SELECT least(before, coalesce(max(s.id), 0) + 1) INTO o_next FROM {s}search s;
    WHILE o_next > 1 LOOP
        began := clock_timestamp();
        latest := (o_next - 1) >> 14;
        first := greatest(latest - span + 1, 0);
        SELECT string_agg('(' || replace(asked, '/', to_hex(b.block) || '/') || ')', '|')::tsquery INTO question
        FROM generate_series(first, latest) AS b (block);
        IF in_room IS NULL THEN
            SELECT array_agg(l.room ORDER BY l.id DESC) AS room, array_agg(l.seq ORDER BY l.id DESC) AS seq,
                count(*) AS n, min(l.id) AS last INTO found
            FROM (
                SELECT s.id, s.room, s.seq FROM {s}search s
                WHERE s.words @@ question AND s.id + 0 < o_next AND (by_sender IS NULL OR EXISTS (
                    SELECT 1 FROM {s}messages m WHERE m.room = s.room AND m.seq = s.seq AND m.sender = by_sender))
                ORDER BY s.id + 0 DESC LIMIT most - cardinality(o_seq)) l;
        ELSE
            SELECT array_agg(l.room ORDER BY l.id DESC) AS room, array_agg(l.seq ORDER BY l.id DESC) AS seq,
                count(*) AS n, min(l.id) AS last INTO found
            FROM (
                SELECT s.id, s.room, s.seq FROM {s}search s
                JOIN unnest(in_room, in_from) AS v (room, visible_from) ON v.room = s.room AND v.visible_from < s.seq
                WHERE s.words @@ question AND s.id + 0 < o_next AND (by_sender IS NULL OR EXISTS (
                    SELECT 1 FROM {s}messages m WHERE m.room = s.room AND m.seq = s.seq AND m.sender = by_sender))
                ORDER BY s.id + 0 DESC LIMIT most - cardinality(o_seq)) l;
        END IF;
        o_room := o_room || found.room;
        o_seq := o_seq || found.seq;
        IF cardinality(o_seq) >= most THEN
            o_next := found.last;
            RETURN;
        END IF;
        o_next := first << 14;
        EXIT WHEN clock_timestamp() >= ends;
        -- The less there is to be looked at, the more of it is asked for at once.
        span := CASE WHEN found.n = 0 AND clock_timestamp() < began + interval '50 milliseconds'
            THEN least(span * 2, 16) ELSE greatest(span / 2, 1) END;
    END LOOP;
    IF o_next <= 1 THEN
        o_next := NULL;
    END IF;
END
$body$;
