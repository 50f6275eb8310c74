//! Rooms and how a reader sees them.

use serde::{Deserialize, Serialize};

use super::{Member, Message, Metadata, Role, RoomId, Seq, Timestamp, UserId};

/// Who may be in a room, and how one gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RoomKind {
    /// Two users; unique for the pair; nobody is added, removed or leaves.
    Direct,
    /// Members are added by an owner or moderator.
    Group,
    /// Anyone may join.
    Public,
}

/// What a member may read of the time before the join.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HistoryMode {
    /// Everything.
    #[default]
    All,
    /// Only what comes from the own join on.
    FromJoin,
}

/// A room as its log carries it: no aggregates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Room {
    /// Its id.
    pub id: RoomId,
    /// Its kind.
    pub kind: RoomKind,
    /// Its name; a direct room has none.
    pub name: Option<String>,
    /// The host's own data.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// The host's object that the room belongs to (an order, a ticket), unique over all rooms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What late joiners may read.
    pub history: HistoryMode,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it; absent: the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<UserId>,
}

impl Room {
    /// A room with these needful parts and nothing else.
    #[must_use]
    pub fn new(id: RoomId, kind: RoomKind, created_at: Timestamp) -> Self {
        Self {
            id,
            kind,
            name: None,
            metadata: Metadata::default(),
            subject: None,
            history: HistoryMode::All,
            created_at,
            created_by: None,
        }
    }
}

/// A user's standing in a room, with everything a subscription starts from, read in one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct Membership {
    /// The room.
    pub room: RoomId,
    /// The user's role.
    pub role: Role,
    /// The room's head in the snapshot that this was read in.
    pub head: Seq,
    /// Events at or below this are not for this member (0: everything is).
    pub visible_from: Seq,
    /// How many members the room has.
    pub member_count: u32,
}

/// A room in a user's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct RoomEntry {
    /// The room.
    #[serde(flatten)]
    pub room: Room,
    /// The reader's role; absent in a list of open rooms that one is not in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The other user of a direct room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<UserId>,
    /// The room's head in the snapshot that this was read in; what lies above is told by events.
    pub head: Seq,
    /// When the room last changed.
    pub updated_at: Timestamp,
    /// How many members it has.
    pub member_count: u32,
    /// Up to where the reader has read.
    pub read: Seq,
    /// Messages above `read`, capped at 1,000.
    pub unread: u32,
    /// Mentions of the reader above `read`, capped at 1,000.
    pub mentions: u32,
    /// The newest message that is not deleted, with at most 200 characters of content.
    pub last_message: Option<Message>,
    /// Where the room list goes on after this room: its place in the order by activity.
    #[serde(skip)]
    pub activity: Activity,
}

/// A place in the order of rooms by latest activity, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "a plain pair")]
pub struct Activity {
    /// Time of the room's latest event.
    pub at: Timestamp,
    /// Breaks ties.
    pub room: RoomId,
}

/// One room in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "built by the engine alone")]
pub struct RoomDetail {
    /// The room as in the list.
    #[serde(flatten)]
    pub entry: RoomEntry,
    /// Its members, owners first, at most one page; the rest by the members call.
    pub members: Vec<Member>,
    /// How far each member has got; empty in rooms above the receipt bound.
    pub pointers: Vec<Pointer>,
    /// Same as `head`: apply only events above it to this answer.
    pub as_of: Seq,
}

/// How far a member has got in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct Pointer {
    /// The member.
    pub user: UserId,
    /// Up to where the member has read.
    pub read: Seq,
    /// Up to where messages reached one of the member's connections; never below `read`.
    pub delivered: Seq,
}

/// What is unread for one member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct Unread {
    /// The read pointer.
    pub read: Seq,
    /// Messages above it, capped at 1,000.
    pub unread: u32,
    /// Mentions above it, capped at 1,000.
    pub mentions: u32,
}
