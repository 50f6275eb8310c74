//! Messages looked for by their words.

use serde::Serialize;

use super::SearchText;
use crate::model::{Membership, Message, MessageId, RoomId, Seq, UserId};

/// Which messages to look for.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the engine builds it, stores take it apart")]
pub struct SearchQuery {
    /// What must occur in them; where it is empty, nothing is found.
    pub text: SearchText,
    /// Where.
    pub scope: SearchScope,
    /// Only messages of this user.
    pub sender: Option<UserId>,
    /// Only messages with an id below this.
    pub before: Option<MessageId>,
    /// At most this many.
    pub limit: usize,
}

/// Which rooms to look in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the engine builds it, stores take it apart")]
pub enum SearchScope {
    /// All of them, from their beginnings: for the host.
    Everywhere,
    /// These, each once, and in each only what its reader may see.
    These(Vec<SearchedRoom>),
}

/// A room to look in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a plain pair")]
pub struct SearchedRoom {
    /// The room.
    pub room: RoomId,
    /// No message at or below this.
    pub visible_from: Seq,
}

impl From<&Membership> for SearchedRoom {
    fn from(membership: &Membership) -> Self {
        Self { room: membership.room, visible_from: membership.visible_from }
    }
}

/// Messages that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct SearchPage {
    /// Newest first: by id, the greatest first.
    pub messages: Vec<Message>,
    /// Whether the search goes on; a store that has looked at much and found little says so too, with a page that is
    /// not full, or empty.
    pub more: bool,
    /// Where it goes on: `before` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<MessageId>,
}

impl SearchPage {
    /// A page of what was found, one more than `limit` where there is more.
    #[must_use]
    pub fn of(mut messages: Vec<Message>, limit: usize) -> Self {
        let more = messages.len() > limit;
        messages.truncate(limit);
        let next = messages.last().map(|message| message.id).filter(|_| more);
        Self { messages, more, next }
    }
}
