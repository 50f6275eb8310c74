//! The engine's public calls: as a user, as the host, and over the engine itself.

mod attachments;
mod by_id;
mod changes;
mod host;
mod members;
mod moderation;
mod rooms;
mod search;
mod user;

pub use host::AsHost;
pub use moderation::{AuditPage, ListReports, ReportPage};
pub use rooms::{CreateRoom, Created};
pub use search::Search;
pub use user::{AsUser, SentMessage, UserView};

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{Engine, EngineBuilder, Inner};
use crate::{
    bus::{Payload, Topic},
    error::{Error, ErrorCode, MissingRoom},
    hooks::{ActionKind, Principal},
    limits::Limits,
    model::{Membership, MessageId, MessageStatus, MessageView, Profile, RoomId, Seq, UserId},
    protocol::HistoryRange,
    store::{EventLimit, EventPage, MessagePage, MessageQuery, Store},
};

/// As many members as a room has in which the status of one's messages is the other's as well.
const PAIR: u32 = 2;
/// Rooms that the policy is asked about at once.
const POLICY_AT_ONCE: usize = 16;

impl Engine {
    /// Puts an engine together.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// Calls bound by what the user may do.
    #[must_use]
    pub fn as_user<'a>(&'a self, principal: &'a Principal) -> AsUser<'a> {
        AsUser { inner: &self.inner, principal }
    }

    /// Keeps what a user's token claims as what others are shown of them, where there is no directory: as a connection
    /// or a write of theirs does. For who is known to ask and may do neither; nobody waits for it.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn recognise(&self, principal: &Principal) {
        self.inner.keep_claims(principal, false);
    }

    /// Calls of the host, bound by nothing but the rules of rooms.
    #[must_use]
    pub fn as_host(&self) -> AsHost<'_> {
        AsHost { inner: &self.inner }
    }

    /// Ends every connection of a user, on every node: the token was revoked. (What ends membership ends
    /// subscriptions by itself.)
    pub fn disconnect(&self, user: &UserId) {
        self.inner.disconnect_here(user);
        self.inner.link.bus.publish(Topic::User(user.clone()), Payload::Disconnect(user.clone()));
    }

    /// What the host's policy lets `user` read in `room` may have changed: it is asked anew, on every node. Who may
    /// not read any more is given nothing after that and told `unsubscribed` with reason `removed`; who may now is
    /// told `room_added`. (Where the policy is not concerned with reading, nothing happens.) A call for rooms the
    /// user is no member of is without effect.
    pub fn invalidate(&self, user: &UserId, room: RoomId) {
        self.inner.rights_changed(user, room);
        self.inner.link.bus.publish(Topic::User(user.clone()), Payload::Rights(user.clone(), room));
    }

    /// What happened in rooms above the positions given, oldest first in each: for a host that must miss nothing,
    /// and keeps its own cursors. It knows no other rooms than those: [`AsHost::rooms_after`] names all that there are.
    /// Rooms in which nothing happened are left out and cost no read of their own.
    ///
    /// At most `limit` events in all ([`Limits::page_max`] at most), by the ids of their rooms, shared by the rooms that
    /// have any: a busy one takes what the others leave. Where more rooms than `limit` have news, each answer tells of
    /// some of them by chance. Ask again with the positions of the last events until the answer is empty.
    ///
    /// Three things that a page may say beside its events:
    /// - A `floor` above the cursor: the room was deleted, and its log with it. What is left is the event that says so.
    /// - A `head` below the cursor, and no event: the room's log was longer once, or there is no such room (any more). An
    ///   older backup was put back. It is told until the cursor is moved.
    /// - A message or an edit carries the message as it is now.
    ///
    /// Cursors are of one [`Engine::epoch`]: keep it beside them. Where it is another, the store may have gone back and been
    /// written to anew, and a position below the head may be another event than the one that was read under it.
    ///
    /// # Errors
    /// `unavailable`, or `bad_field` for a bad limit.
    pub async fn changes(
        &self,
        cursors: &BTreeMap<RoomId, Seq>,
        limit: Option<usize>,
    ) -> Result<Vec<(RoomId, EventPage)>, Error> {
        self.inner.changes(cursors, limit).await
    }

    /// What is shown of users, in the order asked for: as the host's directory says, else as last kept or claimed, else
    /// [`Profile::unknown`].
    ///
    /// # Errors
    /// `too_large` for more than [`Limits::page_max`] at once.
    pub async fn profiles(&self, users: &[UserId]) -> Result<Vec<Profile>, Error> {
        let max = self.inner.limits.page_max;
        if users.len() > max {
            return Err(super::validate::too_many("users", max));
        }
        Ok(self.inner.profiles_of(users).await)
    }

    /// The store's epoch.
    #[must_use]
    pub fn epoch(&self) -> Arc<str> {
        self.inner.epoch()
    }

    /// The bounds in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// The time of day, as the engine sees it.
    #[must_use]
    pub fn now(&self) -> crate::model::Timestamp {
        self.inner.clock.now()
    }

    /// The store that it was built with.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// Whether the store answers and the bus is believed to work.
    ///
    /// # Errors
    /// `unavailable` where one of them does not, or the engine is shutting down.
    pub async fn check_health(&self) -> Result<(), Error> {
        self.inner.check_open()?;
        self.inner.read("heads", self.inner.store.heads(&[])).await?;
        if self.inner.link.bus.is_healthy() {
            Ok(())
        } else {
            Err(Error::new(ErrorCode::Unavailable, "the bus is out of reach"))
        }
    }

    /// Connections on this node now.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.inner.users.count()
    }

    /// Ends the engine: it takes no new connections and no new commands. What was taken is written and answered; each
    /// connection is told to come back later (`bye`) as soon as all that it asked for is answered, and at the latest
    /// when three quarters of `deadline` have passed: what is unanswered then may be stored or not. `true`: everything
    /// ended within `deadline`.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        let inner = &self.inner;
        inner.cancel.cancel();
        // In a task of its own, so that everyone is told though nobody waits for it here any more.
        inner.spawn(Arc::clone(inner).say_farewell(deadline));
        inner.tasks.close();
        tokio::time::timeout(deadline, inner.tasks.wait()).await.is_ok()
    }
}

