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
/// stay, but for rooms that the caller is not in: these formats answer 403 for one and 404 where there is none.
pub(crate) async fn plain_errors(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let told = response.extensions_mut().remove::<Told>();
    let is_outsider = told.as_ref().is_some_and(|told| told.is_outsider);
    let detail = match &told {
        _ if is_outsider => "you are not in this room",
        Some(told) => &told.detail,
        None => status.canonical_reason().unwrap_or("Error"),
    };
    let body = json!({ "detail": detail }).to_string();
    let (mut parts, _) = response.into_parts();
    if is_outsider {
        parts.status = StatusCode::FORBIDDEN;
    }
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}
