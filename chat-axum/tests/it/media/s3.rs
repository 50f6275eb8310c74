//! Files in S3: the same promises, with a store across the network.

mod outages;
mod presigned;

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode},
};
use bytes::Bytes;
use chat_axum::Media;
use chat_core::Limits;
use object_store::aws::AmazonS3Builder;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{BOUNDARY, PNG, field, form, uploading};
use crate::{
    s3_store::{BUCKET, KEY, KEY_SECRET, S3Store},
    support::{Chat, MOUNT, chat_with, limits, stuck, token},
};

/// More than two parts of an upload.
const LARGE: usize = 11_000_000;

/// A chat with its files in a store that speaks S3.
struct Files {
    chat: Chat,
    media: Media,
    store: S3Store,
}

/// With bounds and options of one's own; `name` is the test's.
async fn files(name: &str, limits: Limits, options: impl FnOnce(Media) -> Media) -> Files {
    let folder = std::env::temp_dir().join(format!("chat-s3-{name}-{:x}", std::process::id()));
    let store = S3Store::start(folder).await;
    let media = options(media_at(store.address));
    let given = media.clone();
    Files { chat: chat_with(limits, |router| router.media(given)).await, media, store }
}

fn media_at(address: SocketAddr) -> Media {
    let bucket = AmazonS3Builder::new()
        .with_endpoint(format!("http://{address}"))
        .with_allow_http(true)
        .with_bucket_name(BUCKET)
        .with_access_key_id(KEY)
        .with_secret_access_key(KEY_SECRET);
    Media::s3_with(bucket, "some/where").unwrap()
}

impl Files {
    /// A file that must be taken; what is told of it.
    async fn upload(&self, user: &str, name: &str, kind: &str, bytes: &[u8]) -> Value {
        let answer = self.chat.send(uploading(user, streamed(&form(name, kind, bytes)))).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.body
    }

    /// A file that is sent in a room; what is told of it, and the message's place.
    async fn sent(&self, user: &str, room: u64, bytes: &[u8]) -> (Value, Value) {
        let file = self.upload(user, "a file", "image/png", bytes).await;
        let body = json!({ "content": "", "attachments": [file["id"]] });
        let message = self.chat.must(user, "POST", &format!("/rooms/{room}/messages"), body).await;
        (file, message["seq"].clone())
    }

    /// Once what was broken off is cleaned up: nothing is stored, and nothing is known of.
    async fn has_nothing(&self, what: &str) {
        stuck(self.media.settled()).await;
        assert_eq!((self.store.objects(), self.store.unfinished()), (0, 0), "{what}");
        let known = self.chat.engine.removed_attachments(None, 10).await.unwrap();
        assert!(known.is_empty(), "{what}: {known:?}");
    }
}

/// A body as it comes over a wire.
fn streamed(form: &[u8]) -> Body {
    Body::from_stream(futures::stream::iter(pieces(form)))
}

fn pieces(bytes: &[u8]) -> Vec<io::Result<Bytes>> {
    bytes.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect()
}

fn text(bytes: usize) -> Vec<u8> {
    b"one line of many\n".iter().copied().cycle().take(bytes).collect()
}

/// The beginning of a form, so many bytes of a file.
fn begun(bytes: usize) -> Vec<u8> {
    let mut begun = field("name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain", &text(bytes));
    begun.truncate(begun.len() - 2);
    begun
}

#[tokio::test]
async fn a_file_of_many_parts_comes_back_whole_and_by_ranges() {
    let files = files("parts", limits(), |media| media).await;
    let bytes = text(LARGE);
    let file = files.upload("ann", "a.txt", "text/plain", &bytes).await;
    assert_eq!((&file["size"], &file["content_type"]), (&json!(LARGE), &json!("text/plain")));
    let done = files.store.done();
    assert_eq!(done.iter().filter(|one| one.contains("partNumber=")).count(), 3, "{done:?}");
    assert_eq!((files.store.objects(), files.store.unfinished()), (1, 0));

    let fetch = async |method: &str, headers: &[(&str, &str)]| {
        files.chat.fetch("ann", method, &file["url"], headers).await
    };
    let (status, headers, got) = fetch("GET", &[]).await;
    assert!(status == 200 && got == bytes);
    let shown = |headers: &HeaderMap, name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(shown(&headers, "content-type"), "text/plain; charset=utf-8");
    assert_eq!(shown(&headers, "content-disposition"), "attachment; filename=\"a.txt\"");
    assert_eq!(shown(&headers, "content-length"), LARGE.to_string());
    assert_eq!(shown(&headers, "x-content-type-options"), "nosniff");
    // Over the seams of parts, at the ends, and what is not there.
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=5242870-5242889", 5_242_870, 5_242_890),
        ("bytes=5000000-10999999", 5_000_000, LARGE),
        ("bytes=-7", LARGE - 7, LARGE),
    ] {
        let (status, headers, got) = fetch("GET", &[("range", range)]).await;
        assert_eq!(status, 206, "{range}");
        assert_eq!(shown(&headers, "content-range"), format!("bytes {from}-{}/{LARGE}", to - 1));
        assert!(got == bytes[from..to], "{range}");
    }
    assert_eq!(fetch("GET", &[("range", "bytes=11000000-")]).await.0, 416);
    files.store.done();
    let (status, headers, got) = fetch("HEAD", &[]).await;
    assert_eq!((status.as_u16(), shown(&headers, "content-length"), got.len()), (200, LARGE.to_string(), 0));
    assert!(files.store.done().is_empty(), "what a file is, is known here");
    assert_eq!(files.chat.fetch("eve", "GET", &file["url"], &[]).await.0, 404);

    let small = files.upload("ann", "a.png", "image/png", PNG).await;
    let done = files.store.done();
    assert!(matches!(&done[..], [one] if one.starts_with("PUT ")), "one request: {done:?}");
    let (_, headers, got) = files.chat.fetch("ann", "GET", &small["url"], &[]).await;
    assert_eq!((shown(&headers, "content-type"), &got[..]), ("image/png".to_owned(), PNG));
}

