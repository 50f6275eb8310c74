//! The WebSocket of the native protocol: from the upgrade to the last byte.
//!
//! A connection is one small task, which reads; the engine writes. What is needed only before the client is known, or
//! only at the end, is boxed, so that an idle connection's task holds little more than its reader.

mod entrance;
mod live;
mod pulse;
mod session;
mod sockets;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{Method, header},
    response::{IntoResponse, Response},
    routing::get,
};
use chat_core::ErrorCode;

use crate::{
    auth::Tokens,
    problem::Problem,
    rest::Route,
    shared::Shared,
    ws::{self, Refusal, Upgrading},
};
use entrance::Entrance;

pub use sockets::Sockets;

/// The subprotocol that this is; spoken with or without being asked for.
const PROTOCOL: &str = "chat.v1";

/// How long the last frames may take to go out.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a client may take to close its side, once it has the last frame.
const LINGER: Duration = Duration::from_secs(2);

/// The socket's route.
pub(crate) fn routes() -> Vec<Route> {
    let handler = get(upgrade);
    #[cfg(feature = "http2")]
    let handler = handler.connect(upgrade);
    vec![(Method::GET, "/ws", handler)]
}

/// Answers an upgrade request. Who asks is looked at afterwards: a refusal here would hide its reason from browsers.
async fn upgrade(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let accepted = match ws::accept(&mut parts) {
        Ok(accepted) => accepted,
        Err(refusal) => return refused(refusal),
    };
    if shared.sockets.is_closing() {
        return Problem::unavailable("this node is going down").into_response();
    }
    let Some(seat) = shared.sockets.seat() else {
        return Problem::unavailable("too many sockets that have not authenticated yet").into_response();
    };
    let tokens = Tokens::of_upgrade(&parts, &shared.cookie, accepted.offered());
    let (response, upgrading) = accepted.finish(Some(PROTOCOL));
    let sockets = shared.sockets.clone();
    sockets.spawn(serve(Box::new(Entrance { shared, parts, tokens, seat: Some(seat) }), upgrading));
    response
}

/// One connection, from its first byte to its last.
async fn serve(entrance: Box<Entrance>, upgrading: Upgrading) {
    let shared = Arc::clone(&entrance.shared);
    let Some((mut reader, live)) = Box::pin(entrance.enter(upgrading)).await else { return };
    session::run(&shared, &mut reader, live).await;
    let io = Arc::clone(reader.io());
    drop(reader);
    Box::pin(io.finish(LINGER)).await;
}

/// A request that does not become a WebSocket.
fn refused(refusal: Refusal) -> Response {
    let problem = Problem::new(ErrorCode::BadFrame, refusal.to_string()).with_status(refusal.status());
    let mut response = problem.into_response();
    for (name, value) in refusal.into_response().headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

#[cfg(test)]
mod tests;
