//! Calls of a user by what is not a room's id: messages by theirs, direct rooms by their other user.

use super::AsUser;
use crate::{
    error::Error,
    model::{MessageId, MessageView, RoomId, UserId},
    protocol::HistoryRange,
};

impl AsUser<'_> {
    /// A message by its id.
    ///
    /// # Errors
    /// `not_found` for one that there is not or that the user may not read.
    pub async fn message(&self, id: MessageId) -> Result<MessageView, Error> {
        let (room, seq) = self.inner.place_of(self.principal, id).await?;
        let page = self.inner.history(self.principal, room, HistoryRange::Around(seq), Some(1), None).await?;
        page.messages.into_iter().find(|view| view.message.id == id).ok_or_else(Error::message_not_found)
    }

    /// The direct room with another user, where there is one; [`AsUser::send`] makes it.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn direct_with(&self, other: &UserId) -> Result<Option<RoomId>, Error> {
        self.inner.find_direct(self.principal, other).await
    }
}
