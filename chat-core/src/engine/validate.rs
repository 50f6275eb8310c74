//! From what is asked for to what is written: bounds, defaults, and what must hold.

use sha2::{Digest, Sha256};

use crate::{
    error::{Error, ErrorCode},
    hooks::ActionKind,
    limits::Limits,
    model::{ClientId, MessageKind, Metadata, RoomId, Seq, UserId},
    protocol::{Command, Send},
    store::{ChangeBody, NewMessage, Require, SearchText},
};

/// A durable write of a user, on its way through policy and hooks to the writer.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) room: Option<RoomId>,
    pub(crate) kind: ActionKind,
    pub(crate) other: Option<UserId>,
    pub(crate) require: Require,
    pub(crate) body: ChangeBody,
}

impl Write {
    pub(crate) const fn new(room: RoomId, kind: ActionKind, require: Require, body: ChangeBody) -> Self {
        Self { room: Some(room), kind, other: None, require, body }
    }

    /// A message into a room, which may be found later. `made_up`: its key where the sender gave none.
    pub(crate) fn send(
        limits: &Limits,
        room: Option<RoomId>,
        send: &Send,
        made_up: impl FnOnce() -> ClientId,
    ) -> Result<Self, Error> {
        let kind = send.kind.clone().unwrap_or_else(MessageKind::text);
        if kind.is_system() {
            return Err(Error::bad_field("kind", "only the host sends messages of kind system"));
        }
        let message = new_message(limits, send, kind, made_up)?;
        let body = ChangeBody::Send(message);
        Ok(Self { room, kind: ActionKind::Send, other: None, require: Require::WRITER, body })
    }

    /// A command that writes, of those that name their room.
    pub(crate) fn of(limits: &Limits, command: &Command) -> Option<Result<Self, Error>> {
        Some(match command {
            Command::Edit { room, seq, content, mentions } => {
                Self::edit(limits, *room, *seq, content.clone(), mentions.clone())
            }
            Command::Delete { room, seq } => Ok(Self::delete(*room, *seq)),
            Command::React { room, seq, emoji } => Ok(Self::new(
                *room,
                ActionKind::React,
                Require::WRITER,
                ChangeBody::React {
                    target: *seq,
                    emoji: emoji.clone(),
                    kinds_max: limits.reaction_kinds_max,
                },
            )),
            Command::Unreact { room, seq, emoji } => Ok(Self::new(
                *room,
                ActionKind::React,
                Require::MEMBER,
                ChangeBody::Unreact { target: *seq, emoji: emoji.clone() },
            )),
            _ => return None,
        })
    }

    pub(crate) fn edit(
        limits: &Limits,
        room: RoomId,
        target: Seq,
        content: String,
        mentions: Option<Vec<UserId>>,
    ) -> Result<Self, Error> {
        check_content(limits, &content, false)?;
        check_mentions(limits, mentions.as_deref().unwrap_or_default())?;
        let body = ChangeBody::Edit { target, content, mentions };
        Ok(Self::new(room, ActionKind::Edit, Require::WRITER, body))
    }

    pub(crate) fn delete(room: RoomId, target: Seq) -> Self {
        Self::new(room, ActionKind::Delete, Require::MEMBER, ChangeBody::Delete { target })
    }
}

/// A message with its bounds checked and its digest taken.
pub(crate) fn new_message(
    limits: &Limits,
    send: &Send,
    kind: MessageKind,
    made_up: impl FnOnce() -> ClientId,
) -> Result<NewMessage, Error> {
    check_content(limits, &send.content, !send.attachments.is_empty())?;
    check_mentions(limits, &send.mentions)?;
    check_metadata(limits, &send.metadata)?;
    if send.attachments.len() > limits.attachments_max {
        return Err(too_many("attachments", limits.attachments_max));
    }
    Ok(NewMessage {
        client_id: send.client_id.clone().unwrap_or_else(made_up),
        digest: digest(send, &kind),
        kind,
        content: send.content.clone(),
        reply_to: send.reply_to,
        thread: send.thread,
        mentions: send.mentions.clone(),
        attachments: send.attachments.clone(),
        metadata: send.metadata.clone(),
    })
}

pub(crate) fn check_content(limits: &Limits, content: &str, may_be_empty: bool) -> Result<(), Error> {
    if content.len() > limits.content_bytes_max {
        let message = format!("must be at most {} bytes", limits.content_bytes_max);
        return Err(Error::new(ErrorCode::TooLarge, message).with_field("content"));
    }
    check_text("content", content)?;
    if content.trim().is_empty() && !may_be_empty {
        return Err(Error::bad_field("content", "must not be blank"));
    }
    Ok(())
}

