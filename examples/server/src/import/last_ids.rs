//! The greatest ids of what is to come.

use std::io::{BufRead, Read as _};

use chat_core::{
    model::{MessageId, RoomId},
    store::IMPORT_ID_MAX,
};
use serde::Deserialize;

use super::{
    lines::{LINE_BYTES_MAX, without_mark},
    record::{Extent, SourceError},
};

/// The greatest ids, where whoever imports says them.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct LastIds {
    /// Greatest room id that is to come, where it cannot be found out beforehand (lines from standard input or a pipe): rooms
    /// made on the target meanwhile get ids above it.
    #[arg(id = "last_room", long = "last-room", value_name = "ID", requires = "last_message", value_parser = room)]
    pub(super) room: Option<RoomId>,

    /// Greatest message id that is to come, likewise.
    #[arg(id = "last_message", long = "last-message", value_name = "ID", requires = "last_room", value_parser = message)]
    pub(super) message: Option<MessageId>,
}

/// What counts of a line.
#[derive(Deserialize)]
struct Glance {
    room: Option<Numbered<RoomId>>,
    message: Option<Numbered<MessageId>>,
}

#[derive(Deserialize)]
struct Numbered<T> {
    id: T,
}

/// How much there is in lines, read once for that alone. Lines that are none count for nothing: what comes behind one is
/// taken over by a later run, when it was mended, and its ids must be free until then.
pub(super) fn of_lines(mut lines: impl BufRead) -> Result<Extent, SourceError> {
    let mut extent = Extent::default();
    let mut line = Vec::new();
    let mut is_first = true;
    loop {
        line.clear();
        if (&mut lines).take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line)? == 0 {
            return Ok(extent);
        }
        let text = if std::mem::take(&mut is_first) { without_mark(&line) } else { &line };
        let Ok(Glance { room, message }) = serde_json::from_slice(text) else { continue };
        extent.messages += u64::from(message.is_some());
        let room = room.map(|room| room.id).filter(|room| room.get() <= IMPORT_ID_MAX);
        let message = message.map(|message| message.id).filter(|message| message.get() <= IMPORT_ID_MAX);
        extent.last_room = extent.last_room.max(room);
        extent.last_message = extent.last_message.max(message);
    }
}

fn room(text: &str) -> Result<RoomId, String> {
    let room = text.parse().map_err(|_| importable())?;
    Some(room).filter(|room: &RoomId| room.get() <= IMPORT_ID_MAX).ok_or_else(importable)
}

fn message(text: &str) -> Result<MessageId, String> {
    let message = text.parse().map_err(|_| importable())?;
    Some(message).filter(|message: &MessageId| message.get() <= IMPORT_ID_MAX).ok_or_else(importable)
}

fn importable() -> String {
    format!("must be a whole number from 1 to {IMPORT_ID_MAX}")
}
