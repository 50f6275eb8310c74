//! Storage: the truth about rooms.
//!
//! A store implements five small traits; [`Store`] is their sum. [`LogStore::commit`] is the only way into a
//! room's log, so that order, preconditions, idempotency and durability are decided in one place per backend, and
//! [`decide`] holds the rules for backends that can look things up before they write: load what
//! [`decide::Needs`] names, run [`decide::decide_all`], write the effects.
//!
//! Every line under "To ensure correctness" has a case in the contract suite (`testkit::store_suite!`).

mod change;
pub mod decide;
mod error;
mod query;

use std::fmt;

use async_trait::async_trait;

pub use change::{Actor, Change, ChangeBody, NewMessage, NewRoom, Outcome, Refusal, Require, RoomUpdate};
pub use error::{StoreError, StoreErrorKind};
pub use query::{
    EventLimit, EventPage, Head, MessagePage, MessageQuery, PointerMove, Range, RoomKey, RoomScope,
    RoomsQuery,
};

use crate::event::Event;
use crate::model::{
    Ban, ClientId, Member, Membership, MessageVersion, Pointer, Profile, RoomEntry, RoomId, Seq,
    StoredProfile, Timestamp, Unread, UserId,
};

/// Unread messages and mentions are counted up to this.
pub const UNREAD_CAP: u32 = 1_000;

/// Characters of [`RoomEntry::last_message`].
pub const PREVIEW_CHARS: usize = 200;

/// Rooms' logs.
#[async_trait]
pub trait LogStore: fmt::Debug + Send + Sync + 'static {
    /// The text that names this state of the store: cursors of another epoch mean nothing.
    ///
    /// # To ensure correctness
    /// - It is made at random when the store is made, and stays until [`LogStore::renew_epoch`].
    async fn epoch(&self) -> Result<String, StoreError>;

    /// Replaces the epoch, where it still is `old`; gives the one that stands then.
    ///
    /// # To ensure correctness
    /// - Of two calls with the same `old`, one wins and both get its epoch.
    async fn renew_epoch(&self, old: &str, new: &str) -> Result<String, StoreError>;

    /// Makes changes, each wholly or not at all, in the order given for each room; one answer a change.
    ///
    /// # To ensure correctness
    /// - An applied change takes its room's next position: dense, from 1, under contention too; a refused,
    ///   repeated or empty one takes none.
    /// - When it returns, the changes are durable, and every later read on every node sees them.
    /// - Preconditions are judged on the state that the position before left, under the room's lock.
    /// - A message with the `client_id` of an earlier one by the same sender in the same room is
    ///   [`Outcome::Repeat`] of that one, also twice in one batch and from two nodes at once, also where the
    ///   sender may not write any more; with another digest it is [`Refusal::BodyMismatch`].
    /// - A direct room for a pair, a room for a subject, a room for its maker's `client_id` exists once.
    /// - `at` never goes back within a room.
    /// - A deleted message's content is gone from messages, earlier versions and mentions in the same step.
    ///
    /// # Errors
    /// With [`StoreErrorKind::Unknown`] the whole batch may or may not be stored; with every other kind nothing is.
    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Result<Outcome, Refusal>>, StoreError>;

    /// Events above `after`, oldest first.
    ///
    /// # To ensure correctness
    /// - They are contiguous, the first is at `max(after, floor) + 1`, and there is at least one where any is left.
    /// - A `message` or `message_edited` carries the message as it is now.
    /// - `head` is of the same snapshot. An unknown room is an empty page with head 0.
    async fn events(&self, room: RoomId, after: Seq, limit: EventLimit) -> Result<EventPage, StoreError>;

    /// The message that a sender stored under a key, as it is now, with the digest of its request.
    async fn sent(
        &self,
        room: RoomId,
        sender: &UserId,
        client_id: &ClientId,
    ) -> Result<Option<(Event, [u8; 16])>, StoreError>;

    /// The heads of rooms; unknown ones are left out.
    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<Head>, StoreError>;
}

