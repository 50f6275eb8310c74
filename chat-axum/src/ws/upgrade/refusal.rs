//! Why a request does not become a WebSocket.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// What is wrong with an upgrade request; as a response, its status, the headers that belong to it, and this text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// HTTP/1.0, or HTTP/2 without extended CONNECT.
    #[error("a WebSocket is opened over HTTP/1.1")]
    HttpVersion,
    /// Not a GET.
    #[error("a WebSocket is opened by GET")]
    Method,
    /// An ordinary request, or an upgrade to something else.
    #[error("this is a WebSocket: send `Upgrade: websocket`")]
    NotAnUpgrade,
    /// The hop before us did not ask for the upgrade: often a proxy that was not told to pass it on.
    #[error("the `Connection` header does not name `upgrade`")]
    Connection,
    /// No key, two keys, or not 16 bytes in base64.
    #[error("`Sec-WebSocket-Key` is not 16 bytes in base64")]
    Key,
    /// Not the one version that there is.
    #[error("`Sec-WebSocket-Version` is not 13")]
    Version,
    /// The server's connection cannot be taken over, or was already.
    #[error("this connection cannot be upgraded")]
    NotUpgradable,
}

impl Refusal {
    /// The status that says so.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::HttpVersion | Self::Connection | Self::Key => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAnUpgrade | Self::Version | Self::NotUpgradable => StatusCode::UPGRADE_REQUIRED,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, self.to_string()).into_response();
        let headers = response.headers_mut();
        match status {
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
            }
            // RFC 9110 wants `Upgrade` with a 426, RFC 6455 the versions spoken.
            StatusCode::UPGRADE_REQUIRED => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            _ => {}
        }
        response
    }
}
