//! `envelope`.

use std::time::Duration;

use chat_axum::compat::Envelope;
use chat_core::Rate;
use serde_json::{Value, json};

use super::Transcript;
use crate::{
    compat::{chat_of, named_token, post_file},
    media::PNG,
    support::{limits, token_of},
};

#[tokio::test]
async fn every_frame() {
    let mut limits = limits();
    limits.sends = Rate::new(0.001, 3);
    limits.offline_grace = Duration::from_millis(50);
    limits.frame_bytes_max = 512;
    let chat = chat_of(limits, Envelope).await;
    let room = chat.group("1", &["2", "ann"]).await;
    let others = chat.group("3", &[]).await;
    let address = chat.serve();
    let mut said = Transcript::default();
    let ping = || json!({ "type": "ping", "data": {}, "timestamp": "2001-01-01T00:00:00.000Z" });
    let in_room = |kind: &str, data: Value| json!({ "type": kind, "data": data, "room_id": room });
    let status = |status: &str| json!({ "type": "user_status", "data": { "status": status }, "user_id": 2 });

    let mut one = said.open(address, "/ws/chat/", "1").await;
    said.say(&mut one, json!({ "type": "auth", "data": { "user_id": 1 } })).await;
    said.say(&mut one, in_room("join_room", json!({ "room_id": room }))).await;
    said.exchange(&mut one, ping(), "pong").await;
    // The token in the first frame.
    let mut two = said.open(address, "/ws/chat", "").await;
    said.exchange(&mut two, ping(), "error").await;
    let avatar = "/path/to/avatar.jpg";
    let token = token_of(json!({ "user_id": 2, "name": "John Doe", "role": "teacher", "avatar": avatar }));
    let auth =
        |user: u64, token: &str| json!({ "type": "auth", "data": { "user_id": user, "token": token } });
    said.name(&json!(token), "<token of 2>");
    said.say(&mut two, auth(2, &token)).await;
    said.hear(&mut one, "user_status").await;
    said.say(&mut two, json!({ "type": "join_room", "data": { "room_id": room } })).await;
    let typing = |is_typing: bool| in_room("typing", json!({ "is_typing": is_typing }));
    said.say(&mut two, typing(true)).await;
    said.hear(&mut one, "typing").await;
    said.say(&mut two, typing(false)).await;
    said.hear(&mut one, "typing").await;
    let hello = json!({ "room_id": room, "content": "Hello world!" });
    said.say(&mut two, in_room("message", hello)).await;
    assert_eq!(said.hear(&mut one, "message").await, said.hear(&mut two, "message").await);
    for other in ["away", "offline", "online"] {
        said.say(&mut two, status(other)).await;
        said.hear(&mut one, "user_status").await;
    }

    // From other clients: a file. And a user of whom no more is known than an id, which is no number.
    let file = post_file(&chat, "2", "/api/v1/attachments", &[], ("a.png", "image/png", PNG)).await.body;
    said.name(&file["id"], "<file>");
    let body = json!({ "content": "", "attachments": [file["id"]] });
    chat.must("2", "POST", &format!("/rooms/{room}/messages"), body).await;
    said.hear(&mut one, "message").await;
    said.hear(&mut two, "message").await;
    chat.must("ann", "POST", &format!("/rooms/{room}/messages"), json!({ "content": "hi" })).await;
    said.hear(&mut one, "message").await;
    said.hear(&mut two, "message").await;

    for frame in [
        json!({ "type": "join_room", "data": { "room_id": 987_654 } }),
        json!({ "type": "join_room", "data": { "room_id": others } }),
        in_room("message", json!({ "room_id": others, "content": "x" })),
        in_room("message", json!({})),
        json!({ "type": "dance" }),
        json!({ "type": "ping", "data": {}, "user_id": 1 }),
    ] {
        said.exchange(&mut two, frame, "error").await;
    }
    said.say_text(&mut two, "{").await;
    said.hear(&mut two, "error").await;
    said.say(&mut two, in_room("message", json!({ "content": "the last one" }))).await;
    said.hear(&mut one, "message").await;
    said.hear(&mut two, "message").await;
    said.exchange(&mut two, in_room("message", json!({ "content": "one more" })), "error").await;

    said.say(&mut one, in_room("leave_room", json!({ "room_id": room }))).await;
    said.exchange(&mut one, ping(), "pong").await;
    said.leave(two).await;
    said.hear(&mut one, "user_status").await;
    said.say(&mut one, in_room("message", json!({ "content": "x".repeat(512) }))).await;
    said.end(one, 1009).await;
    let mut nobody = said.open(address, "/ws/chat/", "").await;
    let of_one = named_token("1");
    said.name(&json!(of_one), "<token of 1>");
    said.exchange(&mut nobody, auth(2, &of_one), "error").await;
    said.end(nobody, 4401).await;
    said.ask(&chat, "1", "POST", "/ws/chat/", Value::Null, 405).await;
    said.is("envelope");
}
