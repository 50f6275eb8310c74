//! What a commit will write: for each row that its changes touch, what becomes of it in the end. So it does not matter
//! in which order the rows are written, and each table takes one statement for each kind of write.

use std::collections::{BTreeMap, BTreeSet};

use chat_core::{
    Event, EventBody,
    model::{AttachmentId, AuditRecord, ClientId, Emoji, Message, RoomId, Seq, Timestamp, UserId},
    store::{RoomKey, decide::AppendedMessage},
};

/// Names of rows, and of some the values; the other values are in the [`crate::batch::Batch`] that this belongs to.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Rooms to be made, in order: the ids of a batch's own descend.
    pub(crate) created: Vec<RoomId>,
    /// Rooms with more than plain sends: what is written of them is right at one head alone.
    pub(crate) exact: BTreeSet<RoomId>,
    /// Rooms that anything is written of.
    pub(crate) touched: BTreeSet<RoomId>,
    /// Rooms with a new name, metadata or history mode.
    pub(crate) put: BTreeSet<RoomId>,
    /// Deleted rooms with their floors.
    pub(crate) dropped: BTreeMap<RoomId, Seq>,
    pub(crate) keys: Vec<(RoomKey, RoomId)>,
    pub(crate) members: BTreeMap<(RoomId, UserId), MemberWrite>,
    /// Bans that are put or lifted; the batch knows which stand.
    pub(crate) bans: BTreeSet<(RoomId, UserId)>,
    /// Mutes that are put or taken back; the batch knows which stand.
    pub(crate) mutes: BTreeSet<(RoomId, UserId)>,
    /// What the audit trail says from now on, in order.
    pub(crate) audit: Vec<AuditRecord>,
    /// New positions.
    pub(crate) log: BTreeMap<(RoomId, Seq), Logged>,
    /// Messages that were edited or deleted.
    pub(crate) changed: BTreeSet<(RoomId, Seq)>,
    /// Messages that stood before and were deleted: everything that hangs on them goes.
    pub(crate) cleared: BTreeSet<(RoomId, Seq)>,
    /// Files with the messages that carry them from now on.
    pub(crate) attached: BTreeMap<AttachmentId, (RoomId, Seq)>,
    /// Messages whose files are removed; written after those that are attached.
    pub(crate) detached: BTreeSet<(RoomId, Seq)>,
    /// Earlier versions, by the number each had.
    pub(crate) edits: BTreeMap<(RoomId, Seq, u32), (String, Timestamp)>,
    /// Mentions, and whether each is there from now on.
    pub(crate) mentions: BTreeMap<(RoomId, Seq, UserId), bool>,
    /// Reactions, and at which position each was made, where it is there from now on.
    pub(crate) reactions: BTreeMap<(RoomId, Seq, Emoji, UserId), Option<Seq>>,
    /// Threads with new messages: how many, and the newest.
    pub(crate) replies: BTreeMap<(RoomId, Seq), (u32, Seq)>,
    /// The newest message of a room that is not deleted, where it changed.
    pub(crate) newest: BTreeMap<RoomId, Newest>,
}

/// What becomes of a member's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberWrite {
    /// There before, and changed; the pointers are as they are by then.
    Put,
    /// New, or gone and there again: written as a whole.
    Fresh,
    /// Gone.
    Drop,
}

/// A new position, with how many messages that count as unread lie at or below.
#[derive(Debug)]
pub(crate) struct Logged {
    pub(crate) ordinal: u64,
    pub(crate) what: LoggedEvent,
}

#[derive(Debug)]
pub(crate) enum LoggedEvent {
    /// A message, as the batch has it in the end.
    Message {
        client_id: Option<ClientId>,
        digest: [u8; 16],
    },
    Other(Box<Event>),
}

/// A room's newest message that is not deleted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Newest {
    At(Seq),
    /// It was deleted: to be looked for.
    Unknown,
}

impl Pending {
    pub(crate) fn create_room(&mut self, room: RoomId, keys: &[RoomKey]) {
        self.created.push(room);
        self.touched.insert(room);
        self.exact.insert(room);
        self.keys.extend(keys.iter().map(|key| (key.clone(), room)));
    }

