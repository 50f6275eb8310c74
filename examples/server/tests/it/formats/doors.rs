//! What a page cannot see of how it is let in: headers of upgrades and refusals, and the cookie of the files.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{client::IntoClientRequest as _, http::HeaderMap};

use super::stage::Stage;
use crate::{
    http::{self, Answer, must},
    rest::token,
};

/// Each format with a call that reads, where it has any.
const FORMATS: [(&str, Option<&str>); 5] = [
    ("flat", None),
    ("envelope", None),
    ("direct", Some("/messages/?with=2")),
    ("conversation", Some("/api/conversations/")),
    ("thread", Some("/api/chat/threads/")),
];

/// The path of a socket that user 1 may open.
async fn door(format: &str, address: SocketAddr) -> String {
    match format {
        "conversation" | "thread" => {
            let body = json!({ "kind": "group", "name": "Room" });
            let room = must(address, "POST", "/api/v1/rooms", &token(1), Some(&body)).await;
            format!("/ws/chat/{}/", room["id"])
        }
        _ => "/ws/chat/".to_owned(),
    }
}

async fn get(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    http::exchange(address, request.as_bytes()).await
}

/// Whether an answer sets the cookie that opens files, as browsers must be told of it.
fn assert_media_cookie(cookies: &[&str]) {
    let cookie =
        cookies.iter().find(|cookie| cookie.starts_with("chat_media=")).expect("no cookie of the files");
    let attributes: Vec<_> = cookie.split(';').skip(1).map(|part| part.trim().to_ascii_lowercase()).collect();
    let has =
        |name: &str| attributes.iter().any(|part| part == name || part.starts_with(&format!("{name}=")));
    assert!(has("httponly") && attributes.contains(&"samesite=lax".to_owned()), "{cookie}");
    assert!(has("path") && !attributes.contains(&"path=/".to_owned()), "the files' path alone: {cookie}");
    assert!(has("max-age") || has("expires"), "the life of the token: {cookie}");
    assert!(!has("secure") && !has("domain"), "{cookie}");
}

#[tokio::test]
async fn headers_of_every_door() {
    for (format, call) in FORMATS {
        let stage = Stage::alone(format).await;
        let address = stage.servers[0].address;
        let path = door(format, address).await;
        a_header_opens(address, &path, &stage.origin.name()).await;
        another_origin_is_refused(address, &path).await;
        if let Some(call) = call {
            let bearer = format!("Bearer {}", token(1));
            let answer = get(address, "GET", call, &[("Authorization", &bearer)]).await;
            assert_eq!(answer.status, 200, "{format}: {answer:?}");
            let cookies: Vec<_> = answer.head.lines().filter_map(set_cookie).collect();
            assert_media_cookie(&cookies);
            another_origin_is_refused(address, call).await;
            allowed_origin_is_told(address, call, &stage.origin.name()).await;
        }
    }
}

fn set_cookie(line: &str) -> Option<&str> {
    let (name, value) = line.split_once(':')?;
    name.eq_ignore_ascii_case("set-cookie").then(|| value.trim())
}

/// A client that is no browser says its token in a header; one of an allowed origin may too.
async fn a_header_opens(address: SocketAddr, path: &str, origin: &str) {
    for from in [None, Some(origin)] {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        let bearer = format!("Bearer {}", token(1));
        request.headers_mut().insert("authorization", bearer.parse().unwrap());
        if let Some(origin) = from {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        let tcp = TcpStream::connect(address).await.unwrap();
        let (_socket, answer) = tokio_tungstenite::client_async(request, tcp).await.unwrap();
        assert_media_cookie(&cookies(answer.headers()));
    }
}

fn cookies(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect()
}

async fn another_origin_is_refused(address: SocketAddr, path: &str) {
    let bearer = format!("Bearer {}", token(1));
    let upgrade = [
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        let headers = [&[("Origin", origin), ("Authorization", bearer.as_str())][..], &upgrade[..]].concat();
        for (method, headers) in [("GET", &headers[..]), ("GET", &headers[..2]), ("OPTIONS", &headers[..2])] {
            let answer = get(address, method, path, headers).await;
            assert_eq!(answer.status, 403, "{method} {path} from {origin}: {answer:?}");
            assert!(answer.json()["detail"].is_string(), "{answer:?}");
            assert_eq!(answer.header("access-control-allow-origin"), None, "{answer:?}");
        }
    }
}

async fn allowed_origin_is_told(address: SocketAddr, path: &str, origin: &str) {
    let preflight = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "PATCH"),
        ("Access-Control-Request-Headers", "authorization,content-type"),
    ];
    for (method, path, headers, statuses) in [
        ("OPTIONS", path, &preflight[..], [200, 204]),
        ("GET", path, &preflight[..1], [401, 401]),
        ("GET", "/nothing/here", &preflight[..1], [401, 404]),
    ] {
        let answer = get(address, method, path, headers).await;
        assert!(statuses.contains(&answer.status), "{method} {path}: {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{answer:?}");
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{answer:?}");
        if method == "GET" {
            let Value::String(_) = answer.json()["detail"] else { panic!("says nothing: {answer:?}") };
        }
    }
}
