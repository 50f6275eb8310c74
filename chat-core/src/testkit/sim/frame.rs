//! What a client makes of the frames it is given.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    event::Event,
    model::{Message, Role, RoomId, Seq, UserId},
    signal::{Signal, UnsubscribeReason},
};

/// A frame as a client understands it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Seen {
    Welcome {
        epoch: String,
        reset: bool,
        heads: BTreeMap<RoomId, Seq>,
        gone: Vec<RoomId>,
        rooms: Vec<Listed>,
    },
    Subscribed {
        id: Option<u64>,
        room: RoomId,
        from: Seq,
        head: Seq,
    },
    Event(Box<Event>),
    Gap {
        room: RoomId,
        from: Seq,
        to: Seq,
    },
    RoomAdded(Listed),
    Unsubscribed {
        room: RoomId,
        reason: UnsubscribeReason,
    },
    Ok {
        id: u64,
        seq: Option<Seq>,
        message: Option<Box<Message>>,
        repeat: bool,
        page: Option<Page>,
    },
    Error {
        id: Option<u64>,
        code: String,
    },
    Pong {
        id: Option<u64>,
        heads: BTreeMap<RoomId, Seq>,
    },
    Signal(Signal),
    Bye {
        reason: String,
    },
    /// What no client understands.
    Garbage(String),
}

/// A room in `welcome` or `room_added`, as far as it matters.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Listed {
    pub(super) id: RoomId,
    pub(super) head: Seq,
    pub(super) role: Option<Role>,
    pub(super) last_message: Option<Message>,
}

/// A page of history.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Page {
    pub(super) messages: Vec<Message>,
    pub(super) as_of: Seq,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct Flat {
    id: Option<u64>,
    room_id: Option<RoomId>,
    from: Option<Seq>,
    to: Option<Seq>,
    head: Option<Seq>,
    seq: Option<Seq>,
    #[serde(default)]
    repeat: bool,
    message: Option<serde_json::Value>,
    messages: Option<Vec<Message>>,
    as_of: Option<Seq>,
    code: Option<String>,
    heads: Option<BTreeMap<RoomId, Seq>>,
    #[serde(default)]
    gone: Vec<RoomId>,
    epoch: Option<String>,
    #[serde(default)]
    reset: bool,
    rooms: Option<Vec<Listed>>,
    room: Option<Listed>,
    reason: Option<serde_json::Value>,
}

impl Seen {
    /// Reads a frame.
    pub(super) fn read(frame: &[u8]) -> Self {
        Self::try_read(frame).unwrap_or_else(|| Self::Garbage(String::from_utf8_lossy(frame).into_owned()))
    }

    fn try_read(frame: &[u8]) -> Option<Self> {
        let kind: Kind<'_> = serde_json::from_slice(frame).ok()?;
        match &*kind.kind {
            "room_created" | "message" | "message_edited" | "message_deleted" | "reaction_added"
            | "reaction_removed" | "member_joined" | "member_left" | "member_changed" | "room_changed"
            | "room_deleted" => return Some(Self::Event(serde_json::from_slice(frame).ok()?)),
            "typing" | "receipt" | "unread" | "blocked" => {
                return Some(Self::Signal(serde_json::from_slice(frame).ok()?));
            }
            "presence" => {
                // Of two forms that share a name on the wire.
                let mut value: serde_json::Value = serde_json::from_slice(frame).ok()?;
                if value.get("online").is_some() {
                    value["type"] = "presence_count".into();
                }
                return Some(Self::Signal(serde_json::from_value(value).ok()?));
            }
            _ => {}
        }
        let flat: Flat = serde_json::from_slice(frame).ok()?;
        Some(match &*kind.kind {
            "welcome" => Self::Welcome {
                epoch: flat.epoch?,
                reset: flat.reset,
                heads: flat.heads?,
                gone: flat.gone,
                rooms: flat.rooms?,
            },
            "subscribed" => {
                Self::Subscribed { id: flat.id, room: flat.room_id?, from: flat.from?, head: flat.head? }
            }
            "gap" => Self::Gap { room: flat.room_id?, from: flat.from?, to: flat.to? },
            "room_added" => Self::RoomAdded(flat.room?),
            "unsubscribed" => {
                let reason = serde_json::from_value(flat.reason?).ok()?;
                Self::Unsubscribed { room: flat.room_id?, reason }
            }
            "ok" => Self::Ok {
                id: flat.id?,
                seq: flat.seq,
                message: match flat.message {
                    Some(message) => Some(serde_json::from_value(message).ok()?),
                    None => None,
                },
                repeat: flat.repeat,
                page: match (flat.messages, flat.as_of) {
                    (Some(messages), Some(as_of)) => Some(Page { messages, as_of }),
                    _ => None,
                },
            },
            "error" => Self::Error { id: flat.id, code: flat.code? },
            "pong" => Self::Pong { id: flat.id, heads: flat.heads? },
            "bye" => Self::Bye { reason: flat.reason?.as_str()?.to_owned() },
            _ => return None,
        })
    }

    /// The event, where it is one.
    pub(super) fn event(&self) -> Option<&Event> {
        match self {
            Self::Event(event) => Some(event),
            _ => None,
        }
    }

    /// Whether it says that `user` has lost a room: which, and where.
    pub(super) fn removal_of(&self, user: &UserId) -> Option<(RoomId, Seq)> {
        let event = self.event()?;
        event.body.ends(user).map(|_| (event.room, event.seq))
    }
}

/// Takes whole frames off the front of what has arrived.
pub(super) fn split(arrived: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut done = 0;
    let mut stream =
        serde_json::Deserializer::from_slice(arrived).into_iter::<&serde_json::value::RawValue>();
    loop {
        match stream.next() {
            Some(Ok(frame)) => {
                frames.push(frame.get().as_bytes().to_vec());
                done = stream.byte_offset();
            }
            Some(Err(error)) if !error.is_eof() => {
                frames.push(arrived[done..].to_vec());
                done = arrived.len();
                break;
            }
            _ => break,
        }
    }
    arrived.drain(..done);
    frames
}
