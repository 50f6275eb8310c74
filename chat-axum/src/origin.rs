//! Whose pages may use the chat from a browser, and the CORS headers that tell browsers so.

use std::{collections::HashSet, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use chat_core::ErrorCode;

use crate::problem::Problem;

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an origin is scheme://host or scheme://host:port, without a path")]
#[non_exhaustive]
pub struct InvalidOrigin;

/// The origins that may, beside the own one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins(HashSet<String>);

/// What a request's `Origin` comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is none: no browser, or a browser that asks its own site for something to read.
    Absent,
    /// The own one, or one of the list.
    Allowed,
    /// Another.
    Refused,
}

impl Origins {
    pub(crate) fn allow(&mut self, origin: &str) -> Result<(), InvalidOrigin> {
        let origin = origin.trim_end_matches('/').to_ascii_lowercase();
        let (scheme, host) = origin.split_once("://").ok_or(InvalidOrigin)?;
        let is_plain = |text: &str| !text.is_empty() && !text.contains(['/', '?', '#', '@', ' ', '*']);
        if !is_plain(scheme) || !is_plain(host) || HeaderValue::from_str(&origin).is_err() {
            return Err(InvalidOrigin);
        }
        let host = without_default_port(scheme, host);
        self.0.insert(format!("{scheme}://{host}"));
        Ok(())
    }

    /// Whose pages may show files: browsers are told so with each file, and show it to nobody else.
    pub(crate) fn resource_policy(&self) -> HeaderValue {
        // A cookie that is `SameSite=Lax` goes with a tag's request to another port of one address, which Chromium holds
        // to be another site in this header alone: `same-site` would keep out those whom the cookie lets in.
        HeaderValue::from_static(if self.0.is_empty() { "same-origin" } else { "cross-origin" })
    }

    /// Judges a request by its `Origin`, which browsers set and pages cannot.
    pub(crate) fn judge(&self, headers: &HeaderMap, uri: &Uri) -> Verdict {
        let mut values = headers.get_all(header::ORIGIN).iter();
        let Some(value) = values.next() else { return Verdict::Absent };
        let allowed = values.next().is_none()
            && value.to_str().is_ok_and(|origin| {
                let origin = origin.to_ascii_lowercase();
                self.0.contains(&origin) || is_own(&origin, headers, uri)
            });
        if allowed { Verdict::Allowed } else { Verdict::Refused }
    }
}

/// Whether the page comes from the host that is asked. Schemes are not compared: behind a proxy that ends TLS, the own
/// one is not known.
fn is_own(origin: &str, headers: &HeaderMap, uri: &Uri) -> bool {
    let Some((scheme, origin_host)) = origin.split_once("://") else { return false };
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    // HTTP/2 has the host in the URI.
    let Some(host) = named.or_else(|| uri.authority().map(|authority| authority.as_str())) else {
        return false;
    };
    matches!(scheme, "http" | "https")
        && without_default_port(scheme, &host.to_ascii_lowercase())
            == without_default_port(scheme, origin_host)
}

fn without_default_port<'a>(scheme: &str, host: &'a str) -> &'a str {
    let port = match scheme {
        "http" | "ws" => ":80",
        "https" | "wss" => ":443",
        _ => return host,
    };
    host.strip_suffix(port).unwrap_or(host)
}

/// The gate that a chat's own routes stand behind, for other routes of the host's: the same origins pass, and are told
/// so.
#[derive(Clone, Debug)]
pub struct OriginGate(pub(crate) Arc<Origins>);

impl OriginGate {
    /// The routes, behind the gate.
    pub fn around<S: Clone + Send + Sync + 'static>(&self, routes: Router<S>) -> Router<S> {
        routes.layer(middleware::from_fn_with_state(Arc::clone(&self.0), gate))
    }
}

/// Stands before every path, unknown ones and errors included: refuses other origins, answers preflights, and tells
/// browsers that an allowed origin may read the answer.
pub(crate) async fn gate(State(origins): State<Arc<Origins>>, request: Request, next: Next) -> Response {
    let verdict = origins.judge(request.headers(), request.uri());
    let origin = request.headers().get(header::ORIGIN).filter(|_| verdict == Verdict::Allowed).cloned();
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match verdict {
        Verdict::Refused => {
            Problem::new(ErrorCode::Forbidden, "this origin is not among those allowed").into_response()
        }
        Verdict::Allowed if is_preflight => StatusCode::NO_CONTENT.into_response(),
        Verdict::Absent | Verdict::Allowed => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Some(origin) = origin {
        let set = |headers: &mut HeaderMap, name, value| {
            headers.insert(name, HeaderValue::from_static(value));
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        set(headers, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        set(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, "Retry-After");
        if is_preflight {
            set(headers, header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE");
            set(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type");
            set(headers, header::ACCESS_CONTROL_MAX_AGE, "600");
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::{Origins, Verdict};
    use axum::http::{Request, Uri};

    #[test]
    fn judges_by_list_and_by_host() {
        let mut origins = Origins::default();
        for origin in ["http://localhost:3000", "HTTPS://App.Example/", "https://other.example:443"] {
            origins.allow(origin).unwrap();
        }
        for (origin, host, verdict) in [
            (None, "api.example", Verdict::Absent),
            (Some("http://localhost:3000"), "api.example", Verdict::Allowed),
            (Some("http://localhost:3001"), "api.example", Verdict::Refused),
            (Some("https://app.example"), "api.example", Verdict::Allowed),
            (Some("http://app.example"), "api.example", Verdict::Refused),
            (Some("https://other.example"), "api.example", Verdict::Allowed),
            (Some("https://API.example"), "api.example:443", Verdict::Allowed),
            (Some("https://api.example"), "api.example:80", Verdict::Refused),
            (Some("http://127.0.0.1:8080"), "127.0.0.1:8080", Verdict::Allowed),
            (Some("https://api.example.evil"), "api.example", Verdict::Refused),
            (Some("null"), "api.example", Verdict::Refused),
            (Some(""), "api.example", Verdict::Refused),
            (Some("file://api.example"), "api.example", Verdict::Refused),
        ] {
            let mut request = Request::get("/").header("host", host);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let request = request.body(()).unwrap();
            assert_eq!(origins.judge(request.headers(), request.uri()), verdict, "{origin:?} at {host}");
        }
        let twice = Request::get("/").header("origin", "http://localhost:3000").header("origin", "http://x");
        let twice = twice.body(()).unwrap();
        assert_eq!(origins.judge(twice.headers(), &Uri::default()), Verdict::Refused);
    }

    #[test]
    fn refuses_what_is_no_origin() {
        for text in ["", "*", "example.com", "https://", "https://a/b", "https://u@a", "https://*.a", "://a"]
        {
            assert!(Origins::default().allow(text).is_err(), "{text}");
        }
    }
}
