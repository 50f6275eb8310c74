//! What requests and answers carry, beside the engine's own types.

use std::sync::Arc;

use chat_core::{
    Event,
    model::{
        AttachmentId, AuditId, Ban, ClientId, HistoryMode, Member, MessageId, MessageKind, MessageVersion,
        Metadata, ReportId, ReportStatus, Role, RoomEntry, RoomId, RoomKind, Seq, Timestamp, UserId,
    },
    protocol::PresenceEntry,
};
use serde::{Deserialize, Serialize};

use crate::extract::{Position, or_null};

/// A room to be made.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct NewRoom {
    pub(crate) kind: RoomKind,
    /// A direct room has none.
    pub(crate) name: Option<String>,
    /// Its first members; the maker is one, named or not.
    pub(crate) members: Option<Vec<UserId>>,
    /// The key to ask again under.
    pub(crate) client_id: Option<ClientId>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) history: Option<HistoryMode>,
}

/// What to change of a room: fields that are not there stay as they are.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct RoomPatch {
    /// `null` takes the name away.
    #[serde(default, deserialize_with = "or_null")]
    pub(crate) name: Option<Option<String>>,
    /// As a whole.
    pub(crate) metadata: Option<Metadata>,
    pub(crate) history: Option<HistoryMode>,
}

/// Members to be added: one, or several.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct NewMembers {
    pub(crate) user: Option<UserId>,
    pub(crate) users: Option<Vec<UserId>>,
    /// Below the own role; `member` where nothing is said.
    pub(crate) role: Option<Role>,
}

/// One change of a member: the role, or the mute.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct MemberPatch {
    /// `owner` hands the own ownership over.
    pub(crate) role: Option<Role>,
    /// `null` gives the right to write back.
    #[serde(default, deserialize_with = "or_null")]
    pub(crate) muted_until: Option<Option<Timestamp>>,
}

/// A message to be sent.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct NewMessage {
    pub(crate) content: String,
    /// `text` where nothing is said.
    pub(crate) kind: Option<MessageKind>,
    /// The key to ask again under.
    pub(crate) client_id: Option<ClientId>,
    pub(crate) reply_to: Option<Position>,
    pub(crate) thread: Option<Position>,
    pub(crate) mentions: Option<Vec<UserId>>,
    pub(crate) attachments: Option<Vec<AttachmentId>>,
    pub(crate) metadata: Option<Metadata>,
}

/// A message's new text.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct MessagePatch {
    pub(crate) content: String,
    /// As before where nothing is said.
    pub(crate) mentions: Option<Vec<UserId>>,
}

/// Read up to here.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct ReadUpTo {
    pub(crate) seq: Position,
}

/// Which rooms to list.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct RoomsQuery {
    /// Public rooms whose name has this text in it (empty: all), and not the own ones.
    pub(crate) public: Option<String>,
    /// `next` of the page before.
    pub(crate) before: Option<String>,
    pub(crate) limit: Option<usize>,
}

/// Which members to list.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct MembersQuery {
    /// `next` of the page before.
    pub(crate) after: Option<UserId>,
    pub(crate) limit: Option<usize>,
}

/// How to remove a member.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct RemovalQuery {
    /// Whether to keep the user out.
    pub(crate) ban: Option<bool>,
    /// Until when; for good where nothing is said.
    pub(crate) until: Option<Timestamp>,
}

/// Which messages to read: the newest, or those about a place.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct MessagesQuery {
    pub(crate) before: Option<Position>,
    pub(crate) after: Option<Position>,
    pub(crate) around: Option<Position>,
    /// Only messages of the thread that starts here.
    pub(crate) thread: Option<Position>,
    pub(crate) limit: Option<usize>,
}

/// Which events to read.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct EventsQuery {
    /// Those above this place; from the first one where nothing is said.
    pub(crate) since: Option<Position>,
    pub(crate) limit: Option<usize>,
    /// The epoch that `since` is of: another one than stands is a conflict.
    pub(crate) epoch: Option<String>,
}

