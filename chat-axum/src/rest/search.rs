//! Messages found by their words.

use std::sync::Arc;

use axum::{Json, extract::State};
use chat_core::{Search, store::SearchPage};

use super::{bodies::SearchQuery, members::named};
use crate::{
    extract::{Query, User},
    problem::Problem,
    shared::Shared,
};

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Query(query): Query<SearchQuery>,
) -> Result<Json<SearchPage>, Problem> {
    let mut search = Search::new(query.q);
    search.room = query.room_id;
    search.sender = query.sender.map(|user| named(&me, user));
    search.before = query.before;
    search.limit = query.limit;
    Ok(Json(shared.engine.as_user(&me).search(search).await?))
}
