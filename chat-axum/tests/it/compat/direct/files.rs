//! Files between two.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::{Value, json};

use super::{Direct, SEND, chat, enter, heard, listed, must, say};
use crate::{
    compat::{chat_of_with, named_token, post_file},
    media::{PNG, ended, field, form, uploading},
    support::{Chat, Client, limits},
};

const GIF: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x01D\0;";

const WAV: &[u8] =
    b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x08\0\0\0\x80\x80\x80\x80\x80\x80\x80\x80";

/// Fetches a file as a user; the status.
async fn fetched(chat: &Chat, user: &str, url: &Value) -> u16 {
    let mut request = Request::get(url.as_str().unwrap());
    if !user.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", named_token(user)));
    }
    let request = request.body(Body::empty()).unwrap();
    tower::ServiceExt::oneshot(chat.router.clone(), request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_file_is_sent_told_listed_and_served_to_the_two_alone() {
    let (chat, address) = chat().await;
    let (mut two, _) = enter(address, "2").await;
    for (kind, caption, name, claimed, bytes) in [
        ("image", "look", "../../a.png", "image/png", PNG),
        ("audio", "", "a.wav", "audio/wav", WAV),
        ("file", "read <this>", "C:\\\\a.txt", "text/plain", b"hello".as_slice()),
    ] {
        let mut form = vec![("receiver", "2"), ("message_type", kind), ("user_id", "1")];
        form.extend((!caption.is_empty()).then_some(("caption", caption)));
        let answer = post_file(&chat, "1", SEND, &form, (name, claimed, bytes)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let sent = answer.body;
        assert_eq!((&sent["message_type"], &sent["from"], &sent["to"]), (&json!(kind), &json!(1), &json!(2)));
        assert_eq!(sent.get("caption").and_then(Value::as_str).unwrap_or_default(), caption);
        let mut told = sent.clone();
        told["type"] = json!("message_created");
        assert_eq!(heard(&mut two, "message_created").await, told);
        let list = must(&chat, "2", "GET", "/messages/?with=1&limit=1", Value::Null, 200).await;
        assert_eq!((&list[0]["id"], &list[0]["content"]), (&sent["id"], &sent["content"]));
        for (user, status) in [("1", 200), ("2", 200), ("3", 404), ("", 401)] {
            assert_eq!(fetched(&chat, user, &sent["content"]).await, status, "{user}");
        }
    }
}

/// Sends a message by the native API; how it is told to user 2, and listed alike.
async fn native(chat: &Chat, two: &mut Client, body: Value) -> Value {
    chat.must("1", "POST", "/rooms/1/messages", body).await;
    let mut told = heard(two, "message_created").await;
    told.as_object_mut().unwrap().remove("type");
    let list = must(chat, "2", "GET", "/messages/?with=1&limit=1", Value::Null, 200).await;
    for field in ["id", "content", "caption", "message_type"] {
        assert_eq!(list[0][field], told[field], "{field}");
    }
    told
}

#[tokio::test]
async fn what_other_clients_send_is_what_its_files_are() {
    let (chat, address) = chat().await;
    say(&chat, "1", 2, "hi").await;
    let (mut two, _) = enter(address, "2").await;
    // A text is no picture, whatever it is called: front ends put what is one into a tag.
    for kind in ["image", "audio", "file", "poll"] {
        let told = native(&chat, &mut two, json!({ "content": "http://evil/x", "kind": kind })).await;
        assert_eq!((&told["message_type"], &told["content"]), (&json!("text"), &json!("http://evil/x")));
    }
    let upload = async |name, kind, bytes| {
        let file = chat.post_form("1", form(name, kind, bytes)).await.body["id"].clone();
        (format!("/attachments/{}", file.as_str().unwrap()), file)
    };
    let (first, one) = upload("a.png", "image/png", PNG).await;
    let (second, other) = upload("a.txt", "text/plain", b"hello").await;
    let body = json!({ "content": "look", "attachments": [one, other] });
    let told = native(&chat, &mut two, body).await;
    assert_eq!((&told["message_type"], &told["content"]), (&json!("image"), &json!(first)));
    assert_eq!(told["caption"], format!("look\n{second}"));
    let (first, one) = upload("a.txt", "text/plain", b"hello").await;
    let (second, other) = upload("b.txt", "text/plain", b"hello").await;
    let told = native(&chat, &mut two, json!({ "content": "", "attachments": [one, other] })).await;
    assert_eq!((&told["content"], &told["caption"]), (&json!(first), &json!(second)));
}

#[tokio::test]
async fn bad_files_are_refused_and_nothing_is_stored() {
    let mut limits = limits();
    limits.upload_bytes_max = 100_000;
    let objects = Arc::new(object_store::memory::InMemory::new());
    let media = chat_axum::Media::new(Arc::clone(&objects) as _, "files");
    let chat = chat_of_with(limits, Direct, media.clone()).await;
    let to = |kind: &'static str| vec![("receiver", "2"), ("message_type", kind)];
    let bomb = [&PNG[..16], &[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0], &PNG[24..]].concat();
    let large = vec![b'x'; 100_001];
    let lone = |name: &'static str, value: &'static str| vec![(name, value)];
    for (what, form, claimed, bytes, status) in [
        ("a picture as sound", to("audio"), "image/png", PNG, 415),
        ("sound as a picture", to("image"), "audio/wav", WAV, 415),
        ("a text as a film", to("video"), "text/plain", b"hello".as_slice(), 415),
        ("a type that lies", to("image"), "image/png", GIF, 415),
        ("no picture", to("image"), "image/png", b"no picture", 415),
        ("an empty file", to("image"), "image/png", b"", 400),
        ("too large", to("file"), "text/plain", &large, 413),
        ("a drawing", to("image"), "image/svg+xml", b"<svg onload='x'/>", 415),
        ("a drawing as a picture", to("image"), "image/png", b"<svg onload='x'/>", 415),
        ("a page", to("file"), "text/html", b"<!DOCTYPE html><script>x</script>", 415),
        ("a page as a text", to("file"), "text/plain", b"<html><script>x</script>", 415),
        ("a bomb", to("image"), "image/png", &bomb, 415),
        ("a file as text", to("text"), "text/plain", b"hello", 400),
        ("an unknown type", to("smell"), "text/plain", b"hello", 400),
        ("no type", lone("receiver", "2"), "text/plain", b"hello", 400),
        ("no receiver", lone("message_type", "file"), "text/plain", b"hello", 400),
        ("to oneself", vec![("receiver", "1"), ("message_type", "file")], "text/plain", b"hello", 400),
        ("forged", [to("file"), lone("user_id", "2")].concat(), "text/plain", b"hello", 400),
        ("a NUL", [to("file"), lone("caption", "a\0b")].concat(), "text/plain", b"hello", 400),
    ] {
        let answer = post_file(&chat, "1", SEND, &form, ("a", claimed, bytes)).await;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        assert!(answer.body["detail"].is_string(), "{what}: {answer:?}");
        assert_eq!(post_file(&chat, "", SEND, &form, ("a", claimed, bytes)).await.status, 401, "{what}");
    }
    let file = field("name=\"file\"; filename=\"a\"\r\nContent-Type: text/plain", b"hello");
    let form = [field("name=\"receiver\"", b"2"), field("name=\"message_type\"", b"file"), file].concat();
    let whole = ended(form.clone());
    for (what, body, status) in [
        ("broken off in the file", form[..form.len() - 4].to_vec(), 400),
        ("broken off after it", form, 400),
        ("no file", ended(field("name=\"receiver\"", b"2")), 400),
        ("whole", whole, 201),
    ] {
        if status == 201 {
            media.settled().await;
            let left: Vec<_> =
                futures::TryStreamExt::try_collect(object_store::ObjectStore::list(&*objects, None))
                    .await
                    .unwrap();
            assert_eq!(left, []);
            assert_eq!(chat.must("1", "GET", "/rooms", Value::Null).await["rooms"], json!([]));
        }
        let mut request = uploading("", Body::from(body));
        *request.uri_mut() = SEND.parse().unwrap();
        let bearer = format!("Bearer {}", named_token("1"));
        request.headers_mut().insert(header::AUTHORIZATION, bearer.parse().unwrap());
        let answer = chat.send(request).await;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
    }
    assert_eq!(listed(&chat, "2", "with=1", "message_type").await, ["file"]);
}
