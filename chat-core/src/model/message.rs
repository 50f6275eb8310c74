//! Messages.

use serde::{Deserialize, Serialize};

use super::{Attachment, Emoji, MessageId, MessageKind, Metadata, RoomId, Seq, Timestamp, UserId};

/// A message as it is now. Where `deleted`, nothing of what was said is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct Message {
    /// Unique over all rooms.
    pub id: MessageId,
    /// The room.
    pub room_id: RoomId,
    /// Its place in the room's log, by which it is named.
    pub seq: Seq,
    /// Who sent it; absent: the host.
    pub sender: Option<UserId>,
    /// What it is.
    pub kind: MessageKind,
    /// The text, at most 16 KiB.
    pub content: String,
    /// When it was sent.
    pub at: Timestamp,
    /// When it was last edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    /// 1 as sent, one more with each edit and the delete: of two copies the higher is the newer.
    pub version: u32,
    /// Whether it was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// The message that it quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Seq>,
    /// The first message of the thread that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<Seq>,
    /// Users named in it.
    #[serde(default)]
    pub mentions: Vec<UserId>,
    /// Files it carries.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// The host's own data.
    #[serde(default)]
    pub metadata: Metadata,
}

impl Message {
    /// Removes all that was said.
    pub fn redact(&mut self) {
        self.content = String::new();
        self.mentions = Vec::new();
        self.attachments = Vec::new();
        self.metadata = Metadata::default();
        self.deleted = true;
    }

    /// Cuts the content to at most `characters`.
    pub fn shorten(&mut self, characters: usize) {
        if let Some((at, _)) = self.content.char_indices().nth(characters) {
            self.content.truncate(at);
        }
    }
}

/// A message in an answer, with what events do not carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct MessageView {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// Reactions by kind, in the order of their first use.
    pub reactions: Vec<ReactionCount>,
    /// The thread that starts here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replies: Option<ThreadSummary>,
    /// How far it has got: an own message in a room within the bound for receipts, or any in a room of two. A store leaves
    /// it out; the engine says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<MessageStatus>,
}

/// How far a message has got with all others in the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the three that there are")]
pub enum MessageStatus {
    /// Stored.
    Sent,
    /// Written to a connection of everyone else.
    Delivered,
    /// Read by everyone else.
    Read,
}

impl MessageStatus {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }
}

/// How many users reacted with one emoji.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct ReactionCount {
    /// The emoji.
    pub emoji: Emoji,
    /// By how many users.
    pub count: u32,
    /// Whether the reader is among them.
    pub mine: bool,
}

/// A thread in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct ThreadSummary {
    /// Messages in it.
    pub count: u32,
    /// The newest of them.
    pub last_seq: Seq,
}

/// An earlier version of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct MessageVersion {
    /// Which one.
    pub version: u32,
    /// Its text.
    pub content: String,
    /// Since when it stood.
    pub at: Timestamp,
}
