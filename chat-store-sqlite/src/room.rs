//! Rooms, members and bans.

use async_trait::async_trait;
use chat_core::{
    model::{Activity, Ban, Member, Membership, RoomEntry, RoomId, Seq, Timestamp, UserId},
    store::{
        PREVIEW_CHARS, RoomKey, RoomScope, RoomStore, RoomsQuery, StoreError, StoreErrorKind, UNREAD_CAP,
    },
};
use sqlx::sqlite::SqliteRow;

use crate::{
    SqliteStore,
    columns::{Columns, limit_column, message_columns, room_columns},
    error::failed,
    pointer::unread_columns,
    rows::list,
    sql::statements,
};

/// The entries of the rooms that `picked` names, for the viewer `?1`.
macro_rules! entries {
    ($picked:literal) => {
        concat!(
            "WITH picked AS (", $picked, ")
             SELECT ", room_columns!(), ", r.head, r.at, r.members, v.role, ", unread_columns!(), ",
                 CASE WHEN r.kind = 'direct' AND v.user IS NOT NULL THEN
                     (SELECT o.user FROM {p}members o WHERE o.room = r.id AND o.user <> ?1 ORDER BY o.user LIMIT 1)
                 END, ", message_columns!(), "
             FROM picked CROSS JOIN {p}rooms r ON r.id = picked.id
             LEFT JOIN {p}members v ON v.room = r.id AND v.user = ?1
             LEFT JOIN {p}messages m ON m.room = r.id AND m.seq = r.newest
                 AND (?1 IS NULL OR v.user IS NOT NULL) AND m.seq > ifnull(v.visible_from, 0)
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
            " ORDER BY r.at DESC, r.id DESC LIMIT ?2"
        )
    };
}

