//! Durable events: the entries of a room's log.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};

use crate::model::{ClientId, Emoji, LeaveReason, Member, Message, Room, RoomId, Seq, Timestamp, UserId};

/// One entry of a room's log: one durable change, at one position, for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct Event {
    /// The room.
    pub room: RoomId,
    /// Its position in the room's log.
    pub seq: Seq,
    /// When it happened; never before the event at the position below.
    pub at: Timestamp,
    /// Who did it; absent: the host.
    pub actor: Option<UserId>,
    /// The key that the sender gave a message.
    pub client_id: Option<ClientId>,
    /// What happened.
    pub body: EventBody,
}

/// What happened. Events carry no aggregates, so that applying one twice or late changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventBody {
    /// The room was made; always position 1.
    RoomCreated {
        /// The room as made.
        room: Room,
        /// Its first members.
        members: Vec<Member>,
    },
    /// A message was sent. Read back later, it is the message as it is then.
    Message {
        /// The message.
        message: Message,
    },
    /// A message was edited. Read back later, it carries the message as it is then.
    MessageEdited {
        /// The message.
        message: Message,
    },
    /// A message was deleted; nothing of what it said is left anywhere.
    MessageDeleted {
        /// The message.
        target: Seq,
    },
    /// A user reacted.
    ReactionAdded {
        /// To which message.
        target: Seq,
        /// How.
        emoji: Emoji,
    },
    /// A user took a reaction back.
    ReactionRemoved {
        /// From which message.
        target: Seq,
        /// Which.
        emoji: Emoji,
    },
    /// A user is a member from here on.
    MemberJoined {
        /// The member.
        member: Member,
    },
    /// A user is no member any more: nothing above this position is for that user.
    MemberLeft {
        /// The user.
        user: UserId,
        /// Why.
        reason: LeaveReason,
        /// Who is owner now, where the last owner left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        successor: Option<Member>,
    },
    /// A member's role or mute changed.
    MemberChanged {
        /// The member as it is now.
        member: Member,
        /// The owner before, as it is now, where ownership was handed over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        former_owner: Option<Member>,
    },
    /// Name, metadata or history mode changed.
    RoomChanged {
        /// The room as it is now.
        room: Room,
    },
    /// The room is gone; always the last position.
    RoomDeleted {},
}

impl EventBody {
    /// The name it has on the wire.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::RoomCreated { .. } => "room_created",
            Self::Message { .. } => "message",
            Self::MessageEdited { .. } => "message_edited",
            Self::MessageDeleted { .. } => "message_deleted",
            Self::ReactionAdded { .. } => "reaction_added",
            Self::ReactionRemoved { .. } => "reaction_removed",
            Self::MemberJoined { .. } => "member_joined",
            Self::MemberLeft { .. } => "member_left",
            Self::MemberChanged { .. } => "member_changed",
            Self::RoomChanged { .. } => "room_changed",
            Self::RoomDeleted {} => "room_deleted",
        }
    }

    /// The message that it is about: the one sent, edited, deleted or reacted to.
    #[must_use]
    pub const fn target(&self) -> Option<Seq> {
        match self {
            Self::Message { message } | Self::MessageEdited { message } => Some(message.seq),
            Self::MessageDeleted { target }
            | Self::ReactionAdded { target, .. }
            | Self::ReactionRemoved { target, .. } => Some(*target),
            _ => None,
        }
    }

    /// Whether it carries what a message says.
    #[must_use]
    pub const fn carries_content(&self) -> bool {
        matches!(self, Self::Message { .. } | Self::MessageEdited { .. })
    }

    /// Whether it ends `user`'s right to the log.
    #[must_use]
    pub fn ends(&self, user: &UserId) -> Option<crate::signal::UnsubscribeReason> {
        match self {
            Self::MemberLeft { user: gone, reason, .. } if gone == user => Some((*reason).into()),
            Self::RoomDeleted {} => Some(crate::signal::UnsubscribeReason::Deleted),
            _ => None,
        }
    }
}

impl Event {
    /// About how many bytes of what was said it carries, for pages that are bounded by size.
    #[must_use]
    pub fn content_bytes(&self) -> usize {
        match &self.body {
            EventBody::Message { message } | EventBody::MessageEdited { message } => message.content.len(),
            EventBody::RoomCreated { members, .. } => 64 * members.len(),
            _ => 0,
        }
    }
}

/// `{type, room_id, seq, at, actor, client_id?, …}`: the head in this order, then the body's own fields.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.body.kind())?;
        map.serialize_entry("room_id", &self.room)?;
        map.serialize_entry("seq", &self.seq)?;
        map.serialize_entry("at", &self.at)?;
        map.serialize_entry("actor", &self.actor)?;
        if let Some(client_id) = &self.client_id {
            map.serialize_entry("client_id", client_id)?;
        }
        match &self.body {
            EventBody::RoomCreated { room, members } => {
                map.serialize_entry("room", room)?;
                map.serialize_entry("members", members)?;
            }
            EventBody::Message { message } | EventBody::MessageEdited { message } => {
                map.serialize_entry("message", message)?;
            }
            EventBody::MessageDeleted { target } => map.serialize_entry("target", target)?,
            EventBody::ReactionAdded { target, emoji } | EventBody::ReactionRemoved { target, emoji } => {
                map.serialize_entry("target", target)?;
                map.serialize_entry("emoji", emoji)?;
            }
            EventBody::MemberJoined { member } => map.serialize_entry("member", member)?,
            EventBody::MemberLeft { user, reason, successor } => {
                map.serialize_entry("user", user)?;
                map.serialize_entry("reason", reason)?;
                if let Some(successor) = successor {
                    map.serialize_entry("successor", successor)?;
                }
            }
            EventBody::MemberChanged { member, former_owner } => {
                map.serialize_entry("member", member)?;
                if let Some(former_owner) = former_owner {
                    map.serialize_entry("former_owner", former_owner)?;
                }
            }
            EventBody::RoomChanged { room } => map.serialize_entry("room", room)?,
            EventBody::RoomDeleted {} => {}
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Flat {
            room_id: RoomId,
            seq: Seq,
            at: Timestamp,
            actor: Option<UserId>,
            client_id: Option<ClientId>,
            #[serde(flatten)]
            body: EventBody,
        }
        let flat = Flat::deserialize(deserializer).map_err(de::Error::custom)?;
        Ok(Self {
            room: flat.room_id,
            seq: flat.seq,
            at: flat.at,
            actor: flat.actor,
            client_id: flat.client_id,
            body: flat.body,
        })
    }
}
