use axum::{
    http::{Method, Request, StatusCode, Version, header, request::Parts},
    response::IntoResponse,
};
use hyper::upgrade::OnUpgrade;

use super::{Refusal, accept};

/// A good request (the RFC's own), with headers replaced, left out or added.
fn request(changes: &[(&str, Option<&str>)]) -> Parts {
    let mut headers = vec![
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];
    for (name, _) in changes {
        headers.retain(|(other, _)| other != name);
    }
    headers.extend(changes.iter().filter_map(|(name, value)| Some((*name, (*value)?))));
    let mut builder = Request::builder().uri("/ws");
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    let mut parts = builder.body(()).unwrap().into_parts().0;
    // One that leads nowhere: only its being there is looked at.
    parts.extensions.insert(hyper::upgrade::on(Request::new(())));
    parts
}

fn refusal(mut parts: Parts) -> Refusal {
    let refusal = accept(&mut parts).expect_err("a refusal");
    assert_eq!(parts.extensions.get::<OnUpgrade>().is_some(), refusal != Refusal::NotUpgradable);
    refusal
}

#[test]
fn the_proof_is_the_one_of_the_rfc() {
    let (response, _) = accept(&mut request(&[])).unwrap().finish(None);
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let headers = response.headers();
    assert_eq!(headers[header::SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(headers[header::CONNECTION], "upgrade");
    assert_eq!(headers[header::UPGRADE], "websocket");
    assert!(!headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL));
}

#[test]
fn tokens_may_stand_in_lists_and_in_any_case() {
    for changes in [
        [("connection", Some("keep-alive, UPGRADE")), ("upgrade", Some("WebSocket"))],
        [("connection", Some("upgrade ,close")), ("upgrade", Some("h2c, websocket"))],
    ] {
        assert!(accept(&mut request(&changes)).is_ok(), "{changes:?}");
    }
    assert!(
        accept(&mut request(&[("connection", Some("keep-alive")), ("connection", Some("upgrade"))])).is_ok()
    );
}

#[test]
fn each_flaw_has_its_refusal() {
    for (name, value, expected) in [
        ("connection", None, Refusal::Connection),
        ("connection", Some("keep-alive"), Refusal::Connection),
        ("connection", Some("upgrades"), Refusal::Connection),
        ("upgrade", None, Refusal::NotAnUpgrade),
        ("upgrade", Some("h2c"), Refusal::NotAnUpgrade),
        ("sec-websocket-version", None, Refusal::Version),
        ("sec-websocket-version", Some("8"), Refusal::Version),
        ("sec-websocket-version", Some("13, 8"), Refusal::Version),
        ("sec-websocket-key", None, Refusal::Key),
        ("sec-websocket-key", Some(""), Refusal::Key),
        ("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25jZQ"), Refusal::Key),
        ("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25jZQ=="), Refusal::NotUpgradable),
        ("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25j"), Refusal::Key),
        ("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25jZSE="), Refusal::Key),
        ("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25j!Q=="), Refusal::Key),
    ] {
        let mut parts = request(&[(name, value)]);
        if expected == Refusal::NotUpgradable {
            parts.extensions.clear();
        }
        assert_eq!(refusal(parts), expected, "{name}: {value:?}");
    }
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let twice = request(&[("sec-websocket-key", Some(key)), ("sec-websocket-key", Some(key))]);
    assert_eq!(refusal(twice), Refusal::Key, "two keys");
}

#[test]
fn the_four_bits_left_over_in_a_key_are_the_clients_own() {
    assert!(accept(&mut request(&[("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25jZR=="))])).is_ok());
}

#[test]
fn only_get_and_only_http_1_1() {
    let mut parts = request(&[]);
    parts.method = Method::POST;
    assert_eq!(refusal(parts), Refusal::Method);
    for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_2] {
        let mut parts = request(&[]);
        parts.version = version;
        assert_eq!(refusal(parts), Refusal::HttpVersion, "{version:?}");
    }
}

#[test]
fn refusals_are_answers() {
    for (refusal, status, name, value) in [
        (Refusal::Method, 405, header::ALLOW, "GET"),
        (Refusal::NotAnUpgrade, 426, header::UPGRADE, "websocket"),
        (Refusal::Version, 426, header::SEC_WEBSOCKET_VERSION, "13"),
        (Refusal::Version, 426, header::UPGRADE, "websocket"),
        (Refusal::Key, 400, header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (Refusal::Connection, 400, header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (Refusal::HttpVersion, 400, header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (Refusal::NotUpgradable, 426, header::CONNECTION, "upgrade"),
    ] {
        let response = refusal.into_response();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()[name], value);
    }
}

#[test]
fn subprotocols_are_chosen_among_those_offered() {
    let offers: &[_] = &[
        ("sec-websocket-protocol", Some("chat.v2 , chat.v1")),
        ("sec-websocket-protocol", Some("bearer.abc")),
    ];
    let accepted = accept(&mut request(offers)).unwrap();
    assert_eq!(accepted.offered().collect::<Vec<_>>(), ["chat.v2", "chat.v1", "bearer.abc"]);
    for (protocol, expected) in [(Some("chat.v1"), Some("chat.v1")), (Some("CHAT.V1"), None), (None, None)] {
        let (response, _) = accept(&mut request(offers)).unwrap().finish(protocol);
        let chosen = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
        assert_eq!(chosen.map(|value| value.to_str().unwrap()), expected);
    }
}
