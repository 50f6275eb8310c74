//! Storage: the truth about rooms.
//!
//! A store implements nine small traits; [`Store`] is their sum. [`LogStore::commit`] is the only way into a
//! room's log, so that order, preconditions, idempotency and durability are decided in one place per backend, and
//! [`decide`] holds the rules for backends that can look things up before they write: load what
//! [`decide::Needs`] names, run [`decide::decide_all`], write the effects. [`ImportStore`] is beside them, for stores
//! that take over what another system kept.
//!
//! Every line under "To ensure correctness" has a case in the contract suite (`testkit::store_suite!`), or says where
//! else it is shown.
//!
//! What holds of every call:
//! - **An error** is about the whole call: nothing of it is stored, or, where its kind is [`StoreErrorKind::Unknown`],
//!   perhaps. Parts of a call that may fail by themselves have answers of their own ([`Refusal`], `None`).
//! - **Futures may be dropped** at any await: readers go away, time runs out. Then a write is made as a whole or not at
//!   all, and the next call finds nothing half done, no lock and no transaction left open. The engine drops no
//!   [`LogStore::commit`] and no [`LogStore::commit_held`]; their batch is lost with the runtime alone.
//! - **Nothing asked for**, an empty list, is answered with nothing, and is no error.
//! - **Lists** are in the order that the call names; where it names none, in any. What is not there is left out, or
//!   `None` where the answer has a place for it.

mod change;
pub mod decide;
mod error;
mod import;
mod moderation;
mod query;
mod search;
mod words;

use std::fmt;

use async_trait::async_trait;

pub use change::{Actor, Change, ChangeBody, NewMessage, NewRoom, Outcome, Refusal, Require, RoomUpdate};
pub use error::{StoreError, StoreErrorKind};
pub use import::{
    IMPORT_ID_MAX, IMPORT_MEMBERS_MAX, IMPORT_MESSAGES_MAX, ImportMessage, ImportPart, ImportRoom,
    ImportStore, Imported, MessageFate, RoomFate,
};
pub use moderation::{Blocked, Decision, NewReport, ReportScope, Reported, ReportsQuery};
pub use query::{
    EventLimit, EventPage, Head, MessagePage, MessageQuery, PointerMove, Range, RoomKey, RoomScope,
    RoomsQuery,
};
pub use search::{SearchPage, SearchQuery, SearchScope, SearchedRoom};
pub use words::{SearchTerm, SearchText, WORD_CHARS_MAX, index_words};

use crate::event::Event;
use crate::model::{
    Attachment, AttachmentId, AuditEntry, AuditId, Ban, ClientId, Member, Membership, MessageId,
    MessageVersion, Pointer, Profile, Report, ReportId, RoomEntry, RoomId, Seq, StoredAttachment,
    StoredProfile, Timestamp, Unread, Upload, UserId,
};

/// Unread messages and mentions are counted up to this.
pub const UNREAD_CAP: u32 = 1_000;

/// Characters of [`RoomEntry::last_message`].
pub const PREVIEW_CHARS: usize = 200;

