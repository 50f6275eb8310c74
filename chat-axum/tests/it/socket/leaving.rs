//! How sockets end.

use std::{sync::Arc, time::Duration};

use axum::Router;
use chat_axum::{AuthError, Authenticator, ChatRouter, Credentials, JwtAuthenticator};
use chat_core::{Engine, Principal};
use futures::SinkExt;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::support::{
    Chat, Client, MOUNT, SECRET, chat, chat_with, limits, now, stuck, token, token_of, until,
};

#[tokio::test]
async fn a_client_that_closes_is_answered() {
    let chat = chat().await;
    let address = chat.serve();
    let (mut ann, _) = Client::join(address, "ann", Value::Null).await;
    assert_eq!(chat.engine.connection_count(), 1);
    ann.send(Message::Close(Some(CloseFrame { code: CloseCode::Away, reason: "".into() }))).await;
    let (_, code) = ann.hear_out().await;
    assert_eq!(code, Some(1000));
    assert!(ann.next().await.is_none());
    until(|| chat.sockets.count() == 0 && chat.engine.connection_count() == 0).await;
    // One that vanishes, too.
    let (bob, _) = Client::join(address, "bob", Value::Null).await;
    drop(bob);
    until(|| chat.sockets.count() == 0 && chat.engine.connection_count() == 0).await;
}

