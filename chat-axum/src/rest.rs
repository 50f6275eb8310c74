//! REST: the same calls of the engine as on the socket, one request each.

mod bodies;
mod events;
mod members;
mod messages;
mod moderation;
mod rooms;
mod search;
mod users;

use std::sync::Arc;

use axum::{
    http::{Method, StatusCode},
    routing::{MethodRouter, delete, get, patch, post, put},
};
use chat_core::ErrorCode;

#[cfg(feature = "openapi")]
pub(crate) use bodies::*;

use crate::{problem::Problem, shared::Shared};

pub(crate) use rooms::after_write;

/// One method of one path.
pub(crate) type Route = (Method, &'static str, MethodRouter<Arc<Shared>>);

/// Every route; the description in `openapi.json` is held against this list.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        (Method::POST, "/rooms", post(rooms::create)),
        (Method::GET, "/rooms", get(rooms::list)),
        (Method::GET, "/rooms/{id}", get(rooms::read)),
        (Method::PATCH, "/rooms/{id}", patch(rooms::update)),
        (Method::DELETE, "/rooms/{id}", delete(rooms::remove)),
        (Method::POST, "/rooms/{id}/members", post(members::add)),
        (Method::GET, "/rooms/{id}/members", get(members::list)),
        (Method::POST, "/rooms/{id}/members/{user}", post(members::join)),
        (Method::PATCH, "/rooms/{id}/members/{user}", patch(members::change)),
        (Method::DELETE, "/rooms/{id}/members/{user}", delete(members::remove)),
        (Method::GET, "/rooms/{id}/bans", get(members::bans)),
        (Method::DELETE, "/rooms/{id}/bans/{user}", delete(members::unban)),
        (Method::POST, "/rooms/{id}/messages", post(messages::send)),
        (Method::GET, "/rooms/{id}/messages", get(messages::list)),
        (Method::PATCH, "/rooms/{id}/messages/{seq}", patch(messages::edit)),
        (Method::DELETE, "/rooms/{id}/messages/{seq}", delete(messages::remove)),
        (Method::GET, "/rooms/{id}/messages/{seq}/versions", get(messages::versions)),
        (Method::PUT, "/rooms/{id}/messages/{seq}/reactions/{emoji}", put(messages::react)),
        (Method::DELETE, "/rooms/{id}/messages/{seq}/reactions/{emoji}", delete(messages::unreact)),
        (Method::PUT, "/rooms/{id}/read", put(messages::mark_read)),
        (Method::GET, "/rooms/{id}/events", get(events::list)),
        (Method::GET, "/rooms/{id}/audit", get(moderation::audit)),
        (Method::POST, "/reports", post(moderation::report)),
        (Method::GET, "/reports", get(moderation::reports)),
        (Method::PATCH, "/reports/{id}", patch(moderation::decide)),
        (Method::GET, "/blocks", get(moderation::blocks)),
        (Method::PUT, "/blocks/{id}", put(moderation::block)),
        (Method::DELETE, "/blocks/{id}", delete(moderation::unblock)),
        (Method::GET, "/search", get(search::list)),
        (Method::GET, "/users/{id}", get(users::read)),
        (Method::GET, "/presence", get(users::presence)),
    ]
}

/// A path that knows other methods; axum adds `Allow`.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(ErrorCode::BadFrame, "this path does not know this method")
        .with_status(StatusCode::METHOD_NOT_ALLOWED)
}
