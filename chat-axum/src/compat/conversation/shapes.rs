//! The frames and objects of `conversation`.

use chat_core::model::{self, AttachmentId, MessageId, Profile, RoomId, RoomKind, Timestamp};
use serde::Serialize;

use crate::compat::{WireUser, files::Files, is_shown, names::Names, rooms::Peopled};

/// A frame to a client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Told<'a> {
    ChatMessage { message: Message<'a> },
    Notification { conversation: RoomId, unread_count: u32, last_message: Option<Message<'a>> },
    Error { message: &'a str },
}

/// A message.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    id: MessageId,
    conversation: RoomId,
    sender: Person,
    content: &'a str,
    attachments: Vec<File<'a>>,
    created_at: Timestamp,
}

/// A file.
#[derive(Serialize)]
pub(super) struct File<'a> {
    id: &'a AttachmentId,
    url: String,
    name: &'a str,
    content_type: &'a str,
    size: u64,
}

/// A user.
#[derive(Serialize)]
pub(super) struct Person {
    id: WireUser,
    name: String,
    avatar: Option<String>,
}

/// A conversation, as its reader sees it.
#[derive(Serialize)]
pub(super) struct Conversation<'a> {
    id: RoomId,
    name: Option<&'a str>,
    is_group: bool,
    participants: Vec<Person>,
    last_message: Option<Message<'a>>,
    unread_count: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> Message<'a> {
    pub(super) fn of(message: &'a model::Message, sender: &Profile, files: &Files) -> Self {
        Self {
            id: message.id,
            conversation: message.room_id,
            sender: Person::of(sender),
            content: &message.content,
            attachments: message.attachments.iter().map(|file| File::of(file, files)).collect(),
            created_at: message.at,
        }
    }

    /// A message, where it is shown.
    pub(super) fn shown(message: &'a model::Message, names: &Names, files: &Files) -> Option<Self> {
        let sender = message.sender.as_ref().filter(|_| is_shown(message))?;
        Some(Self::of(message, &names.profile(sender), files))
    }
}

impl<'a> File<'a> {
    pub(super) fn of(file: &'a model::Attachment, files: &Files) -> Self {
        Self {
            id: &file.id,
            url: files.url(&file.id),
            name: &file.name,
            content_type: &file.content_type,
            size: file.size,
        }
    }
}

impl Person {
    fn of(profile: &Profile) -> Self {
        Self { id: WireUser(profile.id.clone()), name: profile.name.clone(), avatar: profile.avatar.clone() }
    }
}

impl<'a> Conversation<'a> {
    pub(super) fn of(room: &'a Peopled, names: &Names, files: &Files) -> Self {
        let entry = &room.entry;
        Self {
            id: entry.room.id,
            name: entry.room.name.as_deref(),
            is_group: entry.room.kind != RoomKind::Direct,
            participants: room
                .members
                .iter()
                .map(|member| Person::of(&names.profile(&member.user)))
                .collect(),
            last_message: entry
                .last_message
                .as_ref()
                .and_then(|message| Message::shown(message, names, files)),
            unread_count: entry.unread,
            created_at: entry.room.created_at,
            updated_at: entry.updated_at,
        }
    }
}
