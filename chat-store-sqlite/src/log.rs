//! Rooms' logs.

use async_trait::async_trait;
use chat_core::{
    Event, EventBody,
    model::{ClientId, RoomId, Seq, UserId},
    store::{
        Change, EventLimit, EventPage, Head, LogStore, Outcome, Refusal, StoreError, StoreErrorKind,
        decide::decide_all,
    },
};
use futures::TryStreamExt as _;
use sqlx::{Row as _, sqlite::SqliteRow};

use crate::{
    SqliteStore, body,
    columns::{Columns, limit_column, message_columns, seq_column},
    error::{failed, unknown},
    load::load,
    moderation,
    rows::list,
    search,
    sql::statements,
    store::Tx,
    write::write,
};

statements! {
    /// Reading logs, and the epoch.
    LogSql {
        epoch = "SELECT epoch FROM {p}meta";
        renew_epoch = "UPDATE {p}meta SET epoch = ?2 WHERE epoch = ?1";
        head = "SELECT head, floor FROM {p}rooms WHERE id = ?1";
        heads = "SELECT r.id, r.head FROM json_each(?1) n CROSS JOIN {p}rooms r ON r.id = n.value ORDER BY n.key";
        heads_after = "SELECT id, head FROM {p}rooms WHERE id > ?1 ORDER BY id LIMIT ?2";
        events = concat!(
            "SELECT m.seq AS place, 'message' AS what, m.at AS happened, m.sender AS actor, m.client_id AS client_id,
                 NULL AS target, NULL AS body, ", message_columns!(), "
             FROM {p}messages m WHERE m.room = ?1 AND m.seq > ?2
             UNION ALL
             SELECT e.seq, e.kind, e.at, e.actor, NULL, e.target, e.body, ", message_columns!(), "
             FROM {p}room_events e
             LEFT JOIN {p}messages m ON e.kind = 'message_edited' AND m.room = e.room AND m.seq = e.target
             WHERE e.room = ?1 AND e.seq > ?2
             ORDER BY place LIMIT ?3");
        sent = concat!(
            "SELECT m.digest, m.client_id, ", message_columns!(), " FROM {p}messages m
             WHERE m.room = ?1 AND ifnull(m.sender, '') = ?2 AND m.client_id = ?3");
    }
}

#[async_trait]
impl LogStore for SqliteStore {
    async fn epoch(&self) -> Result<String, StoreError> {
        let mut tx = self.read("epoch").await?;
        sqlx::query_scalar(self.sql().log.epoch.clone()).fetch_one(&mut *tx).await.map_err(failed("epoch"))
    }

    async fn renew_epoch(&self, old: &str, new: &str) -> Result<String, StoreError> {
        const OPERATION: &str = "renew_epoch";
        let sql = &self.sql().log;
        let mut tx = self.write(OPERATION).await?;
        let renewed = sqlx::query(sql.renew_epoch.clone())
            .bind(old.to_owned())
            .bind(new.to_owned())
            .execute(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        let epoch =
            sqlx::query_scalar(sql.epoch.clone()).fetch_one(&mut *tx).await.map_err(failed(OPERATION))?;
        if renewed.rows_affected() > 0 {
            tx.commit().await.map_err(unknown(OPERATION))?;
        }
        Ok(epoch)
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        const OPERATION: &str = "commit";
        let sql = self.sql();
        let mut tx = self.write(OPERATION).await?;
        let mut batch = load(&mut tx, sql, &changes).await.map_err(failed(OPERATION))?;
        let (answers, effects) = decide_all(&mut batch, &changes);
        if let Some(fault) = batch.fault {
            return Err(StoreError::new(StoreErrorKind::Internal, OPERATION).with_source(fault));
        }
        if !effects.is_empty() {
            write(&mut tx, sql, &batch).await.map_err(failed(OPERATION))?;
            search::write(&mut tx, &sql.search, &batch).await.map_err(failed(OPERATION))?;
            moderation::note(&mut tx, &sql.moderation, &batch.pending.audit)
                .await
                .map_err(failed(OPERATION))?;
            tx.commit().await.map_err(unknown(OPERATION))?;
        }
        Ok(answers)
    }

    async fn events(&self, room: RoomId, after: Seq, limit: EventLimit) -> Result<EventPage, StoreError> {
        const OPERATION: &str = "events";
        let mut tx = self.read(OPERATION).await?;
        events(&mut tx, &self.sql().log, room, after, limit).await.map_err(failed(OPERATION))
    }

    async fn sent(
        &self,
        room: RoomId,
        sender: &UserId,
        client_id: &ClientId,
    ) -> Result<Option<(Event, [u8; 16])>, StoreError> {
        const OPERATION: &str = "sent";
        let mut tx = self.read(OPERATION).await?;
        let row = sqlx::query(self.sql().log.sent.clone())
            .bind(room.get())
            .bind(sender.as_str().to_owned())
            .bind(client_id.as_str().to_owned())
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        row.map(|row| sent(&row)).transpose().map_err(failed(OPERATION))
    }

    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<Head>, StoreError> {
        const OPERATION: &str = "heads";
        let mut tx = self.read(OPERATION).await?;
        let rows = sqlx::query(self.sql().log.heads.clone())
            .bind(list(rooms))
            .fetch_all(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        rows.iter().map(head).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn heads_after(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<Head>, StoreError> {
        const OPERATION: &str = "heads_after";
        let mut tx = self.read(OPERATION).await?;
        let rows = sqlx::query(self.sql().log.heads_after.clone())
            .bind(after.map_or(0, RoomId::get))
            .bind(limit_column(limit))
            .fetch_all(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        rows.iter().map(head).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }
}

fn head(row: &SqliteRow) -> sqlx::Result<Head> {
    let mut columns = Columns::of(row);
    Ok(Head { room: columns.room_id()?, head: columns.seq()? })
}

async fn events(
    tx: &mut Tx,
    sql: &LogSql,
    room: RoomId,
    after: Seq,
    limit: EventLimit,
) -> sqlx::Result<EventPage> {
    let head = sqlx::query(sql.head.clone()).bind(room.get()).fetch_optional(&mut **tx).await?;
    let Some(head) = head else { return Ok(EventPage::default()) };
    let mut columns = Columns::of(&head);
    let mut page = EventPage { events: Vec::new(), head: columns.seq()?, floor: columns.seq()? };
    let after = after.max(page.floor);
    if after >= page.head {
        return Ok(page);
    }
    // Row by row, so that no more is read than the page may hold in bytes.
    let mut rows = sqlx::query(sql.events.clone())
        .bind(room.get())
        .bind(seq_column(after))
        .bind(limit_column(limit.events.max(1)))
        .fetch(&mut **tx);
    let mut bytes = 0;
    while let Some(row) = rows.try_next().await? {
        let event = event(room, &row)?;
        bytes += event.content_bytes();
        if bytes > limit.bytes && !page.events.is_empty() {
            break;
        }
        page.events.push(event);
    }
    Ok(page)
}

fn event(room: RoomId, row: &SqliteRow) -> sqlx::Result<Event> {
    let mut columns = Columns::of(row);
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

fn sent(row: &SqliteRow) -> sqlx::Result<(Event, [u8; 16])> {
    let mut columns = Columns::of(row);
    let (digest, client_id) = (columns.digest()?, columns.client_id_opt()?);
    let message = columns.message()?;
    debug_assert_eq!(row.len(), Columns::MESSAGE + 2);
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