/// Rooms' logs.
#[async_trait]
pub trait LogStore: fmt::Debug + Send + Sync + 'static {
    /// The text that names this state of the store: cursors of another epoch mean nothing.
    ///
    /// # To ensure correctness
    /// - It is made at random when the store is made (suite: `the_epoch_is_made_at_random`), and stays until
    ///   [`LogStore::renew_epoch`] (suite: `the_epoch_stands_until_renewed`).
    async fn epoch(&self) -> Result<String, StoreError>;

    /// Replaces the epoch, where it still is `old`; gives the one that stands then.
    ///
    /// # To ensure correctness
    /// - Of two calls with the same `old`, one wins and both get its epoch (suite:
    ///   `one_of_many_renewals_of_the_epoch_wins`).
    async fn renew_epoch(&self, old: &str, new: &str) -> Result<String, StoreError>;

    /// Makes changes, each wholly or not at all, in the order given for each room; one answer a change.
    ///
    /// # To ensure correctness
    /// - An applied change takes its room's next position: dense, from 1, under contention too (suite:
    ///   `positions_are_dense_from_one`, `positions_stay_dense_under_contention`,
    ///   `random_changes_leave_what_a_naive_model_expects`); a refused, repeated or empty one takes none (suite:
    ///   `what_is_not_applied_takes_no_position`).
    /// - The answers are in the order of the changes, and a refused one hinders no other (suite:
    ///   `a_batch_is_answered_change_by_change`).
    /// - When it returns, the changes are durable, and every later read on every node sees them (suite:
    ///   `what_is_committed_is_read_back`, `reads_beside_writes_are_of_one_moment`; that they outlive the process
    ///   each backend shows for itself).
    /// - Preconditions are judged on the state that the position before left, under the room's lock (suite:
    ///   `a_batch_sees_what_it_did_before`, `what_a_change_requires_is_checked`,
    ///   `nothing_of_a_removed_member_is_above_the_removal`, `a_room_keeps_an_owner_whoever_leaves_at_once`,
    ///   `members_stay_what_the_log_says`).
    /// - A message with the `client_id` of an earlier one by the same sender in the same room is
    ///   [`Outcome::Repeat`] of that one, also twice in one batch and from two nodes at once, also where the
    ///   sender may not write any more (suite: `a_repeated_send_is_answered_as_the_first`,
    ///   `equal_sends_in_one_batch_are_one`, `equal_sends_at_once_are_one`,
    ///   `a_repeat_comes_before_every_precondition`); with another digest it is [`Refusal::BodyMismatch`] (suite:
    ///   `another_body_under_a_key_is_refused`, `different_sends_under_one_key_at_once`).
    /// - A direct room for a pair, a room for a subject, a room for its maker's `client_id` exists once (suite:
    ///   `a_direct_room_is_one_for_its_pair`, `a_room_for_a_subject_is_one`, `a_room_for_its_makers_key_is_one`,
    ///   `equal_rooms_in_one_batch_are_one`, `equal_rooms_at_once_are_one`), until it is deleted (suite:
    ///   `the_keys_of_a_deleted_room_are_free`).
    /// - `at` never goes back within a room (suite: `times_never_go_back`).
    /// - A deleted message's content is gone from messages, earlier versions, mentions and files in the same step (suite:
    ///   `deleted_content_is_gone_everywhere`, `deleted_files_are_listed_until_forgotten`).
    /// - A deleted room leaves its row and the event that says so, and nothing else (suite:
    ///   `a_deleted_room_leaves_nothing_but_its_end`).
    ///
    /// - What the audit trail says of a change is kept with it, or not at all (suite:
    ///   `what_moderators_did_is_kept`, `what_was_refused_is_in_no_trail`).
    /// - A mute outlasts leaving (suite: `a_mute_outlasts_leaving`).
    /// - Whoever was blocked by the time a change is made is refused where the rules say so, also where the block and
    ///   the change meet (suite: `a_blocked_user_writes_no_direct_messages`, `who_blocks_is_added_by_others_alone`,
    ///   `who_blocks_is_not_named`, `nothing_passes_a_block_that_stands`, `no_direct_room_is_made_past_a_block`).
    ///
    /// - It waits for nobody who holds a room: changes of such a room are answered [`Refusal::Held`], all of them in
    ///   the batch, and nothing of them is stored. (A store whose writers take turns has no such rooms, and nothing to
    ///   show; others show it for themselves, as a suite cannot hold their rooms.)
    ///
    /// An empty batch is answered with an empty list (suite: `a_batch_is_answered_change_by_change`).
    ///
    /// # Errors
    /// With [`StoreErrorKind::Unknown`] changes of the batch may be stored, all, some or none, each wholly or not at all;
    /// with every other kind nothing of it is. So a store that has committed a part of a batch, and fails, answers
    /// `Unknown`, or the changes that are left as [`Refusal::Held`].
    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Result<Outcome, Refusal>>, StoreError>;

    /// As [`LogStore::commit`], for changes that were [`Refusal::Held`], all of one room (or all of no room): waits
    /// a few seconds at most for who holds it, and answers [`Refusal::Held`] where that was not enough.
    ///
    /// # To ensure correctness
    /// - What nobody holds (any more) is committed as by [`LogStore::commit`], in the order given (suite:
    ///   `what_was_held_is_committed_in_order`).
    ///
    /// # Errors
    /// As those of [`LogStore::commit`].
    async fn commit_held(&self, changes: Vec<Change>) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        self.commit(changes).await
    }

    /// Events above `after`, oldest first.
    ///
    /// # To ensure correctness
    /// - They are contiguous, the first is at `max(after, floor) + 1`, and there is at least one where any is left
    ///   (suite: `events_are_contiguous_from_the_cursor`, `events_stop_at_their_limits`,
    ///   `positions_above_the_head_find_nothing`), however long the log (suite: `a_long_log_has_no_holes`).
    /// - A `message` or `message_edited` carries the message as it is now (suite:
    ///   `events_carry_messages_as_they_are_now`).
    /// - `head` is of the same snapshot (suite: `reads_beside_writes_are_of_one_moment`). An unknown room is an empty
    ///   page with head 0 (suite: `an_unknown_room_has_no_log`).
    async fn events(&self, room: RoomId, after: Seq, limit: EventLimit) -> Result<EventPage, StoreError>;

    /// The message that a sender stored under a key, as it is now, with the digest of its request.
    ///
    /// # To ensure correctness
    /// - Keys are told apart byte for byte, by sender and room (suite: `a_sent_message_is_found_under_its_key`,
    ///   `keys_of_sends_are_kept_apart`).
    async fn sent(
        &self,
        room: RoomId,
        sender: &UserId,
        client_id: &ClientId,
    ) -> Result<Option<(Event, [u8; 16])>, StoreError>;

    /// The heads of rooms, in the order asked for; unknown ones are left out (suite:
    /// `all_rooms_are_listed_by_id`, `an_unknown_room_has_no_log`).
    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<Head>, StoreError>;

    /// All rooms with their heads, deleted ones too, by id: those above `after` (`None`: from the first), at most `limit`.
    ///
    /// # To ensure correctness
    /// - Following the last id to an empty page gives each room once, in the order of their ids, with its head of then
    ///   (suite: `all_rooms_are_listed_by_id`).
    async fn heads_after(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<Head>, StoreError>;
}

