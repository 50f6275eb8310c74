//! Handshakes that are refused, byte for byte.

use crate::echo_server::{HANDSHAKE, Server};

async fn answer(request: &str) -> String {
    let server = Server::start();
    let mut raw = server.connect().await;
    raw.send(request).await;
    raw.head().await.to_lowercase()
}

#[tokio::test]
async fn each_flaw_is_answered_with_its_status() {
    for (from, to, status, header) in [
        ("GET", "POST", "405 ", "\r\nallow: get"),
        ("GET", "PUT", "405 ", "\r\nallow: "),
        ("Upgrade: websocket\r\n", "", "426 ", "\r\nupgrade: websocket\r\n"),
        ("websocket", "h2c", "426 ", "\r\nupgrade: websocket\r\n"),
        ("Connection: Upgrade\r\n", "", "400 ", ""),
        ("Version: 13", "Version: 12", "426 ", "\r\nsec-websocket-version: 13\r\n"),
        ("Sec-WebSocket-Version: 13\r\n", "", "426 ", "\r\nsec-websocket-version: 13\r\n"),
        ("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", "400 ", ""),
        ("HTTP/1.1", "HTTP/1.0", "400 ", ""),
    ] {
        let request = HANDSHAKE.replace(from, to);
        assert_ne!(request, HANDSHAKE);
        let head = answer(&request).await;
        let at = "http/1.1 ".len();
        assert!(head[at..].starts_with(status), "{from:?} as {to:?}: {head}");
        assert!(head.contains(header), "{from:?} as {to:?}: {head}");
    }
}

#[tokio::test]
async fn a_refused_connection_can_try_again() {
    let server = Server::start();
    let mut raw = server.connect().await;
    raw.send(HANDSHAKE.replace("Version: 13", "Version: 7")).await;
    let head = raw.head().await.to_lowercase();
    assert!(head.starts_with("http/1.1 426 "), "{head}");
    let (_, length) = head.split_once("content-length: ").expect("a body");
    let (length, _) = length.split_once("\r\n").unwrap();
    let body = raw.bytes(length.parse().unwrap()).await;
    assert_eq!(String::from_utf8(body).unwrap(), "`Sec-WebSocket-Version` is not 13");
    raw.send(HANDSHAKE).await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
}
