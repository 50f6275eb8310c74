//! `conversation`.

use std::time::Duration;

use chat_axum::compat::Conversation;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{ask, at_rest, chat_of, closed_with_4401, golden, must, open};
use crate::support::{Chat, Client, limits};

const CONVERSATIONS: &str = "/api/conversations/";
const NOTIFICATIONS: &str = "/ws/notifications/";

fn socket(conversation: u64) -> String {
    format!("/ws/chat/{conversation}/")
}

fn path(conversation: u64, rest: &str) -> String {
    format!("{CONVERSATIONS}{conversation}/{rest}")
}

async fn conversation(chat: &Chat, maker: &str, participants: Value) -> u64 {
    let body = json!({ "name": "Group", "participants": participants });
    must(chat, maker, "POST", CONVERSATIONS, body, 201).await["id"].as_u64().unwrap()
}

async fn say(chat: &Chat, user: &str, conversation: u64, content: &str) -> u64 {
    let body = json!({ "content": content });
    must(chat, user, "POST", &path(conversation, "send_message/"), body, 201).await["id"].as_u64().unwrap()
}

fn contents(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap()).collect()
}

/// The next notification for which something holds.
async fn notified(client: &mut Client, what: impl Fn(&Value) -> bool) -> Value {
    loop {
        let frame = client.frame().await;
        assert_eq!(frame["type"], "notification");
        if what(&frame) {
            return frame;
        }
    }
}

#[tokio::test]
async fn every_frame_and_answer() {
    let chat = chat_of(limits(), Conversation).await;
    let mut said = Vec::new();
    let body = json!({ "name": "Lunch", "participants": [2, "3"] });
    let made = must(&chat, "1", "POST", CONVERSATIONS, body, 201).await;
    let id = made["id"].as_u64().unwrap();
    said.push(("POST conversations", made));
    let address = chat.serve();
    let mut ann = open(address, &socket(id), "1").await;
    let mut bob = open(address, NOTIFICATIONS, "2").await;
    let send = path(id, "send_message/");
    let body = json!({ "content": "hi", "client_id": "k" });
    let sent = must(&chat, "2", "POST", &send, body.clone(), 201).await;
    let event = ann.frame().await;
    assert_eq!(event, json!({ "type": "chat_message", "message": sent }));
    said.push(("POST send_message", sent.clone()));
    said.push(("chat_message", event));
    assert_eq!(must(&chat, "2", "POST", &send, body, 200).await, sent);
    must(&chat, "2", "POST", &send, json!({ "content": "other", "client_id": "k" }), 409).await;
    must(&chat, "1", "POST", &send, json!({ "content": "hello" }), 201).await;
    said.push(("notification", notified(&mut bob, |told| told["unread_count"] == 1).await));
    ann.frame().await;
    ann.say(json!({ "type": "dance" })).await;
    said.push(("unknown type", ann.frame().await));
    for (what, rest) in [("GET conversation", ""), ("GET messages", "messages/")] {
        said.push((what, must(&chat, "1", "GET", &path(id, rest), Value::Null, 200).await));
    }
    said.push(("GET conversations", must(&chat, "1", "GET", CONVERSATIONS, Value::Null, 200).await));
    let message = path(id, &format!("messages/{}/", sent["id"]));
    said.push(("PATCH message", must(&chat, "2", "PATCH", &message, json!({ "content": "ho" }), 200).await));
    said.push(("DELETE message", must(&chat, "2", "DELETE", &message, Value::Null, 204).await));
    said.push((
        "PATCH conversation",
        must(&chat, "1", "PATCH", &path(id, ""), json!({ "name": "Tea" }), 200).await,
    ));
    said.push(("POST read", must(&chat, "1", "POST", &path(id, "read/"), json!({}), 204).await));
    said.push(("no token", must(&chat, "", "GET", CONVERSATIONS, Value::Null, 401).await));
    golden("conversation", &said);
}

