//! Rooms: made, listed, read, changed, deleted.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use chat_core::{
    CreateRoom, Error, ErrorCode,
    model::{Activity, RoomDetail, RoomEntry, RoomId, Timestamp},
    store::RoomUpdate,
};

use super::bodies::{NewRoom, RoomPatch, RoomPath, Rooms, RoomsQuery};
use crate::{
    extract::{Body, Path, Query, User},
    problem::Problem,
    shared::Shared,
};

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Body(asked): Body<NewRoom>,
) -> Result<(StatusCode, Json<RoomEntry>), Problem> {
    let mut create = CreateRoom::new(asked.kind).with_members(asked.members.unwrap_or_default());
    create.name = asked.name;
    create.client_id = asked.client_id;
    create.metadata = asked.metadata.unwrap_or_default();
    create.history = asked.history.unwrap_or_default();
    let user = shared.engine.as_user(&me);
    let created = user.create_room(create).await?;
    let room = user.room_entry(created.room).await.map_err(after_write)?;
    Ok((if created.is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(room)))
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Query(query): Query<RoomsQuery>,
) -> Result<Json<Rooms>, Problem> {
    let before = query.before.as_deref().map(from_cursor).transpose()?;
    let user = shared.engine.as_user(&me);
    let rooms = match &query.public {
        Some(text) => user.public_rooms(text, before, query.limit).await?,
        None => user.rooms(before, query.limit).await?,
    };
    let last = rooms.last().filter(|_| rooms.len() >= page(&shared, query.limit));
    let next = last.map(|room| to_cursor(room.activity));
    Ok(Json(Rooms { rooms, next }))
}

pub(super) async fn read(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(RoomPath { id }): Path<RoomPath>,
) -> Result<Json<RoomDetail>, Problem> {
    Ok(Json(shared.engine.as_user(&me).room(id).await?))
}

pub(super) async fn update(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(RoomPath { id }): Path<RoomPath>,
    Body(asked): Body<RoomPatch>,
) -> Result<Json<RoomEntry>, Problem> {
    let user = shared.engine.as_user(&me);
    let update = RoomUpdate { name: asked.name, metadata: asked.metadata, history: asked.history };
    user.update_room(id, update).await?;
    Ok(Json(user.room_entry(id).await.map_err(after_write)?))
}

pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(RoomPath { id }): Path<RoomPath>,
) -> Result<StatusCode, Problem> {
    shared.engine.as_user(&me).delete_room(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How many rows a full page has.
pub(super) fn page(shared: &Shared, asked: Option<usize>) -> usize {
    let limits = shared.engine.limits();
    asked.unwrap_or(limits.page_default).min(limits.page_max)
}

/// It is stored, and only the answer could not be read: that must not look like "nothing was done".
pub(crate) fn after_write(error: Error) -> Problem {
    if error.code() == ErrorCode::Unavailable {
        return Problem::new(ErrorCode::OutcomeUnknown, "it was stored, but could not be read back");
    }
    error.into()
}

/// A place in the list of rooms, for clients to hand back as it is.
fn to_cursor(place: Activity) -> String {
    format!("{}:{}", place.at.as_micros(), place.room)
}

fn from_cursor(text: &str) -> Result<Activity, Problem> {
    let read = || {
        let (at, room) = text.split_once(':')?;
        Some(Activity { at: Timestamp::from_micros(at.parse().ok()?), room: room.parse::<RoomId>().ok()? })
    };
    read().ok_or_else(|| Problem::bad_field("before", "is no cursor of a list of rooms"))
}
