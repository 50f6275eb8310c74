//! What `room_events` keeps of an event beside its head.

use chat_core::{
    EventBody,
    model::{
        Emoji, HistoryMode, LeaveReason, Member, Message, Metadata, Role, Room, RoomId, RoomKind, Seq,
        Timestamp, UserId,
    },
};
use serde::{Deserialize, Serialize};

use crate::{columns::parse, error::damaged};

/// The parts of an event's body, in a form of our own: what goes over the wire may change, and keeps milliseconds only.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Parts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    room: Option<RoomPart>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    members: Vec<MemberPart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    member: Option<MemberPart>,
    /// The former owner, or the successor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other: Option<MemberPart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<LeaveReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    emoji: Option<Emoji>,
}

#[derive(Debug, Serialize, Deserialize)]
struct MemberPart {
    user: UserId,
    role: Role,
    joined_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    muted_until: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct RoomPart {
    kind: RoomKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    history: HistoryMode,
    created_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_by: Option<UserId>,
}

impl From<&Member> for MemberPart {
    fn from(member: &Member) -> Self {
        Self {
            user: member.user.clone(),
            role: member.role,
            joined_at: member.joined_at.as_micros(),
            muted_until: member.muted_until.map(Timestamp::as_micros),
        }
    }
}

impl From<MemberPart> for Member {
    fn from(part: MemberPart) -> Self {
        Self {
            user: part.user,
            role: part.role,
            joined_at: Timestamp::from_micros(part.joined_at),
            muted_until: part.muted_until.map(Timestamp::from_micros),
        }
    }
}

impl From<&Room> for RoomPart {
    fn from(room: &Room) -> Self {
        Self {
            kind: room.kind,
            name: room.name.clone(),
            metadata: room.metadata.clone(),
            subject: room.subject.clone(),
            history: room.history,
            created_at: room.created_at.as_micros(),
            created_by: room.created_by.clone(),
        }
    }
}

impl RoomPart {
    fn into_room(self, id: RoomId) -> Room {
        let mut room = Room::new(id, self.kind, Timestamp::from_micros(self.created_at));
        room.name = self.name;
        room.metadata = self.metadata;
        room.subject = self.subject;
        room.history = self.history;
        room.created_by = self.created_by;
        room
    }
}

/// The text of a body, where it has more than a kind and a target. `None` in the outer option: this version does not
/// know the body, or it is a message, which is kept elsewhere.
pub(crate) fn write(body: &EventBody) -> Option<Option<String>> {
    let parts = match body {
        EventBody::RoomCreated { room, members } => Parts {
            room: Some(room.into()),
            members: members.iter().map(MemberPart::from).collect(),
            ..Parts::default()
        },
        EventBody::ReactionAdded { emoji, .. } | EventBody::ReactionRemoved { emoji, .. } => {
            Parts { emoji: Some(emoji.clone()), ..Parts::default() }
        }
        EventBody::MemberJoined { member } => Parts { member: Some(member.into()), ..Parts::default() },
        EventBody::MemberLeft { user, reason, successor } => Parts {
            user: Some(user.clone()),
            reason: Some(*reason),
            other: successor.as_ref().map(MemberPart::from),
            ..Parts::default()
        },
        EventBody::MemberChanged { member, former_owner } => Parts {
            member: Some(member.into()),
            other: former_owner.as_ref().map(MemberPart::from),
            ..Parts::default()
        },
        EventBody::RoomChanged { room } => Parts { room: Some(room.into()), ..Parts::default() },
        EventBody::MessageEdited { .. } | EventBody::MessageDeleted { .. } | EventBody::RoomDeleted {} => {
            return Some(None);
        }
        _ => return None,
    };
    Some(Some(serde_json::to_string(&parts).expect("texts, numbers and lists of them are JSON")))
}

/// The body of that kind; an edit carries `message`, the edited one as it is now.
pub(crate) fn read(
    room: RoomId,
    kind: &str,
    target: Option<Seq>,
    body: Option<&str>,
    message: Option<Message>,
) -> sqlx::Result<EventBody> {
    let missing = || damaged("an event without a part of its body");
    let parts: Parts = body.map_or_else(|| Ok(Parts::default()), parse)?;
    Ok(match kind {
        "room_created" => EventBody::RoomCreated {
            room: parts.room.ok_or_else(missing)?.into_room(room),
            members: parts.members.into_iter().map(Member::from).collect(),
        },
        "message_edited" => EventBody::MessageEdited { message: message.ok_or_else(missing)? },
        "message_deleted" => EventBody::MessageDeleted { target: target.ok_or_else(missing)? },
        "reaction_added" => EventBody::ReactionAdded {
            target: target.ok_or_else(missing)?,
            emoji: parts.emoji.ok_or_else(missing)?,
        },
        "reaction_removed" => EventBody::ReactionRemoved {
            target: target.ok_or_else(missing)?,
            emoji: parts.emoji.ok_or_else(missing)?,
        },
        "member_joined" => EventBody::MemberJoined { member: parts.member.ok_or_else(missing)?.into() },
        "member_left" => EventBody::MemberLeft {
            user: parts.user.ok_or_else(missing)?,
            reason: parts.reason.ok_or_else(missing)?,
            successor: parts.other.map(Member::from),
        },
        "member_changed" => EventBody::MemberChanged {
            member: parts.member.ok_or_else(missing)?.into(),
            former_owner: parts.other.map(Member::from),
        },
        "room_changed" => EventBody::RoomChanged { room: parts.room.ok_or_else(missing)?.into_room(room) },
        "room_deleted" => EventBody::RoomDeleted {},
        _ => return Err(damaged("an event of an unknown kind")),
    })
}
