//! Demo accounts over HTTP, without a server around them.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use chat_core::{Engine, Principal, memory::MemoryStore, model::UserId};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{BODY_BYTES_MAX, routes};
use crate::accounts::Accounts;

async fn demo() -> (Engine, Router) {
    // Another test of the process may have installed it.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let engine = Engine::builder().store(MemoryStore::default()).build().await.unwrap();
    let secret = Arc::from("at least thirty-two bytes of chance");
    (engine.clone(), routes(engine, Accounts::in_memory(), secret))
}

/// The status of an answer, and its body, which is JSON.
async fn ask(demo: &Router, method: &str, path: &str, kind: &str, body: String) -> (u16, Value) {
    let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, kind);
    let answer = demo.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| panic!("no JSON: {method} {path}: {body:?}")))
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_by_its_status() {
    const JSON: &str = "application/json";
    const FORM: &str = "application/x-www-form-urlencoded";
    let (_engine, demo) = demo().await;
    let long = json!({ "username": "ann", "password": "x".repeat(BODY_BYTES_MAX) }).to_string();
    for path in ["/auth/login", "/auth/login/", "/auth/signup", "/auth/signup/"] {
        for (method, kind, body, status) in [
            ("GET", JSON, "", 405),
            ("PUT", JSON, "{}", 405),
            ("POST", FORM, "username=ann&password=secret", 415),
            ("POST", JSON, &long, 413),
            ("POST", JSON, "{", 400),
            ("POST", JSON, r#"{"username":1,"password":"x"}"#, 400),
            ("POST", JSON, r#"{"username":"ann"}"#, 400),
        ] {
            let (answered, body) = ask(&demo, method, path, kind, body.to_owned()).await;
            assert_eq!(answered, status, "{method} {path}: {body}");
            assert!(body["detail"].is_string(), "{method} {path}: {body}");
        }
    }
}

#[tokio::test]
async fn who_has_signed_up_has_a_name_for_others_at_once() {
    let (engine, demo) = demo().await;
    for name in ["ann", "bob"] {
        let body = json!({ "username": name, "password": "secret" }).to_string();
        assert_eq!(ask(&demo, "POST", "/auth/signup/", "application/json", body).await.0, 201);
    }
    let (ann, bob) = (Principal::new(UserId::new("1").unwrap()), UserId::new("2").unwrap());
    let named = async {
        while engine.as_user(&ann).user(&bob).await.unwrap().profile.username != "bob" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), named).await.unwrap();
    assert_eq!(engine.as_user(&ann).user(&bob).await.unwrap().profile.name, "bob");
}
