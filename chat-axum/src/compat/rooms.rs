//! Rooms with who is in them, as lists of these formats show them.

use chat_core::{
    AsUser, Error, Limits,
    model::{Member, RoomEntry, RoomId},
};
use serde::Deserialize;

/// `?before=<room>&limit=<n>` of a list of rooms.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    /// Rooms that were active before this one.
    before: Option<RoomId>,
    /// As many as a page has at most, where nothing is said.
    limit: Option<usize>,
}

/// A room, and its members, owners first, at most one page of them.
#[derive(Debug)]
pub(super) struct Peopled {
    pub(super) entry: RoomEntry,
    pub(super) members: Vec<Member>,
}

/// The user's rooms, latest activity first.
pub(super) async fn list(user: &AsUser<'_>, limits: &Limits, page: Page) -> Result<Vec<Peopled>, Error> {
    let before = match page.before {
        Some(room) => Some(user.room_entry(room).await?.activity),
        None => None,
    };
    let limit = page.limit.unwrap_or(limits.page_max);
    let entries = user.rooms(before, Some(limit)).await?;
    let rooms: Vec<RoomId> = entries.iter().map(|entry| entry.room.id).collect();
    let mut members = user.members_of(&rooms).await?;
    let peopled = entries.into_iter().filter_map(|entry| {
        // None where the user was removed meanwhile.
        let members = members.remove(&entry.room.id)?;
        Some(Peopled { entry, members })
    });
    Ok(peopled.collect())
}

/// One of the user's rooms.
pub(super) async fn one(user: &AsUser<'_>, room: RoomId) -> Result<Peopled, Error> {
    let entry = user.room_entry(room).await?;
    let members = user.members_of(&[room]).await?.remove(&room).unwrap_or_default();
    Ok(Peopled { entry, members })
}
