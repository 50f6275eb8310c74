//! Messages, as REST of these formats names them: by id, and in lists without what is not shown.

use chat_core::{
    AsUser, Error, ErrorCode,
    model::{MessageId, MessageView, RoomId, Seq},
    protocol::HistoryRange,
};

use super::is_shown;
use crate::problem::Problem;

/// Pages read for one list, where most of what stands in them is not shown.
const READS_MAX: usize = 40;

/// Messages of a room that are shown, oldest first: the newest, or those before the place of a message.
pub(super) async fn list(
    user: &AsUser<'_>,
    room: RoomId,
    before: Option<MessageId>,
    limit: Option<usize>,
) -> Result<Vec<MessageView>, Problem> {
    let before = match before {
        Some(id) => Some(place(user, room, id).await?),
        None => None,
    };
    Ok(newest(user, room, before, limit).await?)
}

/// The newest messages of a room that are shown, or of those before a place, oldest first.
///
/// Shorter than asked for at the beginning of the room, or behind some thousand messages in a row that are not shown.
pub(super) async fn newest(
    user: &AsUser<'_>,
    room: RoomId,
    before: Option<Seq>,
    limit: Option<usize>,
) -> Result<Vec<MessageView>, Error> {
    let range = before.map_or(HistoryRange::Latest, HistoryRange::Before);
    let mut page = user.history(room, range, limit, None).await?;
    // A page that more comes before is full.
    let wanted = page.messages.len();
    let mut newest_first = Vec::with_capacity(wanted);
    for _ in 1..READS_MAX {
        let oldest = page.messages.first().map(|view| view.message.seq);
        let shown = page.messages.into_iter().rev().filter(|view| is_shown(&view.message));
        newest_first.extend(shown.take(wanted - newest_first.len()));
        match oldest {
            Some(oldest) if page.more && newest_first.len() < wanted => {
                page = user.history(room, HistoryRange::Before(oldest), None, None).await?;
            }
            _ => break,
        }
    }
    newest_first.reverse();
    Ok(newest_first)
}

/// A message of a room by its id.
pub(super) async fn find(
    user: &AsUser<'_>,
    room: RoomId,
    id: MessageId,
) -> Result<Option<MessageView>, Problem> {
    match user.message(id).await {
        Ok(view) if view.message.room_id == room => Ok(Some(view)),
        Err(error) if error.code() != ErrorCode::NotFound => Err(error.into()),
        // Who is not in the room is told so first.
        _ => user.room_entry(room).await.map(|_| None).map_err(Problem::from),
    }
}

/// The place in the room that `before` names.
async fn place(user: &AsUser<'_>, room: RoomId, id: MessageId) -> Result<Seq, Problem> {
    let found = find(user, room, id).await?;
    found
        .map(|view| view.message.seq)
        .ok_or_else(|| Problem::bad_field("before", "is no message of this room"))
}
