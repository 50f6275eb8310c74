//! Errors as these formats have them: `{"detail": "…"}`.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, header},
    middleware::Next,
    response::Response,
};
use serde_json::json;

use crate::problem::Told;

/// Writes every error of the routes behind it, the framework's own included, as `{"detail": "…"}`; status and headers
/// stay.
pub(crate) async fn plain_errors(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let told = response.extensions_mut().remove::<Told>();
    let detail = told.as_ref().map_or_else(|| status.canonical_reason().unwrap_or("Error"), |told| &told.0);
    let body = json!({ "detail": detail }).to_string();
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}
