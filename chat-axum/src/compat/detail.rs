//! Errors as these formats have them: `{"detail": "…"}`.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use serde_json::json;

use crate::problem::Told;

/// Writes every error of the routes behind it, the framework's own included, as `{"detail": "…"}`; status and headers
/// stay, but that who is no member is told so (403), and not that there is no such room.
pub(crate) async fn plain_errors(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let told = response.extensions_mut().remove::<Told>();
    let (status, detail) = match told {
        Some(Told { not_member: true, .. }) => (StatusCode::FORBIDDEN, "you are no member of it".to_owned()),
        Some(Told { detail, .. }) => (status, detail),
        None => (status, status.canonical_reason().unwrap_or("Error").to_owned()),
    };
    let body = json!({ "detail": detail }).to_string();
    let (mut parts, _) = response.into_parts();
    parts.status = status;
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}
