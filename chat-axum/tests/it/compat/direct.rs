//! `direct`.

mod files;

use std::{net::SocketAddr, time::Duration};

use chat_axum::compat::Direct;
use serde_json::{Value, json};

use super::{chat_of, must, open};
use crate::support::{Chat, Client, limits};

const PATH: &str = "/ws/chat";
const SEND: &str = "/messages/send/";

async fn chat() -> (Chat, SocketAddr) {
    let mut limits = limits();
    limits.offline_grace = Duration::from_millis(50);
    limits.receipt_delay = Duration::from_millis(20);
    let chat = chat_of(limits, Direct).await;
    let address = chat.serve();
    (chat, address)
}

/// Sends a text; the message.
async fn say(chat: &Chat, from: &str, to: u64, content: &str) -> Value {
    let body = json!({ "receiver": to, "content": content, "message_type": "text" });
    must(chat, from, "POST", SEND, body, 201).await
}

/// Opens a user's socket, with those whom the snapshot shows.
async fn enter(address: SocketAddr, user: &str) -> (Client, Value) {
    let mut client = open(address, PATH, user).await;
    let snapshot = client.frame().await;
    assert_eq!(snapshot["type"], "presence_snapshot", "{snapshot}");
    (client, snapshot["online_user_ids"].clone())
}

/// The next frame of a type.
async fn heard(client: &mut Client, kind: &str) -> Value {
    loop {
        let frame = client.frame().await;
        if frame["type"] == kind {
            return frame;
        }
    }
}

/// What the list of a conversation says of its messages.
async fn listed(chat: &Chat, user: &str, query: &str, field: &str) -> Vec<Value> {
    let list = must(chat, user, "GET", &format!("/messages/?{query}"), Value::Null, 200).await;
    list.as_array().unwrap().iter().map(|message| message[field].clone()).collect()
}

#[tokio::test]
async fn a_message_comes_to_every_connection_of_the_two() {
    let (chat, address) = chat().await;
    let sent = say(&chat, "1", 2, "hi").await;
    assert_eq!(
        super::at_rest(sent.clone()),
        json!({ "id": sent["id"], "from": 1, "to": 2, "content": "hi", "message_type": "text",
            "created_at": "<time>", "status": "sent" })
    );
    let (mut one, _) = enter(address, "1").await;
    let (mut two, _) = enter(address, "2").await;
    let (mut other, _) = enter(address, "2").await;
    let (mut three, _) = enter(address, "3").await;
    // The first message between two makes their room while they are there.
    let mut told = say(&chat, "3", 2, "hello").await;
    told["type"] = json!("message_created");
    for client in [&mut two, &mut other, &mut three] {
        assert_eq!(heard(client, "message_created").await, told);
    }
    let mut told = say(&chat, "2", 1, "between us").await;
    told["type"] = json!("message_created");
    for client in [&mut one, &mut two, &mut other] {
        assert_eq!(heard(client, "message_created").await, told);
    }
    // A group is nothing that these front ends know, and others' messages are nobody's.
    let group = chat.group("2", &["3"]).await;
    chat.must("2", "POST", &format!("/rooms/{group}/messages"), json!({ "content": "to all" })).await;
    say(&chat, "2", 3, "last").await;
    assert_eq!(heard(&mut three, "message_created").await["content"], "last");
}

#[tokio::test]
async fn there_is_one_room_for_a_pair() {
    let (chat, _) = chat().await;
    let first = futures::future::join_all((0..8).map(|n| {
        let (from, to) = if n % 2 == 0 { ("1", 2) } else { ("2", 1) };
        let chat = &chat;
        async move { say(chat, from, to, &n.to_string()).await["id"].as_u64().unwrap() }
    }));
    let mut sent = first.await;
    sent.sort_unstable();
    sent.dedup();
    assert_eq!(sent.len(), 8);
    let rooms = chat.must("1", "GET", "/rooms", Value::Null).await;
    assert_eq!(rooms["rooms"].as_array().unwrap().len(), 1);
    assert_eq!(listed(&chat, "1", "with=2", "content").await.len(), 8);
    assert_eq!(listed(&chat, "2", "with=1", "id").await, listed(&chat, "1", "with=2", "id").await);
}

