//! Calls of the host: asked neither of policy nor of hooks, bound by no membership.

use super::{
    rooms::{CreateRoom, Created, Held},
    user::{SentMessage, sent},
};
use crate::{
    engine::validate,
    error::Error,
    model::{Member, MessageKind, Role, RoomEntry, RoomId, Seq, Timestamp, UserId},
    protocol::{HistoryRange, Send, SendTo},
    store::{
        Actor, Change, ChangeBody, EventPage, Head, MessagePage, MessageQuery, Outcome, Require, RoomUpdate,
    },
};

/// Calls of the host, bound by nothing but the rules of rooms.
#[derive(Clone, Copy, Debug)]
pub struct AsHost<'a> {
    pub(super) inner: Held<'a>,
}

impl AsHost<'_> {
    /// Makes a room, or finds the one that stands for the pair or the subject.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn create_room(&self, create: CreateRoom) -> Result<Created, Error> {
        self.inner.create_room_as_host(create).await
    }

    /// The room of an object of the host's, made where there is none.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn room_for(
        &self,
        subject: impl Into<String>,
        mut create: CreateRoom,
    ) -> Result<Created, Error> {
        create.subject = Some(subject.into());
        self.create_room(create).await
    }

    /// Says something in a room, as nobody; of kind `system` where no kind is given.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn send(&self, send: Send) -> Result<SentMessage, Error> {
        let (room, body) = self.message(&send)?;
        sent(self.inner.write_as_host(Some(room), body).await?)
    }

    /// Deletes a message.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn delete(&self, room: RoomId, target: Seq) -> Result<Option<Seq>, Error> {
        self.write(room, ChangeBody::Delete { target }).await
    }

    /// Adds a member, lifting a ban where there is one.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn add_member(&self, room: RoomId, user: UserId, role: Role) -> Result<Option<Seq>, Error> {
        self.write(room, ChangeBody::AddMember { user, role }).await
    }

    /// Removes a member.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn remove_member(&self, room: RoomId, user: UserId) -> Result<Option<Seq>, Error> {
        self.write(room, ChangeBody::Remove { user }).await
    }

    /// Keeps a user out, for good or until a time.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn ban(
        &self,
        room: RoomId,
        user: UserId,
        until: Option<Timestamp>,
    ) -> Result<Option<Seq>, Error> {
        self.write(room, ChangeBody::Ban { user, until }).await
    }

    /// Gives a member any role.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn set_role(&self, room: RoomId, user: UserId, role: Role) -> Result<Option<Seq>, Error> {
        self.write(room, ChangeBody::SetRole { user, role }).await
    }

    /// Makes a member the owner.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn transfer(&self, room: RoomId, to: UserId) -> Result<Option<Seq>, Error> {
        self.write(room, ChangeBody::Transfer { to }).await
    }

    /// Takes a member's right to write until a time, or gives it back.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn mute(
        &self,
        room: RoomId,
        user: UserId,
        until: Option<Timestamp>,
    ) -> Result<Option<Seq>, Error> {
        self.write(room, ChangeBody::Mute { user, until }).await
    }

    /// Changes a room.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn update_room(&self, room: RoomId, update: RoomUpdate) -> Result<Option<Seq>, Error> {
        let body = self.inner.checked_update(update)?;
        self.write(room, body).await
    }

    /// Deletes a room and all that was said in it.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub async fn delete_room(&self, room: RoomId) -> Result<(), Error> {
        self.write(room, ChangeBody::DeleteRoom).await.map(drop)
    }

    /// A room, without anyone's unread counts.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn room(&self, room: RoomId) -> Result<RoomEntry, Error> {
        self.inner.entry(None, room).await
    }

    /// Members of a room by user id.
    ///
    /// # Errors
    /// `unavailable`, or `bad_field` for a bad limit.
    pub async fn members(
        &self,
        room: RoomId,
        after: Option<&UserId>,
        limit: Option<usize>,
    ) -> Result<Vec<Member>, Error> {
        let limit = validate::page(&self.inner.limits, limit)?;
        self.inner.read("members", self.inner.store.members(room, after, limit)).await
    }

    /// Messages of a room.
    ///
    /// # Errors
    /// `unavailable`, or `bad_field` for a bad limit.
    pub async fn history(
        &self,
        room: RoomId,
        range: HistoryRange,
        limit: Option<usize>,
    ) -> Result<MessagePage, Error> {
        let query = MessageQuery {
            viewer: None,
            range: crate::engine::commands::range(range),
            thread: None,
            visible_from: Seq::ZERO,
            limit: validate::page(&self.inner.limits, limit)?,
        };
        self.inner.read("messages", self.inner.store.messages(room, &query)).await
    }

    /// The host's rooms with their heads, deleted ones too (their last event is the one that says so), by id: those above
    /// `after` (`None`: from the first), [`crate::Limits::page_max`] at most. Ask again with the last id until the answer
    /// is empty.
    ///
    /// A room can appear below ids that were given before: ids are taken when a room is begun, and a transaction of
    /// the host's own may take its time. So look through all rooms each time, or every few minutes.
    ///
    /// # Errors
    /// `unavailable`, or `bad_field` for a bad limit.
    pub async fn rooms_after(&self, after: Option<RoomId>, limit: Option<usize>) -> Result<Vec<Head>, Error> {
        let limit = validate::page(&self.inner.limits, limit)?;
        self.inner.read("heads_after", self.inner.store.heads_after(after, limit)).await
    }

    /// Events of a room above a position: what a host reads that must not miss one.
    ///
    /// # Errors
    /// `unavailable`, or `bad_field` for a bad limit.
    pub async fn events(&self, room: RoomId, since: Seq, limit: Option<usize>) -> Result<EventPage, Error> {
        self.inner.events(room, since, limit).await
    }

    /// Says that rooms were written to past the engine, by a store's call within a transaction of the host's: after its
    /// end, or there is nothing to be seen as yet. All nodes then read what is new. Without it they find it by
    /// themselves, with the next sweep ([`crate::Limits::sweep`]).
    ///
    /// # Errors
    /// `unavailable`: some were not announced. What was committed stays committed.
    pub async fn announce(&self, rooms: &[RoomId]) -> Result<(), Error> {
        self.inner.announce(rooms).await
    }

    /// [`AsHost::create_room`] as a change, for a store that makes changes within a transaction of the host's
    /// (`PostgresStore::commit_in`): bounds are checked here, and nothing is stored as yet. In the transaction, a
    /// room that stands for the pair or the subject is answered as [`crate::store::Outcome::Repeat`].
    ///
    /// # Errors
    /// See the error codes of the protocol.
    pub fn change_to_create(&self, create: CreateRoom) -> Result<Change, Error> {
        let new = self.inner.new_room(create, None)?;
        Ok(self.change(None, ChangeBody::Create(new)))
    }

    /// [`AsHost::send`] as a change, as [`AsHost::change_to_create`] says. What is sent again under its `client_id`, by
    /// either way, is the same message.
    ///
    /// # Errors
    /// See the error codes of the protocol.
    #[expect(clippy::needless_pass_by_value, reason = "as the call of that name takes it")]
    pub fn change_to_send(&self, send: Send) -> Result<Change, Error> {
        let (room, body) = self.message(&send)?;
        Ok(self.change(Some(room), body))
    }

    /// [`AsHost::add_member`] as a change, as [`AsHost::change_to_create`] says.
    #[must_use]
    pub fn change_to_add_member(&self, room: RoomId, user: UserId, role: Role) -> Change {
        self.change(Some(room), ChangeBody::AddMember { user, role })
    }

    /// [`AsHost::remove_member`] as a change, as [`AsHost::change_to_create`] says.
    #[must_use]
    pub fn change_to_remove_member(&self, room: RoomId, user: UserId) -> Change {
        self.change(Some(room), ChangeBody::Remove { user })
    }

    fn change(&self, room: Option<RoomId>, body: ChangeBody) -> Change {
        Change { room, actor: Actor::Host, at: self.inner.clock.now(), require: Require::NOTHING, body }
    }

    fn message(&self, send: &Send) -> Result<(RoomId, ChangeBody), Error> {
        let SendTo::Room(room) = send.to else {
            return Err(Error::bad_field("to_user", "the host sends into rooms"));
        };
        let kind = send.kind.clone().unwrap_or_else(MessageKind::system);
        let message = validate::new_message(&self.inner.limits, send, kind, || self.inner.client_id())?;
        Ok((room, ChangeBody::Send(message)))
    }

    async fn write(&self, room: RoomId, body: ChangeBody) -> Result<Option<Seq>, Error> {
        let outcome: Outcome = self.inner.write_as_host(Some(room), body).await?;
        Ok(outcome.event().map(|event| event.seq))
    }
}
