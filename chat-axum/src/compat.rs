//! Wire formats beside the native one: front ends written for other chat servers, on the same rooms.
//!
//! A [`Format`] is an adapter: its paths, its frames, its REST shapes and its close codes, and no rule of chat. Rooms,
//! members, messages, receipts and presence are the engine's, whichever format a client speaks.
//!
//! ```
//! # fn app(engine: chat_core::Engine) -> Result<axum::Router, Box<dyn std::error::Error>> {
//! use chat_axum::{ChatRouter, JwtAuthenticator};
//!
//! let authenticator = JwtAuthenticator::hs256(b"at least thirty-two bytes of chance")?;
//! let chat = ChatRouter::new(engine, authenticator).allow_origin("http://localhost:3000")?;
//! // Several at once stand under prefixes of their own; the paths of one are at the root here.
//! let app = chat.format_router(&chat_axum::compat::Flat).nest("/api/v1", chat.build());
//! # Ok(app)
//! # }
//! ```
//!
//! One of one's own is written as these are; `docs/wire-formats.md` walks through one.

mod conversation;
mod detail;
mod direct;
mod envelope;
mod files;
mod flat;
pub mod frame;
mod names;
mod page;
mod place;
mod rooms;
mod said;
mod shown;
mod thread;
mod wire_user;

use std::{fmt, sync::Arc};

use axum::{Router, routing::MethodRouter};
use chat_core::Engine;

use crate::{Authenticator, ChatRouter};

pub use crate::media::{Received, receive};
pub use crate::{
    extract::{Body, Path, Position, Query, User},
    problem::Problem,
    shared::Shared,
    socket::{Admission, FirstToken, Greeting, Relay, SocketFormat, Visit},
};
pub use conversation::Conversation;
pub use direct::Direct;
pub use envelope::Envelope;
pub use flat::Flat;
pub use frame::Frame;
pub use shown::is_shown;
pub use thread::Thread;
pub use wire_user::WireUser;

pub(crate) use detail::plain_errors;

/// The routes of a format. Errors of their handlers ([`Problem`]), and those of the framework, go out as
/// `{"detail": "…"}` with their status.
pub type FormatRoutes = Router<Arc<Shared>>;

/// A wire format: where its sockets are and what they speak, and its REST routes.
pub trait Format: fmt::Debug + Send + Sync + 'static {
    /// Its sockets by path. Every path answers with and without a trailing slash.
    fn sockets(&self) -> Vec<(&'static str, Arc<dyn SocketFormat>)>;

    /// Its REST routes, put together by [`at`].
    fn routes(&self) -> FormatRoutes {
        Router::new()
    }
}

/// The routes of [`Flat`], for a host that needs no more options; see [`ChatRouter::format_router`](crate::ChatRouter).
pub fn flat<S>(engine: Engine, authenticator: impl Authenticator) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    ChatRouter::new(engine, authenticator).format_router(&Flat)
}

/// The routes of [`Direct`], as [`flat`].
pub fn direct<S>(engine: Engine, authenticator: impl Authenticator) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    ChatRouter::new(engine, authenticator).format_router(&Direct)
}

/// The routes of [`Envelope`], as [`flat`].
pub fn envelope<S>(engine: Engine, authenticator: impl Authenticator) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    ChatRouter::new(engine, authenticator).format_router(&Envelope)
}

/// The routes of [`Conversation`], as [`flat`].
pub fn conversation<S>(engine: Engine, authenticator: impl Authenticator) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    ChatRouter::new(engine, authenticator).format_router(&Conversation)
}

/// The routes of [`Thread`], as [`flat`].
pub fn thread<S>(engine: Engine, authenticator: impl Authenticator) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    ChatRouter::new(engine, authenticator).format_router(&Thread)
}

/// Adds a route that answers with and without a trailing slash, never by a redirect.
pub fn at(routes: FormatRoutes, path: &str, handler: MethodRouter<Arc<Shared>>) -> FormatRoutes {
    let path = path.trim_end_matches('/');
    routes.route(path, handler.clone()).route(&format!("{path}/"), handler)
}

/// Answers every path below `prefix` that no route has as these formats do, where otherwise the fallback of the host would:
/// for prefixes that are a format's own. It holds where the routes are merged into the host's router; one that they are
/// nested in has one fallback for all.
///
/// # Panics
/// When the routes are merged with others of the host that have a fallback of their own below the same prefix.
pub fn nothing_else_below(routes: FormatRoutes, prefix: &str) -> FormatRoutes {
    let nothing = Router::new().fallback(async || Problem::not_found());
    // With the slash, so that it answers for itself too; without it a path is no longer below.
    routes.nest(&format!("{}/", prefix.trim_end_matches('/')), nothing)
}

/// Appends a value as one WebSocket text frame: what a [`WireFormat`](chat_core::WireFormat) of a socket writes.
pub fn push_json(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    crate::frames::text(out, |out| {
        let start = out.len();
        if let Err(error) = serde_json::to_writer(&mut *out, value) {
            out.truncate(start);
            tracing::error!(%error, "a frame could not be encoded");
        }
    });
}

/// Appends the end of a connection, as a [`WireFormat`](chat_core::WireFormat) of a socket writes it.
pub fn push_close(out: &mut Vec<u8>, code: chat_core::protocol::CloseCode) {
    crate::ws::frame::close(out, code.get(), "");
}
