//! The frames of `flat`.

use chat_core::model::{self, MessageId, Profile, RoomId, Timestamp};
use serde::Serialize;

use crate::compat::WireUser;

/// A frame to a client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Told<'a> {
    RoomJoined { room_id: RoomId },
    Message { data: Message<'a> },
    Typing { data: Typing },
    Heartbeat,
    UserStatus { user_id: WireUser, status: &'static str },
    Error { message: &'a str },
}

/// A message.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    id: MessageId,
    content: &'a str,
    sender_info: Sender<'a>,
    created_at: Timestamp,
    status: &'static str,
    room_id: RoomId,
}

#[derive(Serialize)]
struct Sender<'a> {
    id: WireUser,
    name: &'a str,
    role: &'a str,
}

/// Who is typing, or is not any more.
#[derive(Serialize)]
pub(super) struct Typing {
    pub(super) user_id: WireUser,
    pub(super) user_name: String,
    pub(super) room_id: RoomId,
    pub(super) is_typing: bool,
}

impl<'a> Message<'a> {
    pub(super) fn of(message: &'a model::Message, content: &'a str, sender: &'a Profile) -> Self {
        Self {
            id: message.id,
            content,
            sender_info: Sender { id: WireUser(sender.id.clone()), name: &sender.name, role: &sender.role },
            created_at: message.at,
            status: "sent",
            room_id: message.room_id,
        }
    }
}