/// Rooms, members and bans.
#[async_trait]
pub trait RoomStore: fmt::Debug + Send + Sync + 'static {
    /// The room under a unique key; a deleted room has none.
    async fn find_room(&self, key: &RoomKey) -> Result<Option<RoomId>, StoreError>;

    /// A user's standing in those of `rooms` where the user is a member, or in all, the latest active first.
    ///
    /// # To ensure correctness
    /// - `role`, `head` and `visible_from` of one entry are of one snapshot.
    /// - Deleted rooms are left out.
    async fn memberships(
        &self,
        user: &UserId,
        rooms: Option<&[RoomId]>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError>;

    /// Rooms in full for a list, latest activity first.
    ///
    /// # To ensure correctness
    /// - Unread counts, `head` and `last_message` of one entry are of one snapshot.
    /// - `last_message` is the newest that is not deleted; none where the viewer is no member, or where it lies at
    ///   or below the viewer's `visible_from`.
    /// - Deleted rooms are left out.
    async fn rooms(&self, query: &RoomsQuery) -> Result<Vec<RoomEntry>, StoreError>;

    /// Members by user id, after the one given; nothing for a deleted or unknown room.
    async fn members(
        &self,
        room: RoomId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError>;

    /// Those of `users` who share a room of at most `room_size_max` members with `user`, or with `users` empty all
    /// who do: by user id, at most `limit`, `user` not among them.
    async fn acquaintances(
        &self,
        user: &UserId,
        users: &[UserId],
        room_size_max: u32,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError>;

    /// The bans of a room, latest first, expired ones too until they are replaced or lifted.
    async fn bans(&self, room: RoomId, limit: usize) -> Result<Vec<Ban>, StoreError>;

    /// Lifts a ban; says whether there was one.
    async fn lift_ban(&self, room: RoomId, user: &UserId) -> Result<bool, StoreError>;
}

/// Messages as answers show them.
#[async_trait]
pub trait MessageStore: fmt::Debug + Send + Sync + 'static {
    /// Messages of a room by position, oldest first whatever the direction, deleted ones as tombstones.
    ///
    /// # To ensure correctness
    /// - `as_of` is the room's head in the snapshot that the messages were read in.
    /// - None at or below `visible_from`; `more` says whether the asked direction goes on (for
    ///   [`Range::Around`]: backwards).
    async fn messages(&self, room: RoomId, query: &MessageQuery) -> Result<MessagePage, StoreError>;

    /// The earlier versions of a message, oldest first, without the one that stands; none of a deleted one.
    async fn versions(
        &self,
        room: RoomId,
        target: Seq,
        limit: usize,
    ) -> Result<Vec<MessageVersion>, StoreError>;
}

/// Read and delivered pointers.
#[async_trait]
pub trait PointerStore: fmt::Debug + Send + Sync + 'static {
    /// Moves pointers forward; the answer is where each stands now, `None` where the user is no member.
    ///
    /// # To ensure correctness
    /// - A pointer never goes back and is never above the head; a read pointer pulls the delivered one along.
    async fn advance(&self, moves: &[PointerMove]) -> Result<Vec<Option<Pointer>>, StoreError>;

    /// The pointers of a room's members by user id, at most `limit`.
    async fn pointers(&self, room: RoomId, limit: usize) -> Result<Vec<Pointer>, StoreError>;

    /// What is unread for a user in those of `rooms` where the user is a member.
    ///
    /// # To ensure correctness
    /// - Messages of kind `system` do not count, tombstones do, own ones do not (an own send moves the pointer).
    /// - Mentions in deleted messages and in those of kind `system` do not count.
    /// - Both are capped at [`UNREAD_CAP`].
    async fn unread(&self, user: &UserId, rooms: &[RoomId]) -> Result<Vec<(RoomId, Unread)>, StoreError>;
}

/// What is shown of users.
#[async_trait]
pub trait ProfileStore: fmt::Debug + Send + Sync + 'static {
    /// Keeps profiles, replacing earlier ones.
    async fn put_profiles(&self, profiles: &[Profile]) -> Result<(), StoreError>;

    /// The profiles kept of those users.
    async fn profiles(&self, users: &[UserId]) -> Result<Vec<StoredProfile>, StoreError>;

    /// Notes when users were last connected; never goes back; makes a profile where there is none.
    async fn touch(&self, users: &[(UserId, Timestamp)]) -> Result<(), StoreError>;
}

/// All that the engine needs of a store.
pub trait Store: LogStore + RoomStore + MessageStore + PointerStore + ProfileStore {}

impl<S: LogStore + RoomStore + MessageStore + PointerStore + ProfileStore> Store for S {}
