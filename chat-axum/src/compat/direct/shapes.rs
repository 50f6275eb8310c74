//! The frames and bodies of `direct`.

use chat_core::{
    UserView,
    model::{self, MessageId, MessageStatus, Timestamp, UserId},
};
use serde::Serialize;

use crate::compat::WireUser;

/// A frame to a client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Told<'a> {
    PresenceSnapshot { online_user_ids: Vec<WireUser> },
    MessageCreated(Message<'a>),
    MessageDelivered { id: MessageId },
    MessageRead { id: MessageId },
    PresenceUpdate { user_id: WireUser, online: bool, last_seen: Option<Timestamp> },
    Typing { from: WireUser, is_typing: bool },
    Pong,
    Error { message: &'a str },
}

/// A message, in frames and bodies.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    id: MessageId,
    from: WireUser,
    to: WireUser,
    content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<&'a str>,
    message_type: &'a str,
    created_at: Timestamp,
    status: MessageStatus,
}

/// A user.
#[derive(Serialize)]
pub(super) struct User {
    id: WireUser,
    username: String,
    name: String,
    avatar: Option<String>,
    online: bool,
    last_seen: Option<Timestamp>,
}

impl<'a> Message<'a> {
    /// A message between two; none where its sender is neither.
    pub(super) fn of(
        message: &'a model::Message,
        pair: &(UserId, UserId),
        status: MessageStatus,
    ) -> Option<Self> {
        let from = message.sender.as_ref()?;
        let to = if *from == pair.0 { &pair.1 } else { &pair.0 };
        Some(Self {
            id: message.id,
            from: WireUser(from.clone()),
            to: WireUser(to.clone()),
            content: &message.content,
            caption: None,
            message_type: message.kind.as_str(),
            created_at: message.at,
            status,
        })
    }
}

impl From<UserView> for User {
    fn from(user: UserView) -> Self {
        Self {
            id: WireUser(user.profile.id),
            username: user.profile.username,
            name: user.profile.name,
            avatar: user.profile.avatar,
            online: user.online,
            last_seen: user.last_seen,
        }
    }
}
