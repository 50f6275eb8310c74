//! Users as others see them.

use std::sync::Arc;

use axum::{Json, extract::State};
use chat_core::{UserView, model::UserId};

use super::{
    bodies::{Presence, PresenceQuery, UserPath},
    members::named,
};
use crate::{
    extract::{Path, Query, User},
    problem::Problem,
    shared::Shared,
};

pub(super) async fn read(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(UserPath { id }): Path<UserPath>,
) -> Result<Json<UserView>, Problem> {
    Ok(Json(shared.engine.as_user(&me).user(&named(&me, id)).await?))
}

pub(super) async fn presence(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Query(query): Query<PresenceQuery>,
) -> Result<Json<Presence>, Problem> {
    let users: Result<Vec<UserId>, _> =
        query.users.split(',').filter(|user| !user.is_empty()).map(UserId::new).collect();
    let users = users.map_err(|error| Problem::bad_field("users", error.to_string()))?;
    Ok(Json(Presence { presence: shared.engine.as_user(&me).presence(&users).await? }))
}