#[tokio::test]
async fn two_users_have_one_direct_conversation() {
    let chat = chat_of(limits(), Conversation).await;
    let made = must(&chat, "1", "POST", CONVERSATIONS, json!({ "participants": [2] }), 201).await;
    assert_eq!((&made["is_group"], &made["name"]), (&json!(false), &Value::Null));
    for (user, participants) in [("1", json!([1, 2])), ("1", json!(["2", 2])), ("2", json!([1]))] {
        let body = json!({ "participants": participants });
        assert_eq!(must(&chat, user, "POST", CONVERSATIONS, body, 200).await["id"], made["id"]);
    }
    let named = json!({ "name": "Named", "participants": [2] });
    let named = must(&chat, "1", "POST", CONVERSATIONS, named, 201).await;
    assert_eq!((&named["is_group"], named["id"] == made["id"]), (&json!(true), false));
}

#[tokio::test]
async fn what_is_unread() {
    let chat = chat_of(limits(), Conversation).await;
    let id = conversation(&chat, "1", json!([2])).await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        ids.push(say(&chat, "1", id, &n.to_string()).await);
    }
    let unread =
        async || must(&chat, "2", "GET", &path(id, ""), Value::Null, 200).await["unread_count"].clone();
    assert_eq!(unread().await, 3);
    must(&chat, "2", "POST", &path(id, "read/"), json!({ "message_id": ids[1] }), 204).await;
    assert_eq!(unread().await, 1);
    // Without a body, and with one that names nothing.
    must(&chat, "2", "POST", &path(id, "read/"), Value::Null, 204).await;
    assert_eq!(unread().await, 0);
    say(&chat, "1", id, "4").await;
    must(&chat, "2", "POST", &path(id, "read/"), json!({ "message_id": null }), 204).await;
    assert_eq!(unread().await, 0);
    let other = conversation(&chat, "2", json!([])).await;
    let elsewhere = say(&chat, "2", other, "x").await;
    must(&chat, "2", "POST", &path(id, "read/"), json!({ "message_id": elsewhere }), 404).await;
    must(&chat, "2", "POST", &path(id, "read/"), json!({ "message_id": "x" }), 400).await;
    must(&chat, "3", "POST", &path(id, "read/"), Value::Null, 403).await;
    must(&chat, "3", "POST", "/api/conversations/987654/read/", Value::Null, 404).await;
}

#[tokio::test]
async fn news_of_all_conversations() {
    let chat = chat_of(limits(), Conversation).await;
    let id = conversation(&chat, "1", json!([2])).await;
    let address = chat.serve();
    let mut bob = open(address, NOTIFICATIONS, "2").await;
    say(&chat, "1", id, "one").await;
    let first = notified(&mut bob, |told| told["unread_count"] == 1).await;
    assert_eq!((&first["conversation"], &first["last_message"]["content"]), (&json!(id), &json!("one")));
    // Those that follow at once come together, as they then stand.
    for content in ["two", "three", "four"] {
        say(&chat, "1", id, content).await;
    }
    let next = bob.frame().await;
    assert_eq!((&next["unread_count"], &next["last_message"]["content"]), (&json!(4), &json!("four")));
    // A conversation that begins while one listens, and what another device reads.
    let new =
        must(&chat, "3", "POST", CONVERSATIONS, json!({ "participants": [2] }), 201).await["id"].clone();
    let new = new.as_u64().unwrap();
    say(&chat, "3", new, "hello").await;
    notified(&mut bob, |told| told["conversation"] == new && told["unread_count"] == 1).await;
    must(&chat, "2", "POST", &path(id, "read/"), Value::Null, 204).await;
    notified(&mut bob, |told| told["conversation"] == id && told["unread_count"] == 0).await;
    // What the host says is no last message.
    let system = chat_core::protocol::Send::text(
        chat_core::protocol::SendTo::Room(chat_core::model::RoomId::new(new as i64).unwrap()),
        "maintenance",
    );
    chat.engine.as_host().send(system).await.unwrap();
    let told = notified(&mut bob, |told| told["conversation"] == new).await;
    assert_eq!((&told["unread_count"], &told["last_message"]["content"]), (&json!(1), &json!("hello")));
    // Others' conversations are not told, and the socket answers and ends as others do.
    let foreign = conversation(&chat, "1", json!([3])).await;
    say(&chat, "1", foreign, "secret").await;
    bob.send(Message::text("{")).await;
    assert_eq!(bob.frame().await, json!({ "type": "error", "message": "Invalid JSON" }));
    bob.0.close(None).await.unwrap();
    assert!(matches!(bob.hear_out().await.1, None | Some(1000 | 1005)));
    closed_with_4401(address, NOTIFICATIONS).await;
}

