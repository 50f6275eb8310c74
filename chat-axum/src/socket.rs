//! WebSockets: from the upgrade to the last byte, whatever they speak.
//!
//! A connection is one small task, which reads; the engine writes. What is needed only before the client is known, or
//! only at the end, is boxed, so that an idle connection's task holds little more than its reader.

mod entrance;
mod format;
mod live;
mod pulse;
mod relay;
mod session;
mod sockets;

use std::{sync::Arc, time::Duration};

use axum::{
    RequestPartsExt as _,
    extract::{RawPathParams, Request, State},
    http::{Method, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use chat_core::{ErrorCode, Principal, WireFormat};

use crate::{
    auth::{AuthError, Tokens, identify},
    media::cookie::Recognised,
    problem::Problem,
    rest::Route,
    shared::Shared,
    ws::{self, Reader, Refusal, Upgrading},
};
use entrance::{Entered, Entrance};
use live::Live;
use relay::Relayed;

pub use format::{Admission, FirstToken, Greeting, SocketFormat, Visit};
pub use relay::Relay;
pub use sockets::Sockets;

/// The subprotocol that this is; spoken with or without being asked for.
const PROTOCOL: &str = "chat.v1";

/// How long the last frames may take to go out.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a client may take to close its side, once it has the last frame.
const LINGER: Duration = Duration::from_secs(2);

/// The native socket's route.
pub(crate) fn routes() -> Vec<Route> {
    vec![(Method::GET, "/ws", route(Arc::new(format::NativeSocket), Some(PROTOCOL)))]
}

/// A path whose sockets speak `format`, under a subprotocol where it has one.
pub(crate) fn route(
    format: Arc<dyn SocketFormat>,
    subprotocol: Option<&'static str>,
) -> MethodRouter<Arc<Shared>> {
    let answer = move |State(shared): State<Arc<Shared>>, request: Request| {
        upgrade(shared, request, Arc::clone(&format), subprotocol)
    };
    let handler = get(answer.clone());
    #[cfg(feature = "http2")]
    let handler = handler.connect(answer);
    handler
}

/// Answers an upgrade request. Who asks is looked at before, and told afterwards: a refusal here would hide its reason
/// from browsers.
async fn upgrade(
    shared: Arc<Shared>,
    request: Request,
    format: Arc<dyn SocketFormat>,
    subprotocol: Option<&'static str>,
) -> Response {
    let (mut parts, _) = request.into_parts();
    let accepted = match ws::accept(&mut parts) {
        Ok(accepted) => accepted,
        Err(refusal) => return refused(refusal),
    };
    if shared.sockets.is_closing() {
        return Problem::unavailable("this node is going down").into_response();
    }
    let tokens = Tokens::of_upgrade(&parts, &shared.cookie, accepted.offered());
    let Some(known) = look(&shared, &tokens, &parts).await else {
        return Problem::unavailable("too many sockets are being authenticated").into_response();
    };
    // Who is known needs none: strangers, however many, keep no user out.
    let seat = match &known {
        Ok(_) => None,
        Err(_) => match shared.sockets.seat() {
            Some(seat) => Some(seat),
            None => {
                let full = "too many sockets that have not authenticated yet";
                return Problem::unavailable(full).into_response();
            }
        },
    };
    // Where there are files, the answer gives the cookie that opens them to who is known by then.
    if let (Some(recognised), Ok(principal)) = (parts.extensions.get::<Recognised>(), &known) {
        recognised.note(principal);
    }
    // A path that names what cannot be read names nothing.
    let params = parts.extract::<RawPathParams>().await.ok();
    let sockets = shared.sockets.clone();
    let mut entrance = Entrance { shared, format, parts, params, tokens, known, seat, opened: None };
    entrance.prepare().await;
    let (response, upgrading) = accepted.finish(subprotocol);
    sockets.spawn(serve(Box::new(entrance), upgrading));
    response
}

/// Whom the request itself names; nothing where so many are looked at that this one has to come again.
///
/// An authenticator may be slow, and until it has answered nobody knows whether this is a user or one of a crowd.
async fn look(shared: &Shared, tokens: &Tokens, parts: &Parts) -> Option<Result<Principal, AuthError>> {
    let _look = shared.sockets.look()?;
    let patience = shared.engine.limits().hello_timeout;
    let known = identify(&*shared.authenticator, tokens, Some(parts));
    match tokio::time::timeout(patience, known).await {
        Ok(known) => Some(known.map(|caller| caller.principal)),
        Err(_) => Some(Err(AuthError::Unavailable)),
    }
}

/// One connection, from its first byte to its last.
async fn serve(entrance: Box<Entrance>, upgrading: Upgrading) {
    let shared = Arc::clone(&entrance.shared);
    let Some(Entered { mut reader, live, format, relayed }) = Box::pin(entrance.enter(upgrading)).await
    else {
        return;
    };
    match relayed {
        None => session::run(&shared, &*format, &mut reader, live).await,
        Some(relayed) => Box::pin(serve_relayed(&shared, &*format, &mut reader, live, relayed)).await,
    }
    let io = Arc::clone(reader.io());
    drop(reader);
    Box::pin(io.finish(LINGER)).await;
}

/// A connection that has a relay: it writes while the session reads.
async fn serve_relayed(
    shared: &Shared,
    format: &dyn WireFormat,
    reader: &mut Reader,
    live: Arc<Live>,
    relayed: Box<Relayed>,
) {
    let io = Arc::clone(reader.io());
    tokio::select! {
        biased;
        () = relayed.run(&io) => {}
        () = session::run(shared, format, reader, live) => {}
    }
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