/// Rooms, members and bans.
#[async_trait]
pub trait RoomStore: fmt::Debug + Send + Sync + 'static {
    /// The room under a unique key; a deleted room has none.
    ///
    /// # To ensure correctness
    /// - Keys are told apart byte for byte (suite: `rooms_are_found_under_their_keys`,
    ///   `subjects_are_told_apart_byte_for_byte`).
    async fn find_room(&self, key: &RoomKey) -> Result<Option<RoomId>, StoreError>;

    /// A user's standing in those of `rooms` where the user is a member, or in all, the latest active first.
    ///
    /// # To ensure correctness
    /// - `role`, `head` and `visible_from` of one entry are of one snapshot (suite: `a_member_begins_at_the_join`,
    ///   `history_may_begin_with_the_join`, `memberships_are_listed_by_activity`).
    /// - Deleted rooms are left out (suite: `a_deleted_room_leaves_nothing_but_its_end`).
    async fn memberships(
        &self,
        user: &UserId,
        rooms: Option<&[RoomId]>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError>;

    /// Rooms in full for a list, latest activity first.
    ///
    /// # To ensure correctness
    /// - Unread counts, `head` and `last_message` of one entry are of one snapshot (suite:
    ///   `reads_beside_writes_are_of_one_moment`).
    /// - Each room comes once, the greater id first of two at one time, and the list goes on below the last one's
    ///   activity (suite: `rooms_are_listed_by_activity`, `open_rooms_are_listed_by_activity`).
    /// - `last_message` is the newest that is not deleted (suite: `a_tombstone_keeps_its_place`); none where the viewer
    ///   is no member, or where it lies at or below the viewer's `visible_from` (suite:
    ///   `the_last_message_is_for_members`).
    /// - Deleted rooms are left out (suite: `a_deleted_room_leaves_nothing_but_its_end`).
    /// - No text of a search is special, and case does not count, in any alphabet (suite:
    ///   `open_rooms_are_found_by_name`).
    async fn rooms(&self, query: &RoomsQuery) -> Result<Vec<RoomEntry>, StoreError>;

    /// Members by user id, after the one given; nothing for a deleted or unknown room.
    ///
    /// # To ensure correctness
    /// - Ids are ordered byte by byte (suite: `members_are_listed_by_id`).
    async fn members(
        &self,
        room: RoomId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError>;

    /// Members of several rooms, of each at most `limit`: by room, each room once; those without members are left out.
    ///
    /// # To ensure correctness
    /// - Of each room they are the highest roles, and among those alike the least ids, in that order, so that whoever runs
    ///   a big room is among them (suite: `members_of_rooms_are_those_of_each`).
    async fn members_of(
        &self,
        rooms: &[RoomId],
        limit: usize,
    ) -> Result<Vec<(RoomId, Vec<Member>)>, StoreError>;

    /// Those of `users` who share a room of at most `room_size_max` members with `user`, or with `users` empty all
    /// who do: by user id, at most `limit`, `user` not among them.
    ///
    /// # To ensure correctness
    /// - They are the least ids, whatever the rooms, each once (suite: `acquaintances_share_a_room`,
    ///   `acquaintances_are_listed_by_id`).
    async fn acquaintances(
        &self,
        user: &UserId,
        users: &[UserId],
        room_size_max: u32,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError>;

    /// The bans of a room, latest first, expired ones too until they are replaced or lifted.
    async fn bans(&self, room: RoomId, limit: usize) -> Result<Vec<Ban>, StoreError>;
}

/// Messages as answers show them.
#[async_trait]
pub trait MessageStore: fmt::Debug + Send + Sync + 'static {
    /// Messages of a room by position, oldest first whatever the direction, deleted ones as tombstones.
    ///
    /// # To ensure correctness
    /// - `as_of` is the room's head in the snapshot that the messages were read in (suite:
    ///   `reads_beside_writes_are_of_one_moment`).
    /// - None at or below `visible_from` (suite: `pages_begin_where_the_readers_log_does`); `more` says whether the
    ///   asked direction goes on (for [`Range::Around`]: backwards) (suite: `pages_before_a_position`,
    ///   `pages_after_a_position`, `pages_around_a_position`, `pages_of_a_thread`).
    async fn messages(&self, room: RoomId, query: &MessageQuery) -> Result<MessagePage, StoreError>;

    /// Where messages stand, by their ids and in their order; `None` for what is no message, or one of a deleted room.
    ///
    /// # To ensure correctness
    /// - Deleted messages are found too: they keep their place (suite: `messages_are_found_by_their_ids`).
    async fn find_messages(&self, messages: &[MessageId]) -> Result<Vec<Option<(RoomId, Seq)>>, StoreError>;

    /// The earlier versions of a message, oldest first, without the one that stands; none of a deleted one.
    async fn versions(
        &self,
        room: RoomId,
        target: Seq,
        limit: usize,
    ) -> Result<Vec<MessageVersion>, StoreError>;

    /// Messages that hold what is asked for, whatever room they are in: [`SearchText::is_in`] says which.
    ///
    /// A store may stop after looking at so much that the time of a call stays bounded; then the page says that there is
    /// more.
    ///
    /// # To ensure correctness
    /// - All words occur, in any case and alphabet, the last one perhaps as the beginning of a word (suite:
    ///   `messages_are_found_by_their_words`); where a script has no spaces, any piece of it does (suite:
    ///   `pieces_of_text_without_spaces_are_found`).
    /// - No text of a search is special (suite: `no_text_of_a_search_is_special`).
    /// - What is found is what messages say now: never an earlier version, a deleted message or one of a deleted room,
    ///   from the same step on (suite: `what_is_not_said_any_more_is_not_found`, `random_words_are_found`).
    /// - Only what the scope and the sender allow, nothing at or below `visible_from`, and no message of kind `system`
    ///   (suite: `what_the_reader_may_not_see_is_not_found`).
    /// - The greatest ids come first, and following `next` to its end gives each message once (suite:
    ///   `found_messages_come_newest_first_page_by_page`).
    async fn search(&self, query: &SearchQuery) -> Result<SearchPage, StoreError>;
}

/// Read and delivered pointers.
#[async_trait]
pub trait PointerStore: fmt::Debug + Send + Sync + 'static {
    /// Moves pointers forward; the answer is where each stands now, `None` where the user is no member.
    ///
    /// # To ensure correctness
    /// - A pointer never goes back and is never above the head; a read pointer pulls the delivered one along (suite:
    ///   `pointers_go_forward_up_to_the_head`, `pointers_moved_at_once_end_at_the_greatest`).
    /// - Answers are in the order of the moves (suite: `pointers_are_answered_in_order`).
    async fn advance(&self, moves: &[PointerMove]) -> Result<Vec<Option<Pointer>>, StoreError>;

    /// The pointers of a room's members by user id, at most `limit`.
    async fn pointers(&self, room: RoomId, limit: usize) -> Result<Vec<Pointer>, StoreError>;

    /// What is unread for a user in those of `rooms` where the user is a member.
    ///
    /// # To ensure correctness
    /// - Messages of kind `system` do not count, tombstones do (suite: `unread_counts_messages_above_the_pointer`), own
    ///   ones do not: an own send moves the pointer (suite: `an_own_send_moves_the_own_pointers`).
    /// - Mentions in deleted messages and in those of kind `system` do not count (suite: `mentions_count_as_they_stand`).
    /// - Both are counted up to [`UNREAD_CAP`] (suite: `unread_counts_are_capped`).
    async fn unread(&self, user: &UserId, rooms: &[RoomId]) -> Result<Vec<(RoomId, Unread)>, StoreError>;
}

