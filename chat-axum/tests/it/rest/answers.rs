//! What holds for every route.

use axum::{body::Body, http::Request};
use chat_core::Rate;
use serde_json::{Value, json};

use super::{row, table};
use crate::support::{MOUNT, chat, chat_with, limits, token};

#[tokio::test]
async fn bodies_that_are_no_json_and_paths_that_are_none() {
    let chat = chat().await;
    let bearer = format!("Bearer {}", token("ann"));
    for (kind, body, status, code) in [
        (Some("application/json"), "", 400, "bad_frame"),
        (Some("application/json"), "{", 400, "bad_frame"),
        (Some("application/json"), "{} {}", 400, "bad_frame"),
        (Some("application/json"), "[\"group\"]", 400, "bad_frame"),
        (Some("application/json"), "\"group\"", 400, "bad_frame"),
        (Some("application/json"), "null", 400, "bad_frame"),
        (Some("application/json"), "{\"kind\":\"group\",\"kind\":\"group\"}", 400, "bad_field"),
        (Some("application/json; charset=utf-8"), " {\"kind\":\"group\"} ", 201, ""),
        (Some("text/plain"), "{\"kind\":\"group\"}", 415, "bad_frame"),
        (Some("application/x-www-form-urlencoded"), "kind=group", 415, "bad_frame"),
        (Some("multipart/form-data"), "x", 415, "bad_frame"),
        (None, "{\"kind\":\"group\"}", 415, "bad_frame"),
    ] {
        let mut request = Request::post(format!("{MOUNT}/rooms")).header("authorization", &bearer);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let answer = chat.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.status, status, "{kind:?} {body}: {answer:?}");
        if status >= 400 {
            assert_eq!(answer.body["code"], code, "{kind:?} {body}");
        }
    }
    // Without a length told beforehand, too.
    let chunks = futures::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![b' '; 8_000])));
    let request = Request::post(format!("{MOUNT}/rooms"))
        .header("authorization", &bearer)
        .header("content-type", "application/json")
        .body(Body::from_stream(chunks))
        .unwrap();
    assert_eq!(chat.send(request).await.status, 413);
    for path in ["/nowhere", "/rooms/1/nowhere", "/rooms/"] {
        let answer = chat.ask("", "GET", path, Value::Null).await;
        assert_eq!((answer.status.as_u16(), &answer.body["code"]), (404, &json!("not_found")), "{path}");
    }
    let request = Request::get(format!("{MOUNT}/ws")).body(Body::empty()).unwrap();
    let answer = chat.send(request).await;
    assert_eq!((answer.status.as_u16(), &answer.body["code"]), (426, &json!("bad_frame")));
    assert_eq!(answer.headers["upgrade"], "websocket");
}

/// As in any text. It stands for nothing, so that it is not only unknown.
#[tokio::test]
async fn a_path_or_query_holds_no_nul() {
    let chat = chat().await;
    let room = chat.group("ann", &[]).await;
    table(
        &chat,
        &[
            row("ann", "GET", "/users/%00", Value::Null, 400, "bad_field id"),
            row("ann", "GET", "/rooms/1%00", Value::Null, 400, "bad_field id"),
            row("ann", "PUT", "/blocks/a%00b", Value::Null, 400, "bad_field id"),
            row("ann", "DELETE", "/blocks/%00", Value::Null, 400, "bad_field id"),
            row("ann", "DELETE", format!("/rooms/{room}/members/%00"), Value::Null, 400, "bad_field user"),
            row("ann", "GET", format!("/rooms/{room}/events?epoch=%00"), Value::Null, 400, "bad_field epoch"),
            row("", "GET", "/users/%00", Value::Null, 401, "unauthorized"),
        ],
    )
    .await;
}

#[tokio::test]
async fn too_many_is_told_with_a_time() {
    let mut limits = limits();
    limits.sends = Rate::new(0.04, 2);
    let chat = chat_with(limits, |router| router).await;
    let room = chat.group("ann", &[]).await;
    let path = format!("/rooms/{room}/messages");
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(chat.ask("ann", "POST", &path, json!({"content": "x"})).await);
    }
    let refused = statuses.pop().unwrap();
    assert!(statuses.iter().all(|answer| answer.status == 201));
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (429, &json!("rate_limited")));
    let wait = refused.body["retry_after_ms"].as_u64().unwrap();
    assert!((5_000..=25_000).contains(&wait), "{wait}");
    assert_eq!(refused.headers["retry-after"], wait.div_ceil(1_000).to_string());
    assert_eq!(refused.body["retryable"], true);
}

#[tokio::test]
async fn answers_are_not_cached_and_name_no_framework() {
    let chat = chat().await;
    for path in ["/rooms", "/nowhere"] {
        let answer = chat.ask("ann", "GET", path, Value::Null).await;
        assert_eq!(answer.headers["cache-control"], "no-store");
        let own = |name: &str| name.starts_with("x-") || name == "server";
        assert!(!answer.headers.keys().any(|name| own(name.as_str())), "{answer:?}");
    }
}
