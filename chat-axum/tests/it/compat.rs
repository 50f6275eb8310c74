//! Formats beside the native one, on the same rooms.

mod conversation;
mod envelope;
mod files;
mod flat;
mod thread;

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use chat_axum::{ChatRouter, JwtAuthenticator, Media, compat::Format};
use chat_core::{Engine, Limits};
use serde_json::{Value, json};

use crate::support::{Answer, Chat, Client, MOUNT, SECRET, token, token_of};

/// A chat that speaks `format` at the root.
pub(crate) async fn chat_of(limits: Limits, format: impl Format) -> Chat {
    chat_of_with(limits, format, Media::memory()).await
}

/// As [`chat_of`], with files there.
pub(crate) async fn chat_of_with(limits: Limits, format: impl Format, media: Media) -> Chat {
    let engine = Engine::builder().limits(limits).build().await.unwrap();
    let authenticator = JwtAuthenticator::hs256(SECRET).unwrap().admin_role("admin");
    let media = media.cookie_key(b"sixteen bytes or more");
    let chat = ChatRouter::new(engine.clone(), authenticator).media(media);
    let sockets = chat.sockets();
    let router: Router = chat.format_router(&format);
    Chat { engine, sockets, router: router.nest(MOUNT, chat.build()) }
}

/// Opens a socket at a path as a user whose name is known.
pub(crate) async fn open(address: SocketAddr, path: &str, user: &str) -> Client {
    let token = named_token(user);
    Client::open_at(address, &format!("{path}?token={token}"), &[]).await.unwrap()
}

/// A token of a user by the name of `User <id>`.
pub(crate) fn named_token(user: &str) -> String {
    token_of(json!({ "user_id": user, "name": format!("User {user}"), "role": "teacher" }))
}

/// Asks REST as a user whose name is known; as nobody where none is given.
pub(crate) async fn ask(chat: &Chat, user: &str, method: &str, path: &str, body: Value) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if !user.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", named_token(user)));
    }
    let body = if body.is_null() {
        Body::empty()
    } else {
        request = request.header(header::CONTENT_TYPE, "application/json");
        Body::from(body.to_string())
    };
    chat.send(request.body(body).unwrap()).await
}

/// Asks for what must be answered with `status`.
pub(crate) async fn must(
    chat: &Chat,
    user: &str,
    method: &str,
    path: &str,
    body: Value,
    status: u16,
) -> Value {
    let answer = ask(chat, user, method, path, body).await;
    assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    if status >= 400 {
        assert!(answer.body["detail"].is_string(), "{method} {path}: {answer:?}");
    }
    answer.body
}

/// Holds what was said against a golden file; `UPDATE_GOLDENS=1` writes it.
pub(crate) fn golden(name: &str, transcript: &[(&str, Value)]) {
    let said: String =
        transcript.iter().map(|(what, value)| format!("{what}\n{}\n", at_rest(value.clone()))).collect();
    let path = format!("{}/tests/it/compat/goldens/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&path, &said).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), said);
}

/// How sockets at `path` refuse those who may not come in: by the code that they are closed with.
pub(crate) async fn closed_with_4401(address: SocketAddr, path: &str) {
    let expired = token_of(json!({ "sub": "1", "exp": 1 }));
    for query in [String::new(), "?token=nonsense".to_owned(), format!("?token={expired}")] {
        let mut client = Client::open_at(address, &format!("{path}{query}"), &[]).await.unwrap();
        assert_eq!(client.hear_out().await, (Vec::new(), Some(4401)), "{query}");
    }
    for headers in [
        [("authorization", format!("Bearer {}", token("1")))],
        [("cookie", format!("chat_token={}", token("1")))],
    ] {
        let mut client = Client::open_at(address, path, &headers).await.unwrap();
        client.0.close(None).await.unwrap();
        let (_, code) = client.hear_out().await;
        assert!(matches!(code, None | Some(1000 | 1005)), "{code:?}");
    }
}

/// A frame without what differs from run to run: times are checked and replaced.
pub(crate) fn at_rest(mut frame: Value) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields.iter_mut() {
                    if ["timestamp", "created_at", "updated_at", "last_seen"].contains(&name.as_str())
                        && let Value::String(text) = value
                    {
                        assert!(text.ends_with('Z') && text.contains('T'), "{name}: {text}");
                        *text = "<time>".to_owned();
                    } else {
                        walk(value);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            _ => {}
        }
    }
    walk(&mut frame);
    frame
}