/// No U+0000: not every store can keep it.
pub(crate) fn check_text(field: &'static str, text: &str) -> Result<(), Error> {
    if text.contains('\0') {
        return Err(Error::bad_field(field, "must not hold U+0000"));
    }
    Ok(())
}

pub(crate) fn check_name(limits: &Limits, name: Option<&str>) -> Result<(), Error> {
    let Some(name) = name else { return Ok(()) };
    check_text("name", name)?;
    if name.trim().is_empty() {
        return Err(Error::bad_field("name", "must not be blank"));
    }
    if name.chars().count() > limits.name_chars_max {
        let message = format!("must be at most {} characters", limits.name_chars_max);
        return Err(Error::new(ErrorCode::TooLarge, message).with_field("name"));
    }
    Ok(())
}

/// Why a message is reported.
pub(crate) fn check_reason(limits: &Limits, reason: &str) -> Result<(), Error> {
    check_text("reason", reason)?;
    if reason.trim().is_empty() {
        return Err(Error::bad_field("reason", "must not be blank"));
    }
    if reason.chars().count() > limits.reason_chars_max {
        let message = format!("must be at most {} characters", limits.reason_chars_max);
        return Err(Error::new(ErrorCode::TooLarge, message).with_field("reason"));
    }
    Ok(())
}

/// What is searched for, taken apart, where it has something to find and is short enough.
pub(crate) fn search_text(limits: &Limits, text: &str) -> Result<SearchText, Error> {
    const FIELD: &str = "q";
    check_text(FIELD, text)?;
    let too_large = |max: usize, what: &str| {
        Error::new(ErrorCode::TooLarge, format!("must be at most {max} {what}")).with_field(FIELD)
    };
    if text.chars().count() > limits.search_chars_max {
        return Err(too_large(limits.search_chars_max, "characters"));
    }
    let text = SearchText::new(text);
    if text.is_empty() {
        return Err(Error::bad_field(FIELD, "must have a letter or digit"));
    }
    if text.len() > limits.search_words_max {
        return Err(too_large(limits.search_words_max, "words"));
    }
    Ok(text)
}

pub(crate) fn check_metadata(limits: &Limits, metadata: &Metadata) -> Result<(), Error> {
    if metadata.is_empty() {
        return Ok(());
    }
    if metadata.json_bytes() > limits.metadata_bytes_max {
        let message = format!("must be at most {} bytes of JSON", limits.metadata_bytes_max);
        return Err(Error::new(ErrorCode::TooLarge, message).with_field("metadata"));
    }
    if metadata.has_nul() {
        return Err(Error::bad_field("metadata", "must not hold U+0000"));
    }
    Ok(())
}

fn check_mentions(limits: &Limits, mentions: &[UserId]) -> Result<(), Error> {
    if mentions.len() > limits.mentions_max {
        return Err(too_many("mentions", limits.mentions_max));
    }
    Ok(())
}

pub(crate) fn too_many(field: &'static str, max: usize) -> Error {
    Error::new(ErrorCode::TooLarge, format!("must be at most {max}")).with_field(field)
}

/// A page's size: what was asked for, within bounds.
pub(crate) fn page(limits: &Limits, asked: Option<usize>) -> Result<usize, Error> {
    match asked {
        None => Ok(limits.page_default.min(limits.page_max)),
        Some(0) => Err(Error::bad_field("limit", "must be at least 1")),
        Some(asked) => Ok(asked.min(limits.page_max)),
    }
}

/// What tells two requests under one `client_id` apart: everything the sender said, each part with its length before
/// it, so that no two requests read alike.
fn digest(send: &Send, kind: &MessageKind) -> [u8; 16] {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(kind.as_str().as_bytes());
    part(send.content.as_bytes());
    part(&send.reply_to.unwrap_or(Seq::ZERO).get().to_le_bytes());
    part(&send.thread.unwrap_or(Seq::ZERO).get().to_le_bytes());
    part(&(send.mentions.len() as u64).to_le_bytes());
    for user in &send.mentions {
        part(user.as_str().as_bytes());
    }
    part(&(send.attachments.len() as u64).to_le_bytes());
    for id in &send.attachments {
        part(id.as_str().as_bytes());
    }
    if !send.metadata.is_empty() {
        part(&serde_json::to_vec(&send.metadata).unwrap_or_default());
    }
    let mut digest = [0; 16];
    digest.copy_from_slice(&hash.finalize()[..16]);
    digest
}
