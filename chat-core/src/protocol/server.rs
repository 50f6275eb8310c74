//! What clients are answered and told, beside events and signals.

use std::collections::BTreeMap;

use serde::Serialize;

use super::FrameId;
use crate::{
    error::{Error, ErrorCode, MissingRoom},
    limits::Limits,
    model::{ConnectionId, Message, Profile, RoomEntry, RoomId, Seq, Timestamp, Unread, UserId},
    signal::{PresenceStatus, UnsubscribeReason},
    store::MessagePage,
};

/// An answer or notice for one connection.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of the protocol's frames")]
#[non_exhaustive]
pub enum ServerFrame<'a> {
    /// To `hello`.
    Welcome(&'a Welcome),
    /// To `subscribe`: events come from `from + 1` on; `head` is the room's.
    Subscribed {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a FrameId>,
        room_id: RoomId,
        from: Seq,
        head: Seq,
    },
    /// To `ping`: rooms whose head changed since the last pong.
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a FrameId>,
        #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<crate::schema::RoomKey, Seq>"))]
        heads: BTreeMap<RoomId, Seq>,
    },
    /// To every other command that has an `id`.
    Ok {
        id: &'a FrameId,
        #[serde(flatten)]
        body: OkBody<'a>,
    },
    /// To a command that failed.
    Error(ErrorBody<'a>),
    /// Events `from ..= to` of a room are left out; they can be read by REST.
    Gap { room_id: RoomId, from: Seq, to: Seq },
    /// The user is in this room now; its events follow from `head + 1` on.
    RoomAdded { room: &'a RoomEntry },
    /// No more events of a room.
    Unsubscribed { room_id: RoomId, reason: UnsubscribeReason },
    /// The token ends soon; `auth` renews it.
    TokenExpiring { in_ms: u64 },
    /// The last frame before the connection is closed.
    Bye { reason: ByeReason, reconnect_after_ms: u64 },
}

/// What `ok` says.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[expect(missing_docs, reason = "the fields are those of the protocol's frames")]
#[non_exhaustive]
pub enum OkBody<'a> {
    /// To `send`.
    #[cfg_attr(feature = "schema", schemars(title = "OkSentFrame"))]
    Sent { room_id: RoomId, seq: Seq, message: &'a Message, repeat: bool },
    /// To `edit`, `delete`, `react`, `unreact`: the position, where something changed.
    #[cfg_attr(feature = "schema", schemars(title = "OkChangedFrame"))]
    Changed {
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<Seq>,
    },
    /// To `read`.
    #[cfg_attr(feature = "schema", schemars(title = "OkReadFrame"))]
    Read(Unread),
    /// To `history`.
    #[cfg_attr(feature = "schema", schemars(title = "OkHistoryFrame"))]
    History(&'a MessagePage),
    /// To `auth`, `typing`, `presence`, `unsubscribe`.
    #[cfg_attr(feature = "schema", schemars(title = "OkDoneFrame"))]
    Done {},
}

/// What went wrong.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "adapters build it")]
pub struct ErrorBody<'a> {
    /// The frame that failed, where it had a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a FrameId>,
    /// What went wrong.
    pub code: ErrorCode,
    /// The same for people.
    pub message: &'a str,
    /// Whether the same frame may succeed later.
    pub retryable: bool,
    /// When to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The field that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'a str>,
    /// Why a room was not found, or is open to members alone; never on the native wire.
    #[serde(skip)]
    pub missing_room: Option<MissingRoom>,
}

impl<'a> ErrorBody<'a> {
    /// The answer to the frame `id` that failed with `error`.
    #[must_use]
    pub fn new(id: Option<&'a FrameId>, error: &'a Error) -> Self {
        Self {
            id,
            code: error.code(),
            message: error.message(),
            retryable: error.is_retryable(),
            retry_after_ms: error.retry_after().map(|wait| {
                u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).min(crate::model::MAX_SAFE_INTEGER)
            }),
            field: error.field(),
            missing_room: error.why_missing(),
        }
    }
}

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ByeReason {
    /// The node goes down: reconnect and resume after the time told.
    Shutdown,
    /// The store was restored or replaced: reconnect without cursors and load anew.
    Reset,
    /// The token has ended.
    TokenExpired,
    /// The host or an operator ended it.
    Disconnected,
    /// The user has a connection more than allowed, and this is the oldest.
    Superseded,
    /// The client sent too much, or read too little.
    Flood,
}

/// The answer to `hello`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "built by the engine alone")]
pub struct Welcome {
    /// Who the connection is.
    pub user: Profile,
    /// The connection, for logs.
    pub connection_id: ConnectionId,
    /// The store's epoch, to be kept with the cursors.
    pub epoch: String,
    /// The cursors of `hello` are void: drop all that is kept and load anew.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reset: bool,
    /// Between two pings of the server.
    pub heartbeat_ms: u64,
    /// The bounds that a client should know.
    pub limits: WelcomeLimits,
    /// The latest active rooms in full.
    pub rooms: Vec<RoomEntry>,
    /// The head of every room that is subscribed.
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<crate::schema::RoomKey, Seq>"))]
    pub heads: BTreeMap<RoomId, Seq>,
    /// Rooms of `hello` that can no longer be read.
    pub gone: Vec<RoomId>,
    /// Whom the user has blocked: to be hidden.
    pub blocked: Vec<UserId>,
    /// Who is there, of those with whom the user shares a room.
    pub presence: Vec<PresenceEntry>,
}

/// Whether a user is there, as `welcome` tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "the fields are those of the protocol's frames")]
#[expect(clippy::exhaustive_structs, reason = "built by the engine alone")]
pub struct PresenceEntry {
    pub user: UserId,
    pub status: PresenceStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
}

/// The bounds that a client should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "the fields are those of `Limits`")]
#[expect(clippy::exhaustive_structs, reason = "built by the engine alone")]
pub struct WelcomeLimits {
    pub content_bytes: usize,
    pub frame_bytes: usize,
    pub metadata_bytes: usize,
    pub name_chars: usize,
    pub mentions: usize,
    pub attachments: usize,
    pub upload_bytes: usize,
    pub reaction_kinds: usize,
    pub page: usize,
    pub in_flight: usize,
    pub rooms: usize,
}

impl From<&Limits> for WelcomeLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            content_bytes: limits.content_bytes_max,
            frame_bytes: limits.frame_bytes_max,
            metadata_bytes: limits.metadata_bytes_max,
            name_chars: limits.name_chars_max,
            mentions: limits.mentions_max,
            attachments: limits.attachments_max,
            upload_bytes: limits.upload_bytes_max,
            reaction_kinds: limits.reaction_kinds_max,
            page: limits.page_max,
            in_flight: limits.in_flight_max,
            rooms: limits.rooms_per_connection_max,
        }
    }
}
