//! What is left of uploads that came to nothing, and of what was deleted.

use std::{sync::Arc, task::Poll, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use chat_axum::{ChatRouter, JwtAuthenticator, Media};
use chat_core::{Engine, Limits};
use futures::{StreamExt as _, stream};
use serde_json::Value;
use tokio::sync::Notify;

use super::{PNG, field, files, files_with, form, uploading};
use crate::support::{Chat, MOUNT, SECRET, limits, stuck};

/// An upload of which only the beginning comes, so long.
struct BrokenOff {
    body: Body,
    /// Told once all that comes was taken, and more is asked for.
    waits: Arc<Notify>,
}

impl BrokenOff {
    fn after(bytes: usize) -> Self {
        let mut begun =
            field("name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain", &vec![b'x'; bytes]);
        begun.truncate(begun.len() - 2);
        let chunks: Vec<_> = begun
            .chunks(100_000)
            .map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)))
            .collect();
        let waits = Arc::new(Notify::new());
        let told = Arc::clone(&waits);
        let silence = stream::poll_fn(move |_| {
            told.notify_one();
            Poll::Pending
        });
        Self { body: Body::from_stream(stream::iter(chunks).chain(silence)), waits }
    }

    /// Sends it in until it waits for what does not come, and then hangs up after `look`.
    async fn send(self, chat: &Chat, look: impl FnOnce()) {
        tokio::select! {
            answer = chat.send(uploading("ann", self.body)) => panic!("it waits for more: {answer:?}"),
            () = stuck(self.waits.notified()) => look(),
        }
    }
}

#[tokio::test]
async fn a_broken_off_upload_leaves_nothing() {
    let files = files().await;
    for bytes in [20_000, 12_000_000] {
        BrokenOff::after(bytes).send(&files.chat, || ()).await;
        assert_eq!(files.stored().await, 0);
        assert!(files.chat.engine.removed_attachments(None, 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_upload_that_stands_still_is_given_up() {
    let mut limits = limits();
    limits.upload_idle = Duration::from_millis(50);
    let files = files_with(limits, |media| media).await;
    let answer = files.chat.send(uploading("ann", BrokenOff::after(20_000).body)).await;
    assert_eq!(answer.status, 408, "{answer:?}");
    assert_eq!(files.stored().await, 0);
}

/// Files below a folder.
fn below(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { below(&path) } else { 1 }).sum()
}

#[tokio::test]
async fn a_folder_is_left_as_clean() {
    let folder = std::env::temp_dir().join(format!("chat-media-{:x}", std::process::id()));
    // As a test that was killed may have left it.
    _ = std::fs::remove_dir_all(&folder);
    let media = Media::folder(&folder).unwrap();
    let engine = Engine::builder().build().await.unwrap();
    let router =
        ChatRouter::new(engine.clone(), JwtAuthenticator::hs256(SECRET).unwrap()).media(media.clone());
    let sockets = router.sockets();
    let chat = Chat { engine, sockets, router: axum::Router::new().nest(MOUNT, router.build()) };
    BrokenOff::after(12_000_000).send(&chat, || assert_eq!(below(&folder), 1, "on its way")).await;
    media.settled().await;
    assert_eq!(below(&folder), 0);

    let answer = chat.post_form("ann", form("a.png", "image/png", PNG)).await;
    assert_eq!((answer.status.as_u16(), below(&folder)), (201, 1));
    let bytes: Vec<u8> = b"text ".iter().copied().cycle().take(12_000_000).collect();
    let large = chat.post_form("ann", form("a.txt", "text/plain", &bytes)).await;
    assert_eq!((large.status.as_u16(), below(&folder)), (201, 2));
    let (_, _, got) = chat.fetch("ann", "GET", &large.body["url"], &[]).await;
    assert!(got == bytes);
    for id in [&answer.body["id"], &large.body["id"]] {
        let path = format!("/attachments/{}", id.as_str().unwrap());
        assert_eq!(chat.ask("bob", "DELETE", &path, Value::Null).await.status, 404);
        assert_eq!(chat.ask("ann", "DELETE", &path, Value::Null).await.status, 204);
        assert_eq!(chat.ask("ann", "DELETE", &path, Value::Null).await.status, 404);
    }
    assert_eq!(below(&folder), 0);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn what_nobody_sent_and_what_was_deleted_is_collected() {
    let mut limits: Limits = limits();
    limits.upload_unsent_max = Duration::from_secs(3_600);
    let files = files_with(limits, |media| media).await;
    let (chat, media) = (&files.chat, &files.media);
    let (room, doomed) = (chat.group("ann", &[]).await, chat.group("ann", &[]).await);
    files.upload("ann", "new", "image/png", PNG).await;
    let (_, seq) = files.sent("ann", room, PNG, "image/png").await;
    let (kept, _) = files.sent("ann", room, PNG, "image/png").await;
    files.sent("ann", doomed, PNG, "image/png").await;
    assert_eq!((media.collect(&chat.engine).await.unwrap(), files.stored().await), (0, 4));
    chat.must("ann", "DELETE", &format!("/rooms/{room}/messages/{seq}"), Value::Null).await;
    chat.must("ann", "DELETE", &format!("/rooms/{doomed}"), Value::Null).await;
    assert_eq!((media.collect(&chat.engine).await.unwrap(), files.stored().await), (2, 2));
    assert_eq!((media.collect(&chat.engine).await.unwrap(), files.stored().await), (0, 2));
    assert_eq!(chat.fetch("ann", "GET", &kept["url"], &[]).await.0, 200);
}

#[tokio::test]
async fn what_nobody_sent_for_long_is_collected() {
    let mut limits: Limits = limits();
    limits.upload_unsent_max = Duration::ZERO;
    let files = files_with(limits, |media| media).await;
    let room = files.chat.group("ann", &[]).await;
    let old = files.upload("ann", "old", "image/png", PNG).await;
    let (kept, _) = files.sent("ann", room, PNG, "image/png").await;
    assert_eq!((files.media.collect(&files.chat.engine).await.unwrap(), files.stored().await), (1, 1));
    assert_eq!(files.chat.fetch("ann", "GET", &old["url"], &[]).await.0, 404);
    assert_eq!(files.chat.fetch("ann", "GET", &kept["url"], &[]).await.0, 200);
}