/// What is shown of users.
#[async_trait]
pub trait ProfileStore: fmt::Debug + Send + Sync + 'static {
    /// Keeps profiles, replacing earlier ones.
    async fn put_profiles(&self, profiles: &[Profile]) -> Result<(), StoreError>;

    /// The profiles kept of those users, in the order asked for; those of whom none is kept are left out (suite:
    /// `profiles_are_kept_and_replaced`).
    async fn profiles(&self, users: &[UserId]) -> Result<Vec<StoredProfile>, StoreError>;

    /// Notes when users were last connected; makes a profile where there is none.
    ///
    /// # To ensure correctness
    /// - It never goes back, and outlives a new profile (suite: `last_seen_never_goes_back`).
    async fn touch(&self, users: &[(UserId, Timestamp)]) -> Result<(), StoreError>;
}

/// Reports of messages.
#[async_trait]
pub trait ReportStore: fmt::Debug + Send + Sync + 'static {
    /// Keeps a report with a copy of what the message says now.
    ///
    /// # To ensure correctness
    /// - A user's report of a message is there once, also when two are made at once (suite:
    ///   `a_message_is_reported_once_by_a_user`, `equal_reports_at_once_are_one`).
    /// - The copy stays what it was when the message is edited or deleted, and its room too (suite:
    ///   `a_report_keeps_what_was_said`); of what is deleted or no message there is none (suite:
    ///   `only_what_stands_is_reported`).
    async fn put_report(&self, report: &NewReport) -> Result<Reported, StoreError>;

    /// A report.
    async fn report(&self, id: ReportId) -> Result<Option<Report>, StoreError>;

    /// Reports, the newest first.
    ///
    /// # To ensure correctness
    /// - Each that the scope and the status allow comes once, whatever the size of a page (suite:
    ///   `reports_are_listed_newest_first`, `moderators_see_reports_of_their_rooms`).
    async fn reports(&self, query: &ReportsQuery) -> Result<Vec<Report>, StoreError>;

    /// Decides on a report, and notes it in the audit trail in the same step; gives the report as it is then, `None`
    /// where there is none. One that has that status already stays as it is.
    ///
    /// # To ensure correctness
    /// - It says by whom and when, and each decision is in the trail once (suite: `reports_are_decided`).
    async fn decide_report(&self, decision: &Decision) -> Result<Option<Report>, StoreError>;
}

