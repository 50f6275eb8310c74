//! `envelope`.

use chat_axum::compat::Envelope;
use serde_json::{Value, json};

use super::{
    Socket,
    Wrong::{
        ForgedSender, MissingField, MistypedField, NoJson, OthersRoom, Oversized, UnknownRoom, UnknownType,
    },
};
use crate::{compat::chat_of, support::limits};

fn error(error: &str) -> Value {
    json!({ "type": "error", "data": { "error": error }, "timestamp": "<time>" })
}

#[tokio::test]
async fn on_the_socket() {
    let mut limits = limits();
    limits.frame_bytes_max = 4_096;
    limits.content_bytes_max = 1_024;
    let chat = chat_of(limits, Envelope).await;
    assert_eq!((chat.group("1", &["2"]).await, chat.group("2", &["3"]).await), (1, 2));
    let public = json!({ "kind": "public", "name": "Open" });
    assert_eq!(chat.must("2", "POST", "/rooms", public).await["id"], 3);
    let long =
        json!({ "type": "message", "room_id": 1, "data": { "content": "x".repeat(1_025) } }).to_string();
    let socket = Socket {
        path: "/ws/chat/",
        closed: &[],
        frames: &[
            (NoJson, "{", "Invalid JSON"),
            (NoJson, "", "Invalid JSON"),
            (NoJson, "{} {}", "Invalid JSON"),
            (UnknownType, r#"{"type":"dance","data":{}}"#, "Unknown type"),
            (MissingField, r#"{"data":{}}"#, "type is missing"),
            (MissingField, r#"{"type":"join_room","data":{}}"#, "room_id is missing"),
            (MissingField, r#"{"type":"message","room_id":1,"data":{}}"#, "content is missing"),
            (MissingField, r#"{"type":"message","data":{"content":"x"}}"#, "room_id is missing"),
            (MissingField, r#"{"type":"message","room_id":1,"data":{"content":""}}"#, "must not be blank"),
            (MissingField, r#"{"type":"typing","room_id":1,"data":{}}"#, "is_typing is missing"),
            (MissingField, r#"{"type":"user_status","data":{}}"#, "status is missing"),
            (MistypedField, r#"{"type":"auth","data":{"token":5}}"#, "token must be a text"),
            (MistypedField, "[]", "a frame is a JSON object"),
            (MistypedField, r#"{"type":7}"#, "type must be a text"),
            (MistypedField, r#"{"type":"message","data":5}"#, "data must be an object"),
            (MistypedField, r#"{"type":"join_room","data":{"room_id":"x"}}"#, "Invalid room ID"),
            (MistypedField, r#"{"type":"join_room","data":{"room_id":-1}}"#, "Invalid room ID"),
            (MistypedField, r#"{"type":"join_room","room_id":1.0}"#, "Invalid room ID"),
            (
                MistypedField,
                r#"{"type":"message","room_id":1,"data":{"content":1}}"#,
                "content must be a text",
            ),
            (
                MistypedField,
                r#"{"type":"typing","room_id":1,"data":{"is_typing":1}}"#,
                "is_typing must be true or false",
            ),
            (
                MistypedField,
                r#"{"type":"user_status","data":{"status":"dead"}}"#,
                "status must be online, away or offline",
            ),
            (OthersRoom, r#"{"type":"join_room","data":{"room_id":2}}"#, "Invalid room ID"),
            (OthersRoom, r#"{"type":"message","room_id":2,"data":{"content":"x"}}"#, "Invalid room ID"),
            (OthersRoom, r#"{"type":"typing","room_id":2,"data":{"is_typing":true}}"#, "Invalid room ID"),
            (
                OthersRoom,
                r#"{"type":"message","room_id":1,"data":{"room_id":2,"content":"x"}}"#,
                "room_id differs from data.room_id",
            ),
            (OthersRoom, r#"{"type":"join_room","data":{"room_id":3}}"#, "Invalid room ID"),
            (OthersRoom, r#"{"type":"message","room_id":3,"data":{"content":"x"}}"#, "Invalid room ID"),
            (OthersRoom, r#"{"type":"typing","room_id":3,"data":{"is_typing":true}}"#, "Invalid room ID"),
            (UnknownRoom, r#"{"type":"join_room","data":{"room_id":987654}}"#, "Invalid room ID"),
            (UnknownRoom, r#"{"type":"message","room_id":987654,"data":{"content":"x"}}"#, "Invalid room ID"),
            (
                ForgedSender,
                r#"{"type":"message","room_id":1,"user_id":2,"data":{"content":"x"}}"#,
                "user_id is not yours",
            ),
            (
                ForgedSender,
                r#"{"type":"message","room_id":1,"data":{"content":"x","user_id":"2"}}"#,
                "user_id is not yours",
            ),
            (ForgedSender, r#"{"type":"auth","data":{"user_id":2}}"#, "user_id is not yours"),
            (ForgedSender, r#"{"type":"ping","data":{},"user_id":1.0}"#, "user_id must be a user id"),
            (Oversized, &long, "must be at most 1024 bytes"),
        ],
        never: &[],
        error,
        alive: (r#"{"type":"ping","data":{}}"#, "pong"),
        first: None,
    };
    socket.refuses(chat.serve(), 4_096).await;
    let history = chat.must("2", "GET", "/rooms/1/messages", Value::Null).await;
    assert_eq!(history["messages"], json!([]));
}
