//! The frames and bodies of `direct`.

use std::borrow::Cow;

use chat_core::{
    UserView,
    model::{self, AttachmentKind, MessageId, MessageStatus, Timestamp, UserId},
};
use serde::Serialize;

use crate::compat::{WireUser, files::Files};

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
    content: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<Cow<'a, str>>,
    message_type: &'static str,
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
    /// A message between two; none where nobody sent it. A file is the content, and what is said of it the caption,
    /// with the URLs of further files. What it is its file says: front ends put the content of an image into a tag, and
    /// a text whose sender calls it one would have them fetch whatever it names.
    pub(super) fn of(
        message: &'a model::Message,
        pair: &(UserId, UserId),
        status: MessageStatus,
        files: &Files,
    ) -> Option<Self> {
        let from = message.sender.as_ref()?;
        let to = if *from == pair.0 { &pair.1 } else { &pair.0 };
        let (content, caption, message_type) = match message.attachments.split_first() {
            None => (Cow::Borrowed(&*message.content), None, "text"),
            Some((file, more)) => {
                let caption = Some(files.beside(&message.content, more)).filter(|text| !text.is_empty());
                (Cow::Owned(files.url(&file.id)), caption, kind_text(file.kind))
            }
        };
        Some(Self {
            id: message.id,
            from: WireUser(from.clone()),
            to: WireUser(to.clone()),
            content,
            caption,
            message_type,
            created_at: message.at,
            status,
        })
    }
}

/// What a message with a file is.
pub(super) const fn kind_text(kind: AttachmentKind) -> &'static str {
    match kind {
        AttachmentKind::Image => "image",
        AttachmentKind::Audio => "audio",
        AttachmentKind::Video => "video",
        _ => "file",
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
