//! What is wrong, and what becomes of it: the same cases for all formats, a row each.

mod conversation;
mod direct;
mod envelope;
mod flat;
mod thread;

use std::{collections::BTreeSet, net::SocketAddr};

use axum::{
    Json, Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use chat_axum::compat::{Conversation, Direct, Format, Thread};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{ask, at_rest, chat_of, named_token, open};
use crate::support::{Chat, limits, token_of};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wrong {
    NoJson,
    UnknownType,
    MissingField,
    MistypedField,
    OthersRoom,
    UnknownRoom,
    ForgedSender,
    Oversized,
}

/// Every case. A format says of none of them nothing.
const EVERY: [Wrong; 8] = [
    Wrong::NoJson,
    Wrong::UnknownType,
    Wrong::MissingField,
    Wrong::MistypedField,
    Wrong::OthersRoom,
    Wrong::UnknownRoom,
    Wrong::ForgedSender,
    Wrong::Oversized,
];

/// What user 1 says on a socket, and what it is told.
pub(super) type Frame<'a> = (Wrong, &'a str, &'a str);

/// A socket, and what is wrong there.
pub(super) struct Socket<'a> {
    pub(super) path: &'a str,
    /// Rooms that paths name, by what is wrong with them.
    pub(super) closed: &'a [(Wrong, &'a str, u16)],
    pub(super) frames: &'a [Frame<'a>],
    /// What cannot be wrong there: there is no such part of a frame.
    pub(super) never: &'a [Wrong],
    /// The format's error.
    pub(super) error: fn(&str) -> Value,
    /// Says that the socket works on: a frame, and the type of its answer.
    pub(super) alive: (&'a str, &'a str),
    /// The type of what is said without being asked, where something is.
    pub(super) first: Option<&'a str>,
}

/// What user 1 asks REST for, and the status of its answer.
pub(super) type Call<'a> = (Wrong, &'a str, &'a str, &'a str, u16);

impl Socket<'_> {
    /// User 1 opens the socket; every row is answered by one error, and the socket works on until a frame is too large.
    pub(super) async fn refuses(&self, address: SocketAddr, frame_bytes_max: usize) {
        for (what, path, code) in self.closed {
            let heard = open(address, path, "1").await.hear_out().await;
            assert_eq!(heard, (Vec::new(), Some(*code)), "{what:?}: {path}");
        }
        let mut client = open(address, self.path, "1").await;
        if let Some(kind) = self.first {
            assert_eq!(client.frame().await["type"], kind);
        }
        for (what, frame, told) in self.frames {
            client.send(Message::text(*frame)).await;
            assert_eq!(at_rest(client.frame().await), (self.error)(told), "{what:?}: {frame}");
        }
        client.send(Message::text(self.alive.0)).await;
        assert_eq!(client.frame().await["type"], self.alive.1);
        client.say(json!({ "type": "x".repeat(frame_bytes_max) })).await;
        assert_eq!(client.hear_out().await, (Vec::new(), Some(1009)));
        let rows = self.frames.iter().map(|row| row.0).chain(self.closed.iter().map(|row| row.0));
        cover(rows.chain(self.never.iter().copied()).chain([Wrong::Oversized]));
    }
}

/// User 1 asks; every row is answered by its status, in JSON. Without a valid token every path is 401.
pub(super) async fn rest_refuses(chat: &Chat, calls: &[Call<'_>], never: &[Wrong]) {
    let ask = async |query: &str, bearer: &str, call: &Call<'_>| {
        let (_, method, path, body, _) = call;
        let join = if path.contains('?') { query.replace('?', "&") } else { query.to_owned() };
        let mut request = Request::builder().method(*method).uri(format!("{path}{join}"));
        if !bearer.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let answer = chat.send(request.body(Body::from((*body).to_owned())).unwrap()).await;
        assert!(answer.body["detail"].is_string(), "{call:?}: {answer:?}");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json", "{call:?}");
        answer.status.as_u16()
    };
    let expired = token_of(json!({ "sub": "1", "exp": 1 }));
    for call in calls {
        assert_eq!(ask("", &named_token("1"), call).await, call.4, "{call:?}");
        for (query, bearer) in [
            ("", ""),
            ("", "nonsense"),
            ("", &expired),
            ("?token=nonsense", ""),
            (&format!("?token={expired}"), ""),
        ] {
            assert_eq!(ask(query, bearer, call).await, 401, "{call:?} {query} {bearer}");
        }
    }
    cover(calls.iter().map(|call| call.0).chain(never.iter().copied()));
}

/// No case is left out.
fn cover(cases: impl Iterator<Item = Wrong>) {
    assert_eq!(cases.collect::<BTreeSet<_>>(), EVERY.into());
}

#[tokio::test]
async fn where_a_format_has_no_path_it_answers_as_everywhere() {
    nothing_at(Conversation, &["/api/conversations/1/nosuch/", "/api/conversations/1/send_message/x"]).await;
    let paths = ["/api/chat/", "/api/chat/nosuch", "/api/chat/nosuch/", "/api/chat/threads/1/nosuch"];
    nothing_at(Thread, &paths).await;
    nothing_at(Direct, &["/messages/nosuch", "/users/", "/users/1/nosuch/"]).await;
}

/// Asks a format for what is below its paths and nothing there, beside what a host answers itself.
async fn nothing_at(format: impl Format, paths: &[&str]) {
    let mut chat = chat_of(limits(), format).await;
    let hosts = || Router::new().fallback(async || (StatusCode::NOT_FOUND, Json("the host's")));
    let format = chat.router.clone();
    for router in [format.clone().merge(hosts()), hosts().merge(format)] {
        chat.router = router;
        for path in paths.iter().chain(&["/attachments/", "/attachments/x/nosuch"]) {
            for method in ["GET", "POST"] {
                let answer = ask(&chat, "1", method, path, Value::Null).await;
                assert_eq!(answer.status, 404, "{method} {path}");
                assert_eq!(answer.body, json!({ "detail": "there is nothing here" }), "{method} {path}");
            }
        }
        assert_eq!(ask(&chat, "1", "GET", "/api/nosuch", Value::Null).await.body, "the host's");
    }
}
