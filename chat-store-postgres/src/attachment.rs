//! What is known of files.

use async_trait::async_trait;
use chat_core::{
    model::{Attachment, AttachmentId, RoomId, StoredAttachment, Timestamp, Upload, UserId},
    store::{AttachmentStore, StoreError},
};
use sqlx::postgres::PgRow;

use crate::{
    PostgresStore,
    columns::{Columns, json_column, limit_column, parse},
    error::{damaged, failed},
    sql::statements,
    store::Asked,
};

statements! {
    /// Files on their way, there, and gone. Each gives the ids that it changed. Whoever takes several takes those alone
    /// that nobody holds.
    AttachmentSql {
        begin = "INSERT INTO {s}attachments (id, uploader, begun_at, removed) VALUES ($1, $2, $3, false)";
        finish = "UPDATE {s}attachments SET file = $2, for_room = $3
            WHERE id = $1 AND file IS NULL AND NOT removed RETURNING id";
        // What is there of those that are named.
        read = "SELECT a.file, a.uploader, a.for_room, a.room, a.seq FROM {s}attachments a
            WHERE a.id = ANY ($1) AND a.file IS NOT NULL AND NOT a.removed";
        remove = "UPDATE {s}attachments SET file = NULL, removed = true
            WHERE id = $1 AND uploader IS NOT DISTINCT FROM $2 AND room IS NULL AND NOT removed RETURNING id";
        expire = "UPDATE {s}attachments SET file = NULL, removed = true WHERE id IN (
            SELECT a.id FROM {s}attachments a WHERE a.begun_at < $1 AND a.room IS NULL AND NOT a.removed
            ORDER BY a.id FOR NO KEY UPDATE SKIP LOCKED)";
        removed = "SELECT a.id FROM {s}attachments a WHERE a.removed AND a.id > $1 ORDER BY a.id LIMIT $2";
        forget = "DELETE FROM {s}attachments WHERE id IN (
            SELECT a.id FROM {s}attachments a WHERE a.id = ANY ($1) AND a.removed ORDER BY a.id FOR UPDATE SKIP LOCKED)";
    }
}

#[async_trait]
impl AttachmentStore for PostgresStore {
    async fn begin_upload(&self, upload: &Upload) -> Result<(), StoreError> {
        let ask = || {
            self.ask(&self.sql().attachment.begin)
                .bind(upload.id.as_str().to_owned())
                .bind(text(upload.uploader.as_ref()))
                .bind(upload.at.as_micros())
        };
        self.write("begin_upload", ask).await.map(drop)
    }

    async fn finish_upload(&self, file: &Attachment, room: Option<RoomId>) -> Result<bool, StoreError> {
        let ask = || {
            self.ask(&self.sql().attachment.finish)
                .bind(file.id.as_str().to_owned())
                .bind(json_column(file, false))
                .bind(room.map(RoomId::get))
        };
        Ok(!self.write("finish_upload", ask).await?.is_empty())
    }

    async fn attachment(&self, id: &AttachmentId) -> Result<Option<StoredAttachment>, StoreError> {
        const OPERATION: &str = "attachment";
        let rows = self.read(OPERATION, self.ask_files([id])).await?;
        rows.first().map(stored).transpose().map_err(failed(OPERATION))
    }

    async fn remove_upload(&self, id: &AttachmentId, uploader: Option<&UserId>) -> Result<bool, StoreError> {
        let ask =
            || self.ask(&self.sql().attachment.remove).bind(id.as_str().to_owned()).bind(text(uploader));
        Ok(!self.write("remove_upload", ask).await?.is_empty())
    }

    async fn removed_attachments(
        &self,
        before: Timestamp,
        after: Option<&AttachmentId>,
        limit: usize,
    ) -> Result<Vec<AttachmentId>, StoreError> {
        const OPERATION: &str = "removed_attachments";
        self.write(OPERATION, || self.ask(&self.sql().attachment.expire).bind(before.as_micros())).await?;
        let asked = self
            .ask(&self.sql().attachment.removed)
            .bind(after.map_or_else(String::new, |id| id.as_str().to_owned()))
            .bind(limit_column(limit));
        let rows = self.read(OPERATION, asked).await?;
        let id = |row: &PgRow| {
            let id = AttachmentId::new(Columns::of(row).take::<&str>()?);
            id.map_err(|_| damaged("an attachment id out of its bounds"))
        };
        rows.iter().map(id).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn forget_attachments(&self, ids: &[AttachmentId]) -> Result<(), StoreError> {
        let ask = || self.ask(&self.sql().attachment.forget).bind(texts(ids));
        self.write("forget_attachments", ask).await.map(drop)
    }
}

impl PostgresStore {
    /// The statement whose rows [`stored`] reads.
    pub(crate) fn ask_files<'i>(&self, ids: impl IntoIterator<Item = &'i AttachmentId>) -> Asked {
        self.ask(&self.sql().attachment.read).bind(texts(ids))
    }
}

pub(crate) fn stored(row: &PgRow) -> sqlx::Result<StoredAttachment> {
    let mut columns = Columns::of(row);
    Ok(StoredAttachment {
        attachment: parse(columns.take()?)?,
        uploader: columns.user_opt()?,
        room: columns.room_id_opt()?,
        sent: columns.room_id_opt()?.zip(columns.seq_opt()?),
    })
}

fn text(user: Option<&UserId>) -> Option<String> {
    user.map(|user| user.as_str().to_owned())
}

fn texts<'i>(ids: impl IntoIterator<Item = &'i AttachmentId>) -> Vec<String> {
    ids.into_iter().map(|id| id.as_str().to_owned()).collect()
}
