//! Files: what users may do with them, and what is left to be removed. Their bytes are the caller's.

use super::user::AsUser;
use crate::{
    Engine,
    bus::QuotaKey,
    engine::{Inner, validate},
    error::{Error, ErrorCode},
    model::{Attachment, AttachmentId, RoomId, StoredAttachment, Upload},
};

impl AsUser<'_> {
    /// Begins an upload, before its first byte is kept: its bytes belong under the id that this gives, and are listed by
    /// [`Engine::removed_attachments`] should nothing come of it.
    ///
    /// # Errors
    /// `rate_limited`, `unavailable`.
    pub async fn begin_upload(&self) -> Result<AttachmentId, Error> {
        let user = &self.principal.user;
        self.inner.take(QuotaKey::Uploads(user.clone()), 1, self.inner.limits.uploads)?;
        let id = self.inner.attachment_id();
        let upload = Upload { id: id.clone(), uploader: Some(user.clone()), at: self.inner.clock.now() };
        self.inner.put("begin_upload", self.inner.store.begin_upload(&upload)).await?;
        Ok(id)
    }

    /// The bytes of an upload are kept: from now on its uploader may send it, in `room` alone where one is named.
    ///
    /// # Errors
    /// `not_found` for a room that one may not read, or an upload that was removed meanwhile; `bad_field` for a name or
    /// type with U+0000; `unavailable`.
    pub async fn finish_upload(&self, file: &Attachment, room: Option<RoomId>) -> Result<(), Error> {
        validate::check_text("name", &file.name)?;
        validate::check_text("content_type", &file.content_type)?;
        if let Some(room) = room {
            self.inner.readable(self.principal, room).await?;
        }
        let finished = self.inner.put("finish_upload", self.inner.store.finish_upload(file, room)).await?;
        if finished { Ok(()) } else { Err(not_found()) }
    }

    /// A file that one may see: an own one that is not sent as yet, or one of a message that one may read.
    ///
    /// # Errors
    /// `not_found` for every other, whether there is one or not; `unavailable`.
    pub async fn attachment(&self, id: &AttachmentId) -> Result<StoredAttachment, Error> {
        let found = self.inner.read("attachment", self.inner.store.attachment(id)).await?;
        let stored = found.ok_or_else(not_found)?;
        let may = match stored.sent {
            None => stored.uploader.as_ref() == Some(&self.principal.user),
            Some((room, seq)) => match self.inner.readable(self.principal, room).await {
                Ok(membership) => seq > membership.visible_from,
                Err(error) if error.code() == ErrorCode::NotFound => false,
                Err(error) => return Err(error),
            },
        };
        if may { Ok(stored) } else { Err(not_found()) }
    }

    /// Removes an own file that is not sent, finished or not. Its bytes are listed by [`Engine::removed_attachments`]
    /// until they are forgotten.
    ///
    /// # Errors
    /// `conflict` where it is sent already: it goes with its message. `not_found` where there is no such file of one's
    /// own; `unavailable`.
    pub async fn remove_upload(&self, id: &AttachmentId) -> Result<(), Error> {
        let user = &self.principal.user;
        let removed = self.inner.store.remove_upload(id, Some(user));
        if self.inner.put("remove_upload", removed).await? {
            return Ok(());
        }
        let stored = self.attachment(id).await?;
        if stored.sent.is_some() && stored.uploader.as_ref() == Some(user) {
            return Err(Error::new(ErrorCode::Conflict, "it is sent; delete its message"));
        }
        Err(not_found())
    }
}

impl Engine {
    /// Files whose bytes are to be removed, by their ids, above `after`, at most `limit`: those of deleted messages and
    /// rooms, those removed by their uploaders, and those begun more than [`crate::Limits::upload_unsent_max`] ago and
    /// not sent.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn removed_attachments(
        &self,
        after: Option<&AttachmentId>,
        limit: usize,
    ) -> Result<Vec<AttachmentId>, Error> {
        let inner = &self.inner;
        let before = inner.clock.now().minus(inner.limits.upload_unsent_max);
        inner.read("removed_attachments", inner.store.removed_attachments(before, after, limit)).await
    }

    /// The bytes of these removed files are gone; others stay as they are.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn forget_attachments(&self, ids: &[AttachmentId]) -> Result<(), Error> {
        self.inner.put("forget_attachments", self.inner.store.forget_attachments(ids)).await
    }
}

impl Inner {
    /// An id that nobody can guess.
    fn attachment_id(&self) -> AttachmentId {
        let text = format!("{:016x}{:016x}", self.clock.random(), self.clock.random());
        AttachmentId::new(text).unwrap_or_else(|_| unreachable!("32 bytes of hexadecimal digits"))
    }
}

fn not_found() -> Error {
    Error::new(ErrorCode::NotFound, "no such attachment")
}