impl Inner {
    /// A user's standing in a room.
    pub(crate) async fn membership(&self, user: &UserId, room: RoomId) -> Result<Membership, Error> {
        let found = self.read("memberships", self.store.memberships(user, Some(&[room]), 1)).await?;
        match found.into_iter().next() {
            Some(membership) => Ok(membership),
            None => Err(self.missing_room(room).await?),
        }
    }

    /// What to answer a user who is no member of a room: nobody but a wire format that wants it learns which it is.
    pub(crate) async fn missing_room(&self, room: RoomId) -> Result<Error, Error> {
        let there = !self.entries_of(None, vec![room]).await?.is_empty();
        Ok(Error::missing_room(if there { MissingRoom::NotMember } else { MissingRoom::Unknown }))
    }

    /// A user's standing in a room that the policy lets the user read.
    pub(crate) async fn readable(&self, principal: &Principal, room: RoomId) -> Result<Membership, Error> {
        let membership = self.membership(&principal.user, room).await?;
        // Told apart from an unknown room it would tell that the room is there.
        match self.allow(principal, ActionKind::Read, Some(room), None).await {
            Err(error) if !error.is_retryable() => Err(Error::missing_room(MissingRoom::NotMember)),
            allowed => allowed.map(|()| membership),
        }
    }

    /// Those of a user's rooms that the policy lets the user read.
    pub(crate) async fn those_readable(
        &self,
        principal: &Principal,
        joined: Vec<Membership>,
    ) -> Result<Vec<Membership>, Error> {
        self.readable_of(principal, joined, |membership| membership.room).await
    }

    /// Those of some things whose room (the user is in it) the policy lets the user read, in their order.
    pub(crate) async fn readable_of<T>(
        &self,
        principal: &Principal,
        mut things: Vec<T>,
        room_of: impl Fn(&T) -> RoomId,
    ) -> Result<Vec<T>, Error> {
        if !self.host.policy.concerns(ActionKind::Read) {
            return Ok(things);
        }
        let rooms: BTreeSet<RoomId> = things.iter().map(&room_of).collect();
        let asked = stream::iter(rooms)
            .map(async |room| match self.allow(principal, ActionKind::Read, Some(room), None).await {
                Ok(()) => Ok(Some(room)),
                // A room less would look like all there is.
                Err(error) if error.is_retryable() => Err(error),
                Err(_) => Ok(None),
            })
            .buffered(POLICY_AT_ONCE)
            .try_filter_map(async |room| Ok(room))
            .try_collect::<BTreeSet<RoomId>>();
        let readable = self.policy_in_time(asked).await?;
        things.retain(|thing| readable.contains(&room_of(thing)));
        Ok(things)
    }

