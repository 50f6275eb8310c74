//! Reports of messages.

use serde::{Deserialize, Serialize};

use super::{MessageId, ReportId, RoomId, Seq, Timestamp, UserId};

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReportStatus {
    /// Nobody has decided yet.
    Pending,
    /// A moderator has seen to it.
    Reviewed,
    /// A moderator found nothing wrong.
    Dismissed,
}

/// A user's report of a message, with a copy of what the message said when it was reported: an edit or delete after
/// that does not change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct Report {
    /// Unique over all rooms, ascending.
    pub id: ReportId,
    /// The room of the message.
    pub room_id: RoomId,
    /// The message's place in the room's log.
    pub seq: Seq,
    /// The message.
    pub message_id: MessageId,
    /// Who had sent it; absent: the host.
    pub sender: Option<UserId>,
    /// What it said.
    pub content: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Who reported it.
    pub reporter: UserId,
    /// Why.
    pub reason: String,
    /// What became of it.
    pub status: ReportStatus,
    /// When it was reported.
    pub created_at: Timestamp,
    /// Who decided; absent while nobody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<UserId>,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
}
