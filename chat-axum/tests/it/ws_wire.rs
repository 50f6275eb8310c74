//! The transport seen as bytes: what a library for clients would not do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::echo_server::{HANDSHAKE, MESSAGE_MAX, Server, soon};

/// A frame masked with zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | len as u8),
        len @ 126..65_536 => {
            frame.push(0xFE);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0xFF);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend_from_slice(payload);
    frame
}

#[tokio::test]
async fn frames_sent_along_with_the_handshake_are_not_lost() {
    let server = Server::start();
    let mut raw = server.connect().await;
    raw.send([HANDSHAKE.as_bytes(), &frame(0x81, b"eager"), &frame(0x01, b"half")].concat()).await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(raw.bytes(7).await, b"\x81\x05eager");
    raw.send(frame(0x80, b" and half")).await;
    assert_eq!(raw.bytes(15).await, b"\x81\x0dhalf and half");
}

#[tokio::test]
async fn a_broken_rule_is_told_by_a_close_frame_that_arrives() {
    let server = Server::start();
    for (wire, code) in [
        (vec![0x81, 0x01, b'x'], 1002_u16),
        (frame(0xC1, b"x"), 1002),
        (frame(0x83, b""), 1002),
        (frame(0x88, &[1]), 1002),
        (frame(0x81, b"\xff"), 1007),
        (frame(0x82, &vec![0; MESSAGE_MAX + 1])[..14].to_vec(), 1009),
    ] {
        let mut raw = server.upgraded().await;
        raw.send(frame(0x81, b"first")).await;
        raw.send(&wire).await;
        // What follows must not cost the close frame, as a connection reset by unread bytes would.
        raw.send(vec![0; 1 << 20]).await;
        assert_eq!(raw.bytes(7).await, b"\x81\x05first");
        let close = raw.rest().await;
        assert_eq!(close[0], 0x88);
        assert_eq!(usize::from(close[1]), close.len() - 2);
        assert_eq!(close[2..4], code.to_be_bytes(), "{:?}", String::from_utf8_lossy(&close[4..]));
    }
}

#[tokio::test]
async fn a_client_that_ends_without_a_close_gets_an_end() {
    let server = Server::start();
    let mut raw = server.upgraded().await;
    raw.send(frame(0x01, b"never finished")).await;
    soon(raw.stream.shutdown()).await.unwrap();
    assert_eq!(raw.rest().await, b"");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_not_read_either_and_loses_nothing() {
    const MESSAGES: usize = 2_000;
    const LEN: usize = 16 << 10;
    let server = Server::start_with_small_buffers();
    let raw = server.upgraded().await;
    let (mut read, mut write) = raw.stream.into_split();
    let message = |i: usize| frame(0x82, &vec![i as u8; LEN]);
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let sender = tokio::spawn(async move {
        for i in 0..MESSAGES {
            write.write_all(&message(i)).await.unwrap();
            counter.store(i + 1, Ordering::SeqCst);
        }
        write
    });
    // Until it has not got a message through for a while.
    let mut before = usize::MAX;
    while before != sent.load(Ordering::SeqCst) {
        before = sent.load(Ordering::SeqCst);
        let _ = timeout(Duration::from_millis(300), std::future::pending::<()>()).await;
    }
    // 32 MiB to send; what the kernel and the echo hold together is a small part of that.
    assert!(before * LEN < 8 << 20, "{before} messages of 16 KiB went in unread");

    let mut echoed = vec![0; 4 + LEN];
    for i in 0..MESSAGES {
        soon(read.read_exact(&mut echoed)).await.unwrap();
        assert_eq!(echoed[..4], [0x82, 126, 0x40, 0]);
        assert!(echoed[4..].iter().all(|&byte| byte == i as u8), "message {i}");
    }
    soon(sender).await.unwrap();
}
