//! `direct`.

use chat_axum::compat::Direct;
use serde_json::{Value, json};

use super::{
    Socket,
    Wrong::{
        ForgedSender, MissingField, MistypedField, NoJson, OthersRoom, Oversized, UnknownRoom, UnknownType,
    },
    rest_refuses,
};
use crate::{
    compat::{chat_of, closed_with_4401, must},
    support::limits,
};

const SEND: &str = "/messages/send/";

fn error(message: &str) -> Value {
    json!({ "type": "error", "message": message })
}

#[tokio::test]
async fn on_the_socket() {
    let mut limits = limits();
    limits.frame_bytes_max = 4_096;
    let chat = chat_of(limits, Direct).await;
    let others = json!({ "receiver": 3, "content": "x" });
    assert_eq!(must(&chat, "2", "POST", SEND, others, 201).await["id"], 1);
    let socket = Socket {
        path: "/ws/chat",
        closed: &[],
        frames: &[
            (NoJson, "{", "Invalid JSON"),
            (NoJson, "", "Invalid JSON"),
            (NoJson, "{} {}", "Invalid JSON"),
            (UnknownType, r#"{"type":"dance"}"#, "Unknown type"),
            (UnknownType, r#"{"type":"message_created","to":2,"content":"x"}"#, "Unknown type"),
            (MissingField, "{}", "type is missing"),
            (MissingField, r#"{"type":"message_read"}"#, "id is missing"),
            (MissingField, r#"{"type":"message_read","id":null}"#, "id is missing"),
            (MissingField, r#"{"type":"typing","is_typing":true}"#, "to is missing"),
            (MissingField, r#"{"type":"typing","to":2}"#, "is_typing is missing"),
            (MistypedField, "[]", "a frame is a JSON object"),
            (MistypedField, r#"{"type":7}"#, "type must be a text"),
            (MistypedField, r#"{"type":"message_read","id":"1"}"#, "id must be a whole number above 0"),
            (MistypedField, r#"{"type":"message_read","id":1.0}"#, "id must be a whole number above 0"),
            (MistypedField, r#"{"type":"typing","to":2.0,"is_typing":true}"#, "to must be a user id"),
            (MistypedField, r#"{"type":"typing","to":2,"is_typing":1}"#, "is_typing must be true or false"),
            (MistypedField, r#"{"type":"typing","to":"1","is_typing":true}"#, "to must be another user"),
            (OthersRoom, r#"{"type":"message_read","id":1}"#, "no such message"),
            (UnknownRoom, r#"{"type":"message_read","id":987654}"#, "no such message"),
            (
                ForgedSender,
                r#"{"type":"typing","to":2,"is_typing":true,"user_id":2}"#,
                "user_id is not yours",
            ),
            (ForgedSender, r#"{"type":"ping","user_id":1.0}"#, "user_id must be a user id"),
        ],
        never: &[],
        error,
        alive: (r#"{"type":"ping"}"#, "pong"),
        first: Some("presence_snapshot"),
    };
    let address = chat.serve();
    closed_with_4401(address, socket.path).await;
    socket.refuses(address, 4_096).await;
}

#[tokio::test]
async fn over_rest() {
    let chat = chat_of(limits(), Direct).await;
    let send = |user: &'static str, receiver: u64| {
        must(&chat, user, "POST", SEND, json!({ "receiver": receiver, "content": "x" }), 201)
    };
    assert_eq!((send("2", 3).await["id"].clone(), send("1", 2).await["id"].clone()), (json!(1), json!(2)));
    let long = json!({ "receiver": 4, "content": "x".repeat(16 * 1_024 + 1) }).to_string();
    let longer = json!({ "receiver": 4, "content": "x".repeat(64 * 1_024) }).to_string();
    rest_refuses(
        &chat,
        &[
            (NoJson, "POST", SEND, "{", 400),
            (NoJson, "POST", SEND, "null", 400),
            (UnknownType, "POST", SEND, r#"{"receiver":4,"content":"x","message_type":"smell"}"#, 400),
            (UnknownType, "POST", SEND, r#"{"receiver":4,"content":"x","message_type":"audio"}"#, 400),
            (MissingField, "POST", SEND, r#"{"receiver":4}"#, 400),
            (MissingField, "POST", SEND, r#"{"content":"x"}"#, 400),
            (MissingField, "POST", SEND, r#"{"receiver":null,"content":"x"}"#, 400),
            (MissingField, "POST", SEND, r#"{"receiver":4,"content":" "}"#, 400),
            (MissingField, "POST", SEND, r#"{"receiver":"","content":"x"}"#, 400),
            (MissingField, "GET", "/messages/", "", 400),
            (MistypedField, "POST", SEND, "[4]", 400),
            (MistypedField, "POST", SEND, r#"{"receiver":4.0,"content":"x"}"#, 400),
            (MistypedField, "POST", SEND, r#"{"receiver":4,"content":5}"#, 400),
            (MistypedField, "POST", SEND, r#"{"receiver":4,"content":"a\u0000b"}"#, 400),
            (MistypedField, "POST", SEND, r#"{"receiver":1,"content":"x"}"#, 400),
            (MistypedField, "POST", SEND, r#"{"receiver":"1","content":"x"}"#, 400),
            (MistypedField, "GET", "/messages/?with=2&before=x", "", 400),
            (MistypedField, "GET", "/messages/?with=2&limit=0", "", 400),
            (OthersRoom, "GET", "/messages/?with=2&before=1", "", 400),
            (UnknownRoom, "GET", "/messages/?with=2&before=987654", "", 400),
            (ForgedSender, "POST", SEND, r#"{"receiver":4,"content":"x","user_id":2}"#, 400),
            (ForgedSender, "POST", SEND, r#"{"receiver":4,"content":"x","user_id":"2"}"#, 400),
            (ForgedSender, "POST", SEND, r#"{"receiver":4,"content":"x","user_id":1.0}"#, 400),
            (Oversized, "POST", SEND, &long, 413),
            (Oversized, "POST", SEND, &longer, 413),
        ],
        &[],
    )
    .await;
    // Not even a room of the two was made.
    let rooms = chat.must("1", "GET", "/rooms", Value::Null).await;
    assert_eq!(rooms["rooms"].as_array().unwrap().len(), 1);
}