#[tokio::test]
async fn notifications_end_with_the_server() {
    let chat = chat_of(limits(), Conversation).await;
    let address = chat.serve();
    let mut bob = open(address, NOTIFICATIONS, "2").await;
    bob.send(Message::text("[]")).await;
    bob.frame().await;
    let sockets = chat.sockets.clone();
    let ended = tokio::spawn(async move { sockets.shutdown(Duration::from_secs(10)).await });
    assert_eq!(bob.hear_out().await.1, Some(1001));
    assert!(ended.await.unwrap());
}

#[tokio::test]
async fn pages_and_rights() {
    let chat = chat_of(limits(), Conversation).await;
    let id = conversation(&chat, "1", json!([2, 3])).await;
    let mut ids = Vec::new();
    for n in 1..=4 {
        ids.push(say(&chat, "2", id, &n.to_string()).await);
    }
    let messages = path(id, "messages/");
    let page =
        must(&chat, "1", "GET", &format!("{messages}?before={}&limit=2", ids[3]), Value::Null, 200).await;
    assert_eq!(contents(&page), ["2", "3"]);
    let other = conversation(&chat, "1", json!([])).await;
    let elsewhere = say(&chat, "1", other, "x").await;
    let message = |id: u64| format!("{messages}{id}/");
    for (user, method, path, body, status) in [
        ("1", "GET", format!("{messages}?before={elsewhere}"), Value::Null, 400),
        ("4", "GET", messages.clone(), Value::Null, 403),
        ("4", "GET", path(id, ""), Value::Null, 403),
        ("4", "PATCH", message(ids[0]), json!({ "content": "x" }), 403),
        ("4", "DELETE", message(ids[0]), Value::Null, 403),
        ("4", "POST", path(id, "send_message/"), json!({ "content": "x" }), 403),
        ("4", "PATCH", path(id, ""), json!({ "name": "x" }), 403),
        ("4", "DELETE", path(id, ""), Value::Null, 403),
        ("3", "PATCH", path(id, ""), json!({ "name": "x" }), 403),
        ("3", "DELETE", path(id, ""), Value::Null, 403),
        ("3", "PATCH", message(ids[0]), json!({ "content": "x" }), 403),
        ("3", "DELETE", message(ids[0]), Value::Null, 403),
        ("1", "PATCH", message(ids[0]), json!({ "content": "x" }), 403),
        ("2", "PATCH", message(elsewhere), json!({ "content": "x" }), 404),
        ("1", "PATCH", message(elsewhere), json!({ "content": "x" }), 404),
        ("2", "PATCH", message(987_654), json!({ "content": "x" }), 404),
        ("2", "PATCH", format!("{messages}x/"), json!({ "content": "x" }), 404),
        ("2", "PATCH", message(ids[0]), json!({ "content": " " }), 400),
        ("2", "PATCH", message(ids[0]), json!({}), 400),
        ("1", "PATCH", path(id, ""), json!({}), 400),
        ("1", "POST", path(id, "send_message/"), json!({ "content": "" }), 400),
        ("1", "POST", path(id, "send_message/"), json!({ "content": "x", "client_id": "" }), 400),
        ("1", "POST", path(id, "send_message/"), json!({ "content": "x", "attachments": ["no"] }), 400),
        ("1", "POST", path(id, "send_message/"), json!({ "content": 1 }), 400),
        ("1", "POST", CONVERSATIONS.to_owned(), json!({}), 400),
        ("1", "POST", CONVERSATIONS.to_owned(), json!({ "participants": [true] }), 400),
        ("1", "GET", "/api/conversations/x/".to_owned(), Value::Null, 404),
        ("1", "GET", "/api/conversations/987654/".to_owned(), Value::Null, 404),
        ("1", "PUT", path(id, ""), Value::Null, 405),
    ] {
        must(&chat, user, method, &path, body, status).await;
    }
    // Who may: the owner others' messages, the sender the own.
    must(&chat, "1", "DELETE", &message(ids[0]), Value::Null, 204).await;
    must(&chat, "2", "PATCH", &message(ids[0]), json!({ "content": "x" }), 404).await;
    must(&chat, "2", "DELETE", &message(ids[1]), Value::Null, 204).await;
    assert_eq!(contents(&must(&chat, "3", "GET", &messages, Value::Null, 200).await), ["3", "4"]);
    let address = chat.serve();
    let mut bob = open(address, &socket(id), "2").await;
    bob.say(json!({ "type": "x" })).await;
    bob.frame().await;
    must(&chat, "1", "DELETE", &path(id, ""), Value::Null, 204).await;
    assert_eq!(bob.hear_out().await.1, Some(4403));
    must(&chat, "2", "GET", &messages, Value::Null, 404).await;
}