#[tokio::test]
async fn lists_are_oldest_first_and_page_back() {
    let (chat, _) = chat().await;
    assert_eq!(must(&chat, "1", "GET", "/messages?with=2", Value::Null, 200).await, json!([]));
    let mut ids = Vec::new();
    for n in 1..=5 {
        ids.push(
            say(&chat, if n % 2 == 0 { "1" } else { "2" }, 2 - n % 2, &n.to_string()).await["id"].clone(),
        );
    }
    let contents = async |query: String| listed(&chat, "1", &format!("with=2{query}"), "content").await;
    assert_eq!(contents(String::new()).await, ["1", "2", "3", "4", "5"]);
    assert_eq!(contents("&limit=2".to_owned()).await, ["4", "5"]);
    assert_eq!(contents(format!("&before={}&limit=2", ids[3])).await, ["2", "3"]);
    assert_eq!(contents(format!("&before={}", ids[0])).await, [""; 0]);
    // Deleted messages are left out, and of changed ones the latest text stands.
    chat.must("2", "DELETE", "/rooms/1/messages/4", Value::Null).await;
    chat.must("2", "PATCH", "/rooms/1/messages/6", json!({ "content": "five" })).await;
    assert_eq!(contents(String::new()).await, ["1", "2", "4", "five"]);
    assert_eq!(contents(format!("&before={}&limit=2", ids[3])).await, ["1", "2"]);
    // To the other it is the same conversation, to a third none.
    assert_eq!(listed(&chat, "2", "with=1", "content").await, ["1", "2", "4", "five"]);
    assert_eq!(listed(&chat, "3", "with=1", "content").await, [""; 0]);
}

#[tokio::test]
async fn receipts_come_one_a_message_and_lists_agree() {
    let (chat, address) = chat().await;
    let (mut one, _) = enter(address, "1").await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        ids.push(say(&chat, "1", 2, &n.to_string()).await["id"].clone());
    }
    let elsewhere = say(&chat, "1", 3, "x").await["id"].clone();
    for (user, with) in [("1", 2), ("2", 1)] {
        assert_eq!(listed(&chat, user, &format!("with={with}"), "status").await, ["sent"; 3]);
    }
    let (mut two, _) = enter(address, "2").await;
    let fourth = say(&chat, "1", 2, "4").await["id"].clone();
    for id in ids.iter().chain([&fourth]) {
        assert_eq!(heard(&mut one, "message_delivered").await["id"], *id);
    }
    // It and all before it are read.
    two.say(json!({ "type": "message_read", "id": ids[1] })).await;
    for id in &ids[..2] {
        assert_eq!(heard(&mut one, "message_read").await["id"], *id);
    }
    // A second time, or an earlier one, is nothing new: what is told next is of the last.
    two.say(json!({ "type": "message_read", "id": ids[0] })).await;
    two.say(json!({ "type": "message_read", "id": ids[1] })).await;
    two.say(json!({ "type": "message_read", "id": ids[2] })).await;
    assert_eq!(one.frame().await, json!({ "type": "message_read", "id": ids[2] }));
    for (user, with) in [("1", 2), ("2", 1)] {
        let status = listed(&chat, user, &format!("with={with}"), "status").await;
        assert_eq!(status, ["read", "read", "read", "delivered"], "{user}");
    }
    assert_eq!(listed(&chat, "1", "with=3", "status").await, ["sent"]);
    // Who reads is told nothing of it, and others' messages are nobody's to read.
    two.say(json!({ "type": "message_read", "id": elsewhere })).await;
    loop {
        let frame = two.frame().await;
        assert!(["presence_update", "message_created", "error"].contains(&frame["type"].as_str().unwrap()));
        if frame["type"] == "error" {
            break;
        }
    }
}

