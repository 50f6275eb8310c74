//! Looks for damage.

use std::fmt;

use sqlx::{PgConnection, PgPool, Row as _, SqlStr};

use crate::{migrate, search, sql::statements};

/// Findings of one look at most.
const DAMAGE_MAX: usize = 100;

/// Something that does not make sense.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The room that it is in; absent where it is in none.
    pub room: Option<i64>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.room {
            Some(room) => write!(f, "room {room}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

statements! {
    /// Each gives a row `(room, what)` for each finding, as far as there are.
    VerifySql {
        meta = "SELECT NULL::bigint, 'there are ' || count(*) || ' rows of the epoch, not one' FROM {s}meta
            HAVING count(*) <> 1";
        counters = "SELECT NULL::bigint, 'an id above the greatest that was given' WHERE
            (SELECT last_value FROM {s}room_ids) < (SELECT max(id) FROM {s}rooms)
            OR (SELECT last_value FROM {s}message_ids) < (SELECT max(id) FROM {s}messages)";
        holes = "WITH log AS (
                SELECT room, seq FROM {s}messages UNION ALL SELECT room, seq FROM {s}room_events),
            placed AS (
                SELECT room, seq, lag(seq) OVER (PARTITION BY room ORDER BY seq) AS before FROM log)
            SELECT r.id, 'position ' || (coalesce(p.before, r.floor) + 1) || CASE
                    WHEN p.seq <= coalesce(p.before, r.floor) THEN ' is there again, as ' || p.seq
                    ELSE ' is missing, up to ' || (p.seq - 1) END
            FROM placed p JOIN {s}rooms r ON r.id = p.room WHERE p.seq <> coalesce(p.before, r.floor) + 1";
        heads = "SELECT r.id, 'the head is ' || r.head || ', the latest position is ' || l.latest FROM {s}rooms r
            CROSS JOIN LATERAL (SELECT greatest(
                (SELECT max(seq) FROM {s}messages m WHERE m.room = r.id),
                (SELECT max(seq) FROM {s}room_events e WHERE e.room = r.id), 0) AS latest) l
            WHERE l.latest <> r.head";
        homeless = "SELECT x.room, 'a row without its room' FROM (
                SELECT room FROM {s}messages UNION SELECT room FROM {s}room_events UNION SELECT room FROM {s}members
                UNION SELECT room FROM {s}room_keys UNION SELECT room FROM {s}bans) x
            WHERE NOT EXISTS (SELECT 1 FROM {s}rooms r WHERE r.id = x.room)";
        members = "SELECT r.id, 'the room counts ' || r.members || ' members and has ' || m.n FROM {s}rooms r
            CROSS JOIN LATERAL (SELECT count(*) AS n FROM {s}members x WHERE x.room = r.id) m
            WHERE m.n <> r.members";
        pointers = "SELECT m.room, 'pointers of ' || m.user_id || ' out of order: ' || m.read || ', ' || m.delivered
            FROM {s}members m JOIN {s}rooms r ON r.id = m.room
            WHERE m.read > m.delivered OR m.delivered > r.head";
        ordinals = "WITH log AS (
                SELECT room, seq, ordinal, (kind <> 'system')::integer AS counts FROM {s}messages
                UNION ALL SELECT room, seq, ordinal, 0 FROM {s}room_events),
            counted AS (
                SELECT room, seq, ordinal, ordinal - sum(counts) OVER (PARTITION BY room ORDER BY seq) AS off FROM log)
            SELECT c.room, 'position ' || c.seq || ' has the ordinal ' || c.ordinal || ', not ' || (c.ordinal - c.off)
            FROM counted c JOIN {s}rooms r ON r.id = c.room WHERE c.off <> 0 AND NOT r.deleted";
        messages = "SELECT r.id, 'the room counts ' || r.messages || ' messages, its head ' || l.ordinal FROM {s}rooms r
            JOIN (SELECT room, seq, ordinal FROM {s}messages UNION ALL SELECT room, seq, ordinal FROM {s}room_events) l
            ON l.room = r.id AND l.seq = r.head WHERE l.ordinal <> r.messages";
        times = "WITH log AS (SELECT room, seq, at FROM {s}messages UNION ALL SELECT room, seq, at FROM {s}room_events),
            placed AS (SELECT room, seq, at, lag(at) OVER (PARTITION BY room ORDER BY seq) AS before FROM log)
            SELECT p.room, 'the time goes back at position ' || p.seq FROM placed p WHERE p.at < p.before";
        newest = "SELECT r.id, 'the newest message is ' || coalesce(n.seq::text, 'none') || ', not '
                || coalesce(r.newest::text, 'none')
            FROM {s}rooms r CROSS JOIN LATERAL (SELECT max(m.seq) AS seq FROM {s}messages m
                WHERE m.room = r.id AND NOT m.deleted) n WHERE n.seq IS DISTINCT FROM r.newest";
        tombstones = "SELECT m.room, 'something is left of the deleted message ' || m.seq FROM {s}messages m
            WHERE m.deleted AND (m.content <> '' OR m.mentions IS NOT NULL OR m.attachments IS NOT NULL
                OR m.metadata IS NOT NULL
                OR EXISTS (SELECT 1 FROM {s}edits x WHERE x.room = m.room AND x.target = m.seq)
                OR EXISTS (SELECT 1 FROM {s}reactions x WHERE x.room = m.room AND x.target = m.seq)
                OR EXISTS (SELECT 1 FROM {s}mentions x WHERE x.room = m.room AND x.seq = m.seq))";
        targets = "SELECT x.room, 'a ' || x.what || ' of ' || x.target || ', which is no message' FROM (
                SELECT 'version' AS what, room, target FROM {s}edits
                UNION SELECT 'reaction', room, target FROM {s}reactions
                UNION SELECT 'mention', room, seq FROM {s}mentions
                UNION SELECT 'change', room, target FROM {s}room_events WHERE kind = 'message_edited') x
            WHERE NOT EXISTS (SELECT 1 FROM {s}messages m WHERE m.room = x.room AND m.seq = x.target)";
        threads = "SELECT m.room, 'the thread of ' || m.seq || ' counts ' || m.replies || ' messages and has ' || t.n
            FROM {s}messages m JOIN (
                SELECT room, thread, count(*) AS n, max(seq) AS latest FROM {s}messages
                WHERE thread IS NOT NULL GROUP BY room, thread) t ON t.room = m.room AND t.thread = m.seq
            WHERE t.n <> m.replies OR t.latest IS DISTINCT FROM m.last_reply";
        dropped = "SELECT r.id, 'a deleted room with members, keys, bans or mutes' FROM {s}rooms r WHERE r.deleted AND (
                EXISTS (SELECT 1 FROM {s}members x WHERE x.room = r.id)
                OR EXISTS (SELECT 1 FROM {s}room_keys x WHERE x.room = r.id)
                OR EXISTS (SELECT 1 FROM {s}bans x WHERE x.room = r.id)
                OR EXISTS (SELECT 1 FROM {s}mutes x WHERE x.room = r.id))";
        mutes = "SELECT m.room, 'the mute of ' || m.user_id || ' is another than is listed' FROM {s}members m
            LEFT JOIN {s}mutes x ON x.room = m.room AND x.user_id = m.user_id
            WHERE m.muted_until IS NOT NULL AND m.muted_until IS DISTINCT FROM x.until";
        attachments = "SELECT x.room, 'file ' || x.id || ' is of ' || coalesce(x.seq, 0) || ', which does not carry it'
            FROM {s}attachments x LEFT JOIN {s}messages m ON m.room = x.room AND m.seq = x.seq
            WHERE x.room IS NOT NULL AND NOT x.removed AND (m.id IS NULL OR m.attachments IS NULL)";
        searchable = "SELECT x.room, 'what was searched for is left of ' || x.seq FROM {s}search x
            LEFT JOIN {s}messages m ON m.room = x.room AND m.seq = x.seq AND m.id = x.id
            WHERE m.id IS NULL OR m.deleted OR m.kind = 'system'";
        present = "SELECT relname::text FROM pg_catalog.pg_class WHERE relnamespace = to_regnamespace('\"{n}\"')
            UNION ALL SELECT proname::text FROM pg_catalog.pg_proc WHERE pronamespace = to_regnamespace('\"{n}\"')";
    }
}

