-- What takes over rooms and messages of another system needs: messages by their ids, and ids that are not given any more.

-- Ids come in ascending order, so that the index grows at one end.
CREATE UNIQUE INDEX messages_by_id ON {s}messages (id);

-- No id up to these is given from here on. Whoever takes ids holds the tables that they are for: while this holds one of
-- them, nobody does, so that no counter is ever put back.
CREATE FUNCTION {s}reserve_ids_v1(room bigint, message bigint) RETURNS void LANGUAGE plpgsql VOLATILE AS $body$
BEGIN
    PERFORM set_config('lock_timeout', '2000', true);
    IF (SELECT s.last_value < room OR (s.last_value = room AND NOT s.is_called) FROM {s}room_ids s) THEN
        LOCK TABLE {s}rooms IN EXCLUSIVE MODE;
        PERFORM setval('{s}room_ids', greatest(room, s.last_value)) FROM {s}room_ids s;
    END IF;
    IF (SELECT s.last_value < message OR (s.last_value = message AND NOT s.is_called) FROM {s}message_ids s) THEN
        LOCK TABLE {s}messages IN SHARE ROW EXCLUSIVE MODE;
        PERFORM setval('{s}message_ids', greatest(message, s.last_value)) FROM {s}message_ids s;
    END IF;
END
$body$;