#[tokio::test]
async fn who_is_there() {
    let (chat, address) = chat().await;
    say(&chat, "1", 2, "hi").await;
    let (mut one, there) = enter(address, "1").await;
    assert_eq!(there, json!([]));
    let (stranger, there) = enter(address, "4").await;
    assert_eq!(there, json!([]));
    let online = |online: bool| json!({ "type": "presence_update", "user_id": 2, "online": online, "last_seen": null });
    let (mut two, there) = enter(address, "2").await;
    assert_eq!(there, json!([1]));
    assert_eq!(one.frame().await, online(true));
    let user = async || must(&chat, "1", "GET", "/users/2/", Value::Null, 200).await;
    let shown = json!({ "id": 2, "username": "2", "name": "User 2", "avatar": null, "online": true, "last_seen": null });
    assert_eq!(user().await, shown);
    // A second device is nothing new, and neither is the end of one of two.
    let (other, _) = enter(address, "2").await;
    two.0.close(None).await.unwrap();
    two.hear_out().await;
    drop(stranger);
    say(&chat, "2", 1, "still there").await;
    let next = one.frame().await;
    assert_eq!((&next["type"], &next["content"]), (&json!("message_created"), &json!("still there")));
    drop(other);
    let mut gone = heard(&mut one, "presence_update").await;
    let last_seen = gone["last_seen"].take();
    assert!(last_seen.as_str().unwrap().ends_with('Z'));
    assert_eq!(gone, online(false));
    let user = user().await;
    assert_eq!((&user["online"], &user["last_seen"]), (&json!(false), &last_seen));
    must(&chat, "", "GET", "/users/2/", Value::Null, 401).await;
}

#[tokio::test]
async fn who_is_typing() {
    let (chat, address) = chat().await;
    say(&chat, "1", 2, "hi").await;
    let (mut one, _) = enter(address, "1").await;
    let (mut two, _) = enter(address, "2").await;
    let (mut same, _) = enter(address, "2").await;
    for is_typing in [true, false] {
        two.say(json!({ "type": "typing", "to": "1", "is_typing": is_typing })).await;
        let told = json!({ "type": "typing", "from": 2, "is_typing": is_typing });
        assert_eq!(heard(&mut one, "typing").await, told);
    }
    // Nothing goes back to the typist, on no device.
    for client in [&mut two, &mut same] {
        client.say(json!({ "type": "ping" })).await;
        assert_eq!(client.frame().await, json!({ "type": "pong" }));
    }
}

#[tokio::test]
async fn a_native_client_in_the_same_room() {
    let (chat, address) = chat().await;
    let first = say(&chat, "1", 2, "hi").await;
    let (mut one, _) = enter(address, "1").await;
    let (mut two, welcome) = Client::join(address, "2", json!({})).await;
    let room = welcome["rooms"][0]["id"].clone();
    two.say(json!({ "type": "send", "id": 1, "room_id": room, "content": "from native" })).await;
    let event = heard(&mut one, "message_created").await;
    assert_eq!(
        (&event["from"], &event["to"], &event["content"]),
        (&json!(2), &json!(1), &json!("from native"))
    );
    say(&chat, "1", 2, "from direct").await;
    while two.hear_type("message").await["message"]["content"] != "from direct" {}
    // What there is no frame for is not told, and a native reader reads.
    two.say(json!({ "type": "edit", "id": 2, "room_id": room, "seq": 3, "content": "edited" })).await;
    two.say(json!({ "type": "delete", "id": 3, "room_id": room, "seq": 3 })).await;
    two.say(json!({ "type": "read", "id": 4, "room_id": room, "seq": 2 })).await;
    loop {
        let frame = one.frame().await;
        let kind = frame["type"].as_str().unwrap();
        assert!(["message_created", "message_delivered", "message_read", "presence_update"].contains(&kind));
        if kind == "message_read" {
            assert_eq!(frame["id"], first["id"]);
            break;
        }
    }
}