statements! {
    /// Reading rooms.
    RoomSql {
        find = "SELECT room FROM {p}room_keys WHERE kind = ?1 AND a = ?2 AND b = ?3";
        memberships = memberships!("{p}members m CROSS JOIN {p}rooms r ON r.id = m.room WHERE m.user = ?1");
        memberships_in = memberships!("(SELECT DISTINCT value FROM json_each(?3)) n
            CROSS JOIN {p}members m ON m.room = n.value AND m.user = ?1 CROSS JOIN {p}rooms r ON r.id = m.room");
        joined = entries!("SELECT r.id FROM {p}members j CROSS JOIN {p}rooms r ON r.id = j.room
            WHERE j.user = ?1 AND (r.at, r.id) < (?2, ?3) ORDER BY r.at DESC, r.id DESC LIMIT ?4");
        public = entries!("SELECT r.id FROM {p}rooms r
            WHERE r.kind = 'public' AND r.deleted = 0 AND (r.at, r.id) < (?2, ?3)
                AND (?5 = '' OR instr(r.name_folded, ?5) > 0)
            ORDER BY r.at DESC, r.id DESC LIMIT ?4");
        these = entries!("SELECT r.id FROM (SELECT DISTINCT value FROM json_each(?5)) n
            CROSS JOIN {p}rooms r ON r.id = n.value WHERE r.deleted = 0 AND (r.at, r.id) < (?2, ?3)
            ORDER BY r.at DESC, r.id DESC LIMIT ?4");
        members = "SELECT user, role, joined_at, muted_until FROM {p}members
            WHERE room = ?1 AND user > ?2 ORDER BY user LIMIT ?3";
        // Their names sort as the roles do, the other way round.
        members_of = "SELECT room, user, role, joined_at, muted_until FROM (
                SELECT m.*, row_number() OVER (PARTITION BY m.room ORDER BY m.role DESC, m.user) AS place
                FROM (SELECT DISTINCT value FROM json_each(?1)) n CROSS JOIN {p}members m ON m.room = n.value)
            WHERE place <= ?2 ORDER BY room, place";
        acquaintances = "SELECT DISTINCT o.user FROM {p}members m
            CROSS JOIN {p}rooms r ON r.id = m.room AND r.members <= ?2
            CROSS JOIN {p}members o ON o.room = m.room AND o.user <> m.user
            WHERE m.user = ?1 ORDER BY o.user LIMIT ?3";
        acquaintances_in = "SELECT n.value FROM (SELECT DISTINCT value FROM json_each(?4)) n
            WHERE n.value <> ?1 AND EXISTS (
                SELECT 1 FROM {p}members m CROSS JOIN {p}members o ON o.room = m.room AND o.user = n.value
                CROSS JOIN {p}rooms r ON r.id = m.room WHERE m.user = ?1 AND r.members <= ?2)
            ORDER BY n.value LIMIT ?3";
        bans = "SELECT user, banned_by, at, until FROM {p}bans WHERE room = ?1
            ORDER BY at DESC, user LIMIT ?2";
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
impl RoomStore for SqliteStore {
    async fn find_room(&self, key: &RoomKey) -> Result<Option<RoomId>, StoreError> {
        const OPERATION: &str = "find_room";
        let unknown =
            || StoreError::new(StoreErrorKind::Internal, OPERATION).with_source("a new kind of key");
        let (kind, a, b) = key_columns(key).ok_or_else(unknown)?;
        let mut tx = self.read(OPERATION).await?;
        let row = sqlx::query(self.sql().room.find.clone())
            .bind(kind)
            .bind(a.to_owned())
            .bind(b.to_owned())
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        row.map(|row| Columns::of(&row).room_id()).transpose().map_err(failed(OPERATION))
    }

    async fn memberships(
        &self,
        user: &UserId,
        rooms: Option<&[RoomId]>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        const OPERATION: &str = "memberships";
        let sql = &self.sql().room;
        let mut tx = self.read(OPERATION).await?;
        let statement = if rooms.is_some() { &sql.memberships_in } else { &sql.memberships };
        let mut query =
            sqlx::query(statement.clone()).bind(user.as_str().to_owned()).bind(limit_column(limit));
        if let Some(rooms) = rooms {
            query = query.bind(list(rooms));
        }
        let rows = query.fetch_all(&mut *tx).await.map_err(failed(OPERATION))?;
        let membership = |row: &SqliteRow| {
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
        let (statement, last) = match &query.scope {
            RoomScope::Joined => (&sql.joined, None),
            RoomScope::Public(text) => (&sql.public, Some(text.to_lowercase())),
            RoomScope::These(rooms) => (&sql.these, Some(list(rooms))),
        };
        let before = query.before.map_or((i64::MAX, i64::MAX), |a| (a.at.as_micros(), a.room.get()));
        let mut tx = self.read(OPERATION).await?;
        let mut asked = sqlx::query(statement.clone())
            .bind(query.viewer.as_ref().map(|user| user.as_str().to_owned()))
            .bind(before.0)
            .bind(before.1)
            .bind(limit_column(query.limit));
        if let Some(last) = last {
            asked = asked.bind(last);
        }
        let rows = asked.fetch_all(&mut *tx).await.map_err(failed(OPERATION))?;
        rows.iter().map(entry).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn members(
        &self,
        room: RoomId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError> {
        const OPERATION: &str = "members";
        let mut tx = self.read(OPERATION).await?;
        let rows = sqlx::query(self.sql().room.members.clone())
            .bind(room.get())
            // No user id is empty, so that every one is above.
            .bind(after.map_or("", UserId::as_str).to_owned())
            .bind(limit_column(limit))
            .fetch_all(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        let member = |row: &SqliteRow| {
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
        let mut tx = self.read(OPERATION).await?;
        let rows = sqlx::query(self.sql().room.members_of.clone())
            .bind(list(rooms))
            .bind(limit_column(limit))
            .fetch_all(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
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
        let mut tx = self.read(OPERATION).await?;
        let mut query = sqlx::query(statement.clone())
            .bind(user.as_str().to_owned())
            .bind(i64::from(room_size_max))
            .bind(limit_column(limit));
        if !users.is_empty() {
            query = query.bind(list(users));
        }
        let rows = query.fetch_all(&mut *tx).await.map_err(failed(OPERATION))?;
        let other = |row: &SqliteRow| Columns::of(row).user();
        rows.iter().map(other).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn bans(&self, room: RoomId, limit: usize) -> Result<Vec<Ban>, StoreError> {
        const OPERATION: &str = "bans";
        let mut tx = self.read(OPERATION).await?;
        let rows = sqlx::query(self.sql().room.bans.clone())
            .bind(room.get())
            .bind(limit_column(limit))
            .fetch_all(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        let ban = |row: &SqliteRow| {
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

/// Members of rooms, from rows that come room by room.
fn by_room(rows: &[SqliteRow]) -> sqlx::Result<Vec<(RoomId, Vec<Member>)>> {
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

fn entry(row: &SqliteRow) -> sqlx::Result<RoomEntry> {
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
