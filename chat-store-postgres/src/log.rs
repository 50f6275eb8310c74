//! Rooms' logs.

use async_trait::async_trait;
use chat_core::{
    Event, EventBody,
    model::{ClientId, RoomId, Seq, UserId},
    store::{Change, EventLimit, EventPage, Head, LogStore, Outcome, Refusal, StoreError},
};
use sqlx::{Row as _, postgres::PgRow};

use crate::{
    PostgresStore, body,
    columns::{Columns, limit_column, message_columns, seq_column},
    commit,
    error::failed,
    sql::statements,
    write::Wait,
};

statements! {
    /// Reading logs, and the epoch.
    LogSql {
        epoch = "SELECT epoch FROM {s}meta";
        renew_epoch = "UPDATE {s}meta SET epoch = $2 WHERE epoch = $1 RETURNING epoch";
        heads = "SELECT r.id, r.head FROM unnest($1::bigint[]) WITH ORDINALITY AS n (id, ord)
            JOIN {s}rooms r ON r.id = n.id ORDER BY n.ord";
        heads_after = "SELECT id, head FROM {s}rooms WHERE id > $1 ORDER BY id LIMIT $2";
        // Rows beyond the bytes that are wanted stay where they are.
        events = concat!(
            "SELECT r.head, r.floor, l.place, l.what, l.happened, l.actor, l.client_id, l.target, l.body, ",
            message_columns!(), " FROM {s}rooms r
             LEFT JOIN LATERAL (
                 SELECT e.*, sum(e.size) OVER (ORDER BY e.place) - e.size AS before FROM (
                     (SELECT m.seq AS place, 'message' AS what, m.at AS happened, m.sender AS actor, m.client_id,
                         NULL::bigint AS target, NULL AS body, m.seq AS message, octet_length(m.content) AS size
                     FROM {s}messages m WHERE m.room = $1 AND m.seq > $2 ORDER BY m.seq LIMIT $3)
                     UNION ALL
                     (SELECT e.seq, e.kind, e.at, e.actor, NULL, e.target, e.body,
                         CASE WHEN e.kind = 'message_edited' THEN e.target END, 0
                     FROM {s}room_events e WHERE e.room = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3)
                     ORDER BY place LIMIT $3) e) l ON l.before <= $4
             LEFT JOIN {s}messages m ON m.room = $1 AND m.seq = l.message
             WHERE r.id = $1 ORDER BY l.place");
        sent = concat!(
            "SELECT encode(m.digest, 'hex'), m.client_id, ", message_columns!(), " FROM {s}messages m
             WHERE m.room = $1 AND coalesce(m.sender, '') = $2 AND m.client_id = $3");
    }
}

#[async_trait]
impl LogStore for PostgresStore {
    async fn epoch(&self) -> Result<String, StoreError> {
        const OPERATION: &str = "epoch";
        let rows = self.read(OPERATION, self.ask(&self.sql().log.epoch)).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound);
        let epoch: String = row.and_then(|row| row.try_get(0)).map_err(failed(OPERATION))?;
        self.cache().see_epoch(&epoch);
        Ok(epoch)
    }

    async fn renew_epoch(&self, old: &str, new: &str) -> Result<String, StoreError> {
        const OPERATION: &str = "renew_epoch";
        let renew = || self.ask(&self.sql().log.renew_epoch).bind(old.to_owned()).bind(new.to_owned());
        // Whoever renews it believes that the database went back.
        self.cache().clear();
        match self.write(OPERATION, renew).await?.first() {
            Some(_) => Ok(new.to_owned()),
            // Someone else did, and that is committed.
            None => self.epoch().await,
        }
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        commit::commit(self, changes, Wait::No).await
    }

    async fn commit_held(&self, changes: Vec<Change>) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        commit::commit(self, changes, Wait::Patiently).await
    }

    async fn events(&self, room: RoomId, after: Seq, limit: EventLimit) -> Result<EventPage, StoreError> {
        const OPERATION: &str = "events";
        let asked = self
            .ask(&self.sql().log.events)
            .bind(room.get())
            .bind(seq_column(after))
            .bind(limit_column(limit.events.max(1)))
            .bind(limit_column(limit.bytes));
        let rows = self.read(OPERATION, asked).await?;
        page(room, &rows, limit).map_err(failed(OPERATION))
    }

    async fn sent(
        &self,
        room: RoomId,
        sender: &UserId,
        client_id: &ClientId,
    ) -> Result<Option<(Event, [u8; 16])>, StoreError> {
        const OPERATION: &str = "sent";
        let asked = self
            .ask(&self.sql().log.sent)
            .bind(room.get())
            .bind(sender.as_str().to_owned())
            .bind(client_id.as_str().to_owned());
        let rows = self.read(OPERATION, asked).await?;
        rows.first().map(sent).transpose().map_err(failed(OPERATION))
    }

    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<Head>, StoreError> {
        const OPERATION: &str = "heads";
        let ids: Vec<i64> = rooms.iter().map(|room| room.get()).collect();
        let rows = self.read(OPERATION, self.ask(&self.sql().log.heads).bind(ids)).await?;
        rows.iter().map(head).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn heads_after(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<Head>, StoreError> {
        const OPERATION: &str = "heads_after";
        let asked = self.ask(&self.sql().log.heads_after);
        let asked = asked.bind(after.map_or(0, RoomId::get)).bind(limit_column(limit));
        let rows = self.read(OPERATION, asked).await?;
        rows.iter().map(head).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }
}

fn head(row: &PgRow) -> sqlx::Result<Head> {
    let mut columns = Columns::of(row);
    Ok(Head { room: columns.room_id()?, head: columns.seq()? })
}

/// A page from rows that each say head and floor; where there is no event, one row says just these.
fn page(room: RoomId, rows: &[PgRow], limit: EventLimit) -> sqlx::Result<EventPage> {
    let mut page = EventPage::default();
    let mut bytes = 0;
    for row in rows {
        let mut columns = Columns::of(row);
        (page.head, page.floor) = (columns.seq()?, columns.seq()?);
        if columns.peek_is_null()? {
            continue;
        }
        let event = event(room, columns)?;
        bytes += event.content_bytes();
        if bytes > limit.bytes && !page.events.is_empty() {
            break;
        }
        page.events.push(event);
    }
    Ok(page)
}

fn event(room: RoomId, mut columns: Columns<'_>) -> sqlx::Result<Event> {
    let (seq, kind, at) = (columns.seq()?, columns.take::<&str>()?, columns.time()?);
    let (actor, client_id) = (columns.user_opt()?, columns.client_id_opt()?);
    let (target, text) = (columns.seq_opt()?, columns.take::<Option<&str>>()?);
    let message = if columns.peek_is_null()? { None } else { Some(columns.message()?) };
    let body = match (kind, message) {
        ("message", Some(message)) => EventBody::Message { message },
        (kind, message) => body::read(room, kind, target, text, message)?,
    };
    Ok(Event { room, seq, at, actor, client_id, body })
}

fn sent(row: &PgRow) -> sqlx::Result<(Event, [u8; 16])> {
    let mut columns = Columns::of(row);
    let (digest, client_id) = (columns.digest()?, columns.client_id_opt()?);
    let message = columns.message()?;
    let event = Event {
        room: message.room_id,
        seq: message.seq,
        at: message.at,
        actor: message.sender.clone(),
        client_id,
        body: EventBody::Message { message },
    };
    Ok((event, digest))
}