/// Who wants to hear nothing of whom.
#[async_trait]
pub trait BlockStore: fmt::Debug + Send + Sync + 'static {
    /// `user` blocks `other`, where that makes no more than `max` in all.
    ///
    /// # To ensure correctness
    /// - It is idempotent, and never exceeds `max`, also when many are made at once (suite:
    ///   `blocks_are_made_and_taken_back`, `blocks_are_bounded_also_at_once`).
    /// - When it returns, no change that the block forbids is committed any more (suite:
    ///   `nothing_passes_a_block_that_stands`, `no_direct_room_is_made_past_a_block`).
    async fn put_block(
        &self,
        user: &UserId,
        other: &UserId,
        at: Timestamp,
        max: usize,
    ) -> Result<Blocked, StoreError>;

    /// Takes a block back; says whether there was one.
    async fn drop_block(&self, user: &UserId, other: &UserId) -> Result<bool, StoreError>;

    /// Whom `user` has blocked, by id, at most `limit`.
    async fn blocks(&self, user: &UserId, limit: usize) -> Result<Vec<UserId>, StoreError>;
}

/// What moderators did. It is written by [`LogStore::commit`] and [`ReportStore::decide_report`].
#[async_trait]
pub trait AuditStore: fmt::Debug + Send + Sync + 'static {
    /// The trail of a room, deleted ones too, the newest first: entries with an id below `before`, at most `limit`.
    ///
    /// # To ensure correctness
    /// - Each entry comes once, whatever the size of a page (suite: `the_trail_is_read_newest_first`,
    ///   `a_page_of_the_trail_has_its_limit`).
    async fn audit(
        &self,
        room: RoomId,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError>;
}

