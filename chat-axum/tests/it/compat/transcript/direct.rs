//! `direct`.

use std::time::Duration;

use chat_axum::compat::Direct;
use chat_core::Rate;
use serde_json::{Value, json};

use super::Transcript;
use crate::{
    compat::{chat_of, post_file},
    media::PNG,
    support::limits,
};

const SEND: &str = "/messages/send/";

#[tokio::test]
async fn every_frame_and_answer() {
    let mut limits = limits();
    limits.sends = Rate::new(0.001, 4);
    limits.typing = Rate::new(0.001, 1);
    limits.offline_grace = Duration::from_millis(50);
    limits.receipt_delay = Duration::from_millis(20);
    limits.frame_bytes_max = 256;
    let chat = chat_of(limits, Direct).await;
    let address = chat.serve();
    let mut said = Transcript::default();

    // The first message makes the room of the two.
    said.ask(&chat, "1", "GET", "/messages/?with=2", Value::Null, 200).await;
    let hi = json!({ "receiver": 2, "content": "hi", "message_type": "text" });
    let first = said.ask(&chat, "1", "POST", SEND, hi, 201).await;
    let mut one = said.open(address, "/ws/chat", "1").await;
    said.hear(&mut one, "presence_snapshot").await;
    let mut two = said.open(address, "/ws/chat/", "2").await;
    said.hear(&mut two, "presence_snapshot").await;
    said.hear(&mut one, "presence_update").await;
    said.say(&mut two, json!({ "type": "message_read", "id": first["id"] })).await;
    said.hear(&mut one, "message_delivered").await;
    said.hear(&mut one, "message_read").await;

    let hello = json!({ "receiver": 1, "content": "hello", "message_type": "text" });
    let sent = said.ask(&chat, "2", "POST", SEND, hello, 201).await;
    assert_eq!(said.hear(&mut one, "message_created").await, said.hear(&mut two, "message_created").await);
    said.hear(&mut two, "message_delivered").await;
    said.say(&mut one, json!({ "type": "message_read", "id": sent["id"] })).await;
    said.hear(&mut two, "message_read").await;
    let typing = |is_typing: bool| json!({ "type": "typing", "to": 1, "is_typing": is_typing });
    said.say(&mut two, typing(true)).await;
    said.hear(&mut one, "typing").await;
    said.say(&mut two, typing(false)).await;
    said.hear(&mut one, "typing").await;
    said.exchange(&mut two, json!({ "type": "ping" }), "pong").await;

    for (kind, caption) in [("image", "look"), ("file", "")] {
        let mut form = vec![("receiver", "1"), ("message_type", kind)];
        form.extend((!caption.is_empty()).then_some(("caption", caption)));
        let answer = post_file(&chat, "2", SEND, &form, ("a.png", "image/png", PNG)).await;
        let sent = said.answered(&["2 POST", SEND, kind, caption], answer, 201);
        let id = sent["content"].as_str().unwrap().rsplit('/').next().unwrap();
        said.name(&json!(id), "<file>");
        said.hear(&mut one, "message_created").await;
        said.hear(&mut two, "message_created").await;
        said.hear(&mut two, "message_delivered").await;
    }
    let list = format!("/messages/?with=1&before={}&limit=1", sent["id"]);
    said.ask(&chat, "2", "GET", &list, Value::Null, 200).await;
    said.ask(&chat, "2", "GET", "/messages/?with=1", Value::Null, 200).await;
    said.ask(&chat, "1", "GET", "/users/2/", Value::Null, 200).await;

    for frame in [
        json!({ "type": "message_read", "id": 987_654 }),
        json!({ "type": "message_read" }),
        json!({ "type": "typing", "to": 2, "is_typing": true }),
        json!({ "type": "dance" }),
        json!({ "type": "ping", "user_id": 1 }),
        typing(true),
    ] {
        said.exchange(&mut two, frame, "error").await;
    }
    said.say_text(&mut two, "{").await;
    said.hear(&mut two, "error").await;
    said.leave(two).await;
    said.hear(&mut one, "presence_update").await;
    said.ask(&chat, "1", "GET", "/users/2/", Value::Null, 200).await;
    said.say(&mut one, json!({ "type": "ping", "padding": "x".repeat(256) })).await;
    said.end(one, 1009).await;
    let nobody = said.open(address, "/ws/chat", "").await;
    said.end(nobody, 4401).await;

    let form = [("receiver", "1"), ("message_type", "audio")];
    let answer = post_file(&chat, "2", SEND, &form, ("a.png", "image/png", PNG)).await;
    said.answered(&["2 POST", SEND, "a picture as audio"], answer, 415);
    for (user, method, path, body, status) in [
        ("", "GET", "/messages/?with=2", Value::Null, 401),
        ("1", "GET", "/messages/", Value::Null, 400),
        ("1", "GET", "/users/nobody/", Value::Null, 200),
        ("1", "GET", SEND, Value::Null, 405),
        ("1", "POST", SEND, json!({ "receiver": 1, "content": "to myself" }), 400),
        ("1", "POST", SEND, json!({ "receiver": 2, "content": "x".repeat(256) }), 413),
        ("2", "POST", SEND, json!({ "receiver": 1, "content": "the last one" }), 201),
        ("2", "POST", SEND, json!({ "receiver": 1, "content": "one more" }), 429),
    ] {
        said.ask(&chat, user, method, path, body, status).await;
    }
    said.is("direct");
}