/// What to search for.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct SearchQuery {
    /// Words that must all occur, in any case, the last one perhaps as the beginning of a word. In scripts without
    /// spaces, any piece of text. No sign is special.
    pub(crate) q: String,
    /// Only in this room; else in all that the caller is in.
    pub(crate) room_id: Option<RoomId>,
    /// Only messages of this user (`me`: the caller).
    pub(crate) sender: Option<UserId>,
    /// `next` of the page before.
    pub(crate) before: Option<MessageId>,
    pub(crate) limit: Option<usize>,
}

/// A message to be reported: by its id, or by its room and its place there.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct NewReport {
    pub(crate) message_id: Option<MessageId>,
    /// With `message_id` it may be left out, and must be the message's where it is there.
    pub(crate) room_id: Option<RoomId>,
    /// The message's place. As `room_id`.
    pub(crate) seq: Option<Position>,
    /// Why; at most 1,000 characters.
    pub(crate) reason: String,
}

/// Which reports to list.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct ReportsQuery {
    pub(crate) status: Option<ReportStatus>,
    /// Only reports of messages of this room; else of all that the caller moderates.
    pub(crate) room_id: Option<RoomId>,
    /// `next` of the page before.
    pub(crate) before: Option<ReportId>,
    pub(crate) limit: Option<usize>,
}

/// A decision on a report.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct ReportPatch {
    /// `reviewed` or `dismissed`.
    pub(crate) status: ReportStatus,
}

/// Which of the trail to read.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct AuditQuery {
    /// `next` of the page before.
    pub(crate) before: Option<AuditId>,
    pub(crate) limit: Option<usize>,
}

/// Whose presence to tell.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct PresenceQuery {
    /// User ids with commas between.
    pub(crate) users: String,
}

/// Rooms, the latest active first.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Rooms {
    pub(crate) rooms: Vec<RoomEntry>,
    /// `before` of the next page, where there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// Members by user id.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Members {
    pub(crate) members: Vec<Member>,
    /// `after` of the next page, where there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<UserId>,
}

/// What came of adding members, in the order asked.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Added {
    pub(crate) added: Vec<AddedMember>,
}

/// What came of adding one member.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct AddedMember {
    pub(crate) user: UserId,
    /// Its place in the log; absent where the user was a member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seq: Option<Seq>,
}

/// A change.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Changed {
    /// Its place in the log; absent where nothing changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seq: Option<Seq>,
}

/// Who is kept out.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Bans {
    pub(crate) bans: Vec<Ban>,
}

/// Earlier versions of a message, oldest first.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Versions {
    pub(crate) versions: Vec<MessageVersion>,
}

/// Events of a room, as on the socket.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Events {
    /// Oldest first, without a hole.
    pub(crate) events: Vec<Event>,
    /// The room's latest place in the same snapshot.
    pub(crate) head: Seq,
    pub(crate) epoch: Arc<str>,
}

/// Who is there, of those with whom the caller shares a room.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Presence {
    pub(crate) presence: Vec<PresenceEntry>,
}

/// Whom the caller has blocked.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Blocks {
    /// By id.
    pub(crate) blocked: Vec<UserId>,
}

/// What a path with a report names.
#[derive(Debug, Deserialize)]
pub(crate) struct ReportPath {
    pub(crate) id: ReportId,
}

/// What a path with a room names.
#[derive(Debug, Deserialize)]
pub(crate) struct RoomPath {
    pub(crate) id: RoomId,
}

/// What a path with a member names.
#[derive(Debug, Deserialize)]
pub(crate) struct MemberPath {
    pub(crate) id: RoomId,
    pub(crate) user: UserId,
}

/// What a path with a message names.
#[derive(Debug, Deserialize)]
pub(crate) struct MessagePath {
    pub(crate) id: RoomId,
    pub(crate) seq: Position,
}

/// What a path with a reaction names.
#[derive(Debug, Deserialize)]
pub(crate) struct ReactionPath {
    pub(crate) id: RoomId,
    pub(crate) seq: Position,
    pub(crate) emoji: String,
}

/// What a path with a user names.
#[derive(Debug, Deserialize)]
pub(crate) struct UserPath {
    pub(crate) id: UserId,
}
