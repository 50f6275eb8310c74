//! Members and roles.

use serde::{Deserialize, Serialize};

use super::{Seq, Timestamp, UserId};

/// What a member may do, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Also manages members below and messages of others.
    Moderator,
    /// Also manages moderators and the room itself.
    Owner,
}

/// A user in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct Member {
    /// The user.
    pub user: UserId,
    /// The role.
    pub role: Role,
    /// When the user joined.
    pub joined_at: Timestamp,
    /// Until when the user may not write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<Timestamp>,
}

/// Why a user is no member any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LeaveReason {
    /// By the own wish.
    Left,
    /// By someone with the right to.
    Removed,
    /// Removed and kept out.
    Banned,
}

/// A user kept out of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct Ban {
    /// The user.
    pub user: UserId,
    /// By whom; absent: the host.
    pub by: Option<UserId>,
    /// Since when.
    pub at: Timestamp,
    /// Until when; absent: for good.
    pub until: Option<Timestamp>,
}

impl Ban {
    /// Whether it still holds.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What a store keeps of a member beyond what others see.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct MemberRow {
    /// What others see.
    pub member: Member,
    /// Where the member's log begins: events at or below are not shown.
    pub visible_from: Seq,
    /// Read pointer.
    pub read: Seq,
    /// Delivered pointer.
    pub delivered: Seq,
}
