//! Rooms, members and bans.

use async_trait::async_trait;
use chat_core::{
    model::{Activity, Ban, Member, Membership, RoomEntry, RoomId, Seq, Timestamp, UserId},
    store::{
        PREVIEW_CHARS, RoomKey, RoomScope, RoomStore, RoomsQuery, StoreError, StoreErrorKind, UNREAD_CAP,
    },
};
use sqlx::postgres::PgRow;

use crate::{
    PostgresStore,
    columns::{Columns, limit_column, message_columns, room_columns},
    error::failed,
    pointer::unread_columns,
    sql::statements,
};

/// The entries of the rooms that `picked` names, for the viewer `$1`.
macro_rules! entries {
    ($picked:literal) => {
        concat!(
            "WITH picked AS MATERIALIZED (",
            $picked,
            ")
             SELECT ",
            room_columns!(),
            ", r.head, r.at, r.members, v.role, ",
            unread_columns!(),
            ",
                 CASE WHEN r.kind = 'direct' AND v.user_id IS NOT NULL THEN
                     (SELECT o.user_id FROM {s}members o WHERE o.room = r.id AND o.user_id <> $1::text
                     ORDER BY o.user_id LIMIT 1)
                 END, ",
            message_columns!(),
            "
             FROM picked JOIN {s}rooms r ON r.id = picked.id
             LEFT JOIN {s}members v ON v.room = r.id AND v.user_id = $1::text
             LEFT JOIN {s}messages m ON m.room = r.id AND m.seq = r.newest
                 AND ($1::text IS NULL OR v.user_id IS NOT NULL) AND m.seq > coalesce(v.visible_from, 0)
             ORDER BY r.at DESC, r.id DESC"
        )
    };
}

/// A user's standing in rooms of a table called `r`, where the user's row is called `m`.
macro_rules! memberships {
    ($from:literal) => {
        concat!(
            "SELECT r.id, m.role, r.head, m.visible_from, r.members FROM ",
            $from,
            " ORDER BY r.at DESC, r.id DESC LIMIT $2"
        )
    };
}

