//! What is asked of a store, and pages of answers.

use serde::{Deserialize, Serialize};

use crate::{
    event::Event,
    model::{Activity, ClientId, MessageView, RoomId, Seq, Timestamp, UserId},
};

/// How much a page of events may hold; at least one event is given whatever its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a plain pair")]
pub struct EventLimit {
    /// Events.
    pub events: usize,
    /// Bytes of content, about.
    pub bytes: usize,
}

/// A piece of a room's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct EventPage {
    /// Contiguous, oldest first.
    pub events: Vec<Event>,
    /// The room's head in the same snapshot.
    pub head: Seq,
    /// Everything at or below is not kept any more.
    pub floor: Seq,
}

/// A room's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "a plain pair")]
pub struct Head {
    /// The room.
    pub room: RoomId,
    /// Its latest position.
    pub head: Seq,
}

/// What names a room beside its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RoomKey {
    /// The direct room of two users, the lesser id first.
    Direct(UserId, UserId),
    /// The room of a host's object.
    Subject(String),
    /// The room that a user made under a key.
    Made(UserId, ClientId),
    /// The room that was taken over from another system: its id, and when it was made there.
    Imported(String),
}

impl RoomKey {
    /// The key of the direct room of two users, whichever comes first.
    #[must_use]
    pub fn direct(a: &UserId, b: &UserId) -> Self {
        let (a, b) = if a <= b { (a, b) } else { (b, a) };
        Self::Direct(a.clone(), b.clone())
    }

    /// The key of a room that was taken over from another system.
    #[must_use]
    pub fn imported(id: RoomId, created_at: Timestamp) -> Self {
        Self::Imported(format!("{id} {}", created_at.as_micros()))
    }
}

/// Which rooms to list.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the engine builds it, stores take it apart")]
pub struct RoomsQuery {
    /// Whose unread counts and role to show; `None`: nobody's.
    pub viewer: Option<UserId>,
    /// Which rooms.
    pub scope: RoomScope,
    /// Only rooms whose activity is below this.
    pub before: Option<Activity>,
    /// At most this many.
    pub limit: usize,
}

/// Which rooms a list is about.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the engine builds it, stores take it apart")]
pub enum RoomScope {
    /// Those the viewer is a member of.
    Joined,
    /// Public ones, joined or not, whose name has this text in it (any case; empty: all).
    Public(String),
    /// These, whoever asks.
    These(Vec<RoomId>),
}

/// Which messages to read.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the engine builds it, stores take it apart")]
pub struct MessageQuery {
    /// Whose reactions are `mine`.
    pub viewer: Option<UserId>,
    /// Where.
    pub range: Range,
    /// Only messages of this thread, its first one not among them.
    pub thread: Option<Seq>,
    /// None at or below this.
    pub visible_from: Seq,
    /// At most this many.
    pub limit: usize,
}

/// Where in a room to read messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the engine builds it, stores take it apart")]
pub enum Range {
    /// The newest ones below this position ([`Seq::MAX`]: the newest of all).
    Before(Seq),
    /// The oldest ones above this position.
    After(Seq),
    /// That one if it is a message, half of the limit before it, the rest after it.
    Around(Seq),
}

/// Messages of a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct MessagePage {
    /// Oldest first.
    pub messages: Vec<MessageView>,
    /// The room's head in the same snapshot: apply only events above it to these.
    pub as_of: Seq,
    /// Whether there are more in the asked direction.
    pub more: bool,
}

/// A pointer to be moved forward.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the engine builds it, stores take it apart")]
pub struct PointerMove {
    /// The room.
    pub room: RoomId,
    /// Whose.
    pub user: UserId,
    /// Read up to here ([`Seq::ZERO`]: leave it).
    pub read: Seq,
    /// Delivered up to here ([`Seq::ZERO`]: leave it).
    pub delivered: Seq,
}
