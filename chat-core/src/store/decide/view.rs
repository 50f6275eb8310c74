//! What the rules must know, and what they want written.

use crate::{
    event::Event,
    model::{
        AttachmentId, AuditRecord, Ban, ClientId, Emoji, Member, MemberRow, Message, MessageId, Room, RoomId,
        Seq, StoredAttachment, Timestamp, UserId,
    },
    store::RoomKey,
};

/// A room as the rules see it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct RoomRow {
    /// The room.
    pub room: Room,
    /// Its latest position.
    pub head: Seq,
    /// When its latest event happened.
    pub at: Timestamp,
    /// Messages sent in it that count as unread: the ordinal of the latest.
    pub messages: u64,
    /// How many members it has.
    pub members: u32,
    /// Whether it was deleted.
    pub deleted: bool,
}

/// A message that is stored under its sender's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a plain pair")]
pub struct Sent {
    /// The message.
    pub seq: Seq,
    /// Digest of the request that made it.
    pub digest: [u8; 16],
}

/// The state that a change is judged on: all of it (a store in memory) or what [`super::Needs`] names (a store
/// that loads first). Changes of one batch see what the earlier ones did.
pub trait View {
    /// A room, deleted ones too.
    fn room(&self, room: RoomId) -> Option<&RoomRow>;
    /// The room under a key; none for a deleted room.
    fn find(&self, key: &RoomKey) -> Option<RoomId>;
    /// A member.
    fn member(&self, room: RoomId, user: &UserId) -> Option<&MemberRow>;
    /// A ban, expired or not.
    fn ban(&self, room: RoomId, user: &UserId) -> Option<&Ban>;
    /// Until when a user is muted, member or not, expired or not.
    fn mute(&self, room: RoomId, user: &UserId) -> Option<Timestamp>;
    /// Whether `user` has blocked `other`.
    fn has_blocked(&self, user: &UserId, other: &UserId) -> bool;
    /// Whether the room is direct and its other member has blocked `user`.
    fn peer_has_blocked(&self, room: RoomId, user: &UserId) -> bool;
    /// A message as it is now.
    fn message(&self, room: RoomId, seq: Seq) -> Option<&Message>;
    /// The message stored under a sender's key (`None`: the host's).
    fn sent(&self, room: RoomId, sender: Option<&UserId>, client_id: &ClientId) -> Option<Sent>;
    /// Whether the user reacted so.
    fn has_reaction(&self, room: RoomId, target: Seq, user: &UserId, emoji: &Emoji) -> bool;
    /// How many different emoji a message carries other than this one.
    fn other_reaction_kinds(&self, room: RoomId, target: Seq, emoji: &Emoji) -> usize;
    /// A file that is there; none that is not stored to its end, or was removed.
    fn attachment(&self, id: &AttachmentId) -> Option<&StoredAttachment>;
    /// The longest-standing owner other than `except`; the lesser id of two who joined at once.
    fn owner(&self, room: RoomId, except: Option<&UserId>) -> Option<Member>;
    /// The longest-standing moderator, else member, other than `except`; the lesser id of two who joined at once.
    fn heir(&self, room: RoomId, except: &UserId) -> Option<Member>;
    /// A number for a new room, never given before.
    fn next_room_id(&mut self) -> RoomId;
    /// A number for a new message, never given before.
    fn next_message_id(&mut self) -> MessageId;
    /// Makes an effect visible to the changes that follow.
    fn apply(&mut self, effect: &Effect);
}

/// One write. Those of one change are made together or not at all, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// A room is made, as yet without an event or a member, under these unique keys.
    CreateRoom {
        /// The room; `head` 0.
        row: RoomRow,
        /// Its keys.
        keys: Vec<RoomKey>,
    },
    /// An event enters the log: it is kept at its position, the room's head and latest time become the event's.
    /// An event with a [`crate::EventBody::Message`] is kept as that message.
    Append {
        /// The event.
        event: Event,
        /// For a message: its digest, and its ordinal where it counts as unread (the room's count becomes it).
        message: Option<AppendedMessage>,
    },
    /// A file is carried by a message from now on.
    Attach {
        /// The file.
        id: AttachmentId,
        /// The room.
        room: RoomId,
        /// The message.
        seq: Seq,
    },
    /// A message is replaced by an edited one; the content before is kept as an earlier version.
    Edit {
        /// The message as it is now.
        message: Message,
        /// Content before.
        before: String,
        /// Since when that stood.
        before_at: Timestamp,
    },
    /// A message becomes a tombstone: its content, versions, mentions and reactions are gone, and the
    /// files that it carried are removed.
    Redact {
        /// The tombstone.
        message: Message,
    },
    /// A user reacted.
    AddReaction {
        /// The room.
        room: RoomId,
        /// The message.
        target: Seq,
        /// Who.
        user: UserId,
        /// How.
        emoji: Emoji,
    },
    /// A user took a reaction back.
    DropReaction {
        /// The room.
        room: RoomId,
        /// The message.
        target: Seq,
        /// Who.
        user: UserId,
        /// Which.
        emoji: Emoji,
    },
    /// A member is there from now on, or changed. Never moves pointers of one who was there.
    PutMember {
        /// The room.
        room: RoomId,
        /// The member.
        row: MemberRow,
    },
    /// A user's own send moves the own pointers here.
    MovePointers {
        /// The room.
        room: RoomId,
        /// The member.
        user: UserId,
        /// Where to.
        to: Seq,
    },
    /// A member is gone.
    DropMember {
        /// The room.
        room: RoomId,
        /// Who.
        user: UserId,
    },
    /// A user is kept out, replacing an earlier ban.
    PutBan {
        /// The room.
        room: RoomId,
        /// The ban.
        ban: Ban,
    },
    /// A user is not kept out any more.
    DropBan {
        /// The room.
        room: RoomId,
        /// Who.
        user: UserId,
    },
    /// A user is muted, replacing an earlier mute. Where the user is a member, [`Effect::PutMember`] says so too.
    PutMute {
        /// The room.
        room: RoomId,
        /// Who.
        user: UserId,
        /// Until when.
        until: Timestamp,
    },
    /// A user is not muted any more.
    DropMute {
        /// The room.
        room: RoomId,
        /// Who.
        user: UserId,
    },
    /// The audit trail says so from now on. It outlasts the room.
    Audit {
        /// What was done.
        record: AuditRecord,
    },
    /// The room's name, metadata or history mode is replaced.
    PutRoom {
        /// The room.
        room: Room,
    },
    /// The room is gone: keys, members, bans, mutes, messages and events below `floor + 1` with all that hangs on them
    /// (the files that the messages carried are removed). Its row and the event above `floor` stay: the row's `deleted`
    /// is set by this effect and no other, its floor becomes `floor`, and it has no members and no last message.
    DropRoom {
        /// The room.
        room: RoomId,
        /// Its new floor.
        floor: Seq,
    },
}

/// What [`Effect::Append`] says of a message beside the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a plain pair")]
pub struct AppendedMessage {
    /// Digest of the request.
    pub digest: [u8; 16],
    /// Its place among the room's messages; none where it does not count as unread.
    pub ordinal: Option<u64>,
}