#[tokio::test]
async fn what_is_not_taken_leaves_nothing_in_the_bucket() {
    let mut limits = limits();
    limits.upload_bytes_max = 6_500_000;
    let files = files("refused", limits, |media| media).await;
    let broken = |bytes| {
        let mut body = pieces(&begun(bytes));
        body.push(Err(io::ErrorKind::ConnectionReset.into()));
        body
    };
    // A picture that comes before it has said how large it is; known at its end.
    let sizeless = [b"\xFF\xD8\xFF\xE0\0\x02\0".as_slice(), &text(6_000_000)].concat();
    for (what, body, status) in [
        ("its body breaks", broken(20_000), 400),
        ("its body breaks after a part", broken(6_000_000), 400),
        ("its body ends early", pieces(&begun(6_000_000)), 400),
        ("a type that lies", pieces(&form("a.png", "image/png", &text(20_000))), 415),
        ("a picture without a size", pieces(&form("a.jpg", "image/jpeg", &sizeless)), 415),
        ("too large", pieces(&form("a.txt", "text/plain", &text(6_500_001))), 413),
        (
            "another's room",
            pieces(
                &[begun(6_000_000), b"\r\n".to_vec(), super::ended(field("name=\"room_id\"", b"9"))].concat(),
            ),
            404,
        ),
    ] {
        let body = Body::from_stream(futures::stream::iter(body));
        let answer = files.chat.send(uploading("ann", body)).await;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        files.has_nothing(what).await;
    }
    let done = files.store.done();
    assert_eq!(done.iter().filter(|one| one.starts_with("DELETE") && one.contains("uploadId=")).count(), 4);
    assert!(done.iter().all(|one| one.ends_with(" 200") || one.ends_with(" 204")), "{done:?}");
}

#[tokio::test]
async fn an_upload_whose_connection_ends_leaves_nothing_in_the_bucket() {
    let files = files("cut", limits(), |media| media).await;
    let address = files.chat.serve();
    let mut tcp = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {MOUNT}/attachments HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: 20000000\r\n\r\n",
        token("ann")
    );
    tcp.write_all(head.as_bytes()).await.unwrap();
    tcp.write_all(&begun(LARGE)).await.unwrap();
    stuck(files.store.has_done("partNumber=2")).await;
    drop(tcp);
    stuck(files.store.has_done("DELETE")).await;
    files.has_nothing("a connection that ended").await;
}

#[tokio::test]
async fn whatever_an_upload_waits_for_when_it_is_dropped_is_undone() {
    let files = files("dropped", limits(), |media| media).await;
    let whole = || form("a.txt", "text/plain", &text(LARGE));
    for (what, request, body) in [
        ("the beginning of parts", "?uploads", whole()),
        ("a part", "partNumber=1", whole()),
        ("the last part", "partNumber=3", whole()),
        ("the end", "POST /chat-files/some/where", whole()),
        ("all at once", "PUT /chat-files/some/where", form("a.png", "image/png", PNG)),
    ] {
        files.store.done();
        files.store.hold(request);
        let upload = files.chat.send(uploading("ann", streamed(&body)));
        tokio::select! {
            answer = upload => panic!("{what}: {answer:?}"),
            () = stuck(files.store.has_done(request)) => {}
        }
        files.store.let_go();
        files.has_nothing(what).await;
    }
}

#[tokio::test]
async fn a_dropped_upload_keeps_its_turn_until_it_is_cleaned_up() {
    let mut limits = limits();
    limits.uploads_at_once_max = 1;
    let files = files("turns", limits, |media| media).await;
    files.store.hold("PUT");
    let upload = files.chat.post_form("ann", form("a.png", "image/png", PNG));
    tokio::select! {
        answer = upload => panic!("{answer:?}"),
        () = stuck(files.store.has_done("PUT")) => {}
    }
    // Whatever is done without waiting for the store is done by then.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let refused = files.chat.post_form("ann", form("a.png", "image/png", PNG)).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (503, &json!("unavailable")));
    files.store.let_go();
    files.has_nothing("a dropped upload").await;
    files.upload("ann", "a.png", "image/png", PNG).await;
}

#[tokio::test]
async fn what_was_deleted_and_what_nobody_sent_goes_from_the_bucket() {
    let mut limits = limits();
    limits.upload_unsent_max = Duration::ZERO;
    let files = files("collected", limits, |media| media).await;
    let chat = &files.chat;
    let room = chat.group("ann", &[]).await;
    let (kept, _) = files.sent("ann", room, PNG).await;
    let (_, seq) = files.sent("ann", room, PNG).await;
    let withdrawn = files.upload("ann", "a.png", "image/png", PNG).await;
    files.upload("ann", "a.txt", "text/plain", &text(LARGE)).await;
    assert_eq!(files.store.objects(), 4);
    let path = format!("/attachments/{}", withdrawn["id"].as_str().unwrap());
    chat.must("ann", "DELETE", &path, Value::Null).await;
    assert_eq!(files.store.objects(), 3);
    chat.must("ann", "DELETE", &format!("/rooms/{room}/messages/{seq}"), Value::Null).await;
    assert_eq!(files.media.collect(&chat.engine).await.unwrap(), 2);
    assert_eq!(files.store.objects(), 1);
    assert_eq!(chat.fetch("ann", "GET", &kept["url"], &[]).await.0, 200);
    assert_eq!(files.media.collect(&chat.engine).await.unwrap(), 0);
}
