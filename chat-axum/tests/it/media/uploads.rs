//! What is taken, and what is not.

use axum::body::Body;
use bytes::Bytes;
use chat_core::Rate;
use futures::StreamExt as _;
use serde_json::json;

use super::{PNG, ended, field, files, files_with, form, uploading};
use crate::support::{limits, stuck};

const WEBM: &[u8] = &padded(
    b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm",
);

/// As long as the least file of its kind.
const fn padded(head: &[u8; 28]) -> [u8; 300] {
    let mut bytes = [0; 300];
    let mut at = 0;
    while at < head.len() {
        bytes[at] = head[at];
        at += 1;
    }
    bytes
}

/// A PNG that says it is so large.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = PNG.to_vec();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    bytes
}

#[tokio::test]
async fn a_file_is_told_by_its_bytes_and_described() {
    let files = files().await;
    for (name, kind, bytes, told) in [
        (
            "cat.png",
            "image/png",
            PNG,
            json!({"name": "cat.png", "content_type": "image/png", "kind": "image", "width": 1, "height": 1}),
        ),
        (
            "../../x/cat.png",
            "",
            PNG,
            json!({"name": "cat.png", "content_type": "image/png", "kind": "image", "width": 1, "height": 1}),
        ),
        (
            "C:\\\\a\\\\b.webm",
            "audio/webm;codecs=opus",
            WEBM,
            json!({"name": "b.webm", "content_type": "audio/webm", "kind": "audio"}),
        ),
        ("", "video/webm", WEBM, json!({"name": "file", "content_type": "video/webm", "kind": "video"})),
        (
            "r\u{E9}sum\u{E9}.txt",
            "text/plain",
            b"hello",
            json!({"name": "r\u{E9}sum\u{E9}.txt", "content_type": "text/plain", "kind": "file"}),
        ),
    ] {
        let file = files.upload("ann", name, kind, bytes).await;
        let mut expected = told;
        expected["id"] = file["id"].clone();
        expected["size"] = json!(bytes.len());
        expected["url"] = json!(format!("/api/v1/attachments/{}", file["id"].as_str().unwrap()));
        assert_eq!(file, expected);
        let (status, _, got) = files.chat.fetch("ann", "GET", &file["url"], &[]).await;
        assert_eq!((status.as_u16(), &got[..]), (200, bytes));
    }
    assert_eq!(files.stored().await, 5);
}

#[tokio::test]
async fn what_is_not_taken_leaves_nothing_behind() {
    let mut limits = limits();
    limits.upload_bytes_max = 12 * 1024 * 1024;
    let files = files_with(limits, |media| media).await;
    let room = files.chat.group("bob", &[]).await;
    let large = |bytes: usize| [b"hello ".as_slice(), &vec![b'x'; bytes - 6]].concat();
    let with = |name: &str, value: &str| {
        let mut body = field("name=\"file\"; filename=\"a.txt\"", b"hello");
        body.extend(field(&format!("name=\"{name}\""), value.as_bytes()));
        ended(body)
    };
    let many = (0..17).flat_map(|n| field(&format!("name=\"f{n}\""), b"x")).collect();
    let twice =
        [field("name=\"file\"; filename=\"a\"", b"a"), field("name=\"file\"; filename=\"b\"", b"b")].concat();
    for (what, form, status, told) in [
        ("a type that lies", form("a.png", "image/png", b"no image"), 415, "bad_field file"),
        ("another type", form("a.jpg", "image/jpeg", PNG), 415, "bad_field file"),
        ("a drawing", form("a.svg", "image/svg+xml", b"<svg onload='x'/>"), 415, "bad_field file"),
        ("a page", form("a.html", "text/html", b"<!DOCTYPE html><script>x</script>"), 415, "bad_field file"),
        ("a page as text", form("a.txt", "text/plain", b"<html><script>x</script>"), 415, "bad_field file"),
        ("a program", form("a.exe", "", b"MZ\x90\0\x03\0\0\0"), 415, "bad_field file"),
        ("a bomb", form("a.png", "image/png", &png(100_000, 100_000)), 415, "bad_field file"),
        ("a wide bomb", form("a.png", "image/png", &png(16_385, 1)), 415, "bad_field file"),
        ("nothing to see", form("a.png", "image/png", &png(0, 1)), 415, "bad_field file"),
        ("half a header", form("a.png", "image/png", &PNG[..20]), 415, "bad_field file"),
        ("an empty file", form("a.txt", "text/plain", b""), 400, "bad_field file"),
        ("no file", ended(field("name=\"other\"", b"x")), 400, "bad_field file"),
        ("no form", b"hello".to_vec(), 400, "bad_frame"),
        ("an empty form", ended(Vec::new()), 400, "bad_field file"),
        ("half a form", field("name=\"file\"; filename=\"a\"", b"hello"), 400, "bad_frame"),
        ("two files", ended(twice), 400, "bad_field file"),
        ("many fields", ended(many), 400, "bad_frame"),
        ("a large field", with("room_id", &"1".repeat(40_000)), 413, "too_large"),
        (
            "a head without an end",
            [b"--the-boundary\r\nX: ".as_slice(), &vec![b'x'; 1_000_000]].concat(),
            400,
            "bad_frame",
        ),
        ("too large", form("a.txt", "text/plain", &large(12 * 1024 * 1024 + 1)), 413, "too_large"),
        ("far too large", form("a.txt", "text/plain", &large(13 * 1024 * 1024)), 413, "too_large"),
        ("no room", with("room_id", "x"), 400, "bad_field room_id"),
        ("another's room", with("room_id", &room.to_string()), 404, "not_found"),
        ("an unknown room", with("room_id", "999"), 404, "not_found"),
    ] {
        // In one piece and as it comes over a wire.
        for step in [form.len().max(1), 1_400] {
            let chunks: Vec<_> = form
                .chunks(step)
                .map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)))
                .collect();
            let body = Body::from_stream(futures::stream::iter(chunks));
            let answer = files.chat.send(uploading("ann", body)).await;
            assert_eq!(answer.status, status, "{what}: {answer:?}");
            let (code, field) = told.split_once(' ').unwrap_or((told, ""));
            assert_eq!(answer.body["code"], code, "{what}: {answer:?}");
            assert_eq!(answer.body["field"].as_str().unwrap_or_default(), field, "{what}: {answer:?}");
            assert_eq!(files.stored().await, 0, "{what}");
        }
    }
    assert_eq!(files.chat.post_form("", form("a.txt", "", b"hello")).await.status, 401);
    let answer = files.chat.ask("ann", "POST", "/attachments", json!({"file": "x"})).await;
    assert_eq!(answer.status, 415, "{answer:?}");
    assert!(files.chat.engine.removed_attachments(None, 10).await.unwrap().is_empty());
    let exact = form("a.txt", "text/plain", &large(12 * 1024 * 1024));
    assert_eq!(files.chat.post_form("ann", exact).await.status, 201);
}