impl VerifySql {
    const fn in_order(&self) -> [&SqlStr; 18] {
        [
            &self.meta,
            &self.counters,
            &self.holes,
            &self.heads,
            &self.homeless,
            &self.members,
            &self.pointers,
            &self.ordinals,
            &self.messages,
            &self.times,
            &self.newest,
            &self.tombstones,
            &self.targets,
            &self.threads,
            &self.dropped,
            &self.mutes,
            &self.attachments,
            &self.searchable,
        ]
    }
}

/// All findings, at most [`DAMAGE_MAX`].
pub(crate) async fn run(pool: &PgPool, schema: &str) -> sqlx::Result<Vec<Damage>> {
    let sql = VerifySql::new(schema);
    let mut tx = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
    let mut damage = absent(&mut tx, &sql.present).await?;
    if !damage.is_empty() {
        return Ok(damage);
    }
    for statement in sql.in_order() {
        let left = DAMAGE_MAX - damage.len();
        let rows = sqlx::query(statement.clone()).persistent(false).fetch_all(&mut *tx).await?;
        for row in rows.iter().take(left) {
            damage.push(Damage { room: row.try_get(0)?, what: row.try_get(1)? });
        }
    }
    for row in search::unfound(&mut tx, schema, DAMAGE_MAX - damage.len()).await? {
        damage.push(row);
    }
    tx.commit().await?;
    Ok(damage)
}

/// Tables, indexes, sequences and functions that are not there.
async fn absent(tx: &mut PgConnection, present: &SqlStr) -> sqlx::Result<Vec<Damage>> {
    let present: Vec<String> =
        sqlx::query_scalar(present.clone()).persistent(false).fetch_all(&mut *tx).await?;
    let wanted = migrate::names().filter(|name| !present.iter().any(|found| found == name));
    Ok(wanted.map(|name| Damage { room: None, what: format!("{name} is missing") }).collect())
}
