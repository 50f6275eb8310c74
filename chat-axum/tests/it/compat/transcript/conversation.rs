//! `conversation`.

use chat_axum::compat::Conversation;
use chat_core::Rate;
use serde_json::{Value, json};

use super::Transcript;
use crate::{
    compat::{chat_of, post_file},
    media::PNG,
    support::limits,
};

const CONVERSATIONS: &str = "/api/conversations/";

#[tokio::test]
async fn every_frame_and_answer() {
    let mut limits = limits();
    limits.sends = Rate::new(0.001, 7);
    limits.frame_bytes_max = 512;
    let chat = chat_of(limits, Conversation).await;
    let mut said = Transcript::default();
    let group = json!({ "name": "Lunch", "participants": [2, "ann"] });
    let made = said.ask(&chat, "1", "POST", CONVERSATIONS, group, 201).await;
    let one_of = |rest: &str| format!("{CONVERSATIONS}{}/{rest}", made["id"]);
    let pair = json!({ "participants": [2] });
    let direct = said.ask(&chat, "1", "POST", CONVERSATIONS, pair, 201).await;
    assert_eq!(
        said.ask(&chat, "2", "POST", CONVERSATIONS, json!({ "participants": ["1"] }), 200).await["id"],
        direct["id"]
    );

    let address = chat.serve();
    let path = format!("/ws/chat/{}/", made["id"]);
    let mut one = said.open(address, &path, "1").await;
    let mut news = said.open(address, "/ws/notifications/", "1").await;
    // What it is answered was said on a socket that hears.
    for line in [&mut one, &mut news] {
        said.exchange(line, json!({ "type": "dance" }), "error").await;
        said.say_text(line, "{").await;
        said.hear(line, "error").await;
    }
    let (send, hi) = (one_of("send_message/"), json!({ "content": "hi", "client_id": "k" }));
    let sent = said.ask(&chat, "2", "POST", &send, hi.clone(), 201).await;
    let event = said.hear(&mut one, "chat_message").await;
    assert_eq!(event["message"], sent);
    said.hear(&mut news, "notification").await;
    assert_eq!(said.ask(&chat, "2", "POST", &send, hi, 200).await, sent);

    let files = one_of("attachments/");
    let mut ids = Vec::new();
    for name in ["<file>", "<unsent file>"] {
        let answer = post_file(&chat, "2", &files, &[], ("../a.png", "image/png", PNG)).await;
        let file = said.answered(&["2 POST", &files, "../a.png"], answer, 201);
        said.name(&file["id"], name);
        ids.push(file["id"].as_str().unwrap().to_owned());
    }
    let look = json!({ "content": "look", "attachments": [ids[0]] });
    let picture = said.ask(&chat, "2", "POST", &send, look, 201).await;
    said.hear(&mut one, "chat_message").await;
    said.hear(&mut news, "notification").await;
    said.ask(&chat, "2", "DELETE", &format!("{files}{}/", ids[0]), Value::Null, 409).await;
    said.ask(&chat, "2", "DELETE", &format!("{files}{}/", ids[1]), Value::Null, 204).await;

    let messages = one_of("messages/");
    for path in
        [CONVERSATIONS, &one_of(""), &messages, &format!("{messages}?before={}&limit=1", picture["id"])]
    {
        said.ask(&chat, "1", "GET", path, Value::Null, 200).await;
    }
    said.ask(&chat, "1", "POST", &one_of("read/"), json!({ "message_id": sent["id"] }), 204).await;
    said.hear(&mut news, "notification").await;
    said.ask(&chat, "1", "POST", &one_of("read/"), Value::Null, 204).await;
    said.hear(&mut news, "notification").await;
    let message = format!("{messages}{}/", sent["id"]);
    said.ask(&chat, "2", "PATCH", &message, json!({ "content": "ho" }), 200).await;
    said.hear(&mut news, "notification").await;
    said.ask(&chat, "1", "DELETE", &message, Value::Null, 204).await;
    said.hear(&mut news, "notification").await;
    said.ask(&chat, "1", "PATCH", &one_of(""), json!({ "name": "Tea" }), 200).await;

    for (user, method, path, body, status) in [
        ("", "GET", CONVERSATIONS, Value::Null, 401),
        ("2", "POST", &send, json!({ "content": "other", "client_id": "k" }), 409),
        ("2", "POST", &send, json!({}), 400),
        ("2", "POST", &send, json!({ "content": "x".repeat(512) }), 413),
        ("3", "POST", &send, json!({ "content": "x" }), 403),
        ("3", "GET", "/api/conversations/987654/", Value::Null, 404),
        ("1", "PUT", CONVERSATIONS, Value::Null, 405),
        ("2", "PATCH", &one_of(""), json!({ "name": "x" }), 403),
        ("2", "POST", &send, json!({ "content": "the last one" }), 201),
        ("2", "POST", &send, json!({ "content": "one more" }), 429),
    ] {
        said.ask(&chat, user, method, path, body, status).await;
    }
    said.hear(&mut one, "chat_message").await;
    said.hear(&mut news, "notification").await;
    let answer = post_file(&chat, "2", &files, &[], ("a.png", "audio/webm", PNG)).await;
    said.answered(&["2 POST", &files, "a picture as audio"], answer, 415);

    let two = said.open(address, &path, "2").await;
    said.leave(two).await;
    said.ask(&chat, "1", "DELETE", &one_of(""), Value::Null, 204).await;
    said.end(one, 4403).await;
    said.say(&mut news, json!({ "type": "x".repeat(512) })).await;
    said.end(news, 1009).await;
    for (user, path, code) in
        [("", path.as_str(), 4401), ("", "/ws/notifications/", 4401), ("3", &path, 4403)]
    {
        let line = said.open(address, path, user).await;
        said.end(line, code).await;
    }
    said.is("conversation");
}
