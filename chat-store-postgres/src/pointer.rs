//! Read and delivered pointers, and what is unread.

use std::collections::HashMap;

use async_trait::async_trait;
use chat_core::{
    model::{Pointer, RoomId, Seq, Unread, UserId},
    store::{PointerMove, PointerStore, StoreError, StoreErrorKind, UNREAD_CAP},
};
use sqlx::postgres::PgRow;

use crate::{
    PostgresStore,
    columns::{Columns, limit_column, seq_column},
    error::failed,
    room::ids,
    sql::statements,
    store::Asked,
};

/// Columns that [`Columns::unread`] reads: of the member `v` of the room `r`, for the user `$1`.
macro_rules! unread_columns {
    () => {
        "v.read, r.messages - coalesce(
             (SELECT u.ordinal FROM {s}messages u WHERE u.room = r.id AND u.seq = v.read),
             (SELECT u.ordinal FROM {s}room_events u WHERE u.room = r.id AND u.seq = v.read), 0),
         (SELECT count(*) FROM (
             SELECT 1 FROM {s}mentions u WHERE u.user_id = $1::text AND u.room = r.id AND u.seq > v.read
             LIMIT 1000) u)"
    };
}

pub(crate) use unread_columns;

statements! {
    /// Reading and moving pointers.
    PointerSql {
        advance = "SELECT o_room, o_user, o_read, o_delivered, o_head FROM {s}advance_v1($1, $2, $3, $4, $5)";
        pointers = "SELECT user_id, read, delivered FROM {s}members WHERE room = $1 ORDER BY user_id LIMIT $2";
        unread = concat!("SELECT r.id, ", unread_columns!(), "
            FROM unnest($2::bigint[]) WITH ORDINALITY AS n (id, ord)
            JOIN {s}members v ON v.room = n.id AND v.user_id = $1::text
            JOIN {s}rooms r ON r.id = v.room ORDER BY n.ord");
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
impl PointerStore for PostgresStore {
    async fn advance(&self, moves: &[PointerMove]) -> Result<Vec<Option<Pointer>>, StoreError> {
        const OPERATION: &str = "advance";
        if moves.is_empty() {
            return Ok(Vec::new());
        }
        let all: Vec<&PointerMove> = moves.iter().collect();
        let rows = self.write(OPERATION, || self.ask_advance(&all, false)).await?;
        let mut standing = HashMap::with_capacity(rows.len());
        note(&rows, &mut standing).map_err(failed(OPERATION))?;
        // No members, or held by someone: these alone are waited for.
        let left: Vec<&PointerMove> = moves
            .iter()
            .filter(|wanted| !standing.contains_key(&(wanted.room, wanted.user.clone())))
            .collect();
        if !left.is_empty() {
            let Some(_place) = self.patience().place().await else {
                return Err(StoreError::new(StoreErrorKind::Unavailable, OPERATION)
                    .with_source("too many wait for rooms that others hold"));
            };
            let rows = self.write(OPERATION, || self.ask_advance(&left, true)).await?;
            note(&rows, &mut standing).map_err(failed(OPERATION))?;
        }
        let answer = |wanted: &PointerMove| {
            let row = standing.get_mut(&(wanted.room, wanted.user.clone()));
            row.map(|row| row.advance(wanted))
        };
        Ok(moves.iter().map(answer).collect())
    }

    async fn pointers(&self, room: RoomId, limit: usize) -> Result<Vec<Pointer>, StoreError> {
        const OPERATION: &str = "pointers";
        let asked = self.ask(&self.sql().pointer.pointers).bind(room.get()).bind(limit_column(limit));
        let rows = self.read(OPERATION, asked).await?;
        let pointer = |row: &PgRow| {
            let mut columns = Columns::of(row);
            Ok(Pointer { user: columns.user()?, read: columns.seq()?, delivered: columns.seq()? })
        };
        rows.iter().map(pointer).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn unread(&self, user: &UserId, rooms: &[RoomId]) -> Result<Vec<(RoomId, Unread)>, StoreError> {
        const OPERATION: &str = "unread";
        let asked = self.ask(&self.sql().pointer.unread).bind(user.as_str().to_owned()).bind(ids(rooms));
        let rows = self.read(OPERATION, asked).await?;
        let unread = |row: &PgRow| {
            let mut columns = Columns::of(row);
            Ok((columns.room_id()?, columns.unread(UNREAD_CAP)?))
        };
        rows.iter().map(unread).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }
}

impl PostgresStore {
    fn ask_advance(&self, moves: &[&PointerMove], patient: bool) -> Asked {
        self.ask(&self.sql().pointer.advance)
            .bind(patient)
            .bind(moves.iter().map(|wanted| wanted.room.get()).collect::<Vec<_>>())
            .bind(moves.iter().map(|wanted| wanted.user.as_str().to_owned()).collect::<Vec<_>>())
            .bind(moves.iter().map(|wanted| seq_column(wanted.read)).collect::<Vec<_>>())
            .bind(moves.iter().map(|wanted| seq_column(wanted.delivered)).collect::<Vec<_>>())
    }
}

/// A member's pointers, as they stood, being moved here as they were there.
struct Standing {
    read: Seq,
    delivered: Seq,
    head: Seq,
}

impl Standing {
    fn advance(&mut self, wanted: &PointerMove) -> Pointer {
        self.read = self.read.max(wanted.read.min(self.head));
        self.delivered = self.delivered.max(wanted.delivered.min(self.head)).max(self.read);
        Pointer { user: wanted.user.clone(), read: self.read, delivered: self.delivered }
    }
}

fn note(rows: &[PgRow], standing: &mut HashMap<(RoomId, UserId), Standing>) -> sqlx::Result<()> {
    for row in rows {
        let mut columns = Columns::of(row);
        let place = (columns.room_id()?, columns.user()?);
        let (read, delivered, head) = (columns.seq()?, columns.seq()?, columns.seq()?);
        standing.insert(place, Standing { read, delivered, head });
    }
    Ok(())
}
