//! What is known of files.

use async_trait::async_trait;
use chat_core::{
    model::{Attachment, AttachmentId, RoomId, StoredAttachment, Timestamp, Upload, UserId},
    store::{AttachmentStore, StoreError},
};
use sqlx::{SqlStr, sqlite::SqliteRow};

use crate::{
    SqliteStore,
    columns::{Columns, json_column, limit_column},
    error::{damaged, failed, unknown},
    rows::list,
    sql::statements,
    store::Tx,
};

/// Columns that [`stored`] reads, of a table called `a`.
macro_rules! stored_columns {
    () => {
        "a.file, a.uploader, a.for_room, a.room, a.seq"
    };
}

statements! {
    /// Files on their way, there, and gone.
    AttachmentSql {
        begin = "INSERT INTO {p}attachments (id, uploader, begun_at, removed) VALUES (?1, ?2, ?3, 0)";
        finish = "UPDATE {p}attachments SET file = ?2, for_room = ?3 WHERE id = ?1 AND file IS NULL AND removed = 0";
        read = concat!(
            "SELECT ", stored_columns!(), " FROM {p}attachments a
             WHERE a.id = ?1 AND a.file IS NOT NULL AND a.removed = 0");
        // What a commit needs of those that messages name.
        load = concat!(
            "SELECT ", stored_columns!(), " FROM json_each(?1) n CROSS JOIN {p}attachments a ON a.id = n.value
             WHERE a.file IS NOT NULL AND a.removed = 0");
        remove = "UPDATE {p}attachments SET file = NULL, removed = 1
            WHERE id = ?1 AND uploader IS ?2 AND room IS NULL AND removed = 0";
        expire = "UPDATE {p}attachments SET file = NULL, removed = 1
            WHERE begun_at < ?1 AND room IS NULL AND removed = 0";
        removed = "SELECT id FROM {p}attachments WHERE removed <> 0 AND id > ?1 ORDER BY id LIMIT ?2";
        forget = "DELETE FROM {p}attachments WHERE id IN (SELECT value FROM json_each(?1)) AND removed <> 0";

        attach = "UPDATE {p}attachments AS a SET room = n.value ->> 1, seq = n.value ->> 2
            FROM json_each(?1) n WHERE a.id = n.value ->> 0";
        detach = "UPDATE {p}attachments AS a SET file = NULL, removed = 1
            FROM json_each(?1) n WHERE a.room = n.value ->> 0 AND a.seq = n.value ->> 1";
        detach_rooms = "UPDATE {p}attachments AS a SET file = NULL, removed = 1
            FROM json_each(?1) n WHERE a.room = n.value";
    }
}

#[async_trait]
impl AttachmentStore for SqliteStore {
    async fn begin_upload(&self, upload: &Upload) -> Result<(), StoreError> {
        let query = sqlx::query(self.sql().attachment.begin.clone())
            .bind(upload.id.as_str().to_owned())
            .bind(upload.uploader.as_ref().map(|user| user.as_str().to_owned()))
            .bind(upload.at.as_micros());
        self.change("begin_upload", query).await.map(drop)
    }

    async fn finish_upload(&self, file: &Attachment, room: Option<RoomId>) -> Result<bool, StoreError> {
        let query = sqlx::query(self.sql().attachment.finish.clone())
            .bind(file.id.as_str().to_owned())
            .bind(json_column(file, false))
            .bind(room.map(RoomId::get));
        Ok(self.change("finish_upload", query).await? > 0)
    }

    async fn attachment(&self, id: &AttachmentId) -> Result<Option<StoredAttachment>, StoreError> {
        const OPERATION: &str = "attachment";
        let mut tx = self.read(OPERATION).await?;
        let found = sqlx::query(self.sql().attachment.read.clone())
            .bind(id.as_str().to_owned())
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        found.map(|row| stored(&row)).transpose().map_err(failed(OPERATION))
    }

    async fn remove_upload(&self, id: &AttachmentId, uploader: Option<&UserId>) -> Result<bool, StoreError> {
        let query = sqlx::query(self.sql().attachment.remove.clone())
            .bind(id.as_str().to_owned())
            .bind(uploader.map(|user| user.as_str().to_owned()));
        Ok(self.change("remove_upload", query).await? > 0)
    }

    async fn removed_attachments(
        &self,
        before: Timestamp,
        after: Option<&AttachmentId>,
        limit: usize,
    ) -> Result<Vec<AttachmentId>, StoreError> {
        const OPERATION: &str = "removed_attachments";
        let expire = sqlx::query(self.sql().attachment.expire.clone()).bind(before.as_micros());
        self.change(OPERATION, expire).await?;
        let mut tx = self.read(OPERATION).await?;
        let ids: Vec<String> = sqlx::query_scalar(self.sql().attachment.removed.clone())
            .bind(after.map_or_else(String::new, |id| id.as_str().to_owned()))
            .bind(limit_column(limit))
            .fetch_all(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        let id =
            |text: String| AttachmentId::new(text).map_err(|_| damaged("an attachment id out of its bounds"));
        ids.into_iter().map(id).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn forget_attachments(&self, ids: &[AttachmentId]) -> Result<(), StoreError> {
        let query = sqlx::query(self.sql().attachment.forget.clone()).bind(list(ids));
        self.change("forget_attachments", query).await.map(drop)
    }
}

/// Those of `ids` that are there, as they stand in this transaction.
pub(crate) async fn load(
    tx: &mut Tx,
    statement: &SqlStr,
    ids: impl IntoIterator<Item = &AttachmentId>,
) -> sqlx::Result<Vec<StoredAttachment>> {
    let rows = sqlx::query(statement.clone()).bind(list(ids)).fetch_all(&mut **tx).await?;
    rows.iter().map(stored).collect()
}

fn stored(row: &SqliteRow) -> sqlx::Result<StoredAttachment> {
    let mut columns = Columns::of(row);
    Ok(StoredAttachment {
        attachment: crate::columns::parse(columns.take()?)?,
        uploader: columns.user_opt()?,
        room: columns.room_id_opt()?,
        sent: columns.room_id_opt()?.zip(columns.seq_opt()?),
    })
}

impl SqliteStore {
    /// One statement; how many rows it changed.
    async fn change(
        &self,
        operation: &'static str,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
    ) -> Result<u64, StoreError> {
        let mut tx = self.write(operation).await?;
        let done = query.execute(&mut *tx).await.map_err(failed(operation))?;
        tx.commit().await.map_err(unknown(operation))?;
        Ok(done.rows_affected())
    }
}
