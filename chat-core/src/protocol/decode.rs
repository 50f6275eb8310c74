//! Reading the native protocol's frames.
//!
//! A frame is read in two steps: its fields as raw JSON, then each field that its type wants, so that an error names
//! the field. Unknown fields are passed over, for clients newer than this.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::client::{
    ClientFrame, Command, FrameError, FrameId, Hello, HistoryRange, Send, SendTo, Subscribe,
};
use crate::{
    error::ErrorCode,
    model::{MAX_SAFE_INTEGER, RoomId, Seq},
};

/// Longest name of a frame in bytes.
pub(crate) const FRAME_ID_BYTES_MAX: usize = 64;

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    room_id: Option<&'a RawValue>,
    #[serde(borrow)]
    to_user: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    client_id: Option<&'a RawValue>,
    #[serde(borrow)]
    seq: Option<&'a RawValue>,
    #[serde(borrow)]
    since: Option<&'a RawValue>,
    #[serde(borrow)]
    emoji: Option<&'a RawValue>,
    #[serde(borrow)]
    is_typing: Option<&'a RawValue>,
    #[serde(borrow)]
    reply_to: Option<&'a RawValue>,
    #[serde(borrow)]
    thread: Option<&'a RawValue>,
    #[serde(borrow)]
    mentions: Option<&'a RawValue>,
    #[serde(borrow)]
    attachments: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(rename = "kind", borrow)]
    message_kind: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    before: Option<&'a RawValue>,
    #[serde(borrow)]
    after: Option<&'a RawValue>,
    #[serde(borrow)]
    around: Option<&'a RawValue>,
    #[serde(borrow)]
    limit: Option<&'a RawValue>,
    #[serde(borrow)]
    token: Option<&'a RawValue>,
    #[serde(borrow)]
    epoch: Option<&'a RawValue>,
    #[serde(borrow)]
    rooms: Option<&'a RawValue>,
    #[serde(borrow)]
    subscribe: Option<&'a RawValue>,
}

impl ClientFrame {
    /// Reads a frame of the native protocol.
    ///
    /// # Errors
    /// `bad_frame` for what is no JSON object with a known `type`, `bad_field` for a field that is missing, of the
    /// wrong type or out of its bound; with the frame's `id` where it could be read.
    pub fn decode(frame: &[u8]) -> Result<Self, FrameError> {
        let raw: Raw<'_> = serde_json::from_slice(frame).map_err(|_| bad_frame(None, "not a JSON object"))?;
        let id = match raw.id {
            Some(text) => Some(frame_id(text).ok_or_else(|| {
                bad_field(None, "id", "must be a whole number or a text of at most 64 bytes")
            })?),
            None => None,
        };
        match command(&raw) {
            Ok(command) => Ok(Self { id, command }),
            Err(mut error) => {
                error.id = id;
                Err(error)
            }
        }
    }
}

fn command(raw: &Raw<'_>) -> Result<Command, FrameError> {
    let kind: Cow<'_, str> = match raw.kind.map(|kind| serde_json::from_str(kind.get())) {
        Some(Ok(kind)) => kind,
        Some(Err(_)) => return Err(bad_frame(None, "type must be a text")),
        None => return Err(bad_frame(None, "type is missing")),
    };
    Ok(match &*kind {
        "send" => Command::Send(Box::new(send(raw)?)),
        "typing" => Command::Typing { room: room(raw)?, is_typing: required("is_typing", raw.is_typing)? },
        "read" => Command::Read { room: room(raw)?, seq: seq_of("seq", raw.seq)? },
        "ping" => Command::Ping,
        "history" => history(raw)?,
        "edit" => Command::Edit {
            room: room(raw)?,
            seq: seq_of("seq", raw.seq)?,
            content: text("content", raw.content)?,
            mentions: optional("mentions", raw.mentions)?,
        },
        "delete" => Command::Delete { room: room(raw)?, seq: seq_of("seq", raw.seq)? },
        "react" => Command::React {
            room: room(raw)?,
            seq: seq_of("seq", raw.seq)?,
            emoji: required("emoji", raw.emoji)?,
        },
        "unreact" => Command::Unreact {
            room: room(raw)?,
            seq: seq_of("seq", raw.seq)?,
            emoji: required("emoji", raw.emoji)?,
        },
        "presence" => Command::Presence { status: required("status", raw.status)? },
        "subscribe" => Command::Subscribe { room: room(raw)?, since: optional_seq("since", raw.since)? },
        "unsubscribe" => Command::Unsubscribe { room: room(raw)? },
        "auth" => Command::Auth { token: text("token", raw.token)? },
        "hello" => Command::Hello(hello(raw)?),
        _ => return Err(bad_frame(None, "unknown type")),
    })
}

