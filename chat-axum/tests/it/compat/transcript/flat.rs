//! `flat`.

use std::time::Duration;

use chat_axum::compat::Flat;
use chat_core::Rate;
use serde_json::{Value, json};

use super::Transcript;
use crate::{
    compat::{chat_of, post_file},
    media::PNG,
    support::limits,
};

#[tokio::test]
async fn every_frame() {
    let mut limits = limits();
    limits.sends = Rate::new(0.001, 3);
    limits.offline_grace = Duration::from_millis(50);
    limits.frame_bytes_max = 256;
    let chat = chat_of(limits, Flat).await;
    let room = chat.group("1", &["2", "ann"]).await;
    let others = chat.group("3", &[]).await;
    let address = chat.serve();
    let mut said = Transcript::default();
    let join = |room: u64| json!({ "type": "join_room", "room_id": room });
    let send = |content: &str| json!({ "type": "send_message", "room_id": room, "content": content });

    let mut one = said.open(address, "/ws/chat/", "1").await;
    said.exchange(&mut one, join(room), "room_joined").await;
    let mut two = said.open(address, "/ws/chat", "2").await;
    said.hear(&mut one, "user_status").await;
    said.exchange(&mut two, join(room), "room_joined").await;
    said.say(&mut two, json!({ "type": "typing_start", "room_id": room })).await;
    said.hear(&mut one, "typing").await;
    said.say(&mut two, json!({ "type": "typing_stop", "room_id": room })).await;
    said.hear(&mut one, "typing").await;
    said.say(&mut two, send("Hello")).await;
    assert_eq!(said.hear(&mut one, "message").await, said.hear(&mut two, "message").await);
    said.exchange(&mut two, json!({ "type": "heartbeat" }), "heartbeat").await;

    // From other clients: a file, and a user whose id is no number.
    let file = post_file(&chat, "2", "/api/v1/attachments", &[], ("a.png", "image/png", PNG)).await.body;
    said.name(&file["id"], "<file>");
    let body = json!({ "content": "see", "attachments": [file["id"]] });
    chat.must("2", "POST", &format!("/rooms/{room}/messages"), body).await;
    said.hear(&mut one, "message").await;
    said.hear(&mut two, "message").await;
    let ann = said.open(address, "/ws/chat/", "ann").await;
    said.hear(&mut one, "user_status").await;
    said.hear(&mut two, "user_status").await;

    for frame in [join(others), join(987_654), json!({ "type": "join_room" }), json!({ "type": "dance" })] {
        said.exchange(&mut two, frame, "error").await;
    }
    said.say_text(&mut two, "{").await;
    said.hear(&mut two, "error").await;
    let forged = json!({ "type": "send_message", "room_id": room, "content": "x", "user_id": 1 });
    said.exchange(&mut two, forged, "error").await;
    said.say(&mut two, send("the last one")).await;
    said.hear(&mut one, "message").await;
    said.hear(&mut two, "message").await;
    said.exchange(&mut two, send("one more"), "error").await;

    said.leave(ann).await;
    said.hear(&mut one, "user_status").await;
    said.hear(&mut two, "user_status").await;
    said.say(&mut one, json!({ "type": "leave_room", "room_id": room })).await;
    said.exchange(&mut one, json!({ "type": "heartbeat" }), "heartbeat").await;
    said.say(&mut two, send(&"x".repeat(256))).await;
    said.end(two, 1009).await;
    let nobody = said.open(address, "/ws/chat/", "").await;
    said.end(nobody, 4401).await;
    said.ask(&chat, "1", "POST", "/ws/chat/", Value::Null, 405).await;
    said.is("flat");
}
