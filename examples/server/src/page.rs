//! The web page: a few files, compiled in.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};

const CSP: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; base-uri 'none'; \
                   frame-ancestors 'none'; form-action 'self'";

macro_rules! files {
    ($($path:literal: $kind:literal = $file:literal,)*) => {
        const FILES: &[(&str, &str, &str)] =
            &[$(($path, $kind, include_str!(concat!("../page/", $file))),)*];
    };
}

include!("page_files.rs");

/// `/` and the page's files; its self-tests where anyone may sign up, for they are for who works on the page.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(has_self_tests: bool) -> Router<S> {
    let mut router = Router::new();
    for (path, kind, text) in
        FILES.iter().filter(|(path, ..)| has_self_tests || !path.starts_with("/selftest/"))
    {
        router = router.route(path, get(async move || file(kind, text)));
    }
    router
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        // A new build of the server is a new page.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text).into_response()
}
