//! Taking over what another system kept: rooms and messages that come with ids of their own.

use async_trait::async_trait;

use super::{Refusal, Store, StoreError};
use crate::model::{ClientId, MessageId, MessageKind, Metadata, Role, RoomId, RoomKind, Timestamp, UserId};

/// Messages of one [`ImportPart`] at most.
pub const IMPORT_MESSAGES_MAX: usize = 1_000;

/// Members of an imported room at most.
pub const IMPORT_MEMBERS_MAX: usize = 10_000;

/// The greatest id that is taken over: those that are given later lie above, and must not run out.
pub const IMPORT_ID_MAX: i64 = 1 << 40;

/// A part of a room's past in another system: the room, and some of its messages.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "importers build it, stores take it apart")]
pub struct ImportPart {
    /// The room, the same in each of its parts.
    pub room: ImportRoom,
    /// Its messages, in order, each part's after those of the part before; at most [`IMPORT_MESSAGES_MAX`].
    pub messages: Vec<ImportMessage>,
}

impl ImportPart {
    /// The greatest id of its messages.
    #[must_use]
    pub fn last_message(&self) -> Option<MessageId> {
        self.messages.iter().map(|message| message.id).max()
    }
}

/// A room as the other system has it.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "importers build it, stores take it apart")]
pub struct ImportRoom {
    /// Its id, there and here.
    pub id: RoomId,
    /// Its kind. A direct room for a pair that has one already becomes a group.
    pub kind: RoomKind,
    /// Its name; a direct room loses it.
    pub name: Option<String>,
    /// Data of the host's.
    pub metadata: Metadata,
    /// When it was made. Together with the id it says which room this is.
    pub created_at: Timestamp,
    /// Its members, each once; at most [`IMPORT_MEMBERS_MAX`].
    pub members: Vec<(UserId, Role)>,
}

/// A message as the other system has it.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "importers build it, stores take it apart")]
pub struct ImportMessage {
    /// Its id, there and here.
    pub id: MessageId,
    /// Who sent it, member or not; `None`: the host.
    pub sender: Option<UserId>,
    /// When it was sent.
    pub at: Timestamp,
    /// What it is.
    pub kind: MessageKind,
    /// Its text.
    pub content: String,
    /// Data of the host's.
    pub metadata: Metadata,
}

impl ImportMessage {
    /// The key that it is stored under, so that it is stored once.
    pub(super) fn key(&self) -> ClientId {
        ClientId::new(format!("import:{}", self.id)).expect("a number has fewer bytes than a key may have")
    }
}

/// What became of an [`ImportPart`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the rules build it")]
pub struct Imported {
    /// The room's fate.
    pub room: RoomFate,
    /// How many of the part's members are no members here (they left, or came there after the room was taken over).
    pub absent_members: usize,
    /// The fate of each message, in the order of the part.
    pub messages: Vec<MessageFate>,
}

/// What became of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no other")]
pub enum RoomFate {
    /// It was made.
    Made,
    /// It was made as a group: the pair has another direct room.
    MadeGroup,
    /// It had been taken over before.
    Stands,
    /// It had been taken over before, and kind, name or metadata differ by now. What stands here stays.
    Differs,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no other")]
pub enum MessageFate {
    /// It was stored.
    Stored,
    /// It had been taken over before. (By now it may be edited or deleted here.)
    Stands,
    /// Another text, time or kind was taken over under its id. What stands here stays.
    Differs,
    /// Another message has its id.
    IdTaken,
}

/// A store that takes over what another system kept.
///
/// Servers may use the store meanwhile. They hear of what is written here by their sweep.
#[async_trait]
pub trait ImportStore: Store {
    /// From its return on no room and no message that is made here gets an id up to these.
    ///
    /// [`ImportStore::import`] sees to that for the ids it is given; an importer who knows the greatest ones saves it
    /// the trouble.
    ///
    /// # To ensure correctness
    /// - Ids that are given go on above, also for rooms and messages made at the same time (suite:
    ///   `ids_go_on_above_the_reserved`).
    ///
    /// # Errors
    /// [`super::StoreErrorKind::Unavailable`] where others write without a pause: ask again.
    async fn reserve_ids(&self, room: RoomId, message: Option<MessageId>) -> Result<(), StoreError>;

    /// Takes over a part of a room, wholly or not at all. To be asked again until it answers: it is idempotent.
    ///
    /// # To ensure correctness
    /// - The room is made with its id, time and members; `room_created` names the first hundred of them, the others
    ///   join right after it; messages follow, each at the next position with its id, sender and text, at its time or
    ///   the room's latest where that is later (suite: `a_room_is_taken_over_as_it_was`,
    ///   `many_members_join_one_by_one`, `times_of_a_taken_over_room_never_go_back`).
    /// - What was taken over before takes no position and is not changed, whatever became of it here: edited, deleted,
    ///   renamed, left (suite: `what_was_taken_over_stays_as_it_is`, `a_part_again_goes_on_where_it_ended`,
    ///   `differences_are_told_and_not_written`).
    /// - A room or message that was not taken over is never touched, whatever its id: a room is
    ///   [`Refusal::Conflict`], a message [`MessageFate::IdTaken`] (suite: `what_was_made_here_is_not_touched`).
    /// - A pair's direct room stays one (suite: `a_second_direct_room_becomes_a_group`).
    /// - Members have read what is taken over, but for those with something unread before it (suite:
    ///   `members_have_read_what_is_taken_over`).
    /// - Messages are found by search, and what is made later has greater ids (suite:
    ///   `a_taken_over_room_goes_on_like_any_other`).
    /// - A part that passes a bound is refused as a whole (suite: `parts_have_bounds`).
    /// - Of two who take over the same at once, one does it (suite: `a_room_is_taken_over_once`).
    ///
    /// # Errors
    /// As those of [`super::LogStore::commit`]. Refusals: [`Refusal::Conflict`] where the room's id is taken or it was
    /// deleted here, [`Refusal::Invalid`] where a bound is passed, [`Refusal::Held`] where someone held the room for too
    /// long: ask again.
    async fn import(&self, part: &ImportPart) -> Result<Result<Imported, Refusal>, StoreError>;
}
