//! Looks for damage.

use std::fmt;

use sqlx::{Row as _, SqlStr};

use crate::{migrate, search, sql::statements, store::Tx};

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
    /// Each gives a row `(room, what)` for each finding.
    VerifySql {
        file = "SELECT NULL, 'the file: ' || quick_check FROM pragma_quick_check WHERE quick_check <> 'ok'";
        meta = "SELECT NULL, 'there are ' || count(*) || ' rows of counters, not one' FROM {p}meta
            HAVING count(*) <> 1";
        counters = "SELECT NULL, 'an id above the greatest that was given' FROM {p}meta
            WHERE last_room < ifnull((SELECT max(id) FROM {p}rooms), 0)
                OR last_message < ifnull((SELECT max(id) FROM {p}messages), 0)";
        holes = "WITH log AS (
                SELECT room, seq FROM {p}messages UNION ALL SELECT room, seq FROM {p}room_events),
            placed AS (
                SELECT room, seq, lag(seq) OVER (PARTITION BY room ORDER BY seq) AS before FROM log)
            SELECT r.id, 'position ' || (ifnull(p.before, r.floor) + 1) || CASE
                    WHEN p.seq <= ifnull(p.before, r.floor) THEN ' is there again, as ' || p.seq
                    ELSE ' is missing, up to ' || (p.seq - 1) END
            FROM placed p JOIN {p}rooms r ON r.id = p.room WHERE p.seq <> ifnull(p.before, r.floor) + 1";
        heads = "SELECT r.id, 'the head is ' || r.head || ', the latest position is ' || l.latest FROM {p}rooms r
            JOIN (SELECT i.id, max(
                    ifnull((SELECT max(seq) FROM {p}messages m WHERE m.room = i.id), 0),
                    ifnull((SELECT max(seq) FROM {p}room_events e WHERE e.room = i.id), 0)) AS latest
                FROM {p}rooms i) l ON l.id = r.id
            WHERE l.latest <> r.head";
        homeless = "SELECT room, 'a row without its room' FROM (
                SELECT room FROM {p}messages UNION SELECT room FROM {p}room_events UNION SELECT room FROM {p}members
                UNION SELECT room FROM {p}room_keys UNION SELECT room FROM {p}bans)
            WHERE room NOT IN (SELECT id FROM {p}rooms)";
        members = "SELECT r.id, 'the room counts ' || r.members || ' members and has ' || m.n FROM {p}rooms r
            JOIN (SELECT i.id, (SELECT count(*) FROM {p}members x WHERE x.room = i.id) AS n FROM {p}rooms i) m
            ON m.id = r.id WHERE m.n <> r.members";
        pointers = "SELECT m.room, 'pointers of ' || m.user || ' out of order: ' || m.read || ', ' || m.delivered
            FROM {p}members m JOIN {p}rooms r ON r.id = m.room
            WHERE m.read > m.delivered OR m.delivered > r.head";
        ordinals = "WITH log AS (
                SELECT room, seq, ordinal, kind <> 'system' AS counts FROM {p}messages
                UNION ALL SELECT room, seq, ordinal, 0 FROM {p}room_events),
            counted AS (
                SELECT room, seq, ordinal, ordinal - sum(counts) OVER (PARTITION BY room ORDER BY seq) AS off FROM log)
            SELECT c.room, 'position ' || c.seq || ' has the ordinal ' || c.ordinal || ', not ' || (c.ordinal - c.off)
            FROM counted c JOIN {p}rooms r ON r.id = c.room WHERE c.off <> 0 AND r.deleted = 0";
        messages = "SELECT r.id, 'the room counts ' || r.messages || ' messages, its head ' || l.ordinal FROM {p}rooms r
            JOIN (SELECT room, seq, ordinal FROM {p}messages UNION ALL SELECT room, seq, ordinal FROM {p}room_events) l
            ON l.room = r.id AND l.seq = r.head WHERE l.ordinal <> r.messages";
        newest = "SELECT r.id, 'the newest message is ' || ifnull(n.seq, 'none') || ', not ' || ifnull(r.newest, 'none')
            FROM {p}rooms r JOIN (SELECT i.id, (SELECT max(m.seq) FROM {p}messages m
                WHERE m.room = i.id AND m.deleted = 0) AS seq FROM {p}rooms i) n ON n.id = r.id
            WHERE n.seq IS NOT r.newest";
        tombstones = "SELECT m.room, 'something is left of the deleted message ' || m.seq FROM {p}messages m
            WHERE m.deleted <> 0 AND (m.content <> '' OR m.mentions IS NOT NULL OR m.attachments IS NOT NULL
                OR m.metadata IS NOT NULL
                OR EXISTS (SELECT 1 FROM {p}edits x WHERE x.room = m.room AND x.target = m.seq)
                OR EXISTS (SELECT 1 FROM {p}reactions x WHERE x.room = m.room AND x.target = m.seq)
                OR EXISTS (SELECT 1 FROM {p}mentions x WHERE x.room = m.room AND x.seq = m.seq))";
        targets = "SELECT x.room, 'a ' || x.what || ' of ' || x.target || ', which is no message' FROM (
                SELECT 'version' AS what, room, target FROM {p}edits
                UNION SELECT 'reaction', room, target FROM {p}reactions
                UNION SELECT 'mention', room, seq FROM {p}mentions
                UNION SELECT 'change', room, target FROM {p}room_events WHERE kind = 'message_edited') x
            WHERE NOT EXISTS (SELECT 1 FROM {p}messages m WHERE m.room = x.room AND m.seq = x.target)";
        threads = "SELECT m.room, 'the thread of ' || m.seq || ' counts ' || m.replies || ' messages and has ' || t.n
            FROM {p}messages m JOIN (
                SELECT room, thread, count(*) AS n, max(seq) AS latest FROM {p}messages
                WHERE thread IS NOT NULL GROUP BY room, thread) t ON t.room = m.room AND t.thread = m.seq
            WHERE t.n <> m.replies OR t.latest IS NOT m.last_reply";
        dropped = "SELECT r.id, 'a deleted room with members, keys, bans or mutes' FROM {p}rooms r WHERE r.deleted <> 0 AND (
                EXISTS (SELECT 1 FROM {p}members x WHERE x.room = r.id)
                OR EXISTS (SELECT 1 FROM {p}room_keys x WHERE x.room = r.id)
                OR EXISTS (SELECT 1 FROM {p}bans x WHERE x.room = r.id)
                OR EXISTS (SELECT 1 FROM {p}mutes x WHERE x.room = r.id))";
        mutes = "SELECT m.room, 'the mute of ' || m.user || ' is another than is listed' FROM {p}members m
            LEFT JOIN {p}mutes x ON x.room = m.room AND x.user = m.user
            WHERE m.muted_until IS NOT NULL AND m.muted_until IS NOT x.until";
        attachments = "SELECT x.room, 'file ' || x.id || ' is of ' || coalesce(x.seq, 0) || ', which does not carry it'
            FROM {p}attachments x LEFT JOIN {p}messages m ON m.room = x.room AND m.seq = x.seq
            WHERE x.room IS NOT NULL AND x.removed = 0 AND (m.id IS NULL OR m.attachments IS NULL)";
        searchable = "SELECT m.room, 'what was searched for is left of ' || ifnull(m.seq, x.id)
            FROM {p}search_docsize x LEFT JOIN {p}messages m ON m.id = x.id
            WHERE m.id IS NULL OR m.deleted <> 0 OR m.kind = 'system'";
    }
}

