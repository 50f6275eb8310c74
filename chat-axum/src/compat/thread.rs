//! `thread`: one socket a thread, messages over REST, roles, reports.

mod reports;
mod rest;
mod shapes;
mod socket;

use std::sync::Arc;

use axum::{
    Router,
    routing::{delete, get, patch, post},
};

use super::{Format, FormatRoutes, SocketFormat, at, nothing_else_below};

/// The format `thread`: `GET /ws/chat/<thread>/`, and REST at `/api/chat/`.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it has no parts")]
pub struct Thread;

impl Format for Thread {
    fn sockets(&self) -> Vec<(&'static str, Arc<dyn SocketFormat>)> {
        vec![("/ws/chat/{thread}", Arc::new(Self))]
    }

    fn routes(&self) -> FormatRoutes {
        let routes =
            at(Router::new(), "/api/chat/threads", get(rest::list_threads).post(rest::create_thread));
        let routes = at(routes, "/api/chat/threads/{id}", get(rest::read_thread));
        let routes = at(routes, "/api/chat/threads/{id}/members", post(rest::add_member));
        let routes = at(routes, "/api/chat/threads/{id}/members/{user}", delete(rest::remove_member));
        let routes = at(routes, "/api/chat/messages", get(rest::list_messages).post(rest::send));
        let routes = at(routes, "/api/chat/reports", get(reports::list).post(reports::create));
        let routes = at(routes, "/api/chat/reports/{id}", patch(reports::decide));
        nothing_else_below(routes, "/api/chat")
    }
}
