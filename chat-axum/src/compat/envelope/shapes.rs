//! The frames of `envelope`.

use chat_core::{
    PresenceStatus,
    model::{self, MessageId, Profile, RoomId, Timestamp},
};
use serde::Serialize;

use crate::compat::WireUser;

/// A frame to a client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Told<'a> {
    Message { data: Message<'a>, room_id: RoomId, timestamp: Timestamp },
    Typing { data: Typing, timestamp: Timestamp },
    UserStatus { data: Status, timestamp: Timestamp },
    Error { data: ErrorData<'a>, timestamp: Timestamp },
    Pong { data: Empty, timestamp: Timestamp },
}

/// A message.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    id: MessageId,
    content: &'a str,
    sender: WireUser,
    chat: RoomId,
    created_at: Timestamp,
    sender_info: Sender<'a>,
}

#[derive(Serialize)]
struct Sender<'a> {
    id: WireUser,
    name: &'a str,
    role: &'a str,
    avatar: Option<&'a str>,
}

/// Who is typing, or is not any more.
#[derive(Serialize)]
pub(super) struct Typing {
    pub(super) room_id: RoomId,
    pub(super) user_id: WireUser,
    pub(super) user_name: String,
    pub(super) is_typing: bool,
}

/// Whether a user is there.
#[derive(Serialize)]
pub(super) struct Status {
    pub(super) user_id: WireUser,
    pub(super) status: PresenceStatus,
    pub(super) last_seen: Timestamp,
}

/// What went wrong.
#[derive(Serialize)]
pub(super) struct ErrorData<'a> {
    pub(super) error: &'a str,
}

/// Nothing.
#[derive(Serialize)]
pub(super) struct Empty {}

impl<'a> Message<'a> {
    pub(super) fn of(message: &'a model::Message, content: &'a str, sender: &'a Profile) -> Self {
        Self {
            id: message.id,
            content,
            sender: WireUser(sender.id.clone()),
            chat: message.room_id,
            created_at: message.at,
            sender_info: Sender {
                id: WireUser(sender.id.clone()),
                name: &sender.name,
                role: &sender.role,
                avatar: sender.avatar.as_deref(),
            },
        }
    }
}
