//! `conversation`.

use axum::body::Body;
use chat_axum::compat::Conversation;
use serde_json::{Value, json};

use super::{
    Frame, Socket,
    Wrong::{
        ForgedSender, MissingField, MistypedField, NoJson, OthersRoom, Oversized, UnknownRoom, UnknownType,
    },
    rest_refuses,
};
use crate::{
    compat::{chat_of, closed_with_4401, must, post_file},
    media::{PNG, ended, field, uploading},
    support::{Chat, limits},
};

const CONVERSATIONS: &str = "/api/conversations/";

/// Conversation 1 is of users 1 and 2, and 2 of 2 and 3, each with the message of its number.
async fn chat() -> Chat {
    let mut limits = limits();
    limits.frame_bytes_max = 4_096;
    limits.content_bytes_max = 1_024;
    let chat = chat_of(limits, Conversation).await;
    for (number, maker) in [(1, "1"), (2, "3")] {
        let body = json!({ "name": "Group", "participants": [2] });
        assert_eq!(must(&chat, maker, "POST", CONVERSATIONS, body, 201).await["id"], number);
        let send = format!("{CONVERSATIONS}{number}/send_message/");
        assert_eq!(must(&chat, maker, "POST", &send, json!({ "content": "x" }), 201).await["id"], number);
    }
    chat
}

fn error(message: &str) -> Value {
    json!({ "type": "error", "message": message })
}

