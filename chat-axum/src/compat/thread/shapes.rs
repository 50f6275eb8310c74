//! The frames and objects of `thread`.

use std::borrow::Cow;

use chat_core::{
    ErrorCode,
    model::{self, MessageId, Profile, ReportId, ReportStatus, Role, RoomId, Timestamp},
};
use serde::Serialize;

use crate::compat::{WireUser, files::Files, rooms::Peopled};

/// A frame to a client.
#[derive(Serialize)]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
pub(super) enum Told<'a> {
    Pong,
    ChatTyping {
        user_id: WireUser,
        is_typing: bool,
    },
    ChatMessage(Message<'a>),
    Error {
        code: ErrorCode,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
}

/// A message.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    id: MessageId,
    thread: RoomId,
    author: Author<'a>,
    content: Cow<'a, str>,
    created_at: Timestamp,
}

#[derive(Serialize)]
struct Author<'a> {
    id: WireUser,
    username: &'a str,
    email: &'a str,
}

/// A thread, and who is in it.
#[derive(Serialize)]
pub(super) struct Thread {
    id: RoomId,
    title: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    memberships: Vec<Membership>,
}

/// A user in a thread.
#[derive(Serialize)]
pub(super) struct Membership {
    pub(super) user: WireUser,
    pub(super) role: Role,
}

/// A report of a message.
#[derive(Serialize)]
pub(super) struct Report {
    id: ReportId,
    message: MessageId,
    reason: String,
    status: ReportStatus,
    reporter: WireUser,
    created_at: Timestamp,
    content: String,
}

impl<'a> Message<'a> {
    pub(super) fn of(message: &'a model::Message, author: &'a Profile, files: &Files) -> Self {
        Self {
            id: message.id,
            thread: message.room_id,
            author: Author {
                id: WireUser(author.id.clone()),
                username: &author.username,
                email: &author.email,
            },
            content: files.content(message),
            created_at: message.at,
        }
    }
}

impl From<Peopled> for Thread {
    fn from(room: Peopled) -> Self {
        let Peopled { entry, members } = room;
        let membership =
            |member: model::Member| Membership { user: WireUser(member.user), role: member.role };
        Self {
            id: entry.room.id,
            title: entry.room.name,
            created_at: entry.room.created_at,
            updated_at: entry.updated_at,
            memberships: members.into_iter().map(membership).collect(),
        }
    }
}

impl From<model::Report> for Report {
    fn from(report: model::Report) -> Self {
        Self {
            id: report.id,
            message: report.message_id,
            reason: report.reason,
            status: report.status,
            reporter: WireUser(report.reporter),
            created_at: report.created_at,
            content: report.content,
        }
    }
}
