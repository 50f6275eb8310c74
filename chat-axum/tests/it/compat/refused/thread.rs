//! `thread`.

use chat_axum::compat::Thread;
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
    support::{Chat, limits},
};

const THREADS: &str = "/api/chat/threads/";
const MESSAGES: &str = "/api/chat/messages/";
const REPORTS: &str = "/api/chat/reports/";

/// Thread 1 is of users 1 and 2, and 2 of 2 and 3, each with the message of its number.
async fn chat() -> Chat {
    let mut limits = limits();
    limits.frame_bytes_max = 4_096;
    limits.content_bytes_max = 1_024;
    let chat = chat_of(limits, Thread).await;
    for (number, maker) in [(1, "1"), (2, "3")] {
        let body = json!({ "title": "Thread", "participants": [2] });
        assert_eq!(must(&chat, maker, "POST", THREADS, body, 201).await["id"], number);
        let body = json!({ "thread": number, "content": "x" });
        assert_eq!(must(&chat, maker, "POST", MESSAGES, body, 201).await["id"], number);
    }
    chat
}

/// `code message`.
fn error(told: &str) -> Value {
    let (code, message) = told.split_once(' ').unwrap();
    json!({ "type": "error", "payload": { "code": code, "message": message } })
}

#[tokio::test]
async fn on_the_socket() {
    let chat = chat().await;
    let socket = Socket {
        path: "/ws/chat/1/",
        closed: &[
            (OthersRoom, "/ws/chat/2/", 4403),
            (UnknownRoom, "/ws/chat/987654/", 4403),
            (MistypedField, "/ws/chat/x/", 4403),
            (MistypedField, "/ws/chat/0/", 4403),
            (MistypedField, "/ws/chat/1.0/", 4403),
        ],
        frames: &[
            (NoJson, "{", "bad_frame Invalid JSON"),
            (NoJson, "", "bad_frame Invalid JSON"),
            (UnknownType, r#"{"type":"dance"}"#, "bad_frame Unknown type"),
            (UnknownType, r#"{"type":"chat_message","content":"x"}"#, "bad_frame Unknown type"),
            (MissingField, "{}", "bad_field type is missing"),
            (MistypedField, "[]", "bad_frame a frame is a JSON object"),
            (MistypedField, r#"{"type":7}"#, "bad_field type must be a text"),
            (
                MistypedField,
                r#"{"type":"typing","is_typing":"yes"}"#,
                "bad_field is_typing must be true or false",
            ),
            (
                ForgedSender,
                r#"{"type":"typing","is_typing":true,"user_id":2}"#,
                "bad_field user_id is not yours",
            ),
            (ForgedSender, r#"{"type":"ping","user_id":1.0}"#, "bad_field user_id must be a user id"),
        ],
        never: &[],
        error,
        alive: (r#"{"type":"ping"}"#, "pong"),
        first: None,
    };
    let address = chat.serve();
    closed_with_4401(address, socket.path).await;
    socket.refuses(address, 4_096).await;
}

#[tokio::test]
async fn over_rest() {
    let chat = chat().await;
    let members = "/api/chat/threads/1/members/";
    let long = json!({ "thread": 1, "content": "x".repeat(1_025) }).to_string();
    let longer = json!({ "thread": 1, "content": "x".repeat(4_096) }).to_string();
    let title = json!({ "title": "x".repeat(256), "participants": [] }).to_string();
    rest_refuses(
        &chat,
        &[
            (NoJson, "POST", THREADS, "{", 400),
            (NoJson, "POST", MESSAGES, "{", 400),
            (NoJson, "POST", members, "{", 400),
            (NoJson, "POST", REPORTS, "{", 400),
            (UnknownType, "POST", members, r#"{"user":4,"role":"king"}"#, 400),
            (MissingField, "POST", THREADS, r#"{"title":"x"}"#, 400),
            (MissingField, "POST", THREADS, r#"{"title":" ","participants":[]}"#, 400),
            (MissingField, "POST", members, "{}", 400),
            (MissingField, "POST", MESSAGES, r#"{"thread":1}"#, 400),
            (MissingField, "POST", MESSAGES, r#"{"content":"x"}"#, 400),
            (MissingField, "POST", MESSAGES, r#"{"thread":1,"content":" \n"}"#, 400),
            (MissingField, "GET", MESSAGES, "", 400),
            (MissingField, "POST", REPORTS, r#"{"message":1}"#, 400),
            (MissingField, "POST", REPORTS, r#"{"reason":"spam"}"#, 400),
            (MistypedField, "POST", THREADS, r#"{"participants":[1.5]}"#, 400),
            (MistypedField, "POST", THREADS, r#"{"participants":"2"}"#, 400),
            (MistypedField, "POST", MESSAGES, "[1]", 400),
            (MistypedField, "POST", MESSAGES, r#"{"thread":1,"content":5}"#, 400),
            (MistypedField, "POST", MESSAGES, r#"{"thread":1,"content":"a\u0000"}"#, 400),
            (MistypedField, "POST", MESSAGES, r#"{"thread":"x","content":"x"}"#, 400),
            (MistypedField, "POST", REPORTS, r#"{"message":"x","reason":"spam"}"#, 400),
            (MistypedField, "GET", "/api/chat/threads/x/", "", 404),
            (MistypedField, "GET", "/api/chat/messages/?thread=x", "", 400),
            (OthersRoom, "GET", "/api/chat/threads/2/", "", 403),
            (OthersRoom, "GET", "/api/chat/messages/?thread=2", "", 403),
            (OthersRoom, "POST", MESSAGES, r#"{"thread":2,"content":"x"}"#, 403),
            (OthersRoom, "POST", "/api/chat/threads/2/members/", r#"{"user":1}"#, 403),
            (OthersRoom, "DELETE", "/api/chat/threads/2/members/2/", "", 403),
            (OthersRoom, "POST", REPORTS, r#"{"message":2,"reason":"spam"}"#, 403),
            (OthersRoom, "POST", members, r#"{"user":4,"role":"owner"}"#, 403),
            (UnknownRoom, "GET", "/api/chat/threads/987654/", "", 404),
            (UnknownRoom, "GET", "/api/chat/messages/?thread=987654", "", 404),
            (UnknownRoom, "POST", MESSAGES, r#"{"thread":987654,"content":"x"}"#, 404),
            (UnknownRoom, "POST", REPORTS, r#"{"message":987654,"reason":"spam"}"#, 404),
            (UnknownRoom, "DELETE", "/api/chat/threads/1/members/4/", "", 404),
            (ForgedSender, "POST", THREADS, r#"{"participants":[],"user_id":2}"#, 400),
            (ForgedSender, "POST", MESSAGES, r#"{"thread":1,"content":"x","user_id":2}"#, 400),
            (ForgedSender, "POST", members, r#"{"user":4,"user_id":"2"}"#, 400),
            (ForgedSender, "POST", REPORTS, r#"{"message":1,"reason":"spam","user_id":2}"#, 400),
            (Oversized, "POST", THREADS, &title, 413),
            (Oversized, "POST", MESSAGES, &long, 413),
            (Oversized, "POST", MESSAGES, &longer, 413),
        ],
        &[],
    )
    .await;
    for (method, path) in [("DELETE", THREADS), ("PUT", MESSAGES), ("GET", "/api/chat/nothing/")] {
        let status = if path.ends_with("nothing/") { 404 } else { 405 };
        must(&chat, "1", method, path, Value::Null, status).await;
    }
    let messages = must(&chat, "1", "GET", "/api/chat/messages/?thread=1", Value::Null, 200).await;
    assert_eq!(messages.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn fields_are_named_as_the_format_has_them() {
    let chat = chat().await;
    let many: Vec<u64> = (1..=101).map(|n| n + 10).collect();
    let long = "x".repeat(256);
    for (path, body, status, detail) in [
        (THREADS, json!({ "participants": many }), 413, "participants: must be at most 100"),
        (THREADS, json!({ "title": "", "participants": [] }), 400, "title: must not be blank"),
        (THREADS, json!({ "title": "\u{0}", "participants": [] }), 400, "title: must not hold U+0000"),
        (THREADS, json!({ "title": long, "participants": [] }), 413, "title: must be at most 255 characters"),
        (MESSAGES, json!({ "thread": 1, "content": "" }), 400, "content: must not be blank"),
        (REPORTS, json!({ "message": 1, "reason": "" }), 400, "reason: must not be blank"),
    ] {
        assert_eq!(must(&chat, "1", "POST", path, body, status).await["detail"], detail);
    }
}