/// Clients say nothing there, so that whatever they say is wrong.
const FRAMES: &[Frame<'static>] = &[
    (NoJson, "{", "Invalid JSON"),
    (NoJson, "", "Invalid JSON"),
    (UnknownType, r#"{"type":"chat_message","content":"x"}"#, "Unknown type"),
    (MissingField, "{}", "type is missing"),
    (MistypedField, "[]", "a frame is a JSON object"),
    (MistypedField, r#"{"type":7}"#, "type must be a text"),
    (ForgedSender, r#"{"type":"chat_message","content":"x","user_id":2}"#, "Unknown type"),
];

#[tokio::test]
async fn on_the_sockets() {
    let chat = chat().await;
    let address = chat.serve();
    let alive = (r#"{"type":"x"}"#, "error");
    let socket = Socket {
        path: "/ws/chat/1/",
        closed: &[
            (OthersRoom, "/ws/chat/2/", 4403),
            (UnknownRoom, "/ws/chat/987654/", 4403),
            (MistypedField, "/ws/chat/x", 4403),
        ],
        frames: FRAMES,
        never: &[],
        error,
        alive,
        first: None,
    };
    closed_with_4401(address, socket.path).await;
    socket.refuses(address, 4_096).await;
    let path = "/ws/notifications/";
    let news = Socket { path, closed: &[], never: &[OthersRoom, UnknownRoom], ..socket };
    news.refuses(address, 4_096).await;
}

#[tokio::test]
async fn over_rest() {
    let chat = chat().await;
    let one = |rest: &str| format!("{CONVERSATIONS}1/{rest}");
    let (send, message, read) = (&*one("send_message/"), &*one("messages/1/"), &*one("read/"));
    let long = json!({ "content": "x".repeat(1_025) }).to_string();
    let longer = json!({ "content": "x".repeat(4_096) }).to_string();
    let name = json!({ "name": "x".repeat(256), "participants": [] }).to_string();
    rest_refuses(
        &chat,
        &[
            (NoJson, "POST", CONVERSATIONS, "{", 400),
            (NoJson, "POST", send, "{", 400),
            (NoJson, "POST", read, "{", 400),
            (NoJson, "PATCH", message, "{", 400),
            (MissingField, "POST", CONVERSATIONS, "{}", 400),
            (MissingField, "PATCH", &one(""), "{}", 400),
            (MissingField, "POST", send, "{}", 400),
            (MissingField, "POST", send, r#"{"content":""}"#, 400),
            (MissingField, "POST", send, r#"{"content":"x","client_id":""}"#, 400),
            (MissingField, "PATCH", message, "{}", 400),
            (MissingField, "PATCH", message, r#"{"content":" "}"#, 400),
            (MistypedField, "POST", CONVERSATIONS, r#"{"participants":[true]}"#, 400),
            (MistypedField, "POST", CONVERSATIONS, r#"{"participants":2}"#, 400),
            (MistypedField, "POST", CONVERSATIONS, "[]", 400),
            (MistypedField, "POST", send, "[1]", 400),
            (MistypedField, "POST", send, r#"{"content":1}"#, 400),
            (MistypedField, "POST", send, r#"{"content":"a\u0000b"}"#, 400),
            (MistypedField, "POST", send, r#"{"content":"x","attachments":["no"]}"#, 400),
            (MistypedField, "POST", read, r#"{"message_id":"x"}"#, 400),
            (MistypedField, "PATCH", &one(""), r#"{"name":7}"#, 400),
            (MistypedField, "GET", &one("messages/?before=x"), "", 400),
            (MistypedField, "GET", "/api/conversations/x/", "", 404),
            (OthersRoom, "GET", "/api/conversations/2/", "", 403),
            (OthersRoom, "GET", "/api/conversations/2/messages/", "", 403),
            (OthersRoom, "POST", "/api/conversations/2/send_message/", r#"{"content":"x"}"#, 403),
            (OthersRoom, "POST", "/api/conversations/2/read/", "{}", 403),
            (OthersRoom, "POST", "/api/conversations/2/attachments/", "", 403),
            (OthersRoom, "PATCH", "/api/conversations/2/messages/2/", r#"{"content":"x"}"#, 403),
            (OthersRoom, "PATCH", &one("messages/2/"), r#"{"content":"x"}"#, 404),
            (OthersRoom, "GET", &one("messages/?before=2"), "", 400),
            (UnknownRoom, "GET", "/api/conversations/987654/", "", 404),
            (UnknownRoom, "POST", "/api/conversations/987654/send_message/", r#"{"content":"x"}"#, 404),
            (UnknownRoom, "DELETE", "/api/conversations/987654/", "", 404),
            (ForgedSender, "POST", CONVERSATIONS, r#"{"participants":[],"user_id":2}"#, 400),
            (ForgedSender, "POST", send, r#"{"content":"x","user_id":"2"}"#, 400),
            (ForgedSender, "PATCH", message, r#"{"content":"x","user_id":2}"#, 400),
            (ForgedSender, "PATCH", &one(""), r#"{"name":"x","user_id":2}"#, 400),
            (ForgedSender, "POST", read, r#"{"user_id":2}"#, 400),
            (Oversized, "POST", CONVERSATIONS, &name, 413),
            (Oversized, "POST", send, &long, 413),
            (Oversized, "POST", send, &longer, 413),
        ],
        &[UnknownType],
    )
    .await;
    let forged = post_file(&chat, "1", &one("attachments/"), &[("user_id", "2")], ("a", "", PNG)).await;
    assert_eq!(forged.status, 400, "{forged:?}");
    assert_eq!(
        must(&chat, "1", "GET", &one("messages/"), Value::Null, 200).await.as_array().unwrap().len(),
        1
    );
    let list = must(&chat, "1", "GET", CONVERSATIONS, Value::Null, 200).await;
    assert_eq!((list.as_array().unwrap().len(), &list[0]["name"]), (1, &json!("Group")));
}

#[tokio::test]
async fn fields_are_named_as_the_format_has_them() {
    let chat = chat().await;
    let many: Vec<u64> = (1..=101).map(|n| n + 10).collect();
    let form = ended(field("name=\"upload\"; filename=\"a.png\"\r\nContent-Type: image/png", PNG));
    let mut request = uploading("1", Body::from(form));
    *request.uri_mut() = format!("{CONVERSATIONS}1/attachments/").parse().unwrap();
    let answer = chat.send(request).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(answer.body["detail"], "file: is missing; upload is a file");
    for (method, path, body, status, detail) in [
        ("POST", "", json!({ "participants": many }), 413, "participants: must be at most 100"),
        ("POST", "", json!({ "name": " ", "participants": [2] }), 400, "name: must not be blank"),
        ("POST", "1/send_message/", json!({ "content": " " }), 400, "content: must not be blank"),
    ] {
        let answer = must(&chat, "1", method, &format!("{CONVERSATIONS}{path}"), body, status).await;
        assert_eq!(answer["detail"], detail);
    }
}