/// A raw frame: masked with zeros, so that the payload is as it is.
fn raw(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | 126];
    frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    if payload.len() < 126 {
        frame = vec![first, 0x80 | u8::try_from(payload.len()).unwrap()];
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

#[tokio::test]
async fn who_breaks_the_transport_is_closed_with_the_code_for_it() {
    let mut limits = limits();
    limits.frame_bytes_max = 1_000;
    let chat = chat_with(limits, |router| router).await;
    let address = chat.serve();
    for (bytes, closed) in [
        (raw(0x81, &[b' '; 1_001]), 1009),
        (raw(0x81, b"\xff\xfe"), 1007),
        (raw(0x80, b"x"), 1002),
        (raw(0xC1, b"x"), 1002),
        (vec![0x81, 0x01, b'x'], 1002),
    ] {
        let mut tcp = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET {MOUNT}/ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Authorization: Bearer {}\r\n\r\n",
            token("ann")
        );
        tcp.write_all(request.as_bytes()).await.unwrap();
        tcp.write_all(&raw(0x81, br#"{"type":"hello"}"#)).await.unwrap();
        tcp.write_all(&bytes).await.unwrap();
        let mut answer = Vec::new();
        stuck(tcp.read_to_end(&mut answer)).await.unwrap();
        let end = &answer[answer.len() - 4..];
        assert_eq!((&end[..2], u16::from_be_bytes([end[2], end[3]])), (&[0x88, 2][..], closed), "{bytes:?}");
    }
}

#[tokio::test]
async fn a_token_that_ends_ends_the_socket() {
    let chat = chat().await;
    let address = chat.serve();
    let short = token_of(json!({"sub": "ann", "exp": now() + 2.0}));
    let (mut ann, _) = Client::join(address, "ann", json!({ "token": short })).await;
    let (frames, code) = ann.hear_out().await;
    assert_eq!(code, Some(4401));
    assert_eq!(frames.last().unwrap()["reason"], "token_expired");
}

#[tokio::test]
async fn the_oldest_of_too_many_goes() {
    let mut limits = limits();
    limits.connections_per_user_max = 2;
    let chat = chat_with(limits, |router| router).await;
    let address = chat.serve();
    let (mut first, _) = Client::join(address, "ann", Value::Null).await;
    let (mut second, _) = Client::join(address, "ann", Value::Null).await;
    let (_third, _) = Client::join(address, "ann", Value::Null).await;
    let (frames, code) = first.hear_out().await;
    assert_eq!((code, &frames.last().unwrap()["reason"]), (Some(4409), &json!("superseded")));
    second.say(json!({"type": "ping", "id": 1})).await;
    assert_eq!(second.hear().await["type"], "pong");
}

#[tokio::test]
async fn the_silent_are_pinged_then_ended() {
    let mut limits = limits();
    limits.heartbeat = Duration::from_millis(100);
    limits.heartbeat_dead = Duration::from_millis(1_500);
    let chat = chat_with(limits, |router| router).await;
    let address = chat.serve();
    let (mut lively, _) = Client::join(address, "ann", Value::Null).await;
    // Reads nothing, and so answers no ping.
    let (mut silent, _) = Client::join(address, "bob", Value::Null).await;
    let alive = tokio::spawn(async move {
        let mut pings = 0;
        while pings < 25 {
            match lively.next().await {
                // The client's library answers by itself.
                Some(Message::Ping(payload)) => {
                    assert!(payload.is_empty());
                    pings += 1;
                }
                Some(_) => {}
                None => panic!("the lively one was closed"),
            }
        }
        lively
    });
    until(|| chat.engine.connection_count() == 1).await;
    let (_, code) = silent.hear_out().await;
    assert_eq!(code, Some(4408));
    let lively = stuck(alive).await.unwrap();
    assert_eq!(chat.engine.connection_count(), 1);
    drop(lively);
}

#[tokio::test]
async fn anything_inbound_counts_as_life() {
    let mut limits = limits();
    limits.heartbeat = Duration::from_millis(60);
    // Often enough that no busy machine makes the pauses between two signs of life this long.
    limits.heartbeat_dead = Duration::from_secs(3);
    let chat = chat_with(limits, |router| router).await;
    let address = chat.serve();
    let (mut ann, _) = Client::join(address, "ann", Value::Null).await;
    // Never reads on, so that nothing but these frames comes.
    let began = std::time::Instant::now();
    let mut every = tokio::time::interval(Duration::from_millis(50));
    while began.elapsed() < Duration::from_secs(5) {
        every.tick().await;
        ann.0.send(Message::Pong("alive".into())).await.unwrap();
    }
    assert_eq!(chat.engine.connection_count(), 1);
    until(|| chat.engine.connection_count() == 0).await;
}

/// Takes tokens as the tests sign them, the token `slow` once it is told to.
#[derive(Debug)]
struct Slow(Arc<Notify>);

#[chat_axum::async_trait]
impl Authenticator for Slow {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Principal, AuthError> {
        let told = credentials.token().ok_or(AuthError::Missing)?;
        if told == "slow" {
            self.0.notified().await;
        }
        let slow = token("ann");
        JwtAuthenticator::hs256(SECRET).unwrap().verify(if told == "slow" { &slow } else { told })
    }
}

#[tokio::test]
async fn time_in_which_we_do_not_read_counts_for_nobody() {
    let mut limits = limits();
    limits.heartbeat = Duration::from_millis(60);
    limits.heartbeat_dead = Duration::from_millis(1_500);
    let engine = Engine::builder().limits(limits).build().await.unwrap();
    let answer = Arc::new(Notify::new());
    let router = ChatRouter::new(engine.clone(), Slow(Arc::clone(&answer)));
    let sockets = router.sockets();
    let chat = Chat { engine, sockets, router: Router::new().nest(MOUNT, router.build()) };
    let (mut ann, _) = Client::join(chat.serve(), "ann", Value::Null).await;
    ann.say(json!({"type": "auth", "id": 1, "token": "slow"})).await;
    // Whatever the client answers meanwhile, nobody reads.
    let (mut pings, began) = (0, std::time::Instant::now());
    while pings < 10 || began.elapsed() < Duration::from_secs(3) {
        pings += usize::from(matches!(ann.next().await, Some(Message::Ping(_))));
    }
    answer.notify_one();
    assert_eq!(ann.hear_type("ok").await["id"], 1);
}

#[tokio::test]
async fn who_does_not_read_its_end_is_cut_off() {
    let mut limits = limits();
    limits.connections_per_user_max = 1;
    limits.heartbeat = Duration::from_millis(80);
    limits.heartbeat_dead = Duration::from_millis(300);
    let chat = chat_with(limits, |router| router).await;
    let address = chat.serve();
    let room = chat.group("ann", &[]).await;
    let (mut deaf, _) = Client::join(address, "ann", Value::Null).await;
    // More than the kernel keeps: the connection is blocked from some point on, and goes on to talk.
    let text = "x".repeat(16_000);
    let path = format!("/rooms/{room}/messages");
    for _ in 0..40 {
        chat.must("ann", "POST", &path, json!({"content": text})).await;
    }
    let (_new, _) = Client::join(address, "ann", json!({"subscribe": "listed"})).await;
    let talk = tokio::spawn(async move { while deaf.0.send(Message::Pong("".into())).await.is_ok() {} });
    // The new one does not answer pings either.
    until(|| chat.sockets.count() <= 1).await;
    stuck(talk).await.unwrap();
}

#[tokio::test]
async fn a_shutdown_tells_everyone_and_waits() {
    let chat = chat().await;
    let address = chat.serve();
    let (mut ann, _) = Client::join(address, "ann", Value::Null).await;
    let mut stranger = Client::stranger(address).await;
    let sockets = chat.sockets.clone();
    let shutdown = tokio::spawn(async move { sockets.shutdown(Duration::from_secs(10)).await });
    let (frames, code) = ann.hear_out().await;
    assert_eq!(code, Some(1001));
    let bye = frames.last().unwrap();
    assert_eq!((&bye["type"], &bye["reason"]), (&json!("bye"), &json!("shutdown")));
    assert!(bye["reconnect_after_ms"].as_u64().unwrap() < 5_000);
    assert_eq!(stranger.hear_out().await, (vec![], Some(1001)));
    let refused = Client::open(address, "", &[]).await.err().unwrap();
    assert_eq!(refused.status(), 503);
    drop((ann, stranger));
    assert!(stuck(shutdown).await.unwrap());
    assert_eq!(chat.sockets.count(), 0);
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let chat = chat().await;
    let address = chat.serve();
    let room = chat.group("ann", &[]).await;
    let (deaf, _) = Client::join(address, "ann", Value::Null).await;
    let text = "x".repeat(16_000);
    for _ in 0..40 {
        let path = format!("/rooms/{room}/messages");
        chat.must("ann", "POST", &path, json!({"content": text})).await;
    }
    let in_time = stuck(chat.sockets.shutdown(Duration::from_millis(200))).await;
    assert!(!in_time);
    until(|| chat.sockets.count() == 0).await;
    drop(deaf);
}