#[tokio::test]
async fn a_large_announcement_is_refused_before_it_comes() {
    let files = files().await;
    let mut request =
        uploading("ann", Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>()));
    request.headers_mut().insert("content-length", "30000000".parse().unwrap());
    assert_eq!(stuck(files.chat.send(request)).await.status, 413);
}

#[tokio::test]
async fn uploads_have_a_rate_and_a_place() {
    let mut limits = limits();
    limits.uploads = Rate::new(0.1, 2);
    limits.uploads_at_once_max = 1;
    let files = files_with(limits, |media| media).await;
    let begun = field("name=\"file\"; filename=\"a.txt\"", b"hello");
    let body = Body::from_stream(
        futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(begun))])
            .chain(futures::stream::pending()),
    );
    let mut waiting = Box::pin(files.chat.send(uploading("ann", body)));
    assert!(futures::poll!(&mut waiting).is_pending());
    let answer = files.chat.post_form("bob", form("a.txt", "", b"hello")).await;
    assert_eq!((answer.status.as_u16(), &answer.body["code"]), (503, &json!("unavailable")));
    drop(waiting);
    for (user, status) in [("bob", 201), ("bob", 201), ("bob", 429), ("cat", 201)] {
        let answer = files.chat.post_form(user, form("a.txt", "", b"hello")).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.headers.contains_key("retry-after"), status == 429);
    }
    assert_eq!(files.stored().await, 3);
}

#[tokio::test]
async fn nobody_takes_all_places_by_sending_slowly() {
    let mut limits = limits();
    limits.uploads_at_once_max = 3;
    limits.uploads_at_once_per_user_max = 2;
    let files = files_with(limits, |media| media).await;
    let slowly = || {
        let begun = Bytes::from(field("name=\"file\"; filename=\"a.txt\"", b"h"));
        let pieces = futures::stream::iter([Ok::<_, std::io::Error>(begun)]);
        Body::from_stream(pieces.chain(futures::stream::pending()))
    };
    let mut waiting: Vec<_> = (0..2).map(|_| Box::pin(files.chat.send(uploading("ann", slowly())))).collect();
    for upload in &mut waiting {
        assert!(futures::poll!(upload).is_pending());
    }
    let answer = files.chat.post_form("ann", form("a.txt", "", b"hello")).await;
    assert_eq!((answer.status.as_u16(), &answer.body["code"]), (429, &json!("rate_limited")));
    assert!(answer.headers.contains_key("retry-after"));
    files.upload("bob", "a.txt", "text/plain", b"hello").await;
    waiting.pop();
    files.upload("ann", "a.txt", "text/plain", b"hello").await;
}

#[tokio::test]
async fn the_host_says_which_types() {
    let files =
        files_with(limits(), |media| media.types(["image/svg+xml", "application/octet-stream"])).await;
    let drawing = files.upload("ann", "a.svg", "image/svg+xml", b"<svg/>").await;
    assert_eq!((&drawing["content_type"], &drawing["kind"]), (&json!("image/svg+xml"), &json!("file")));
    let (_, headers, _) = files.chat.fetch("ann", "GET", &drawing["url"], &[]).await;
    assert_eq!(headers["content-disposition"], "attachment; filename=\"a.svg\"");
    assert_eq!(files.upload("ann", "a", "", b"\0\x01").await["content_type"], "application/octet-stream");
    assert_eq!(files.chat.post_form("ann", form("a.png", "image/png", PNG)).await.status, 415);
}