#[tokio::test]
async fn what_bad_frames_get() {
    let mut limits = limits();
    limits.frame_bytes_max = 4_096;
    let chat = chat_of(limits, Conversation).await;
    let id = conversation(&chat, "1", json!([])).await;
    let address = chat.serve();
    closed_with_4401(address, &socket(id)).await;
    for (path, user) in
        [("/ws/chat/987654/".to_owned(), "1"), ("/ws/chat/x".to_owned(), "1"), (socket(id), "2")]
    {
        assert_eq!(open(address, &path, user).await.hear_out().await, (Vec::new(), Some(4403)), "{path}");
    }
    let mut ann = open(address, &socket(id), "1").await;
    for (frame, message) in [
        ("{", "Invalid JSON"),
        ("[]", "a frame is a JSON object"),
        ("{}", "type is missing"),
        (r#"{"type":7}"#, "type must be a text"),
        (r#"{"type":"chat_message","content":"x"}"#, "Unknown type"),
    ] {
        ann.send(Message::text(frame)).await;
        assert_eq!(ann.frame().await, json!({ "type": "error", "message": message }), "{frame}");
    }
    ann.say(json!({ "type": "x", "padding": "x".repeat(5_000) })).await;
    assert_eq!(ann.hear_out().await.1, Some(1009));
    let answer = ask(&chat, "1", "POST", &path(id, "send_message/"), json!([1])).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_native_client_in_the_same_conversation() {
    let chat = chat_of(limits(), Conversation).await;
    let id = conversation(&chat, "1", json!([2])).await;
    let address = chat.serve();
    let mut ann = open(address, &socket(id), "1").await;
    let (mut bob, _) = Client::join(address, "2", json!({})).await;
    bob.say(json!({ "type": "send", "id": 1, "room_id": id, "content": "from native" })).await;
    let event = ann.frame().await;
    assert_eq!(
        at_rest(event.clone())["message"],
        json!({
            "id": event["message"]["id"], "conversation": id, "content": "from native",
            "sender": { "id": 2, "name": "2", "avatar": null }, "attachments": [], "created_at": "<time>",
        })
    );
    say(&chat, "1", id, "from conversation").await;
    while bob.hear_type("message").await["message"]["content"] != "from conversation" {}
    bob.say(json!({ "type": "typing", "id": 2, "room_id": id, "is_typing": true })).await;
    bob.say(json!({ "type": "edit", "id": 3, "room_id": id, "seq": 2, "content": "edited" })).await;
    bob.say(json!({ "type": "send", "id": 4, "room_id": id, "content": "last" })).await;
    assert_eq!(ann.frame().await["message"]["content"], "from conversation");
    assert_eq!(ann.frame().await["message"]["content"], "last");
    let list = must(&chat, "1", "GET", &path(id, "messages/"), Value::Null, 200).await;
    assert_eq!(contents(&list), ["edited", "from conversation", "last"]);
}
