//! Rooms with who is in them, as lists of these formats show them.

use chat_core::{
    AsUser, Error, ErrorCode, Limits,
    model::{Member, RoomEntry, RoomId},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;

/// Rooms whose members are read at once.
const AT_ONCE: usize = 8;

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
    stream::iter(entries)
        .map(async |entry| match people(user, limits, entry).await {
            Ok(room) => Ok(Some(room)),
            // Removed meanwhile.
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .buffered(AT_ONCE)
        .try_filter_map(async |room| Ok(room))
        .try_collect()
        .await
}

/// One of the user's rooms.
pub(super) async fn one(user: &AsUser<'_>, limits: &Limits, room: RoomId) -> Result<Peopled, Error> {
    let entry = user.room_entry(room).await?;
    people(user, limits, entry).await
}

async fn people(user: &AsUser<'_>, limits: &Limits, entry: RoomEntry) -> Result<Peopled, Error> {
    let mut members = user.members(entry.room.id, None, Some(limits.page_max)).await?;
    members.sort_by_key(|member| std::cmp::Reverse(member.role));
    Ok(Peopled { entry, members })
}
