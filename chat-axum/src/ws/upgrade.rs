//! The opening handshake.

mod refusal;

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header, request::Parts},
    response::Response,
};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hyper::upgrade::OnUpgrade;
use sha1::{Digest as _, Sha1};

use super::Io;

pub use refusal::Refusal;

/// What every server appends to the key (RFC 6455, section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Not every client clears the four bits that 16 bytes leave over in their last character.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// A request that may become a WebSocket, not yet answered.
///
/// Also an extractor. Dropped, the request can still be answered in any other way.
#[derive(Debug)]
#[must_use]
pub struct Accepted {
    /// The proof for the client that its key was understood; HTTP/2 needs none.
    proof: Option<HeaderValue>,
    /// The `Sec-WebSocket-Protocol` headers as they came.
    offered: Vec<HeaderValue>,
    on_upgrade: OnUpgrade,
}

/// Leads to the stream, once the answer has gone out.
#[derive(Debug)]
#[must_use = "the connection is dropped with it"]
pub struct Upgrading {
    on_upgrade: OnUpgrade,
}

/// Checks that a request opens a WebSocket, and takes the connection's upgrade out of its extensions.
///
/// Says nothing about who asks: `Origin` and credentials are the caller's to check before
/// [`Accepted::finish`].
///
/// # Errors
/// The first thing that is wrong with the request; the parts are then as they were.
pub fn accept(parts: &mut Parts) -> Result<Accepted, Refusal> {
    let proof = match parts.version {
        Version::HTTP_11 => Some(check_http1(parts)?),
        Version::HTTP_2 => {
            check_http2(parts)?;
            None
        }
        _ => return Err(Refusal::HttpVersion),
    };
    if single(&parts.headers, &header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Refusal::Version);
    }
    let on_upgrade = parts.extensions.remove::<OnUpgrade>().ok_or(Refusal::NotUpgradable)?;
    let offered = parts.headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().cloned().collect();
    Ok(Accepted { proof, offered, on_upgrade })
}

impl Accepted {
    /// The subprotocols that the client offers, in its order of preference.
    pub fn offered(&self) -> impl Iterator<Item = &str> {
        self.offered.iter().flat_map(list)
    }

    /// Answers the request, and leads to the stream.
    ///
    /// `protocol` is the subprotocol to speak, one of those [offered](Self::offered); another is left out, as a client
    /// would refuse the connection for it.
    pub fn finish(self, protocol: Option<&str>) -> (Response, Upgrading) {
        let protocol = self.offered().find(|&offered| protocol == Some(offered));
        // A part of a header value is one.
        let protocol = protocol.and_then(|protocol| HeaderValue::from_str(protocol).ok());

        let mut response = Response::new(Body::empty());
        if let Some(proof) = self.proof {
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            let headers = response.headers_mut();
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, proof);
        }
        if let Some(protocol) = protocol {
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        (response, Upgrading { on_upgrade: self.on_upgrade })
    }
}

impl<S: Sync> FromRequestParts<S> for Accepted {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        accept(parts)
    }
}

impl Future for Upgrading {
    type Output = hyper::Result<Io>;

    /// # Errors
    /// The connection ended before the answer was out, or something between here and the socket answered instead.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.on_upgrade).poll(cx).map_ok(Io::new)
    }
}

/// Checks what RFC 6455, section 4.2.1 asks for; gives the proof for the answer.
fn check_http1(parts: &Parts) -> Result<HeaderValue, Refusal> {
    if parts.method != Method::GET {
        return Err(Refusal::Method);
    }
    if !names(&parts.headers, &header::UPGRADE, "websocket") {
        return Err(Refusal::NotAnUpgrade);
    }
    if !names(&parts.headers, &header::CONNECTION, "upgrade") {
        return Err(Refusal::Connection);
    }
    let key = single(&parts.headers, &header::SEC_WEBSOCKET_KEY).ok_or(Refusal::Key)?;
    if !BASE64.decode(key).is_ok_and(|nonce| nonce.len() == 16) {
        return Err(Refusal::Key);
    }
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    HeaderValue::try_from(BASE64.encode(digest)).map_err(|_| Refusal::Key)
}

/// Checks what RFC 8441 asks for.
#[cfg(feature = "http2")]
fn check_http2(parts: &Parts) -> Result<(), Refusal> {
    if parts.method != Method::CONNECT {
        return Err(Refusal::HttpVersion);
    }
    let protocol = parts.extensions.get::<hyper::ext::Protocol>();
    if protocol.is_some_and(|protocol| protocol.as_str() == "websocket") {
        Ok(())
    } else {
        Err(Refusal::NotAnUpgrade)
    }
}

#[cfg(not(feature = "http2"))]
fn check_http2(_: &Parts) -> Result<(), Refusal> {
    Err(Refusal::HttpVersion)
}

/// The value of a header that must be there once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Whether a list header, in one line or several, names `token`, in whatever case.
fn names(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers.get_all(name).iter().flat_map(list).any(|item| item.eq_ignore_ascii_case(token))
}

/// The items of a list header; none where it is not ASCII.
fn list(value: &HeaderValue) -> impl Iterator<Item = &str> {
    let items = value.to_str().unwrap_or_default().split(',');
    items.map(|item| item.trim_matches([' ', '\t'])).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests;