/// What is known of files, whose bytes lie elsewhere under their ids.
///
/// A file is first begun, then finished when all its bytes are kept, then sent once by a message
/// ([`LogStore::commit`]). Whatever ends it (its uploader, its message or room, time) removes it: it is nobody's to fetch
/// or send from then on, and stays listed until its bytes are gone and it is forgotten, so that no bytes are left
/// whatever fails in between.
#[async_trait]
pub trait AttachmentStore: fmt::Debug + Send + Sync + 'static {
    /// Notes that a file is about to be stored, before its first byte is. Its id is new.
    async fn begin_upload(&self, upload: &Upload) -> Result<(), StoreError>;

    /// The file is stored as a whole; says whether it still was awaited. `room`: the only one that it may be sent in.
    ///
    /// # To ensure correctness
    /// - One that was not begun, is finished already or removed is not there after it (suite:
    ///   `an_upload_is_there_once_it_is_finished`, `a_removed_upload_is_gone`).
    async fn finish_upload(&self, file: &Attachment, room: Option<RoomId>) -> Result<bool, StoreError>;

    /// A file that is there, sent or not.
    ///
    /// # To ensure correctness
    /// - It is as it was finished, with the message that carries it (suite: `an_upload_is_there_once_it_is_finished`,
    ///   `a_file_is_sent_once_and_by_its_uploader`, `a_file_goes_to_the_room_it_is_for`), whoever sends it at once (suite:
    ///   `a_file_sent_twice_at_once_is_sent_once`).
    /// - It is there no more from the step on that deletes its message or room (suite: `deleted_files_are_listed_until_forgotten`).
    async fn attachment(&self, id: &AttachmentId) -> Result<Option<StoredAttachment>, StoreError>;

    /// Removes a file that is not sent, finished or not; says whether there was such a file of this uploader's. `None`
    /// is the host: it removes what it uploaded itself, not what anybody did.
    ///
    /// # To ensure correctness
    /// - One that is sent stays, and so does another's (suite: `a_removed_upload_is_gone`).
    async fn remove_upload(&self, id: &AttachmentId, uploader: Option<&UserId>) -> Result<bool, StoreError>;

    /// Removes files begun before `before` and not sent; gives all removed ones above `after`, in the order of their ids.
    ///
    /// # To ensure correctness
    /// - A file that it gives can never be sent again (suite: `old_unsent_files_are_removed`), and it is given until it is
    ///   forgotten (suite: `deleted_files_are_listed_until_forgotten`).
    async fn removed_attachments(
        &self,
        before: Timestamp,
        after: Option<&AttachmentId>,
        limit: usize,
    ) -> Result<Vec<AttachmentId>, StoreError>;

    /// Forgets those of `ids` that are removed: their bytes are gone.
    ///
    /// # To ensure correctness
    /// - A file that is not removed stays (suite: `deleted_files_are_listed_until_forgotten`).
    async fn forget_attachments(&self, ids: &[AttachmentId]) -> Result<(), StoreError>;
}

/// All that the engine needs of a store.
pub trait Store:
    LogStore
    + RoomStore
    + MessageStore
    + PointerStore
    + ProfileStore
    + AttachmentStore
    + ReportStore
    + BlockStore
    + AuditStore
{
}

impl<S> Store for S where
    S: LogStore
        + RoomStore
        + MessageStore
        + PointerStore
        + ProfileStore
        + AttachmentStore
        + ReportStore
        + BlockStore
        + AuditStore
{
}
