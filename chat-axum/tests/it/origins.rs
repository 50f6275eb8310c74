//! Origins and CORS.

use axum::{body::Body, http::Request};
use serde_json::json;

use crate::support::{Answer, Chat, Client, MOUNT, chat_with, limits, token};

const APP: &str = "https://app.example";

async fn chat() -> Chat {
    chat_with(limits(), |router| router.allow_origin(APP).unwrap()).await
}

async fn ask(chat: &Chat, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request =
        Request::builder().method(method).uri(format!("{MOUNT}{path}")).header("host", "chat.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    chat.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn allowed_origins_may_read_every_answer_errors_included() {
    let chat = chat().await;
    let bearer = format!("Bearer {}", token("ann"));
    for (method, path, status) in [
        ("GET", "/rooms", 200),
        ("GET", "/rooms/77", 404),
        ("GET", "/nowhere", 404),
        ("PUT", "/rooms", 405),
        ("POST", "/rooms", 415),
    ] {
        for origin in [APP, "http://chat.example"] {
            let headers = [("origin", origin), ("authorization", bearer.as_str())];
            let answer = ask(&chat, method, path, &headers, "").await;
            assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
            assert_eq!(answer.headers["access-control-allow-origin"], origin);
            assert_eq!(answer.headers["access-control-allow-credentials"], "true");
            assert_eq!(answer.headers["vary"], "Origin");
        }
    }
    let nobody = ask(&chat, "GET", "/rooms", &[("origin", APP)], "").await;
    assert_eq!(nobody.status, 401);
    assert_eq!(nobody.headers["access-control-allow-origin"], APP);
}

#[tokio::test]
async fn preflights_are_answered_for_allowed_origins_alone() {
    let chat = chat().await;
    let preflight = |origin| {
        [
            ("origin", origin),
            ("access-control-request-method", "PATCH"),
            ("access-control-request-headers", "authorization, content-type"),
        ]
    };
    for path in ["/rooms", "/rooms/5/messages", "/nowhere", "/ws"] {
        let answer = ask(&chat, "OPTIONS", path, &preflight(APP), "").await;
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.headers["access-control-allow-origin"], APP);
        let methods = answer.headers["access-control-allow-methods"].to_str().unwrap();
        assert!(["GET", "POST", "PUT", "PATCH", "DELETE"].iter().all(|method| methods.contains(method)));
        let allowed = answer.headers["access-control-allow-headers"].to_str().unwrap();
        assert_eq!(allowed, "Authorization, Content-Type");
        let answer = ask(&chat, "OPTIONS", path, &preflight("https://evil.example"), "").await;
        assert_eq!(answer.status, 403);
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
        assert_eq!(answer.headers["vary"], "Origin");
    }
    // Without a browser's question it is a method like others.
    assert_eq!(ask(&chat, "OPTIONS", "/rooms", &[], "").await.status, 405);
}

#[tokio::test]
async fn other_origins_are_refused_whatever_they_ask() {
    let chat = chat().await;
    let bearer = format!("Bearer {}", token("ann"));
    for origin in ["https://evil.example", "http://app.example", "null", "https://chat.example.evil"] {
        for path in ["/rooms", "/nowhere", "/openapi.json"] {
            let headers = [("origin", origin), ("authorization", bearer.as_str())];
            let answer = ask(&chat, "GET", path, &headers, "").await;
            assert_eq!(
                (answer.status.as_u16(), &answer.body["code"]),
                (403, &json!("forbidden")),
                "{origin}"
            );
            assert!(!answer.headers.contains_key("access-control-allow-origin"));
        }
    }
}

#[tokio::test]
async fn writes_by_cookie_need_an_allowed_origin() {
    let chat = chat().await;
    let cookie = format!("theme=dark; chat_token={}", token("ann"));
    let bearer = format!("Bearer {}", token("ann"));
    let (cookie, bearer) = (("cookie", cookie.as_str()), ("authorization", bearer.as_str()));
    let room = r#"{"kind":"group"}"#;
    let kind = ("content-type", "application/json");
    for (headers, status) in [
        (vec![cookie], 403),
        (vec![cookie, ("origin", "https://evil.example")], 403),
        (vec![cookie, ("origin", APP)], 201),
        (vec![cookie, ("origin", "https://chat.example")], 201),
        (vec![cookie, bearer], 201),
        (vec![bearer], 201),
    ] {
        let headers = [headers, vec![kind]].concat();
        let answer = ask(&chat, "POST", "/rooms", &headers, room).await;
        assert_eq!(answer.status, status, "{headers:?}");
    }
    // Reads need none.
    assert_eq!(ask(&chat, "GET", "/rooms", &[cookie], "").await.status, 200);
}

#[tokio::test]
async fn upgrades_of_other_origins_are_refused_before_the_upgrade() {
    let chat = chat().await;
    let address = chat.serve();
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        let refused = Client::open(address, "", &[("origin", origin.to_owned())]).await.err().unwrap();
        assert_eq!(refused.status(), 403, "{origin}");
    }
    for origin in [APP.to_owned(), format!("http://{address}")] {
        assert!(Client::open(address, "", &[("origin", origin)]).await.is_ok());
    }
}