statements! {
    /// Reading rooms.
    RoomSql {
        find = "SELECT room FROM {s}room_keys WHERE kind = $1 AND a = $2 AND b = $3";
        memberships = memberships!("{s}members m JOIN {s}rooms r ON r.id = m.room WHERE m.user_id = $1");
        memberships_in = memberships!("(SELECT DISTINCT n.id FROM unnest($3::bigint[]) AS n (id)) n
            JOIN {s}members m ON m.room = n.id AND m.user_id = $1 JOIN {s}rooms r ON r.id = m.room");
        joined = entries!("SELECT r.id FROM {s}members j JOIN {s}rooms r ON r.id = j.room
            WHERE j.user_id = $1::text AND (r.at, r.id) < ($2, $3) ORDER BY r.at DESC, r.id DESC LIMIT $4");
        public = entries!("SELECT r.id FROM {s}rooms r
            WHERE r.listed_at IS NOT NULL AND (r.listed_at, r.id) < ($2, $3)
                AND ($5::text = '' OR strpos(r.name_folded, $5) > 0)
            ORDER BY r.listed_at DESC, r.id DESC LIMIT $4");
        these = entries!("SELECT r.id FROM (SELECT DISTINCT n.id FROM unnest($5::bigint[]) AS n (id)) n
            JOIN {s}rooms r ON r.id = n.id WHERE NOT r.deleted AND (r.at, r.id) < ($2, $3)
            ORDER BY r.at DESC, r.id DESC LIMIT $4");
        members = "SELECT user_id, role, joined_at, muted_until FROM {s}members
            WHERE room = $1 AND user_id > $2 ORDER BY user_id LIMIT $3";
        // Their names sort as the roles do, the other way round.
        members_of = "SELECT n.id, m.user_id, m.role, m.joined_at, m.muted_until
            FROM (SELECT DISTINCT n.id FROM unnest($1::bigint[]) AS n (id)) n
            CROSS JOIN LATERAL (SELECT l.user_id, l.role, l.joined_at, l.muted_until FROM {s}members l
                WHERE l.room = n.id ORDER BY l.role DESC, l.user_id LIMIT $2) m
            ORDER BY n.id, m.role DESC, m.user_id";
        acquaintances = "SELECT DISTINCT o.user_id FROM {s}members m
            JOIN {s}rooms r ON r.id = m.room AND r.members <= $2
            JOIN {s}members o ON o.room = m.room AND o.user_id <> m.user_id
            WHERE m.user_id = $1 ORDER BY o.user_id LIMIT $3";
        acquaintances_in = "SELECT n.id FROM (
                SELECT DISTINCT n.id COLLATE \"C\" AS id FROM unnest($4::text[]) AS n (id)) n
            WHERE n.id <> $1 AND EXISTS (
                SELECT 1 FROM {s}members m JOIN {s}members o ON o.room = m.room AND o.user_id = n.id
                JOIN {s}rooms r ON r.id = m.room WHERE m.user_id = $1 AND r.members <= $2)
            ORDER BY n.id LIMIT $3";
        bans = "SELECT user_id, banned_by, at, until FROM {s}bans WHERE room = $1
            ORDER BY at DESC, user_id LIMIT $2";
    }
}

/// The row of a key; none for a kind that this version does not know.
pub(crate) fn key_columns(key: &RoomKey) -> Option<(&'static str, &str, &str)> {
    match key {
        RoomKey::Direct(a, b) => Some(("direct", a.as_str(), b.as_str())),
        RoomKey::Subject(subject) => Some(("subject", subject, "")),
        RoomKey::Made(maker, client_id) => Some(("made", maker.as_str(), client_id.as_str())),
        RoomKey::Imported(id) => Some(("imported", id, "")),
        _ => None,
    }
}

#[async_trait]
impl RoomStore for PostgresStore {
    async fn find_room(&self, key: &RoomKey) -> Result<Option<RoomId>, StoreError> {
        const OPERATION: &str = "find_room";
        let unknown =
            || StoreError::new(StoreErrorKind::Internal, OPERATION).with_source("a new kind of key");
        let (kind, a, b) = key_columns(key).ok_or_else(unknown)?;
        let asked = self.ask(&self.sql().room.find).bind(kind).bind(a.to_owned()).bind(b.to_owned());
        let rows = self.read(OPERATION, asked).await?;
        rows.first().map(|row| Columns::of(row).room_id()).transpose().map_err(failed(OPERATION))
    }

    async fn memberships(
        &self,
        user: &UserId,
        rooms: Option<&[RoomId]>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        const OPERATION: &str = "memberships";
        let sql = &self.sql().room;
        let statement = if rooms.is_some() { &sql.memberships_in } else { &sql.memberships };
        let mut asked = self.ask(statement).bind(user.as_str().to_owned()).bind(limit_column(limit));
        if let Some(rooms) = rooms {
            asked = asked.bind(ids(rooms));
        }
        let rows = self.read(OPERATION, asked).await?;
        let membership = |row: &PgRow| {
            let mut columns = Columns::of(row);
            Ok(Membership {
                room: columns.room_id()?,
                role: columns.role()?,
                head: columns.seq()?,
                visible_from: columns.seq()?,
                member_count: columns.count()?,
            })
        };
        rows.iter().map(membership).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn rooms(&self, query: &RoomsQuery) -> Result<Vec<RoomEntry>, StoreError> {
        const OPERATION: &str = "rooms";
        let sql = &self.sql().room;
        let statement = match &query.scope {
            RoomScope::Joined => &sql.joined,
            RoomScope::Public(_) => &sql.public,
            RoomScope::These(_) => &sql.these,
        };
        let before = query.before.map_or((i64::MAX, i64::MAX), |a| (a.at.as_micros(), a.room.get()));
        let mut asked = self
            .ask(statement)
            .bind(query.viewer.as_ref().map(|user| user.as_str().to_owned()))
            .bind(before.0)
            .bind(before.1)
            .bind(limit_column(query.limit));
        match &query.scope {
            RoomScope::Joined => {}
            RoomScope::Public(text) => asked = asked.bind(text.to_lowercase()),
            RoomScope::These(rooms) => asked = asked.bind(ids(rooms)),
        }
        let rows = self.read(OPERATION, asked).await?;
        rows.iter().map(entry).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn members(
        &self,
        room: RoomId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError> {
        const OPERATION: &str = "members";
        let asked = self
            .ask(&self.sql().room.members)
            .bind(room.get())
            // No user id is empty, so that every one is above.
            .bind(after.map_or("", UserId::as_str).to_owned())
            .bind(limit_column(limit));
        let rows = self.read(OPERATION, asked).await?;
        let member = |row: &PgRow| {
            let mut columns = Columns::of(row);
            let user = columns.user()?;
            columns.member(user)
        };
        rows.iter().map(member).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn members_of(
        &self,
        rooms: &[RoomId],
        limit: usize,
    ) -> Result<Vec<(RoomId, Vec<Member>)>, StoreError> {
        const OPERATION: &str = "members_of";
        let asked = self.ask(&self.sql().room.members_of).bind(ids(rooms)).bind(limit_column(limit));
        let rows = self.read(OPERATION, asked).await?;
        by_room(&rows).map_err(failed(OPERATION))
    }

    async fn acquaintances(
        &self,
        user: &UserId,
        users: &[UserId],
        room_size_max: u32,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        const OPERATION: &str = "acquaintances";
        let sql = &self.sql().room;
        let statement = if users.is_empty() { &sql.acquaintances } else { &sql.acquaintances_in };
        let mut asked = self
            .ask(statement)
            .bind(user.as_str().to_owned())
            .bind(i64::from(room_size_max))
            .bind(limit_column(limit));
        if !users.is_empty() {
            asked = asked.bind(users.iter().map(|user| user.as_str().to_owned()).collect::<Vec<_>>());
        }
        let rows = self.read(OPERATION, asked).await?;
        let other = |row: &PgRow| Columns::of(row).user();
        rows.iter().map(other).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn bans(&self, room: RoomId, limit: usize) -> Result<Vec<Ban>, StoreError> {
        const OPERATION: &str = "bans";
        let asked = self.ask(&self.sql().room.bans).bind(room.get()).bind(limit_column(limit));
        let rows = self.read(OPERATION, asked).await?;
        let ban = |row: &PgRow| {
            let mut columns = Columns::of(row);
            Ok(Ban {
                user: columns.user()?,
                by: columns.user_opt()?,
                at: columns.time()?,
                until: columns.time_opt()?,
            })
        };
        rows.iter().map(ban).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }
}

/// Rooms as a list of numbers.
pub(crate) fn ids(rooms: &[RoomId]) -> Vec<i64> {
    rooms.iter().map(|room| room.get()).collect()
}

/// Members of rooms, from rows that come room by room.
fn by_room(rows: &[PgRow]) -> sqlx::Result<Vec<(RoomId, Vec<Member>)>> {
    let mut found: Vec<(RoomId, Vec<Member>)> = Vec::new();
    for row in rows {
        let mut columns = Columns::of(row);
        let (room, user) = (columns.room_id()?, columns.user()?);
        let member = columns.member(user)?;
        match found.last_mut() {
            Some((last, members)) if *last == room => members.push(member),
            _ => found.push((room, vec![member])),
        }
    }
    Ok(found)
}

fn entry(row: &PgRow) -> sqlx::Result<RoomEntry> {
    let mut columns = Columns::of(row);
    let room = columns.room()?;
    let (head, at, member_count): (Seq, Timestamp, u32) = (columns.seq()?, columns.time()?, columns.count()?);
    let role = if columns.peek_is_null()? {
        columns.skip(1);
        None
    } else {
        Some(columns.role()?)
    };
    let unread = columns.unread(UNREAD_CAP)?;
    let peer = columns.user_opt()?;
    let mut last_message = if columns.peek_is_null()? { None } else { Some(columns.message()?) };
    if let Some(message) = &mut last_message {
        message.shorten(PREVIEW_CHARS);
    }
    Ok(RoomEntry {
        activity: Activity { at, room: room.id },
        room,
        role,
        peer,
        head,
        updated_at: at,
        member_count,
        read: unread.read,
        unread: unread.unread,
        mentions: unread.mentions,
        last_message,
    })
}
