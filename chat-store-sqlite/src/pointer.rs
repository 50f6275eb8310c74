//! Read and delivered pointers, and what is unread.

use std::collections::HashMap;

use async_trait::async_trait;
use chat_core::{
    model::{Pointer, RoomId, Seq, Unread, UserId},
    store::{PointerMove, PointerStore, StoreError, UNREAD_CAP},
};
use sqlx::sqlite::SqliteRow;

use crate::{
    SqliteStore,
    columns::{Columns, limit_column, seq_column},
    error::{damaged, failed, unknown},
    rows::{Rows, list},
    sql::statements,
    store::Tx,
};

/// Columns that [`Columns::unread`] reads: of the member `v` of the room `r`, for the user `?1`.
macro_rules! unread_columns {
    () => {
        "v.read, r.messages - coalesce(
             (SELECT u.ordinal FROM {p}messages u WHERE u.room = r.id AND u.seq = v.read),
             (SELECT u.ordinal FROM {p}room_events u WHERE u.room = r.id AND u.seq = v.read), 0),
         (SELECT count(*) FROM (
             SELECT 1 FROM {p}mentions u WHERE u.user = ?1 AND u.room = r.id AND u.seq > v.read LIMIT 1000))"
    };
}

pub(crate) use unread_columns;

statements! {
    /// Reading and moving pointers.
    PointerSql {
        load = "SELECT n.key, v.read, v.delivered, r.head FROM json_each(?1) n
            CROSS JOIN {p}members v ON v.room = n.value ->> 0 AND v.user = n.value ->> 1
            CROSS JOIN {p}rooms r ON r.id = v.room";
        store = "UPDATE {p}members AS m SET read = n.value ->> 2, delivered = n.value ->> 3
            FROM json_each(?1) n WHERE m.room = n.value ->> 0 AND m.user = n.value ->> 1";
        pointers = "SELECT user, read, delivered FROM {p}members WHERE room = ?1 ORDER BY user LIMIT ?2";
        unread = concat!("SELECT r.id, ", unread_columns!(), " FROM json_each(?2) n
            CROSS JOIN {p}members v ON v.room = n.value AND v.user = ?1
            CROSS JOIN {p}rooms r ON r.id = v.room ORDER BY n.key");
    }
}

impl Columns<'_> {
    /// What is unread; nothing where the viewer is no member. `cap` bounds both counts.
    pub(crate) fn unread(&mut self, cap: u32) -> sqlx::Result<Unread> {
        if self.peek_is_null()? {
            self.skip(3);
            return Ok(Unread::default());
        }
        let (read, unread, mentions) = (self.seq()?, self.count::<u64>()?, self.count::<u32>()?);
        let unread = u32::try_from(unread).unwrap_or(cap).min(cap);
        Ok(Unread { read, unread, mentions: mentions.min(cap) })
    }
}

#[async_trait]
impl PointerStore for SqliteStore {
    async fn advance(&self, moves: &[PointerMove]) -> Result<Vec<Option<Pointer>>, StoreError> {
        const OPERATION: &str = "advance";
        if moves.is_empty() {
            return Ok(Vec::new());
        }
        let sql = &self.sql().pointer;
        let mut tx = self.write(OPERATION).await?;
        let mut standing = load(&mut tx, sql, moves).await.map_err(failed(OPERATION))?;
        let mut answers = Vec::with_capacity(moves.len());
        for wanted in moves {
            let key = (wanted.room, &wanted.user);
            answers.push(standing.get_mut(&key).map(|row| row.advance(wanted)));
        }
        let mut rows = Rows::default();
        for ((room, user), row) in standing.iter().filter(|(_, row)| row.moved) {
            rows.push(|r| {
                r.put(room).put(user).put(seq_column(row.read)).put(seq_column(row.delivered));
            });
        }
        if !rows.is_empty() {
            sqlx::query(sql.store.clone())
                .bind(rows.into_json())
                .execute(&mut *tx)
                .await
                .map_err(failed(OPERATION))?;
            tx.commit().await.map_err(unknown(OPERATION))?;
        }
        Ok(answers)
    }

    async fn pointers(&self, room: RoomId, limit: usize) -> Result<Vec<Pointer>, StoreError> {
        const OPERATION: &str = "pointers";
        let mut tx = self.read(OPERATION).await?;
        let rows = sqlx::query(self.sql().pointer.pointers.clone())
            .bind(room.get())
            .bind(limit_column(limit))
            .fetch_all(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        let pointer = |row: &SqliteRow| {
            let mut columns = Columns::of(row);
            Ok(Pointer { user: columns.user()?, read: columns.seq()?, delivered: columns.seq()? })
        };
        rows.iter().map(pointer).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn unread(&self, user: &UserId, rooms: &[RoomId]) -> Result<Vec<(RoomId, Unread)>, StoreError> {
        const OPERATION: &str = "unread";
        let mut tx = self.read(OPERATION).await?;
        let rows = sqlx::query(self.sql().pointer.unread.clone())
            .bind(user.as_str().to_owned())
            .bind(list(rooms))
            .fetch_all(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        let unread = |row: &SqliteRow| {
            let mut columns = Columns::of(row);
            Ok((columns.room_id()?, columns.unread(UNREAD_CAP)?))
        };
        rows.iter().map(unread).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }
}

/// A member's pointers, being moved.
struct Standing {
    read: Seq,
    delivered: Seq,
    head: Seq,
    moved: bool,
}

impl Standing {
    fn advance(&mut self, wanted: &PointerMove) -> Pointer {
        let before = (self.read, self.delivered);
        self.read = self.read.max(wanted.read.min(self.head));
        self.delivered = self.delivered.max(wanted.delivered.min(self.head)).max(self.read);
        self.moved |= before != (self.read, self.delivered);
        Pointer { user: wanted.user.clone(), read: self.read, delivered: self.delivered }
    }
}

/// The pointers of the members that `moves` name.
async fn load<'m>(
    tx: &mut Tx,
    sql: &PointerSql,
    moves: &'m [PointerMove],
) -> sqlx::Result<HashMap<(RoomId, &'m UserId), Standing>> {
    let mut wanted = Rows::default();
    for moved in moves {
        wanted.push(|row| _ = row.put(moved.room).put(&moved.user));
    }
    let rows = sqlx::query(sql.load.clone()).bind(wanted.into_json()).fetch_all(&mut **tx).await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in &rows {
        let mut columns = Columns::of(row);
        let moved = moves.get(columns.index()?).ok_or_else(|| damaged("a row for no pointer"))?;
        let (read, delivered, head) = (columns.seq()?, columns.seq()?, columns.seq()?);
        found.insert((moved.room, &moved.user), Standing { read, delivered, head, moved: false });
    }
    Ok(found)
}