impl VerifySql {
    const fn in_order(&self) -> [&SqlStr; 18] {
        [
            &self.file,
            &self.meta,
            &self.counters,
            &self.holes,
            &self.heads,
            &self.homeless,
            &self.members,
            &self.pointers,
            &self.ordinals,
            &self.messages,
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
pub(crate) async fn run(tx: &mut Tx, prefix: &str) -> sqlx::Result<Vec<Damage>> {
    let mut damage = absent(tx, prefix).await?;
    if !damage.is_empty() {
        return Ok(damage);
    }
    let sql = VerifySql::new(prefix);
    for statement in sql.in_order() {
        let rows = sqlx::query(statement.clone()).fetch_all(&mut **tx).await?;
        for row in rows.iter().take(DAMAGE_MAX - damage.len()) {
            damage.push(Damage { room: row.try_get(0)?, what: row.try_get(1)? });
        }
    }
    for row in search::unfound(tx, prefix, DAMAGE_MAX - damage.len()).await? {
        damage.push(Damage { room: row.try_get(0)?, what: row.try_get(1)? });
    }
    damage.truncate(DAMAGE_MAX);
    Ok(damage)
}

/// Tables and indexes that are not there.
async fn absent(tx: &mut Tx, prefix: &str) -> sqlx::Result<Vec<Damage>> {
    let present: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema").fetch_all(&mut **tx).await?;
    let wanted = migrate::names(prefix).into_iter().filter(|name| !present.contains(name));
    Ok(wanted.map(|name| Damage { room: None, what: format!("{name} is missing") }).collect())
}