    /// Bounds in time what asks the host's policy again and again.
    pub(crate) async fn policy_in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let late = |_| Error::new(ErrorCode::Unavailable, "the host's policy takes too long");
        tokio::time::timeout(self.limits.store_timeout, asked).await.map_err(late)?
    }

    pub(crate) async fn history(
        &self,
        principal: &Principal,
        room: RoomId,
        range: HistoryRange,
        limit: Option<usize>,
        thread: Option<Seq>,
    ) -> Result<MessagePage, Error> {
        let limit = super::validate::page(&self.limits, limit)?;
        let mut membership = self.readable(principal, room).await?;
        loop {
            let query = MessageQuery {
                viewer: Some(principal.user.clone()),
                range: super::commands::range(range),
                thread,
                visible_from: membership.visible_from,
                limit,
            };
            let mut page = self.read("messages", self.store.messages(room, &query)).await?;
            self.say_status(&membership, &principal.user, &mut page).await?;
            let Some(now) = self.readable_still(principal, &membership, page.as_of).await? else {
                return Ok(page);
            };
            membership = now;
        }
    }

    /// Where a message is that a user may read.
    pub(crate) async fn place_of(
        &self,
        principal: &Principal,
        message: MessageId,
    ) -> Result<(RoomId, Seq), Error> {
        let found = self.read("find_messages", self.store.find_messages(&[message])).await?;
        let Some((room, seq)) = found.into_iter().flatten().next() else {
            return Err(Error::message_not_found());
        };
        match self.readable(principal, room).await {
            Ok(membership) if seq > membership.visible_from => Ok((room, seq)),
            Ok(_) => Err(Error::message_not_found()),
            // Told apart from an unknown message it would tell that there is one.
            Err(error) if error.code() == ErrorCode::NotFound => Err(error.with_message("no such message")),
            Err(error) => Err(error),
        }
    }

    /// Says of the reader's own messages how far they have got, and in a room of two of every message: there it is as
    /// much the other's to know.
    async fn say_status(
        &self,
        membership: &Membership,
        user: &UserId,
        page: &mut MessagePage,
    ) -> Result<(), Error> {
        let limit = self.limits.signals_room_max;
        let all = membership.member_count <= PAIR;
        let is_said = |view: &MessageView| match &view.message.sender {
            Some(sender) => (all || sender == user) && !view.message.deleted,
            None => false,
        };
        if membership.member_count > limit || !page.messages.iter().any(is_said) {
            return Ok(());
        }
        let pointers = self.read("pointers", self.store.pointers(membership.room, limit as usize)).await?;
        // By sender: the reader, and the other where there are but two.
        let mut reached: Vec<(UserId, Seq, Seq)> = Vec::new();
        for view in page.messages.iter_mut().filter(|view| is_said(view)) {
            let Some(sender) = &view.message.sender else { continue };
            let (read, delivered) = match reached.iter().find(|(of, ..)| of == sender) {
                Some((_, read, delivered)) => (*read, *delivered),
                None => {
                    let others = || pointers.iter().filter(|pointer| pointer.user != *sender);
                    let read = others().map(|pointer| pointer.read).min().unwrap_or_default();
                    let delivered = others().map(|pointer| pointer.delivered).min().unwrap_or_default();
                    reached.push((sender.clone(), read, delivered));
                    (read, delivered)
                }
            };
            let seq = view.message.seq;
            view.status = Some(match () {
                () if seq <= read => MessageStatus::Read,
                () if seq <= delivered => MessageStatus::Delivered,
                () => MessageStatus::Sent,
            });
        }
        Ok(())
    }

    /// After a page of a room was read: whether what it shows up to `head` is still the user's to see. A removal
    /// between the look at the membership and the page would else show what came after it. `Some`: read again, as
    /// this member.
    pub(crate) async fn readable_still(
        &self,
        principal: &Principal,
        membership: &Membership,
        head: Seq,
    ) -> Result<Option<Membership>, Error> {
        if head <= membership.head {
            return Ok(None);
        }
        let now = self.membership(&principal.user, membership.room).await?;
        Ok((now.visible_from > membership.visible_from).then_some(now))
    }

    pub(crate) async fn events(
        &self,
        room: RoomId,
        after: Seq,
        limit: Option<usize>,
    ) -> Result<EventPage, Error> {
        let limit = EventLimit { events: super::validate::page(&self.limits, limit)?, bytes: 1024 * 1024 };
        self.read("events", self.store.events(room, after, limit)).await
    }
}
