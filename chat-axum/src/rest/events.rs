//! A room's log, for what a gap left out.

use std::sync::Arc;

use axum::{Json, extract::State};
use chat_core::model::Seq;

use super::bodies::{Events, EventsQuery, RoomPath};
use crate::{
    extract::{Path, Query, User},
    problem::Problem,
    shared::Shared,
};

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(RoomPath { id }): Path<RoomPath>,
    Query(query): Query<EventsQuery>,
) -> Result<Json<Events>, Problem> {
    if query.epoch.as_ref().is_some_and(|told| told.contains('\0')) {
        return Err(Problem::bad_field("epoch", "must not hold U+0000"));
    }
    let epoch = shared.engine.epoch();
    if query.epoch.is_some_and(|told| told != *epoch) {
        return Err(Problem::reset(epoch));
    }
    let since = query.since.map_or(Seq::ZERO, |since| since.0);
    let page = shared.engine.as_user(&me).events(id, since, query.limit).await?;
    Ok(Json(Events { events: page.events, head: page.head, epoch }))
}
