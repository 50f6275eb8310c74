//! Ephemeral signals: the latest state of a key, without a position, dropped first.

use serde::{Deserialize, Serialize};

use crate::model::{LeaveReason, MessageId, RoomId, Seq, Timestamp, UserId};

/// Something that is true now and not kept: a later signal of the same [`SignalKey`] replaces it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Signal {
    /// A member is typing, or has stopped.
    Typing {
        /// Where.
        room_id: RoomId,
        /// Who.
        user: UserId,
        /// Whether it goes on.
        is_typing: bool,
    },
    /// How far a member has got.
    Receipt {
        /// Where.
        room_id: RoomId,
        /// Who.
        user: UserId,
        /// Read up to here.
        read: Seq,
        /// Delivered up to here.
        delivered: Seq,
    },
    /// The messages of others that a member's pointers have just passed over, in a direct room, for formats whose
    /// receipts are one a message. Never between nodes.
    #[serde(skip)]
    Passed {
        /// Where.
        room_id: RoomId,
        /// Who.
        user: UserId,
        /// Those that are read now, oldest first.
        read: Vec<MessageId>,
        /// Those that are delivered now, oldest first.
        delivered: Vec<MessageId>,
    },
    /// Whether a user is there.
    Presence {
        /// Who.
        user: UserId,
        /// How.
        status: PresenceStatus,
        /// When the last connection ended; absent while there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_seen: Option<Timestamp>,
    },
    /// How many are there, in a room too big to name them.
    #[serde(rename(serialize = "presence", deserialize = "presence_count"))]
    #[cfg_attr(feature = "schema", schemars(title = "PresenceCountSignal"))]
    PresenceCount {
        /// Where.
        room_id: RoomId,
        /// How many members are connected.
        online: u32,
    },
    /// What the own user has not read; to the user's own connections alone.
    Unread {
        /// Where.
        room_id: RoomId,
        /// Messages above the read pointer, capped at 1,000.
        unread: u32,
        /// Mentions above the read pointer, capped at 1,000.
        mentions: u32,
    },
    /// Whom the own user has blocked, all of them; to the user's own connections alone.
    Blocked {
        /// By id.
        users: Vec<UserId>,
    },
}

/// Whether a user is there, as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PresenceStatus {
    /// No connection that is not invisible.
    Offline,
    /// Connected on some device, active on none.
    Away,
    /// Connected and active.
    Online,
}

/// What a connection says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PresenceChoice {
    /// Active.
    #[default]
    Online,
    /// Connected and not active.
    Away,
    /// Not to be shown.
    Invisible,
}

/// Of two signals with equal keys the later one stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the fields are those of the signal")]
#[non_exhaustive]
pub enum SignalKey {
    Typing(RoomId, UserId),
    Receipt(RoomId, UserId),
    /// Each one is of its own: none replaces another.
    Passed(RoomId, UserId, Option<MessageId>, Option<MessageId>),
    Presence(UserId),
    PresenceCount(RoomId),
    Unread(RoomId),
    Blocked,
}

impl Signal {
    /// What it is the latest state of.
    #[must_use]
    pub fn key(&self) -> SignalKey {
        match self {
            Self::Typing { room_id, user, .. } => SignalKey::Typing(*room_id, user.clone()),
            Self::Receipt { room_id, user, .. } => SignalKey::Receipt(*room_id, user.clone()),
            Self::Passed { room_id, user, read, delivered } => {
                SignalKey::Passed(*room_id, user.clone(), read.last().copied(), delivered.last().copied())
            }
            Self::Presence { user, .. } => SignalKey::Presence(user.clone()),
            Self::PresenceCount { room_id, .. } => SignalKey::PresenceCount(*room_id),
            Self::Unread { room_id, .. } => SignalKey::Unread(*room_id),
            Self::Blocked { .. } => SignalKey::Blocked,
        }
    }
}

impl SignalKey {
    /// The name of the kind of signal, for metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Typing(..) => "typing",
            Self::Receipt(..) | Self::Passed(..) => "receipt",
            Self::Presence(_) | Self::PresenceCount(_) => "presence",
            Self::Unread(_) => "unread",
            Self::Blocked => "blocked",
        }
    }
}

/// Why a connection is not given a room's events any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnsubscribeReason {
    /// The user left.
    Left,
    /// The user was removed.
    Removed,
    /// The user was removed and is kept out.
    Banned,
    /// The room was deleted.
    Deleted,
    /// The connection asked for it.
    Requested,
}

impl From<LeaveReason> for UnsubscribeReason {
    fn from(reason: LeaveReason) -> Self {
        match reason {
            LeaveReason::Left => Self::Left,
            LeaveReason::Removed => Self::Removed,
            LeaveReason::Banned => Self::Banned,
        }
    }
}
