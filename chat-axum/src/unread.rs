//! Requests that are refused before their body was read.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::header,
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;

use crate::shared::Shared;

/// How much is read on, in greatest files.
const FILES_MAX: usize = 2;

/// How long it is read on.
const TIME_MAX: Duration = Duration::from_secs(5);

/// Routes that read what is still to come of a request before they refuse it, within bounds.
///
/// A connection that is closed while bytes are under way is reset, and whoever sends them never sees the answer: a
/// browser tells its page of a broken network, and not of a file that is too large.
pub(crate) fn around(routes: Router<Arc<Shared>>, shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    routes.layer(from_fn_with_state(Arc::clone(shared), read_on))
}

async fn read_on(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    // Who asks first sends nothing once it is refused.
    if body.is_end_stream() || parts.headers.contains_key(header::EXPECT) {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let bytes_max = shared.engine.limits().upload_bytes_max.saturating_mul(FILES_MAX);
    // Of what is announced to be longer, the end would not be seen.
    if body.size_hint().lower() > bytes_max as u64 {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let body = Lent(Arc::new(Mutex::new(body)));
    let rest = Lent(Arc::clone(&body.0));
    let response = next.run(Request::from_parts(parts, Body::new(body))).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        // What is longer, or slower, does without the answer.
        let _ = tokio::time::timeout(TIME_MAX, read(rest, bytes_max)).await;
    }
    response
}

async fn read(mut rest: Lent, bytes_max: usize) {
    let mut bytes = 0_usize;
    while let Some(Ok(frame)) = rest.frame().await {
        bytes = bytes.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if bytes > bytes_max {
            return;
        }
    }
}

/// A body that its reader drops and somebody else reads on.
struct Lent(Arc<Mutex<Body>>);

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut *self.0.lock()).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().size_hint()
    }
}
