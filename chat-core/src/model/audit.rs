//! What moderators did.

use serde::{Deserialize, Serialize};

use super::{AuditId, ReportId, Role, RoomId, Seq, Timestamp, UserId};

/// What a moderator did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuditAction {
    /// Removed `user`.
    MemberRemoved,
    /// Keeps `user` out, until `until` or for good.
    Banned,
    /// Lifted the ban of `user`.
    Unbanned,
    /// Took the right to write from `user`, until `until`.
    Muted,
    /// Gave it back to `user`.
    Unmuted,
    /// Gave `user` the role `role`.
    RoleChanged,
    /// Made `user` the owner.
    OwnershipTransferred,
    /// Deleted the message `seq` of `user`.
    MessageDeleted,
    /// Deleted the room.
    RoomDeleted,
    /// Decided on the report `report`, about the message `seq` of `user`: it was right.
    ReportReviewed,
    /// Decided on the report `report`, about the message `seq` of `user`: nothing was wrong.
    ReportDismissed,
}

/// One thing that a moderator, or the host, did. What concerns nothing of its kind has no such field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "stores take it apart; a new field must not be forgotten")]
pub struct AuditRecord {
    /// Where.
    pub room_id: RoomId,
    /// When.
    pub at: Timestamp,
    /// Who; absent: the host.
    pub actor: Option<UserId>,
    /// What.
    pub action: AuditAction,
    /// To whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// About which message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// As what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// About which report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportId>,
}

/// A record as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct AuditEntry {
    /// Ascending in the order in which the entries of a room were made.
    pub id: AuditId,
    /// What was done.
    #[serde(flatten)]
    pub record: AuditRecord,
}

impl AuditRecord {
    /// `actor` did `action` in `room`.
    #[must_use]
    pub const fn new(room_id: RoomId, at: Timestamp, actor: Option<UserId>, action: AuditAction) -> Self {
        Self { room_id, at, actor, action, user: None, seq: None, until: None, role: None, report: None }
    }

    /// With the user that it was done to.
    #[must_use]
    pub fn to(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }
}
