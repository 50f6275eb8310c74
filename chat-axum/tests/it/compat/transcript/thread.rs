//! `thread`.

use chat_axum::compat::Thread;
use chat_core::Rate;
use serde_json::{Value, json};

use super::Transcript;
use crate::{
    compat::{chat_of, post_file},
    media::PNG,
    support::{limits, token_of},
};

const THREADS: &str = "/api/chat/threads/";
const MESSAGES: &str = "/api/chat/messages/";
const REPORTS: &str = "/api/chat/reports/";

#[tokio::test]
async fn every_frame_and_answer() {
    let mut limits = limits();
    limits.sends = Rate::new(0.001, 4);
    limits.typing = Rate::new(0.001, 1);
    limits.frame_bytes_max = 512;
    let chat = chat_of(limits, Thread).await;
    let mut said = Transcript::default();
    let body = json!({ "title": "Lunch", "participants": [2, "ann"] });
    let made = said.ask(&chat, "1", "POST", THREADS, body, 201).await;
    let thread = format!("{THREADS}{}/", made["id"]);
    said.ask(&chat, "3", "POST", THREADS, json!({ "participants": [] }), 201).await;

    let address = chat.serve();
    let path = format!("/ws/chat/{}/", made["id"]);
    let mut one = said.open(address, &path, "1").await;
    let mut two = said.open(address, path.trim_end_matches('/'), "2").await;
    said.exchange(&mut two, json!({ "type": "ping" }), "pong").await;
    said.say(&mut one, json!({ "type": "typing", "is_typing": true })).await;
    said.hear(&mut two, "chat_typing").await;
    said.say(&mut one, json!({ "type": "typing" })).await;
    said.hear(&mut two, "chat_typing").await;
    let body = json!({ "thread": made["id"], "content": "My message" });
    let sent = said.ask(&chat, "2", "POST", MESSAGES, body, 201).await;
    assert_eq!(said.hear(&mut one, "chat_message").await["payload"], sent);
    said.hear(&mut two, "chat_message").await;

    // From other clients: a file, and a user whose id is no number and of whom more is known.
    let file = post_file(&chat, "2", "/api/v1/attachments", &[], ("a.png", "image/png", PNG)).await.body;
    said.name(&file["id"], "<file>");
    let body = json!({ "content": "see", "attachments": [file["id"]] });
    chat.must("2", "POST", &format!("/rooms/{}/messages", made["id"]), body).await;
    said.hear(&mut one, "chat_message").await;
    said.hear(&mut two, "chat_message").await;
    let ann = token_of(json!({ "user_id": "ann", "username": "ann", "email": "ann@example.com" }));
    let body = json!({ "thread": made["id"], "content": "Hello" });
    let request = axum::http::Request::post(format!("{MESSAGES}?token={ann}"))
        .header("content-type", "application/json")
        .body(body.to_string().into());
    let answer = chat.send(request.unwrap()).await;
    said.answered(&["ann POST", MESSAGES, &body.to_string()], answer, 201);
    said.hear(&mut one, "chat_message").await;
    said.hear(&mut two, "chat_message").await;

    let members = format!("{thread}members/");
    said.ask(&chat, "1", "POST", &members, json!({ "user": 4, "role": "moderator" }), 201).await;
    said.ask(&chat, "4", "POST", &members, json!({ "user": "5" }), 201).await;
    let list = format!("{MESSAGES}?thread={}", made["id"]);
    for path in [THREADS, &thread, &list, &format!("{list}&before=3&limit=1")] {
        said.ask(&chat, "1", "GET", path, Value::Null, 200).await;
    }
    let report = json!({ "message": sent["id"], "reason": "spam" });
    let reported = said.ask(&chat, "ann", "POST", REPORTS, report.clone(), 201).await;
    said.ask(&chat, "ann", "POST", REPORTS, report, 409).await;
    said.ask(&chat, "1", "GET", "/api/chat/reports/?status=pending", Value::Null, 200).await;
    let one_report = format!("{REPORTS}{}/", reported["id"]);
    for status in ["reviewed", "dismissed"] {
        said.ask(&chat, "4", "PATCH", &one_report, json!({ "status": status }), 200).await;
    }

    for frame in [
        json!({ "type": "dance" }),
        json!({}),
        json!({ "type": "typing", "is_typing": 1 }),
        json!({ "type": "ping", "user_id": 1 }),
    ] {
        said.exchange(&mut two, frame, "error").await;
    }
    said.say_text(&mut two, "{").await;
    said.hear(&mut two, "error").await;
    for (user, method, path, body, status) in [
        ("", "GET", THREADS, Value::Null, 401),
        ("2", "POST", MESSAGES, json!({ "thread": made["id"], "content": " " }), 400),
        ("2", "POST", MESSAGES, json!({ "thread": made["id"], "content": "x".repeat(512) }), 413),
        ("3", "POST", MESSAGES, json!({ "thread": made["id"], "content": "x" }), 403),
        ("3", "GET", &thread, Value::Null, 403),
        ("3", "GET", "/api/chat/threads/987654/", Value::Null, 404),
        ("1", "DELETE", THREADS, Value::Null, 405),
        ("ann", "GET", REPORTS, Value::Null, 403),
        ("2", "POST", MESSAGES, json!({ "thread": made["id"], "content": "the last one" }), 201),
        ("2", "POST", MESSAGES, json!({ "thread": made["id"], "content": "one more" }), 429),
    ] {
        said.ask(&chat, user, method, path, body, status).await;
    }
    said.hear(&mut one, "chat_message").await;
    said.hear(&mut two, "chat_message").await;
    said.exchange(&mut one, json!({ "type": "typing", "is_typing": true }), "error").await;

    said.ask(&chat, "1", "DELETE", &format!("{members}2/"), Value::Null, 204).await;
    said.end(two, 4403).await;
    said.leave(one).await;
    for (user, code) in [("", 4401), ("3", 4403)] {
        let line = said.open(address, &path, user).await;
        said.end(line, code).await;
    }
    let mut four = said.open(address, &path, "4").await;
    said.say(&mut four, json!({ "type": "ping", "padding": "x".repeat(512) })).await;
    said.end(four, 1009).await;
    said.is("thread");
}
