//! `flat`.

use chat_axum::compat::Flat;
use serde_json::json;

use super::{at_rest, chat_of, open};
use crate::support::{Client, limits, token};

const PATH: &str = "/ws/chat/";

#[tokio::test]
async fn a_conversation() {
    let chat = chat_of(limits(), Flat).await;
    let room = chat.group("1", &["2"]).await;
    let address = chat.serve();
    let mut ann = open(address, PATH, "1").await;
    ann.say(json!({ "type": "join_room", "room_id": room })).await;
    assert_eq!(ann.frame().await, json!({ "type": "room_joined", "room_id": room }));
    let mut bob = open(address, "/ws/chat", "2").await;
    assert_eq!(ann.frame().await, json!({ "type": "user_status", "user_id": 2, "status": "online" }));
    // Sending needs membership, not a join.
    bob.say(json!({ "type": "send_message", "room_id": room, "content": "Hello" })).await;
    let message = ann.frame().await;
    let id = message["data"]["id"].clone();
    assert!(id.is_u64());
    assert_eq!(
        at_rest(message),
        json!({ "type": "message", "data": {
            "id": id, "content": "Hello", "sender_info": { "id": 2, "name": "User 2", "role": "teacher" },
            "created_at": "<time>", "status": "sent", "room_id": room,
        } })
    );
    bob.say(json!({ "type": "join_room", "room_id": room })).await;
    assert_eq!(bob.frame().await["type"], "room_joined");
    bob.say(json!({ "type": "typing_start", "room_id": room })).await;
    let typing = |is_typing| {
        json!({ "type": "typing", "data": {
            "user_id": 2, "user_name": "User 2", "room_id": room, "is_typing": is_typing } })
    };
    assert_eq!(ann.frame().await, typing(true));
    bob.say(json!({ "type": "typing_stop", "room_id": room })).await;
    assert_eq!(ann.frame().await, typing(false));
    // The typist was told nothing of it: the next answer is the heartbeat's.
    bob.say(json!({ "type": "heartbeat" })).await;
    assert_eq!(bob.frame().await, json!({ "type": "heartbeat" }));
    // The own message comes to the own connection.
    bob.say(json!({ "type": "send_message", "room_id": room, "content": "again" })).await;
    assert_eq!(bob.frame().await["data"]["content"], "again");
    assert_eq!(ann.frame().await["data"]["content"], "again");
    // Who has left is given nothing more.
    ann.say(json!({ "type": "leave_room", "room_id": room })).await;
    ann.say(json!({ "type": "heartbeat" })).await;
    assert_eq!(ann.frame().await["type"], "heartbeat");
    bob.say(json!({ "type": "send_message", "room_id": room, "content": "unheard" })).await;
    assert_eq!(bob.frame().await["data"]["content"], "unheard");
    ann.say(json!({ "type": "heartbeat" })).await;
    assert_eq!(ann.frame().await["type"], "heartbeat");
}

#[tokio::test]
async fn a_native_client_in_the_same_room() {
    let chat = chat_of(limits(), Flat).await;
    let room = chat.group("1", &["2"]).await;
    let address = chat.serve();
    let mut flat = open(address, PATH, "1").await;
    flat.say(json!({ "type": "join_room", "room_id": room })).await;
    assert_eq!(flat.frame().await["type"], "room_joined");
    let (mut native, _) = Client::join(address, "2", json!({})).await;
    native.say(json!({ "type": "send", "id": 1, "room_id": room, "content": "from native" })).await;
    loop {
        let frame = flat.frame().await;
        if frame["type"] == "message" {
            assert_eq!(frame["data"]["content"], "from native");
            assert_eq!(frame["data"]["sender_info"], json!({ "id": 2, "name": "2", "role": "user" }));
            break;
        }
    }
    flat.say(json!({ "type": "send_message", "room_id": room, "content": "from flat" })).await;
    loop {
        let event = native.hear_type("message").await;
        if event["message"]["content"] == "from flat" {
            assert_eq!(event["message"]["sender"], "1");
            break;
        }
    }
    // What there is no frame for is not told.
    native.say(json!({ "type": "edit", "id": 2, "room_id": room, "seq": 2, "content": "edited" })).await;
    native.say(json!({ "type": "delete", "id": 3, "room_id": room, "seq": 2 })).await;
    native.say(json!({ "type": "send", "id": 4, "room_id": room, "content": "last" })).await;
    assert_eq!(flat.frame().await["data"]["content"], "from flat");
    assert_eq!(flat.frame().await["data"]["content"], "last");
}

#[tokio::test]
async fn over_the_limit() {
    let mut limits = limits();
    limits.sends = chat_core::Rate::new(0.001, 2);
    let chat = chat_of(limits, Flat).await;
    let room = chat.group("1", &[]).await;
    let address = chat.serve();
    let mut ann = Client::open_at(address, &format!("{PATH}?token={}", token("1")), &[]).await.unwrap();
    ann.say(json!({ "type": "join_room", "room_id": room })).await;
    assert_eq!(ann.frame().await["type"], "room_joined");
    for content in ["one", "two", "three"] {
        ann.say(json!({ "type": "send_message", "room_id": room, "content": content })).await;
    }
    let mut told = Vec::new();
    for _ in 0..3 {
        let frame = ann.frame().await;
        told.push(
            frame["message"].as_str().or_else(|| frame["data"]["content"].as_str()).unwrap().to_owned(),
        );
    }
    told.sort();
    assert_eq!(told, ["Rate limited", "one", "two"]);
}
