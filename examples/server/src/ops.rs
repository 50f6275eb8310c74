//! What operators look at: health, readiness, metrics.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::{ConnectInfo, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use chat_core::Engine;
use metrics_exporter_prometheus::PrometheusHandle;

/// What the routes need.
#[derive(Clone)]
struct Ops {
    engine: Engine,
    metrics: PrometheusHandle,
    open: bool,
}

/// `/healthz` (the process runs), `/readyz` (it can serve), `/metrics` (loopback peers, or everyone where `open`).
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(
    engine: Engine,
    metrics: PrometheusHandle,
    open: bool,
) -> Router<S> {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(show))
        .with_state(Ops { engine, metrics, open })
}

async fn ready(State(ops): State<Ops>) -> Response {
    match ops.engine.check_health().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

async fn show(State(ops): State<Ops>, ConnectInfo(peer): ConnectInfo<SocketAddr>) -> Response {
    if !ops.open && !peer.ip().to_canonical().is_loopback() {
        return StatusCode::NOT_FOUND.into_response();
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], ops.metrics.render()).into_response()
}
