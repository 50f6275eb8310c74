-- Files, whose bytes lie elsewhere under their ids. `file` is JSON, once all bytes are there; `for_room` the only room that
-- it may be sent in. Sent, it has its message. Removed, it is nobody's, and its row stays until its bytes are gone.
CREATE TABLE {p}attachments (
    id TEXT NOT NULL PRIMARY KEY,
    uploader TEXT,
    begun_at INTEGER NOT NULL,
    file TEXT,
    for_room INTEGER,
    room INTEGER,
    seq INTEGER,
    removed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX {p}attachments_sent ON {p}attachments (room, seq) WHERE room IS NOT NULL;

CREATE INDEX {p}attachments_unsent ON {p}attachments (begun_at) WHERE room IS NULL AND removed = 0;

CREATE INDEX {p}attachments_removed ON {p}attachments (id) WHERE removed <> 0;
