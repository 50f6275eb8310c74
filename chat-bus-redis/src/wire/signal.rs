//! Signals between nodes: what clients are told is another matter, and may say less.

use chat_core::{
    PresenceStatus, Signal,
    model::{RoomId, Seq, Timestamp, UserId},
};
use serde::{Deserialize, Serialize};

/// A signal with every kind under a name of its own.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum WireSignal {
    Typing {
        room_id: RoomId,
        user: UserId,
        is_typing: bool,
    },
    Receipt {
        room_id: RoomId,
        user: UserId,
        read: Seq,
        delivered: Seq,
    },
    Presence {
        user: UserId,
        status: PresenceStatus,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_seen: Option<Timestamp>,
    },
    PresenceCount {
        room_id: RoomId,
        online: u32,
    },
    Unread {
        room_id: RoomId,
        unread: u32,
        mentions: u32,
    },
}

impl WireSignal {
    /// None for a kind that this build does not know how to say.
    pub(super) fn of(signal: &Signal) -> Option<Self> {
        Some(match signal.clone() {
            Signal::Typing { room_id, user, is_typing } => Self::Typing { room_id, user, is_typing },
            Signal::Receipt { room_id, user, read, delivered } => {
                Self::Receipt { room_id, user, read, delivered }
            }
            Signal::Presence { user, status, last_seen } => Self::Presence { user, status, last_seen },
            Signal::PresenceCount { room_id, online } => Self::PresenceCount { room_id, online },
            Signal::Unread { room_id, unread, mentions } => Self::Unread { room_id, unread, mentions },
            _ => return None,
        })
    }
}

impl From<WireSignal> for Signal {
    fn from(signal: WireSignal) -> Self {
        match signal {
            WireSignal::Typing { room_id, user, is_typing } => Self::Typing { room_id, user, is_typing },
            WireSignal::Receipt { room_id, user, read, delivered } => {
                Self::Receipt { room_id, user, read, delivered }
            }
            WireSignal::Presence { user, status, last_seen } => Self::Presence { user, status, last_seen },
            WireSignal::PresenceCount { room_id, online } => Self::PresenceCount { room_id, online },
            WireSignal::Unread { room_id, unread, mentions } => Self::Unread { room_id, unread, mentions },
        }
    }
}