    pub(crate) fn append(&mut self, event: &Event, message: Option<AppendedMessage>, ordinal: u64) {
        let (room, seq) = (event.room, event.seq);
        self.touched.insert(room);
        let what = match (&event.body, message) {
            (EventBody::Message { message }, Some(appended)) => {
                self.newest.insert(room, Newest::At(seq));
                if let Some(root) = message.thread {
                    let (count, last) = self.replies.entry((room, root)).or_insert((0, seq));
                    (*count, *last) = (*count + 1, seq);
                }
                if appended.ordinal.is_some() {
                    self.mention(message, true);
                }
                LoggedEvent::Message { client_id: event.client_id.clone(), digest: appended.digest }
            }
            _ => LoggedEvent::Other(Box::new(event.clone())),
        };
        self.log.insert((room, seq), Logged { ordinal, what });
    }

    pub(crate) fn edit(&mut self, before: &Message, now: &Message, content: &str, since: Timestamp) {
        let place = (now.room_id, now.seq);
        self.mention(before, false);
        if !now.kind.is_system() {
            self.mention(now, true);
        }
        let version = now.version.saturating_sub(1);
        self.edits.insert((place.0, place.1, version), (content.to_owned(), since));
        self.changed.insert(place);
    }

    pub(crate) fn redact(&mut self, before: &Message) {
        let place = (before.room_id, before.seq);
        self.mention(before, false);
        if !before.attachments.is_empty() {
            self.detached.insert(place);
        }
        self.edits.retain(|(room, target, _), _| (*room, *target) != place);
        self.reactions.retain(|(room, target, _, _), _| (*room, *target) != place);
        self.changed.insert(place);
        if !self.log.contains_key(&place) {
            self.cleared.insert(place);
        }
        self.newest.insert(place.0, Newest::Unknown);
    }

    fn mention(&mut self, message: &Message, stands: bool) {
        for user in &message.mentions {
            self.mentions.insert((message.room_id, message.seq, user.clone()), stands);
        }
    }

    pub(crate) fn react(
        &mut self,
        room: RoomId,
        target: Seq,
        user: &UserId,
        emoji: &Emoji,
        made: Option<Seq>,
    ) {
        self.reactions.insert((room, target, emoji.clone(), user.clone()), made);
    }

    pub(crate) fn put_member(&mut self, room: RoomId, user: &UserId, what: MemberWrite) {
        let standing = self.members.entry((room, user.clone())).or_insert(what);
        if *standing == MemberWrite::Drop {
            *standing = what;
        }
    }

    pub(crate) fn drop_member(&mut self, room: RoomId, user: &UserId) {
        self.members.insert((room, user.clone()), MemberWrite::Drop);
    }

    /// Alone it takes no position, and yet others must look at the room anew.
    pub(crate) fn put_ban(&mut self, room: RoomId, user: &UserId) {
        self.touched.insert(room);
        self.exact.insert(room);
        self.bans.insert((room, user.clone()));
    }

    pub(crate) fn put_room(&mut self, room: RoomId) {
        self.put.insert(room);
    }

    /// Nothing of the room is written but its row and what lies above `floor`.
    pub(crate) fn drop_room(&mut self, room: RoomId, floor: Seq) {
        self.dropped.insert(room, floor);
        self.keys.retain(|(_, held)| *held != room);
        self.members.retain(|(held, _), _| *held != room);
        self.bans.retain(|(held, _)| *held != room);
        self.mutes.retain(|(held, _)| *held != room);
        self.log.retain(|(held, seq), _| *held != room || *seq > floor);
        self.changed.retain(|(held, _)| *held != room);
        self.cleared.retain(|(held, _)| *held != room);
        self.detached.retain(|(held, _)| *held != room);
        self.edits.retain(|(held, _, _), _| *held != room);
        self.mentions.retain(|(held, _, _), _| *held != room);
        self.reactions.retain(|(held, _, _, _), _| *held != room);
        self.replies.retain(|(held, _), _| *held != room);
        self.newest.remove(&room);
    }
}