fn send(raw: &Raw<'_>) -> Result<Send, FrameError> {
    let to = match (present(raw.room_id), present(raw.to_user)) {
        (Some(_), None) => SendTo::Room(room(raw)?),
        (None, Some(_)) => SendTo::User(required("to_user", raw.to_user)?),
        (None, None) => return Err(bad_field(None, "room_id", "room_id or to_user is missing")),
        (Some(_), Some(_)) => {
            return Err(bad_field(None, "to_user", "room_id and to_user exclude each other"));
        }
    };
    Ok(Send {
        to,
        content: text("content", raw.content)?,
        kind: optional("kind", raw.message_kind)?,
        client_id: optional("client_id", raw.client_id)?,
        reply_to: optional_seq("reply_to", raw.reply_to)?,
        thread: optional_seq("thread", raw.thread)?,
        mentions: optional("mentions", raw.mentions)?.unwrap_or_default(),
        attachments: optional("attachments", raw.attachments)?.unwrap_or_default(),
        metadata: optional("metadata", raw.metadata)?.unwrap_or_default(),
    })
}

fn history(raw: &Raw<'_>) -> Result<Command, FrameError> {
    let given = (
        optional_seq("before", raw.before)?,
        optional_seq("after", raw.after)?,
        optional_seq("around", raw.around)?,
    );
    let range = match given {
        (None, None, None) => HistoryRange::Latest,
        (Some(seq), None, None) => HistoryRange::Before(seq),
        (None, Some(seq), None) => HistoryRange::After(seq),
        (None, None, Some(seq)) => HistoryRange::Around(seq),
        _ => return Err(bad_field(None, "before", "before, after and around exclude each other")),
    };
    Ok(Command::History {
        room: room(raw)?,
        range,
        limit: optional("limit", raw.limit)?,
        thread: optional_seq("thread", raw.thread)?,
    })
}

fn hello(raw: &Raw<'_>) -> Result<Hello, FrameError> {
    let cursors: BTreeMap<String, Option<u64>> = optional("rooms", raw.rooms)?.unwrap_or_default();
    let mut rooms = BTreeMap::new();
    for (room, cursor) in cursors {
        let room: RoomId = room.parse().map_err(|_| bad_field(None, "rooms", "keys must be room ids"))?;
        if cursor.is_some_and(|cursor| cursor > MAX_SAFE_INTEGER) {
            return Err(bad_field(None, "rooms", "cursors must be whole numbers up to 2^53-1"));
        }
        rooms.insert(room, cursor.map(Seq::new));
    }
    let subscribe = match optional::<String>("subscribe", raw.subscribe)?.as_deref() {
        None | Some("all") => Subscribe::All,
        Some("listed") => Subscribe::Listed,
        Some(_) => return Err(bad_field(None, "subscribe", "must be \"all\" or \"listed\"")),
    };
    Ok(Hello { token: optional("token", raw.token)?, epoch: optional("epoch", raw.epoch)?, rooms, subscribe })
}

/// The field, where it is there and not null.
fn present(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| raw.get() != "null")
}

fn optional<T: DeserializeOwned>(
    field: &'static str,
    raw: Option<&RawValue>,
) -> Result<Option<T>, FrameError> {
    present(raw)
        .map(|raw| serde_json::from_str(raw.get()).map_err(|error| bad_field(None, field, &plain(&error))))
        .transpose()
}

fn required<T: DeserializeOwned>(field: &'static str, raw: Option<&RawValue>) -> Result<T, FrameError> {
    optional(field, raw)?.ok_or_else(|| bad_field(None, field, "is missing"))
}

/// A text without U+0000.
fn text(field: &'static str, raw: Option<&RawValue>) -> Result<String, FrameError> {
    let text: String = required(field, raw)?;
    if text.contains('\0') { Err(bad_field(None, field, "must not hold U+0000")) } else { Ok(text) }
}

fn room(raw: &Raw<'_>) -> Result<RoomId, FrameError> {
    required("room_id", raw.room_id)
}

fn seq_of(field: &'static str, raw: Option<&RawValue>) -> Result<Seq, FrameError> {
    optional_seq(field, raw)?.ok_or_else(|| bad_field(None, field, "is missing"))
}

fn optional_seq(field: &'static str, raw: Option<&RawValue>) -> Result<Option<Seq>, FrameError> {
    match optional::<u64>(field, raw)? {
        Some(seq) if seq > MAX_SAFE_INTEGER => {
            Err(bad_field(None, field, "must be a whole number up to 2^53-1"))
        }
        seq => Ok(seq.map(Seq::new)),
    }
}

fn frame_id(raw: &RawValue) -> Option<FrameId> {
    if !raw.get().starts_with('"') {
        let number: u64 = serde_json::from_str(raw.get()).ok()?;
        return (number <= MAX_SAFE_INTEGER).then_some(FrameId::Number(number));
    }
    let text: String = serde_json::from_str(raw.get()).ok()?;
    (text.len() <= FRAME_ID_BYTES_MAX).then(|| FrameId::Text(text.into()))
}

fn bad_frame(id: Option<FrameId>, message: &str) -> FrameError {
    FrameError { id, code: ErrorCode::BadFrame, message: message.to_owned(), field: None }
}

fn bad_field(id: Option<FrameId>, field: &'static str, message: &str) -> FrameError {
    FrameError { id, code: ErrorCode::BadField, message: message.to_owned(), field: Some(field) }
}

/// What serde says, without its place in a text that the client never saw.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests;
