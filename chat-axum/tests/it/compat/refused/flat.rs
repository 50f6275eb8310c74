//! `flat`.

use chat_axum::compat::Flat;
use serde_json::{Value, json};

use super::{
    Socket,
    Wrong::{
        ForgedSender, MissingField, MistypedField, NoJson, OthersRoom, Oversized, UnknownRoom, UnknownType,
    },
};
use crate::{
    compat::{chat_of, closed_with_4401},
    support::limits,
};

fn error(message: &str) -> Value {
    json!({ "type": "error", "message": message })
}

#[tokio::test]
async fn on_the_socket() {
    let mut limits = limits();
    limits.frame_bytes_max = 4_096;
    limits.content_bytes_max = 1_024;
    let chat = chat_of(limits, Flat).await;
    assert_eq!((chat.group("1", &["2"]).await, chat.group("2", &["3"]).await), (1, 2));
    let public = json!({ "kind": "public", "name": "Open" });
    assert_eq!(chat.must("2", "POST", "/rooms", public).await["id"], 3);
    let long = json!({ "type": "send_message", "room_id": 1, "content": "x".repeat(1_025) }).to_string();
    let socket = Socket {
        path: "/ws/chat/",
        closed: &[],
        frames: &[
            (NoJson, "{", "Invalid JSON"),
            (NoJson, "nonsense", "Invalid JSON"),
            (NoJson, "", "Invalid JSON"),
            (NoJson, "{} {}", "Invalid JSON"),
            (UnknownType, r#"{"type":"dance"}"#, "Unknown type"),
            (MissingField, "{}", "type is missing"),
            (MissingField, r#"{"type":"join_room"}"#, "room_id is missing"),
            (MissingField, r#"{"type":"leave_room"}"#, "room_id is missing"),
            (MissingField, r#"{"type":"typing_start"}"#, "room_id is missing"),
            (MissingField, r#"{"type":"send_message","room_id":1}"#, "content is missing"),
            (MissingField, r#"{"type":"send_message","content":"x"}"#, "room_id is missing"),
            (MissingField, r#"{"type":"send_message","room_id":1,"content":" "}"#, "must not be blank"),
            (MistypedField, "[]", "a frame is a JSON object"),
            (MistypedField, r#"{"type":7}"#, "type must be a text"),
            (
                MistypedField,
                r#"{"type":"join_room","room_id":"x"}"#,
                "room_id must be a whole number above 0",
            ),
            (
                MistypedField,
                r#"{"type":"join_room","room_id":1.0}"#,
                "room_id must be a whole number above 0",
            ),
            (
                MistypedField,
                r#"{"type":"typing_stop","room_id":-1}"#,
                "room_id must be a whole number above 0",
            ),
            (MistypedField, r#"{"type":"send_message","room_id":1,"content":5}"#, "content must be a text"),
            (
                MistypedField,
                r#"{"type":"send_message","room_id":1,"content":"\u0000"}"#,
                "must not hold U+0000",
            ),
            (OthersRoom, r#"{"type":"join_room","room_id":2}"#, "Forbidden"),
            (OthersRoom, r#"{"type":"send_message","room_id":2,"content":"x"}"#, "Forbidden"),
            (OthersRoom, r#"{"type":"typing_start","room_id":2}"#, "Forbidden"),
            (OthersRoom, r#"{"type":"join_room","room_id":3}"#, "Forbidden"),
            (OthersRoom, r#"{"type":"send_message","room_id":3,"content":"x"}"#, "Forbidden"),
            (OthersRoom, r#"{"type":"typing_start","room_id":3}"#, "Forbidden"),
            (UnknownRoom, r#"{"type":"join_room","room_id":987654}"#, "Room not found"),
            (UnknownRoom, r#"{"type":"send_message","room_id":987654,"content":"x"}"#, "Room not found"),
            (UnknownRoom, r#"{"type":"typing_start","room_id":987654}"#, "Room not found"),
            (
                ForgedSender,
                r#"{"type":"send_message","room_id":1,"content":"x","user_id":2}"#,
                "user_id is not yours",
            ),
            (ForgedSender, r#"{"type":"typing_start","room_id":1,"user_id":"2"}"#, "user_id is not yours"),
            (ForgedSender, r#"{"type":"heartbeat","user_id":1.0}"#, "user_id must be a user id"),
            (Oversized, &long, "must be at most 1024 bytes"),
        ],
        never: &[],
        error,
        alive: (r#"{"type":"join_room","room_id":1}"#, "room_joined"),
        first: None,
    };
    let address = chat.serve();
    closed_with_4401(address, socket.path).await;
    socket.refuses(address, 4_096).await;
    let history = chat.must("2", "GET", "/rooms/1/messages", Value::Null).await;
    assert_eq!(history["messages"], json!([]));
}
