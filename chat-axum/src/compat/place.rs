//! The room that a socket's path names.

use chat_core::{
    model::RoomId,
    protocol::{CloseCode, Hello, Subscribe},
};

use super::Visit;

/// The room in `{name}` of the path, where the user may read it.
///
/// # Errors
/// `Forbidden` where it may not be read or there is none; `GoingAway` where that cannot be known now.
pub(super) async fn room(visit: &Visit<'_>, name: &str) -> Result<RoomId, CloseCode> {
    let room = visit.param(name).and_then(|room| room.parse().ok()).ok_or(CloseCode::Forbidden)?;
    match visit.engine.as_user(visit.principal).room_entry(room).await {
        Ok(_) => Ok(room),
        Err(error) if error.is_retryable() => Err(CloseCode::GoingAway),
        Err(_) => Err(CloseCode::Forbidden),
    }
}

/// A connection that hears one room, from now on.
pub(super) fn hello(room: RoomId) -> Hello {
    Hello { rooms: [(room, None)].into(), subscribe: Subscribe::Listed, ..Hello::default() }
}
