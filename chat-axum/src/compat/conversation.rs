//! `conversation`: one socket a conversation, messages sent over REST.

mod notifications;
mod rest;
mod shapes;
mod socket;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{delete, get, patch, post},
};

use super::{Format, FormatRoutes, SocketFormat, at, nothing_else_below};
use notifications::NotificationsSocket;

/// The format `conversation`: `GET /ws/chat/<conversation>/` and `GET /ws/notifications/`, and REST at
/// `/api/conversations/`.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it has no parts")]
pub struct Conversation;

impl Format for Conversation {
    fn sockets(&self) -> Vec<(&'static str, Arc<dyn SocketFormat>)> {
        vec![
            ("/ws/chat/{conversation}", Arc::new(Self)),
            ("/ws/notifications", Arc::new(NotificationsSocket)),
        ]
    }

    fn routes(&self) -> FormatRoutes {
        let routes = at(Router::new(), "/api/conversations", get(rest::list).post(rest::create));
        let one = get(rest::read).patch(rest::rename).delete(rest::remove);
        let routes = at(routes, "/api/conversations/{id}", one);
        let routes = at(routes, "/api/conversations/{id}/messages", get(rest::list_messages));
        let routes = at(routes, "/api/conversations/{id}/send_message", post(rest::send));
        let message = patch(rest::edit).delete(rest::delete_message);
        let routes = at(routes, "/api/conversations/{id}/messages/{message}", message);
        // The size is bounded while the file comes.
        let upload = post(rest::upload).layer(DefaultBodyLimit::disable());
        let routes = at(routes, "/api/conversations/{id}/attachments", upload);
        let removal = delete(rest::remove_upload);
        let routes = at(routes, "/api/conversations/{id}/attachments/{attachment}", removal);
        let routes = at(routes, "/api/conversations/{id}/read", post(rest::mark_read));
        nothing_else_below(routes, "/api/conversations")
    }
}
